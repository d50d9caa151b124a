"""The report's tables and claims as the page shows them: its values beside ours."""

import re
from typing import NamedTuple

import pandas as pd

from pipeline.common.classes import MASK_CLASSES
from pipeline.report.contents import TABLES
from pipeline.report.figures.shares import interval

MARKS = {"passed": "✓", "failed": "✗", "contradicted": "≠", "not_comparable": "–"}
NAMES = {
    "train_accuracy": "training accuracy",
    "test_accuracy": "test accuracy",
    "train_error": "training error",
    "test_error": "test error",
    "train_loss": "training loss",
    "reported_loss": "loss / batch size",
    "epochs": "epochs trained",
}
OF_MLP = [["train_accuracy", "test_accuracy", "reported_loss"]]
OF_CNN = [["train_accuracy", "test_accuracy", "train_loss"]]
OF_CLASSES = [[f"{split}_accuracy_{name}" for name in MASK_CLASSES] for split in ("train", "test")]
# The scores of each table, a panel for each list.
PANELS = {
    "T1": OF_MLP,
    "T2": OF_MLP,
    "T3": OF_MLP,
    "T4": OF_MLP,
    "T5": [["train_accuracy", "test_accuracy", "epochs"]],
    "T6": OF_MLP,
    "T7": [["train_error", "test_error", "reported_loss"]],
    "T8": OF_MLP,
    "T9": OF_CNN + OF_CLASSES,
    "T10": OF_CNN + OF_CLASSES,
    "T11": OF_CNN + OF_CLASSES,
    "T12": OF_CNN,
    "T13": OF_CLASSES,
    "T14": OF_CNN + OF_CLASSES,
}
CAPTIONS = {
    "train_accuracy_bad": "Accuracy of each class, training set",
    "test_accuracy_bad": "Accuracy of each class, test set",
}
NOT_SHOWN = {"epochs", "snapshot_epoch"}  # the epochs trained are a score; a snapshot changes none


class Cell(NamedTuple):
    """One score of one run; all but `ours` is empty where the report has no such figure."""

    report: str
    ours: str
    verdict: str
    tolerance: str


class Panel(NamedTuple):
    """A table on the page: heads, a row (name, settings, cells) for each run, notes beneath.

    `reported` is whether the report gives any of its figures.
    """

    title: str
    scores: list[str]
    settings: list[str]
    rows: list[tuple[str, list[str], list[Cell]]]
    notes: list[str]
    reported: bool


def number(score: str, value: float) -> str:
    """A score as text: accuracies with four digits after the point, losses with three that count."""
    if score == "epochs":
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.3g}" if score.endswith("loss") else f"{value:.4f}"


def percent(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f} %"


def score_name(score: str) -> str:
    return NAMES.get(score) or score.rsplit("_", 1)[1]


def find_claim(claims: pd.DataFrame, table: str, run: str, score: str) -> str | None:
    """The id of the claim about a cell. Where the report gives a run that stands in several tables in one
    of them only, it is the id of that one.
    """
    part = next(tables for tables in TABLES.values() if table in tables)
    keys = [f"{name}.{run}.{score}" for name in (table, *part)]
    return next((key for key in keys if key in claims.index), None)


def make_cell(row: pd.Series, claims: pd.DataFrame, table: str, score: str) -> Cell:
    """The cell of a table's `row` (of tables/T<n>.csv), with what the claims say of it."""
    ours = number(score, row[score])
    if pd.notna(row.get(f"{score}_std")):
        ours += f" ± {number(score, row[f'{score}_std'])}"
    key = find_claim(claims, table, row.run, score)
    if key is None:
        return Cell("", ours, "", "")
    claim = claims.loc[key]
    return Cell(number(score, claim.report), ours, claim.verdict, tolerance(claim))


