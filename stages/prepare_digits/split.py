"""Split digits into a training and a test set, and find the copies among them."""

from collections.abc import Sequence

import numpy as np

from pipeline.common.classes import DIGIT_CLASSES, SPLITS
from pipeline.common.digits import Digits, first_copies, join
from pipeline.common.seeds import generator
from pipeline.runtime.errors import InputError


def split_sizes(samples: int, train: int, test: int) -> tuple[int, int]:
    """The sizes asked for; if there are fewer samples, all of them in the same proportion."""
    if samples >= train + test:
        return train, test
    fewer = round(samples * test / (train + test))
    return samples - fewer, fewer


def split_digits(
    digits: Digits, train: int, test: int, seed: int, classes: Sequence[str] = DIGIT_CLASSES
) -> dict[str, Digits]:
    """A random stratified split, copies of a sample on one side; InputError if the digits are too few."""
    from sklearn.model_selection import train_test_split

    labels = digits.labels
    if alone := [classes[label] for label, count in enumerate(np.bincount(labels)) if count == 1]:
        raise InputError(
            f"there is one digit alone of class {', '.join(alone)}; each set must have one of each class"
        )
    train, test = split_sizes(len(labels), train, test)
    random_state = int(generator(seed, "digits split").integers(2**32))
    try:
        for_training, for_testing = train_test_split(
            np.arange(len(labels)),
            train_size=train,
            test_size=test,
            stratify=labels,
            random_state=random_state,
        )
        sides = keep_copies_together(for_training, for_testing, first_copies(digits.images), labels)
        if any(len(np.unique(labels[side])) < len(np.unique(labels)) for side in sides):
            raise ValueError("a class would be on one side only, as copies are")
    except ValueError as error:
        raise InputError(
            f"{len(labels)} digits cannot be split into {train} and {test} (prepare_digits.train and .test): "
            f"{error}"
        ) from None
    return {split: digits.take(rows) for split, rows in zip(SPLITS, sides, strict=True)}


def keep_copies_together(
    train: np.ndarray, test: np.ndarray, first: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The rows of both sides, where each test sample that is a copy of a training sample has changed places
    with a training sample of its class that has no copy. Where there is none, it goes to the training set.

    `first` is the first copy of each row.
    """
    alone = np.bincount(first, minlength=len(first))[first[train]] == 1
    places = {label: list(np.flatnonzero(alone & (labels[train] == label))) for label in set(labels.tolist())}
    moved = []
    for place in np.flatnonzero(np.isin(first[test], first[train])):
        if free := places[labels[test[place]]]:
            other = free.pop()
            train[other], test[place] = test[place], train[other]
        else:
            moved.append(place)
    return np.append(train, test[moved]), np.delete(test, moved)


def describe_copies(splits: dict[str, Digits], drawn: bool) -> list[str]:
    """A sentence on the copies among the digits, if there are any."""
    first = first_copies(join(splits[split] for split in SPLITS).images)
    samples = len(splits["train"].labels)
    if drawn:
        copies = int((first != np.arange(len(first))).sum())
        return [f"{copies} digits are copies of another, and on its side of the split"] if copies else []
    copies = int((first[samples:] < samples).sum())
    return [f"{copies} test digits are copies of training digits, as published"] if copies else []
