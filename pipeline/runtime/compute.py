"""Spread the tasks of a stage over processes, here or on a Dask cluster; no result depends on how."""

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
from pipeline.runtime.errors import InputError
from pipeline.runtime.process import WORKER_KILLED, exit_when_parent_dies, say
from pipeline.runtime.settings import Strict, check, section

# A worker must be found dead in two polls in a row: joblib itself reports other deaths sooner than that.
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

    def cores(self) -> int:
        """How many tasks can run at once: the cores of this machine, or the threads of the cluster."""
        import joblib

        if self.backend == "loky":
            return joblib.cpu_count()
        with self._cluster() as client:
            return count_threads(client)

    def processes(self, tasks: int, cores: int) -> int:
        """How many processes to use for so many tasks: `workers`, or one for each core if it is 0."""
        return max(1, min(self.workers or cores, tasks))

    def each(
        self, function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]], count: int
    ) -> Iterator[Any]:
        """Yield function(*task) for each of `count` tasks, in order.

        Tasks are taken as processes become free, and results yielded meanwhile, so few are in memory.
        """
        import joblib
        from joblib.externals.loky.backend import resource_tracker as loky_tracker

        parallel = partial(joblib.Parallel, return_as="generator")
        if self.backend == "dask":
            with self._cluster() as client, joblib.parallel_config(backend="dask", client=client):
                jobs = self.processes(count, count_threads(client))
                yield from parallel(jobs)(joblib.delayed(_run_pinned)(function, *task) for task in tasks)
            return
        with _watch_for_dead_workers():
            # These helper processes of joblib would react to Ctrl-C while they start.
            resource_tracker.ensure_running()
            loky_tracker.ensure_running()
            # A worker that still waits for its first task would outlive a killed stage by minutes.
            jobs = self.processes(count, joblib.cpu_count())
            watched = parallel(
                jobs, backend="loky", initializer=exit_when_parent_dies, initargs=(os.getpid(),)
            )
            with _hold_interrupts():
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
            if crowded:  # threads would share the seed of PyTorch, which is one for a process
                raise InputError(
                    f"Dask worker {crowded[0]} has several threads; start it with python -m tools.dask_worker"
                )
            yield client


def count_threads(client: Any) -> int:
    """The threads of all workers of a Dask cluster."""
    return sum(client.nthreads().values())


def read_compute(params: dict[str, Any]) -> Compute:
    """The section `compute` of params.yaml."""
    return check(Compute, section(params, "compute"), "compute")


def _run_pinned(function: Callable[..., Any], *task: Any) -> Any:
    """function(*task) on a Dask worker; InputError unless its numerical libraries are pinned."""
    if loaded_before:
        raise InputError(
            f"a Dask worker imported {loaded_before[0]} before `pipeline`, so its results might differ; "
            "start it with python -m tools.dask_worker"
        )
    return function(*task)


@contextmanager
def _watch_for_dead_workers() -> Generator[None]:
    """End this stage with an error when a worker was killed while it sent its result.

    joblib notices every other death, but waits forever for the rest of a result, and does not react to Ctrl-C
    meanwhile.
    """
    own = psutil.Process()
    others, done = set(own.children()), threading.Event()

    def watch() -> None:
        before: set[psutil.Process] = set()
        while not done.wait(DEAD_WORKER_POLL_SECONDS):
            dead = {child for child in set(own.children()) - others if _is_dead(child)}
            if dead & before:
                say(WORKER_KILLED)
                os._exit(1)
            before = dead

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _is_dead(child: psutil.Process) -> bool:
    """Whether a child process has ended and joblib has not yet taken notice."""
    with suppress(psutil.NoSuchProcess):
        return child.status() == psutil.STATUS_ZOMBIE
    return False


@contextmanager
def _hold_interrupts() -> Generator[None]:
    """Delay Ctrl-C, and have processes that start meanwhile ignore it: the stage stops them."""
    if not hasattr(signal, "pthread_sigmask"):  # as on Windows
        yield
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # a delayed one arrives now
