"""Scores, tables and plots of every MLP run of part 1.

    python -m stages.evaluate_mlp

Reads models/mlp/, the classes in data/digits.safetensors, and from claims.yaml which runs stand in which
table. Writes metrics/mlp/<run>.json, means over replicates of the scores in METRICS, and plots/mlp/:

runs.csv                           every score of every run, mean and deviation over replicates
replicates.csv                     every score of every replicate
class_accuracy.csv                 the accuracy of each class
tables/<table>.csv                 the tables; others.csv: the runs in none
curves/<table>.csv                 learning curves of the runs in them
confusion/<run>.csv                confusion matrices of every run, replicate 0
predictions/<split>.csv            of the final network (the first run of table T7), replicate 0
"""

import pandas as pd

from pipeline.common.digits import load_classes
from pipeline.common.paths import PLOTS
from pipeline.common.runs import Run, read_run, run_folder
from pipeline.evaluation.claims import read_claims, report_tables
from pipeline.evaluation.scores import (
    class_scores,
    mean_and_std,
    say_missing_classes,
    scores_for_claims,
    scores_of_replicates,
)
from pipeline.evaluation.tables import write_metrics, write_plots, write_replicates
from pipeline.runtime.files import whole_folder
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import read_params, section

METRICS = ("train_accuracy", "test_accuracy", "train_loss", "reported_loss", "epochs")


def score(run: Run, classes: list[str]) -> pd.DataFrame:
    """The scores of each replicate; `reported_loss` is the report's: mean cross-entropy / batch size."""
    scores = scores_of_replicates(run)
    scores["reported_loss"] = scores.train_loss / run.settings["batch_size"]
    return pd.concat([scores, class_scores(run, classes)], axis="columns")


def main() -> None:
    names = section(read_params(), "mlp.runs")
    tables = report_tables(read_claims(), "mlp", names)
    runs = {name: read_run(run_folder("mlp", name)) for name in names}
    classes = load_classes()
    say_missing_classes("mlp", runs, classes)
    scores = {name: score(run, classes) for name, run in runs.items()}
    means = {name: mean_and_std(table) for name, table in scores.items()}
    for_claims = {name: scores_for_claims(run, classes) for name, run in runs.items()}
    with whole_folder(PLOTS / "mlp") as folder:
        write_plots(folder, "mlp", tables, runs, means, classes)
        write_replicates(folder, scores, for_claims)
    write_metrics("mlp", means, METRICS)


if __name__ == "__main__":
    run_stage(main)
