"""Which photographs there are: the split of each, and the classes of the faces on it."""

from typing import NamedTuple

import numpy as np

from pipeline.common.seeds import generator
from pipeline.runtime.errors import InputError

REPORT_PHOTOGRAPHS = 674
REPORT_BOXES = {
    "train": {"bad": 578, "good": 2846, "none": 104},
    "test": {"bad": 89, "good": 283, "none": 22},
}
FEWEST_PHOTOGRAPHS = 10
MOST_FACES = 25  # in one photograph


class Photograph(NamedTuple):
    """What is decided before anything is drawn: where the photograph goes and who is on it."""

    filename: str
    split: str
    labels: tuple[str, ...]


def plan_photographs(photographs: int, seed: int) -> list[Photograph]:
    """Deal the boxes of each split to its photographs, very unevenly; every tenth one is for testing."""
    if photographs < FEWEST_PHOTOGRAPHS:
        raise InputError(
            f"{photographs} synthetic photographs are too few: ask for {FEWEST_PHOTOGRAPHS} or more, "
            "so that training and test data hold every class"
        )
    rng = generator(seed, "synthetic masks plan")
    is_test = rng.permutation(photographs) < round(photographs / 10)
    dealt = {
        "train": _deal(count_boxes(photographs)["train"], int((~is_test).sum()), rng),
        "test": _deal(count_boxes(photographs)["test"], int(is_test.sum()), rng),
    }
    splits = ["test" if test else "train" for test in is_test]
    return [Photograph(f"{i:05d}.jpg", split, dealt[split].pop()) for i, split in enumerate(splits)]


def count_boxes(photographs: int) -> dict[str, dict[str, int]]:
    """The report's number of boxes of each split and class, in proportion, but never less than 2."""
    scale = photographs / REPORT_PHOTOGRAPHS
    return {
        split: {label: max(2, round(boxes * scale)) for label, boxes in classes.items()}
        for split, classes in REPORT_BOXES.items()
    }


def _deal(counts: dict[str, int], photographs: int, rng: np.random.Generator) -> list[tuple[str, ...]]:
    """The labels on each photograph: at least one, at most `MOST_FACES`, few on most of them."""
    labels = rng.permutation(np.repeat(list(counts), list(counts.values()))).tolist()
    weights = np.exp(rng.normal(0, 1.1, photographs))
    sizes = np.ones(photographs, dtype=int)
    for _ in range(len(labels) - photographs):
        room = weights * (sizes < MOST_FACES)
        sizes[rng.choice(photographs, p=room / room.sum())] += 1
    ends = np.cumsum(sizes)
    return [tuple(labels[end - size : end]) for size, end in zip(sizes, ends, strict=True)]
