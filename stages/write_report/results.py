"""Read the results of the earlier stages. What params.yaml leaves out is left out here too."""

from typing import Any, NamedTuple

import pandas as pd

from pipeline.common.classes import SPLITS
from pipeline.common.paths import (
    BOXES,
    BOXES_NOTES,
    DIGITS_NOTES,
    FINDINGS,
    LATENTS,
    PLOTS,
    RAW_DIGITS,
    RAW_MASKS,
    SEPARATION,
    SETTINGS,
    SOURCE,
)
from pipeline.common.storage import read_json
from pipeline.evaluation.folds import FOLDS
from pipeline.evaluation.layout import OTHERS, Tables, final_run, read_tables
from pipeline.evaluation.tables import CLASS_ACCURACY, RUNS, read_csv
from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import section
from stages.write_report.contents import PARTS

NO_FOLDS = pd.DataFrame({"run": []})
Runs = dict[str, dict[str, dict[str, Any]]]  # part: run: name: value, where a part is "mlp" or "cnn"


class Results(NamedTuple):
    """Tables and curves are {part: {table: rows}}, as evaluate_* writes them, with the runs that are in no
    table as the last table, "others".
    """

    settings: Runs  # defaults filled in
    scores: Runs  # means over replicates, and their deviations as <score>_std
    claims: pd.DataFrame  # a row for each, indexed by id
    tables: dict[str, dict[str, pd.DataFrame]]
    curves: dict[str, dict[str, pd.DataFrame]]
    digits: dict[str, pd.DataFrame]  # split: truth and prediction of each sample of the final MLP
    crops: dict[str, pd.DataFrame]  # split: the rows of boxes.csv with the prediction of the final CNN
    class_accuracy: dict[str, pd.DataFrame]  # part: a row for each run, split and class
    folds: pd.DataFrame  # folds.csv: the pooled recalls of each run of part 2 that is in folds, if any
    methods: dict[str, str]  # figure of latent features: units, pca or tsne
    latents: dict[str, pd.DataFrame]  # figure: points
    separation: dict[str, pd.DataFrame]  # figure: a row for each replicate and epoch
    sources: dict[str, dict[str, Any]]  # "digits", "masks": source.json
    notes: dict[str, dict[str, Any]]  # the same: how the source was read

    @property
    def mask_classes(self) -> list[str]:
        """The classes of part 2, in their order."""
        return list(self.class_accuracy["cnn"]["class"].drop_duplicates())

    def samples(self, part: str) -> dict[str, int]:
        """How many samples of each class there are in all splits together."""
        rows = self.class_accuracy[part]
        sizes = rows[rows.run == rows.run.iloc[0]].groupby("class").samples.sum()
        return {str(name): int(count) for name, count in sizes.items()}


def read_results(params: dict[str, Any]) -> Results:
    """All results but pictures."""
    tables = {part: read_folder(params, part, "tables") for part in PARTS}
    predictions = {part: read_predictions(part, read_tables(params, part)) for part in PARTS}
    figures = section(params, "project_latents")
    folds = PLOTS / "cnn" / FOLDS
    boxes = read_csv(BOXES, dtype={"label": str, "photograph": str})
    return Results(
        settings={part: read_settings(params, part) for part in PARTS},
        scores={part: read_scores(part) for part in PARTS},
        claims=read_csv(FINDINGS, index_col="id"),
        tables=tables,
        curves={part: read_folder(params, part, "curves") for part in PARTS},
        digits=predictions["mlp"],
        crops={split: join_boxes(boxes, split, rows) for split, rows in predictions["cnn"].items()},
        class_accuracy={
            part: read_csv(PLOTS / part / CLASS_ACCURACY, dtype={"class": str}) for part in PARTS
        },
        folds=read_csv(folds, dtype={"run": str, "class": str}) if folds.is_file() else NO_FOLDS,
        methods={figure: settings["method"] for figure, settings in figures.items()},
        latents={figure: read_csv(LATENTS / f"{figure}.csv") for figure in figures},
        separation={figure: read_csv(SEPARATION / f"{figure}.csv") for figure in figures},
        sources={raw.name: read_json(raw / SOURCE) for raw in (RAW_DIGITS, RAW_MASKS)},
        notes={
            RAW_DIGITS.name: read_json(DIGITS_NOTES),
            RAW_MASKS.name: read_json(BOXES_NOTES),
        },
    )


def read_folder(params: dict[str, Any], part: str, kind: str) -> dict[str, pd.DataFrame]:
    """plots/<part>/<kind>/<table>.csv of every table, in the order of params.yaml."""
    folder = PLOTS / part / kind
    names = list(read_tables(params, part))
    if (folder / f"{OTHERS}.csv").is_file():
        names.append(OTHERS)
    return {name: read_csv(folder / f"{name}.csv", dtype={"run": str}) for name in names}


def read_settings(params: dict[str, Any], part: str) -> dict[str, dict[str, Any]]:
    """The settings of every run of a part."""
    return {run: read_json(SETTINGS / part / f"{run}.json") for run in section(params, f"{part}.runs")}


def read_scores(part: str) -> dict[str, dict[str, Any]]:
    """Every score of every run of a part; one without a value, as of a class without samples, is left out."""
    table = read_csv(PLOTS / part / RUNS, dtype={"run": str}).set_index("run")
    return {str(run): row.dropna().to_dict() for run, row in table.iterrows()}


def read_predictions(part: str, tables: Tables) -> dict[str, pd.DataFrame]:
    """By split, what the first replicate of the part's final network predicts; empty if there is none."""
    splits = SPLITS if final_run(part, tables) else ()
    return {split: read_csv(PLOTS / part / f"predictions/{split}.csv", dtype=str) for split in splits}


def join_boxes(boxes: pd.DataFrame, split: str, predictions: pd.DataFrame) -> pd.DataFrame:
    """The boxes of a split with `truth` and `predicted` of the final CNN, whose rows have the same order."""
    rows = boxes[boxes.split == split].reset_index(drop=True)
    if rows.label.tolist() != predictions.truth.tolist():
        raise InputError(
            f"the rows of {BOXES} are not those of plots/cnn/predictions/{split}.csv; "
            "run dvc repro to make both again"
        )
    return rows.join(predictions)
