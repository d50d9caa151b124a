"""The stages of the pipeline, one module each, and the packages that they share."""

import signal
import sys

from stages import numerics

numerics.pin()

# Ctrl-C while `python -m stages.<name>` still imports: end without a traceback. run_stage takes over.
if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
