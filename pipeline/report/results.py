"""What the stages before left, read for the page."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.common.settings import PARAMS, InputError, read_run, section
from pipeline.report.changes import CHANGES

CLASSES = ("bad", "good", "none")
TABLES = {
    "mlp": [f"T{number}" for number in range(1, 9)],
    "cnn": [f"T{number}" for number in range(9, 15)],
}


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


def read_json(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"{path} is missing; make it with dvc repro")
    return json.loads(path.read_text(encoding="utf-8"))


def read_results(root: Path, params: dict[str, Any]) -> Results:
    """All of it from the project's folder, pictures apart; InputError if a run of the report is missing."""
    check_compared(params)
    plots, boxes = root / "plots", read_csv(root / "data/boxes.csv")
    others = {part: plots / part / "curves/others.csv" for part in TABLES}  # if any run is in no table
    folders = [(table, plots / part) for part, tables in TABLES.items() for table in tables]
    return Results(
        settings={part: read_settings(params, part) for part in TABLES},
        metrics={part: read_json(root / f"metrics/{part}.json") for part in TABLES},
        claims=read_csv(plots / "claims/claims.csv", index_col="id"),
        tables={table: read_csv(folder / f"tables/{table}.csv") for table, folder in folders},
        curves={table: read_csv(folder / f"curves/{table}.csv") for table, folder in folders}
        | {f"others_{part}": read_csv(path) for part, path in others.items() if path.is_file()},
        digits={
            split: read_csv(plots / f"mlp/confusion_{split}.csv", dtype=str) for split in ("train", "test")
        },
        crops={split: read_crops(boxes, plots, split) for split in ("train", "test")},
        class_accuracy=read_csv(plots / "cnn/class_accuracy.csv"),
        separation=read_csv(plots / "latents/separation.csv"),
        sources={part: read_json(root / f"data/raw/{part}/source.json") for part in ("digits", "masks")},
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


def read_crops(boxes: pd.DataFrame, plots: Path, split: str) -> pd.DataFrame:
    """The boxes of a split with `truth` and `predicted` of the final CNN, which stand in the same order."""
    confusion = read_csv(plots / f"cnn/confusion_{split}.csv")
    rows = boxes[boxes.split == split].reset_index(drop=True)
    if rows.label.tolist() != confusion.truth.tolist():
        raise InputError(f"data/boxes.csv and plots/cnn/confusion_{split}.csv are not of one run: dvc repro")
    return rows.join(confusion)


def read_snapshot(folder: Path) -> tuple[int, np.ndarray]:
    """For figure F7: the epoch of a CNN run's snapshot, and the classes it predicts for the test crops."""
    epoch = read_json(folder / "settings.json")["snapshot_epoch"]
    if not epoch:
        raise InputError(f"cnn.runs.{folder.name}.snapshot_epoch is 0; figure F7 needs a snapshot")
    with np.load(folder / "predictions.npz", allow_pickle=False) as arrays:
        return epoch, arrays["snapshot_test"][0]
