"""The report's tables, and other tables that an evaluation writes: classes, samples, replicates."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.common.paths import PLOTS
from pipeline.common.runs import SNAPSHOT
from pipeline.evaluation.layout import OTHERS, Tables
from pipeline.evaluation.scores import Run, class_sizes, count_pairs
from pipeline.runtime.errors import InputError

REPLICATES, RUNS = "replicates.csv", "runs.csv"
CLASS_ACCURACY = "class_accuracy.csv"


def read_csv(path: Path, **options: Any) -> pd.DataFrame:
    """A CSV file, in which only an empty cell is missing: the class `none` and the text NA are values."""
    if not path.is_file():
        raise InputError(f"{path} is missing; make it with dvc repro")
    return pd.read_csv(path, keep_default_na=False, na_values=[""], **options)


def others(tables: Tables, runs: list[str]) -> Tables:
    """The runs that are in no table, as one; nothing if there is none."""
    names = [name for name in runs if not any(name in members for members in tables.values())]
    return {OTHERS: names} if names else {}


def write_runs(folder: Path, means: dict[str, dict[str, float]]) -> None:
    """runs.csv: a row for each run, with the mean of every score over replicates, and <score>_std."""
    pd.DataFrame.from_dict(means, orient="index").rename_axis("run").to_csv(folder / RUNS)


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
    folder: Path, runs: dict[str, Run], scores: dict[str, dict[str, float]], classes: Sequence[str]
) -> None:
    """class_accuracy.csv: a row for each run, split and class: accuracy, its deviation, samples of the class.

    `scores` are means and deviations over replicates; samples are the rounded mean. The accuracy of a class
    without samples is empty.
    """
    rows = []
    for run, of_run in runs.items():
        sizes, s = class_sizes(of_run, classes).mean(), scores[run]
        for split in of_run.truth:
            for name in classes:
                key, samples = f"{split}_accuracy_{name}", sizes[f"{split}_samples_{name}"]
                rows.append((run, split, name, s.get(key), s.get(f"{key}_std"), round(samples)))
    columns = ["run", "split", "class", "accuracy", "std", "samples"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / CLASS_ACCURACY, index=False)


def write_predictions(folder: Path, run: Run, classes: Sequence[str]) -> None:
    """<split>.csv: a row for each sample: truth, and what replicate 0 of the run predicts. Of a run with a
    snapshot, test.csv also has what it predicted then.
    """
    folder.mkdir()
    names = np.array(classes)
    for split, (labels, *_) in run.truth.items():
        table = pd.DataFrame({"truth": names[labels], "predicted": names[run.predictions[split][0]]})
        if split == "test" and SNAPSHOT in run.predictions:
            table["snapshot"] = names[run.predictions[SNAPSHOT][0]]
        table.to_csv(folder / f"{split}.csv", index=False)


def write_confusions(folder: Path, run: Run, classes: Sequence[str]) -> None:
    """<split>.csv: a row for each pair of classes, also one that never occurs: truth, predicted, how many
    samples of replicate 0, and their share of the samples of this truth.
    """
    folder.mkdir()
    pairs = [(true, predicted) for true in classes for predicted in classes]
    for split in run.truth:
        counts = count_pairs(*next(run.samples(split)), len(classes))
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        table = pd.DataFrame(pairs, columns=["truth", "predicted"])
        table.assign(samples=counts.ravel(), share=shares.ravel()).to_csv(
            folder / f"{split}.csv", index=False, float_format="%.4g"
        )


def write_replicates(folder: Path, scores: dict[str, pd.DataFrame]) -> None:
    """replicates.csv: a row for each run and replicate, with every score, unrounded."""
    table = pd.concat({run: each.rename_axis("replicate") for run, each in scores.items()}, names=["run"])
    table.to_csv(folder / REPLICATES)


def read_replicates(part: str) -> dict[str, np.ndarray]:
    """Every score of a part in replicates.csv as {"<part>.<run>.<score>": (replicates,)}."""
    table = read_csv(PLOTS / part / REPLICATES, dtype={"run": str})
    return {
        f"{part}.{run}.{score}": rows[score].to_numpy()
        for run, rows in table.groupby("run", sort=False)
        for score in table.columns[2:]
    }
