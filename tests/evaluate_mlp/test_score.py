"""The scores of part 1."""

import pytest

from stages.evaluate_mlp.__main__ import score
from tests.evaluation.test_scores import make_run


def test_a_run_ends_at_its_last_kept_epoch():
    table = score(make_run())
    assert table.train_accuracy.tolist() == [0.75, 0.25]
    assert table.test_error.tolist() == pytest.approx([0.4, 0.8])
    assert table.train_loss.tolist() == [1.0, 3.0]
    assert table.reported_loss.tolist() == [0.25, 0.75]
    assert table.epochs.tolist() == [3, 2]
