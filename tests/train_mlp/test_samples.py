"""What table T16 trains on: samples held out, splits by sheet, and images that are moved."""

import numpy as np
import pytest

from pipeline.common.digits import Digits, join, load_digits, save_digits
from pipeline.runtime.errors import InputError
from stages.prepare_digits.arrays import check_sheets
from stages.train_mlp.augmentation import MATRIX_CHANGE, SHIFT, move
from stages.train_mlp.samples import hold_out, split_by_sheet


def make_digits(samples, sheets=None, first=0):
    """Digits that are told apart by their pixels."""
    numbers = np.arange(first, first + samples)
    images = np.zeros((samples, 28, 28), np.uint8)
    images[:, 0, :2] = np.stack([numbers // 256, numbers % 256], axis=1)
    return Digits(images, (numbers % 10).astype(np.uint8), sheets)


def numbers(digits):
    return digits.images[:, 0, 0].astype(int) * 256 + digits.images[:, 0, 1]


def test_no_sheet_is_on_both_sides_and_the_sizes_are_about_as_before():
    sheets = np.random.default_rng(0).integers(0, 30, 600).astype(np.int32)
    splits = {"train": make_digits(400, sheets[:400]), "test": make_digits(200, sheets[400:], 400)}
    found = split_by_sheet(splits, np.random.default_rng(1))
    assert not set(found["train"].sheets) & set(found["test"].sheets)
    assert abs(len(found["test"].labels) - 200) <= 20
    assert sorted([*numbers(found["train"]), *numbers(found["test"])]) == list(range(600))
    assert (found["test"].labels == numbers(found["test"]) % 10).all()
    other = split_by_sheet(splits, np.random.default_rng(2))
    assert set(other["test"].sheets) != set(found["test"].sheets)


@pytest.mark.parametrize("sheets", [None, np.full(600, -1, np.int32)])
def test_a_sample_of_an_unknown_sheet_counts_as_a_sheet_of_its_own(sheets):
    digits = make_digits(600, sheets)
    splits = {"train": digits.take(np.arange(400)), "test": digits.take(np.arange(400, 600))}
    found = split_by_sheet(splits, np.random.default_rng(1))
    assert len(found["test"].labels) == 200
    assert set(numbers(found["test"])) != set(range(400, 600))


def test_sheets_with_a_sample_in_common_are_on_one_side():
    """Sheet 1 is a copy of sheet 0, as sheet 31 of TibetanMNIST is of sheet 2."""
    sheets = np.repeat(np.arange(6), 10).astype(np.int32)
    digits = make_digits(60, sheets)
    digits.images[10:20] = digits.images[:10]
    splits = {"train": digits.take(np.arange(40)), "test": digits.take(np.arange(40, 60))}
    for seed in range(20):
        found = split_by_sheet(splits, np.random.default_rng(seed))
        sides = [set(each.sheets) for each in found.values()]
        assert any({0, 1} <= side for side in sides) and not sides[0] & sides[1]


def test_copies_are_held_out_together():
    digits = make_digits(60)
    digits.images[30:] = digits.images[:30]
    rest, held = hold_out(digits, 10, np.random.default_rng(0))
    assert not set(numbers(rest)) & set(numbers(held))
    assert 10 <= len(held.labels) <= 20


def test_samples_are_held_out_at_random_and_trained_on_no_more():
    rest, held = hold_out(make_digits(50), 12, np.random.default_rng(0))
    assert (len(rest.labels), len(held.labels)) == (38, 12)
    assert sorted([*numbers(rest), *numbers(held)]) == list(range(50))
    assert list(numbers(held)) != list(range(12))
    assert len(hold_out(make_digits(50), 20, np.random.default_rng(0))[1].labels) == 16


def test_sheets_are_kept_with_the_digits(tmp_path):
    named = make_digits(4, np.array([7, -1, 7, 3], np.int32))
    save_digits(tmp_path / "digits", {"train": named, "test": make_digits(2)})
    found = load_digits(tmp_path / "digits")
    assert found["train"].sheets.tolist() == [7, -1, 7, 3] and found["test"].sheets is None
    joined = join(found.values())
    assert joined.sheets.tolist() == [7, -1, 7, 3, -1, -1] and len(joined.images) == 6
    assert join([make_digits(2), make_digits(3)]).sheets is None


@pytest.mark.parametrize("wrong", [np.arange(3), np.zeros((4, 1), int), np.zeros(4)])
def test_sheets_of_another_shape_or_type_are_an_error(wrong):
    assert check_sheets(np.array([1, -1, 2, 2], np.int16), 4, "x.npz").dtype == np.int32
    with pytest.raises(InputError, match=r"x.npz: 'sheet' has shape .* one for each of the 4 labels"):
        check_sheets(wrong, 4, "x.npz")


def test_a_moved_image_is_what_its_affine_map_makes_of_it():
    """A dot in the middle stays within SHIFT of it, and one 8 pixels off by MATRIX_CHANGE of that."""
    images = np.zeros((200, 28, 28), np.uint8)
    images[:100, 13:15, 13:15] = 255
    images[100:, 13:15, 21:23] = 255
    moved = move(images, np.random.default_rng(0))
    assert moved.dtype == np.uint8 and not (moved == images).all()
    weights = moved / moved.sum(axis=(1, 2), keepdims=True)
    places = np.stack(
        [(weights.sum(axis=2) * np.arange(28)).sum(1), (weights.sum(axis=1) * np.arange(28)).sum(1)]
    )
    away = np.abs(places - 13.5)
    assert away[:, :100].max() < SHIFT / (1 - 2 * MATRIX_CHANGE) + 0.5 and away[:, :100].max() > 1
    assert np.abs(places[1, 100:] - 21.5).max() < (SHIFT + 8 * MATRIX_CHANGE) / (1 - 2 * MATRIX_CHANGE) + 0.5
    assert (move(images, np.random.default_rng(0)) == moved).all()
    assert (move(images, np.random.default_rng(1)) != moved).any()
