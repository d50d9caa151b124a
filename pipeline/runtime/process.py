"""The process of a stage: its arguments, errors as one line, Ctrl-C, and the death of its parent."""

import errno
import inspect
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from pathlib import Path

from pipeline.common.paths import PARAMS
from pipeline.runtime.errors import InputError, shorten

TRACEBACK = "REPORT_TRACEBACK"  # an environment variable: set, a stage shows the traceback behind its error
WORKER_KILLED = (
    "a worker process was killed, by hand or because memory ran out; nothing was written. "
    f"Set `compute.workers` in {PARAMS} lower if it was the memory, and run again"
)
OUT_OF_MEMORY = (
    f"memory ran out; nothing was written. Lower `compute.workers`, or the sizes in {PARAMS}, and run again"
)
# What PyTorch says in a RuntimeError where memory runs out: on Linux, on Windows, on a GPU.
PYTORCH_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "CUDA out of memory")


def run_stage(main: Callable[..., None]) -> None:
    """Call a stage's `main` with the arguments of the command line.

    Ctrl-C and the user's mistakes end it with a line for each and no traceback.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # stages/__init__.py says why
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "DVC_STAGE" in os.environ:
        exit_when_parent_dies(os.getppid())
    arguments, expected = sys.argv[1:], inspect.signature(main).parameters
    if len(arguments) != len(expected):
        usage = f"usage: python -m stages.{stage_name()} {' '.join(expected).upper()}"
        print(usage.rstrip(), file=sys.stderr)
        sys.exit(2)
    try:
        main(*arguments)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # while the workers stop
        say("interrupted")
        sys.exit(130)
    except (InputError, OSError, BrokenExecutor, MemoryError, RuntimeError) as error:
        lines = explain(error)
        if not lines:
            raise
        if os.environ.get(TRACEBACK):
            show_traceback(error)
        for line in lines:
            say(line)
        sys.exit(1)


def explain(error: Exception) -> tuple[str, ...]:
    """What a user is told of an error; nothing of one that is our own mistake."""
    match error:
        case InputError():
            return error.lines
        case OSError(errno=int()):
            return (_explain_os_error(error),)
        case BrokenExecutor():
            return (WORKER_KILLED,)
        case MemoryError():
            return (OUT_OF_MEMORY,)
        case RuntimeError() if any(text in str(error) for text in PYTORCH_OUT_OF_MEMORY):
            return (OUT_OF_MEMORY,)
    return ()


def show_traceback(error: BaseException) -> None:
    """Print the traceback of an error, and of those that it was raised for."""
    cause: BaseException | None = error
    while cause is not None:
        cause.__suppress_context__ = False  # `raise ... from None` hides what came before
        cause = cause.__cause__ or cause.__context__
    traceback.print_exception(error)


def stage_name() -> str:
    """The name of the stage that this process runs, from the path of its module."""
    path = Path(sys.argv[0])
    return path.parent.name if path.stem == "__main__" else path.stem


def say(message: str) -> None:
    """Print one line with the stage's name; what cannot be printed, as in names of files, is escaped."""
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in message)
    print(shorten(f"{stage_name()}: {line}"), file=sys.stderr, flush=True)


def exit_when_parent_dies(parent: int) -> None:
    """End this process when its `parent` is gone: one that is killed cannot end it.

    A stage that outlived DVC could overwrite the output of the next `dvc repro`.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _explain_os_error(error: OSError) -> str:
    """The path, what is wrong with it, and what to do."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            advice = "free some space, and run again"
        case errno.EFBIG:
            advice = "raise the limit on the size of a file (ulimit -f), and run again"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            advice = "make it readable and its folder writable for you, and run again"
        case errno.EISDIR | errno.ENOTDIR | errno.EEXIST | errno.ENOTEMPTY:
            advice = "something else is in its place: move it away, and run again"
        case errno.ENOENT:
            advice = "`dvc repro` runs the stages that make it"
        case _:
            advice = "correct that, and run again"
    path = error.filename2 or error.filename
    return f"{f'{path}: ' if path else ''}{error.strerror}; {advice}"
