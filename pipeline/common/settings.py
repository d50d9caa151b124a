"""`params.yaml`, checked at the door, and errors that speak to the person at the keyboard."""

import errno
import inspect
import os
import re
import reprlib
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.error import MarkedYAMLError

PARAMS = Path("params.yaml")
WORKER_KILLED = (
    "a worker process was killed, by hand or because memory ran out; nothing was written. "
    f"Set `compute.workers` in {PARAMS} lower if it was the memory, and run again"
)
RUN_NAME = re.compile(r"[A-Za-z0-9_-]+")  # a word of a command, a folder, and a part of a dotted key


SHOWN = reprlib.Repr()  # how a wrong value is shown: YAML can be short and its value without end
SHOWN.maxlist = SHOWN.maxtuple = SHOWN.maxset = SHOWN.maxdict = 20
SHOWN.maxstring = SHOWN.maxother = SHOWN.maxlong = 100
SHOWN.maxlevel = 3
show = SHOWN.repr


class InputError(Exception):
    """Something that the user gave is wrong; the message says what, where, and what to do."""


class Strict(BaseModel):
    """Settings in which an unknown key, a wrong type or an impossible number is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


Settings = TypeVar("Settings", bound=BaseModel)


def read_params(path: Path = PARAMS) -> dict[str, Any]:
    """All of `params.yaml` as plain values, read as YAML 1.2 like DVC does (1e-4 is a number)."""
    try:
        params = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no {path} in {Path.cwd()}; run from the project's folder") from None
    except MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{path}{line} is not valid YAML: {error.problem}") from None
    except (YAMLError, ValueError) as error:
        raise InputError(f"{path} is not valid YAML: {error}") from None
    except RecursionError:
        raise InputError(f"{path} is nested deeper than any settings are") from None
    if not isinstance(params, dict):
        raise InputError(f"{path} must hold sections such as `seed:` and `data:`")
    for part in ("mlp", "cnn"):
        _check_runs(part, params.get(part))
    return params


def _check_runs(part: str, values: Any) -> None:
    """Raise InputError unless the defaults and runs of a part hold settings, under names fit for a folder."""
    if values is None:
        return
    for dotted in (part, f"{part}.defaults", f"{part}.runs"):
        if not isinstance(section({part: values}, dotted), dict):
            raise InputError(f"{PARAMS}: `{dotted}` must hold settings, as `key: value`")
    for name, run in values["runs"].items():
        if not (isinstance(name, str) and RUN_NAME.fullmatch(name)):
            raise InputError(
                f"{PARAMS}: {name!r} in `{part}.runs` cannot be the name of a run; use letters a to z, "
                "digits, _ and -"
            )
        if not isinstance(run, dict):
            raise InputError(
                f"{PARAMS}: `{part}.runs.{name}` is {show(run)}; "
                "it must hold settings, or {} for the defaults"
            )


def section(params: dict[str, Any], dotted: str) -> Any:
    """The value at a dotted key such as `mlp.defaults`; an InputError if it is missing."""
    value: Any = params
    for key in dotted.split("."):
        if not isinstance(value, dict) or key not in value:
            raise InputError(f"{PARAMS} has no `{dotted}`; it is needed here")
        value = value[key]
    return value


def read_run(params: dict[str, Any], part: str, run: str) -> dict[str, Any]:
    """What `run` of a part ("mlp" or "cnn") is set to: the defaults and its difference, not yet checked."""
    runs = section(params, f"{part}.runs")
    if run not in runs:
        raise InputError(f"{PARAMS} has no run {run!r} in `{part}.runs`; the runs are {', '.join(runs)}")
    return {**section(params, f"{part}.defaults"), **runs[run]}


def check(model: type[Settings], values: Any, where: str) -> Settings:
    """`values` as a `model`, or an InputError that names every wrong key under `where`."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{PARAMS}: " + "; ".join(_explain(e, where) for e in error.errors())) from None


def _explain(error: Any, where: str) -> str:
    key = ".".join([where, *(str(part) for part in error["loc"])])
    if error["type"] == "extra_forbidden":
        return f"`{key}` is not a setting"
    if error["type"] == "missing":
        return f"`{key}` is missing"
    if error["type"] == "model_type":
        return f"`{key}` is {show(error['input'])}: it must hold settings, as `key: value`"
    if error["type"] == "value_error":  # a rule that joins several keys: the whole section is its input
        return f"`{key}`: {error['ctx']['error']}"
    return f"`{key}` is {show(error['input'])}: {error['msg']}"


def read_seed(params: dict[str, Any]) -> int:
    """`seed`, from which every random draw of the pipeline follows."""
    seed = section(params, "seed")
    if type(seed) is not int or seed < 0:
        raise InputError(f"{PARAMS}: `seed` is {show(seed)}: it must be a whole number, 0 or more")
    return seed


def run_stage(main: Callable[..., None], *arguments: str) -> None:
    """Call a stage's `main`; what a person can mend, and Ctrl-C, end it with one line, not a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # stages/__init__.py says why
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "DVC_STAGE" in os.environ:
        end_with(os.getppid())
    name, expected = Path(sys.argv[0]).stem, inspect.signature(main).parameters
    if len(arguments) != len(expected):
        print(f"usage: python -m stages.{name} {' '.join(expected).upper()}".rstrip(), file=sys.stderr)
        sys.exit(2)
    status = 1
    try:
        main(*arguments)
        return
    except InputError as error:
        message = str(error)
    except OSError as error:
        if error.errno is None:
            raise
        message = _explain_os_error(error)
    except BrokenExecutor:
        message = WORKER_KILLED
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):  # PyTorch has no type for it
            raise
        message = (
            "memory ran out; nothing was written. Set what is large in "
            f"{PARAMS} lower, or `compute.workers`, and run again"
        )
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the workers are stopped; a second Ctrl-C adds nothing
        message, status = "interrupted", 130
    say(message)
    sys.exit(status)


def say(message: str) -> None:
    """One line with the stage's name, whatever stands in the names of a stranger's files."""
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in message)
    print(f"{Path(sys.argv[0]).stem}: {line}", file=sys.stderr, flush=True)


def end_with(parent: int) -> None:
    """End this process soon after its `parent`, which may be killed and then cannot stop it.

    A stage that outlived DVC could put its output over that of the next `dvc repro`, and a worker that
    outlived its stage would compute on for nobody.
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
            advice = "see to it, and run again"
    path = error.filename2 or error.filename
    return f"{f'{path}: ' if path else ''}{error.strerror}; {advice}"
