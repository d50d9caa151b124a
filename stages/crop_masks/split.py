"""Split boxes into a training and a test set by photograph."""

import numpy as np

from pipeline.common.crops import list_classes
from stages.crop_masks.boxes import Box


def split_boxes(boxes: list[Box], test_share: float, rng: np.random.Generator) -> list[Box]:
    """The boxes with "train" or "test" for the split, all boxes of a photograph on one side."""
    photographs = {name: row for row, name in enumerate(dict.fromkeys(box.photograph for box in boxes))}
    classes = list_classes(box.label for box in boxes)
    counts = np.zeros((len(photographs), len(classes)), dtype=int)
    for box in boxes:
        counts[photographs[box.photograph], classes.index(box.label)] += 1
    test = choose_test(counts, test_share, rng)
    return [box._replace(split="test" if test[photographs[box.photograph]] else "train") for box in boxes]


def choose_test(counts: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Which photographs are for testing, bool (p,), from the boxes of each class in each, int (p, classes).

    Photographs are added in random order, those with the rarest class first, as long as no class exceeds
    `share` of its boxes. A class that still has no test box then gets its photograph with the fewest boxes,
    if every class keeps a box for training.
    """
    totals = counts.sum(axis=0)
    testable = (counts > 0).sum(axis=0) >= 2  # a class in one photograph stays with the training set
    targets = np.where(testable, np.maximum(1, np.round(share * totals)), 0)
    order = rng.permutation(len(counts))
    test = np.zeros(len(counts), dtype=bool)
    taken = np.zeros_like(totals)
    for kind in np.argsort(totals, kind="stable"):
        for row in order[counts[order, kind] > 0]:
            if not test[row] and (taken + counts[row] <= targets).all():
                test[row] = True
                taken += counts[row]
    for kind in np.flatnonzero(testable):
        rows = [
            row for row in order if counts[row, kind] and (totals - taken - counts[row] > 0)[totals > 0].all()
        ]
        if not taken[kind] and rows:
            smallest = min(rows, key=lambda row: counts[row].sum())
            test[smallest] = True
            taken += counts[smallest]
    return test
