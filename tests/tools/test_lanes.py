"""Stages side by side: the same dvc.lock as `dvc repro`, errors, Ctrl-C, and the estimate of the time."""

import csv
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import joblib
import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT
from tests.processes import Run
from tools import lanes, quick, verify

# Stage: the stages that it needs, and how long it sleeps.
STAGES = {"a": ("", 0.1), "b": ("a", 0.4), "c": ("a", 0.2), "d": ("a", 0.2), "e": ("bc", 0.1), "f": ("", 0.3)}


@pytest.fixture
def folder(tmp_path):
    """A pipeline of six stages, each of which sleeps and writes a file."""
    folder = tmp_path / "project"
    folder.mkdir()
    stages = {}
    for name, (needs, seconds) in STAGES.items():
        code = f"import time; time.sleep({seconds}); open('{name}', 'w').write('{needs}')"
        stages[name] = {"cmd": f'python -c "{code}"', "deps": [*needs], "outs": [name]}
    write_stages(folder, stages)
    (folder / "params.yaml").write_text("compute: {}\n")
    python_dvc = [sys.executable, "-m", "dvc"]
    no_analytics = ["config", "core.analytics", "false"]  # or DVC leaves processes behind
    for command in (["git", "init", "-q"], [*python_dvc, "init", "-q"], [*python_dvc, *no_analytics]):
        subprocess.run(command, cwd=folder, check=True)
    return folder


def write_stages(folder: Path, stages: dict) -> None:
    YAML().dump({"stages": stages}, folder / "dvc.yaml")


def read_stages(folder: Path) -> dict:
    return YAML(typ="safe").load(folder / "dvc.yaml")["stages"]


def start(folder: Path) -> Run:
    return Run(folder, sys.executable, "-c", f"import sys; sys.path.append({str(ROOT)!r})\n{MAIN}")


MAIN = "if __name__ == '__main__':\n    from tools.lanes import main; main()"


def dvc(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "dvc", *arguments]
    subprocess.run(command, cwd=folder, check=True, env=quick.environment(), stdout=subprocess.DEVNULL)


def test_dvc_lock_is_that_of_dvc_repro(folder, tmp_path):
    plain = shutil.copytree(folder, tmp_path / "plain", symlinks=True)
    dvc(plain, "repro")
    record = tmp_path / "seconds.csv"
    assert lanes.run(folder, record=record)
    with open(record, newline="") as file:
        assert {row["stage"] for row in csv.DictReader(file) if float(row["seconds"]) > 0} == STAGES.keys()
    assert (folder / "dvc.lock").read_bytes() == (plain / "dvc.lock").read_bytes()
    for each in (folder, plain):  # a stage in the middle that is new goes to the end, as DVC has it
        stages = read_stages(each)
        stages["c"]["cmd"] += " #"
        new = {"g": {"cmd": "echo > g", "deps": ["a"], "outs": ["g"]}}
        write_stages(each, {"f": stages.pop("f"), **new, **stages})
    dvc(plain, "repro")
    assert lanes.run(folder)
    assert (folder / "dvc.lock").read_bytes() == (plain / "dvc.lock").read_bytes()


def test_the_estimate_is_what_two_lanes_take(folder):
    """With the seconds that the stages took, DVC's own among them, so that a busy machine changes both."""
    needs = lanes.read_graph(folder)
    with ProcessPoolExecutor(2, get_context("spawn"), lanes.start_lane, (folder,)) as pool:
        for future in [pool.submit(lanes.run_stage, stage, 1, []) for stage in "af"]:
            assert future.result() == 0  # both lanes have started, which no estimate counts
        started = time.perf_counter()
        seconds = lanes.run_all(pool, needs, 2, 2, ["--force"])
        passed = time.perf_counter() - started
    assert seconds.keys() == needs.keys()
    assert lanes.simulate(needs, seconds, 2) == pytest.approx(passed, rel=0.2)


