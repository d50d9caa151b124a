"""The errors of part 2 by the size of the crop."""

import numpy as np
import pandas as pd
import pytest

from stages.evaluate_cnn.__main__ import errors_by_crop_size, shorter_sides
from tests.evaluation.test_scores import run_of


def test_small_crops_are_the_quarter_with_the_shortest_sides():
    run = run_of([0] * 8, [1, 0, 0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0, 0], folds=0)
    sides = np.array([9, 5, 40, 50, 60, 70, 80, 90])
    found = errors_by_crop_size(run, sides)
    assert found.test_error_small_crops.tolist() == [0.5, 1.0]
    assert found.test_error_other_crops.tolist() == pytest.approx([0.0, 1 / 6])


def test_the_shorter_side_of_each_test_crop_is_measured():
    boxes = pd.DataFrame(
        {
            "split": ["train", "test", "test"],
            "left": [0, 10, 10],
            "top": [0, 20, 20],
            "right": [9, 15, 50],
            "bottom": [9, 60, 27],
        }
    )
    assert shorter_sides(boxes).tolist() == [5, 7]