def make_panels(table: str, rows: pd.DataFrame, claims: pd.DataFrame, samples: pd.Series) -> list[Panel]:
    """The panels of a table; `samples` are the test samples of each class of part 2."""
    differing = rows.columns[1 : rows.columns.get_loc("train_accuracy")]
    settings = [key for key in differing if key not in NOT_SHOWN]
    panels = []
    for scores in PANELS[table]:
        lines = [
            (row.run, [str(row[key]) for key in settings], [make_cell(row, claims, table, s) for s in scores])
            for _, row in rows.iterrows()
        ]
        panels.append(
            Panel(
                title=CAPTIONS.get(scores[0], ""),
                scores=[score_name(score) for score in scores],
                settings=settings,
                rows=lines,
                notes=small_samples(rows, samples, claims, table) if scores[0] == "test_accuracy_bad" else [],
                reported=any(cell.report for _, _, cells in lines for cell in cells),
            )
        )
    return panels


def small_samples(rows: pd.DataFrame, samples: pd.Series, claims: pd.DataFrame, table: str) -> list[str]:
    """What the accuracy of the smallest class rests on, in each run, the report's figure and ours."""
    name, size = samples.idxmin(), int(samples.min())
    if not size:
        return [f"The test set has no crop of class {name}."]
    notes = []
    for _, row in rows.iterrows():
        score = f"test_accuracy_{name}"
        said = [f"ours, {say_share(row[score], size)}"]
        key = find_claim(claims, table, row.run, score)
        if key is not None:
            said.insert(0, f"the report's, {say_share(claims.report[key], size, digits=0)}")
        notes.append(f"{row.run}, class {name}: {'; '.join(said)}.")
    return notes


def say_share(share: float, samples: int, digits: int = 1) -> str:
    """A share of few samples in words; the mean of ours over replicates may be a part of a sample.

    >>> say_share(0.27, 22, digits=0)
    '27 %, is 6 of 22 (95 % interval 13 % to 48 %)'
    """
    low, high = interval(share, samples)
    count = f"{share * samples:.{digits}f}".removesuffix(".0")
    bounds = f"95 % interval {percent(low, 0)} to {percent(high, 0)}"
    return f"{percent(share, 0)}, is {count} of {samples} ({bounds})"


class ClaimRow(NamedTuple):
    """A claim as the page shows it; `place` is the section that it is about, or empty."""

    key: str
    sentence: str
    verdict: str
    probability: str
    evidence: list[str]
    place: str


def list_claims(claims: pd.DataFrame) -> list[ClaimRow]:
    """The claims in words, C1 to C19; those about cells stand in the tables."""
    rows = claims[claims.kind != "value"].fillna({"evidence": ""})
    return [
        ClaimRow(
            key,
            row.sentence,
            row.verdict,
            "" if pd.isna(row.probability) else f"{row.probability:.3f}",
            row.evidence.split("; "),
            place(row["where"]),
        )
        for key, row in rows.iterrows()
    ]


def place(where: str) -> str:
    """The id of the section that a claim's `where` names first.

    >>> place("F2 and F3")
    'F2'
    """
    found = re.search(r"\b[TF]\d+\b", where)
    return found.group() if found else ""


def confusion_cells(claims: pd.DataFrame, split: str) -> list[tuple[str, list[Cell]]]:
    """Figure F4: the cells of the report's matrix that can be read, a row for each true class, as percent
    of the samples of the split; the columns are the predicted classes 0 to 9.
    """
    rows = []
    for truth in map(str, range(10)):
        keys = [f"F4.{split}.{truth}.{predicted}" for predicted in range(10)]
        cells = [make_share(claims.loc[key]) if key in claims.index else Cell("", "", "", "") for key in keys]
        if any(cell.ours for cell in cells):
            rows.append((truth, cells))
    return rows


def make_share(claim: pd.Series) -> Cell:
    return Cell(f"{100 * claim.report:.2f}", f"{100 * claim.ours:.2f}", claim.verdict, tolerance(claim))


def tolerance(claim: pd.Series) -> str:
    return "no tolerance stated" if pd.isna(claim.tolerance) else f"tolerance {claim.tolerance:.3g}"
