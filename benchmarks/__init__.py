"""How fast the pipeline is, beside what one would write by hand or with another library: `make bench`."""

import pipeline as _pins  # noqa: F401  pins the numerical libraries before anything imports them
