"""Judge each number and each conclusion of the report against our replicates.

    python -m stages.check_claims

Reads claims.yaml, plots/<part>/replicates.csv and plots/separation/; writes metrics/claims.json, how often
each verdict was given, and plots/claims/claims.csv, a row for each claim with its evidence. The verdicts:

passed, failed     the value is within its tolerance or not; the ordering has the required probability or not.
                   A failed ordering is unproven, not refuted: see its probability
contradicted       another value of the report itself says otherwise
not_comparable     it cannot be judged: a number on other data than the report's, or without a tolerance; an
                   ordering with one replicate, of a class without samples, or of networks no better than
                   always naming the largest class; a claim about a run that params.yaml does not have
"""

import dataclasses
import re
from collections import Counter

import numpy as np
import pandas as pd

from pipeline.common.paths import FINDINGS, METRICS, RAW_DIGITS, RAW_MASKS, SOURCE
from pipeline.common.storage import read_json, write_json
from pipeline.evaluation.claims import Claims, read_claims, subject
from pipeline.evaluation.intervals import wilson_interval
from pipeline.evaluation.tables import read_replicates
from pipeline.runtime.files import whole_folder
from pipeline.runtime.process import run_stage
from stages.check_claims.judge import Measures, judge
from stages.project_latents.plane import read_separation

SOURCES = {"mlp": RAW_DIGITS, "cnn": RAW_MASKS}
VERDICTS = ("passed", "failed", "contradicted", "not_comparable")


def is_report_data(claims: Claims, measures: Measures, part: str) -> bool:
    """Whether the data of a part are the report's own."""
    source = read_json(SOURCES[part] / SOURCE)["source"]
    run = next(subject(name) for name in measures if name.startswith(f"{part}."))  # all are of the same data
    samples: Counter[str] = Counter()
    for name, values in measures.items():
        if match := re.fullmatch(rf"{re.escape(run)}\.(?:train|validation|test)_samples_(.+)", name):
            samples[match[1]] += int(np.nan_to_num(values[0]))  # nan: only other runs have the split
    return source != "synthetic" and claims.data[part].is_same(source, samples)


def largest_share(measures: Measures, part: str) -> float:
    """The upper bound (95 %) of the largest class's share of the test samples of a part."""
    run = next(subject(name) for name in measures if name.startswith(f"{part}."))  # all are of one test set
    prefix = f"{run}.test_samples"
    samples = int(measures[prefix][0])
    largest = max(int(values[0]) for name, values in measures.items() if name.startswith(f"{prefix}_"))
    return wilson_interval(largest / samples, samples)[1]


def main() -> None:
    measures = read_replicates("mlp") | read_replicates("cnn") | read_separation()
    claims = read_claims()
    comparable = {part for part in SOURCES if is_report_data(claims, measures, part)}
    baselines = {part: largest_share(measures, part) for part in SOURCES}
    findings = judge(claims, measures, comparable, baselines)
    with whole_folder(FINDINGS.parent) as folder:
        table = pd.DataFrame([dataclasses.asdict(finding) for finding in findings])
        table.to_csv(folder / FINDINGS.name, index=False, float_format="%.6g")
    counts = Counter(finding.verdict for finding in findings)
    totals = {each: counts[each] for each in VERDICTS}
    write_json(METRICS / "claims.json", totals | {"total": len(findings)})
    print(f"{len(findings)} claims: " + ", ".join(f"{count} {each}" for each, count in totals.items()))


if __name__ == "__main__":
    run_stage(main)
