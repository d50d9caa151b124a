"""Split digits into a training and a test set."""

import numpy as np

from pipeline.common.classes import DIGIT_CLASSES, SPLITS
from pipeline.common.digits import Digits
from pipeline.common.seeds import generator
from pipeline.runtime.errors import InputError


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
        if any(len(np.unique(labels[side])) < len(DIGIT_CLASSES) for side in sides):
            raise ValueError("a class would be on one side only")
    except ValueError as error:
        raise InputError(
            f"{len(labels)} digits cannot be split into {train} and {test} (prepare_digits.train and .test): "
            f"{error}"
        ) from None
    return {split: digits.take(rows) for split, rows in zip(SPLITS, sides, strict=True)}
