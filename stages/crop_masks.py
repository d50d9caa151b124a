"""Cut every box out of its photograph.

python -m stages.crop_masks         reads data/raw/masks/, writes

data/crops/               train/<class>/ and test/<class>/ for ImageFolder: PNG files of their own size
data/crops.safetensors    the pixels for both methods of the report (pipeline/masks/prepared.py), n crops
data/boxes.csv            the same n rows: the box as annotated, as clipped, and its file in data/crops/
"""

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pipeline.common.classes import MASK_CLASSES, SPLITS
from pipeline.common.compute import Compute
from pipeline.common.files import whole_file
from pipeline.common.paths import BOXES, CROP_ARRAYS, CROP_FILES, MASKS_ARCHIVE, PARAMS
from pipeline.common.process import run_stage
from pipeline.common.seeds import generator
from pipeline.common.settings import InputError, check, read_params, read_seed, section
from pipeline.masks.annotations import read_boxes
from pipeline.masks.boxes import Box, map_labels
from pipeline.masks.cutting import COLUMNS, Crop, cut_boxes
from pipeline.masks.prepared import Crops, save_crops
from pipeline.masks.settings import MasksSettings
from pipeline.masks.splitting import split_boxes
from pipeline.sources.archives import open_archive

MEMORY = 4 * 2**30  # bytes that the arrays of all crops may take


def boxes_of(archive: Path, settings: MasksSettings, seed: int) -> list[Box]:
    """Every box of an archive, with its class and its split."""
    with open_archive(archive, str(archive)) as opened:
        boxes = map_labels(read_boxes(opened), settings.classes)
    if boxes[0].split:
        return boxes
    return split_boxes(boxes, settings.test_share, generator(seed, "masks split"))


def check_classes(boxes: list[Box]) -> None:
    """Raise InputError if a class has no box to train on, or no box is left to test on."""
    train = {box.label for box in boxes if box.split == "train"}
    missing = [label for label in MASK_CLASSES if label not in train]
    if missing:
        raise InputError(
            f"no box for training is of class {', '.join(missing)}; {', '.join(MASK_CLASSES)} must each have "
            "one: add photographs that show it, or see which labels crop_masks.classes makes of which class"
        )
    if all(box.split == "train" for box in boxes):
        raise InputError(
            "all boxes are for training and none for testing; add photographs, or rows to test.csv"
        )


def check_memory(count: int, side: int) -> None:
    """Raise InputError if the crops are too many to be trained on: five bytes for each colour value."""
    if count * 3 * side * side * 5 > MEMORY:
        raise InputError(
            f"{PARAMS}: `crop_masks.side` is {side}: {count} crops of that size take more than "
            f"{MEMORY // 2**30} GiB of memory"
        )


def write_results(crops: Iterator[Crop], count: int, side: int, arrays: Path, table: Path) -> Counter[str]:
    """Write both files; how many boxes are in which split, of which class, clipped and turned."""
    resized = np.empty((count, 3, side, side), np.uint8)
    pooled = np.empty((count, 3, side, side), np.float32)
    label, test = np.empty(count, np.uint8), np.empty(count, bool)
    counts: Counter[str] = Counter()
    with open(table, "w", encoding="utf-8", newline="") as rows:
        writer = csv.DictWriter(rows, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for number, crop in enumerate(tqdm(crops, total=count, unit="box", leave=False, disable=None)):
            writer.writerow(crop.row)
            resized[number], pooled[number] = crop.resized, crop.pooled
            label[number] = MASK_CLASSES.index(crop.row["label"])
            test[number] = crop.row["split"] == "test"
            counts.update([f"{crop.row['split']} {crop.row['label']}"])
            counts.update({key: crop.row[key] for key in ("clipped", "exif_rotated")})
    save_crops(arrays, Crops(resized, pooled, label, test))
    return counts


def report(counts: Counter[str], boxes: list[Box]) -> None:
    """Print the boxes of each split and class, and what was done to them."""
    for split in SPLITS:
        of_classes = {label: counts[f"{split} {label}"] for label in MASK_CLASSES}
        each = ", ".join(f"{count} {label}" for label, count in of_classes.items())
        print(f"masks: {sum(of_classes.values())} {split} boxes: {each}")
    clipped, turned = counts["clipped"], counts["exif_rotated"]
    repeated = len(boxes) - len({(box.photograph, box.label, box.corners) for box in boxes})
    print(f"masks: {clipped} boxes clipped to their photograph, {turned} in photographs turned by EXIF")
    if repeated:
        print(f"masks: {repeated} boxes repeat another of the same photograph, class and corners")


def main() -> None:
    params = read_params()
    settings = check(MasksSettings, section(params, "crop_masks"), "crop_masks")
    compute = check(Compute, section(params, "compute"), "compute")
    boxes = boxes_of(MASKS_ARCHIVE, settings, read_seed(params))
    check_classes(boxes)
    check_memory(len(boxes), settings.side)
    cut = cut_boxes(MASKS_ARCHIVE, boxes, settings.side, CROP_FILES, compute)
    with whole_file(BOXES) as table, whole_file(CROP_ARRAYS) as arrays, closing(cut) as crops:
        counts = write_results(crops, len(boxes), settings.side, arrays, table)
    report(counts, boxes)


if __name__ == "__main__":
    run_stage(main)
