"""Commands around the pipeline: run it, check it, look at data, and use its networks."""

import pipeline  # noqa: F401  which pins the numerical libraries, before a tool imports one
