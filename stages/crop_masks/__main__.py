"""Cut every box out of its photograph.

python -m stages.crop_masks         reads data/raw/masks/, writes

data/crops/               train/<class>/ and test/<class>/ for ImageFolder: PNG files of their own size,
                          if there are at most crop_masks.pictures
data/crops.safetensors    the pixels for both methods of the report (pipeline/common/crops.py), n crops
data/boxes.csv            the same n rows: the box as annotated, as clipped, and its file in data/crops/
data/boxes.json           how the source was read: its layout, its split, what is odd
"""

from contextlib import closing
from pathlib import Path

from pipeline.common.paths import BOXES, BOXES_NOTES, CROP_ARRAYS, CROP_FILES, MASKS_ARCHIVE, RAW_MASKS
from pipeline.common.seeds import generator
from pipeline.common.storage import write_json
from pipeline.runtime.compute import read_compute
from pipeline.runtime.files import whole_file
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import check, read_params, read_seed, section
from pipeline.sources.archives import open_archive
from pipeline.sources.wanted import saying_how_to_fetch
from stages.crop_masks.annotations import Annotations, read_annotations
from stages.crop_masks.boxes import Box, check_classes, map_labels
from stages.crop_masks.crops import cut_boxes, write_crops
from stages.crop_masks.notes import list_notes, print_report
from stages.crop_masks.settings import MasksSettings
from stages.crop_masks.split import describe_copies, number_photographs, split_boxes


def read_boxes(
    archive: Path, settings: MasksSettings, seed: int
) -> tuple[Annotations, list[Box], dict[str, int]]:
    """What an archive holds; its boxes, each with its class and its split; and its photographs by number."""
    with open_archive(archive, str(archive)) as opened:
        read = read_annotations(opened, settings.annotations, settings.invalid_boxes == "skip")
        boxes = map_labels(read.boxes, settings.classes)
        numbers = number_photographs(boxes, opened)
    drawn = not read.boxes[0].split
    if drawn and boxes:
        boxes = split_boxes(boxes, numbers, settings.test_share, generator(seed, "masks split"))
    read.notes.extend(describe_copies(boxes, numbers, drawn))
    return read, boxes, numbers


def main() -> None:
    params = read_params()
    settings = check(MasksSettings, section(params, "crop_masks"), "crop_masks")
    compute, seed = read_compute(params), read_seed(params)
    with saying_how_to_fetch("fetch_masks", RAW_MASKS):
        read, boxes, numbers = read_boxes(MASKS_ARCHIVE, settings, seed)
        check_classes(boxes, settings.classes)
        pictures = len(boxes) <= settings.pictures
        cut = cut_boxes(MASKS_ARCHIVE, boxes, settings.side, CROP_FILES, pictures, compute)
        with whole_file(BOXES) as table, whole_file(CROP_ARRAYS) as arrays, closing(cut) as crops:
            clipped = write_crops(crops, boxes, numbers, settings.side, arrays, table)
    notes = list_notes(read, boxes, settings.classes.values(), clipped)
    about = {"layout": read.layout, "split": read.split, "notes": notes, "skipped": read.skipped}
    write_json(BOXES_NOTES, about)
    print_report(read, boxes, notes)
    if not pictures:
        print(
            f"masks: {CROP_FILES}/ holds no pictures, since {len(boxes)} are more than crop_masks.pictures, "
            f"{settings.pictures}"
        )


if __name__ == "__main__":
    run_stage(main)
