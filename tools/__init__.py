"""Commands around the pipeline: set-up, the quick profile, verification."""

import pipeline  # noqa: F401  which pins the numerical libraries, before a tool imports one
