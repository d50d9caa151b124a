"""The record of a training, epoch by epoch, with what is shown of it."""

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
