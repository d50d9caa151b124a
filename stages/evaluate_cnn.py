"""Scores, tables and plots of every CNN run of part 2.

    python -m stages.evaluate_cnn

Reads data/crops.safetensors, data/boxes.csv and models/cnn/; writes metrics/cnn/<run>.json and plots/cnn/,
with the same files as evaluate_mlp; the final network is that of table T12. The test set is scored as it is,
never sampled.
"""

from functools import partial

import numpy as np
import pandas as pd

from pipeline.common.paths import BOXES
from pipeline.common.process import run_stage
from pipeline.evaluation.evaluate import evaluate
from pipeline.evaluation.scores import Run, scores_of_replicates
from pipeline.evaluation.tables import read_csv
from pipeline.masks.prepared import load_crops

METRICS = ("train_accuracy", "test_accuracy", "recall", "train_loss", "epochs")
SMALL = 0.25  # the share of test crops that count as small (claim C19)


def errors_by_crop_size(run: Run, labels: np.ndarray, sides: np.ndarray) -> pd.DataFrame:
    """The error rate of small test crops and of the others; `sides` are their shorter sides in pixels."""
    small = sides <= np.quantile(sides, SMALL)
    wrong = run.predictions["test"] != labels
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
    truth = crops.labels()
    evaluate(
        "cnn",
        truth,
        crops.classes,
        score=scores_of_replicates,
        score_for_claims=partial(errors_by_crop_size, labels=truth["test"], sides=sides),
        metrics=METRICS,
    )


if __name__ == "__main__":
    run_stage(main)
