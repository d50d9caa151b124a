"""The prepared crops: their pixels, for both methods of the report and larger, in data/crops.safetensors."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from pipeline.common.paths import CROP_ARRAYS
from pipeline.common.storage import load_about, map_arrays, rows_to_write


class Crops(NamedTuple):
    """n crops, in the order of data/boxes.csv. Their arrays are mapped: what is used is read from the file,
    which processes on one machine share.
    """

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


@contextmanager
def crops_to_write(
    path: Path, count: int, side: int, classes: list[str]
) -> Iterator[Mapping[str, IO[bytes]]]:
    """For each array of `Crops` a file that takes the bytes of its rows, one crop after the other."""
    arrays = {
        "pooled": (np.float32, (count, 3, side, side)),
        "photograph": (np.int32, (count,)),
        "resized": (np.uint8, (count, 3, side, side)),
        "large": (np.uint8, (count, 3, 2 * side, 2 * side)),
        "label": (np.uint8, (count,)),
        "test": (np.bool_, (count,)),
    }
    with rows_to_write(path, arrays, {"classes": classes}) as files:
        yield files


def load_crops(path: Path = CROP_ARRAYS) -> Crops:
    return Crops(**map_arrays(path), classes=load_about(path)["classes"])
