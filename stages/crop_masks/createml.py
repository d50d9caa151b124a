"""Read the boxes of createML's JSON: a list of photographs, each with its annotations.

The keys of a photograph are `image` and `annotations`, or `imagefilename` and `annotation`: Apple has both.
"""

from collections.abc import Iterator
from typing import Any

from stages.crop_masks.boxes import Box, Corners
from stages.crop_masks.json_files import (
    of_kind,
    parse,
    take_number,
    take_object,
    take_objects,
    take_text,
)
from stages.crop_masks.photographs import DataSet

TITLE = "createML"


def find(data: DataSet) -> list[str]:
    """The JSON files that are a list, with annotations, labels and coordinates."""
    return of_kind(data, "createml")


def read(data: DataSet, name: str) -> Iterator[Box]:
    """The boxes of one file, which may name a photograph once; those without any have no faces."""
    entries: dict[str, str] = {}  # by photograph
    number = 0
    for place, entry in enumerate(take_objects(parse(data, name), "list", name), start=1):
        with data.faults.gathered():
            where = f"{name} photograph {place}"
            annotations = take_objects(_either(entry, "annotations", "annotation"), "annotations", where)
            before, number = number, number + len(annotations)
            given = take_text(_either(entry, "image", "imagefilename"), "image", where)
            photograph = data.find_once(given, name, where, entries)
            if not annotations:
                data.empty.add(photograph)
            for row, annotation in enumerate(annotations, start=before + 1):
                with data.faults.gathered():
                    where = f"{name} object {row}"
                    label = take_text(annotation.get("label"), "label", where)
                    corners = _corners(annotation.get("coordinates"), where)
                    yield Box("", photograph, label, name, corners, None, row)


def _either(entry: dict[str, Any], key: str, other: str) -> Any:
    return entry.get(key, entry.get(other))


def _corners(value: Any, where: str) -> Corners:
    """xmin, ymin, xmax, ymax of a centre, a width and a height in pixels."""
    place = take_object(value, "coordinates", where)
    x, y, width, height = (take_number(place.get(key), key, where) for key in ("x", "y", "width", "height"))
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2
