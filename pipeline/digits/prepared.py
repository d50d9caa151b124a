"""The prepared digits: a training and a test set in data/digits.safetensors."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.common.classes import SPLITS
from pipeline.common.paths import DIGITS
from pipeline.common.storage import load_arrays, save_arrays


class Digits(NamedTuple):
    """The samples of one split."""

    images: np.ndarray  # uint8 (n, 28, 28), white on black
    labels: np.ndarray  # uint8 (n,), 0 to 9


def save_digits(path: Path, splits: dict[str, Digits]) -> None:
    """Write the splits "train" and "test"."""
    save_arrays(
        path,
        {f"{split}_{name}": array for split in SPLITS for name, array in splits[split]._asdict().items()},
    )


def load_digits(path: Path = DIGITS) -> dict[str, Digits]:
    """The splits "train" and "test"."""
    arrays = load_arrays(path)
    return {split: Digits(arrays[f"{split}_images"], arrays[f"{split}_labels"]) for split in SPLITS}
