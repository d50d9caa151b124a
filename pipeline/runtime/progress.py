"""What a training shows while it runs: a progress bar, lines in the log, the error of a run that diverges."""

import math
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from threading import RLock

from tqdm import tqdm

from pipeline.runtime.errors import InputError

LINE_SECONDS = 30  # between two lines in a log


class Progress:
    """The progress of one replicate; `title` names it, such as "mlp.runs.final #0".

    A terminal shows a bar. Where there is none, as in a queue, a line is written every LINE_SECONDS of the
    `clock`.
    """

    def __init__(
        self,
        title: str,
        epochs: int,
        learning_rate: float,
        position: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.title, self.epochs, self.learning_rate, self.clock = title, epochs, learning_rate, clock
        self.started = self.written = clock()
        # tqdm's own lock is a semaphore, of which a killed process would leave a warning behind.
        tqdm.set_lock(RLock())
        # disable=None: no bar in a log file, which it would fill.
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
        now = self.clock()
        if self.bar.disable and now >= self.written + LINE_SECONDS and epoch < self.epochs:
            self.written = now
            left = timedelta(seconds=round((now - self.started) / epoch * (self.epochs - epoch)))
            self.say(f"epoch {epoch} of {self.epochs}: {_in_words(scores)}; at most about {left} left")

    def say(self, line: str) -> None:
        """Write a line at once: other replicates write to the same log."""
        tqdm.write(f"{self.title} {line}\n", file=sys.stderr, end="")

    def close(self, epochs: int, scores: dict[str, float]) -> None:
        """Replace the bar by a line that stays."""
        self.bar.close()
        self.say(f"{epochs} epochs: {_in_words(scores)}")


def _in_words(scores: dict[str, float]) -> str:
    return f"training accuracy {scores['train_accuracy']:.4f}, test accuracy {scores['test_accuracy']:.4f}"
