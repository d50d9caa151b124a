"""The prepared digits: a training and a test set in data/digits.safetensors."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipeline.common.classes import DIGIT_CLASSES, SPLITS
from pipeline.common.paths import DIGITS
from pipeline.common.storage import load_about, load_arrays, save_arrays

SIDE = 28  # pixels


class Digits(NamedTuple):
    """The samples of one split."""

    images: np.ndarray  # uint8 (n, 28, 28), white on black
    labels: np.ndarray  # uint8 (n,), an index into the classes
    sheets: np.ndarray | None = None  # int32 (n,): the sheet of paper of each, -1 unknown; None: all unknown

    def take(self, rows: np.ndarray) -> "Digits":
        """Some of the samples, by number or by a mask."""
        sheets = None if self.sheets is None else self.sheets[rows]
        return Digits(self.images[rows], self.labels[rows], sheets)


def join(parts: Iterable[Digits]) -> Digits:
    """All samples of several sets. Sheets that one set does not name are unknown."""
    parts = list(parts)
    named = any(part.sheets is not None for part in parts)
    sheets = [np.full(len(p.labels), -1, np.int32) if p.sheets is None else p.sheets for p in parts]
    return Digits(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate(sheets) if named else None,
    )


def first_copies(images: np.ndarray) -> np.ndarray:
    """For each image the number of the first one with the same pixels, its own where none comes before."""
    first: dict[bytes, int] = {}
    return np.array([first.setdefault(image.tobytes(), number) for number, image in enumerate(images)])


def save_digits(
    path: Path,
    splits: dict[str, Digits],
    classes: Sequence[str] = DIGIT_CLASSES,
    prepared: dict[str, Any] | None = None,
) -> None:
    """Write the splits "train" and "test", the names of their classes, and how they were `prepared`."""
    arrays = {f"{split}_{name}": array for split in SPLITS for name, array in splits[split]._asdict().items()}
    about = {"classes": list(classes), "prepared": prepared or {}}
    save_arrays(path, {name: array for name, array in arrays.items() if array is not None}, about)


def load_digits(path: Path = DIGITS) -> dict[str, Digits]:
    """The splits "train" and "test"."""
    arrays = load_arrays(path)
    return {
        split: Digits(arrays[f"{split}_images"], arrays[f"{split}_labels"], arrays.get(f"{split}_sheets"))
        for split in SPLITS
    }


def load_classes(path: Path = DIGITS) -> list[str]:
    """The names of the classes, in the order of the labels."""
    return list(load_about(path)["classes"])
