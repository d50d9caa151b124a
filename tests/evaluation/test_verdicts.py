"""claims.csv, written and read."""

import math

from pipeline.evaluation.verdicts import Finding, read_findings, write_findings


def test_findings_without_evidence_are_read(tmp_path):
    each = {"where": "T1", "kind": "value", "sentence": "one", "ours": 0.5, "verdict": "passed"}
    for evidence in ([[], []], [[], ["a 0.9 > b 0.8"]]):
        rows = [Finding(id=f"C{n}", evidence=lines, **each) for n, lines in enumerate(evidence)]
        write_findings(tmp_path / "claims.csv", rows)
        assert read_findings(tmp_path / "claims.csv").evidence.tolist() == evidence


def test_findings_are_read_as_they_were_written(tmp_path):
    each = {"where": "T1", "kind": "value", "sentence": "one, two", "verdict": "passed"}
    one = Finding(id="NA", ours=1 / 3, samples=9, evidence=["a 0.9 > b 0.8", "not judged: c"], **each)
    two = Finding(id="C1", ours=math.nan, probability=0.5, evidence=["params.yaml has no mlp.a"], **each)
    write_findings(tmp_path / "claims.csv", [one, two])
    read = read_findings(tmp_path / "claims.csv")
    assert read.index.tolist() == ["NA", "C1"]
    assert read.evidence.tolist() == [one.evidence, two.evidence]
    assert read.ours["NA"] == 0.333333 and math.isnan(read.ours["C1"]) and math.isnan(read.report["C1"])
    assert read.samples["NA"] == 9 and read.sentence["C1"] == "one, two"
