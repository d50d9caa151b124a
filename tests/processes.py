"""Commands in sessions of their own, so that tests can find, strike and wait for every process of them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tools import quick


class Run:
    """A command of its own session, so that every process it started can be found, orphans too."""

    def __init__(self, folder: Path, *command: str) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=quick.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def members(self, word: str = "") -> list[psutil.Process]:
        """The living processes of the session with `word` in their command."""
        found = []
        for pid in psutil.pids():
            try:
                if os.getsid(pid) != self.process.pid:
                    continue
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE and word in " ".join(process.cmdline()):
                    found.append(process)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return found

    def workers(self) -> list[psutil.Process]:
        """Those that joblib has started."""
        return self.members("popen_loky")

    def wait_for(self, find: Callable[[], list[psutil.Process]]) -> list[psutil.Process]:
        """The processes that `find` finds once there are some; none if all ended before."""
        while self.process.poll() is None:
            if found := find():
                return found
            time.sleep(0.01)
        return []

    def finish(self) -> str:
        """What it printed, once it has ended; every process of the session must end soon after."""
        self.printed, _ = self.process.communicate(timeout=300)
        _, left = psutil.wait_procs(self.members(), timeout=60)
        assert left == []
        return self.printed


def alone(folder: Path, stage: str) -> Run:
    """The stage without DVC."""
    return Run(folder, sys.executable, "-m", *f"stages.{stage}".split("@"))


def forced(folder: Path, stage: str) -> Run:
    """The stage by DVC, though nothing has changed."""
    dvc = ["-m", "dvc", "repro", "--force", "--no-run-cache", "--single-item", stage]
    return Run(folder, sys.executable, *dvc)


def strike(run: Run, target: str, moment: float) -> bool:
    """Kill DVC, the stage or one of its workers after `moment` seconds of its life; whether it was there."""
    find = {"dvc": run.members, "stage": lambda: run.members("stages."), "worker": run.workers}
    found = run.wait_for(find[target])
    time.sleep(moment)
    if not found or run.process.poll() is not None:
        return False
    try:
        (run.process if target == "dvc" else found[0]).kill()
    except psutil.NoSuchProcess:
        return False
    return True
