"""Scores of runs in folds (table T15), from the test crops of all folds together."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.common.runs import Run
from pipeline.evaluation.intervals import wilson_interval
from pipeline.evaluation.scores import count_pairs

FOLDS = "folds.csv"
ALL = "all"  # stands for the class in the row of the accuracy over all crops
MEAN = "mean"  # in the row of the mean recall over classes


def pool_folds(run: Run, classes: Sequence[str]) -> pd.DataFrame:
    """A row for each class: recall, samples and the Wilson interval (95 %), over all folds together; then
    ALL, the accuracy, and MEAN, the mean of the recalls, which has no such interval.
    """
    counts = np.sum([count_pairs(*pair, len(classes)) for pair in run.samples("test")], axis=0)
    right = {**dict(zip(classes, counts.diagonal(), strict=True)), ALL: counts.trace()}
    samples = {**dict(zip(classes, counts.sum(axis=1), strict=True)), ALL: counts.sum()}
    rows = []
    for name, number in samples.items():
        share = right[name] / number if number else np.nan
        rows.append((name, share, *wilson_interval(share, number), number))
    recalls = [share for name, share, *_ in rows if name != ALL]
    rows.append((MEAN, np.nanmean(recalls), np.nan, np.nan, samples[ALL]))
    return pd.DataFrame(rows, columns=["class", "recall", "low", "high", "samples"])


def write_folds(folder: Path, runs: dict[str, Run], classes: Sequence[str]) -> None:
    """folds.csv: the rows of `pool_folds` for each run in folds."""
    pooled = {name: pool_folds(run, classes) for name, run in runs.items() if run.settings["folds"]}
    if pooled:
        table = pd.concat(pooled, names=["run"]).droplevel(1)
        table.to_csv(folder / FOLDS, float_format="%.6g")
