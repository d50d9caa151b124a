"""Write the report's values and conclusions beside those of a workspace to docs/real-data.csv.

python -m tools.compare [WORKSPACE]         reads its plots/claims/claims.csv; default: this folder

Also prints the counts of verdicts and the conclusions as Markdown, for docs/real-data.md.
"""

import sys
from pathlib import Path

import pandas as pd

from pipeline.common.paths import PLOTS

OUTPUT = Path("docs/real-data.csv")
COLUMNS = ["id", "where", "report", "ours", "std", "tolerance", "probability", "verdict", "sentence"]


def conclusions(claims: pd.DataFrame) -> list[str]:
    """A Markdown table with a row for each conclusion, C1 to C19."""
    lines = ["| claim | the report says | probability | verdict |", "|---|---|--:|---|"]
    for claim in claims[claims.kind != "value"].itertuples():
        probability = "" if pd.isna(claim.probability) else f"{claim.probability:.3f}"
        lines.append(f"| {claim.id} | {claim.sentence} | {probability} | {claim.verdict} |")
    return lines


def main(workspace: str = ".") -> None:
    claims = pd.read_csv(Path(workspace) / PLOTS / "claims/claims.csv")
    claims[COLUMNS].to_csv(OUTPUT, index=False, float_format="%.4g")
    counts = ", ".join(f"{count} {verdict}" for verdict, count in claims.verdict.value_counts().items())
    print("\n".join([f"{len(claims)} claims: {counts}", "", *conclusions(claims)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
