"""The evaluation of all runs of a part: scores of every replicate, metrics, tables and plots."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from pipeline.common.files import whole_folder
from pipeline.common.paths import METRICS, PLOTS
from pipeline.common.process import say
from pipeline.common.runs import run_folder
from pipeline.common.settings import read_params, section
from pipeline.common.storage import write_json
from pipeline.evaluation.curves import write_curves
from pipeline.evaluation.scores import (
    Run,
    class_accuracies,
    class_sizes,
    confusion_shares,
    mean_and_std,
    read_run,
)
from pipeline.evaluation.tables import (
    first_run,
    read_tables,
    write_class_accuracy,
    write_confusions,
    write_replicates,
    write_tables,
)


def evaluate(
    part: str,
    truth: dict[str, np.ndarray],
    classes: Sequence[str],
    *,
    score: Callable[[Run], pd.DataFrame],
    score_for_claims: Callable[[Run], pd.DataFrame] | None = None,
    metrics_of_classes: bool,
    final_table: str,
) -> None:
    """What the stages evaluate_mlp and evaluate_cnn do.

    `score` gives those scores of each replicate that are metrics; the accuracies of classes are metrics too
    if `metrics_of_classes`. `score_for_claims` gives scores that stand in replicates.csv alone. The single
    predictions of the first run in `final_table` are shown.
    """
    params = read_params()
    tables = read_tables(params, part)
    shown = first_run(tables, final_table)
    runs = {name: read_run(run_folder(part, name)) for name in section(params, f"{part}.runs")}
    scores = {name: score(run) for name, run in runs.items()}
    by_class = {name: class_accuracies(run, truth, classes) for name, run in runs.items()}
    others = {name: other_scores(run, truth, classes, score_for_claims) for name, run in runs.items()}
    every = {name: pd.concat([scores[name], by_class[name], others[name]], axis="columns") for name in runs}
    if metrics_of_classes:
        scores = {name: pd.concat([scores[name], by_class[name]], axis="columns") for name in runs}
    metrics = {name: mean_and_std(table) for name, table in scores.items()}
    report_missing_classes(part, truth, classes)
    with whole_folder(PLOTS / part) as folder:
        write_tables(folder / "tables", tables, runs, metrics)
        write_curves(folder / "curves", tables, runs)
        accuracies = {name: mean_and_std(table) for name, table in by_class.items()}
        write_class_accuracy(folder, accuracies, truth, classes)
        write_confusions(folder, runs[shown], truth, classes)
        write_replicates(folder, every)
    write_json(METRICS / f"{part}.json", metrics)


def other_scores(
    run: Run,
    truth: dict[str, np.ndarray],
    classes: Sequence[str],
    score_for_claims: Callable[[Run], pd.DataFrame] | None,
) -> pd.DataFrame:
    """The scores of each replicate that only claims ask for."""
    tables = [confusion_shares(run, truth, classes)]
    if score_for_claims:
        tables.append(score_for_claims(run))
    return pd.concat(tables, axis="columns").assign(**class_sizes(truth, classes))


def report_missing_classes(part: str, truth: dict[str, np.ndarray], classes: Sequence[str]) -> None:
    """Say which classes have no samples, and so no scores."""
    for split, labels in truth.items():
        missing = [name for index, name in enumerate(classes) if not (labels == index).any()]
        if missing:
            say(f"{part}: no {split} sample is of class {', '.join(missing)}, so there is no score for it")
