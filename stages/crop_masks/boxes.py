"""A box around a face, and how its numbers and its label are read."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pipeline.runtime.errors import InputError
from stages.crop_masks.faults import InvalidBox

CORNERS = ("xmin", "ymin", "xmax", "ymax")
IGNORE = "ignore"  # the class of labels that are left out
FARTHEST = 1_000_000  # pixels; no photograph is as large


class Box(NamedTuple):
    """A face: xmin, ymin, xmax, ymax in pixels of the photograph as stored, its left and upper edge 0.

    `size` is the photograph's (width, height) as the annotation has it, None where it does not say.
    `split` is "train", "test", or "" in a source that is not split; `row` is the line of a CSV or YOLO file,
    or the number of an object in a Pascal VOC or COCO file. `turned` says that the box is on the photograph
    turned as its EXIF says.
    """

    split: str
    photograph: str
    label: str
    annotation: str
    corners: tuple[int, int, int, int]
    size: tuple[int, int] | None
    row: int
    turned: bool = False

    @property
    def where(self) -> str:
        """The annotation's file and row, for errors."""
        unit = "object" if self.annotation.lower().endswith((".xml", ".json")) else "line"
        return f"{self.annotation} {unit} {self.row}"


def by_photograph(boxes: Iterable[Box]) -> list[list[Box]]:
    """The boxes of each photograph, the photographs in the order in which they first appear."""
    groups: dict[str, list[Box]] = defaultdict(list)
    for box in boxes:
        groups[box.photograph].append(box)
    return list(groups.values())


def parse_corners(texts: list[str], where: str) -> tuple[int, int, int, int]:
    """xmin, ymin, xmax, ymax from their texts; InvalidBox if the box has no area."""
    return to_corners(
        [parse_number(text, name, where) for text, name in zip(texts, CORNERS, strict=True)], where
    )


def to_corners(values: list[float], where: str) -> tuple[int, int, int, int]:
    """The nearest whole pixels; InvalidBox if the box has no area."""
    xmin, ymin, xmax, ymax = map(round, values)
    if xmax <= xmin or ymax <= ymin:
        raise InvalidBox(
            f"{where}: the box from ({xmin}, {ymin}) to ({xmax}, {ymax}) has no area; are corners swapped?"
        )
    return xmin, ymin, xmax, ymax


def parse_size(width: str | None, height: str | None, where: str) -> tuple[int, int] | None:
    """(width, height) of the photograph; None if neither is given, or both are 0."""
    if not width and not height:
        return None
    size = round(parse_number(width, "width", where)), round(parse_number(height, "height", where))
    return None if size == (0, 0) else size


def parse_number(text: str | None, name: str, where: str) -> float:
    """A number of pixels in decimal notation."""
    text = text or ""
    shown = repr(text if len(text) <= 40 else text[:40] + "...")
    try:
        number = math.nan if "_" in text else float(text)  # Python would take 1_0 for 10
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise InputError(f"{where}: {name} is {shown}, not a number")
    if abs(number) > FARTHEST:
        raise InputError(f"{where}: {name} is {shown}: no photograph has {FARTHEST:,} pixels in a row")
    return number


def map_labels(boxes: list[Box], classes: Mapping[str, str]) -> list[Box]:
    """The boxes with their label mapped to a class, without those of a label that is mapped to `ignore`.

    One InputError names all labels that `classes` lacks.
    """
    unmapped: dict[str, list[str]] = defaultdict(list)
    for box in boxes:
        if box.label not in classes:
            unmapped[box.label].append(box.where)
    if unmapped:
        found = ", ".join(
            f"{label!r} ({len(places)} boxes, the first in {places[0]})"
            for label, places in sorted(unmapped.items())
        )
        raise InputError(
            f"labels without a class: {found}; map them to {', '.join(sorted(set(classes.values())))} or a "
            "class of your own in crop_masks.classes"
        )
    return [box._replace(label=classes[box.label]) for box in boxes if classes[box.label] != IGNORE]
