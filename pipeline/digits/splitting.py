"""Split digits into a training and a test set, and hold some back for validation."""

import numpy as np

from pipeline.common.classes import DIGIT_CLASSES, SPLITS
from pipeline.common.seeds import generator
from pipeline.common.settings import InputError
from pipeline.digits.prepared import Digits, join

CLASSES = len(DIGIT_CLASSES)


def split_sizes(samples: int, train: int, test: int) -> tuple[int, int]:
    """The sizes asked for; if there are fewer samples, all of them in the same proportion."""
    if samples >= train + test:
        return train, test
    fewer = round(samples * test / (train + test))
    return samples - fewer, fewer


def split_digits(digits: Digits, train: int, test: int, seed: int) -> dict[str, Digits]:
    """A random stratified split; InputError if the digits are too few for it."""
    from sklearn.model_selection import train_test_split

    labels = digits.labels
    train, test = split_sizes(len(labels), train, test)
    random_state = int(generator(seed, "digits split").integers(2**32))
    try:
        sides = train_test_split(
            np.arange(len(labels)),
            train_size=train,
            test_size=test,
            stratify=labels,
            random_state=random_state,
        )
        if any(len(np.unique(labels[side])) < CLASSES for side in sides):
            raise ValueError("a class would be on one side only")
    except ValueError as error:
        raise InputError(
            f"{len(labels)} digits cannot be split into {train} and {test} (prepare_digits.train and .test): "
            f"{error}"
        ) from None
    return {split: digits.take(rows) for split, rows in zip(SPLITS, sides, strict=True)}


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
