"""Load and validate params.yaml; merge the settings of a run."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.error import MarkedYAMLError

from pipeline.common.paths import PARAMS
from pipeline.runtime.errors import InputError, show

NAME = re.compile(r"[A-Za-z0-9_-]+")


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
        raise InputError(f"{path} must hold sections, each as `name: settings`")
    for part in ("mlp", "cnn"):
        if part in params:
            _check_runs(part, params[part])
    return params


def did_you_mean(name: Any, known: Iterable[Any]) -> str:
    """The end of a message about a name that is not known: the one that was meant, if one is near.

    >>> did_you_mean("hiden", ["hidden", "epochs"]), did_you_mean("colour", ["hidden", "epochs"])
    ('; did you mean `hidden`?', '')
    """
    near = get_close_matches(str(name), map(str, known), n=1)
    return f"; did you mean `{near[0]}`?" if near else ""


def _check_runs(part: str, values: Any) -> None:
    """Raise InputError unless the defaults and runs of a part hold settings, under names fit for a folder."""
    for dotted in (part, f"{part}.defaults", f"{part}.runs"):
        if not isinstance(section({part: values}, dotted), dict):
            raise InputError(f"{PARAMS}: `{dotted}` must hold settings, as `key: value`")
    for name, run in values["runs"].items():
        check_name(name, f"{part}.runs", "run")
        if not isinstance(run, dict):
            raise InputError(
                f"{PARAMS}: `{part}.runs.{name}` is {show(run)}; "
                "it must hold settings, or {} for the defaults"
            )


def check_name(name: Any, where: str, kind: str) -> None:
    """Raise InputError unless a run or figure has a name fit for a command, a folder and a dotted key."""
    if not isinstance(name, str):
        raise InputError(
            f"{PARAMS}: {name!r} in `{where}` cannot be the name of a {kind}: YAML does not read it as text; "
            "put it in quotes"
        )
    if not NAME.fullmatch(name):
        raise InputError(
            f"{PARAMS}: {name!r} in `{where}` cannot be the name of a {kind}; use letters a to z, digits, "
            "_ and -"
        )


def section(params: dict[str, Any], dotted: str) -> Any:
    """The value at a dotted key such as `mlp.defaults`; an InputError if it is missing."""
    value: Any = params
    for key in dotted.split("."):
        if not isinstance(value, dict) or key not in value:
            raise InputError(f"{PARAMS} has no `{dotted}`; add it")
        value = value[key]
    return value


def like_chain(params: dict[str, Any], part: str, run: str) -> list[str]:
    """A run of a part ("mlp" or "cnn"), the run that it says to be `like`, and so on."""
    runs = section(params, f"{part}.runs")
    if run not in runs:
        near = did_you_mean(run, runs)
        raise InputError(
            f"{PARAMS} has no run {run!r} in `{part}.runs`; the runs are {', '.join(runs)}{near}"
        )
    chain = [run]
    while "like" in runs[chain[-1]]:
        other = runs[chain[-1]]["like"]
        where = f"{PARAMS}: `{part}.runs.{chain[-1]}.like` is {show(other)}"
        if not (isinstance(other, str) and other in runs):
            raise InputError(f"{where}; the runs are {', '.join(runs)}{did_you_mean(other, runs)}")
        if other in chain:
            raise InputError(f"{where}, which goes in a circle: {' like '.join([*chain, other])}")
        chain.append(other)
    return chain


def resolve_run(params: dict[str, Any], part: str, run: str) -> dict[str, Any]:
    """What a run is set to, not yet checked: the defaults, what differs in the runs that it is `like`, and
    its own difference.
    """
    settings = dict(section(params, f"{part}.defaults"))
    for name in reversed(like_chain(params, part, run)):
        settings |= section(params, f"{part}.runs")[name]
    settings.pop("like", None)
    return settings


def check(model: type[Settings], values: Any, where: str = "", file: Path = PARAMS) -> Settings:
    """`values`, which stand at the key `where` of a file, or are all of it, as a `model`.

    Raises an InputError with a line for every wrong key.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError(*(f"{file}: {_explain(e, where, model)}" for e in error.errors())) from None


def _explain(error: Any, where: str, model: type[BaseModel]) -> str:
    key = ".".join(filter(None, [where, *(str(part) for part in error["loc"])]))
    if error["type"] == "extra_forbidden":
        return f"`{key}` is not a setting{did_you_mean(error['loc'][-1], _known_keys(model, error['loc']))}"
    if error["type"] == "missing":
        return f"`{key}` is missing"
    if error["type"] == "model_type":
        return f"`{key}` is {show(error['input'])}: it must hold settings, as `key: value`"
    if error["type"] == "value_error":  # a rule that joins several keys: the whole section is its input
        return f"`{key}`: {error['ctx']['error']}" if key else str(error["ctx"]["error"])
    return f"`{key}` is {show(error['input'])}: {error['msg']}"


def _known_keys(model: Any, place: tuple[Any, ...]) -> Iterable[str]:
    """The keys that settings can have beside the one at this place in a model."""
    for key in place[:-1]:
        if hasattr(model, "model_fields"):
            model = model.model_fields[key].annotation
        else:  # a table or list of settings
            model = (get_args(model) or (None,))[-1]
    return getattr(model, "model_fields", ())


def read_seed(params: dict[str, Any]) -> int:
    """`seed`, from which every random draw of the pipeline follows."""
    seed = section(params, "seed")
    if type(seed) is not int or seed < 0:
        raise InputError(f"{PARAMS}: `seed` is {show(seed)}: it must be a whole number, 0 or more")
    return seed
