"""Kills, Ctrl-C, full disks and the like: one line says so, nothing is lost, and the next run mends it.

`pytest -n 0 -rP tests/test_faults.py -k same_bytes --kills 50` kills more often than the suite does.
"""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import ROOT, results
from tests.processes import Run, alone, forced, strike
from tools import quick

# One worker runs these, and makes them a copy; the first of them waits for every stage.
pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(900)]

witness = pytest.mark.witness
later = partial(pytest.param, marks=witness)
OUTPUTS = {  # stage: what it writes
    "check_settings": "settings",
    "fetch_digits": "data/raw/digits",
    "prepare_digits": "data/digits.safetensors",
    "train_mlp@h64_32": "models/mlp/h64_32",
    "evaluate_mlp": "plots/mlp",
    "project_latents@F3_latents_20_15": "plots/latents/F3_latents_20_15.csv",
    "fetch_masks": "data/raw/masks",
    "crop_masks": "data/crops",
    "train_cnn@final": "models/cnn/final",
    "evaluate_cnn": "plots/cnn",
    "check_claims": "plots/claims",
    "write_report": "report",
}
WITH_WORKERS = [
    "train_mlp@h64_32", "project_latents@F3_latents_20_15", "fetch_masks", "crop_masks", "train_cnn@final",
]  # fmt: skip


@pytest.fixture(scope="module")
def victim(quick_run, tmp_path_factory):
    """A copy of the quick profile, with its data and models, that tests leave as they found it."""
    copy = quick_run.copy(tmp_path_factory.mktemp("faults") / "victim")
    params = copy.folder / "params.yaml"
    params.write_text(params.read_text().replace("workers: 0", "workers: 2"))  # one is the stage itself
    assert "workers: 2" in params.read_text()
    return copy


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kill" in metafunc.fixturenames:
        kills = range(metafunc.config.getoption("--kills"))
        metafunc.parametrize("kill", [later(kill) if kill else kill for kill in kills])


def test_a_killed_run_ends_in_the_same_bytes_after_all(victim, request, kill):
    before = results(victim.folder)
    draw = random.Random(f"{request.config.getoption('--kill-seed')} {kill}")
    struck = False
    while not struck:  # it may have ended before
        target = draw.choice(["dvc", "stage", "worker"])
        stage = draw.choice(WITH_WORKERS if target == "worker" else [*OUTPUTS])
        moment = draw.uniform(0, 4 if target == "dvc" else 2)
        shutil.rmtree(victim.folder / ".dvc/cache", ignore_errors=True)  # nothing comes back but by running
        run = forced(victim.folder, stage)
        struck = strike(run, target, moment)
        printed = run.finish()
        assert "Traceback" not in printed, f"kill of {target} in {stage} after {moment:.2f} s:\n{printed}"
        if target == "dvc" and (victim.folder / "dvc.lock").read_bytes() != before["dvc.lock"]:
            print("DVC was writing dvc.lock")  # which it does in place: docs/trust.md
            victim.run("git", "checkout", "--quiet", "dvc.lock")
        victim.dvc("repro", "--no-run-cache", "--single-item", stage)
        after = results(victim.folder)
        changed = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
        assert changed == [], f"kill of {target} in {stage} after {moment:.2f} s"
    print(f"{target} in {stage} after {moment:.2f} s")
    assert not list(victim.folder.rglob("*.part"))


@pytest.fixture(scope="module")
def busy(victim, tmp_path_factory):
    """A folder with settings that keep a stage and its workers busy for minutes."""
    copy = victim.copy(tmp_path_factory.mktemp("faults") / "busy")
    yaml = quick.YAML()
    params = yaml.load(copy.folder / "params.yaml")
    params["mlp"]["runs"]["custom"]["epochs"] = params["cnn"]["runs"]["custom"]["epochs"] = 10**6
    params["data"]["synthetic_masks"]["photographs"] = 5000
    yaml.dump(params, copy.folder / "params.yaml")
    copy.run(sys.executable, "-m", "stages.check_settings")
    return copy.folder


def interrupt(start: Callable[[Path, str], Run], folder: Path, stage: str, from_terminal: bool = True) -> Run:
    """Ctrl-C once the workers of a stage are there. To stop may take three times as long as to start."""
    begun = time.monotonic()
    run = start(folder, stage)
    assert run.wait_for(run.workers)
    time.sleep(1)
    interrupted = time.monotonic()
    # A terminal sends the signal to every process of the group.
    (os.killpg if from_terminal else os.kill)(run.process.pid, signal.SIGINT)
    run.finish()
    assert time.monotonic() - interrupted < 3 * (interrupted - begun)
    return run


@pytest.mark.parametrize("how", ["terminal", later("stage alone")])
@pytest.mark.parametrize("stage", ["train_mlp@custom", later("train_cnn@custom"), later("fetch_masks")])
def test_ctrl_c_stops_a_stage_and_its_workers(busy, stage, how):
    run = interrupt(alone, busy, stage, from_terminal=how == "terminal")
    assert run.printed == f"{stage.split('@')[0]}: interrupted\n"
    assert run.process.returncode == 130


@witness
def test_ctrl_c_stops_dvc(busy):
    before = results(busy)
    (busy / "models/mlp/custom").rename(busy / "kept")
    printed = interrupt(forced, busy, "train_mlp@custom").printed
    assert "train_mlp: interrupted" in printed and "Traceback" not in printed
    assert len(printed.splitlines()) < 10
    assert not (busy / "models/mlp/custom").exists()
    assert results(busy) == before


