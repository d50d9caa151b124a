"""Print the report's figures and conclusions beside those of this workspace, as Markdown.

python -m tools.compare         reads plots/claims/claims.csv, which check_claims writes
"""

import pandas as pd

CLAIMS = "plots/claims/claims.csv"


def figures_table(claims: pd.DataFrame) -> list[str]:
    """A row for each figure of T1 to T14; a tolerance is how far the report's may lie from ours."""
    lines = [
        "| table | run | score | report | ours | ± | tolerance | verdict |",
        "|---|---|---|--:|--:|--:|--:|---|",
    ]
    for claim in claims[(claims.kind == "value") & (claims["where"] != "F4")].itertuples():
        table, run, score = claim.id.split(".")
        figures = [claim.report, claim.ours, claim.std, claim.tolerance]
        shown = [
            "" if pd.isna(figure) else f"{figure:.3g}" if abs(figure) < 0.1 else f"{figure:.4f}"
            for figure in figures
        ]
        lines.append(f"| {table} | {run} | {score} | {' | '.join(shown)} | {claim.verdict} |")
    return lines


def conclusions_table(claims: pd.DataFrame) -> list[str]:
    """A row for each conclusion C1 to C19; what it rests on stands in the CSV file."""
    lines = ["| claim | the report says | probability | verdict |", "|---|---|--:|---|"]
    for claim in claims[claims.kind != "value"].itertuples():
        probability = "" if pd.isna(claim.probability) else f"{claim.probability:.3f}"
        lines.append(f"| {claim.id} | {claim.sentence} | {probability} | {claim.verdict} |")
    return lines


def main() -> None:
    claims = pd.read_csv(CLAIMS)
    print("\n".join([*figures_table(claims), "", *conclusions_table(claims)]))


if __name__ == "__main__":
    main()
