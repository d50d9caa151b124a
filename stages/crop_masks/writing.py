"""Write the crops: their arrays for the trainings, and a table of their boxes."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pipeline.common.crops import Crops, list_classes, save_crops
from pipeline.common.paths import PARAMS
from pipeline.runtime.errors import InputError
from stages.crop_masks.boxes import Box
from stages.crop_masks.crops import COLUMNS, Crop

MEMORY = 4 * 2**30  # bytes that the arrays of all crops may take


def check_memory(count: int, side: int) -> None:
    """Raise InputError if the crops are too many to be trained on: nine bytes for each colour value."""
    if count * 3 * side * side * 9 > MEMORY:
        raise InputError(
            f"{PARAMS}: `crop_masks.side` is {side}: {count} crops of that size take more than "
            f"{MEMORY // 2**30} GiB of memory"
        )


def write_crops(crops: Iterator[Crop], boxes: list[Box], side: int, arrays: Path, table: Path) -> int:
    """Write both files and return how many boxes were clipped."""
    count, classes = len(boxes), list_classes(box.label for box in boxes)
    resized = np.empty((count, 3, side, side), np.uint8)
    large = np.empty((count, 3, 2 * side, 2 * side), np.uint8)
    pooled = np.empty((count, 3, side, side), np.float32)
    label, test = np.empty(count, np.uint8), np.empty(count, bool)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(box.photograph for box in boxes))}
    photograph = np.empty(count, np.int32)
    clipped = 0
    with open(table, "w", encoding="utf-8", newline="") as rows:
        writer = csv.DictWriter(rows, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for number, crop in enumerate(tqdm(crops, total=count, unit="box", leave=False, disable=None)):
            writer.writerow(crop.row)
            resized[number], large[number], pooled[number] = crop.resized, crop.large, crop.pooled
            label[number] = classes.index(crop.row["label"])
            test[number] = crop.row["split"] == "test"
            photograph[number] = numbers[crop.row["photograph"]]
            clipped += crop.row["clipped"]
    save_crops(arrays, Crops(resized, large, pooled, label, test, photograph, classes))
    return clipped
