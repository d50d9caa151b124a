"""Processes that do the same work at the same time, as the replicates of a run do on several cores.

A contender is a function `contender(task, replicate)` that loads what it needs and returns a function
without arguments: the work that is timed. What that returns is the training loss it arrived at, by which
the contenders are held to the same work, or None.
"""

import atexit
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from pipeline.common.numerics import INSTRUCTIONS, OFF, THREADS
from pipeline.runtime.process import exit_when_parent_dies

REPLICATES = 2  # every training is timed as the replicates of a run are: two of them
CORES = sorted(os.sched_getaffinity(0))

Contender = Callable[[Any, int], Callable[[], float | None]]


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

    def __init__(self, contender: Contender, placement: Placement, pinned: bool = False) -> None:
        """With `pinned`, on the instructions of the pipeline; peers may use all that the processor has."""
        self.placement = placement
        self.members = []
        spawn = multiprocessing.get_context("spawn")
        for member in range(placement.processes):
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=serve, args=(theirs, contender, member))
            # JAX starts a thread for each core it may use, so cores limit the threads of all contenders.
            with limited_to(CORES[member : member + placement.threads], pinned):
                process.start()
            self.members.append((process, ours))
        atexit.register(self.close)  # else Python would wait for them for ever, where a case has failed

    def prepare(self, task: Any, warm: bool = True) -> None:
        """Have all members load the task and do its work once, so that compilers and allocators are warm."""
        for command in ("prepare", "run") if warm else ("prepare",):
            for _, pipe in self.members:
                pipe.send((command, task))
            self.answers()

    def run(self) -> tuple[float, Any]:
        """Seconds of training, scaled to REPLICATES trainings; and the loss of the first."""
        for _, pipe in self.members:
            pipe.send(("run", None))
        answers = self.answers()
        seconds = statistics.mean(seconds for seconds, _ in answers)
        return seconds * REPLICATES / self.placement.processes, answers[0][1]

    def answers(self) -> list[Any]:
        return [pipe.recv() for _, pipe in self.members]

    def close(self) -> None:
        for process, pipe in self.members:
            pipe.close()
            process.join()


@contextmanager
def limited_to(cores: list[int], pinned: bool) -> Iterator[None]:
    """Processes started within have these cores, and a thread for each."""
    before = dict(os.environ)
    if not pinned:
        for name in INSTRUCTIONS:
            os.environ.pop(name, None)
        os.environ |= dict.fromkeys(THREADS, str(len(cores))) | {OFF: "1"}
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, CORES)
        os.environ.clear()
        os.environ |= before


def serve(pipe: Connection, contender: Contender, member: int) -> None:
    """What a member process runs: it prepares and times tasks until the team is closed."""
    exit_when_parent_dies(os.getppid())
    work: Callable[[], float | None] = lambda: None  # noqa: E731
    while True:
        try:
            command, task = pipe.recv()
        except EOFError:
            return
        if command == "prepare":
            work = contender(task, member)
            pipe.send(None)
        else:
            start = time.perf_counter()
            loss = work()
            pipe.send((time.perf_counter() - start, loss))
