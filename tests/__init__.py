"""The test suite."""

import pipeline  # noqa: F401  which pins the numerical libraries, before a test imports one
