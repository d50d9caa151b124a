"""The evaluation of all runs of a part: scores of every replicate, metrics, tables and plots."""

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import pandas as pd

from pipeline.common.paths import METRICS, PLOTS
from pipeline.common.runs import run_folder
from pipeline.common.storage import write_json
from pipeline.evaluation.curves import write_curves
from pipeline.evaluation.layout import Tables, final_run, read_tables
from pipeline.evaluation.scores import (
    Run,
    class_accuracies,
    class_sizes,
    confusion_shares,
    mean_and_std,
    read_run,
    recall,
)
from pipeline.evaluation.tables import (
    others,
    write_class_accuracy,
    write_confusions,
    write_predictions,
    write_replicates,
    write_runs,
    write_tables,
)
from pipeline.runtime.files import whole_folder
from pipeline.runtime.process import say
from pipeline.runtime.settings import read_params, section


def evaluate(
    part: str,
    classes: Sequence[str],
    *,
    score: Callable[[Run], pd.DataFrame],
    score_for_claims: Callable[[Run], pd.DataFrame] | None = None,
    metrics: Sequence[str],
    write_more: Callable[[Path, dict[str, Run], Sequence[str]], None] | None = None,
) -> None:
    """What the stages evaluate_mlp and evaluate_cnn do.

    `score` and `score_for_claims` give scores of each replicate, the latter those that only claims ask for;
    `metrics` names those that a person compares. `write_more` adds files to plots/<part>/.
    """
    params = read_params()
    tables = read_tables(params, part)
    runs = {name: read_run(run_folder(part, name)) for name in section(params, f"{part}.runs")}
    scores, every = {}, {}
    for name, run in runs.items():
        by_class = class_accuracies(run, classes)
        scores[name] = pd.concat([score(run), recall(by_class), by_class], axis="columns")
        others_of_run = other_scores(run, classes, score_for_claims)
        every[name] = pd.concat([scores[name], others_of_run], axis="columns")
    means = {name: mean_and_std(table) for name, table in scores.items()}
    report_missing_classes(part, runs, classes)
    with whole_folder(PLOTS / part) as folder:
        write_plots(folder, part, tables, runs, means, classes)
        write_replicates(folder, every)
        if write_more:
            write_more(folder, runs, classes)
    with whole_folder(METRICS / part) as folder:
        for name, values in means.items():
            write_json(folder / f"{name}.json", {key: values[key] for key in metrics if key in values})


def write_plots(
    folder: Path,
    part: str,
    tables: Tables,
    runs: dict[str, Run],
    means: dict[str, dict[str, float]],
    classes: Sequence[str],
) -> None:
    """What plots/<part>/ holds, but for the scores of each replicate. Of the final network, if there is one,
    single predictions too.
    """
    shown = tables | others(tables, list(runs))
    write_runs(folder, means)
    write_tables(folder / "tables", shown, runs, means)
    write_curves(folder / "curves", shown, runs)
    write_class_accuracy(folder, runs, means, classes)
    if final := final_run(part, tables):
        write_predictions(folder / "predictions", runs[final], classes)
        write_confusions(folder / "confusion", runs[final], classes)


def other_scores(
    run: Run,
    classes: Sequence[str],
    score_for_claims: Callable[[Run], pd.DataFrame] | None,
) -> pd.DataFrame:
    """The scores of each replicate that only claims ask for."""
    tables = [confusion_shares(run, classes), class_sizes(run, classes)]
    if score_for_claims:
        tables.append(score_for_claims(run))
    return pd.concat(tables, axis="columns")


def report_missing_classes(part: str, runs: dict[str, Run], classes: Sequence[str]) -> None:
    """Say which classes have no samples, and so no scores."""
    missing: dict[tuple[str, str], list[str]] = {}
    for run, of_run in runs.items():
        sizes = class_sizes(of_run, classes).min()
        for split, name in product(of_run.truth, classes):
            if not sizes[f"{split}_samples_{name}"]:
                missing.setdefault((split, name), []).append(run)
    for (split, name), members in missing.items():
        of = "" if len(members) == len(runs) else f" of {', '.join(members)}"
        say(f"{part}: no {split} sample{of} is of class {name}, so there is no score for it")
