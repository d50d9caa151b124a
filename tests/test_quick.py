"""The quick profile: its settings, and what it leaves alone."""

import subprocess

import pytest

from pipeline.common.settings import read_params
from tests.conftest import ROOT
from tools import quick


@pytest.fixture
def made(tmp_path):
    """A quick run's folder, before its stages have run."""
    quick.make_workspace(tmp_path / "quick")
    return tmp_path / "quick"


def git(folder, *arguments):
    identity = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_runs_that_are_null_are_left_out_with_their_tables_and_figures(made):
    params, whole = read_params(made / "params.yaml"), read_params(ROOT / "params.yaml")
    assert params["profile"] == "quick"
    for part in ("mlp", "cnn"):
        runs = params[part]["runs"]
        assert runs.keys() < whole[part]["runs"].keys()
        for table, members in params[part]["tables"].items():
            assert set(members) <= runs.keys() and len(members) >= min(2, len(whole[part]["tables"][table]))
    assert {figure["run"] for figure in params["project_latents"].values()} <= params["mlp"]["runs"].keys()


def test_an_earlier_quick_run_is_replaced(made):
    assert quick.is_a_quick_run(made)
    for name in ("metrics/mlp/final.json", "plots/mlp/runs.csv", "dvc.lock"):  # one that did not end
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).touch()
    assert quick.is_a_quick_run(made)


def test_what_a_person_has_made_is_left_alone(made, tmp_path):
    (made / "mine.txt").touch()
    assert not quick.is_a_quick_run(made)
    git(made, "add", "mine.txt")
    git(made, "commit", "--message", "Mine")
    assert not quick.is_a_quick_run(made)
    git(made, "reset", "--hard", "HEAD~1")
    assert quick.is_a_quick_run(made)
    (made / "params.yaml").write_text((made / "params.yaml").read_text().replace("seed: 0", "seed: 1"))
    assert not quick.is_a_quick_run(made)
    git(made, "checkout", "params.yaml")
    git(made, "update-ref", "refs/exps/mine", "HEAD")
    with pytest.raises(SystemExit, match="holds something of your own, and is left alone"):
        quick.main(str(made))
    (tmp_path / "other").mkdir()
    assert not quick.is_a_quick_run(tmp_path / "other")
