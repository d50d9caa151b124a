"""How contenders are measured, in turn and with all cores busy, and what a row of results.csv says.

A contender of a training is a function `contender(task, replicate)` that loads what it needs and returns a
function without arguments: the work that is timed. What that returns is the training loss it arrived at, by
which the contenders are held to the same work, or None.
"""

import functools
import importlib.util
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.common.numerics import INSTRUCTIONS, MEMORY, OFF, THREADS
from pipeline.runtime.process import exit_when_parent_dies

OURS = "the pipeline"
REPLICATES = 2  # every training is timed as the replicates of a run are: two of them
CORES = sorted(os.sched_getaffinity(0))
# Losses may differ by this share: rounding alone makes 2 % in an epoch of mini-batches of one.
SAME_LOSS = 0.1
NEEDS = {"JAX jit + scan": "jax", "Keras on JAX": "keras"}
# Ends the name of a peer that is held to the instructions of the pipeline.
EQUAL = ", AVX2"
# How libraries that the pipeline does not use are held to them, and PyTorch's products at their usual speed.
AVX2 = {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}

Contender = Callable[[Any, int], Callable[[], float | None]]


class Row(NamedTuple):
    """One contender in one case. `target` is what `ratio_to_ours` must reach."""

    case: str
    contender: str
    unit: str
    value: float  # the median over the repeats
    ratio_to_ours: float
    target: float | None
    met: str
    repeats: int
    spread: float  # largest less smallest, as a share of the median


class Task(NamedTuple):
    """What to train: settings as a run of params.yaml has them, on the data of a workspace."""

    part: str
    workspace: Path
    settings: dict[str, Any]


class Placement(NamedTuple):
    """Where the replicates are trained: at once in processes of few threads, or in turn in one of many."""

    processes: int
    threads: int

    def __str__(self) -> str:
        return f"{self.processes} x {self.threads}"


SIDE_BY_SIDE = Placement(len(CORES[:REPLICATES]), 1)
IN_TURN = Placement(1, len(CORES[:REPLICATES]))


class Team:
    """The processes of one contender; `prepare` a task, then `run` it as often as needed."""

    def __init__(self, name: str, contender: Contender, placement: Placement) -> None:
        """The pipeline itself as it is; a peer with more threads, and unless its name ends with EQUAL on all
        instructions that the processor has.
        """
        self.contender, self.placement = contender, placement
        self.members = []
        for member in range(placement.processes):
            pool = ProcessPoolExecutor(1, get_context("spawn"), exit_when_parent_dies, (os.getpid(),))
            # JAX starts a thread for each core it may use, so cores limit the threads of all contenders.
            with limited_to(CORES[member : member + placement.threads], name):
                pool.submit(os.getpid).result()
            self.members.append(pool)

    def prepare(self, task: Any, warm: bool = True) -> None:
        """Have all members load the task and do its work once, so that compilers and allocators are warm."""
        loading = [pool.submit(load, self.contender, task, r) for r, pool in enumerate(self.members)]
        for each in loading:
            each.result()
        if warm:
            self.run()

    def run(self) -> tuple[float, float | None]:
        """Seconds of training, scaled to REPLICATES trainings; and the loss of the first."""
        answers = [running.result() for running in [pool.submit(run_loaded) for pool in self.members]]
        seconds = statistics.mean(seconds for seconds, _ in answers)
        return seconds * REPLICATES / self.placement.processes, answers[0][1]

    def close(self) -> None:
        for pool in self.members:
            pool.shutdown()


@contextmanager
def limited_to(cores: list[int], name: str) -> Iterator[None]:
    """Processes started within have these cores, a thread for each, and the instructions of a contender."""
    before = dict(os.environ)
    if name != OURS:
        freed = [*MEMORY, *(["MKL_CBWR"] if name.endswith(EQUAL) else INSTRUCTIONS)]
        for variable in freed:
            os.environ.pop(variable, None)
        os.environ |= dict.fromkeys(THREADS, str(len(cores))) | {OFF: "1"}
        os.environ |= AVX2 if name.endswith(EQUAL) else {}
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, CORES)
        os.environ.clear()
        os.environ |= before


loaded: dict[str, Callable[[], float | None]] = {}  # in a member's process: the work that it has loaded


def load(contender: Contender, task: Any, replicate: int) -> None:
    loaded["work"] = contender(task, replicate)


def run_loaded() -> tuple[float, float | None]:
    start = time.perf_counter()
    loss = loaded["work"]()
    return time.perf_counter() - start, loss


def best_team(name: str, contender: Contender, task: Task) -> Team:
    """The contender's team in its better placement; the pipeline's is given."""
    placements = [SIDE_BY_SIDE] if name == OURS else dict.fromkeys((SIDE_BY_SIDE, IN_TURN))
    teams = [Team(name, contender, placement) for placement in placements]
    seconds = []
    for team in teams:
        team.prepare(task)
        seconds.append(team.run()[0])
    best = teams.pop(seconds.index(min(seconds)))
    for team in teams:
        team.close()
    return best


def race(task: Task, contenders: dict[str, Contender], repeats: int) -> dict[str, list[float]]:
    """Seconds of an epoch in each repeat of each contender, and of each peer held to the instructions of the
    pipeline; all are held to its training loss.
    """
    present = {name: c for name, c in contenders.items() if importlib.util.find_spec(NEEDS.get(name, "sys"))}
    for name in contenders.keys() - present.keys():
        print(f"  {name} is not installed, and left out", file=sys.stderr)
    present |= {f"{name}{EQUAL}": c for name, c in present.items() if name != OURS}
    teams = {name: best_team(name, contender, task) for name, contender in present.items()}
    _, expected = teams[OURS].run()
    assert expected is not None

    def timed(name: str) -> float:
        seconds, loss = teams[name].run()
        if loss is not None and abs(loss - expected) > SAME_LOSS * expected:
            raise RuntimeError(f"{name} arrives at a training loss of {loss:.4f}, not of {expected:.4f}")
        return seconds / task.settings["epochs"]

    values = alternate({name: functools.partial(timed, name) for name in teams}, repeats)
    print(f"  training loss {expected:.4f}; {', '.join(f'{n} {t.placement}' for n, t in teams.items())}")
    for team in teams.values():
        team.close()
    return values


def alternate(measures: dict[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """The values of each measure, taken in turns."""
    values: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(repeats):
        for name, measure in measures.items():
            values[name].append(measure())
    return values


def compare(
    case: str, unit: str, values: dict[str, list[float]], targets: Mapping[str, float | None]
) -> list[Row]:
    """Rows of contenders from the values of each repeat; each peer's target is in `targets`, or 1."""
    ours = statistics.median(values[OURS])
    rows = []
    for contender, measured in values.items():
        median = statistics.median(measured)
        ratio = median / ours
        target = None if contender == OURS else targets.get(contender, 1.0)
        met = "" if target is None else "yes" if ratio >= target else "no"
        spread = (max(measured) - min(measured)) / median
        rows.append(Row(case, contender, unit, median, ratio, target, met, len(measured), spread))
    return rows