def test_ctrl_c_while_a_stage_still_imports(tmp_path):
    (tmp_path / "pydantic.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(1000)\n")
    run = subprocess.Popen(
        [sys.executable, "-m", "stages.prepare_digits"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert run.stdout.readline() == "importing\n"
    run.send_signal(signal.SIGINT)
    assert run.communicate()[0] == ""
    assert run.returncode == -signal.SIGINT


@witness
def test_a_killed_worker_is_said_in_one_line(busy):
    before = results(busy)
    run = alone(busy, "train_mlp@custom")
    assert strike(run, "worker", 1)
    (line,) = [line for line in run.finish().splitlines() if line.startswith("train_mlp: ")]
    assert "a worker process was killed" in line and "compute.workers" in line
    assert run.process.returncode == 1
    assert results(busy) == before


def contents(folder: Path) -> dict[str, int]:
    """Every file that a stage may write, with its time of change."""
    written = ("data", "models", "metrics", "plots", "report")
    paths = [path for name in written for path in (folder / name).rglob("*")]
    return {str(path): path.stat().st_mtime_ns for path in paths if path.is_file()}


def fails_in_one_line(folder: Path, stage: str, *words: str, prefix: tuple[str, ...] = (), **options) -> None:
    """Run the stage alone; it must end with one line that has all `words`, and change nothing."""
    before = contents(folder)
    name, *arguments = stage.split("@")
    command = [*prefix, sys.executable, "-m", f"stages.{name}", *arguments]
    finished = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, text=True, **options)
    assert finished.returncode == 1
    (line,) = [line for line in finished.stderr.splitlines() if line.startswith(f"{name}: ")]
    for word in words:
        assert word in line
    assert "Traceback" not in finished.stderr
    assert contents(folder) == before


@pytest.mark.parametrize("stage", [stage if stage == "prepare_digits" else later(stage) for stage in OUTPUTS])
def test_a_full_disk(victim, stage):
    def limit() -> None:  # to a write, the same as a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))

    fails_in_one_line(victim.folder, stage, OUTPUTS[stage], "File too large", preexec_fn=limit)


def without_privileges() -> tuple[str, ...]:
    """The start of a command to which permissions apply, though root may run it."""
    if os.geteuid():
        return ()
    if not shutil.which("setpriv"):
        pytest.skip("root, to whom no permission is denied, and there is no setpriv")
    powers = "-dac_override,-dac_read_search"
    return "setpriv", "--inh-caps", powers, "--bounding-set", powers


@witness
@pytest.mark.parametrize(
    ("stage", "locked", "mode"),
    [
        ("prepare_digits", "data", 0o555),
        ("train_mlp@h64_32", "models/mlp", 0o555),
        ("evaluate_mlp", "plots", 0o555),
        ("prepare_digits", "data/raw/digits/digits.npz", 0o000),
        ("evaluate_cnn", "data/boxes.csv", 0o000),
        ("fetch_masks", "params.yaml", 0o000),
    ],
)
def test_no_permission(victim, stage, locked, mode):
    path = victim.folder / locked
    usual = path.stat().st_mode
    path.chmod(mode)
    try:
        fails_in_one_line(victim.folder, stage, locked, "Permission denied", prefix=without_privileges())
    finally:
        path.chmod(usual)


@witness
@pytest.mark.parametrize(
    ("stage", "output"),
    [
        ("prepare_digits", "data/digits.safetensors"),
        ("fetch_digits", "data/raw/digits"),
        ("evaluate_mlp", "plots/mlp"),
    ],
)
def test_something_else_in_the_place_of_an_output(victim, stage, output):
    path, kept = victim.folder / output, victim.folder / "kept"
    path.rename(kept)
    path.mkdir() if kept.is_file() else path.touch()
    try:
        fails_in_one_line(victim.folder, stage, f"{stage}: {output}: ", "move it away")
    finally:
        path.rmdir() if path.is_dir() else path.unlink()
        kept.rename(path)


@witness
def test_an_output_damaged_by_hand_is_made_again(victim):
    before = results(victim.folder)
    path = victim.folder / "data/boxes.csv"
    content = path.read_bytes()
    shutil.rmtree(victim.folder / ".dvc/cache", ignore_errors=True)  # nothing comes back but by running
    path.unlink()  # DVC may have linked it to its cache
    path.write_bytes(content[: len(content) // 2])
    printed = victim.dvc("repro", "--no-run-cache", "--single-item", "crop_masks")
    assert victim.stages_run(printed) == ["crop_masks"]
    assert path.read_bytes() == content
    assert results(victim.folder) == before


@witness
def test_two_repros_at_once(victim):
    before = results(victim.folder)
    runs = [forced(victim.folder, "evaluate_mlp"), forced(victim.folder, "evaluate_mlp")]
    printed = [run.finish() for run in runs]
    for run, text in zip(runs, printed, strict=True):
        assert run.process.returncode == 0 or "lock" in text or "busy" in text, text
        assert "Traceback" not in text
    victim.dvc("repro", "--single-item", "evaluate_mlp")
    assert results(victim.folder) == before


@witness
def test_a_repro_while_experiments_are_queued(victim):
    before = results(victim.folder)
    victim.dvc("exp", "run", "--queue", "-S", "mlp.runs.custom.learning_rate=0.01")
    victim.dvc("repro", "--force", "--single-item", "evaluate_cnn")
    assert results(victim.folder) == before
    assert victim.dvc("queue", "status").count("Queued") == 1
    victim.dvc("queue", "remove", "--queued")
