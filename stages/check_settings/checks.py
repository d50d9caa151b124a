"""Check every section of params.yaml and the runs that claims.yaml names; every fault is found at once."""

from collections.abc import Callable
from typing import Any

from pipeline.common.paths import PARAMS
from pipeline.evaluation.claims import FINAL_TABLES, Claims, final_run, read_claims, report_tables, undeclared
from pipeline.runtime.compute import Compute
from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import Strict, check, check_name, like_chain, read_seed, resolve_run, section
from pipeline.sources.catalogue import Data
from pipeline.training.settings import TrainingSettings
from stages.crop_masks.settings import MasksSettings
from stages.prepare_digits.settings import DigitsSettings
from stages.project_latents.settings import LatentFigure
from stages.train_cnn.settings import CnnSettings
from stages.train_mlp.settings import MlpSettings

# A run with these values, where its part has such settings, is tested on the test set of the data.
SPLIT_OF_DATA = {"split": "given", "validation": 0, "folds": 0}
SECTIONS: dict[str, type[Strict]] = {
    "data": Data,
    "compute": Compute,
    "prepare_digits": DigitsSettings,
    "crop_masks": MasksSettings,
}
PARTS: dict[str, type[TrainingSettings]] = {"mlp": MlpSettings, "cnn": CnnSettings}
KEYS_OF_PART = ("defaults", "runs")

Runs = dict[str, dict[str, Any]]  # run: settings, with those of the runs that it is like and the defaults


def check_keys(params: dict[str, Any]) -> None:
    """Raise InputError for a section, or a key of a part, that no stage reads."""
    known = {"profile", "seed", "project_latents", *SECTIONS, *PARTS}
    wrong = [f"`{key}`" for key in params if key not in known]
    wrong += [f"`{part}.{key}`" for part in PARTS for key in section(params, part) if key not in KEYS_OF_PART]
    if wrong:
        raise InputError(f"{PARAMS}: {', '.join(wrong)}: there is no such setting")
    if not isinstance(section(params, "profile"), str):
        raise InputError(f"{PARAMS}: `profile` must be a name")


def check_section(params: dict[str, Any], name: str) -> None:
    check(SECTIONS[name], section(params, name), name)


def resolve_runs(params: dict[str, Any], part: str) -> Runs:
    """The settings of every run of a part; an InputError names every wrong one.

    A fault of the defaults, or of a run that others are like, is named once.
    """
    model, runs = PARTS[part], section(params, f"{part}.runs")
    check(model, section(params, f"{part}.defaults"), f"{part}.defaults")
    faults: list[str] = []
    faulty: set[str] = set()
    chains: dict[str, list[str]] = {}
    resolved: Runs = {}
    for run in runs:
        try:
            chains[run] = like_chain(params, part, run)
        except InputError as error:
            faults += error.lines
    for run in sorted(chains, key=lambda run: len(chains[run])):  # what a run is like comes before it
        if not faulty.isdisjoint(chains[run]):
            continue
        try:
            values = resolve_run(params, part, run)
            resolved[run] = check(model, values, f"{part}.runs.{run}").model_dump()
        except InputError as error:
            faults += error.lines
            faulty.add(run)
    if faults:
        raise InputError(*faults)
    return {run: resolved[run] for run in runs}


def check_figures(params: dict[str, Any], runs: Runs) -> None:
    """Raise InputError unless each latent figure shows what its run records."""
    figures = section(params, "project_latents")
    if not isinstance(figures, dict):
        raise InputError(f"{PARAMS}: `project_latents` must hold figures, as `name: settings`")
    for name, values in figures.items():
        check_name(name, "project_latents", "figure")
        check(LatentFigure, values, f"project_latents.{name}").check_run(name, runs)


def check_tables(claims: Claims, part: str, runs: Runs) -> None:
    """Raise InputError unless each run in a table is known, and the final network of the part is tested on
    the test set of the data.
    """
    if unknown := undeclared(claims, part, runs):
        raise InputError(*unknown)
    final = final_run(part, report_tables(claims, part, runs))
    if final and any(runs[final].get(key, usual) != usual for key, usual in SPLIT_OF_DATA.items()):
        raise InputError(
            f"{PARAMS}: `{part}.runs.{final}` is the final network (table {FINAL_TABLES[part]}), and is "
            "tested on samples of its own; set split: given and validation: 0 (mlp), or folds: 0 (cnn)"
        )


def check_all(params: dict[str, Any]) -> tuple[dict[str, Runs], Claims]:
    """The settings of every run of each part, and the claims; one InputError names every fault of both
    files.
    """
    faults: list[str] = []

    def attempt(function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except InputError as error:
            faults.extend(error.lines)

    attempt(check_keys, params)
    attempt(read_seed, params)
    for name in SECTIONS:
        attempt(check_section, params, name)
    resolved = {part: attempt(resolve_runs, params, part) for part in PARTS}
    if resolved["mlp"] is not None:
        attempt(check_figures, params, resolved["mlp"])
    claims = attempt(read_claims)
    for part, runs in resolved.items():
        if claims is not None and runs is not None:
            attempt(check_tables, claims, part, runs)
    if len(faults) > 1:
        faults.append(f"{len(faults)} faults: correct them, and run again")
    if faults:
        raise InputError(*faults)
    return resolved, claims
