"""The quick profile: its settings, and what it leaves alone."""

import re
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.runtime.settings import read_params
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


def test_runs_that_are_null_are_left_out_with_their_figures(made):
    params, whole = read_params(made / "params.yaml"), read_params(ROOT / "params.yaml")
    assert params["profile"] == "quick"
    for part in ("mlp", "cnn"):
        runs = params[part]["runs"]
        assert runs.keys() < whole[part]["runs"].keys()
    assert {figure["run"] for figure in params["project_latents"].values()} <= params["mlp"]["runs"].keys()


def test_a_run_takes_over_what_a_run_that_is_left_out_was_set_to():
    runs = {"a": {"x": 1, "y": 1}, "b": {"like": "a", "y": 2}, "c": {"like": "b", "z": 3}, "d": {"like": "c"}}
    quick.merge(runs, {"c": None, "a": None, "b": None})
    assert runs == {"d": {"x": 1, "y": 2, "z": 3}}


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
    git(made, "update-ref", "-d", "refs/exps/mine")
    assert quick.is_a_quick_run(made)
    (made / ".git/HEAD").write_text("no more a repository")  # git refuses, as in a folder of another user
    assert not quick.is_a_quick_run(made)
    (tmp_path / "other").mkdir()
    assert not quick.is_a_quick_run(tmp_path / "other")


def test_runs_and_figures_that_params_yaml_has_not_are_not_added():
    params = read_params(ROOT / "params.yaml")
    del params["mlp"]["runs"]["custom"], params["mlp"]["runs"]["batch_8"]
    del params["project_latents"]["F1_latents_16_2"]
    quick.shrink(params, YAML(typ="safe").load(ROOT / quick.OVERRIDES))
    assert not {"custom", "batch_8"} & params["mlp"]["runs"].keys()
    assert params["project_latents"].keys() == {"F2_latents_20_15", "F3_latents_20_15"}


def test_a_folder_that_could_not_be_made_does_not_stay(tmp_path, monkeypatch):
    def fail(folder, message):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(quick, "commit", fail)
    with pytest.raises(OSError, match="No space"):
        quick.main(str(tmp_path / "quick"))
    assert not (tmp_path / "quick").exists()


def test_the_summary_has_three_numbers_and_two_pages(quick_run):
    said = quick.summary(quick_run.folder)
    assert [line.split()[0] for line in said.splitlines() if "%" in line] == ["numerals", "faces", "rarest"]
    pages = re.findall(r"^  (\S+\.html)", said, re.MULTILINE)
    assert len(pages) == 2 and all(Path(page).is_file() for page in pages)


def test_without_the_runs_of_its_numbers_the_summary_has_none(tmp_path):
    assert quick.numbers(tmp_path) == ""
