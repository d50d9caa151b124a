"""Scores, tables and plots of every CNN run of part 2.

    python -m stages.evaluate_cnn

Reads data/crops.safetensors, data/boxes.csv and models/cnn/; writes metrics/cnn/<run>.json and plots/cnn/,
with the same files as evaluate_mlp, and folds.csv, the recalls of the runs in folds; the final network is
that of table T12. The test set is scored as it is, never sampled.
"""

from functools import partial

import numpy as np
import pandas as pd

from pipeline.common.crops import load_crops
from pipeline.common.paths import BOXES
from pipeline.evaluation.evaluate import evaluate
from pipeline.evaluation.folds import write_folds
from pipeline.evaluation.scores import Run, scores_of_replicates
from pipeline.evaluation.tables import read_csv
from pipeline.runtime.process import run_stage

METRICS = ("train_accuracy", "test_accuracy", "recall", "train_loss", "epochs")
SMALL = 0.25  # the share of test crops that count as small (claim C19)


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
    crops = load_crops()
    test = read_csv(BOXES)[crops.test]
    sides = np.minimum(test.right - test.left, test.bottom - test.top).to_numpy()
    evaluate(
        "cnn",
        crops.classes,
        score=scores_of_replicates,
        score_for_claims=partial(errors_by_crop_size, sides=sides),
        metrics=METRICS,
        write_more=write_folds,
    )


if __name__ == "__main__":
    run_stage(main)
