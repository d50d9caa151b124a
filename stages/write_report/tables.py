"""The report's tables and claims as the page shows them: its values beside ours."""

import math
import re
from typing import Any, NamedTuple

import pandas as pd

from pipeline.common.classes import DIGIT_CLASSES, SPLITS
from pipeline.evaluation.claims import OTHERS, value_id
from pipeline.evaluation.folds import ALL, MEAN
from pipeline.evaluation.intervals import wilson_interval
from pipeline.evaluation.measures import NAMES, score_name
from pipeline.runtime.settings import section
from stages.write_report import left_open
from stages.write_report.changes import name_settings, setting_text
from stages.write_report.contents import LEFT_OPEN, OTHERS_TITLE, PARTS, TITLES
from stages.write_report.results import Results

MARKS = {"passed": "✓", "failed": "✗", "contradicted": "≠", "not_comparable": "○"}
SCORES = {
    "mlp": ("train_accuracy", "test_accuracy", "reported_loss"),
    "cnn": ("train_accuracy", "test_accuracy", "train_loss"),
}
SCORES_OF_TABLE = {  # for which the report has others than in the rest of its part
    "T5": ("train_accuracy", "test_accuracy", "epochs"),
    "T7": ("train_error", "test_error", "reported_loss"),
    "T16": ("validation_accuracy", "test_accuracy", "train_accuracy"),
}
WITHOUT_CLASSES = ("T12",)  # the table of part 2 that has no panels of classes; T13 has no others
ABOUT_CLASSES = ("T13", "T14")  # the tables that are about classes
CLASS_TITLES = {
    "train": "Accuracy of each class, training set",
    "test": "Accuracy of each class, test set",
}
NOT_SHOWN = {"epochs", "snapshot_epoch"}  # `epochs` is shown as a score, and snapshot_epoch changes no score


# The figures of project_latents that the page has a place for; others follow them.
SHOWN_LATENTS = ("F1_latents_16_2", "F1_latents_32_16_2", "F2_latents_20_15", "F3_latents_20_15")


class Cell(NamedTuple):
    """One score of one run; all but `ours` is empty where the report has no such value."""

    report: str
    ours: str
    verdict: str
    tolerance: str


class Panel(NamedTuple):
    """A table on the page: heads, a row (name, settings, cells) for each run, notes beneath.

    `reported`: whether the report gives any of its values. `collapsed`: whether only the title is shown at
    first. `names`: the runs in words, where these say more than their settings.
    """

    title: str
    scores: list[str]
    settings: list[str]
    rows: list[tuple[str, list[str], list[Cell]]]
    notes: list[str]
    reported: bool
    collapsed: bool
    names: dict[str, str] = {}


def number(score: str, value: float) -> str:
    """A score as text: accuracies with four digits after the point, losses with three significant digits."""
    if score == "epochs":
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.3g}" if score.endswith("loss") else f"{value:.4f}"


def percent(value: float, digits: int = 1) -> str:
    return f"{100 * value:.{digits}f} %"


def list_panels(part: str, table: str, classes: list[str]) -> list[tuple[str, dict[str, str]]]:
    """The panels of a table, each as its scores and their heads, after the split of which it has the
    accuracy of each class, or "".
    """
    shown = [("", {score: NAMES[score] for score in SCORES_OF_TABLE.get(table, SCORES[part])})]
    if part == "mlp" or table in WITHOUT_CLASSES:
        return shown
    of_classes = []
    for split in SPLITS:
        of_classes.append((split, {score_name(split, "accuracy", name): name for name in classes}))
    return of_classes if table == "T13" else shown + of_classes


def find_claim(claims: pd.DataFrame, part: str, table: str, run: str, score: str) -> str | None:
    """The id of the claim about a cell: that of this table, or else of the first other table of the part in
    which the report gives the run's score. None if there is none.
    """
    keys = [value_id(name, run, score) for name in (table, *PARTS[part])]
    return next((key for key in keys if key in claims.index), None)


