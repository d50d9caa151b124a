"""tools.compare: the runs that it prints are those of the workspace's params.yaml."""

from pathlib import Path

import pandas as pd
import pytest

from pipeline.evaluation.verdicts import Finding, write_findings
from tests.making import Project
from tools import compare


def put_results(folder: Path, runs: dict[str, list[str]]) -> None:
    """The verdict of one claim, and a row of T15 and of T16 for each run of its part."""
    for name in ("plots/mlp/tables", "plots/cnn", "plots/claims"):
        (folder / name).mkdir(parents=True)
    shares = {"recall": 0.5, "low": 0.4, "high": 0.6}
    rows = [{"run": run, "class": each, **shares} for run in runs["cnn"] for each in ("mean", "all", "bad")]
    pd.DataFrame(rows).to_csv(folder / "plots/cnn/folds.csv", index=False)
    steps = pd.DataFrame({"run": runs["mlp"], "validation_accuracy": 0.8, "test_accuracy": 0.7})
    steps.to_csv(folder / "plots/mlp/tables/T16.csv", index=False)
    claim = Finding(
        id="C1",
        where="T1",
        kind="ordering",
        sentence="",
        ours=0.1,
        probability=0.9,
        verdict="passed",
        evidence=["0.1 > 0"],
    )
    write_findings(folder / "plots/claims/claims.csv", [claim])


def test_runs_that_are_gone_are_not_compared(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project({"cnn.runs.custom.folds": 2})
    put_results(folder, {"mlp": ["final", "gone"], "cnn": ["custom", "gone"]})
    monkeypatch.setattr(compare, "OUTPUT", tmp_path / "compared.csv")
    compare.main(str(folder))
    printed = capsys.readouterr().out
    assert "| custom | 0.500" in printed and "| final |" in printed and "gone" not in printed


def test_a_run_that_was_not_scored_is_named(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project({"cnn.runs.custom.folds": 2})
    put_results(folder, {"mlp": ["final"], "cnn": ["gone"]})
    monkeypatch.setattr(compare, "OUTPUT", tmp_path / "compared.csv")
    said = "folds.csv has no row of the run custom; `dvc repro evaluate_cnn` makes it$"
    with pytest.raises(SystemExit, match=said):
        compare.main(str(folder))
    assert not compare.OUTPUT.exists()


@pytest.mark.parametrize("table", ["plots/cnn/folds.csv", "plots/mlp/tables/T16.csv"])
def test_a_quick_run_is_refused(project: Project, table: str) -> None:
    folder = project({"cnn.runs.custom.folds": 2})
    put_results(folder, {"mlp": ["final"], "cnn": ["custom"]})
    (folder / table).unlink()
    with pytest.raises(
        SystemExit, match=f"{table} is missing: this needs all runs of the report, as `make re"
    ):
        compare.main(str(folder))
