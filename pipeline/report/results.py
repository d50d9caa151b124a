"""Read the results of the earlier stages."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.common.classes import SPLITS
from pipeline.common.paths import BOXES, METRICS, PARAMS, PLOTS, RAW_DIGITS, RAW_MASKS
from pipeline.common.runs import PREDICTIONS, SETTINGS, run_folder
from pipeline.common.settings import InputError, read_run, section
from pipeline.common.storage import load_arrays, read_json
from pipeline.evaluation.latents import SEPARATION
from pipeline.report.changes import CHANGES
from pipeline.report.contents import TABLES

BY_SETTING = {"T2": "hidden", "T4": "batch_size"}  # tables of part 1 whose runs differ in this setting


class Results(NamedTuple):
    """The parts are "mlp" and "cnn"; tables and curves are {table: rows}, as evaluate_* writes them,
    with the curves of the runs that are in no table as others_<part>.
    """

    settings: dict[str, dict[str, dict[str, Any]]]  # part: run: settings, defaults filled in
    metrics: dict[str, dict[str, dict[str, float]]]  # part: run: score: value
    claims: pd.DataFrame  # a row for each, indexed by id
    tables: dict[str, pd.DataFrame]
    curves: dict[str, pd.DataFrame]
    digits: dict[str, pd.DataFrame]  # split: truth and prediction of each sample of the final MLP
    crops: dict[str, pd.DataFrame]  # split: the rows of boxes.csv with the prediction of the final CNN
    class_accuracy: pd.DataFrame  # of every CNN run
    separation: pd.DataFrame
    sources: dict[str, dict[str, Any]]  # "digits", "masks": source.json


def read_csv(path: Path, **options: Any) -> pd.DataFrame:
    """A CSV file, in which only an empty cell is missing: the class `none` and the text NA are values."""
    if not path.is_file():
        raise InputError(f"{path} is missing; make it with dvc repro")
    return pd.read_csv(path, keep_default_na=False, na_values=[""], **options)


def read_existing_json(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"{path} is missing; make it with dvc repro")
    return read_json(path)


def read_results(params: dict[str, Any]) -> Results:
    """All results but pictures; InputError if a run that the page compares is missing."""
    check_compared(params)
    boxes = read_csv(BOXES)
    others = {part: PLOTS / part / "curves/others.csv" for part in TABLES}  # if any run is in no table
    folders = [(table, PLOTS / part) for part, tables in TABLES.items() for table in tables]
    return Results(
        settings={part: read_settings(params, part) for part in TABLES},
        metrics={part: read_existing_json(METRICS / f"{part}.json") for part in TABLES},
        claims=read_csv(PLOTS / "claims/claims.csv", index_col="id"),
        tables={table: read_csv(folder / f"tables/{table}.csv") for table, folder in folders},
        curves={table: read_csv(folder / f"curves/{table}.csv") for table, folder in folders}
        | {f"others_{part}": read_csv(path) for part, path in others.items() if path.is_file()},
        digits={split: read_csv(PLOTS / f"mlp/confusion_{split}.csv", dtype=str) for split in SPLITS},
        crops={split: read_crops(boxes, split) for split in SPLITS},
        class_accuracy=read_csv(PLOTS / "cnn/class_accuracy.csv"),
        separation=read_csv(SEPARATION),
        sources={raw.name: read_existing_json(raw / "source.json") for raw in (RAW_DIGITS, RAW_MASKS)},
    )


def check_compared(params: dict[str, Any]) -> None:
    """Raise InputError unless params.yaml has every table and run that the page shows side by side."""
    for part, names in TABLES.items():
        tables, runs = section(params, f"{part}.tables"), section(params, f"{part}.runs")
        missing = [f"{part}.tables.{name}" for name in names if name not in tables]
        compared = [name for each, *pair, _ in CHANGES if each == part for name in pair]
        missing += [f"{part}.runs.{name}" for name in compared if name not in runs]
        if missing:
            raise InputError(f"{PARAMS} has no {missing[0]}, which the report's page compares")
    for table, key in BY_SETTING.items():
        values = [read_run(params, "mlp", run)[key] for run in section(params, f"mlp.tables.{table}")]
        if all(value == values[0] for value in values):
            raise InputError(
                f"{PARAMS}: the runs of mlp.tables.{table} must differ in {key}, by which the report's page "
                "compares them"
            )


def read_settings(params: dict[str, Any], part: str) -> dict[str, dict[str, Any]]:
    """The settings of every run of a part."""
    defaults, runs = section(params, f"{part}.defaults"), section(params, f"{part}.runs")
    return {name: {**defaults, **run} for name, run in runs.items()}


def read_crops(boxes: pd.DataFrame, split: str) -> pd.DataFrame:
    """The boxes of a split with `truth` and `predicted` of the final CNN, whose rows have the same order."""
    path = PLOTS / f"cnn/confusion_{split}.csv"
    confusion = read_csv(path)
    rows = boxes[boxes.split == split].reset_index(drop=True)
    if rows.label.tolist() != confusion.truth.tolist():
        raise InputError(f"{BOXES} and {path} are not of one run: dvc repro")
    return rows.join(confusion)


def read_snapshot(run: str) -> tuple[int, np.ndarray]:
    """For figure F7: the epoch of a CNN run's snapshot, and the classes it predicts for the test crops."""
    folder = run_folder("cnn", run)
    epoch = read_existing_json(folder / SETTINGS)["snapshot_epoch"]
    if not epoch:
        raise InputError(f"cnn.runs.{run}.snapshot_epoch is 0; figure F7 needs a snapshot")
    return epoch, load_arrays(folder / PREDICTIONS)["snapshot_test"][0]