def say_score(row: pd.Series, score: str) -> str:
    """A score with its standard deviation, where there is one; "" where there is no score.

    >>> say_score(pd.Series({"train_loss": 0.01301, "train_loss_std": 7.25e-5}), "train_loss")
    '0.0130 ± 0.0001'
    """
    if pd.isna(row.get(score)):
        return ""
    said, spread = number(score, row[score]), row.get(f"{score}_std")
    if pd.isna(spread):
        return said
    if not score.endswith("loss"):
        return f"{said} ± {number(score, spread)}"
    said = f"{row[score]:#.3g}"
    return f"{said} ± {spread:.{len(said.partition('.')[2])}f}"


def make_cell(row: pd.Series, claims: pd.DataFrame, part: str, table: str, score: str) -> Cell:
    """The cell of a table's `row` (of tables/<table>.csv), with what the claims say of it."""
    if pd.isna(row.get(score)):
        return Cell("", "–" if score == "validation_accuracy" else "no samples", "", "")
    ours = say_score(row, score)
    key = find_claim(claims, part, table, row.run, score)
    if key is None:
        return Cell("", ours, "", "")
    claim = claims.loc[key]
    return Cell(number(score, claim.report), ours, claim.verdict, tolerance(claim))


def make_panels(
    part: str, table: str, rows: pd.DataFrame, claims: pd.DataFrame, samples: pd.Series
) -> list[Panel]:
    """The panels of a table; `samples` are the test samples of each class of part 2."""
    differing = rows.columns[1 : rows.columns.get_loc("train_accuracy")]
    names = left_open.RUN_NAMES if table in LEFT_OPEN else {}
    shown = table != OTHERS and not names
    settings = [key for key in differing if key not in NOT_SHOWN] if shown else []
    panels = []
    for split, scores in list_panels(part, table, list(samples.index)):
        lines = [
            (
                row.run,
                [setting_text(row[key]) for key in settings],
                [make_cell(row, claims, part, table, s) for s in scores],
            )
            for _, row in rows.iterrows()
        ]
        panels.append(
            Panel(
                title=CLASS_TITLES.get(split, ""),
                scores=list(scores.values()),
                settings=settings,
                rows=lines,
                notes=small_samples(part, rows, samples, claims, table) if split == "test" else [],
                reported=any(cell.report for _, _, cells in lines for cell in cells),
                collapsed=bool(split) and table not in ABOUT_CLASSES,
                names=names,
            )
        )
    return panels


def make_fold_panel(folds: pd.DataFrame, runs: dict[str, str]) -> Panel:
    """The panel of T15: of each run the recalls over all folds, with Wilson intervals, and the accuracy."""
    classes = folds["class"].drop_duplicates()
    scores = [MEAN, ALL, *classes[~classes.isin([ALL, MEAN])]]
    lines: list[tuple[str, list[str], list[Cell]]] = []
    for run in runs:
        rows = folds[folds.run == run].set_index("class")
        lines.append((run, [], [Cell("", say_recall(rows.loc[score]), "", "") for score in scores]))
    note = "Over the crops of all folds together; in brackets the 95 % Wilson interval."
    return Panel("", name_shares(scores), [], lines, [note], reported=False, collapsed=False, names=runs)


def name_shares(classes: list[str]) -> list[str]:
    """The heads of the columns of folds.csv's classes."""
    return [{ALL: "accuracy", MEAN: "mean recall"}.get(name, f"recall of {name}") for name in classes]


def say_recall(row: pd.Series) -> str:
    """A recall, and its interval if it has one.

    >>> say_recall(pd.Series({"recall": 0.944, "low": 0.924, "high": 0.959}))
    '0.944 (0.92–0.96)'
    """
    interval = "" if pd.isna(row.low) else f" ({row.low:.2f}–{row.high:.2f})"
    return "no samples" if pd.isna(row.recall) else f"{row.recall:.3f}{interval}"


