"""Write the report's values and conclusions beside those of a workspace to docs/real-data.csv.

python -m tools.compare [WORKSPACE]         reads its plots/; default: this folder

The workspace has run the whole report; a quick run has too few runs for the tables.
Also prints, as Markdown for docs/real-data.md, the counts of verdicts, the conclusions, T15 and T16.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from pipeline.common.paths import FINDINGS, PARAMS, PLOTS
from pipeline.evaluation.folds import ALL, FOLDS, MEAN
from pipeline.evaluation.measures import NAMES, score_name
from pipeline.evaluation.tables import read_csv, read_rows
from pipeline.evaluation.verdicts import read_findings
from pipeline.runtime.errors import InputError, shorten
from pipeline.runtime.settings import read_params, resolve_run, section
from stages.write_report.left_open import RUN_NAMES
from stages.write_report.tables import name_shares, say_recall, say_score

OUTPUT = Path("docs/real-data.csv")
COLUMNS = ["id", "where", "report", "ours", "std", "tolerance", "probability", "verdict", "sentence"]


def print_table(head: list[str], rows: Iterable[Iterable[str]]) -> None:
    lines = ["| " + " | ".join(each) + " |" for each in (head, *rows)]
    print("", lines[0], "|---" * len(head) + "|", *lines[1:], sep="\n")


def main(workspace: str = ".") -> None:
    plots = Path(workspace) / PLOTS
    of_folds, of_steps = plots / "cnn" / FOLDS, plots / "mlp/tables/T16.csv"
    try:
        if missing := [path for path in (of_folds, of_steps) if not path.is_file()]:
            raise InputError(
                f"{missing[0]} is missing: this needs all runs of the report, as `make repro` leaves them; "
                "a quick run has too few"
            )
        params = read_params(Path(workspace) / PARAMS)
        runs = {part: section(params, f"{part}.runs") for part in ("mlp", "cnn")}
        in_folds = [run for run in runs["cnn"] if resolve_run(params, "cnn", run)["folds"]]
        claims = read_findings(Path(workspace) / FINDINGS).reset_index()
        folds = read_rows(of_folds, in_folds)
        steps = read_csv(of_steps, dtype={"run": str})
    except InputError as error:
        sys.exit(shorten(f"compare: {error}"))
    steps = steps[steps.run.isin(runs["mlp"])]
    claims[COLUMNS].to_csv(OUTPUT, index=False, float_format="%.4g")

    counts = ", ".join(f"{count} {verdict}" for verdict, count in claims.verdict.value_counts().items())
    print(f"{len(claims)} claims: {counts}")
    conclusions = claims[claims.kind != "value"]
    conclusions = conclusions.assign(chance=conclusions.probability.map("{:.3f}".format, na_action="ignore"))
    shown = conclusions[["id", "sentence", "chance", "verdict"]].astype(object).fillna("")
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
