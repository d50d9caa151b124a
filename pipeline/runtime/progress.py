"""What a training shows while it runs: a progress bar, lines in the log, the error of a run that diverges."""

import math
import sys
from threading import RLock

from tqdm import tqdm

from pipeline.runtime.errors import InputError


class Progress:
    """The progress of one replicate; `title` names it, such as "mlp.runs.final #0"."""

    def __init__(self, title: str, epochs: int, learning_rate: float, position: int) -> None:
        self.title, self.learning_rate = title, learning_rate
        # tqdm's own lock is a semaphore, of which a killed process would leave a warning behind.
        tqdm.set_lock(RLock())
        # disable=None: no bar in a log file, which it would fill; the line that `close` writes is enough.
        self.bar = tqdm(total=epochs, desc=title, unit="epoch", position=position, leave=False, disable=None)

    def advance(self, epoch: int, scores: dict[str, float]) -> None:
        """Show the scores of an epoch; InputError if its training loss is no longer a number."""
        if not math.isfinite(scores["train_loss"]):
            raise InputError(
                f"{self.title}: diverged in epoch {epoch} at learning_rate {self.learning_rate:g} "
                f"(training loss {scores['train_loss']}); try a lower learning_rate"
            )
        self.bar.set_postfix_str(f"loss {scores['train_loss']:.4f} accuracy {scores['train_accuracy']:.4f}")
        self.bar.update()

    def say(self, line: str) -> None:
        """Write a line at once: other replicates write to the same log."""
        tqdm.write(f"{self.title} {line}\n", file=sys.stderr, end="")

    def close(self, epochs: int, scores: dict[str, float]) -> None:
        """Replace the bar by a line that stays."""
        self.bar.close()
        self.say(
            f"{epochs} epochs: training accuracy {scores['train_accuracy']:.4f}, "
            f"test accuracy {scores['test_accuracy']:.4f}"
        )
