"""The record of a training, epoch by epoch, and the two rules for stopping early."""

import math
from typing import Any

from pipeline.runtime.progress import Progress


class Curve:
    """The learning curve of one replicate: a row for each epoch, with its losses and accuracies."""

    def __init__(self, run: str, replicate: int, epochs: int, learning_rate: float) -> None:
        self.replicate = replicate
        self.rows: list[dict[str, Any]] = []
        self.progress = Progress(f"{run} #{replicate}", epochs, learning_rate, replicate)

    def record(self, scores: dict[str, float], kept: bool = True) -> None:
        """Add the next epoch; `kept` is False where earlier weights were restored (keep_best).

        Raises InputError if the training loss is no longer a number.
        """
        epoch = len(self.rows) + 1
        self.progress.advance(epoch, scores)
        self.rows.append({"replicate": self.replicate, "epoch": epoch, "kept": int(kept), **scores})

    def close(self) -> list[dict[str, Any]]:
        """End the progress bar; all rows."""
        self.progress.close(len(self.rows), [row for row in self.rows if row["kept"]][-1])
        return self.rows


class Patience:
    """Epochs since training accuracy last rose (rule 1 of T5) and since training loss last fell (rule 2)."""

    def __init__(self) -> None:
        self.best = {"accuracy": -math.inf, "loss": -math.inf}
        self.waited = {"accuracy": 0, "loss": 0}

    def update(self, accuracy: float, loss: float) -> None:
        """Count one more epoch with these training scores."""
        for rule, value in (("accuracy", accuracy), ("loss", -loss)):
            self.waited[rule] = 0 if value > self.best[rule] else self.waited[rule] + 1
            self.best[rule] = max(self.best[rule], value)
