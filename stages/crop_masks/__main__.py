"""Cut every box out of its photograph.

python -m stages.crop_masks         reads data/raw/masks/, writes

data/crops/               train/<class>/ and test/<class>/ for ImageFolder: PNG files of their own size
data/crops.safetensors    the pixels for both methods of the report (pipeline/common/crops.py), n crops
data/boxes.csv            the same n rows: the box as annotated, as clipped, and its file in data/crops/
data/boxes.json           how the source was read: its layout, its split, what is odd
"""

from collections import Counter
from contextlib import closing

from pipeline.common.classes import SPLITS
from pipeline.common.crops import list_classes
from pipeline.common.paths import BOXES, BOXES_NOTES, CROP_ARRAYS, CROP_FILES, MASKS_ARCHIVE
from pipeline.common.storage import write_json
from pipeline.runtime.compute import Compute
from pipeline.runtime.files import whole_file
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import check, read_params, read_seed, section
from stages.crop_masks.annotations import Annotations
from stages.crop_masks.crops import cut_boxes
from stages.crop_masks.reading import check_classes, list_notes, read_boxes
from stages.crop_masks.settings import MasksSettings
from stages.crop_masks.writing import check_memory, write_crops


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
    read = read_boxes(MASKS_ARCHIVE, settings, read_seed(params))
    check_classes(read.boxes, settings)
    check_memory(len(read.boxes), settings.side)
    cut = cut_boxes(MASKS_ARCHIVE, read.boxes, settings.side, CROP_FILES, compute)
    with whole_file(BOXES) as table, whole_file(CROP_ARRAYS) as arrays, closing(cut) as crops:
        clipped = write_crops(crops, read.boxes, settings.side, arrays, table)
    notes = list_notes(read, clipped)
    write_json(
        BOXES_NOTES,
        {"layout": read.layout, "split": read.split, "notes": notes, "skipped": read.skipped},
    )
    report(read, notes)


if __name__ == "__main__":
    run_stage(main)
