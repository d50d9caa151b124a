"""Cut every box out of its photograph.

python -m stages.crop_masks         reads data/raw/masks/, writes

data/crops/               train/<class>/ and test/<class>/ for ImageFolder: PNG files of their own size
data/crops.safetensors    the pixels for both methods of the report (pipeline/masks/prepared.py), n crops
data/boxes.csv            the same n rows: the box as annotated, as clipped, and its file in data/crops/
data/boxes.json           how the source was read: its layout, its split, what is odd
"""

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pipeline.common.classes import SPLITS
from pipeline.common.compute import Compute
from pipeline.common.files import whole_file
from pipeline.common.paths import BOXES, BOXES_NOTES, CROP_ARRAYS, CROP_FILES, MASKS_ARCHIVE, PARAMS
from pipeline.common.process import run_stage
from pipeline.common.seeds import generator
from pipeline.common.settings import InputError, check, read_params, read_seed, section
from pipeline.common.storage import write_json
from pipeline.masks.annotations import Annotations, read_annotations
from pipeline.masks.boxes import IGNORE, Box, map_labels
from pipeline.masks.cutting import COLUMNS, Crop, cut_boxes
from pipeline.masks.prepared import Crops, list_classes, save_crops
from pipeline.masks.settings import MasksSettings
from pipeline.masks.splitting import split_boxes
from pipeline.sources.archives import open_archive

MEMORY = 4 * 2**30  # bytes that the arrays of all crops may take


def read_archive(archive: Path, settings: MasksSettings, seed: int) -> Annotations:
    """What an archive holds, each box with its class and its split."""
    with open_archive(archive, str(archive)) as opened:
        read = read_annotations(opened, settings.annotations, settings.invalid_boxes == "skip")
    boxes = map_labels(read.boxes, settings.classes)
    notes = list(read.notes)
    if ignored := len(read.boxes) - len(boxes):
        notes.append(f"{ignored} boxes have a label that crop_masks.classes ignores")
    if absent := sorted(set(settings.classes.values()) - {IGNORE} - {box.label for box in boxes}):
        notes.append(f"no box is of class {', '.join(absent)}, which the network therefore does not know")
    if not read.boxes[0].split:
        boxes = split_boxes(boxes, settings.test_share, generator(seed, "masks split"))
    return read._replace(boxes=boxes, notes=notes)


def check_classes(boxes: list[Box], settings: MasksSettings) -> None:
    """Raise InputError unless there are two classes, each with a box to train on, and a box to test on."""
    classes = list_classes(box.label for box in boxes)
    train = {box.label for box in boxes if box.split == "train"}
    missing = [label for label in classes if label not in train]
    if missing:
        raise InputError(
            f"no box for training is of class {', '.join(missing)}; {', '.join(classes)} must each have "
            "one: add photographs that show it, or correct crop_masks.classes, which maps labels to classes"
        )
    if len(classes) < 2:
        known = ", ".join(sorted(set(settings.classes.values()) - {IGNORE}))
        raise InputError(
            f"the boxes are of {len(classes)} of the classes in crop_masks.classes ({known}); there must be "
            "boxes of two at least"
        )
    if all(box.split == "train" for box in boxes):
        raise InputError(
            "all boxes are for training and none for testing; add photographs to the test set, or raise "
            "crop_masks.test_share"
        )


def check_memory(count: int, side: int) -> None:
    """Raise InputError if the crops are too many to be trained on: nine bytes for each colour value."""
    if count * 3 * side * side * 9 > MEMORY:
        raise InputError(
            f"{PARAMS}: `crop_masks.side` is {side}: {count} crops of that size take more than "
            f"{MEMORY // 2**30} GiB of memory"
        )


def write_results(crops: Iterator[Crop], boxes: list[Box], side: int, arrays: Path, table: Path) -> int:
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


def list_notes(read: Annotations, clipped: int) -> list[str]:
    """What was odd, and what was done about it."""
    boxes = read.boxes
    repeated = len(boxes) - len({(box.photograph, box.label, box.corners) for box in boxes})
    done = [f"{clipped} boxes reach over the edge of their photograph and are clipped"] if clipped else []
    if repeated:
        done.append(f"{repeated} boxes repeat another of the same photograph, class and corners")
    return [*done, *read.notes]


def report(read: Annotations, notes: list[str]) -> None:
    """Print how the source was read, and the boxes of each split and class."""
    print(f"masks: read as {read.layout}; split: {read.split}")
    classes = list_classes(box.label for box in read.boxes)
    for split in SPLITS:
        counts = Counter(box.label for box in read.boxes if box.split == split)
        each = ", ".join(f"{counts[label]} {label}" for label in classes)
        print(f"masks: {counts.total()} {split} boxes: {each}")
    for note in notes:
        print(f"masks: {note}")


def main() -> None:
    params = read_params()
    settings = check(MasksSettings, section(params, "crop_masks"), "crop_masks")
    compute = check(Compute, section(params, "compute"), "compute")
    read = read_archive(MASKS_ARCHIVE, settings, read_seed(params))
    check_classes(read.boxes, settings)
    check_memory(len(read.boxes), settings.side)
    cut = cut_boxes(MASKS_ARCHIVE, read.boxes, settings.side, CROP_FILES, compute)
    with whole_file(BOXES) as table, whole_file(CROP_ARRAYS) as arrays, closing(cut) as crops:
        clipped = write_results(crops, read.boxes, settings.side, arrays, table)
    notes = list_notes(read, clipped)
    write_json(
        BOXES_NOTES,
        {"layout": read.layout, "split": read.split, "notes": notes, "skipped": read.skipped},
    )
    report(read, notes)


if __name__ == "__main__":
    run_stage(main)
