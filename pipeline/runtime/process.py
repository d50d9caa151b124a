"""The process of a stage: its arguments, errors as one line, Ctrl-C, and the death of its parent."""

import errno
import inspect
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from pathlib import Path

from pipeline.common.paths import PARAMS
from pipeline.runtime.errors import InputError

WORKER_KILLED = (
    "a worker process was killed, by hand or because memory ran out; nothing was written. "
    f"Set `compute.workers` in {PARAMS} lower if it was the memory, and run again"
)


def run_stage(main: Callable[..., None], *arguments: str) -> None:
    """Call a stage's `main`; Ctrl-C and the user's mistakes end it with a message and no traceback."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # stages/__init__.py says why
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "DVC_STAGE" in os.environ:
        exit_when_parent_dies(os.getppid())
    name, expected = Path(sys.argv[0]).stem, inspect.signature(main).parameters
    if len(arguments) != len(expected):
        print(f"usage: python -m stages.{name} {' '.join(expected).upper()}".rstrip(), file=sys.stderr)
        sys.exit(2)
    status = 1
    try:
        main(*arguments)
        return
    except InputError as error:
        lines = error.lines
    except OSError as error:
        if error.errno is None:
            raise
        lines = (_explain_os_error(error),)
    except BrokenExecutor:
        lines = (WORKER_KILLED,)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):  # PyTorch has no type for it
            raise
        lines = (
            "memory ran out; nothing was written. Lower `compute.workers`, or the sizes in "
            f"{PARAMS}, and run again",
        )
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # while the workers stop
        lines, status = ("interrupted",), 130
    for line in lines:
        say(line)
    sys.exit(status)


def say(message: str) -> None:
    """Print one line with the stage's name; what cannot be printed, as in names of files, is escaped."""
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in message)
    print(f"{Path(sys.argv[0]).stem}: {line}", file=sys.stderr, flush=True)


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
