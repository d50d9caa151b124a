"""A box around a face: how its numbers are read, and its label mapped to a class."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pipeline.common.crops import list_classes
from pipeline.runtime.errors import InputError
from stages.crop_masks.faults import InvalidBox
from stages.crop_masks.settings import IGNORE

CORNERS = ("xmin", "ymin", "xmax", "ymax")
FARTHEST = 1_000_000  # pixels; no photograph is as large
LARGEST_SHARE = 1.001  # of a photograph's width or height: its edge, but for rounding

# (left, top, right, bottom) in whole pixels, half open: the columns left to right - 1 and the rows top to
# bottom - 1, as in Pillow's crop. Column 0 is the left one, row 0 the upper one.
Area = tuple[int, int, int, int]
Corners = tuple[float, float, float, float]  # xmin, ymin, xmax, ymax


class Box(NamedTuple):
    """A face.

    `corners` are those of the annotation, in pixels or as shares of the photograph, until place() has made
    them whole pixels of the photograph, its left and upper edge 0. `size` is the photograph's (width, height)
    as the annotation has it, None where it does not say. `split` is "train", "test", or "" in a source that
    is not split; `row` is the line of a CSV or YOLO file, or the number of an object in an XML or JSON file,
    0 where the annotation is the photograph itself. `turned` says that the box is on the photograph turned as
    its EXIF says.
    """

    split: str
    photograph: str
    label: str
    annotation: str
    corners: Corners
    size: tuple[int, int] | None
    row: int
    turned: bool = False

    @property
    def where(self) -> str:
        """The annotation's file and row, for errors."""
        if not self.row:
            return self.annotation
        unit = "object" if self.annotation.lower().endswith((".xml", ".json")) else "line"
        return f"{self.annotation} {unit} {self.row}"


def by_photograph(boxes: Iterable[Box]) -> list[list[Box]]:
    """The boxes of each photograph, the photographs in the order in which they first appear."""
    groups: dict[str, list[Box]] = defaultdict(list)
    for box in boxes:
        groups[box.photograph].append(box)
    return list(groups.values())


def clip(box: Corners, width: int, height: int) -> Area | None:
    """The part of a box within a photograph of that size, in whole pixels; None if there is none.

    >>> clip((-5, 2, 10, 30), 20, 25)
    (0, 2, 10, 25)
    """
    left, top, right, bottom = map(round, box)
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    return (left, top, right, bottom) if left < right and top < bottom else None


def parse_corners(texts: list[str], where: str, names: Iterable[str] = CORNERS) -> Corners:
    """The four numbers of a box from their texts."""
    one, two, three, four = (parse_number(text, name, where) for text, name in zip(texts, names, strict=True))
    return one, two, three, four


def add_size(box: Corners) -> Corners:
    """xmin, ymin, xmax, ymax of a box that is given as left and upper edge, width and height."""
    left, top, width, height = box
    return left, top, left + width, top + height


def bounds(points: Iterable[tuple[float, float]]) -> Corners:
    """The box around points."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def to_area(corners: Corners, where: str) -> Area:
    """The nearest whole pixels; InvalidBox if the box has no area."""
    xmin, ymin, xmax, ymax = map(round, corners)
    if xmax <= xmin or ymax <= ymin:
        raise InvalidBox(
            f"{where}: the box from ({xmin}, {ymin}) to ({xmax}, {ymax}) has no area; are corners swapped?"
        )
    return xmin, ymin, xmax, ymax


def are_shares(boxes: list[Box]) -> bool:
    """Whether all corners are from 0 to 1, and some between: shares of the photograph's width and height.

    A single corner beyond settles that all are pixels.
    """
    values = [value for box in boxes for value in box.corners]
    return max(map(abs, values), default=0) <= LARGEST_SHARE and any(value % 1 for value in values)


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


def check_classes(boxes: list[Box], classes: Mapping[str, str]) -> None:
    """Raise InputError unless there are two classes, each with a box to train on, and a box to test on."""
    found = list_classes(box.label for box in boxes)
    train = {box.label for box in boxes if box.split == "train"}
    missing = [label for label in found if label not in train]
    if missing:
        raise InputError(
            f"no box for training is of class {', '.join(missing)}; {', '.join(found)} must each have "
            "one: add photographs that show it, or correct crop_masks.classes, which maps labels to classes"
        )
    if len(found) < 2:
        known = ", ".join(sorted(set(classes.values()) - {IGNORE}))
        raise InputError(
            f"the boxes are of {len(found)} of the classes in crop_masks.classes ({known}); there must be "
            "boxes of two at least"
        )
    if all(box.split == "train" for box in boxes):
        raise InputError(
            "all boxes are for training and none for testing; add photographs to the test set, or raise "
            "crop_masks.test_share"
        )
