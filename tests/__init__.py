"""The test suite."""

import stages  # noqa: F401  which pins the numerical libraries, before a test imports one