def test_verify_runs_every_stage_in_a_clone(folder, monkeypatch, capfd):
    """Those too whose results are committed, where dvc repro finds nothing to do."""
    stages = read_stages(folder)
    for name, stage in stages.items():
        stage["cmd"] += f" && echo ran {name}"
        stage["outs"] = [{name: {"cache": False}}]
    write_stages(folder, stages)
    dvc(folder, "repro")
    quick.commit(folder, "Stages and results")
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit, match="verify: plots/mlp/runs.csv is not committed"):
        verify.main()
    printed = capfd.readouterr().out
    assert "6 of 6: " in printed and "dvc.lock: identical" in printed
    assert {line for line in printed.splitlines() if line.startswith("ran ")} == {f"ran {s}" for s in STAGES}


def test_the_longest_way_to_the_end_goes_first():
    needs = {"short": set(), "long": set(), "end": {"long"}}
    seconds = {"short": 3.0, "long": 2.0, "end": 2.0}
    assert lanes.startable(needs, [], [], seconds) == ["long", "short"]
    assert lanes.startable(needs, ["long"], ["short"], seconds) == ["end"]
    assert lanes.simulate(needs, seconds, 1) == 7
    assert lanes.simulate(needs, seconds, 2) == 4
    assert lanes.simulate(needs, seconds, 2, done=["long"]) == 3


def test_the_seconds_of_every_stage_of_the_project_are_known():
    with open(lanes.SECONDS, newline="") as file:
        known = {row["stage"] for row in csv.DictReader(file)}
    assert known == lanes.read_graph(ROOT).keys()


def test_a_stage_that_fails_lets_the_others_end_and_no_more_start(folder):
    stages = read_stages(folder)
    stages["c"]["cmd"] = "echo no such thing >&2; false"
    stages["b"]["cmd"] = stages["b"]["cmd"].replace("0.4", "3")  # still running when c fails, in any case
    stages["g"] = {"cmd": "echo > g", "deps": ["b"], "outs": ["g"]}
    write_stages(folder, stages)
    run = start(folder)
    printed = run.finish()
    assert run.process.returncode == 1
    assert printed.splitlines()[-1] == "lanes: c failed; the message is above"
    assert "no such thing" in printed and "Traceback" not in printed
    assert (folder / "b").exists() and not (folder / "e").exists() and not (folder / "g").exists()
    assert {"a", "b"} <= set(YAML(typ="safe").load(folder / "dvc.lock")["stages"]) <= {"a", "b", "d", "f"}


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("params.yaml", "compute: {workers: -1}", "lanes: params.yaml: `compute.workers` is -1: "),
        ("params.yaml", "compute: [", "lanes: "),
        ("dvc.yaml", "stages: {a: {foreach: '${mlp.runs}', do: {cmd: echo}}}", "lanes: "),
    ],
)
def test_a_mistake_in_a_file_is_one_line(folder, file, text, said):
    (folder / file).write_text(text)
    run = start(folder)
    printed = run.finish()
    assert run.process.returncode == 1
    assert printed.startswith(said) and file in printed and "Traceback" not in printed


def test_ctrl_c_stops_every_lane(folder):
    stages = read_stages(folder)
    for stage in stages.values():
        stage["cmd"] = "python -c \"import time; print('on', flush=True); time.sleep(1000)\""
        stage["deps"] = []
    write_stages(folder, stages)
    run = start(folder)
    on = 0
    while on < min(joblib.cpu_count(), len(stages)):  # every lane is inside of a stage
        line = run.process.stdout.readline()
        assert line, "it ended"
        on += "on" in line
    begun = time.monotonic()
    for process in run.members():
        process.send_signal(signal.SIGINT)  # as a terminal does
    printed = run.finish()
    assert printed.splitlines()[-1] == "lanes: interrupted"
    while run.members():
        time.sleep(0.01)
    assert time.monotonic() - begun < 2
