"""The stages of the pipeline, one module each. What they share is in pipeline/."""

import signal
import sys

import pipeline  # noqa: F401  which pins the numerical libraries, before a stage imports one

# Ctrl-C while `python -m stages.<name>` still imports: end without a traceback. run_stage takes over.
if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
