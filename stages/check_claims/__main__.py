"""Judge each number and each conclusion of the report against our replicates.

    python -m stages.check_claims

Reads claims.yaml and, of the runs and figures in params.yaml, plots/<part>/replicates.csv and
plots/separation/; writes metrics/claims.json, how often each verdict was given, and plots/claims/claims.csv,
a row for each claim with its evidence. The verdicts:

passed, failed     the value is within its tolerance or not; the ordering has the required probability or not.
                   A failed ordering is unproven, not refuted: see its probability
contradicted       another value of the report itself says otherwise
not_comparable     it cannot be judged: a number on other data than the report's, or without a tolerance; an
                   ordering with one replicate, of a class without samples, or of networks no better than
                   always naming the largest class; a claim about a run that params.yaml does not have, or
                   one that needs what the data or a run lack; a claim about a numeral on classes other than
                   the ten
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pandas as pd

from pipeline.common.paths import DIGITS_NOTES, FINDINGS, METRICS, RAW_DIGITS, RAW_MASKS, SEPARATION, SOURCE
from pipeline.common.storage import read_json, write_json
from pipeline.evaluation.claims import read_claims
from pipeline.evaluation.intervals import wilson_interval
from pipeline.evaluation.measures import is_of_class, measure_of
from pipeline.evaluation.tables import count_samples, read_class_accuracy, read_csv, read_replicates
from pipeline.evaluation.verdicts import VERDICTS, write_findings
from pipeline.runtime.files import whole_folder
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import read_params, section
from stages.check_claims.judge import judge

SOURCES = {"mlp": RAW_DIGITS, "cnn": RAW_MASKS}


def read_separation(figures: Iterable[str]) -> dict[str, np.ndarray]:
    """plots/separation/ by measure: (replicates,), at the first and at the last epoch that a figure shows."""
    measures = {}
    for figure in figures:
        rows = read_csv(SEPARATION / f"{figure}.csv")
        for moment, epoch in (("first", rows.epoch.min()), ("last", rows.epoch.max())):
            for score in ("knn_accuracy", "silhouette"):
                values = rows.loc[rows.epoch == epoch, score].to_numpy()
                measures[measure_of("latents", figure, f"{moment}.{score}")] = values
    return measures


def largest_share(accuracy: pd.DataFrame) -> float:
    """The upper bound (95 %) of the largest class's share of the test samples of a run."""
    sizes = count_samples(accuracy, "test").values()
    return wilson_interval(max(sizes) / sum(sizes), sum(sizes))[1]


def main() -> None:
    params, claims = read_params(), read_claims()
    figures = section(params, "project_latents")
    measures = read_separation(figures)
    comparable, baselines = set(), {}
    for part, folder in SOURCES.items():
        runs = section(params, f"{part}.runs")
        scores, data = read_replicates(part, runs), claims.data[part]
        accuracy, source = read_class_accuracy(part, runs), read_json(folder / SOURCE)["source"]
        samples = count_samples(accuracy)
        if data.kind_of(source, samples) == "report":
            comparable.add(part)
        if part == "mlp" and samples.keys() != data.samples.keys():  # whose 3 need not be the numeral
            scores = {name: each for name, each in scores.items() if not is_of_class(name.split(".", 2)[2])}
        measures |= scores
        for run in runs:
            baselines[f"{part}.{run}"] = largest_share(accuracy[accuracy.run == run])
    baselines |= {f"latents.{name}": baselines[f"mlp.{figure['run']}"] for name, figure in figures.items()}
    sheets = np.array([read_json(DIGITS_NOTES)["sheets"]])
    measures |= {measure_of("mlp", run, "sheets"): sheets for run in section(params, "mlp.runs")}
    findings = judge(claims, measures, comparable, baselines)
    with whole_folder(FINDINGS.parent) as folder:
        write_findings(folder / FINDINGS.name, findings)
    counts = Counter(finding.verdict for finding in findings)
    totals = {each: counts[each] for each in VERDICTS}
    write_json(METRICS / "claims.json", totals | {"total": len(findings)})
    print(f"{len(findings)} claims: " + ", ".join(f"{count} {each}" for each, count in totals.items()))


if __name__ == "__main__":
    run_stage(main)
