"""The report's tables, its figures and ours side by side, and its claims, as the page shows them."""

import re
from typing import NamedTuple

import pandas as pd

from stages.figures.shares import wilson

MARKS = {"passed": "✓", "failed": "✗", "contradicted": "≠", "not comparable": "–"}
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
OF_CLASSES = [[f"{split}_accuracy_{name}" for name in ("bad", "good", "none")] for split in ("train", "test")]
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
NOT_SHOWN = {"snapshot_epoch"}  # a setting that changes no score
MLP_TABLES = tuple(f"T{number}." for number in range(1, 9))


class Cell(NamedTuple):
    """One score of one run; `report` and `verdict` are empty where the report has no such figure."""

    report: str
    ours: str
    verdict: str


class Panel(NamedTuple):
    """A table on the page: heads, a row (name, settings, cells) for each run, notes beneath."""

    title: str
    scores: list[str]
    settings: list[str]
    rows: list[tuple[str, list[str], list[Cell]]]
    notes: list[str]


def number(score: str, value: float) -> str:
    """A score as text: accuracies with four digits after the point, losses with three that count."""
    if score == "epochs":
        return f"{value:g}"
    return f"{value:.3g}" if score.endswith("loss") else f"{value:.4f}"


def score_name(score: str) -> str:
    return NAMES.get(score) or score.rsplit("_", 1)[1]


def find_claim(claims: pd.DataFrame, table: str, run: str, score: str) -> str | None:
    """The id of the claim about a cell; the report states a run that stands in two tables in one of them."""
    same_part = [
        key for key in claims.index if key.startswith(MLP_TABLES) == f"{table}.".startswith(MLP_TABLES)
    ]
    own = f"{table}.{run}.{score}"
    return next(
        (key for key in (own, *same_part) if key in claims.index and key.endswith(own[len(table) :])), None
    )


def make_cell(row: pd.Series, claims: pd.DataFrame, table: str, score: str) -> Cell:
    """The cell of a table's `row` (of tables/T<n>.csv), with what the claims say of it."""
    ours = number(score, row[score])
    if pd.notna(row.get(f"{score}_std")):
        ours += f" ± {number(score, row[f'{score}_std'])}"
    key = find_claim(claims, table, row.run, score)
    if key is None:
        return Cell("", ours, "")
    return Cell(number(score, float(claims.report[key])), ours, claims.verdict[key])


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
        title = {"train_accuracy_bad": "Accuracy of each class, training set",
                 "test_accuracy_bad": "Accuracy of each class, test set"}.get(scores[0], "")  # fmt: skip
        notes = small_samples(rows, samples) if scores[0] == "test_accuracy_bad" else []
        panels.append(Panel(title, [score_name(score) for score in scores], settings, lines, notes))
    return panels


def small_samples(rows: pd.DataFrame, samples: pd.Series) -> list[str]:
    """What the accuracy of the smallest class rests on, in each run: samples found and a 95 % interval."""
    name, size = samples.idxmin(), int(samples.min())
    notes = []
    for row in rows.itertuples():
        share = getattr(row, f"test_accuracy_{name}")
        low, high = wilson(share * size, size)
        notes.append(
            f"{row.run}: {share:.0%} of {name} is {share * size:.3g} of {size} crops; "
            f"the 95 % interval (Wilson) reaches from {low:.0%} to {high:.0%}."
        )
    return notes


class Claim(NamedTuple):
    """A claim as the page shows it; `place` is the section that it is about, or empty."""

    key: str
    sentence: str
    verdict: str
    evidence: str
    place: str


def list_claims(claims: pd.DataFrame) -> list[Claim]:
    """The claims in words, C1 to C19; the cells of tables stand in the tables."""
    rows = claims[claims.index.str.fullmatch(r"C\d+\w*")]
    return [
        Claim(key, row.sentence, row.verdict, evidence(row), place(row["where"]))
        for key, row in rows.iterrows()
    ]


def place(where: str) -> str:
    """The id of the section that a claim's `where` names first."""
    found = re.search(r"\b[TF]\d+\b", str(where))
    return found.group() if found else ""


def evidence(row: pd.Series) -> str:
    """What a verdict rests on: the columns of the claim that are filled in."""
    parts = []
    if pd.notna(row.report):
        parts.append(f"report {row.report}")
    if pd.notna(row.ours):
        spread = f" ± {row['std']:.3g}" if pd.notna(row["std"]) else ""
        parts.append(f"ours {short(row.ours)}{spread}")
    if pd.notna(row.tolerance):
        parts.append(f"tolerance {short(row.tolerance)}")
    if pd.notna(row.low) and pd.notna(row.high):
        parts.append(f"95 % interval {row.low:.3g} to {row.high:.3g}")
    if pd.notna(row.probability):
        parts.append(f"holds with probability {row.probability:.3f}")
    return "; ".join(parts)


def short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
