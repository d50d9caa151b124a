"""Cut every box out of its photograph.

python -m stages.crop_masks         reads data/raw/masks/, writes

data/crops/               train/<class>/ and test/<class>/ for ImageFolder: PNG files of their own size
data/crops.safetensors    the pixels for both methods of the report (pipeline/common/crops.py), n crops
data/boxes.csv            the same n rows: the box as annotated, as clipped, and its file in data/crops/
data/boxes.json           how the source was read: its layout, its split, what is odd
"""

from contextlib import closing
from pathlib import Path

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
from stages.crop_masks.notes import list_notes, print_report
from stages.crop_masks.settings import MasksSettings
from stages.crop_masks.split import split_boxes


def read_boxes(archive: Path, settings: MasksSettings, seed: int) -> tuple[Annotations, list[Box]]:
    """What an archive holds, and its boxes, each with its class and its split."""
    with open_archive(archive, str(archive)) as opened:
        read = read_annotations(opened, settings.annotations, settings.invalid_boxes == "skip")
    boxes = map_labels(read.boxes, settings.classes)
    if not read.boxes[0].split:
        boxes = split_boxes(boxes, settings.test_share, generator(seed, "masks split"))
    return read, boxes


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
    print_report(read, boxes, notes)


if __name__ == "__main__":
    run_stage(main)
