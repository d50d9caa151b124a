"""Scores, tables and plots of every MLP run of part 1.

    python -m stages.evaluate_mlp

Reads data/digits.npz and models/mlp/; writes metrics/mlp.json ({run: {score: value}}) and plots/mlp/:
tables/T<n>.csv, curves/T<n>.csv and curves/others.csv (the runs in no table), confusion_train.csv and
confusion_test.csv (the final network of table T7, replicate 0), and class_accuracy.csv.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.common.files import whole_folder, write_json
from pipeline.common.settings import read_params, run_stage
from pipeline.evaluation.scores import (
    Run,
    class_accuracies,
    mean_and_std,
    read_runs,
    scores_of_replicates,
    shown_run,
    write_curves,
    write_samples,
    write_tables,
)

DIGITS = Path("data/digits.npz")
MODELS = Path("models/mlp")
METRICS = Path("metrics/mlp.json")
PLOTS = Path("plots/mlp")
CLASSES = [str(digit) for digit in range(10)]


def score(run: Run) -> pd.DataFrame:
    """The scores of each replicate; `reported_loss` is the report's: mean cross-entropy / batch size."""
    scores = scores_of_replicates(run)
    scores["reported_loss"] = scores.train_loss / run.settings["batch_size"]
    return scores


def main() -> None:
    runs, tables = read_runs(read_params(), "mlp", MODELS)
    with np.load(DIGITS, allow_pickle=False) as digits:
        truth = {split: digits[f"{split}_labels"] for split in ("train", "test")}
    metrics = {name: mean_and_std(score(run)) for name, run in runs.items()}
    by_class = {name: mean_and_std(class_accuracies(run, truth, CLASSES)) for name, run in runs.items()}
    shown = shown_run(runs, tables, "T7")
    with whole_folder(PLOTS) as folder:
        write_tables(folder / "tables", tables, runs, metrics)
        write_curves(folder / "curves", tables, runs)
        write_samples(folder, by_class, shown, truth, CLASSES)
    write_json(METRICS, metrics)


if __name__ == "__main__":
    run_stage(main)
