"""Stages side by side: the same dvc.lock as `dvc repro`, errors, Ctrl-C, and data that have changed."""

import csv
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import joblib
import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from tests.cluster import of_dask
from tests.conftest import ROOT
from tests.making import put
from tests.processes import Run
from tools import lanes, quick, verify

NEEDS = {"a": "", "b": "a", "c": "a", "d": "a", "e": "bc", "f": ""}  # stage: those that it needs


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A pipeline of six stages, each of which writes a file; two lanes run it."""
    folder = tmp_path / "project"
    folder.mkdir()
    stages = {
        name: {"cmd": f"echo > {name}", "deps": [*needs], "outs": [name]} for name, needs in NEEDS.items()
    }
    write_stages(folder, stages)
    (folder / "params.yaml").write_text("compute: {}\ndata: {digits: synthetic, masks: synthetic}\n")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    with Repo.init(str(folder)) as repo, repo.config.edit() as config:
        config["core"] = {"analytics": False}  # or DVC leaves processes behind
    monkeypatch.setattr(joblib, "cpu_count", lambda: 2)
    return folder


def write_stages(folder: Path, stages: dict) -> None:
    YAML().dump({"stages": stages}, folder / "dvc.yaml")


def read_stages(folder: Path) -> dict:
    return YAML(typ="safe").load(folder / "dvc.yaml")["stages"]


def dvc(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "dvc", *arguments]
    subprocess.run(command, cwd=folder, check=True, env=quick.environment(), stdout=subprocess.DEVNULL)


def test_dvc_lock_is_that_of_dvc_repro(folder, tmp_path):
    """Also where some stages have run before: their entries stay in their places, new ones follow."""
    dvc(folder, "repro", "f", "c")
    plain = shutil.copytree(folder, tmp_path / "plain", symlinks=True)
    dvc(plain, "repro")
    record = tmp_path / "seconds.csv"
    assert lanes.run(folder, record=record)
    assert (folder / "dvc.lock").read_bytes() == (plain / "dvc.lock").read_bytes()
    with open(record, newline="") as file:
        assert {row["stage"] for row in csv.DictReader(file) if float(row["seconds"]) > 0} == NEEDS.keys()


@pytest.mark.witness
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
    assert {line for line in printed.splitlines() if line.startswith("ran ")} == {f"ran {s}" for s in NEEDS}


def test_the_longest_way_to_the_end_goes_first():
    needs = {"short": set(), "long": set(), "end": {"long"}}
    seconds = {"short": 3.0, "long": 2.0, "end": 2.0}
    assert lanes.startable(needs, [], [], seconds) == ["long", "short"]
    assert lanes.startable(needs, ["long"], ["short"], seconds) == ["end"]
    assert lanes.simulate(needs, seconds, 1) == {"long": 2, "short": 5, "end": 7}
    assert lanes.simulate(needs, seconds, 2) == {"long": 2, "short": 3, "end": 4}


# A stage of two tasks, of which none ends before four have begun.
TWO_TASKS = """
import sys, time
from pathlib import Path
from pipeline.runtime.compute import read_compute
from pipeline.runtime.settings import read_params

def task(begun, name, number):
    (begun / f"{name}{number}").touch()
    while len(list(begun.iterdir())) < 4:
        time.sleep(0.1)
    return f"{name} {number}"

