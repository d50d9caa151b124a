"""Read the boxes of LabelMe's JSON files, one for each photograph."""

from collections.abc import Iterator
from typing import Any

from pipeline.runtime.errors import InputError, show
from stages.crop_masks.boxes import Box, bounds
from stages.crop_masks.json_files import of_kind, parse, take_number, take_objects, take_text
from stages.crop_masks.photographs import DataSet

TITLE = "LabelMe"
LEAST_POINTS = {"rectangle": 2, "polygon": 3}  # of the shapes that are read
OTHER_NAME = "LabelMe files name another photograph than that of their own name; `imagePath` was taken"


def find(data: DataSet) -> list[str]:
    """The JSON files that have shapes and the path of their photograph."""
    return of_kind(data, "labelme")


def read(data: DataSet, name: str) -> Iterator[Box]:
    """The boxes of one file; a photograph without faces has none."""
    content = parse(data, name)
    given = take_text(content.get("imagePath"), "imagePath", name)
    photograph = data.find_of_one(name, given, OTHER_NAME)
    if photograph is None:
        raise InputError(f"{name}: there is no photograph {given!r} in the archive")
    shapes = take_objects(content.get("shapes"), "shapes", name)
    if not shapes:
        data.empty.add(photograph)
    size = _size(content, name)
    for number, shape in enumerate(shapes, start=1):
        with data.faults.gathered():
            where = f"{name} object {number}"
            kind = shape.get("shape_type") or "polygon"  # as LabelMe takes it
            if kind not in ("rectangle", "polygon"):
                data.leave_out(photograph, show(kind), where)
                continue
            label = take_text(shape.get("label"), "label", where)
            points = _points(shape.get("points"), LEAST_POINTS[kind], where)
            corners = bounds(points) if kind == "rectangle" else data.bounds_of_polygon(points, where)
            yield Box("", photograph, label, name, corners, size, number)


def _points(value: Any, least: int, where: str) -> list[tuple[float, float]]:
    """[[x, y], ...] as numbers; the points of a rectangle are two corners in any order."""
    pairs = value if isinstance(value, list) else []
    if len(pairs) < least or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise InputError(f"{where}: `points` is {show(value)}; it must be {least} or more pairs [x, y]")
    return [(take_number(x, "points", where), take_number(y, "points", where)) for x, y in pairs]


def _size(content: dict[str, Any], name: str) -> tuple[int, int] | None:
    """(width, height) of the photograph, None where the file does not say."""
    size = content.get("imageWidth"), content.get("imageHeight")
    if size in ((None, None), (0, 0)):
        return None
    width, height = size
    if type(width) is not int or type(height) is not int:
        raise InputError(
            f"{name}: `imageWidth` and `imageHeight` are {show(size)}; they must be whole numbers"
        )
    return width, height
