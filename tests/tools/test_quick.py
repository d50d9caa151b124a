"""The quick profile: its settings, and what it leaves alone."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.runtime.settings import read_params
from tests.conftest import ROOT
from tests.making import put
from tools import quick

# A pipeline of one stage, with outputs of each kind.
DVC_YAML = """
stages:
  make:
    cmd: mkdir -p data/raw/digits models/mlp/final report plots/mlp && echo 1 | tee data/digits.json
      data/raw/digits/source.json models/mlp/final/settings.json report/index.html plots/mlp/runs.csv
    outs:
      - data/raw/digits
      - data/digits.json
      - models/mlp/final
      - report
      - plots/mlp: {cache: false}
"""


@pytest.fixture
def made(tmp_path):
    """A quick run's folder, before its stages have run."""
    quick.make_workspace(tmp_path / "quick")
    return tmp_path / "quick"


def git(folder, *arguments):
    identity = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


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


def dvc(folder, *arguments):
    command = [sys.executable, "-m", "dvc", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    """A quick run of the pipeline of one stage."""
    folder = tmp_path_factory.mktemp("small") / "quick"
    for name in (".gitignore", ".dvc/.gitignore", ".dvc/config", "data/.gitignore", "models/.gitignore"):
        put(folder / name, (ROOT / name).read_bytes())
    put(folder / "quick.yaml", b"profile: quick\n")
    put(folder / "params.yaml", b"seed: 0\n")
    put(folder / "dvc.yaml", DVC_YAML.encode())
    quick.commit(folder, quick.STARTED)
    dvc(folder, "repro")
    put(folder / "dvc_plots/index.html", b"plots")
    quick.commit(folder, quick.ENDED)
    return folder


@pytest.fixture
def ended(small_run, tmp_path):
    return shutil.copytree(small_run, tmp_path / "ended")


@pytest.fixture
def broken_off(ended):
    """The same, killed before its results were committed."""
    git(ended, "reset", "--soft", "HEAD~1")
    git(ended, "rm", "-r", "--cached", "--quiet", "plots", "dvc.lock")
    return ended


def test_an_earlier_quick_run_is_replaced(made, ended):
    assert quick.is_a_quick_run(made) and quick.is_a_quick_run(ended)
    for name in (  # what using it leaves
        "dvc_plots/index.html",
        ".venv/bin/python",
        ".pytest_cache/README.md",
        ".ruff_cache/0.1/a",
        "stages/train_mlp/__pycache__/mlp.pyc",
        ".cache/figures/a",
    ):
        put(ended / name, b"ours")
    dvc(ended, "repro", "--force")
    assert quick.is_a_quick_run(ended)


def test_a_quick_run_that_did_not_end_is_replaced(broken_off):
    assert quick.is_a_quick_run(broken_off)
    for name in ("plots/.mlp.123.part/runs.csv", "models/mlp/.final.123.part/a", "report/figures/F1.png"):
        put(broken_off / name, b"ours")
    (broken_off / "dvc.lock").unlink()
    assert quick.is_a_quick_run(broken_off)


OWN = (
    "mine.txt",
    "data/mine.csv",
    "data/raw/mine.csv",
    "models/mlp/mine/settings.json",
    "plots/mine.csv",
    "metrics/mine.json",
    "settings/mine.json",
    "dvc_plots/mine.html",
    ".dvc/config.local",
    ".dvc/mine",
    ".cache/mine",
    "quick/data/mine.csv",
)


@pytest.mark.parametrize("name", [*OWN, "data/raw/digits/mine.csv", "report/mine.html", "plots/mlp/mine.csv"])
def test_a_file_of_one_s_own_is_left_alone(ended, name):
    put(ended / name, b"mine")
    with pytest.raises(SystemExit, match="holds something of your own, and is left alone"):
        quick.main(str(ended))
    assert (ended / name).read_bytes() == b"mine"


@pytest.mark.parametrize("name", OWN)
def test_a_file_of_one_s_own_in_a_run_that_did_not_end_is_left_alone(broken_off, name):
    put(broken_off / name, b"mine")
    assert not quick.is_a_quick_run(broken_off)


@pytest.mark.parametrize(
    "name", ["params.yaml", "dvc.lock", "plots/mlp/runs.csv", "data/digits.json", "report/index.html"]
)
def test_a_file_that_was_changed_is_left_alone(ended, name):
    with open(ended / name, "a") as file:
        file.write("# mine\n")
    assert not quick.is_a_quick_run(ended)


@pytest.mark.parametrize(
    "command",
    [
        ("commit", "--allow-empty", "--message", "Mine"),
        ("branch", "mine"),
        ("tag", "mine"),
        ("stash",),
        ("update-ref", "refs/exps/mine", "HEAD"),
    ],
)
def test_what_a_person_has_stored_in_git_is_left_alone(ended, command):
    (ended / "params.yaml").write_text("seed: 1\n")
    git(ended, *command)
    git(ended, "checkout", "--", ".")
    assert not git(ended, "status", "--porcelain")
    assert not quick.is_a_quick_run(ended)


def test_a_folder_of_another_kind_is_left_alone(ended, tmp_path):
    (tmp_path / "other").mkdir()
    assert not quick.is_a_quick_run(tmp_path / "other")
    (ended / ".git/HEAD").write_text("no more a repository")  # git refuses, as in a folder of another user
    assert not quick.is_a_quick_run(ended)


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