begun, name = Path(sys.argv[1]), sys.argv[2]
Path(name).write_text(" ".join(read_compute(read_params()).each(task, [(begun, name, n) for n in "12"], 2)))
"""


@of_dask
def test_a_cluster_is_kept_busy_from_a_machine_of_one_core(cluster, folder, tmp_path, monkeypatch):
    """Its four threads make two lanes. Stages start as is simulated, and dvc.lock is that of `dvc repro`."""
    needs = {"a": "", "b": "", "c": "", "d": "abc"}
    (begun := tmp_path / "begun").mkdir()
    put(folder / "stage.py", TWO_TASKS.encode())
    command = f"PYTHONPATH={ROOT} {sys.executable} stage.py {begun}"
    write_stages(
        folder,
        {name: {"cmd": f"{command} {name}", "deps": [*of], "outs": [name]} for name, of in needs.items()},
    )
    monkeypatch.setattr(joblib, "cpu_count", lambda: 1)
    put(tmp_path / "seconds.csv", b"stage,seconds\na,1\nb,3\nc,2\nd,1\n")
    monkeypatch.setattr(lanes, "SECONDS", tmp_path / "seconds.csv")
    started = []

    def pool(count, *setting_up):
        assert count == 2
        pool = ProcessPoolExecutor(count, *setting_up)
        submit = pool.submit
        pool.submit = lambda run, stage, *rest: started.append(stage) or submit(run, stage, *rest)
        return pool

    monkeypatch.setattr(lanes, "ProcessPoolExecutor", pool)
    params = YAML(typ="safe").load(folder / "params.yaml")
    YAML().dump(params | {"compute": {"backend": "dask", "address": cluster}}, folder / "params.yaml")
    assert lanes.run(folder)
    assert len(list(begun.iterdir())) == 8
    expected = lanes.simulate(lanes.read_graph(folder), lanes.read_seconds(needs), 2)
    assert started == [*expected]
    locked = (folder / "dvc.lock").read_bytes()
    YAML().dump(params, folder / "params.yaml")
    dvc(folder, "repro", "--force")
    assert (folder / "dvc.lock").read_bytes() == locked


def test_data_of_one_s_own_that_have_changed_are_fetched_anew(folder, tmp_path, capfd):
    """DVC sees no change of a folder that no stage depends on; nor is anything fetched that is as it was."""
    faces = tmp_path / "faces"
    put(faces / "a.png", b"old")
    copy = f"mkdir -p data/raw/masks && cp {faces}/a.png data/raw/masks/masks.zip"
    checksum = "$(sha256sum data/raw/masks/masks.zip | cut -c -64)"
    said = """printf '{"file": "masks.zip", "sha256": "%s"}'"""
    record = f"{said} {checksum} > data/raw/masks/source.json"
    stages = {"fetch_masks": {"cmd": f"{copy} && {record}", "outs": ["data/raw/masks"]}}
    write_stages(folder, stages)
    (folder / "params.yaml").write_text(f"compute: {{}}\ndata: {{digits: synthetic, masks: {faces}/a.png}}\n")
    fetched = folder / "data/raw/masks/masks.zip"
    for content in (b"old", b"new"):
        put(faces / "a.png", content)
        assert lanes.run(folder)
        assert fetched.read_bytes() == content
    assert "data.masks: " in capfd.readouterr().out
    assert lanes.run(folder)
    assert "data.masks: " not in capfd.readouterr().out


def test_the_seconds_of_every_stage_of_the_project_are_known():
    with open(lanes.SECONDS, newline="") as file:
        known = {row["stage"] for row in csv.DictReader(file)}
    assert known == lanes.read_graph(ROOT).keys()


# Waits for another stage to fail, and as long again as all has taken until then, in which that is noticed.
WAIT_FOR_FAILURE = """
import os, time
while not os.path.exists("failed"):
    time.sleep(0.1)
time.sleep(time.time() - os.stat("dvc.yaml").st_mtime)
open("b", "w")
"""


def test_a_stage_that_fails_lets_the_others_end_and_no_more_start(folder, capfd):
    (folder / "wait.py").write_text(WAIT_FOR_FAILURE)
    stages = read_stages(folder)
    stages["b"]["cmd"] = "python wait.py"
    stages["c"]["cmd"] = "echo no such thing >&2; touch failed; false"
    stages["g"] = {"cmd": "echo > g", "deps": ["b"], "outs": ["g"]}
    write_stages(folder, stages)
    assert not lanes.run(folder)
    printed = capfd.readouterr().err
    assert printed.splitlines()[-1] == "lanes: c failed; the message is above"
    assert "no such thing" in printed and "Traceback" not in printed
    assert (folder / "b").exists() and not (folder / "e").exists() and not (folder / "g").exists()
    assert {"a", "b"} <= set(YAML(typ="safe").load(folder / "dvc.lock")["stages"]) <= {"a", "b", "d", "f"}


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("params.yaml", "compute: {workers: -1}", "^lanes: params.yaml: `compute.workers` is -1: "),
        ("params.yaml", "compute: [", "^lanes: .*params.yaml line 1"),
        ("dvc.yaml", "stages: {a: {foreach: '${mlp.runs}', do: {cmd: echo}}}", "^lanes: .*dvc.yaml"),
    ],
)
def test_a_mistake_in_a_file_is_one_line(folder, file, text, said):
    (folder / file).write_text(text)
    with pytest.raises(SystemExit, match=said):
        lanes.run(folder)


def test_ctrl_c_stops_every_lane(folder):
    stages = read_stages(folder)
    for stage in stages.values():
        stage["cmd"] = "python -c \"import time; print('on', flush=True); time.sleep(1000)\""
        stage["deps"] = []
    write_stages(folder, stages)
    start = f"import joblib, sys; sys.path.append({str(ROOT)!r}); joblib.cpu_count = lambda: 2\n"
    start += "if __name__ == '__main__':\n    from tools.lanes import main; main()"
    run = Run(folder, sys.executable, "-c", start)
    on = 0
    while on < 2:  # every lane is inside of a stage
        line = run.process.stdout.readline()
        assert line, "it ended"
        on += "on" in line
    for process in run.members():
        process.send_signal(signal.SIGINT)  # as a terminal does
    assert run.finish().splitlines()[-1] == "lanes: interrupted"
