"""Hold digits out of the training set: some for validation, or all of some sheets of paper for testing."""

import numpy as np

from pipeline.common.digits import Digits, join


def split_by_sheet(splits: dict[str, Digits], rng: np.random.Generator) -> dict[str, Digits]:
    """All samples split anew, about as many for testing as before, with no sheet of paper on both sides.

    A sample whose sheet is unknown counts as a sheet of its own.
    """
    digits = join(splits.values())
    numbers = np.arange(len(digits.labels))
    sheets = numbers if digits.sheets is None else np.where(digits.sheets < 0, -1 - numbers, digits.sheets)
    names, sheet, sizes = np.unique(sheets, return_inverse=True, return_counts=True)
    order = rng.permutation(len(names))
    reached = np.cumsum(sizes[order])
    for_testing = order[: 1 + np.abs(reached - len(splits["test"].labels)).argmin()]
    test = np.isin(sheet, for_testing)
    return {"train": digits.take(~test), "test": digits.take(test)}


def hold_out(digits: Digits, samples: int, rng: np.random.Generator) -> tuple[Digits, Digits]:
    """Hold out `samples` random digits, at most a third of all. Returns the rest, then those held out."""
    order = rng.permutation(len(digits.labels))
    samples = min(samples, len(order) // 3)
    return digits.take(order[samples:]), digits.take(order[:samples])
