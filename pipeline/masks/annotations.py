"""Read the boxes of a masks archive: CSV tables, or Pascal VOC files, one per photograph."""

import zipfile
from collections.abc import Callable
from pathlib import PurePosixPath

from pipeline.common.settings import InputError
from pipeline.masks.boxes import Box
from pipeline.masks.csv_tables import read_table
from pipeline.masks.photographs import Photographs
from pipeline.masks.voc import read_voc
from pipeline.sources.archives import archive_name, contents, file_names, given_splits


def read_boxes(archive: zipfile.ZipFile) -> list[Box]:
    """Every box in the archive, labels as they stand there, in the order of the annotations.

    Annotations are train.csv and test.csv, or else Pascal VOC files, or else one CSV file of any name.
    Raises InputError, naming file and row, for what is not plainly a box of a photograph in the archive.
    """
    photographs = Photographs(archive)
    tables = file_names(archive, frozenset({".csv"}))
    names = [PurePosixPath(table).name for table in tables]
    voc = file_names(archive, frozenset({".xml"}))
    boxes: list[Box] = []
    if names.count("train.csv") == names.count("test.csv") == 1:
        for split in ("train", "test"):
            boxes.extend(read_table(archive, tables[names.index(f"{split}.csv")], split, photographs))
    elif voc:
        for name, split in zip(voc, given_splits(voc, archive_name(archive)), strict=True):
            boxes.extend(read_voc(archive, name, split, photographs))
        _check_files(boxes)
    elif len(tables) == 1:
        boxes.extend(read_table(archive, tables[0], "", photographs))
    else:
        raise InputError(
            f"{archive_name(archive)} must hold train.csv and test.csv, or one CSV file, or Pascal VOC files "
            f"(.xml); it holds {', '.join(tables) or contents(archive)}"
        )
    if not boxes:
        raise InputError(f"{archive_name(archive)} holds no boxes")
    _check_sides(boxes)
    return boxes


def _find_conflict(boxes: list[Box], value: Callable[[Box], str]) -> tuple[Box, Box] | None:
    """The first two boxes of one photograph that differ in `value`, the later one first."""
    first: dict[str, Box] = {}
    for box in boxes:
        other = first.setdefault(box.photograph, box)
        if value(other) != value(box):
            return box, other
    return None


def _check_sides(boxes: list[Box]) -> None:
    """Raise InputError if a photograph has boxes in both train and test."""
    if conflict := _find_conflict(boxes, lambda box: box.split):
        box, other = conflict
        raise InputError(
            f"{box.where}: {box.photograph} is in {box.split}, but in {other.split} too ({other.where}); "
            "a photograph must be on one side only"
        )


def _check_files(boxes: list[Box]) -> None:
    """Raise InputError if two Pascal VOC files have boxes of one photograph."""
    if conflict := _find_conflict(boxes, lambda box: box.annotation):
        box, other = conflict
        raise InputError(
            f"{box.annotation}: its photograph {box.photograph} is that of {other.annotation} too; "
            "correct <filename> in one of them"
        )
