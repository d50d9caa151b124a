"""A Dask cluster on this machine, and what strikes it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from distributed import Client

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A scheduler and four workers of one thread, each in a group of processes of its own: the address."""
    file = tmp_path_factory.mktemp("dask") / "scheduler.json"
    scheduler, worker = ["dask", "scheduler", "--host", "127.0.0.1", "--port", "0"], ["tools.dask_worker"]
    options = ["--no-dashboard", "--scheduler-file", str(file)]
    commands = [[sys.executable, "-m", *command, *options] for command in (scheduler, *[worker] * 4)]
    started = [subprocess.Popen(command, cwd=ROOT, start_new_session=True) for command in commands]
    try:
        while not file.exists() or not file.read_text():
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        with Client(address, timeout="100s") as client:
            client.wait_for_workers(4)
        yield address
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def of_dask(test):
    """One worker runs these, and starts the cluster once."""
    return pytest.mark.xdist_group("dask")(pytest.mark.witness(test))


def kill_a_busy_worker(client: Client) -> int:
    """Wait until a worker has been at work for a moment and kill its process: its number."""
    while not (busy := [worker for worker, tasks in client.processing().items() if tasks]):
        time.sleep(0.05)
    time.sleep(1)  # it trains, or still imports
    number = client.run(os.getpid, workers=busy[:1])[busy[0]]
    os.kill(number, signal.SIGKILL)
    return number