class Section(NamedTuple):
    """A table and its panels, on the page; `key` is its id, and names its curves; `finding` is a sentence."""

    key: str
    name: str
    title: str
    finding: str
    panels: list[Panel]


def list_sections(results: Results) -> dict[str, list[Section]]:
    """The tables of each part, in the order of claims.yaml."""
    accuracy = results.class_accuracy["cnn"]
    accuracy = accuracy[accuracy.split == "test"]
    sections: dict[str, list[Section]] = {}
    for part, tables in results.tables.items():
        sections[part] = []
        for name, rows in tables.items():
            key, title = (f"{name}_{part}", OTHERS_TITLE) if name == OTHERS else (name, TITLES.get(name, ""))
            test = accuracy[accuracy.run == rows.run.iloc[0]].set_index("class").samples
            panels = make_panels(part, name, rows, results.claims, test)
            if name == "T15" and (runs := left_open.remedies(results)):
                panels = [make_fold_panel(results.folds, runs)]
            if name in LEFT_OPEN:  # each has a figure that says it at a glance
                panels = [panel._replace(title="In numbers", collapsed=True) for panel in panels]
            finding = "" if name == "T15" else say_best(rows)  # which has no test set, but folds
            sections[part].append(Section(key, name, title, finding, panels))
    return sections


def say_best(rows: pd.DataFrame) -> str:
    """Which run of a table is best on the test set, and which worst; "" of a single run.

    >>> rows = {"run": ["a", "b"], "stride": [1, 2], "train_accuracy": 1, "test_accuracy": [0.9, 0.8]}
    >>> say_best(pd.DataFrame(rows))
    'On the test set stride 1 is best with 90.0 %, stride 2 last with 80.0 %.'
    """
    if len(rows) < 2:
        return ""
    keys = [key for key in rows.columns[1 : rows.columns.get_loc("train_accuracy")] if key not in NOT_SHOWN]
    best, worst = (rows.loc[each] for each in (rows.test_accuracy.idxmax(), rows.test_accuracy.idxmin()))
    names = [
        left_open.RUN_NAMES.get(row.run)
        or (f"{keys[0].replace('_', ' ')} {setting_text(row[keys[0]])}" if len(keys) == 1 else row.run)
        for row in (best, worst)
    ]
    return (
        f"On the test set {names[0]} is best with {percent(best.test_accuracy)}, {names[1]} last with "
        f"{percent(worst.test_accuracy)}."
    )


def list_figures(results: Results) -> dict[str, Any]:
    """The figures that there are: those of each part in the contents, and those of project_latents."""
    latents = list(results.latents)
    there = {name.split("_")[0] for name in latents}
    there |= {"F4", "F5"} if results.finals["mlp"] else set()
    there |= {"F6", "F7"} if results.finals["cnn"] else set()
    figures = {
        part: {n: title for n, title in titles.items() if n in there} for part, titles in PARTS.items()
    }
    tables = {name for each in results.tables.values() for name in each}
    return {
        "figures_1": figures["mlp"],
        "figures_2": figures["cnn"],
        "latents": latents,
        "shown_latents": SHOWN_LATENTS,
        "places": there | tables,
    }


def list_runs(params: dict[str, Any], results: Results) -> dict[str, list[tuple[str, str]]]:
    """Every run of each part, with the settings in which it differs from the defaults."""
    return {
        part: [
            (run, name_settings(section(params, f"{part}.defaults"), settings))
            for run, settings in results.settings[part].items()
        ]
        for part in PARTS
    }


def small_samples(
    part: str, rows: pd.DataFrame, samples: pd.Series, claims: pd.DataFrame, table: str
) -> list[str]:
    """What the accuracy of the smallest class rests on, in each run, the report's value and ours."""
    name, size = samples.idxmin(), int(samples.min())
    if not size:
        return [f"The test set has no crop of class {name}."]
    notes = []
    for _, row in rows.iterrows():
        score = score_name("test", "accuracy", name)
        said = [f"ours, {say_share(row[score], size)}"]
        key = find_claim(claims, part, table, row.run, score)
        if key is not None and claims.verdict[key] != "not_comparable":
            said.insert(0, f"the report's, {say_share(claims.report[key], size, digits=0)}")
        notes.append(f"{row.run}, class {name}: {'; '.join(said)}.")
    return notes


