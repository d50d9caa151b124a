"""Scores of a trained run: for each replicate, and their mean and deviation."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.common.classes import SPLITS
from pipeline.common.runs import CURVES_FILE, SETTINGS_FILE, SNAPSHOT, name_of_predictions, name_of_truth
from pipeline.common.storage import load_arrays, read_json
from pipeline.runtime.errors import InputError

SCORES = ("train_accuracy", "test_accuracy", "validation_accuracy", "train_loss")  # taken from the curves


class Run(NamedTuple):
    """All replicates of a trained run. `predictions` and `truth` have for each split a list with one array
    uint8 (samples,) for each replicate. Replicates have different samples in a run in folds, and in one with
    `split: sheets`.
    """

    settings: dict[str, Any]
    curves: pd.DataFrame  # a row for each replicate and epoch
    predictions: dict[str, list[np.ndarray]]  # predicted; those of `snapshot` are for the test samples
    truth: dict[str, list[np.ndarray]]

    def final(self) -> pd.DataFrame:
        """The epoch that each replicate ended with: its last one that was kept."""
        return self.curves[self.curves.kept == 1].groupby("replicate").last()

    def samples(self, split: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """For each replicate the true and the predicted classes."""
        return zip(self.truth[split], self.predictions[split], strict=True)


def read_run(folder: Path) -> Run:
    """The run in a folder under models/; InputError if it has not been trained."""
    if not (folder / SETTINGS_FILE).is_file():
        raise InputError(f"{folder} holds no trained run; train it with dvc repro")
    curves = pd.read_csv(folder / CURVES_FILE)
    files = [load_arrays(folder / name_of_predictions(r)) for r in range(curves.replicate.nunique())]
    splits = [split for split in (*SPLITS, "validation") if name_of_truth(split) in files[0]]
    return Run(
        read_json(folder / SETTINGS_FILE),
        curves,
        {name: [file[name] for file in files] for name in (*splits, SNAPSHOT) if name in files[0]},
        {split: [file[name_of_truth(split)] for file in files] for split in splits},
    )


def scores_of_replicates(run: Run) -> pd.DataFrame:
    """Accuracy, error and mean cross-entropy where each replicate ended; epochs that it trained."""
    final = run.final()
    there = [name for name in SCORES if name in final]
    scores = final[there].copy()
    scores["train_error"] = 1 - final.train_accuracy
    scores["test_error"] = 1 - final.test_accuracy
    scores["epochs"] = run.curves.groupby("replicate").epoch.max()
    return scores


def class_accuracies(run: Run, classes: Sequence[str]) -> pd.DataFrame:
    """<split>_accuracy_<class> of each replicate: the share of a class's samples that is recognised.

    nan for a class without samples in the split.
    """
    columns = {}
    for split in run.truth:
        for index, name in enumerate(classes):
            right = [predicted[truth == index] == index for truth, predicted in run.samples(split)]
            columns[f"{split}_accuracy_{name}"] = [each.mean() if each.size else np.nan for each in right]
    return pd.DataFrame(columns)


def recall(accuracies: pd.DataFrame) -> pd.Series:
    """recall of each replicate: the mean of its test accuracies over the classes that have samples."""
    of_test = [name for name in accuracies if str(name).startswith("test_")]
    return accuracies[of_test].mean(axis="columns").rename("recall")


def class_sizes(run: Run, classes: Sequence[str]) -> pd.DataFrame:
    """<split>_samples and <split>_samples_<class> of each replicate."""
    sizes = {}
    for split, truth in run.truth.items():
        sizes[f"{split}_samples"] = [len(labels) for labels in truth]
        for index, name in enumerate(classes):
            sizes[f"{split}_samples_{name}"] = [int((labels == index).sum()) for labels in truth]
    return pd.DataFrame(sizes)


def confusion_shares(run: Run, classes: Sequence[str]) -> pd.DataFrame:
    """<split>_confusion_<truth>_<predicted> of each replicate, as a share of all samples of the split.

    <split>_confusion_second is the second most frequent error.
    """
    names = [f"{true}_{predicted}" for true in classes for predicted in classes]
    errors = ~np.eye(len(classes), dtype=bool).ravel()
    tables = []
    for split in run.truth:
        counts = [count_pairs(*pair, len(classes)).ravel() for pair in run.samples(split)]
        shares = np.stack([each / each.sum() for each in counts])
        table = pd.DataFrame(shares, columns=names).assign(second=np.sort(shares[:, errors])[:, -2])
        tables.append(table.add_prefix(f"{split}_confusion_"))
    return pd.concat(tables, axis="columns")


def count_pairs(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """The confusion matrix, int (classes, classes): samples by true class, then by predicted class."""
    cells = truth.astype(int) * classes + predicted
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


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
