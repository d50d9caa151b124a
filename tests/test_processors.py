"""The same bytes on every processor: small trainings and latent features on this one and on emulated ones."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.common.numerics import INSTRUCTIONS, THREADS, why_not_pinned
from tests.conftest import ROOT
from tests.small_trainings import CONTROL

DIGESTS = json.loads((ROOT / "tests/digests.json").read_text())
EMULATED = ["Haswell-v4", "EPYC-v3"]  # an Intel and an AMD processor with AVX2, as QEMU names them

pytestmark = pytest.mark.timeout(900)


def witness(*emulator: str) -> dict[str, str]:
    """What tests/small_trainings.py prints, under an emulator if one is given; again where that crashed."""
    command = [*emulator, sys.executable, "-m", "tests.small_trainings"]
    for _ in range(3):
        finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if not emulator or finished.returncode != -signal.SIGSEGV:  # one of ten runs under QEMU 7.2
            break
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


pinned = pytest.mark.skipif(why_not_pinned() is not None, reason=str(why_not_pinned()))


def without_control(digests: dict[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in digests.items() if name != CONTROL}


@pinned
def test_this_processor_gives_the_committed_bytes():
    assert without_control(witness()) == without_control(DIGESTS)


@pytest.mark.witness
@pytest.mark.parametrize("processor", EMULATED)
def test_an_emulated_processor_gives_them_too(processor):
    emulator = shutil.which("qemu-x86_64")
    if not emulator:
        pytest.skip("qemu-x86_64 is not installed; .ci/run installs it")
    digests = witness(emulator, "-cpu", processor)
    assert without_control(digests) == without_control(DIGESTS)
    assert digests[CONTROL] != DIGESTS[CONTROL], "a difference between processors must be seen"


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A new process that inherits no pins."""
    inherited = {name: value for name, value in os.environ.items() if name not in INSTRUCTIONS | THREADS}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, env=inherited | environment, capture_output=True, text=True)


LOADED = """
import pipeline, numpy, scipy.linalg.blas, sklearn.manifold, torch
from threadpoolctl import threadpool_info
for library in threadpool_info():
    print(library["user_api"], library["num_threads"], library.get("architecture", ""))
print(torch.backends.cpu.get_cpu_capability(), torch.get_num_threads())
"""


@pinned
def test_every_library_takes_the_pinned_instructions_and_one_thread():
    *libraries, torch = run(LOADED).stdout.splitlines()
    blas = [line for line in libraries if line.startswith("blas")]
    assert len(blas) == 2 and set(blas) == {"blas 1 Haswell"}  # NumPy's and SciPy's
    assert {line.split()[1] for line in libraries} == {"1"}
    assert torch == "AVX2 1"


def test_libraries_that_were_loaded_before_are_told():
    code = "import numpy; from pipeline.common.numerics import why_not_pinned; print(why_not_pinned())"
    assert run(code).stdout.startswith("numpy was imported before `pipeline`")
    assert run(code, **INSTRUCTIONS, **THREADS).stdout == "None\n", "the variables were set before"


@pytest.mark.parametrize("flags", ["flags\t\t: fpu sse4_2 avx fma", "Features\t: fp asimd", None])
def test_another_processor_computes_as_it_can_and_says_so(tmp_path: Path, flags):
    """An older one, ARM, and a system that does not say."""
    cpuinfo = tmp_path / "cpuinfo"
    if flags:
        cpuinfo.write_text(f"processor\t: 0\n{flags}\n")
    code = (
        "import builtins, os; real = open\n"
        f"there = {{'/proc/cpuinfo': {str(cpuinfo)!r}}}\n"
        "builtins.open = lambda path, *a, **k: real(there.get(path, path), *a, **k)\n"
        "from pipeline.runtime.compute import Compute\n"
        "from pipeline.training.replicates import train_replicates\n"
        "print(train_replicates(lambda replicate: replicate, 2, Compute(workers=1)))\n"
        "print(os.environ.get('OPENBLAS_CORETYPE'), os.environ['OMP_NUM_THREADS'])"
    )
    finished = run(code)
    assert finished.stdout == "[0, 1]\nNone 1\n"
    (line,) = finished.stderr.splitlines()
    assert line.endswith(
        "the last digits of results may differ from the committed ones: this processor lacks AVX2 and FMA"
    )
