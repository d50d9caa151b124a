"""Read the boxes of a source in whatever format it has, with the split that it was published with.

Each format is a module with TITLE, find(data), the files of that format, and read(data, name), the boxes of
one of them. Faults of rows are gathered in data.faults; an InputError means that the file cannot be read at
all.
"""

from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

from pipeline.runtime.errors import InputError, shorten
from pipeline.sources.archives import Archive, brief, by_suffix, with_suffix
from pipeline.sources.splits import map_published_split, split_of_file, split_of_folder
from stages.crop_masks import (
    class_folders,
    coco,
    createml,
    csv_tables,
    cvat,
    labelme,
    open_images,
    via,
    voc,
    yolo,
)
from stages.crop_masks.boxes import Box, are_shares
from stages.crop_masks.photographs import DataSet, place
from stages.crop_masks.split import split_as_published

FORMATS: dict[str, ModuleType] = {
    "csv": csv_tables,
    "voc": voc,
    "yolo": yolo,
    "coco": coco,
    "via": via,
    "labelme": labelme,
    "cvat": cvat,
    "createml": createml,
    "open_images": open_images,
    "folders": class_folders,  # which is taken only where nothing else could hold annotations
}
ONE_FOR_ALL = ("csv", "coco", "via", "cvat", "createml", "open_images")  # a file is of many photographs
IN_SHARES = ("yolo", "open_images")  # corners are shares of the photograph's width and height
NAMED_BY = {"voc": "<filename>", "labelme": "`imagePath`"}  # what names the photograph of a file
SPLIT_ORDER = ("train", "valid", "test", "")  # of a published split, in the order in which they are read


class Annotations(NamedTuple):
    """What a source holds, and how it was read."""

    boxes: list[Box]
    layout: str  # the format and its files
    split: str  # how the boxes are split
    notes: list[str]  # what is odd, and what was not read
    photographs: int  # that annotations name, with and without boxes
    skipped: int  # invalid boxes


def read_annotations(archive: Archive, wanted: str = "auto", skip_invalid: bool = False) -> Annotations:
    """Every box in the archive, labels as they stand there, in the order of the annotations.

    `wanted` is a key of FORMATS, or "auto" where there is only one format. One InputError names all faults,
    with file and row.
    """
    data = DataSet(archive, skip_invalid)
    form, files = choose_format(data, wanted)
    splits = {name: split_of_file(name) if form in ONE_FOR_ALL else split_of_folder(name) for name in files}
    if form in ONE_FOR_ALL:
        splits = choose_files(data, splits)
    boxes: list[Box] = []
    for name, split in splits.items():
        with data.faults.gathered():
            boxes += [box._replace(split=box.split or split) for box in FORMATS[form].read(data, name)]
    boxes, split = split_as_published(data, boxes, form)
    boxes = place(boxes, data, form in IN_SHARES or are_noted_shares(data, boxes))
    check_conflicts(data, boxes, form)
    data.faults.check()
    if not boxes:
        raise InputError(f"{data.source} holds no boxes")
    named = {box.photograph for box in boxes} | data.empty
    return Annotations(
        boxes,
        f"{FORMATS[form].TITLE}: {brief(list(splits))}",
        split,
        [*data.faults.notes(), *list_unread(data, set(splits) | named | data.helpers)],
        len(named),
        data.faults.skipped,
    )


def holds_annotations(archive: Archive) -> bool:
    """Whether there are boxes in any format, right or wrong. Class folders have none: each picture is one."""
    data = DataSet(archive)
    return any(form.find(data) for form in FORMATS.values() if form is not class_folders)


def choose_format(data: DataSet, wanted: str) -> tuple[str, list[str]]:
    """The format to read and its files; InputError if there is none, or if it could be any of several."""
    keys = [key for key in FORMATS if key != "folders"] if wanted == "auto" else [wanted]
    found = {key: files for key in keys if (files := FORMATS[key].find(data))}
    if wanted == "auto" and not found and not _could_hold_annotations(data):
        found = {"folders": files} if (files := class_folders.find(data)) else {}
    if len(found) > 1:
        shown = "; ".join(f"{FORMATS[key].TITLE}, {brief(files)}" for key, files in found.items())
        raise InputError(
            f"{data.source} holds annotations in {len(found)} formats: {shown}. Say which to read with "
            f"crop_masks.annotations: {' or '.join(found)} (of classify: --annotations; of look_at: after "
            "the path)"
        )
    if not found:
        raise InputError(*_nothing_found(data, wanted))
    return next(iter(found.items()))


