"""Scores of a trained run: for each replicate, and their mean and deviation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.common.runs import CURVES, PREDICTIONS, SETTINGS
from pipeline.common.settings import InputError
from pipeline.common.storage import load_arrays, read_json


class Run(NamedTuple):
    """All replicates of a trained run."""

    settings: dict[str, Any]
    curves: pd.DataFrame  # a row for each replicate and epoch
    predictions: dict[str, np.ndarray]  # by split: predicted classes (replicates, samples)

    def final(self) -> pd.DataFrame:
        """The epoch that each replicate ended with: its last one that was kept."""
        return self.curves[self.curves.kept == 1].groupby("replicate").last()


def read_run(folder: Path) -> Run:
    """The run in a folder under models/; InputError if it has not been trained."""
    if not (folder / SETTINGS).is_file():
        raise InputError(f"{folder} holds no trained run; train it with dvc repro")
    return Run(read_json(folder / SETTINGS), pd.read_csv(folder / CURVES), load_arrays(folder / PREDICTIONS))


def scores_of_replicates(run: Run) -> pd.DataFrame:
    """Accuracy, error and mean cross-entropy where each replicate ended; epochs that it trained."""
    final = run.final()
    scores = final[["train_accuracy", "test_accuracy", "train_loss"]].copy()
    scores["train_error"] = 1 - final.train_accuracy
    scores["test_error"] = 1 - final.test_accuracy
    scores["epochs"] = run.curves.groupby("replicate").epoch.max()
    return scores


def class_accuracies(run: Run, truth: dict[str, np.ndarray], classes: Sequence[str]) -> pd.DataFrame:
    """<split>_accuracy_<class> of each replicate: the share of a class's samples that is recognised.

    nan for a class without samples in the split.
    """
    columns = {}
    for split, labels in truth.items():
        right = run.predictions[split] == labels
        for index, name in enumerate(classes):
            of_class = right[:, labels == index]
            columns[f"{split}_accuracy_{name}"] = (
                of_class.mean(axis=1) if of_class.size else np.full(len(right), np.nan)
            )
    return pd.DataFrame(columns)


def recall(accuracies: pd.DataFrame) -> pd.Series:
    """recall of each replicate: the mean of its test accuracies over the classes that have samples."""
    of_test = [name for name in accuracies if str(name).startswith("test_")]
    return accuracies[of_test].mean(axis="columns").rename("recall")


def class_sizes(truth: dict[str, np.ndarray], classes: Sequence[str]) -> dict[str, int]:
    """<split>_samples and <split>_samples_<class>."""
    sizes = {}
    for split, labels in truth.items():
        counts = np.bincount(labels, minlength=len(classes)).tolist()
        sizes[f"{split}_samples"] = len(labels)
        sizes |= {f"{split}_samples_{name}": count for name, count in zip(classes, counts, strict=True)}
    return sizes


def confusion_shares(run: Run, truth: dict[str, np.ndarray], classes: Sequence[str]) -> pd.DataFrame:
    """<split>_confusion_<truth>_<predicted> of each replicate, as a share of all samples of the split.

    <split>_confusion_second is the second most frequent error.
    """
    number = len(classes)
    names = [f"{true}_{predicted}" for true in classes for predicted in classes]
    errors = ~np.eye(number, dtype=bool).ravel()
    tables = []
    for split, labels in truth.items():
        cells = labels.astype(int) * number + run.predictions[split]
        shares = np.stack([np.bincount(each, minlength=number**2) for each in cells]) / len(labels)
        table = pd.DataFrame(shares, columns=names).assign(second=np.sort(shares[:, errors])[:, -2])
        tables.append(table.add_prefix(f"{split}_confusion_"))
    return pd.concat(tables, axis="columns")


def mean_and_std(scores: pd.DataFrame) -> dict[str, float]:
    """`<score>` is the mean over replicates, `<score>_std` their sample deviation if there are several.

    A score that is nan, as that of a class without samples, is left out.
    """
    summary = {str(name): column.mean() for name, column in scores.items()}
    if len(scores) > 1:
        summary |= {f"{name}_std": column.std(ddof=1) for name, column in scores.items()}
    return {name: significant(value) for name, value in summary.items() if np.isfinite(value)}


def significant(value: float) -> float:
    """Six significant digits: what a reader compares, and short lines in `dvc metrics diff`."""
    return float(f"{value:.6g}")
