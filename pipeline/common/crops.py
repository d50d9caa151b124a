"""The prepared crops: their pixels, for both methods of the report and larger, in data/crops.safetensors."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.common.paths import CROP_ARRAYS
from pipeline.common.storage import load_about, load_arrays, save_arrays


class Crops(NamedTuple):
    """n crops, in the order of data/boxes.csv."""

    resized: np.ndarray  # uint8 (n, 3, side, side), method 2
    large: np.ndarray  # the same at twice the side
    pooled: np.ndarray  # float32 (n, 3, side, side) in 0 to 1, method 1
    label: np.ndarray  # uint8 (n,), an index into `classes`
    test: np.ndarray  # bool (n,), whether the crop is in the test set
    photograph: np.ndarray  # int32 (n,), the number of its photograph, whose copies have the same
    classes: list[str]

    def rows(self) -> dict[str, np.ndarray]:
        """Which crops are in each split, bool (n,)."""
        return {"train": ~self.test, "test": self.test}


def list_classes(labels: Iterable[str]) -> list[str]:
    """The classes, in the order of ImageFolder, of the numbers of labels, and of every table."""
    return sorted(set(labels))


def save_crops(path: Path, crops: Crops) -> None:
    arrays = crops._asdict()
    save_arrays(path, arrays, {"classes": arrays.pop("classes")})


def load_crops(path: Path = CROP_ARRAYS) -> Crops:
    return Crops(**load_arrays(path), classes=load_about(path)["classes"])
