"""Read the results of the earlier stages. What params.yaml leaves out is left out here too."""

import math
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.common.classes import SPLITS
from pipeline.common.paths import (
    BOXES,
    BOXES_NOTES,
    DIGITS_NOTES,
    LATENTS,
    PLOTS,
    RAW_DIGITS,
    RAW_MASKS,
    SEPARATION,
    SETTINGS,
    SOURCE,
)
from pipeline.common.storage import read_json
from pipeline.evaluation.claims import Claims, Tables, final_run, report_tables
from pipeline.evaluation.folds import FOLDS
from pipeline.evaluation.measures import measure_of
from pipeline.evaluation.scores import confusion_scores
from pipeline.evaluation.tables import (
    RUNS,
    others,
    read_class_accuracy,
    read_csv,
    read_replicates,
    read_rows,
)
from pipeline.evaluation.verdicts import read_findings
from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import section
from stages.write_report.contents import PARTS

NO_FOLDS = pd.DataFrame({"run": []})
Runs = dict[str, dict[str, dict[str, Any]]]  # part: run: name: value, where a part is "mlp" or "cnn"


class Results(NamedTuple):
    """Tables and curves are {part: {table: rows}}, as evaluate_* writes them, with the runs that are in no
    table as the last table, "others".
    """

    finals: dict[str, str | None]  # part: the run that is its final network, if it is there
    settings: Runs  # defaults filled in
    scores: Runs  # means over replicates, and their deviations as <score>_std
    replicates: dict[str, dict[str, np.ndarray]]  # part: every score by its measure (replicates,)
    claims: pd.DataFrame  # as `read_findings` gives them
    tables: dict[str, dict[str, pd.DataFrame]]
    curves: dict[str, dict[str, pd.DataFrame]]
    digits: dict[str, pd.DataFrame]  # split: truth and prediction of each sample of the final MLP
    boxes: pd.DataFrame  # boxes.csv
    crops: dict[str, pd.DataFrame]  # split: its rows of boxes.csv with the prediction of the final CNN
    class_accuracy: dict[str, pd.DataFrame]  # part: a row for each run, split and class
    confusions: dict[str, dict[str, np.ndarray]]  # part: run: see `confusion_of`
    folds: pd.DataFrame  # folds.csv: the pooled recalls of each run of part 2 that is in folds, if any
    methods: dict[str, str]  # figure of latent features: units, pca or tsne
    latents: dict[str, pd.DataFrame]  # figure: points
    separation: dict[str, pd.DataFrame]  # figure: a row for each replicate and epoch
    sources: dict[str, dict[str, Any]]  # "digits", "masks": source.json
    notes: dict[str, dict[str, Any]]  # the same: how the source was read

    @property
    def digit_classes(self) -> list[str]:
        """The classes of part 1, in their order."""
        return list(self.class_accuracy["mlp"]["class"].drop_duplicates())

    @property
    def mask_classes(self) -> list[str]:
        """The classes of part 2, in their order."""
        return list(self.class_accuracy["cnn"]["class"].drop_duplicates())


