"""Read the boxes of an XML file that CVAT exports as "CVAT for images 1.1"."""

from collections.abc import Iterator
from io import BytesIO
from math import cos, radians, sin
from xml.etree.ElementTree import Element

from defusedxml import ElementTree

from pipeline.runtime.errors import InputError, show
from pipeline.sources.archives import read_text, with_suffix
from pipeline.sources.splits import word_of
from stages.crop_masks.boxes import Box, Corners, parse_corners, parse_number, parse_size
from stages.crop_masks.photographs import DataSet
from stages.crop_masks.voc import parsing, root_of

TITLE = "CVAT"
EDGES = ("xtl", "ytl", "xbr", "ybr")  # x and y of the upper left and the lower right corner
LIMIT = 16 * 2**20  # bytes, some 130,000 boxes
DEEPEST = 16  # elements in one another


def find(data: DataSet) -> list[str]:
    """The XML files that begin with <annotations>."""
    files = with_suffix(data.names, frozenset({".xml"}))
    return [name for name in files if root_of(data, name) == "annotations"]


def read(data: DataSet, name: str) -> Iterator[Box]:
    """The boxes of one file, which may name a photograph once: its rectangles, and those around polygons."""
    entries: dict[str, str] = {}  # by photograph
    depth = place = count = 0
    content = BytesIO(read_text(data.archive, name, LIMIT))
    with parsing(name):
        for event, element in ElementTree.iterparse(content, ("start", "end"), forbid_dtd=True):
            depth += 1 if event == "start" else -1
            if depth > DEEPEST:
                raise InputError(f"{name}: elements are {DEEPEST + 1} deep, as CVAT's never are")
            if event == "end" and element.tag == "image":
                place += 1
                with data.faults.gathered():
                    where = f"{name} photograph {place}"
                    photograph = data.find_once(element.get("name", ""), name, where, entries)
                    yield from _boxes(data, element, photograph, name, where, count)
                count += len(element)
            if depth == 1:
                element.clear()
    if not place:
        raise InputError(f"{name}: it has no <image>; export it from CVAT as 'CVAT for images 1.1'")


def _boxes(
    data: DataSet, image: Element, photograph: str, name: str, where: str, count: int
) -> Iterator[Box]:
    """The boxes on a photograph; `count` is the number of shapes before it in the file."""
    size = parse_size(image.get("width"), image.get("height"), where)
    split = word_of(image.get("subset", ""))
    if not len(image):
        data.empty.add(photograph)
    for number, shape in enumerate(image, start=count + 1):
        with data.faults.gathered():
            where = f"{name} object {number}"
            if corners := _corners(data, shape, photograph, where):
                yield Box(split, photograph, _label(shape, where), name, corners, size, number)


def _label(shape: Element, where: str) -> str:
    if not shape.get("label"):
        raise InputError(f"{where}: <{shape.tag}> has no label")
    return shape.get("label", "").strip()


def _corners(data: DataSet, shape: Element, photograph: str, where: str) -> Corners | None:
    """xmin, ymin, xmax, ymax; None where the shape is left out."""
    if shape.tag == "box":
        corners = parse_corners([shape.get(edge, "") for edge in EDGES], where, EDGES)
        angle = parse_number(shape.get("rotation", "0"), "rotation", where)
        if angle % 360:
            data.faults.note("boxes are rotated, and the upright box around each is taken", where)
        return around_rotated(corners, angle) if angle % 360 else corners
    if shape.tag == "polygon":
        return data.bounds_of_polygon(_points(shape.get("points", ""), where), where)
    data.leave_out(photograph, shape.tag, where)
    return None


def around_rotated(corners: Corners, angle: float) -> Corners:
    """The upright box around one that is rotated about its middle, by degrees."""
    xmin, ymin, xmax, ymax = corners
    x, y, width, height = (xmin + xmax) / 2, (ymin + ymax) / 2, (xmax - xmin) / 2, (ymax - ymin) / 2
    along, across = abs(cos(radians(angle))), abs(sin(radians(angle)))
    width, height = width * along + height * across, width * across + height * along
    return x - width, y - height, x + width, y + height


def _points(text: str, where: str) -> list[tuple[float, float]]:
    """The points of a polygon: "x,y;x,y;x,y"."""
    pairs = [pair.split(",") for pair in text.split(";")]
    if len(pairs) < 3 or any(len(pair) != 2 for pair in pairs):
        raise InputError(f"{where}: `points` is {show(text)}; it must be 3 or more pairs, as in 1,2;3,4;5,6")
    return [(parse_number(x, "x", where), parse_number(y, "y", where)) for x, y in pairs]
