"""What claims can be about: every score of every replicate, as {"<part>.<run>.<score>": an array}."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from pipeline.evaluation.scores import Run, class_accuracies

Measures = dict[str, np.ndarray]  # each (replicates,)
SMALL = 0.25  # the share of crops that count as small


def run_measures(
    part: str,
    runs: dict[str, Run],
    score: Callable[[Run], pd.DataFrame],
    truth: dict[str, np.ndarray],
    classes: list[str],
) -> Measures:
    """The scores that `score` gives of each run, the accuracy and size of each class, the confusions."""
    measures: Measures = {}
    sizes = class_sizes(truth, classes)
    for name, run in runs.items():
        scores = score(run)
        tables = [scores, class_accuracies(run, truth, classes), *confusions(run, truth, classes)]
        columns = {column: table[column].to_numpy() for table in tables for column in table}
        columns |= {size: np.full(len(scores), count) for size, count in sizes.items()}
        measures |= {f"{part}.{name}.{column}": values for column, values in columns.items()}
    return measures


def class_sizes(truth: dict[str, np.ndarray], classes: list[str]) -> dict[str, int]:
    """<split>_samples and <split>_samples_<class>."""
    sizes = {f"{split}_samples": len(labels) for split, labels in truth.items()}
    for split, labels in truth.items():
        counts = np.bincount(labels, minlength=len(classes)).tolist()
        sizes |= {f"{split}_samples_{name}": count for name, count in zip(classes, counts, strict=True)}
    return sizes


def confusions(run: Run, truth: dict[str, np.ndarray], classes: list[str]) -> list[pd.DataFrame]:
    """<split>_confusion_<truth>_<predicted> as shares of all samples; _second: of the errors, the second."""
    number = len(classes)
    names = [f"{true}_{predicted}" for true in classes for predicted in classes]
    errors = ~np.eye(number, dtype=bool).ravel()
    tables = []
    for split, labels in truth.items():
        cells = labels.astype(int) * number + run.predictions[split]
        shares = np.stack([np.bincount(each, minlength=number**2) for each in cells]) / len(labels)
        table = pd.DataFrame(shares, columns=names).assign(second=np.sort(shares[:, errors])[:, -2])
        tables.append(table.add_prefix(f"{split}_confusion_"))
    return tables


def crop_size_measures(part: str, runs: dict[str, Run], label: np.ndarray, sides: np.ndarray) -> Measures:
    """The error rate of small test crops and of the others; `sides` are their shorter sides in pixels."""
    small = sides <= np.quantile(sides, SMALL)
    measures = {}
    for name, run in runs.items():
        wrong = run.predictions["test"] != label
        measures[f"{part}.{name}.test_error_small_crops"] = wrong[:, small].mean(axis=1)
        measures[f"{part}.{name}.test_error_other_crops"] = wrong[:, ~small].mean(axis=1)
    return measures


def separation_measures(separation: pd.DataFrame) -> Measures:
    """latents.<figure>.<run>.<first or last>.<score>, of the first and the last epoch in the table."""
    measures = {}
    for (figure, run), rows in separation.groupby(["figure", "run"]):
        for moment, epoch in (("first", rows.epoch.min()), ("last", rows.epoch.max())):
            for score in ("knn_accuracy", "silhouette"):
                values = rows.loc[rows.epoch == epoch, score].to_numpy()
                measures[f"latents.{figure}.{run}.{moment}.{score}"] = values
    return measures
