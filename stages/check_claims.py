"""Judge each number and each conclusion of the report against our replicates.

    python -m stages.check_claims

Reads claims.yaml, plots/<part>/replicates.csv and plots/latents/separation.csv; writes metrics/claims.json,
how often each verdict was given and {id: {report, ours, tolerance, verdict}}, and plots/claims/claims.csv, a
row for each claim with its evidence. Gaps between measures have a `probability` too. The verdicts:

passed, failed     as pipeline/claims/statistics.py judges; an ordering that failed was not shown;
                   that does not show the opposite, see its probability
contradicted       the report itself says otherwise
not_comparable     a number of the report beside drawn data, or one without a tolerance; an ordering of runs
                   with one replicate, or of a class without samples
"""

import dataclasses
from collections import Counter
from math import isfinite
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.claims.judge import Finding, judge
from pipeline.claims.schema import read_claims
from pipeline.common.files import whole_folder
from pipeline.common.paths import METRICS, PLOTS, RAW_DIGITS, RAW_MASKS
from pipeline.common.process import run_stage
from pipeline.common.storage import read_json, write_json
from pipeline.evaluation.latents import read_separation
from pipeline.evaluation.scores import significant
from pipeline.evaluation.tables import read_replicates

SOURCES = {"mlp": RAW_DIGITS, "cnn": RAW_MASKS}
VERDICTS = ("passed", "failed", "contradicted", "not_comparable")


def is_synthetic(source: Path) -> bool:
    return bool(read_json(source / "source.json")["source"] == "synthetic")


def summary(findings: list[Finding]) -> dict[str, Any]:
    """metrics/claims.json: short, since `dvc metrics diff` prints a line for each number that changes."""
    counts = Counter(finding.verdict for finding in findings)
    claims = {}
    for finding in findings:
        values = {key: getattr(finding, key) for key in ("report", "ours", "tolerance", "probability")}
        known = {
            key: significant(value) for key, value in values.items() if value is not None and isfinite(value)
        }
        claims[finding.id] = known | {"verdict": finding.verdict}
    return {**{each: counts[each] for each in VERDICTS}, "total": len(findings), "claims": claims}


def main() -> None:
    measures = read_replicates("mlp") | read_replicates("cnn") | read_separation()
    synthetic = {part for part, source in SOURCES.items() if is_synthetic(source)}
    findings = judge(read_claims(), measures, synthetic)
    with whole_folder(PLOTS / "claims") as folder:
        table = pd.DataFrame([dataclasses.asdict(finding) for finding in findings])
        table.to_csv(folder / "claims.csv", index=False, float_format="%.6g")
    totals = summary(findings)
    write_json(METRICS / "claims.json", totals)
    print(f"{totals['total']} claims: " + ", ".join(f"{totals[each]} {each}" for each in VERDICTS))


if __name__ == "__main__":
    run_stage(main)
