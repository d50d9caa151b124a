"""The report's tables, and other tables that an evaluation writes: classes, samples, replicates."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.common.paths import PARAMS, PLOTS
from pipeline.common.settings import RUN_NAME, InputError, section, show
from pipeline.evaluation.scores import Run

OTHERS = "others"  # names the curves of the runs that are in no table
REPLICATES = "replicates.csv"

Tables = dict[str, list[str]]  # table: the runs in it


def read_tables(params: dict[str, Any], part: str) -> Tables:
    """The tables of a part ("mlp" or "cnn"); InputError unless all of their runs exist."""
    runs, tables = list(section(params, f"{part}.runs")), section(params, f"{part}.tables")
    if not isinstance(tables, dict):
        raise InputError(f"{PARAMS}: `{part}.tables` must hold lists of runs, as T1: [final]")
    for table, members in tables.items():
        if not (isinstance(table, str) and RUN_NAME.fullmatch(table)) or table == OTHERS:
            raise InputError(f"{part}.tables: {table!r} cannot be the name of a table; use one such as T15")
        if not (isinstance(members, list) and members):
            raise InputError(f"{part}.tables.{table} is {show(members)}; it must list runs, as in [final]")
        for run in members:
            if run not in runs:
                raise InputError(
                    f"{part}.tables.{table} names the run {run!r}; the runs are {', '.join(runs)}"
                )
            if members.count(run) > 1:
                raise InputError(f"{part}.tables.{table} names the run {run!r} twice")
    return tables


def first_run(tables: Tables, table: str) -> str:
    """The first run of the table of the final network, whose single predictions are shown."""
    if table not in tables:
        raise InputError(f"{PARAMS} has no table {table}; it names the run whose predictions are shown")
    return tables[table][0]


def write_tables(
    folder: Path, tables: Tables, runs: dict[str, Run], metrics: dict[str, dict[str, float]]
) -> None:
    """<table>.csv: a row for each run, with the settings in which the rows differ and every score."""
    folder.mkdir()
    for table, names in tables.items():
        settings = [runs[name].settings for name in names]
        differing = [key for key in settings[0] if any(each[key] != settings[0][key] for each in settings)]
        rows = [
            {"run": name, **{key: each[key] for key in differing}, **metrics[name]}
            for name, each in zip(names, settings, strict=True)
        ]
        pd.DataFrame(rows).to_csv(folder / f"{table}.csv", index=False)


def write_class_accuracy(
    folder: Path, scores: dict[str, dict[str, float]], truth: dict[str, np.ndarray], classes: Sequence[str]
) -> None:
    """class_accuracy.csv: a row for each run, split and class: accuracy, its deviation, samples of the class.

    `scores` are means and deviations over replicates; without samples the accuracy is empty.
    """
    rows = []
    for split, labels in truth.items():
        for index, name in enumerate(classes):
            key, samples = f"{split}_accuracy_{name}", int((labels == index).sum())
            rows += [
                (run, split, name, s.get(key), s.get(f"{key}_std"), samples) for run, s in scores.items()
            ]
    columns = ["run", "split", "class", "accuracy", "std", "samples"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "class_accuracy.csv", index=False)


def write_confusions(folder: Path, run: Run, truth: dict[str, np.ndarray], classes: Sequence[str]) -> None:
    """confusion_<split>.csv: a row for each sample, as DVC's `confusion` template counts them: truth, and
    what replicate 0 of the run predicts.
    """
    names = np.array(classes)
    for split, labels in truth.items():
        table = pd.DataFrame({"truth": names[labels], "predicted": names[run.predictions[split][0]]})
        table.to_csv(folder / f"confusion_{split}.csv", index=False)


def write_replicates(folder: Path, scores: dict[str, pd.DataFrame]) -> None:
    """replicates.csv: a row for each run and replicate, with every score, unrounded."""
    table = pd.concat({run: each.rename_axis("replicate") for run, each in scores.items()}, names=["run"])
    table.to_csv(folder / REPLICATES)


def read_replicates(part: str) -> dict[str, np.ndarray]:
    """Every score of a part in replicates.csv as {"<part>.<run>.<score>": (replicates,)}."""
    path = PLOTS / part / REPLICATES
    if not path.is_file():
        raise InputError(f"{path} is missing; make it with dvc repro")
    table = pd.read_csv(path, dtype={"run": str}, float_precision="round_trip")
    return {
        f"{part}.{run}.{score}": rows[score].to_numpy()
        for run, rows in table.groupby("run", sort=False)
        for score in table.columns[2:]
    }
