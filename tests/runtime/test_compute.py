"""Where the work is done: processes, a GPU, a Dask cluster; and that no result depends on it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import psutil
import pytest
from distributed import Client, LocalCluster

from pipeline.common.digits import Digits, save_digits
from pipeline.common.numerics import INSTRUCTIONS, THREADS
from pipeline.common.paths import DIGITS
from pipeline.runtime.compute import Compute
from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import check
from stages.crop_masks import __main__ as crop_masks
from stages.fetch_masks import __main__ as fetch_masks
from stages.train_mlp import __main__ as train_mlp
from tests.conftest import ROOT
from tests.making import put_settings
from tests.witness import MLP


@pytest.mark.parametrize("missing", ["os.sched_getaffinity", "signal.pthread_sigmask"])
def test_work_is_spread_where_the_system_lacks_something(missing):
    """macOS has no `os.sched_getaffinity`, and Windows no signal mask."""
    script = (
        f"import os, signal; del {missing}\n"
        "from pipeline.runtime.compute import Compute\n"
        "print(list(Compute().each(abs, [(-1,), (-2,), (-3,)], 3)))"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (told.stdout, told.returncode) == ("[1, 2, 3]\n", 0), told.stderr


def test_processes_are_the_cores_or_the_tasks(monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 3)
    assert Compute(workers=0).processes(10) == 3
    assert Compute(workers=0).processes(2) == 2
    assert Compute(workers=7).processes(10) == 7
    assert Compute(workers=7).processes(0) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"device": "cuda"}, "`compute.device` is not a setting"),
        ({"backend": "dask"}, "backend dask needs an address"),
        ({"address": "tcp://127.0.0.1:8786"}, "backend loky has none"),
    ],
)
def test_impossible_settings_are_named(wrong, message):
    with pytest.raises(InputError) as error:
        check(Compute, wrong, "compute")
    assert message in str(error.value)


def test_workers_end_with_their_stage_even_before_their_first_task():
    script = (
        "import time; from pipeline.runtime.compute import Compute\n"
        "print(*Compute(workers=2).each(abs, [(-1,)], 2), flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as stage:
        assert stage.stdout.readline() == "1\n"
        workers = psutil.Process(stage.pid).children()
        assert sum("popen_loky" in " ".join(worker.cmdline()) for worker in workers) == 2
        stage.kill()
        assert psutil.wait_procs(workers, timeout=60)[1] == []


def test_a_worker_killed_while_it_hands_over_its_result_is_said(tmp_path):
    (tmp_path / "stage.py").write_text(
        """import os, signal, sys
from multiprocessing import connection
from pipeline.runtime.compute import Compute
from pipeline.runtime.process import run_stage

def hand_over_half(number):
    def send(self, data, write=os.write):
        write(self._handle, data[:10])
        os.kill(os.getpid(), signal.SIGKILL)
    if number:
        connection.Connection._send = send
    return bytes(10**6)

def main():
    list(Compute(workers=2).each(hand_over_half, [(0,), (1,)], 2))

if __name__ == "__main__":
    run_stage(main)
"""
    )
    command = [sys.executable, str(tmp_path / "stage.py")]
    told = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60
    )
    assert told.returncode == 1 and told.stdout == ""
    line, *_ = told.stderr.splitlines()  # below it joblib may warn of what it clears away
    assert line.startswith("stage: a worker process was killed, by hand or because memory ran out; nothing")


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:9", "tcp://nowhere", "tls://127.0.0.1:9", "ucx://a:9", ""]
)
def test_a_missing_scheduler_is_named(address):
    """In a process that ends, as a stage does: a client that failed to start may block the next one."""
    script = (
        "import distributed, sys; from pipeline.runtime.compute import Compute\n"
        "real = distributed.Client; distributed.Client = lambda address, timeout: real(address, timeout=1)\n"
        "from pipeline.runtime.settings import InputError\n"
        "try: list(Compute(backend='dask', address=sys.argv[1]).each(abs, [(-1,)], 1))\n"
        "except InputError as error: print(error)"
    )
    command = [sys.executable, "-c", script, address]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout
    assert told.startswith(f"compute.address: no Dask scheduler at {address} (")


def start(*command: str, env: dict[str, str] | None = None) -> subprocess.Popen:
    """A process of the cluster, in a group of its own so that it can be killed with its children."""
    return subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=env, start_new_session=True)


def stop(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler and two workers of one thread, each a process of its own: the address."""
    file = tmp_path_factory.mktemp("dask") / "scheduler.json"
    scheduler = ["dask", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    worker = ["tools.dask_worker", "--no-dashboard", "--scheduler-file", str(file)]
    started = [start(*scheduler, "--scheduler-file", str(file))]
    started += [start(*worker), start(*worker)]
    try:
        while not file.exists() or not file.read_text():
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        with Client(address, timeout="30s") as client:
            client.wait_for_workers(2)
        yield address
    finally:
        for process in started:
            stop(process)


def write_project(folder: Path, **compute: str) -> Path:
    """Noise to train on for a second or two, in a folder in which the stage can run."""
    (folder / "data").mkdir(parents=True)
    rng = np.random.default_rng(0)
    sizes = {"train": 2000, "test": 500}
    digits = {
        split: Digits(rng.integers(0, 256, (n, 28, 28), np.uint8), (np.arange(n) % 10).astype(np.uint8))
        for split, n in sizes.items()
    }
    save_digits(folder / DIGITS, digits)
    settings = MLP | {"learning_rate": 0.1, "epochs": 200, "latents_every": 100, "seeds": 3}
    mlp = {"defaults": settings, "runs": {"mine": {}}}
    (folder / "params.yaml").write_text(json.dumps({"seed": 0, "compute": compute, "mlp": mlp}))
    put_settings(folder)
    return folder


def files_of_run() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path("models/mlp/mine").iterdir()}


