"""What the tests share: a project to run stages in, the quick profile run by DVC, and the real data."""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml
from ruamel.yaml import YAML

from tools import quick

# No test has a time limit of its own, and examples are the same each time: a busy machine or an unlucky draw
# is no fault of the change that is tested.
hypothesis.settings.register_profile("patient", deadline=None, derandomize=True)
hypothesis.settings.load_profile("patient")

# A shell that starts the suite in the background has it ignore Ctrl-C, and so would every stage it runs.
signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["tests.cluster", "tests.running"]

ROOT = Path(__file__).parents[1]
# What `quick_run` changes in the quick profile, to take less time: less data, and only runs that tests need.
SMALLER = {
    "data": {"synthetic_digits": {"samples": 1600}, "synthetic_masks": {"photographs": 80}},
    "prepare_digits": {"train": 1200, "test": 400},
    "mlp": {"runs": dict.fromkeys(["h64_32_16", "h256_128", "h128_64", "scaled"])},
    "cnn": {"defaults": {"epochs": 3}, "runs": {"adam": None}},
}
FEW_RUNS = {  # those in params.yaml where `project` makes it
    "mlp": ["h64_32", "final", "latents_16_2", "latents_20_15", "custom"],
    "cnn": ["final", "weighted", "custom"],
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=3, help="how often test_faults.py kills something")
    parser.addoption("--kill-seed", type=int, default=0, help="which stages it kills, and when")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """What failed, at once: a run that is stopped before its end would never say."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        print(f"\n{report.nodeid} ({report.when}):\n{report.longreprtext}", flush=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """More time for tests that may have to make the quick run, which others wait for.

    What may take long goes first, so that no worker is left alone with it at the end: an emulated processor
    on one worker, while another makes the quick run.
    """
    for item in items:
        if "quick_run" in item.fixturenames:
            item.add_marker(pytest.mark.timeout(900))
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)
    emulated = [item for item in items if "emulated" in item.name]
    others = [item for item in items if "emulated" not in item.name]
    items[:] = [*emulated[:1], *others[:1], *emulated[1:], *others[1:]]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the real data sets, which are never part of the project."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not here ({folder})")
    return folder


@cache
def read_yaml(name: str) -> dict[str, Any]:
    """A file of the project, read once: hundreds of tests start from it."""
    return YAML(typ="safe", pure=True).load(ROOT / name)


def project_params() -> dict[str, Any]:
    return read_yaml("params.yaml")


@cache
def few_params() -> dict[str, Any]:
    """params.yaml with FEW_RUNS alone: hundreds of tests have a stage read it, so it is short."""
    params = deepcopy(project_params())
    for part, kept in FEW_RUNS.items():
        for run in params[part]["runs"].keys() - kept:
            quick.take_out(params[part]["runs"], run)
    figures = params["project_latents"].items()
    params["project_latents"] = {name: figure for name, figure in figures if figure["run"] in FEW_RUNS["mlp"]}
    return params


@cache
def few_claims() -> str:
    """claims.yaml with three tables and one conclusion."""
    claims = deepcopy(read_yaml("claims.yaml"))
    claims["tables"] = {name: claims["tables"][name] for name in ("T1", "T7", "T12")}
    claims["claims"] = dict(list(claims["claims"].items())[:1])
    return yaml.safe_dump(claims)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], Path]:
    """project({"data.digits": "x"}) makes and enters a folder whose params.yaml is `few_params`, changed."""

    def make(changes: dict[str, Any]) -> Path:
        params = deepcopy(few_params())
        for dotted, value in changes.items():
            *sections, key = dotted.split(".")
            target = params
            for name in sections:
                target = target[name]
            target[key] = value
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        YAML(typ="safe").dump(params, folder / "params.yaml")
        (folder / "claims.yaml").write_text(few_claims())
        shutil.copy(ROOT / "requirements.txt", folder)
        monkeypatch.chdir(folder)
        return folder

    return make


class Workspace:
    """The folder of a quick run, and DVC in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *command: str) -> str:
        finished = subprocess.run(
            command,
            cwd=self.folder,
            env=quick.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert finished.returncode == 0, f"{' '.join(command)}:\n{finished.stdout}"
        return finished.stdout

    def dvc(self, *arguments: str) -> str:
        return self.run(sys.executable, "-m", "dvc", *arguments)

    def stages_run(self, output: str) -> list[str]:
        return re.findall(r"Running stage '([^']+)'", output)

    def reset(self) -> None:
        (self.folder / ".dvc/config.local").unlink(missing_ok=True)
        self.run("git", "checkout", "--quiet", "--force", ".")
        self.run("git", "clean", "--quiet", "--force", "-d", "metrics", "plots")
        self.dvc("checkout", "--quiet", "--force")

    def scores(self, part: str) -> dict[str, dict[str, float]]:
        """The metrics of every run of a part."""
        files = sorted((self.folder / "metrics" / part).glob("*.json"))
        return {file.stem: json.loads(file.read_text()) for file in files}

    def copy(self, folder: Path) -> "Workspace":
        """All that is here, with data and models."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Workspace(folder)

    def clone(self, folder: Path) -> "Workspace":
        """What is committed here, in another folder: no data and no cache."""
        subprocess.run(["git", "clone", "--quiet", str(self.folder), str(folder)], check=True)
        return Workspace(folder)


def results(folder: Path) -> dict[str, bytes]:
    """Every result by its path: dvc.lock, metrics, plots and the report."""
    files = [folder / "dvc.lock"]
    for name in ("metrics", "plots", "report"):
        files += [path for path in (folder / name).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.name != ".gitignore"}


@pytest.fixture(scope="session")
def quick_run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Workspace:
    """The quick profile with SMALLER, every stage run by DVC: once for all workers; no test may change it."""
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":  # with -n 0
        shared = shared.parent
    folder, done = shared / "quick", shared / "quick.done"
    with open(shared / "quick.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first worker that gets here makes it, others wait
        if not done.exists():
            quick.make_workspace(folder, SMALLER)
            quick.run(folder)
            for key, value in {"name": "test", "email": "test@localhost"}.items():  # for queued experiments
                subprocess.run(["git", "config", f"user.{key}", value], cwd=folder, check=True)
            done.touch()
    return Workspace(folder)


@pytest.fixture(scope="session")
def workspace(quick_run: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """This worker's copy of the quick run; tests that change it put it back."""
    return quick_run.copy(tmp_path_factory.mktemp("pipeline") / "quick")
