"""Scores of a trained run: for each replicate, and their mean and deviation."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from pipeline.common.runs import Run
from pipeline.evaluation.measures import score_name
from pipeline.runtime.process import say

SCORES = ("train_accuracy", "test_accuracy", "validation_accuracy", "train_loss")  # taken from the curves


def scores_of_replicates(run: Run) -> pd.DataFrame:
    """Accuracy, error and mean cross-entropy where each replicate ended; epochs that it trained."""
    final = run.final()
    there = [name for name in SCORES if name in final]
    scores = final[there].copy()
    scores["train_error"] = 1 - final.train_accuracy
    scores["test_error"] = 1 - final.test_accuracy
    scores["epochs"] = run.curves.groupby("replicate").epoch.max()
    return scores


def class_scores(run: Run, classes: Sequence[str]) -> pd.DataFrame:
    """Of each replicate the accuracy of each class in each split, and before them `recall`, the mean of its
    test accuracies over the classes that have samples.

    The accuracy of a class is the share of its samples that is recognised; nan without samples in the split.
    """
    columns = {}
    for split in run.truth:
        for index, name in enumerate(classes):
            right = [predicted[truth == index] == index for truth, predicted in run.samples(split)]
            shares = [each.mean() if each.size else np.nan for each in right]
            columns[score_name(split, "accuracy", name)] = shares
    accuracies = pd.DataFrame(columns)
    of_test = [score_name("test", "accuracy", name) for name in classes]
    accuracies.insert(0, "recall", accuracies[of_test].mean(axis="columns"))
    return accuracies


def scores_for_claims(run: Run, classes: Sequence[str]) -> pd.DataFrame:
    """The scores of each replicate that only claims ask for: shares of confusions, and samples."""
    return pd.concat([confusion_shares(run, classes), class_sizes(run, classes)], axis="columns")


def class_sizes(run: Run, classes: Sequence[str]) -> pd.DataFrame:
    """The samples of each replicate in each split, and those of each class."""
    sizes = {}
    for split, truth in run.truth.items():
        sizes[score_name(split, "samples")] = [len(labels) for labels in truth]
        for index, name in enumerate(classes):
            sizes[score_name(split, "samples", name)] = [int((labels == index).sum()) for labels in truth]
    return pd.DataFrame(sizes)


def say_missing_classes(part: str, runs: dict[str, Run], classes: Sequence[str]) -> None:
    """Say which classes have no samples, and so no scores."""
    missing: dict[tuple[str, str], list[str]] = {}
    for run, of_run in runs.items():
        sizes = class_sizes(of_run, classes).min()
        for split, name in product(of_run.truth, classes):
            if not sizes[score_name(split, "samples", name)]:
                missing.setdefault((split, name), []).append(run)
    for (split, name), members in missing.items():
        of = "" if len(members) == len(runs) else f" of {', '.join(members)}"
        say(f"{part}: no {split} sample{of} is of class {name}, so there is no score for it")


def confusion_shares(run: Run, classes: Sequence[str]) -> pd.DataFrame:
    """Of each replicate how often each class was taken for each, as a share of all samples of the split."""
    tables = []
    for split in run.truth:
        counts = [count_pairs(*pair, len(classes)).ravel() for pair in run.samples(split)]
        shares = np.stack([each / each.sum() for each in counts])
        tables.append(pd.DataFrame(shares, columns=confusion_scores(split, classes)))
    return pd.concat(tables, axis="columns")


def confusion_scores(split: str, classes: Sequence[str]) -> list[str]:
    """The scores of the cells of a confusion matrix, by true class, then by predicted class. Names of classes
    may have an underscore: where two cells have the same name, the second ends with a number.

    >>> confusion_scores("test", ["k", "k_k"])
    ['test_confusion_k_k', 'test_confusion_k_k_k', 'test_confusion_k_k_k.1', 'test_confusion_k_k_k_k']
    """
    names = pd.Series([score_name(split, "confusion", *pair) for pair in product(classes, repeat=2)])
    numbers = names.groupby(names).cumcount()
    return [f"{name}.{number}" if number else name for name, number in zip(names, numbers, strict=True)]


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
