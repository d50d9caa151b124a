"""The verdicts of all claims: plots/claims/claims.csv."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from pipeline.common.paths import FINDINGS
from pipeline.evaluation.tables import read_csv

VERDICTS = ("passed", "failed", "contradicted", "not_comparable")
SEPARATOR = "; "  # of the lines of evidence, in their one column


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A row of claims.csv. The numbers of an ordering are those of its weakest comparison."""

    id: str
    where: str
    kind: str
    sentence: str
    report: float | None = None  # of an ordering: the gap between the report's values, if a table has both
    ours: float  # the mean over replicates; of an ordering: the gap between two means
    std: float | None = None  # over replicates
    tolerance: float | None = None  # of an ordering: the gap that the claim asks for
    probability: float | None = None
    verdict: str
    samples: int | None = None  # of which the value is a share
    wilson_low: float | None = None  # the interval of the report's value, given so many samples
    wilson_high: float | None = None
    evidence: list[str]


def write_findings(path: Path, findings: Iterable[Finding]) -> None:
    rows = [asdict(each) | {"evidence": SEPARATOR.join(each.evidence)} for each in findings]
    pd.DataFrame(rows).to_csv(path, index=False, float_format="%.6g")


def read_findings(path: Path = FINDINGS) -> pd.DataFrame:
    """A row for each claim, indexed by its id, with the lines of its evidence as a list."""
    table = read_csv(path, index_col="id", dtype={"evidence": str})
    table["evidence"] = [text.split(SEPARATOR) if text else [] for text in table.evidence.fillna("")]
    return table
