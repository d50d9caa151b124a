"""Scores, tables and plots of every CNN run of part 2.

    python -m stages.evaluate_cnn

Reads data/crops.npz and models/cnn/; writes metrics/cnn.json ({run: {score: value}}) and plots/cnn/:
tables/T<n>.csv, curves/T<n>.csv and curves/others.csv (the runs in no table), confusion_train.csv and
confusion_test.csv (the final network of table T12, replicate 0), and class_accuracy.csv. The test
set is scored as it is, never sampled.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.common.files import whole_folder, write_json
from pipeline.common.settings import read_params, run_stage
from pipeline.evaluation.scores import (
    class_accuracies,
    mean_and_std,
    read_runs,
    scores_of_replicates,
    shown_run,
    write_curves,
    write_samples,
    write_tables,
)

CROPS = Path("data/crops.npz")
MODELS = Path("models/cnn")
METRICS = Path("metrics/cnn.json")
PLOTS = Path("plots/cnn")
CLASSES = ["bad", "good", "none"]


def main() -> None:
    runs, tables = read_runs(read_params(), "cnn", MODELS)
    with np.load(CROPS, allow_pickle=False) as crops:
        truth = {"train": crops["label"][~crops["test"]], "test": crops["label"][crops["test"]]}
    metrics = {}
    for name, run in runs.items():
        scores = [scores_of_replicates(run), class_accuracies(run, truth, CLASSES)]
        metrics[name] = mean_and_std(pd.concat(scores, axis="columns"))
    shown = shown_run(runs, tables, "T12")
    with whole_folder(PLOTS) as folder:
        write_tables(folder / "tables", tables, runs, metrics)
        write_curves(folder / "curves", tables, runs)
        write_samples(folder, metrics, shown, truth, CLASSES)
    write_json(METRICS, metrics)


if __name__ == "__main__":
    run_stage(main)
