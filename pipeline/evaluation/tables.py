"""What both evaluations write to plots/<part>/ and metrics/<part>/, and how the tables there are read."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.common.paths import METRICS, PLOTS
from pipeline.common.runs import SNAPSHOT, Run
from pipeline.common.storage import write_json
from pipeline.evaluation.claims import OTHERS, Tables, final_run
from pipeline.evaluation.curves import write_curves
from pipeline.evaluation.measures import measure_of, score_name
from pipeline.evaluation.scores import class_sizes, count_pairs
from pipeline.runtime.errors import InputError
from pipeline.runtime.files import whole_folder

REPLICATES, RUNS = "replicates.csv", "runs.csv"
CLASS_ACCURACY = "class_accuracy.csv"
MOST_IN_MATRIX = 20  # classes, of a confusion matrix whose cells can be read
MADE_BY = {  # the stage that makes a table, by what its path has
    "boxes.csv": "crop_masks",
    "mlp": "evaluate_mlp",
    "cnn": "evaluate_cnn",
    "latents": "project_latents",
    "separation": "project_latents",
    "claims": "check_claims",
}


def read_csv(path: Path, **options: Any) -> pd.DataFrame:
    """A CSV file, in which only an empty cell is missing: the class `none` and the text NA are values."""
    if not path.is_file():
        raise InputError(f"{path} is missing; {how_made(path)}")
    return pd.read_csv(path, keep_default_na=False, na_values=[""], **options)


def read_rows(path: Path, runs: Iterable[str]) -> pd.DataFrame:
    """The rows of these runs in a table with a column `run`; those of other runs may be left from before."""
    table = read_csv(path, dtype={"run": str, "class": str})
    if missing := sorted(set(runs) - set(table.run)):
        raise InputError(f"{path} has no row of the run {', '.join(missing)}; {how_made(path)}")
    return table[table.run.isin(runs)].reset_index(drop=True)


def how_made(path: Path) -> str:
    """What to do where a table is missing, or is not of the settings as they are.

    >>> how_made(Path("plots/mlp/curves/T1.csv"))
    '`dvc repro evaluate_mlp` makes it'
    """
    stages = [MADE_BY[part] for part in reversed(path.parts) if part in MADE_BY]
    return f"`dvc repro {stages[0]}` makes it" if stages else "`dvc repro` makes it"


def write_metrics(part: str, means: dict[str, dict[str, float]], scores: Sequence[str]) -> None:
    """metrics/<part>/<run>.json: those of the `scores` that the run has."""
    with whole_folder(METRICS / part) as folder:
        for name, values in means.items():
            write_json(folder / f"{name}.json", {key: values[key] for key in scores if key in values})


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
    write_confusions(folder / "confusion", runs, classes)
    if final := final_run(part, tables):
        write_predictions(folder / "predictions", runs[final], classes)


def others(tables: Tables, runs: list[str]) -> Tables:
    """The runs that are in no table, as one; nothing if there is none."""
    names = [name for name in runs if not any(name in members for members in tables.values())]
    return {OTHERS: names} if names else {}


def write_runs(folder: Path, means: dict[str, dict[str, float]]) -> None:
    """runs.csv: a row for each run, with the mean of every score over replicates, and <score>_std."""
    pd.DataFrame.from_dict(means, orient="index").rename_axis("run").to_csv(folder / RUNS)


def write_tables(
    folder: Path, tables: Tables, runs: dict[str, Run], metrics: dict[str, dict[str, float]]
) -> None:
    """<table>.csv: a row for each run, with the settings in which the rows differ and every score."""
    folder.mkdir()
    for table, names in tables.items():
        settings = [runs[name].settings for name in names]
        differing = [key for key in settings[0] if any(each[key] != settings[0][key] for each in settings)]
        rows = [
            {"run": name, **{key: each[key] for key in differing}, **metrics[name]}
            for name, each in zip(names, settings, strict=True)
        ]
        pd.DataFrame(rows).to_csv(folder / f"{table}.csv", index=False)


def write_class_accuracy(
    folder: Path, runs: dict[str, Run], scores: dict[str, dict[str, float]], classes: Sequence[str]
) -> None:
    """class_accuracy.csv: a row for each run, split and class: accuracy, its deviation, samples of the class.

    `scores` are means and deviations over replicates; samples are the rounded mean. The accuracy of a class
    without samples is empty.
    """
    rows = []
    for run, of_run in runs.items():
        sizes, s = class_sizes(of_run, classes).mean(), scores[run]
        for split in of_run.truth:
            for name in classes:
                key, samples = score_name(split, "accuracy", name), sizes[score_name(split, "samples", name)]
                rows.append((run, split, name, s.get(key), s.get(f"{key}_std"), round(samples)))
    columns = ["run", "split", "class", "accuracy", "std", "samples"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / CLASS_ACCURACY, index=False)


def read_class_accuracy(part: str, runs: Iterable[str]) -> pd.DataFrame:
    """class_accuracy.csv of a part."""
    return read_rows(PLOTS / part / CLASS_ACCURACY, runs)


def count_samples(accuracy: pd.DataFrame, split: str | None = None) -> dict[str, int]:
    """How many samples of each class the data have, in a split or in all, as the first run of
    class_accuracy.csv has them.
    """
    rows = accuracy[accuracy.run == accuracy.run.iloc[0]]
    if split:
        rows = rows[rows.split == split]
    return {str(name): int(count) for name, count in rows.groupby("class").samples.sum().items()}


def write_predictions(folder: Path, run: Run, classes: Sequence[str]) -> None:
    """<split>.csv: a row for each sample: truth, and what replicate 0 of the run predicts. Of a run with a
    snapshot, test.csv also has what it predicted then.
    """
    folder.mkdir()
    names = np.array(classes)
    for split, (labels, *_) in run.truth.items():
        table = pd.DataFrame({"truth": names[labels], "predicted": names[run.predictions[split][0]]})
        if split == "test" and SNAPSHOT in run.predictions:
            table["snapshot"] = names[run.predictions[SNAPSHOT][0]]
        table.to_csv(folder / f"{split}.csv", index=False)


def write_confusions(folder: Path, runs: dict[str, Run], classes: Sequence[str]) -> None:
    """<run>.csv: a row for each split and pair of classes, also one that never occurs: how many samples of
    replicate 0, and their share of the samples of this truth. Nothing where the classes are more than a
    matrix can show.
    """
    folder.mkdir()
    pairs = pd.MultiIndex.from_product([classes, classes], names=["truth", "predicted"])
    for name, run in runs.items() if len(classes) <= MOST_IN_MATRIX else ():
        tables = {}
        for split in run.truth:
            counts = count_pairs(*next(run.samples(split)), len(classes))
            shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
            tables[split] = pd.DataFrame({"samples": counts.ravel(), "share": shares.ravel()}, pairs)
        pd.concat(tables, names=["split"]).to_csv(folder / f"{name}.csv", float_format="%.4g")


def write_replicates(
    folder: Path, scores: dict[str, pd.DataFrame], for_claims: dict[str, pd.DataFrame]
) -> None:
    """replicates.csv: a row for each run and replicate, with every score, unrounded, those that only claims
    ask for last.
    """
    every = {run: pd.concat([scores[run], for_claims[run]], axis="columns") for run in scores}
    table = pd.concat({run: each.rename_axis("replicate") for run, each in every.items()}, names=["run"])
    table.to_csv(folder / REPLICATES)


def read_replicates(part: str, runs: Iterable[str]) -> dict[str, np.ndarray]:
    """Every score of these runs in replicates.csv by its measure: (replicates,)."""
    table = read_rows(PLOTS / part / REPLICATES, runs)
    scores = {score: column.to_numpy() for score, column in table.iloc[:, 2:].items()}
    rows = {run: np.flatnonzero(table.run == run) for run in table.run.unique()}
    return {
        measure_of(part, run, score): values[places]
        for run, places in rows.items()
        for score, values in scores.items()
    }
