"""Check every section of params.yaml and the runs that claims.yaml names; every fault is found at once."""

from collections import defaultdict
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from pipeline.common.paths import PARAMS
from pipeline.common.yaml_files import load_yaml
from pipeline.evaluation.claims import FINAL_TABLES, Claims, final_run, read_claims, report_tables, undeclared
from pipeline.runtime.compute import Compute
from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import (
    Strict,
    check,
    check_name,
    did_you_mean,
    like_chain,
    read_seed,
    resolve_run,
    section,
)
from pipeline.sources.catalogue import DIGITS, MASKS, SYNTHETIC, SYNTHETIC_LABELS, Data
from pipeline.sources.wanted import Wanted, check_wanted
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
LOCK = Path("dvc.lock")

Runs = dict[str, dict[str, Any]]  # run: settings, with those of the runs that it is like and the defaults


def check_keys(params: dict[str, Any]) -> None:
    """Raise InputError for a section, or a key of a part, that no stage reads."""
    known = {"": ["profile", "seed", "project_latents", *SECTIONS, *PARTS]}
    known |= {f"{part}.": ["defaults", "runs"] for part in PARTS}
    faults = [
        f"{PARAMS}: `{part}{key}` is not a setting{did_you_mean(key, keys)}"
        for part, keys in known.items()
        for key in (section(params, part[:-1]) if part else params)
        if key not in keys
    ]
    if faults:
        raise InputError(*faults)
    if not isinstance(section(params, "profile"), str):
        raise InputError(f"{PARAMS}: `profile` must be a name")


def check_section(params: dict[str, Any], name: str) -> Strict:
    return check(SECTIONS[name], section(params, name), name)


def check_source(wanted: Wanted, catalogue: Collection[str], stage: str) -> None:
    """Raise InputError for a source that the stage could not fetch.

    One that it has fetched may be on another machine: by dvc.lock, DVC can bring what was fetched.
    """
    try:
        check_wanted(wanted, catalogue)
    except InputError:
        lock = load_yaml(LOCK.read_bytes(), str(LOCK)) if LOCK.is_file() else {}
        fetched = lock.get("stages", {}).get(stage, {}).get("params", {}).get(str(PARAMS), {})
        if fetched.get(wanted.key) != wanted.name:
            raise


def check_labels(data: Data, masks: MasksSettings) -> None:
    """Raise InputError unless every label of the synthetic photographs has a class."""
    missing = [label for label in SYNTHETIC_LABELS if label not in masks.classes]
    if data.masks == SYNTHETIC and missing:
        raise InputError(
            f"{PARAMS}: `crop_masks.classes` has no {', '.join(missing)}, a label of the synthetic "
            "photographs; add it, or set data.masks to your own data"
        )


def check_convolutions(runs: Runs, masks: MasksSettings) -> None:
    """Raise InputError for CNN runs whose convolutions leave nothing of their crops."""
    faulty: dict[str, list[str]] = defaultdict(list)
    for run, values in runs.items():
        side = 2 * masks.side if values["crops"] == "large" else masks.side
        channels, filter, stride, padding = (values[k] for k in ("channels", "filter", "stride", "padding"))
        size = side
        for _ in channels:  # convolution, then 2x2 pooling, as stages/train_cnn/cnn.py builds them
            size = ((size + 2 * padding - filter) // stride + 1) // 2 if size > 0 else 0
        if size < 1:
            faulty[
                f"{len(channels)} convolutions with filter {filter}, stride {stride} and padding {padding}, "
                f"each followed by pooling, leave nothing of a crop of {side}x{side} pixels; set fewer "
                "channels, or a smaller filter or stride"
            ].append(run)
    if faulty:
        raise InputError(*(f"{PARAMS}: cnn.runs {', '.join(names)}: {why}" for why, names in faulty.items()))


def check_batches(runs: Runs, data: Data, digits: DigitsSettings) -> None:
    """Raise InputError for MLP runs with larger mini-batches than there are synthetic digits to train on."""
    most = min(digits.train, data.synthetic_digits.samples)
    faults = [
        f"{PARAMS}: `mlp.runs.{run}`: batch_size is {values['batch_size']}, but there are at most {most} "
        f"training samples; set {most} or less"
        for run, values in runs.items()
        if data.digits == SYNTHETIC and values["batch_size"] > most
    ]
    if faults:
        raise InputError(*faults)


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
        figure = check(LatentFigure, values, f"project_latents.{name}")
        figure.check_run(name, runs)
        if figure.method != "units" and runs[figure.run]["hidden"][-1] < 2:
            raise InputError(
                f"{PARAMS}: `project_latents.{name}` projects into the plane, and mlp.runs.{figure.run} ends "
                "with 1 unit; set method: units and 2 units"
            )


def may_stop_early(params: dict[str, Any], runs: Runs) -> list[str]:
    """A sentence for each MLP run that early stopping may end before it has recorded its latents, or those
    that a figure shows; whether it does is known once it is trained.
    """
    shown = {run: [values["latents_every"]] for run, values in runs.items() if values["latents_every"]}
    for figure in section(params, "project_latents").values():
        shown[figure["run"]] += figure["epochs"]
    return [
        f"mlp.runs.{run} may stop after epoch {runs[run]['patience'] + 1}, by early_stopping and patience, "
        f"and latents of epoch {max(epochs)} are wanted of it: they would be missing"
        for run, epochs in shown.items()
        if runs[run]["early_stopping"] != "none" and runs[run]["patience"] + 1 < max(epochs)
    ]


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
    sections = {name: attempt(check_section, params, name) for name in SECTIONS}
    data, digits, masks = sections["data"], sections["prepare_digits"], sections["crop_masks"]
    resolved = {part: attempt(resolve_runs, params, part) for part in PARTS}
    if data:
        digits_wanted = Wanted("data.digits", data.digits, data.digits_sha256)
        masks_wanted = Wanted("data.masks", data.masks, data.masks_sha256)
        attempt(check_source, digits_wanted, DIGITS, "fetch_digits")
        attempt(check_source, masks_wanted, MASKS, "fetch_masks")
    if data and masks:
        attempt(check_labels, data, masks)
    if resolved["cnn"] is not None and masks:
        attempt(check_convolutions, resolved["cnn"], masks)
    if resolved["mlp"] is not None and data and digits:
        attempt(check_batches, resolved["mlp"], data, digits)
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
