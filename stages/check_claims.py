"""Whether each figure and each conclusion of the report comes out of our replicates too.

    python -m stages.check_claims

Reads claims.yaml, data/, models/ and plots/latents/separation.csv; writes metrics/claims.json, how often
each verdict was given and {id: {report, ours, tolerance, verdict}}, and plots/claims/claims.csv, a row for
each claim with its evidence. Gaps between measures have a `probability` too. The verdicts:

passed, failed     as pipeline/claims/statistics.py judges; an order that failed was not shown,
                   which is not to say that the opposite was: its probability tells
contradicted       the report itself says otherwise
not_comparable     a figure of the report beside drawn data, or one without a tolerance; an order for which
                   there is one replicate alone, or a class without a sample
"""

import dataclasses
import json
from collections import Counter
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.claims.judge import Finding, judge
from pipeline.claims.schema import read_claims
from pipeline.common.files import whole_folder, write_json
from pipeline.common.settings import read_params, run_stage
from pipeline.evaluation.measures import Measures, crop_size_measures, run_measures, separation_measures
from pipeline.evaluation.scores import read_runs, scores_of_replicates, significant
from stages import evaluate_cnn, evaluate_mlp

SOURCES = {"mlp": Path("data/raw/digits/source.json"), "cnn": Path("data/raw/masks/source.json")}
BOXES = Path("data/boxes.csv")
SEPARATION = Path("plots/latents/separation.csv")
METRICS = Path("metrics/claims.json")
PLOTS = Path("plots/claims")
VERDICTS = ("passed", "failed", "contradicted", "not_comparable")


def digit_measures(params: dict[str, Any]) -> Measures:
    """The measures of part 1."""
    runs, _ = read_runs(params, "mlp", evaluate_mlp.MODELS)
    with np.load(evaluate_mlp.DIGITS, allow_pickle=False) as digits:
        truth = {split: digits[f"{split}_labels"] for split in ("train", "test")}
    measures = run_measures("mlp", runs, evaluate_mlp.score, truth, evaluate_mlp.CLASSES)
    return measures | separation_measures(pd.read_csv(SEPARATION))


def mask_measures(params: dict[str, Any]) -> Measures:
    """The measures of part 2."""
    runs, _ = read_runs(params, "cnn", evaluate_cnn.MODELS)
    with np.load(evaluate_cnn.CROPS, allow_pickle=False) as crops:
        label, test = crops["label"], crops["test"]
    truth = {"train": label[~test], "test": label[test]}
    boxes = pd.read_csv(BOXES)[test]
    sides = np.minimum(boxes.right - boxes.left, boxes.bottom - boxes.top).to_numpy()
    measures = run_measures("cnn", runs, scores_of_replicates, truth, evaluate_cnn.CLASSES)
    return measures | crop_size_measures("cnn", runs, truth["test"], sides)


def is_synthetic(source: Path) -> bool:
    return json.loads(source.read_text(encoding="utf-8"))["source"] == "synthetic"


def summary(findings: list[Finding]) -> dict[str, Any]:
    """metrics/claims.json: short, since `dvc metrics diff` prints a line for each number that moves."""
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
    params = read_params()
    measures = digit_measures(params) | mask_measures(params)
    synthetic = {part for part, source in SOURCES.items() if is_synthetic(source)}
    findings = judge(read_claims(), measures, synthetic)
    with whole_folder(PLOTS) as folder:
        table = pd.DataFrame([dataclasses.asdict(finding) for finding in findings])
        table.to_csv(folder / "claims.csv", index=False, float_format="%.6g")
    totals = summary(findings)
    write_json(METRICS, totals)
    print(f"{totals['total']} claims: " + ", ".join(f"{totals[each]} {each}" for each in VERDICTS))


if __name__ == "__main__":
    run_stage(main)
