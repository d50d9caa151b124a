"""`compute`: where the work of a stage is done. No result depends on it, so no stage does."""

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import resource_tracker
from typing import Any, Literal, Self

import psutil
from pydantic import Field, model_validator

from pipeline.common.numerics import loaded_before
from pipeline.common.settings import WORKER_KILLED, InputError, Strict, end_with, say

# Twice that: by then joblib has noticed any other death of a worker.
DEAD_WORKER_POLL_SECONDS = 3.0


class Compute(Strict):
    """The section `compute` of params.yaml, which explains each key."""

    workers: int = Field(0, ge=0, le=1000)
    backend: Literal["loky", "dask"] = "loky"
    address: str | None = None

    @model_validator(mode="after")
    def one_place(self) -> Self:
        if (self.backend == "dask") != (self.address is not None):
            raise ValueError(
                "backend dask needs an address, that of its scheduler such as tcp://10.0.0.1:8786, "
                "and backend loky has none"
            )
        return self

    def processes(self, tasks: int) -> int:
        """How many processes to start for so many tasks: `workers`, or the cores if it is 0."""
        import joblib

        return max(1, min(self.workers or joblib.cpu_count(), tasks))

    def each(
        self, function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]], count: int
    ) -> Iterator[Any]:
        """function(*task) for each of `count` tasks, in order, in other processes if there are several tasks.

        Tasks are taken as processes get free and results handed over in between, so that few are in memory.
        """
        import joblib
        from joblib.externals.loky.backend import resource_tracker as loky_tracker

        parallel = partial(joblib.Parallel, n_jobs=self.processes(count), return_as="generator")
        if self.backend == "dask":
            with self._cluster() as client, joblib.parallel_config(backend="dask", client=client):
                yield from parallel()(joblib.delayed(_run_pinned)(function, *task) for task in tasks)
            return
        with _deaths_noticed():
            # The trackers of resources would let Ctrl-C through as they start.
            resource_tracker.ensure_running()
            loky_tracker.ensure_running()
            # At a worker's start: one that waits for its first task would outlive a killed stage by minutes.
            watched = parallel(backend="loky", initializer=end_with, initargs=(os.getpid(),))
            with _interrupt_held():
                results = watched(joblib.delayed(function)(*task) for task in tasks)
            yield from results

    @contextmanager
    def _cluster(self) -> Generator[Any]:
        """A client of the Dask scheduler at `address`."""
        from distributed import Client

        try:
            client = Client(self.address, timeout="10s")
        except (OSError, TypeError, ValueError) as error:  # TypeError: a scheme that is not set up here
            raise InputError(f"compute.address: no Dask scheduler at {self.address} ({error})") from None
        with client:
            crowded = [address for address, threads in client.nthreads().items() if threads > 1]
            if crowded:  # PyTorch's seed is one for a whole process
                raise InputError(
                    f"Dask worker {crowded[0]} has several threads; start it with python -m tools.dask_worker"
                )
            yield client


def _run_pinned(function: Callable[..., Any], *task: Any) -> Any:
    """function(*task), on a worker of a cluster whose numerical libraries have the pinned instructions."""
    if loaded_before:
        raise InputError(
            f"a Dask worker imported {loaded_before[0]} before `pipeline`, so its results might differ; "
            "start it with python -m tools.dask_worker"
        )
    return function(*task)


@contextmanager
def _deaths_noticed() -> Generator[None]:
    """End this stage with a line soon after a worker was killed while it handed over a result.

    joblib notices every other death. But of a result that has begun to come it waits for the rest, for ever,
    and does not answer Ctrl-C meanwhile.
    """
    own = psutil.Process()
    others, done = set(own.children()), threading.Event()

    def watch() -> None:
        before: set[psutil.Process] = set()
        while not done.wait(DEAD_WORKER_POLL_SECONDS):
            dead = {child for child in set(own.children()) - others if _waits_to_be_noticed(child)}
            if dead & before:
                say(WORKER_KILLED)
                os._exit(1)
            before = dead

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _waits_to_be_noticed(child: psutil.Process) -> bool:
    """Whether a child has ended, and its parent has not asked how."""
    with suppress(psutil.NoSuchProcess):
        return child.status() == psutil.STATUS_ZOMBIE
    return False


@contextmanager
def _interrupt_held() -> Generator[None]:
    """Hold back Ctrl-C, also from processes that start meanwhile: it is for the stage, which stops them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # one of meanwhile arrives now