def say_share(share: float, samples: int, digits: int = 1) -> str:
    """A share of few samples in words; the mean of ours over replicates may be a part of a sample.

    >>> say_share(0.27, 22, digits=0)
    '27 %, which is 6 of 22 (95 % interval 13 % to 48 %)'
    """
    low, high = wilson_interval(share, samples)
    count = f"{share * samples:.{digits}f}".removesuffix(".0")
    bounds = f"95 % interval {percent(low, 0)} to {percent(high, 0)}"
    return f"{percent(share, 0)}, which is {count} of {samples} ({bounds})"


def verdict_words(verdict: str) -> str:
    return verdict.replace("_", " ")


class ClaimRow(NamedTuple):
    """A claim as the page shows it; `place` is the section that it is about, or empty."""

    key: str
    ours: bool
    sentence: str
    verdict: str
    said: str
    evidence: list[str]
    place: str


def list_claims(claims: pd.DataFrame, required: float) -> list[ClaimRow]:
    """The claims in words, the report's and ours; those about cells stand in the tables."""
    rows = claims[claims.kind != "value"]
    return [
        ClaimRow(
            key,
            row.kind == "ours",
            row.sentence,
            row.verdict,
            say_verdict(row.verdict, row.probability, required),
            row.evidence,
            place(row["where"]),
        )
        for key, row in rows.iterrows()
    ]


def say_verdict(verdict: str, probability: float, required: float) -> str:
    """A verdict in words, with the p-value of the weakest comparison and the one that was asked.

    >>> say_verdict("failed", 0.892, 0.9), say_verdict("passed", 0.9991, 0.9)
    ('not shown (p = 0.11, needs 0.10)', 'shown (p < 0.01)')
    >>> say_verdict("not_comparable", math.nan, 0.9)
    'not comparable'
    """
    if math.isnan(probability) or verdict not in ("passed", "failed"):
        return verdict_words(verdict)
    needed = "" if verdict == "passed" else f", needs {1 - required:.2f}"
    return f"{'shown' if verdict == 'passed' else 'not shown'} ({say_p(probability)}{needed})"


def say_p(probability: float) -> str:
    """The p-value of a comparison that holds with a probability.

    >>> say_p(0.892), say_p(0.9991), say_p(0.04)
    ('p = 0.11', 'p < 0.01', 'p = 0.96')
    """
    return "p < 0.01" if probability > 0.99 else f"p = {1 - probability:.2f}"


def place(where: str) -> str:
    """The id of the section that a claim's `where` names first.

    >>> place("F2 and F3")
    'F2'
    """
    found = re.search(r"\b[TF]\d+\b", where)
    return found.group() if found else ""


def confusion_cells(claims: pd.DataFrame, split: str) -> list[tuple[str, list[Cell]]]:
    """Figure F4: the cells of the report's matrix that can be read, a row for each true class, as percent
    of the samples of the split; the columns are the predicted numerals. None on other classes.
    """
    rows = []
    for truth in DIGIT_CLASSES:
        keys = [value_id("F4", split, truth, predicted) for predicted in DIGIT_CLASSES]
        cells = [make_share(claims.loc[key]) if key in claims.index else Cell("", "", "", "") for key in keys]
        if any(cell.report and cell.ours for cell in cells):
            rows.append((truth, cells))
    return rows


def make_share(claim: pd.Series) -> Cell:
    ours = "" if pd.isna(claim.ours) else f"{100 * claim.ours:.2f}"
    return Cell(f"{100 * claim.report:.2f}", ours, claim.verdict, tolerance(claim))


def tolerance(claim: pd.Series) -> str:
    return "no tolerance stated" if pd.isna(claim.tolerance) else f"tolerance {claim.tolerance:.3g}"
