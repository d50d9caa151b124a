"""Scores, tables and plots of every MLP run of part 1.

    python -m stages.evaluate_mlp

Reads data/digits.safetensors and models/mlp/; writes metrics/mlp.json ({run: {score: value}}) and plots/mlp/:
tables/T<n>.csv, curves/T<n>.csv and curves/others.csv (the runs in no table), confusion_train.csv and
confusion_test.csv (the final network of table T7, replicate 0), class_accuracy.csv, and replicates.csv (every
score of every replicate).
"""

import pandas as pd

from pipeline.common.classes import DIGIT_CLASSES
from pipeline.common.process import run_stage
from pipeline.digits.prepared import load_digits
from pipeline.evaluation.evaluate import evaluate
from pipeline.evaluation.scores import Run, scores_of_replicates


def score(run: Run) -> pd.DataFrame:
    """The scores of each replicate; `reported_loss` is the report's: mean cross-entropy / batch size."""
    scores = scores_of_replicates(run)
    scores["reported_loss"] = scores.train_loss / run.settings["batch_size"]
    return scores


def main() -> None:
    truth = {split: digits.labels for split, digits in load_digits().items()}
    evaluate("mlp", truth, DIGIT_CLASSES, score=score, metrics_of_classes=False, final_table="T7")


if __name__ == "__main__":
    run_stage(main)