@pytest.mark.xdist_group("dask")
def test_a_cluster_gives_the_same_bytes_even_when_a_worker_is_killed(cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(write_project(tmp_path / "local"))
    train_mlp.main("mine")
    local = files_of_run()

    monkeypatch.chdir(write_project(tmp_path / "cluster", backend="dask", address=cluster))
    train_mlp.main("mine")
    assert files_of_run() == local

    monkeypatch.chdir(write_project(tmp_path / "killed", backend="dask", address=cluster))
    with Client(cluster) as client, ThreadPoolExecutor() as pool:
        killed = pool.submit(kill_a_busy_worker, client)
        train_mlp.main("mine")
        assert killed.result() not in client.run(os.getpid).values(), "a new worker must have replaced it"
    assert files_of_run() == local


@pytest.mark.xdist_group("dask")
def test_a_cluster_draws_and_crops_photographs_to_the_same_bytes(cluster, project):
    left = []
    for backend, address in (("loky", None), ("dask", cluster)):
        changes = {"compute.backend": backend, "compute.address": address, "crop_masks.side": 8}
        folder = project({"data.synthetic_masks": {"photographs": 40}, **changes})
        fetch_masks.main()
        crop_masks.main()
        files = [path for path in sorted((folder / "data").rglob("*")) if path.is_file()]
        left.append({path.relative_to(folder): path.read_bytes() for path in files})
        shutil.rmtree(folder / "data")
    local, on_cluster = left
    assert len(local) > 40 and on_cluster == local


def kill_a_busy_worker(client: Client) -> int:
    """Wait until a worker has been at work for a moment and kill its process: its number."""
    while not (busy := [worker for worker, tasks in client.processing().items() if tasks]):
        time.sleep(0.05)
    time.sleep(1)  # it trains, or still imports
    number = client.run(os.getpid, workers=busy[:1])[busy[0]]
    os.kill(number, signal.SIGKILL)
    return number


def test_a_worker_of_several_threads_is_refused():
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as crowded:
        place = Compute(backend="dask", address=crowded.scheduler_address)
        with pytest.raises(InputError, match="has several threads; start it with"):
            list(place.each(abs, [(-1,)], 1))


@pytest.mark.xdist_group("dask")
def test_a_worker_whose_libraries_were_loaded_too_early_is_refused(tmp_path):
    """Dask's own command loads NumPy before `pipeline` can choose the instructions."""
    file = tmp_path / "scheduler.json"
    unpinned = {name: value for name, value in os.environ.items() if name not in INSTRUCTIONS | THREADS}
    scheduler = ["dask", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    started = [start(*scheduler, "--scheduler-file", str(file))]
    try:
        while not file.exists() or not file.read_text():
            time.sleep(0.1)
        place = Compute(backend="dask", address=json.loads(file.read_text())["address"])
        options = ["--nworkers", "2", "--no-dashboard", "--scheduler-file", str(file)]
        started.append(start("dask", "worker", "--nthreads", "1", *options, env=unpinned))
        with Client(place.address, timeout="30s") as client:
            client.wait_for_workers(2)
        with pytest.raises(InputError, match="imported numpy before `pipeline`.*tools.dask_worker"):
            list(place.each(abs, [(-1,), (-2,)], 2))
    finally:
        for process in started:
            stop(process)
