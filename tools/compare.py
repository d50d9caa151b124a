"""Write the report's values and conclusions beside those of a workspace to docs/real-data.csv.

python -m tools.compare [WORKSPACE]         reads its plots/; default: this folder

Also prints, as Markdown for docs/real-data.md, the counts of verdicts, the conclusions, T15 and T16.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from pipeline.common.paths import FINDINGS, PLOTS
from pipeline.evaluation.folds import ALL, FOLDS, MEAN
from pipeline.evaluation.measures import NAMES, score_name
from pipeline.evaluation.tables import read_csv
from pipeline.evaluation.verdicts import read_findings
from pipeline.runtime.errors import InputError
from stages.write_report.left_open import RUN_NAMES
from stages.write_report.tables import name_shares, say_recall, say_score

OUTPUT = Path("docs/real-data.csv")
COLUMNS = ["id", "where", "report", "ours", "std", "tolerance", "probability", "verdict", "sentence"]


def print_table(head: list[str], rows: Iterable[Iterable[str]]) -> None:
    lines = ["| " + " | ".join(each) + " |" for each in (head, *rows)]
    print("", lines[0], "|---" * len(head) + "|", *lines[1:], sep="\n")


def main(workspace: str = ".") -> None:
    plots = Path(workspace) / PLOTS
    try:
        claims = read_findings(Path(workspace) / FINDINGS).reset_index()
        folds = read_csv(plots / "cnn" / FOLDS)
        steps = read_csv(plots / "mlp/tables/T16.csv")
    except InputError as error:
        sys.exit(f"compare: {error}")
    claims[COLUMNS].to_csv(OUTPUT, index=False, float_format="%.4g")

    counts = ", ".join(f"{count} {verdict}" for verdict, count in claims.verdict.value_counts().items())
    print(f"{len(claims)} claims: {counts}")
    conclusions = claims[claims.kind != "value"]
    conclusions = conclusions.assign(chance=conclusions.probability.map("{:.3f}".format, na_action="ignore"))
    shown = conclusions[["id", "sentence", "chance", "verdict"]].fillna("")
    print_table(["claim", "it says", "probability", "verdict"], shown.to_numpy())

    classes = [MEAN, ALL, *(name for name in folds["class"].unique() if name not in (ALL, MEAN))]
    of_runs = {run: rows.set_index("class") for run, rows in folds.groupby("run", sort=False)}
    remedies = [
        [RUN_NAMES.get(run, run), *(say_recall(of.loc[name]) for name in classes)]
        for run, of in of_runs.items()
    ]
    print_table(["remedy", *name_shares(classes)], remedies)

    scores = [score_name(split, "accuracy") for split in ("validation", "test")]
    cells = [
        [RUN_NAMES.get(row.run, row.run), *(say_score(row, score) for score in scores)]
        for _, row in steps.iterrows()
    ]
    print_table(["step", *(NAMES[score] for score in scores)], cells)


if __name__ == "__main__":
    main(*sys.argv[1:])
