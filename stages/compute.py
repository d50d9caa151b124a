"""`compute`: where the work of a stage is done. No result depends on it, so no stage does."""

import ctypes
import gc
import importlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import resource_tracker
from typing import Any, Literal, Self

import psutil
from pydantic import Field, model_validator

from stages.settings import WORKER_KILLED, InputError, Strict, end_with, say

UNNOTICED = 3.0  # seconds, twice: by then any other death of a worker has been taken note of


class Compute(Strict):
    """The section `compute` of params.yaml, which explains each key."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
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
        if self.backend == "dask" and self.device == "cuda":
            raise ValueError("a Dask cluster trains on processors: device cuda goes with backend loky")
        return self

    def processes(self, tasks: int) -> int:
        """How many processes to start for so many tasks: `workers`, or the cores if it is 0."""
        return max(1, min(self.workers or len(os.sched_getaffinity(0)), tasks))

    def on_gpu(self) -> bool:
        """Whether trainings belong on a GPU; InputError if that is asked for and there is none."""
        if self.device == "cpu" or self.backend == "dask":
            return False
        found = _finds_gpu()
        if self.device == "cuda" and not found:
            raise InputError("compute.device is cuda, but PyTorch finds no CUDA device here; set auto or cpu")
        return found

    def each(
        self,
        function: Callable[..., Any],
        tasks: Iterable[tuple[Any, ...]],
        count: int,
        shared: str | None = None,
    ) -> Iterator[Any]:
        """function(*task) for each of `count` tasks, in other processes; results as they come, in order.

        Tasks are taken as processes get free and results handed over in between, so that few are in
        memory. Where `shared` names a package, it is imported here and all tasks are taken at once, by forks
        of this process, which have its memory in common: PyTorch in two processes takes 300 MB less.
        """
        processes = self.processes(count)
        if shared and processes > 1 and self.backend == "loky":
            gc.disable()  # a tenth of PyTorch's import, and pages that a fork would have to copy
            importlib.import_module(shared)
            gc.freeze()
            gc.enable()
            with _deaths_noticed():
                yield from _by_forks(function, tasks, processes)
            return

        import joblib  # not where trainings are forks: they start sooner without
        from joblib.externals.loky.backend import resource_tracker as loky_tracker

        parallel = partial(joblib.Parallel, n_jobs=processes, return_as="generator")
        if self.backend == "dask":
            with self._cluster() as client, joblib.parallel_config(backend="dask", client=client):
                yield from parallel()(joblib.delayed(function)(*task) for task in tasks)
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
                raise InputError(f"Dask worker {crowded[0]} has several threads; start it with --nthreads 1")
            yield client


def _by_forks(
    function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]], processes: int
) -> Iterator[Any]:
    """function(*task) for each task, in order, in processes that have all that is loaded here."""
    fork = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(processes, fork, initializer=end_with, initargs=(os.getpid(),))
    try:
        with _interrupt_held():
            results = [pool.submit(function, *task) for task in tasks]
        for result in results:
            yield result.result()
    except BaseException:
        for worker in multiprocessing.active_children():  # nobody waits for the others any more
            worker.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _deaths_noticed() -> Generator[None]:
    """End this stage with a line soon after a worker that was killed while it handed over a result.

    joblib and concurrent.futures notice every other death. But of a result that has begun to come they wait
    for the rest, for ever, and Ctrl-C with them; they do not even ask how the dead worker ended.
    """
    own = psutil.Process()
    others, done = set(own.children()), threading.Event()

    def watch() -> None:
        before: set[psutil.Process] = set()
        while not done.wait(UNNOTICED):
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


def _finds_gpu() -> bool:
    try:
        ctypes.CDLL("libcuda.so.1")  # without the driver there is no need to wait for PyTorch's import
    except OSError:
        return False
    import torch

    return torch.cuda.is_available()
