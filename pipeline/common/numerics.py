"""One instruction set and one thread for every numerical library, so that results have the same bytes.

NumPy, SciPy and PyTorch choose among kernels by the processor, and each kernel rounds in its own way. They
read the variables below once, when they are loaded. pipeline/__init__.py calls `pin` before that, and
processes started later inherit the variables. docs/trust.md lists the processors that were tried.

One more setting is for speed alone: that processes keep the memory which a mini-batch frees for the next.
"""

import os
import sys

THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# What every processor with AVX2 and FMA can do, whatever newer instructions it has.
INSTRUCTIONS = {
    "OPENBLAS_CORETYPE": "Haswell",  # matrix products of NumPy and SciPy
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # NumPy's exp, log, tanh with AVX-512
    "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch's own kernels
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # PyTorch's convolutions
    "MKL_CBWR": "COMPATIBLE",  # PyTorch's matrix products; slow, but only the CNN's small head has any
}
# How glibc hands out memory, read when a process starts: arrays of up to 32 MiB come from its heap, which
# keeps up to 64 MiB free. At its own values a CNN's evaluation fetches the same pages for every mini-batch
# anew, which takes as long as the network itself.
MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20)}
# Set by benchmarks/ for its peers, which may use all that the processor has.
OFF = "REPORT_NUMERICS_UNPINNED"

loaded_before: list[str] = []  # libraries that `pin` came too late for


def pin() -> None:
    """Set the variables for this process and those that it starts."""
    for name, value in MEMORY.items():
        os.environ.setdefault(name, value)
    wanted = THREADS | (INSTRUCTIONS if _has_avx2() else {})
    if OFF in os.environ or all(os.environ.get(name) == value for name, value in wanted.items()):
        return
    loaded_before.extend(name for name in ("numpy", "scipy", "torch") if name in sys.modules)
    if not loaded_before:
        os.environ |= wanted
        os.environ.pop("OPENBLAS_L2_SIZE", None)  # it changes how OpenBLAS cuts a product into blocks


def why_not_pinned() -> str | None:
    """Why the last digits of results may differ from those of other processors; None if they are the same."""
    if OFF in os.environ:
        return f"{OFF} is set"
    if loaded_before:
        return f"{loaded_before[0]} was imported before `pipeline`, which would have chosen its instructions"
    if not _has_avx2():
        return "this processor lacks AVX2 and FMA"
    return None


def _has_avx2() -> bool:
    """Whether Linux lists AVX2 and FMA; elsewhere False, since no other system was compared."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            flags = next((line.split() for line in lines if line.startswith("flags")), [])
    except OSError:
        return False
    return {"avx2", "fma"} <= set(flags)
