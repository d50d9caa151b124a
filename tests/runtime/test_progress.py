"""What a training says where there is no terminal: a line each half minute, and one at its end."""

import pytest

from pipeline.runtime.errors import InputError
from pipeline.runtime.progress import Progress

SCORES = {"train_loss": 0.5, "train_accuracy": 0.75, "test_accuracy": 0.625}
WORDS = "training accuracy 0.7500, test accuracy 0.6250"


def test_a_long_training_says_a_line_each_half_minute(capsys: pytest.CaptureFixture[str]) -> None:
    """Epochs of 12 seconds: lines after 36 and 72, since 12, 24, 48 and 60 are too early."""
    now = 0.0
    progress = Progress("mlp.runs.a #1", 8, 0.1, position=1, clock=lambda: now)
    for epoch in range(1, 9):
        now += 12
        progress.advance(epoch, SCORES)
    progress.close(8, SCORES)
    assert capsys.readouterr().err.splitlines() == [
        f"mlp.runs.a #1 epoch 3 of 8: {WORDS}; at most about 0:01:00 left",
        f"mlp.runs.a #1 epoch 6 of 8: {WORDS}; at most about 0:00:24 left",
        f"mlp.runs.a #1 8 epochs: {WORDS}",
    ]


def test_a_short_training_says_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    progress = Progress("cnn.runs.a #0", 2, 0.1, position=0, clock=lambda: now)
    for epoch in (1, 2):
        now += 14
        progress.advance(epoch, SCORES)
    progress.close(2, SCORES)
    assert capsys.readouterr().err == f"cnn.runs.a #0 2 epochs: {WORDS}\n"


def test_no_line_is_said_of_the_last_epoch_twice(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    progress = Progress("cnn.runs.a #0", 1, 0.1, position=0, clock=lambda: now)
    now = 60.0
    progress.advance(1, SCORES)
    progress.close(1, SCORES)
    assert capsys.readouterr().err == f"cnn.runs.a #0 1 epochs: {WORDS}\n"


def test_a_training_that_diverges_is_an_error() -> None:
    progress = Progress("cnn.runs.a #0", 2, 0.1, position=0)
    with pytest.raises(InputError, match="diverged in epoch 1 at learning_rate 0.1 .training loss nan"):
        progress.advance(1, SCORES | {"train_loss": float("nan")})
