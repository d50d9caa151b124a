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
from pathlib import Path

import pytest

from tests.conftest import results
from tests.processes import alone, forced, strike
from tools import quick

# One worker runs these, and makes them a copy; the first of them waits for every stage.
pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(900)]

STAGES = [
    "check_settings", "fetch_digits", "prepare_digits", "train_mlp@h64_32", "evaluate_mlp",
    "project_latents@F3_latents_20_15", "fetch_masks", "crop_masks", "train_cnn@final", "evaluate_cnn",
    "check_claims", "write_report",
]  # fmt: skip
WITH_WORKERS = [
    "train_mlp@h64_32",
    "project_latents@F3_latents_20_15",
    "fetch_masks",
    "crop_masks",
    "train_cnn@final",
]
SOON = 2.0  # seconds, in which all must have stopped after Ctrl-C


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
        metafunc.parametrize("kill", range(metafunc.config.getoption("--kills")))


def test_a_killed_run_ends_in_the_same_bytes_after_all(victim, request, kill):
    before = results(victim.folder)
    draw = random.Random(f"{request.config.getoption('--kill-seed')} {kill}")
    struck = False
    while not struck:  # it may have ended before
        target = draw.choice(["dvc", "stage", "worker"])
        stage = draw.choice(WITH_WORKERS if target == "worker" else STAGES)
        moment = draw.uniform(0, 4 if target == "dvc" else 2)
        shutil.rmtree(victim.folder / ".dvc/cache", ignore_errors=True)  # nothing comes back but by running
        run = forced(victim.folder, stage)
        struck = strike(run, target, moment)
        printed = run.finish()
        deadline = time.monotonic() + 10  # the watch of an orphan looks five times a second
        while (left := run.members()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert left == [], f"outlived the kill of {target} in {stage}: {left}"
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


@pytest.fixture
def busy(victim):
    """The copy with settings that keep a stage and its workers busy for minutes."""
    params = victim.folder / "params.yaml"
    text = params.read_text()
    yaml = quick.YAML()
    changed = yaml.load(text)
    changed["mlp"]["runs"]["custom"]["epochs"] = changed["cnn"]["runs"]["custom"]["epochs"] = 10**6
    changed["data"]["synthetic_masks"]["photographs"] = 3000
    yaml.dump(changed, params)
    victim.run(sys.executable, "-m", "stages.check_settings")
    yield victim.folder
    params.write_text(text)
    victim.run(sys.executable, "-m", "stages.check_settings")


@pytest.mark.parametrize("how", ["terminal", "stage alone"])
@pytest.mark.parametrize("stage", ["train_mlp@custom", "train_cnn@custom", "fetch_masks"])
def test_ctrl_c_stops_a_stage_and_its_workers(busy, stage, how):
    run = alone(busy, stage)
    assert len(run.wait_for(run.workers)) > 0
    time.sleep(1)
    start = time.monotonic()
    # A terminal sends the signal to every process of the group.
    (os.killpg if how == "terminal" else os.kill)(run.process.pid, signal.SIGINT)
    assert run.finish() == f"{stage.split('@')[0]}: interrupted\n"
    while run.members():
        assert time.monotonic() < start + SOON
        time.sleep(0.01)
    assert run.process.returncode == 130


def test_ctrl_c_stops_dvc(busy):
    before = results(busy)
    (busy / "models/mlp/custom").rename(busy / "kept")
    run = forced(busy, "train_mlp@custom")
    run.wait_for(run.workers)
    time.sleep(1)
    start = time.monotonic()
    os.killpg(run.process.pid, signal.SIGINT)
    printed = run.finish()
    assert "train_mlp: interrupted" in printed and "Traceback" not in printed
    assert len(printed.splitlines()) < 10
    while run.members():
        assert time.monotonic() < start + 2 * SOON  # DVC itself takes a second to leave
        time.sleep(0.01)
    assert not (busy / "models/mlp/custom").exists()
    (busy / "kept").rename(busy / "models/mlp/custom")
    assert results(busy) == before


def test_ctrl_c_while_a_stage_still_imports(victim, tmp_path):
    (tmp_path / "pydantic.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    run = subprocess.Popen(
        [sys.executable, "-m", "stages.prepare_digits"],
        cwd=victim.folder,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert run.stdout.readline() == "importing\n"
    run.send_signal(signal.SIGINT)
    assert run.communicate(timeout=10)[0] == ""
    assert run.returncode == -signal.SIGINT


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
    files = [
        path
        for name in ("data", "models", "metrics", "plots", "report")
        for path in (folder / name).rglob("*")
    ]
    return {str(path): path.stat().st_mtime_ns for path in files if path.is_file()}


def fails_in_one_line(folder: Path, stage: str, *words: str, prefix: tuple[str, ...] = (), **options) -> None:
    """Run the stage alone; it must end with one line that has all `words`, and change nothing."""
    before = contents(folder)
    name, *arguments = stage.split("@")
    finished = subprocess.run(
        [*prefix, sys.executable, "-m", f"stages.{name}", *arguments],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
    assert finished.returncode == 1
    (line,) = [line for line in finished.stderr.splitlines() if line.startswith(f"{name}: ")]
    for word in words:
        assert word in line
    assert "Traceback" not in finished.stderr
    assert contents(folder) == before


OUTPUTS = {
    "fetch_digits": "data/raw/digits", "prepare_digits": "data/digits.safetensors",
    "evaluate_mlp": "plots/mlp",
    "train_mlp@h64_32": "models/mlp/h64_32", "crop_masks": "data/crops",
    "fetch_masks": "data/raw/masks", "train_cnn@final": "models/cnn/final", "evaluate_cnn": "plots/cnn",
    "check_claims": "plots/claims", "write_report": "report", "check_settings": "settings",
    "project_latents@F3_latents_20_15": "plots/latents/F3_latents_20_15.csv",
}  # fmt: skip


@pytest.mark.parametrize("stage", STAGES)
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


@pytest.mark.parametrize(
    ("stage", "locked", "mode"),
    [
        ("prepare_digits", "data", 0o555),
        ("train_mlp@h64_32", "models/mlp", 0o555),
        ("evaluate_mlp", "plots", 0o555),
        ("prepare_digits", "data/raw/digits/digits.npz", 0o000),
        ("evaluate_cnn", "data/crops.safetensors", 0o000),
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


@pytest.mark.parametrize(
    "output", ["data/digits.safetensors", "metrics/claims.json", "data/raw/digits", "plots/mlp"]
)
def test_something_else_in_the_place_of_an_output(victim, output):
    stage = {
        "data/digits.safetensors": "prepare_digits",
        "metrics/claims.json": "check_claims",
        "data/raw/digits": "fetch_digits",
        "plots/mlp": "evaluate_mlp",
    }[output]
    path, kept = victim.folder / output, victim.folder / "kept"
    plots = victim.folder / "plots/mlp"
    path.rename(kept)
    path.mkdir() if kept.is_file() else path.touch()
    try:
        name, *arguments = stage.split("@")
        finished = subprocess.run(
            [sys.executable, "-m", f"stages.{name}"],
            cwd=victim.folder,
            capture_output=True,
            text=True,
        )
        assert finished.returncode == 1
        assert finished.stderr.startswith(f"{name}: {output}: ") and "move it away" in finished.stderr
        assert finished.stderr.count("\n") == 1
        assert plots.exists()
    finally:
        path.rmdir() if path.is_dir() else path.unlink()
        kept.rename(path)


@pytest.mark.parametrize(
    ("stage", "damaged"),
    [
        ("prepare_digits", "data/digits.safetensors"),
        ("crop_masks", "data/boxes.csv"),
        ("train_mlp@h64_32", "models/mlp/h64_32/predictions_0.safetensors"),
        ("evaluate_cnn", "metrics/cnn/final.json"),
    ],
)
def test_an_output_damaged_by_hand_is_made_again(victim, stage, damaged):
    before = results(victim.folder)
    path = victim.folder / damaged
    content = path.read_bytes()
    shutil.rmtree(victim.folder / ".dvc/cache", ignore_errors=True)  # nothing comes back but by running
    path.unlink()  # DVC may have linked it to its cache
    path.write_bytes(content[: len(content) // 2])
    assert victim.stages_run(victim.dvc("repro", "--no-run-cache", "--single-item", stage)) == [stage]
    assert path.read_bytes() == content
    assert results(victim.folder) == before


def test_two_repros_at_once(victim):
    before = results(victim.folder)
    runs = [forced(victim.folder, "evaluate_mlp"), forced(victim.folder, "evaluate_mlp")]
    printed = [run.finish() for run in runs]
    for run, text in zip(runs, printed, strict=True):
        assert run.process.returncode == 0 or "lock" in text or "busy" in text, text
        assert "Traceback" not in text
    victim.dvc("repro", "--single-item", "evaluate_mlp")
    assert results(victim.folder) == before


def test_a_repro_while_experiments_are_queued(victim):
    before = results(victim.folder)
    victim.dvc("exp", "run", "--queue", "-S", "mlp.runs.custom.learning_rate=0.01")
    victim.dvc("repro", "--force", "--single-item", "evaluate_cnn")
    assert results(victim.folder) == before
    assert victim.dvc("queue", "status").count("Queued") == 1
    victim.dvc("queue", "remove", "--queued")
