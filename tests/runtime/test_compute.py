"""Where the work is done: processes, a GPU, a Dask cluster; and that no result depends on it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import psutil
import pytest
from distributed import Client, LocalCluster
from PIL import Image

from pipeline.common.paths import BOXES, BOXES_NOTES, CROP_ARRAYS, DIGITS, MASKS_ARCHIVE
from pipeline.runtime import compute
from pipeline.runtime.compute import Compute
from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import check
from stages.crop_masks import __main__ as crop_masks
from stages.fetch_masks import __main__ as fetch_masks
from stages.train_cnn import __main__ as train_cnn
from stages.train_mlp import __main__ as train_mlp
from tests.cluster import kill_a_busy_worker, of_dask
from tests.conftest import ROOT
from tests.making import (
    HEADER,
    MASK_CLASSES,
    files_in,
    gradient,
    picture_bytes,
    put,
    put_run,
    put_settings,
    zipped,
)
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


def train_in(folder: Path, monkeypatch: pytest.MonkeyPatch, **compute: str) -> dict[str, bytes]:
    """The files of a short training."""
    (folder / "data").mkdir(parents=True)
    make_digits(folder / DIGITS, train=2000, test=500)
    settings = MLP | {"learning_rate": 0.1, "epochs": 10, "latents_every": 5, "seeds": 3}
    put_run(folder, "mlp", settings, {}, **compute)
    monkeypatch.chdir(folder)
    train_mlp.main("mine")
    return files_in(folder / "models/mlp/mine")


def while_a_worker_is_killed(cluster: str, main: Callable[..., None], *arguments: str) -> None:
    """Call a stage's `main`, and kill a worker of the cluster that is busy with it."""
    with Client(cluster) as client, ThreadPoolExecutor() as pool:
        killed = pool.submit(kill_a_busy_worker, client)
        main(*arguments)
        assert killed.result() not in client.run(os.getpid).values(), "a new worker must have replaced it"


@of_dask
def test_a_cluster_trains_to_the_same_bytes(cluster, tmp_path, monkeypatch):
    local = train_in(tmp_path / "local", monkeypatch)
    assert train_in(tmp_path / "cluster", monkeypatch, backend="dask", address=cluster) == local


@of_dask
def test_a_cluster_draws_and_crops_photographs_to_the_same_bytes(cluster, project):
    """Single pictures of the crops too, which its workers write."""

    def draw_and_crop(**compute: str) -> dict[Path, bytes]:
        changes = {f"compute.{key}": value for key, value in compute.items()}
        project(changes | {"data.synthetic_masks": {"photographs": 20}, "crop_masks.side": 8})
        fetch_masks.main()
        crop_masks.main()
        left = {path: path.read_bytes() for path in Path("data").rglob("*") if path.is_file()}
        shutil.rmtree("data")
        return left

    local = draw_and_crop()
    assert sum(path.suffix == ".png" for path in local) > 20
    assert draw_and_crop(backend="dask", address=cluster) == local


def ten_times_the_report() -> bytes:
    """An archive of 6,740 small photographs with 38,832 boxes in all."""
    members, rows = {}, {"train.csv": [HEADER], "test.csv": [HEADER]}
    for number in range(6740):
        pixels = gradient()
        pixels[0, 0] = number % 256, number // 256, 0  # none is a copy of another
        name = f"{number}.bmp"
        members[name] = picture_bytes(Image.fromarray(pixels), "BMP")
        boxes = 5 + (number % 100 < 76)
        for box in range(boxes):
            label, left = MASK_CLASSES[(number + box) % 3], 5 * box + number % 5
            row = f"{name},60,40,{label},{left},{box},{left + 10 + number % 11},{20 + box}\n"
            rows["test.csv" if number % 10 == 0 else "train.csv"].append(row)
    return zipped(members | {name: "".join(lines) for name, lines in rows.items()})


@of_dask
def test_a_cluster_crops_and_trains_ten_times_the_report_while_workers_are_killed(cluster, project):
    photographs = ten_times_the_report()
    run = {"channels": [4], "batch_size": 256, "epochs": 1, "seeds": 2}

    def prepare(**compute: str) -> None:
        changes = {"crop_masks.side": 8, "crop_masks.pictures": 0, "cnn.runs.custom": run}
        folder = project(changes | {f"compute.{key}": value for key, value in compute.items()})
        put(folder / MASKS_ARCHIVE, photographs)
        put_settings(folder)

    def left() -> dict[str, bytes]:
        prepared = {path.name: path.read_bytes() for path in (CROP_ARRAYS, BOXES, BOXES_NOTES)}
        return prepared | files_in(Path("models/cnn/custom"))

    prepare()
    crop_masks.main()
    train_cnn.main("custom")
    local = left()
    shutil.rmtree("data")
    shutil.rmtree("models")
    prepare(backend="dask", address=cluster)
    while_a_worker_is_killed(cluster, crop_masks.main)
    while_a_worker_is_killed(cluster, train_cnn.main, "custom")
    assert left() == local


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
