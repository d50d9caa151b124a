"""Cut every box out of its photograph.

python -m stages.crop_masks         reads data/raw/masks/, writes

data/crops/               train/<class>/ and test/<class>/ for ImageFolder: PNG files of their own size
data/crops.safetensors    the pixels for both methods of the report (pipeline/common/crops.py), n crops
data/boxes.csv            the same n rows: the box as annotated, as clipped, and its file in data/crops/
data/boxes.json           how the source was read: its layout, its split, what is odd
"""

from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from pipeline.common.classes import SPLITS
from pipeline.common.crops import list_classes
from pipeline.common.paths import BOXES, BOXES_NOTES, CROP_ARRAYS, CROP_FILES, MASKS_ARCHIVE
from pipeline.common.seeds import generator
from pipeline.common.storage import write_json
from pipeline.runtime.compute import read_compute
from pipeline.runtime.files import whole_file
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import check, read_params, read_seed, section
from pipeline.sources.archives import open_archive
from stages.crop_masks.annotations import Annotations, read_annotations
from stages.crop_masks.boxes import Box, check_classes, map_labels
from stages.crop_masks.crops import check_memory, cut_boxes, write_crops
from stages.crop_masks.settings import IGNORE, MasksSettings
from stages.crop_masks.split import split_boxes


def read_boxes(archive: Path, settings: MasksSettings, seed: int) -> tuple[Annotations, list[Box]]:
    """What an archive holds, and its boxes, each with its class and its split."""
    with open_archive(archive, str(archive)) as opened:
        read = read_annotations(opened, settings.annotations, settings.invalid_boxes == "skip")
    boxes = map_labels(read.boxes, settings.classes)
    if not read.boxes[0].split:
        boxes = split_boxes(boxes, settings.test_share, generator(seed, "masks split"))
    return read, boxes


def list_notes(read: Annotations, boxes: list[Box], classes: Iterable[str], clipped: int) -> list[str]:
    """What was odd, and what was done about it; `boxes` are those of `read` that have a class."""
    notes = [f"{clipped} boxes reach over the edge of their photograph and are clipped"] if clipped else []
    if repeated := len(boxes) - len({(box.photograph, box.label, box.corners) for box in boxes}):
        notes.append(f"{repeated} boxes repeat another of the same photograph, class and corners")
    notes += read.notes
    if ignored := len(read.boxes) - len(boxes):
        notes.append(f"{ignored} boxes have a label that crop_masks.classes ignores")
    if absent := sorted(set(classes) - {IGNORE} - {box.label for box in boxes}):
        notes.append(f"no box is of class {', '.join(absent)}, which the network therefore does not know")
    return notes


def report(read: Annotations, boxes: list[Box], notes: list[str]) -> None:
    """Print how the source was read, and the boxes of each split and class."""
    print(f"masks: read as {read.layout}; split: {read.split}")
    classes = list_classes(box.label for box in boxes)
    for split in SPLITS:
        counts = Counter(box.label for box in boxes if box.split == split)
        each = ", ".join(f"{counts[label]} {label}" for label in classes)
        print(f"masks: {counts.total()} {split} boxes: {each}")
    for note in notes:
        print(f"masks: {note}")


def main() -> None:
    params = read_params()
    settings = check(MasksSettings, section(params, "crop_masks"), "crop_masks")
    compute = read_compute(params)
    read, boxes = read_boxes(MASKS_ARCHIVE, settings, read_seed(params))
    check_classes(boxes, settings.classes)
    check_memory(len(boxes), settings.side)
    cut = cut_boxes(MASKS_ARCHIVE, boxes, settings.side, CROP_FILES, compute)
    with whole_file(BOXES) as table, whole_file(CROP_ARRAYS) as arrays, closing(cut) as crops:
        clipped = write_crops(crops, boxes, settings.side, arrays, table)
    notes = list_notes(read, boxes, settings.classes.values(), clipped)
    about = {"layout": read.layout, "split": read.split, "notes": notes, "skipped": read.skipped}
    write_json(BOXES_NOTES, about)
    report(read, boxes, notes)


if __name__ == "__main__":
    run_stage(main)
