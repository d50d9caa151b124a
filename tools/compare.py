"""Write the report's values and conclusions beside those of a workspace to docs/real-data.csv.

python -m tools.compare [WORKSPACE]         reads its plots/; default: this folder

Also prints, as Markdown for docs/real-data.md, the counts of verdicts, the conclusions, T15 and T16.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from pipeline.common.paths import FINDINGS, PLOTS
from pipeline.evaluation.folds import ALL, FOLDS, MEAN
from pipeline.evaluation.measures import NAMES
from pipeline.evaluation.tables import read_csv
from pipeline.evaluation.verdicts import read_findings
from pipeline.runtime.errors import InputError
from stages.write_report.left_open import RUN_NAMES
from stages.write_report.tables import name_shares, say_recall, say_score

OUTPUT = Path("docs/real-data.csv")
COLUMNS = ["id", "where", "report", "ours", "std", "tolerance", "probability", "verdict", "sentence"]


def markdown(head: list[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """A table, with a blank line after it."""
    lines = ["| " + " | ".join(each) + " |" for each in (head, *rows)]
    return [lines[0], "|---" * len(head) + "|", *lines[1:], ""]


def conclusions(claims: pd.DataFrame) -> list[str]:
    """A row for each conclusion, the report's and ours."""
    rows = [
        (c.id, c.sentence, "" if pd.isna(c.probability) else f"{c.probability:.3f}", c.verdict)
        for c in claims[claims.kind != "value"].itertuples()
    ]
    return markdown(["claim", "it says", "probability", "verdict"], rows)


def remedies(folds: pd.DataFrame) -> list[str]:
    """Table T15: recalls of each run over all folds, with their intervals, accuracy and mean recall."""
    classes = [MEAN, ALL, *(name for name in folds["class"].unique() if name not in (ALL, MEAN))]
    by_run = {run: rows.set_index("class") for run, rows in folds.groupby("run", sort=False)}
    rows = [
        [RUN_NAMES.get(run, run), *(say_recall(of.loc[name]) for name in classes)]
        for run, of in by_run.items()
    ]
    return markdown(["remedy", *name_shares(classes)], rows)


def steps(table: pd.DataFrame) -> list[str]:
    """Table T16: accuracies on the validation samples and on the test set, with deviations."""
    scores = ("validation_accuracy", "test_accuracy")
    rows = [
        [RUN_NAMES.get(row.run, row.run), *(say_score(row, score) for score in scores)]
        for _, row in table.iterrows()
    ]
    return markdown(["step", *(NAMES[score] for score in scores)], rows)


def main(workspace: str = ".") -> None:
    plots = Path(workspace) / PLOTS
    try:
        claims = read_findings(Path(workspace) / FINDINGS).reset_index()
        folds = read_csv(plots / "cnn" / FOLDS)
        table = read_csv(plots / "mlp/tables/T16.csv")
    except InputError as error:
        sys.exit(f"compare: {error}")
    counts = ", ".join(f"{count} {verdict}" for verdict, count in claims.verdict.value_counts().items())
    lines = [f"{len(claims)} claims: {counts}", "", *conclusions(claims)]
    lines += [*remedies(folds), *steps(table)]
    claims[COLUMNS].to_csv(OUTPUT, index=False, float_format="%.4g")
    print("\n".join(lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
