"""Scores, tables and plots of every CNN run of part 2.

    python -m stages.evaluate_cnn

Reads data/boxes.csv, models/cnn/, and from claims.yaml which runs stand in which table; writes
metrics/cnn/<run>.json and plots/cnn/, with the same files as evaluate_mlp, and folds.csv, the recalls of the
runs in folds; the final network is that of table T12. The test set is scored as it is, never sampled.
"""

import numpy as np
import pandas as pd

from pipeline.common.crops import list_classes
from pipeline.common.paths import BOXES, PLOTS
from pipeline.common.runs import Run, read_run, run_folder
from pipeline.evaluation.claims import read_claims, report_tables
from pipeline.evaluation.folds import write_folds
from pipeline.evaluation.scores import (
    class_scores,
    mean_and_std,
    say_missing_classes,
    scores_for_claims,
    scores_of_replicates,
)
from pipeline.evaluation.tables import read_csv, write_metrics, write_plots, write_replicates
from pipeline.runtime.files import whole_folder
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import read_params, section

METRICS = ("train_accuracy", "test_accuracy", "recall", "train_loss", "epochs")
SMALL = 0.25  # the share of test crops that count as small (claim C19)


def shorter_sides(boxes: pd.DataFrame) -> np.ndarray:
    """Of each test crop, in pixels."""
    test = boxes[boxes.split == "test"]
    return np.minimum(test.right - test.left, test.bottom - test.top).to_numpy()


def errors_by_crop_size(run: Run, sides: np.ndarray) -> pd.DataFrame:
    """The error rate of small test crops and of the others; `sides` are the test crops' shorter sides in
    pixels. Empty for a run in folds, since its test crops are not those of `sides`.
    """
    if run.settings["folds"]:
        return pd.DataFrame()
    small = sides <= np.quantile(sides, SMALL)
    wrong = np.stack([truth != predicted for truth, predicted in run.samples("test")])
    return pd.DataFrame(
        {
            "test_error_small_crops": wrong[:, small].mean(axis=1),
            "test_error_other_crops": wrong[:, ~small].mean(axis=1),
        }
    )


def main() -> None:
    names = section(read_params(), "cnn.runs")
    tables = report_tables(read_claims(), "cnn", names)
    boxes = read_csv(BOXES, dtype={"label": str})
    classes, sides = list_classes(boxes.label), shorter_sides(boxes)
    runs = {name: read_run(run_folder("cnn", name)) for name in names}
    say_missing_classes("cnn", runs, classes)
    scores, for_claims = {}, {}
    for name, run in runs.items():
        of_classes = class_scores(run, classes)
        scores[name] = pd.concat([scores_of_replicates(run), of_classes], axis="columns")
        by_size = errors_by_crop_size(run, sides)
        for_claims[name] = pd.concat([scores_for_claims(run, classes), by_size], axis="columns")
    means = {name: mean_and_std(table) for name, table in scores.items()}
    with whole_folder(PLOTS / "cnn") as folder:
        write_plots(folder, "cnn", tables, runs, means, classes)
        write_replicates(folder, scores, for_claims)
        write_folds(folder, runs, classes)
    write_metrics("cnn", means, METRICS)


if __name__ == "__main__":
    run_stage(main)
