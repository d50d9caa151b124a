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
import psutil
import pytest
from distributed import Client, LocalCluster

from pipeline.common.paths import DIGITS
from pipeline.runtime import compute
from pipeline.runtime.compute import Compute
from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import check
from stages.crop_masks import __main__ as crop_masks
from stages.fetch_masks import __main__ as fetch_masks
from stages.train_mlp import __main__ as train_mlp
from tests.conftest import ROOT
from tests.making import files_in, put_run
from tests.small_trainings import MLP, make_digits


def run_script(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True
    )


def test_work_is_spread_where_the_system_lacks_something():
    """macOS has no `os.sched_getaffinity`, and Windows no signal mask."""
    told = run_script(
        "import os, signal; del os.sched_getaffinity, signal.pthread_sigmask\n"
        "from pipeline.runtime.compute import Compute\n"
        "print(list(Compute().each(abs, [(-1,), (-2,), (-3,)], 3)))"
    )
    assert (told.stdout, told.returncode) == ("[1, 2, 3]\n", 0), told.stderr


def test_processes_are_the_cores_or_the_tasks(monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 3)
    assert Compute(workers=0).processes(10, Compute().cores()) == 3
    assert Compute(workers=0).processes(2, 3) == 2
    assert Compute(workers=7).processes(10, 3) == 7
    assert Compute(workers=7).processes(0, 3) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
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
from pipeline.runtime import compute
from pipeline.runtime.process import run_stage

compute.DEAD_WORKER_POLL_SECONDS = 0.5

def hand_over_half(number):
    def send(self, data, write=os.write):
        write(self._handle, data[:10])
        os.kill(os.getpid(), signal.SIGKILL)
    if number:
        connection.Connection._send = send
    return bytes(10**6)

def main():
    list(compute.Compute(workers=2).each(hand_over_half, [(0,), (1,)], 2))

if __name__ == "__main__":
    run_stage(main)
"""
    )
    command = [sys.executable, str(tmp_path / "stage.py")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    told = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert told.returncode == 1 and told.stdout == ""
    line, *_ = told.stderr.splitlines()  # below it joblib may warn of what it clears away
    assert line.startswith("stage: a worker process was killed, by hand or because memory ran out; nothing")


# One that does not answer, one of a scheme that is not set up here, and what is no address.
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "tls://127.0.0.1:9", "ucx://a:9"])
def test_a_missing_scheduler_is_named(address):
    """In a process that ends, as a stage does: a client that failed to start may block the next one."""
    told = run_script(
        "import distributed, sys; from pipeline.runtime.compute import Compute\n"
        "real = distributed.Client; distributed.Client = lambda address, timeout: real(address, timeout=1)\n"
        "from pipeline.runtime.settings import InputError\n"
        "try: list(Compute(backend='dask', address=sys.argv[1]).each(abs, [(-1,)], 1))\n"
        "except InputError as error: print(error)",
        address,
    )
    assert told.stdout.startswith(f"compute.address: no Dask scheduler at {address} ("), told.stderr


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler and two workers of one thread, each in a group of processes of its own: the address."""
    file = tmp_path_factory.mktemp("dask") / "scheduler.json"
    scheduler, worker = ["dask", "scheduler", "--host", "127.0.0.1", "--port", "0"], ["tools.dask_worker"]
    options = ["--no-dashboard", "--scheduler-file", str(file)]
    commands = [[sys.executable, "-m", *command, *options] for command in (scheduler, worker, worker)]
    started = [subprocess.Popen(command, cwd=ROOT, start_new_session=True) for command in commands]
    try:
        while not file.exists() or not file.read_text():
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        with Client(address, timeout="100s") as client:
            client.wait_for_workers(2)
        yield address
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def of_dask(test):
    """One worker runs these, and starts the cluster once."""
    return pytest.mark.xdist_group("dask")(pytest.mark.witness(test))


def train_in(folder: Path, monkeypatch: pytest.MonkeyPatch, **compute: str) -> dict[str, bytes]:
    """The files of a training that takes a second or two."""
    (folder / "data").mkdir(parents=True)
    make_digits(folder / DIGITS, train=2000, test=500)
    settings = MLP | {"learning_rate": 0.1, "epochs": 200, "latents_every": 100, "seeds": 3}
    put_run(folder, "mlp", settings, {}, **compute)
    monkeypatch.chdir(folder)
    train_mlp.main("mine")
    return files_in(folder / "models/mlp/mine")


@of_dask
def test_a_cluster_gives_the_same_bytes_even_when_a_worker_is_killed(cluster, tmp_path, monkeypatch):
    local = train_in(tmp_path / "local", monkeypatch)
    assert train_in(tmp_path / "cluster", monkeypatch, backend="dask", address=cluster) == local
    with Client(cluster) as client, ThreadPoolExecutor() as pool:
        killed = pool.submit(kill_a_busy_worker, client)
        assert train_in(tmp_path / "killed", monkeypatch, backend="dask", address=cluster) == local
        assert killed.result() not in client.run(os.getpid).values(), "a new worker must have replaced it"


@of_dask
def test_a_cluster_draws_and_crops_photographs_to_the_same_bytes_when_a_worker_is_killed(cluster, project):
    def draw_and_crop(backend: str, address: str | None) -> dict[Path, bytes]:
        changes = {"compute.backend": backend, "compute.address": address, "crop_masks.side": 8}
        folder = project({"data.synthetic_masks": {"photographs": 200}, **changes})
        fetch_masks.main()
        crop_masks.main()
        files = [path for path in sorted((folder / "data").rglob("*")) if path.is_file()]
        left = {path.relative_to(folder): path.read_bytes() for path in files}
        shutil.rmtree(folder / "data")
        return left

    local = draw_and_crop("loky", None)
    with Client(cluster) as client, ThreadPoolExecutor() as pool:
        killed = pool.submit(kill_a_busy_worker, client)
        assert len(local) > 200 and draw_and_crop("dask", cluster) == local
        assert killed.result()


@of_dask
def test_stages_side_by_side_follow_the_threads_of_the_cluster(cluster):
    assert Compute(backend="dask", address=cluster).cores() == 2


def kill_a_busy_worker(client: Client) -> int:
    """Wait until a worker has been at work for a moment and kill its process: its number."""
    while not (busy := [worker for worker, tasks in client.processing().items() if tasks]):
        time.sleep(0.05)
    time.sleep(1)  # it trains, or still imports
    number = client.run(os.getpid, workers=busy[:1])[busy[0]]
    os.kill(number, signal.SIGKILL)
    return number


@pytest.mark.parametrize(
    ("threads", "loaded", "said"),
    [
        (2, [], "has several threads; start it with"),
        (1, ["numpy"], "imported numpy before `pipeline`.*tools.dask_worker"),  # as Dask's own command does
    ],
)
def test_a_worker_whose_results_might_differ_is_refused(monkeypatch, threads, loaded, said):
    monkeypatch.setattr(compute, "loaded_before", loaded)
    workers = {"n_workers": 1, "threads_per_worker": threads, "processes": False, "dashboard_address": None}
    with LocalCluster(**workers) as cluster, pytest.raises(InputError, match=said):
        list(Compute(backend="dask", address=cluster.scheduler_address).each(abs, [(-1,)], 1))
