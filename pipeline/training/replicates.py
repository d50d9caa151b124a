"""What the trainings of both networks share: replicates over processes, and the record of an epoch."""

import csv
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from safetensors.numpy import save
from tqdm import tqdm

from pipeline.common.compute import Compute
from pipeline.common.files import write_arrays, write_json
from pipeline.common.numerics import why_not_pinned
from pipeline.common.settings import InputError, say

# The settings that both networks have. What is larger is a slip of the hand, and would run until memory or
# patience is used up.
Units = Annotated[int, Field(ge=1, le=10_000)]  # of one hidden layer
Rate = Annotated[float, Field(gt=0, le=1e6)]
Epochs = Annotated[int, Field(ge=1, le=1_000_000)]
Seeds = Annotated[int, Field(ge=1, le=1000)]


class Curve:
    """The record of one replicate: a row for each epoch, shown as a progress bar while it grows.

    `record` raises InputError when the training loss is no longer a number: the run has diverged.
    """

    def __init__(self, run: str, replicate: int, epochs: int, learning_rate: float) -> None:
        self.run, self.replicate, self.learning_rate = run, replicate, learning_rate
        self.rows: list[dict[str, Any]] = []
        # Off a terminal a bar would fill the log; there the last line of `close` has to do.
        self.bar = tqdm(
            total=epochs, desc=self.title(), unit="epoch", position=replicate, leave=False, disable=None
        )

    def title(self) -> str:
        return f"{self.run} #{self.replicate}"

    def record(self, scores: dict[str, float], kept: bool = True) -> None:
        """Add the next epoch's scores; `kept` is False where its weights were given up for better ones."""
        epoch = len(self.rows) + 1
        if not math.isfinite(scores["train_loss"]):
            raise InputError(
                f"{self.run}, replicate {self.replicate}: diverged in epoch {epoch} at learning_rate "
                f"{self.learning_rate:g} (training loss {scores['train_loss']}); try a lower learning_rate"
            )
        self.rows.append({"replicate": self.replicate, "epoch": epoch, "kept": int(kept), **scores})
        self.bar.set_postfix_str(f"loss {scores['train_loss']:.4f} accuracy {scores['train_accuracy']:.4f}")
        self.bar.update()

    def say(self, line: str) -> None:
        tqdm.write(f"{self.title()} {line}", file=sys.stderr)

    def close(self) -> list[dict[str, Any]]:
        """End the bar with a line that stays; the rows."""
        self.bar.close()
        last = [row for row in self.rows if row["kept"]][-1]
        accuracies = (
            f"training accuracy {last['train_accuracy']:.4f}, test accuracy {last['test_accuracy']:.4f}"
        )
        self.say(f"{len(self.rows)} epochs: {accuracies}")
        return self.rows


class Patience:
    """Epochs since training accuracy last rose (rule 1 of T5) and since training loss last fell (rule 2)."""

    def __init__(self) -> None:
        self.best = {"accuracy": -math.inf, "loss": -math.inf}
        self.epochs = {"accuracy": 0, "loss": 0}

    def see(self, accuracy: float, loss: float) -> None:
        for rule, value in (("accuracy", accuracy), ("loss", -loss)):
            self.epochs[rule] = 0 if value > self.best[rule] else self.epochs[rule] + 1
            self.best[rule] = max(self.best[rule], value)


def run_replicates(
    train: Callable[[int], dict[str, Any]], replicates: int, compute: Compute, device: str = "cpu"
) -> list[dict[str, Any]]:
    """train(replicate) for each, in a process of its own with one thread.

    The results are the same however many processes there are, and wherever they run.
    """
    reason = why_not_pinned() if device == "cpu" else f"this runs on {device}"
    if reason:
        say(f"the last digits of results may differ from the committed ones: {reason}")
    return list(compute.each(train, ((replicate,) for replicate in range(replicates)), replicates))


def write_run(folder: Path, settings: dict[str, Any], replicates: list[dict[str, Any]]) -> None:
    """What every run leaves: settings.json, curves.csv, predictions.npz and replicate_<r>.safetensors."""
    write_json(folder / "settings.json", settings)
    rows = [row for replicate in replicates for row in replicate["curve"]]
    with open(folder / "curves.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    splits = [name for name in ("train", "test", "snapshot_test") if name in replicates[0]]
    predicted: dict[str, Any] = {name: np.stack([r[name] for r in replicates]) for name in splits}
    write_arrays(folder / "predictions.npz", **predicted)
    for index, replicate in enumerate(replicates):
        (folder / f"replicate_{index}.safetensors").write_bytes(save(replicate["weights"]))