def read_results(params: dict[str, Any], claims: Claims) -> Results:
    """All results but pictures."""
    settings = {part: read_settings(params, part) for part in PARTS}
    tables = {part: report_tables(claims, part, settings[part]) for part in PARTS}
    finals = {part: final_run(part, tables[part]) for part in PARTS}
    predictions = {part: read_predictions(part) if final else {} for part, final in finals.items()}
    figures = section(params, "project_latents")
    in_folds = [run for run, values in settings["cnn"].items() if values["folds"]]
    boxes = read_csv(BOXES, dtype={"label": str, "photograph": str})
    class_accuracy = {part: read_class_accuracy(part, runs) for part, runs in settings.items()}
    cells = {
        part: confusion_scores("test", list(rows["class"].drop_duplicates()))
        for part, rows in class_accuracy.items()
    }
    replicates = {part: read_replicates(part, runs) for part, runs in settings.items()}
    return Results(
        finals=finals,
        settings=settings,
        scores={part: read_scores(part, runs) for part, runs in settings.items()},
        replicates=replicates,
        claims=read_findings(),
        tables={part: read_folder(part, "tables", tables[part], runs) for part, runs in settings.items()},
        curves={part: read_folder(part, "curves", tables[part], runs) for part, runs in settings.items()},
        digits=predictions["mlp"],
        boxes=boxes,
        crops={split: join_boxes(boxes, split, rows) for split, rows in predictions["cnn"].items()},
        class_accuracy=class_accuracy,
        confusions={
            part: {run: confusion_of(replicates[part], part, run, cells[part]) for run in runs}
            for part, runs in settings.items()
        },
        folds=read_rows(PLOTS / "cnn" / FOLDS, in_folds) if in_folds else NO_FOLDS,
        methods={figure: settings["method"] for figure, settings in figures.items()},
        latents={figure: read_csv(LATENTS / f"{figure}.csv", dtype={"digit": str}) for figure in figures},
        separation={figure: read_csv(SEPARATION / f"{figure}.csv") for figure in figures},
        sources={raw.name: read_json(raw / SOURCE) for raw in (RAW_DIGITS, RAW_MASKS)},
        notes={
            RAW_DIGITS.name: read_json(DIGITS_NOTES),
            RAW_MASKS.name: read_json(BOXES_NOTES),
        },
    )


def read_folder(part: str, kind: str, tables: Tables, runs: Collection[str]) -> dict[str, pd.DataFrame]:
    """plots/<part>/<kind>/<table>.csv of every table, in their order, with the rows of these runs."""
    read = {}
    for name in [*tables, *others(tables, list(runs))]:
        rows = read_csv(PLOTS / part / kind / f"{name}.csv", dtype={"run": str})
        read[name] = rows[rows.run.isin(runs)]
    return read


def read_settings(params: dict[str, Any], part: str) -> dict[str, dict[str, Any]]:
    """The settings of every run of a part, from the files that check_settings wrote."""
    runs = section(params, f"{part}.runs")
    return {run: read_json(SETTINGS / part / f"{run}.json")["settings"] for run in runs}


def read_scores(part: str, runs: Collection[str]) -> dict[str, dict[str, Any]]:
    """Every score of every run of a part; one without a value, as of a class without samples, is left out."""
    table = read_rows(PLOTS / part / RUNS, runs).set_index("run")
    return {str(run): row.dropna().to_dict() for run, row in table.iterrows()}


def confusion_of(replicates: dict[str, np.ndarray], part: str, run: str, cells: Sequence[str]) -> np.ndarray:
    """The share of all test samples that are of a class (rows) and were taken for a class (columns), the mean
    over replicates; `cells` are the scores of these shares.
    """
    shares = [replicates[measure_of(part, run, cell)].mean() for cell in cells]
    return np.array(shares).reshape(math.isqrt(len(cells)), -1)


def mean_confusion(results: Results, run: str) -> pd.DataFrame:
    """The shares of an MLP's test samples by true class (rows) and predicted class, means over replicates."""
    classes = results.digit_classes
    return pd.DataFrame(results.confusions["mlp"][run], index=classes, columns=classes)


def read_predictions(part: str) -> dict[str, pd.DataFrame]:
    """By split, what the first replicate of the part's final network predicts."""
    return {split: read_csv(PLOTS / part / f"predictions/{split}.csv", dtype=str) for split in SPLITS}


def join_boxes(boxes: pd.DataFrame, split: str, predictions: pd.DataFrame) -> pd.DataFrame:
    """The boxes of a split with `truth` and `predicted` of the final CNN, whose rows have the same order."""
    rows = boxes[boxes.split == split].reset_index(drop=True)
    if rows.label.tolist() != predictions.truth.tolist():
        raise InputError(
            f"the rows of {BOXES} are not those of plots/cnn/predictions/{split}.csv; "
            "run dvc repro to make both again"
        )
    return rows.join(predictions)