def _could_hold_annotations(data: DataSet) -> bool:
    """Whether there are files that may be annotations, though in no format that is read."""
    return bool(with_suffix(data.names, frozenset({".csv", ".json", ".xml"})) or data.faults.odd)


def _nothing_found(data: DataSet, wanted: str) -> list[str]:
    known = ", ".join(form.TITLE for form in FORMATS.values())
    kind = f"annotations that can be read ({known})"
    in_folders = wanted == "auto" and _could_hold_annotations(data) and class_folders.find(data)
    odd = "".join(f". {note}" for note in data.faults.notes())
    return [
        f"{data.source} holds no {kind if wanted == 'auto' else FORMATS[wanted].TITLE}; it holds "
        f"{by_suffix(data.names) or 'nothing'}{odd}",
        *(["crop_masks.annotations: folders reads its folders as classes of faces"] if in_folders else []),
    ]


def choose_files(data: DataSet, splits: dict[str, str]) -> dict[str, str]:
    """Of files that each hold many photographs, those to read, with their splits: one for each set of the
    published split, or else the only one.
    """
    parts = {split for split in splits.values() if split}
    chosen = (
        {name: split for name, split in splits.items() if split} if map_published_split(parts)[0] else splits
    )
    chosen = dict(sorted(chosen.items(), key=lambda item: SPLIT_ORDER.index(item[1])))
    values = list(chosen.values())
    twice = [name for name, split in chosen.items() if values.count(split) > 1]
    if twice:
        raise InputError(
            f"{data.source} holds several annotation files for the same photographs: {brief(twice)}; keep "
            "one for each part of the split (train, valid, test), or one in all"
        )
    return chosen


def are_noted_shares(data: DataSet, boxes: list[Box]) -> bool:
    """Whether the boxes of a format that is in pixels are shares of the photograph, which is noted."""
    shares = are_shares(boxes)
    for box in boxes if shares else []:
        data.faults.note(
            "boxes have corners from 0 to 1, which were taken as shares of the photograph's width and height",
            box.where,
        )
    return shares


def check_conflicts(data: DataSet, boxes: list[Box], form: str) -> None:
    """A photograph must be on one side of the split, and in one file where each file is of one photograph."""
    if conflict := _find_conflict(boxes, lambda box: box.split):
        box, other = conflict
        data.faults.add(
            f"{box.where}: {box.photograph} is in {box.split}, but in {other.split} too ({other.where}); "
            "a photograph must be on one side only"
        )
    if form not in ONE_FOR_ALL and (conflict := _find_conflict(boxes, lambda box: box.annotation)):
        box, other = conflict
        data.faults.add(
            f"{box.annotation}: its photograph {box.photograph} is that of {other.annotation} too; "
            + (f"correct {NAMED_BY[form]} in one of them" if form in NAMED_BY else "remove one of them")
        )


def _find_conflict(boxes: list[Box], value: Callable[[Box], str]) -> tuple[Box, Box] | None:
    """The first two boxes of one photograph that differ in `value`, the later one first."""
    first: dict[str, Box] = {}
    for box in boxes:
        other = first.setdefault(box.photograph, box)
        if value(other) != value(box):
            return box, other
    return None


def list_unread(data: DataSet, read: set[str]) -> list[str]:
    """What there is besides the annotations that were read and the photographs that they name."""
    photographs = set(data.photographs)
    spare = sorted(photographs - read)
    others = [name for name in data.names if name not in read and name not in photographs]
    notes = [f"{len(spare)} photographs have no annotation: {brief(spare)}"] if spare else []
    return list(map(shorten, [*notes, f"not read: {by_suffix(others)}"] if others else notes))
