"""From what the trainings left to numbers: scores with their spread, tables, and the CSV files of plots."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.common.settings import PARAMS, RUN_NAME, InputError, section, show

OTHERS = "others"  # names the file of the runs that are in no table


class Run(NamedTuple):
    """What a training stage left in its folder."""

    settings: dict[str, Any]
    curves: pd.DataFrame  # a row for each replicate and epoch
    predictions: dict[str, np.ndarray]  # "train", "test", ...: predicted classes (replicates, samples)

    def final(self) -> pd.DataFrame:
        """The epoch that each replicate ended with: its last one that was kept."""
        return self.curves[self.curves.kept == 1].groupby("replicate").last()


def read_run(folder: Path) -> Run:
    """The run of a folder under models/; InputError if it has not been trained."""
    if not (folder / "settings.json").is_file():
        raise InputError(f"{folder} holds no trained run; train it with dvc repro")
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    with np.load(folder / "predictions.npz", allow_pickle=False) as arrays:
        predictions = dict(arrays)
    return Run(settings, pd.read_csv(folder / "curves.csv"), predictions)


def scores_of_replicates(run: Run) -> pd.DataFrame:
    """Accuracy, error and plain mean cross-entropy where each replicate ended; epochs that it trained."""
    final = run.final()
    scores = final[["train_accuracy", "test_accuracy", "train_loss"]].copy()
    scores["train_error"] = 1 - final.train_accuracy
    scores["test_error"] = 1 - final.test_accuracy
    scores["epochs"] = run.curves.groupby("replicate").epoch.max()
    return scores


def class_accuracies(run: Run, truth: dict[str, np.ndarray], classes: Sequence[str]) -> pd.DataFrame:
    """train_accuracy_<class> and test_accuracy_<class> of each replicate: the share found of a class."""
    columns = {}
    for split, labels in truth.items():
        right = run.predictions[split] == labels
        for index, name in enumerate(classes):
            columns[f"{split}_accuracy_{name}"] = right[:, labels == index].mean(axis=1)
    return pd.DataFrame(columns)


def mean_and_std(scores: pd.DataFrame) -> dict[str, float]:
    """`<score>` is the mean over replicates, `<score>_std` their sample deviation if there are several."""
    summary = {str(name): column.mean() for name, column in scores.items()}
    if len(scores) > 1:
        summary |= {f"{name}_std": column.std(ddof=1) for name, column in scores.items()}
    return {name: significant(value) for name, value in summary.items()}


def significant(value: float) -> float:
    """Six significant digits: what a reader compares, and short lines in `dvc metrics diff`."""
    return float(f"{value:.6g}")


def read_runs(params: dict[str, Any], part: str, models: Path) -> tuple[dict[str, Run], dict[str, list[str]]]:
    """Every run of a part ("mlp" or "cnn"), and its tables: the runs in each, all of them there."""
    names, tables = list(section(params, f"{part}.runs")), section(params, f"{part}.tables")
    if not isinstance(tables, dict):
        raise InputError(f"{PARAMS}: `{part}.tables` must hold lists of runs, as T1: [final]")
    for table, members in tables.items():
        if not (isinstance(table, str) and RUN_NAME.fullmatch(table)) or table == OTHERS:
            raise InputError(f"{part}.tables: {table!r} cannot be the name of a table; use one such as T15")
        if not (isinstance(members, list) and members):
            raise InputError(f"{part}.tables.{table} is {show(members)}; it must list runs, as in [final]")
        for name in members:
            if name not in names:
                raise InputError(
                    f"{part}.tables.{table} names the run {name!r}; the runs are {', '.join(names)}"
                )
            if members.count(name) > 1:
                raise InputError(f"{part}.tables.{table} names the run {name!r} twice")
    return {name: read_run(models / name) for name in names}, tables


def shown_run(runs: dict[str, Run], tables: dict[str, list[str]], table: str) -> Run:
    """The first run of the table of the final network, whose single predictions are shown."""
    if table not in tables:
        raise InputError(f"{PARAMS} has no table {table}; it names the run whose predictions are shown")
    return runs[tables[table][0]]


def write_tables(
    folder: Path, tables: dict[str, list[str]], runs: dict[str, Run], metrics: dict[str, dict[str, float]]
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


def write_curves(folder: Path, tables: dict[str, list[str]], runs: dict[str, Run]) -> None:
    """<table>.csv: for each run and epoch the mean over replicates and, with several, the deviation;
    others.csv: the same of the runs that are in no table.
    """
    folder.mkdir()
    others = [name for name in runs if not any(name in members for members in tables.values())]
    for table, names in (tables | {OTHERS: others} if others else tables).items():
        curves = pd.concat([_mean_curve(runs[name].curves).assign(run=name) for name in names])
        curves.to_csv(folder / f"{table}.csv", float_format="%.6g")


def _mean_curve(curves: pd.DataFrame) -> pd.DataFrame:
    epochs = curves.drop(columns=["replicate", "kept"]).groupby("epoch")
    deviations = epochs.std(ddof=1).add_suffix("_std").dropna(axis="columns", how="all")
    return epochs.mean().join(deviations)


def write_samples(
    folder: Path,
    scores: dict[str, dict[str, float]],
    shown: Run,
    truth: dict[str, np.ndarray],
    classes: Sequence[str],
) -> None:
    """What single samples tell: class_accuracy.csv and confusion_<split>.csv.

    class_accuracy.csv has a row for each run, split and class: accuracy (the mean over replicates in
    `scores`), its deviation, samples of the class. confusion_<split>.csv has a row for each sample, as
    DVC's `confusion` template counts them: truth, and what replicate 0 of the run `shown` predicts.
    """
    rows = []
    for split, labels in truth.items():
        for index, name in enumerate(classes):
            key, samples = f"{split}_accuracy_{name}", int((labels == index).sum())
            rows += [(run, split, name, s[key], s.get(f"{key}_std"), samples) for run, s in scores.items()]
        named = np.array(classes)
        confusion = pd.DataFrame({"truth": named[labels], "predicted": named[shown.predictions[split][0]]})
        confusion.to_csv(folder / f"confusion_{split}.csv", index=False)
    columns = ["run", "split", "class", "accuracy", "std", "samples"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "class_accuracy.csv", index=False)
