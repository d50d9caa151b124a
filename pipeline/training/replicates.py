"""Train all replicates of a run, each in a process of its own with one thread."""

from collections.abc import Callable

from pipeline.common.numerics import why_not_pinned
from pipeline.common.runs import Replicate
from pipeline.runtime.compute import Compute
from pipeline.runtime.process import say


def train_replicates(
    train: Callable[[int], Replicate], replicates: int, compute: Compute, device: str = "cpu"
) -> list[Replicate]:
    """train(replicate) for each replicate: the same results in however many processes, wherever they run."""
    reason = why_not_pinned() if device == "cpu" else f"this runs on {device}"
    if reason:
        say(f"the last digits of results may differ from the committed ones: {reason}")
    tasks = [(replicate,) for replicate in range(replicates)]
    return list(compute.each(train, tasks, replicates))
