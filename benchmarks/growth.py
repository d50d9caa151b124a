"""How cost grows with work: the exponent b of cost = a work^b, 1 where twice the work costs twice as much."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.common.digits import join, load_digits, save_digits


def exponent(work: list[int], cost: list[float]) -> float:
    """The slope of log cost over log work, by least squares."""
    return float(np.polyfit(np.log(work), np.log(cost), 1)[0])


def repeat_digits(digits: Path, times: int, target: Path) -> None:
    """The prepared digits, `times` over: both splits."""
    splits = load_digits(digits).items()
    larger = {split: join([digits] * times) for split, digits in splits}
    save_digits(target, larger)


def train_replicates(digits: Path, settings: dict[str, Any], replicates: int) -> float:
    """Seconds of so many replicates as the stage trains them, over processes that have started."""
    from pipeline.runtime.compute import Compute
    from pipeline.training.replicates import run_replicates
    from pipeline.training.settings import MlpSettings
    from stages.train_mlp.__main__ import train_replicate

    train = partial(train_replicate, digits, "bench", 0, MlpSettings(**settings))
    start = time.perf_counter()
    run_replicates(train, replicates, Compute(workers=0))
    return time.perf_counter() - start
