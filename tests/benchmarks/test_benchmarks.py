"""The benchmarks: what is measured, and what straightforward.py, the peer of whole trainings, implements."""

import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import run, straightforward, training_cases
from benchmarks.measuring import OURS
from stages.train_cnn.cnn import build
from tests.conftest import ROOT, project_params

PEER = "straightforward.py"


def settings_of(part: str, name: str) -> dict[str, Any]:
    section = project_params()[part]
    return section["defaults"] | section["runs"][name]


@pytest.mark.parametrize("part", ["mlp", "cnn"])
def test_the_peer_implements_the_runs_of_the_report_and_none_of_what_it_left_open(part: str) -> None:
    for table, runs in project_params()[part]["tables"].items():
        for name in runs:
            missing = straightforward.missing(part, settings_of(part, name))
            assert bool(missing) == (table in ("T15", "T16")), f"{name}: {missing}"


def test_the_peer_has_the_pipeline_s_network() -> None:
    names = [*project_params()["cnn"]["tables"]["T9"], "filter_5", "stride_2_padded", "own_size"]
    deeper = settings_of("cnn", "adam") | {"channels": [4, 8, 16, 32], "padding": 1, "head": [5]}
    for settings in (deeper, *(settings_of("cnn", name) for name in names)):
        keys = ("channels", "filter", "stride", "padding", "head")
        ours = build(32, classes=4, **{key: settings[key] for key in keys})
        theirs = straightforward.build_cnn(settings, classes=4)
        assert [each.shape for each in theirs.parameters()] == [each.shape for each in ours.parameters()]


class FakeTeam:
    """Takes four seconds for two replicates."""

    def prepare(self, task: Any, warm: bool) -> None:
        self.epochs = task[2]["epochs"]

    def run(self) -> tuple[float, float]:
        return 4.0 * self.epochs, 0.0


@pytest.mark.parametrize(
    ("name", "expected"),
    [("final", {OURS: 4.0, PEER: 4.0}), ("cv_nothing", {OURS: 10.0}), ("cv_larger", {OURS: 10.0})],
)
def test_an_epoch_is_projected_for_every_replicate_or_fold(name: str, expected: dict[str, float]) -> None:
    teams: Any = {OURS: FakeTeam(), PEER: FakeTeam()}
    found = training_cases.seconds_of_epoch(teams, Path(), "cnn", settings_of("cnn", name))
    assert found == expected


def test_data_for_a_workspace_that_has_its_own_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", "start_up", "--workspace", str(ROOT), "--digits", "a.npz"])
    with pytest.raises(SystemExit):
        run.main()
    assert f"{ROOT} has its data already: leave out --digits and --masks" in capsys.readouterr().err
