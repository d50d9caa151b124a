"""Stages run as a user runs them, on what is wrong: what they say, what they leave, what they cost."""

import hashlib
import os
import subprocess
import sys
import time
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import stages.crop_masks.__main__  # noqa: F401  its imports take seconds, which are no case's own
from pipeline.runtime.errors import LONGEST_LINE
from pipeline.runtime.process import run_stage
from tests.making import Accepted, Refused

ROOT = Path(__file__).parents[1]
# What a case may cost beyond imports. Seconds: so many times those of imports, since machines differ.
TIMES = 10
IMPORTS = time.process_time()  # of this process until here, seconds
MEMORY = 500 * 2**10  # KiB


def files() -> dict[str, str]:
    """Every file of the project, with its content."""
    paths = sorted(path for path in Path.cwd().rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def check_length(said: str) -> None:
    """No line that a case makes a stage say is too long to be read."""
    assert not [line for line in said.splitlines() if len(line) > LONGEST_LINE]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """refused("crop_masks", message) runs a stage that must say just that, and touch no file."""

    def run(stage: str, message: str, *arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", [f"stages/{stage}/__main__.py", *arguments])
        before, started = files(), time.process_time()
        with pytest.raises(SystemExit) as ended:
            run_stage(import_module(f"stages.{stage}.__main__").main)
        assert time.process_time() - started < TIMES * IMPORTS
        said = capsys.readouterr().err
        assert said == f"{stage}: {message}\n"
        check_length(said)
        assert ended.value.code == 1
        assert files() == before

    return run


@pytest.fixture
def accepted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Accepted:
    """accepted("crop_masks") runs a stage that must end well, and is what it printed."""

    def run(stage: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [f"stages/{stage}/__main__.py", *arguments])
        before = files()
        run_stage(import_module(f"stages.{stage}.__main__").main)
        printed = capsys.readouterr()
        assert printed.err == ""
        check_length(printed.out)
        assert before.items() <= files().items()
        return printed.out

    return run


# Runs a module and writes its peak memory in KiB. ru_maxrss would be that of the parent if it is larger.
MEASURED = """
import atexit, runpy, sys
def write_peak():
    with open("/proc/self/status") as status, open("../peak", "w") as peak:
        peak.write(status.read().split("VmHWM:")[1].split()[0])
atexit.register(write_peak)
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name=sys.argv.pop(1), alter_sys=True)
"""


def cost(module: str, run_name: str, *arguments: str) -> tuple[int, str, float, int]:
    """A process's exit status, what it said, its seconds of the processor and its peak memory in KiB."""
    with open("../said", "w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", MEASURED, module, run_name, *arguments],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=said,
            stderr=said,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        peak = int(Path("../peak").read_text())
        return process.returncode, said.read(), usage.ru_utime + usage.ru_stime, peak


@cache
def imports(stage: str) -> tuple[float, int]:
    """The seconds and the memory that a stage needs before its own work."""
    return cost(f"stages.{stage}", "imported")[2:]


@pytest.fixture
def refused_alone() -> Refused:
    """The same as `refused` in a process of its own, whose time and memory are measured."""

    def run(stage: str, message: str, *arguments: str) -> None:
        before = files()
        status, said, seconds, memory = cost(f"stages.{stage}", "__main__", *arguments)
        assert said == f"{stage}: {message}\n"
        check_length(said)
        assert status == 1
        assert files() == before
        seconds_of_imports, memory_of_imports = imports(stage)
        assert seconds < (1 + TIMES) * seconds_of_imports
        assert memory < memory_of_imports + MEMORY

    return run


@pytest.fixture
def accepted_alone() -> Accepted:
    """The same as `accepted` in a process of its own, whose memory is measured."""

    def run(stage: str, *arguments: str) -> str:
        status, said, _, memory = cost(f"stages.{stage}", "__main__", *arguments)
        assert status == 0, said
        check_length(said)
        assert memory < imports(stage)[1] + MEMORY
        return said

    return run
