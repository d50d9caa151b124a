"""Scores, tables and plots of every MLP run of part 1.

    python -m stages.evaluate_mlp

Reads models/mlp/. Writes metrics/mlp/<run>.json, means over replicates of the scores in METRICS, and
plots/mlp/:

runs.csv                           every score of every run, mean and deviation over replicates
replicates.csv                     every score of every replicate
class_accuracy.csv                 the accuracy of each class
tables/<table>.csv                 the report's tables
curves/<table>.csv                 learning curves; others.csv: of the runs in no table
predictions/, confusion/<split>.csv   of the final network (the first run of table T7), replicate 0
"""

import pandas as pd

from pipeline.common.classes import DIGIT_CLASSES
from pipeline.evaluation.evaluate import evaluate
from pipeline.evaluation.scores import Run, scores_of_replicates
from pipeline.runtime.process import run_stage

METRICS = ("train_accuracy", "test_accuracy", "train_loss", "reported_loss", "epochs")


def score(run: Run) -> pd.DataFrame:
    """The scores of each replicate; `reported_loss` is the report's: mean cross-entropy / batch size."""
    scores = scores_of_replicates(run)
    scores["reported_loss"] = scores.train_loss / run.settings["batch_size"]
    return scores


def main() -> None:
    evaluate("mlp", DIGIT_CLASSES, score=score, metrics=METRICS)


if __name__ == "__main__":
    run_stage(main)
