"""Read the boxes of YOLO label files: a text file for each photograph, a line for each box.

A line is the number of a class, then the centre, width and height of its box as shares of the photograph's
width and height, and perhaps points of it, which are left out; or else the corners of a polygon, of which the
box around it is taken. The names of classes are in data.yaml, classes.txt or a .names file; without them the
numbers are the labels.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import chain, islice, repeat
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from pipeline.common.yaml_files import load_yaml
from pipeline.runtime.errors import InputError, show
from pipeline.sources.archives import read_text, with_suffix
from stages.crop_masks.boxes import Box, Corners, parse_number
from stages.crop_masks.photographs import DataSet, normalise, stem

TITLE = "YOLO"
FILES_SNIFFED = 50  # that are not empty, of which one must hold boxes
SNIFFED = 1024  # bytes, in which the first box stands
SIGNS = str.maketrans("", "", ".+-")  # what numbers have beside digits and letters
CENTRE = ("the centre's x", "the centre's y", "the width", "the height")
MOST_OUTSIDE = 0.5  # how far beyond the photograph a share may reach; more are pixels


class Points(NamedTuple):
    """The points that each line has after the four numbers of its box."""

    number: int
    values: int  # in a line, with those of the box
    stated: bool  # by kpt_shape in a data.yaml


def find(data: DataSet) -> list[str]:
    """The label files, if one of the first that have a photograph holds boxes."""
    named, others = _by_photograph(data)
    starts = filter(None, (data.first_bytes(name, SNIFFED) for name in named))
    lost = [name for name in others if _is_label_file(data.first_bytes(name, SNIFFED))]
    if not any(map(_holds_boxes, islice(starts, FILES_SNIFFED))):
        for name in lost:
            data.faults.note("text files hold boxes as YOLO has them, and no photograph has their name", name)
        return []
    class_names(data)  # an error in them is raised here, once
    stated_points(data)
    return sorted([*named, *lost])


def _by_photograph(data: DataSet) -> tuple[list[str], list[str]]:
    """The text files that have the name of a photograph, and those that have not."""
    named: list[str] = []
    others: list[str] = []
    for name in with_suffix(data.names, frozenset({".txt"})):
        (named if normalise(stem(name)) in data.by_stem else others).append(name)
    return named, others


def _holds_boxes(start: bytes) -> bool:
    """Whether a file begins with the number of a class and four words that could be numbers."""
    words = _first_words(start)
    return (
        len(words) >= 5
        and class_number(words[0]).isdigit()
        and all(word.translate(SIGNS).isalnum() for word in words)
    )


def _is_label_file(start: bytes) -> bool:
    """Whether a file that no photograph has the name of begins with a box, and with nothing else for sure."""
    if not _holds_boxes(start):
        return False
    try:
        values = [parse_number(word, "", "") for word in _first_words(start)[1:]]
    except InputError:
        return False
    return _reach_near(values[:4]) and min(values[2:4]) > 0 and any(value % 1 for value in values)


def _first_words(start: bytes) -> list[str]:
    lines = start.decode("utf-8-sig", "replace").splitlines()
    return next((words for line in lines if (words := line.split())), [])


def class_number(text: str) -> str:
    """The number of a class as lists of names have it; some tools write 0.0 or 0.000e+00 for 0."""
    with suppress(ValueError):
        if "_" not in text and (number := float(text)).is_integer():
            return str(int(number))
    return text


def read(data: DataSet, name: str) -> Iterator[Box]:
    """The boxes of one label file, as shares of its photograph; an empty file is one without faces."""
    if normalise(stem(name)) not in data.by_stem:
        raise InputError(f"{name}: there is no photograph {stem(name)!r} in the archive")
    labels = class_names(data)
    photograph = data.find_stem(name)
    lines = _read_lines(data, name)
    if not any(map(str.strip, lines)):
        data.empty.add(photograph)
    for number, line in enumerate(lines, start=1):
        with data.faults.gathered():
            if values := line.split():
                where = f"{name} line {number}"
                corners = _corners(data, values[1:], where)
                label = class_number(values[0])
                yield Box("", photograph, labels.get(label, label), name, corners, None, number)


def _read_lines(data: DataSet, name: str) -> list[str]:
    try:
        return read_text(data.archive, name).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not UTF-8 text ({error.reason})") from None


def _corners(data: DataSet, texts: list[str], where: str) -> Corners:
    """xmin, ymin, xmax, ymax of a box, with points or without, or of a polygon."""
    # All files are searched for points only where a line has more than a box.
    points = stated_points(data) if len(texts) == 4 else points_of(data)
    _check_count(len(texts), points, where)
    is_box = len(texts) == 4 or points is not None
    names = chain(CENTRE, repeat("a point")) if is_box else repeat("a corner")
    values = [parse_number(text, name, where) for text, name in zip(texts, names, strict=False)]
    values = values[:4] if is_box else values
    if not _reach_near(values):
        raise InputError(f"{where}: {show(texts)} are no shares of width and height, from 0 to 1")
    if not is_box:
        data.faults.note("YOLO lines are polygons, of which the box around is taken", where)
        return min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])
    if points and len(texts) > 4:
        sentence = f"YOLO lines have a box and {points.number} points of it, which are left out"
        data.faults.note(sentence, where)
    x, y, width, height = values
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _reach_near(values: list[float]) -> bool:
    """Whether all are shares of a photograph, or of what is little beyond it."""
    return min(values) >= -MOST_OUTSIDE and max(values) <= 1 + MOST_OUTSIDE


def _check_count(count: int, points: Points | None, where: str) -> None:
    """Raise InputError unless a line of so many numbers is a box, a box with its points, or a polygon."""
    if points is None and count != 4 and (count < 6 or count % 2):
        keypoints = "; state points as `kpt_shape` in a data.yaml" if count > 4 else ""
        raise InputError(
            f"{where}: {count} numbers after the class; a box has 4, a polygon 6, 8 or more{keypoints}"
        )
    if points and count != points.values and (count != 4 or points.stated):
        raise InputError(
            f"{where}: {count} numbers after the class; a box with {points.number} points has {points.values}"
        )


@lru_cache(maxsize=1)
def points_of(data: DataSet) -> Points | None:
    """The points in each line, as a data.yaml states them, or else as most lines of more than a box show."""
    if stated := stated_points(data):
        return stated
    found: Counter[tuple[int, int]] = Counter()
    polygons = 0
    for name in _by_photograph(data)[0]:
        with suppress(InputError):  # raised again where the file is read
            for line in _read_lines(data, name):
                values = [parse_number(text, "", "") for text in line.split()[1:]]
                if not any(value > 0 for value in values[4:]):
                    continue  # a box alone, or all of its points missing
                if points := tell_points(values):
                    found[points] += 1
                else:
                    polygons += 1
    if found.total() <= polygons:
        return None
    (count, numbers), _ = found.most_common(1)[0]
    return Points(count, 4 + count * numbers, stated=False)


def tell_points(values: list[float]) -> tuple[int, int] | None:
    """How many points a line has after the four numbers of its box, and of how many numbers each is: x and y,
    or x, y and whether it is visible. None if the line is taken for a polygon.
    """
    for numbers in (2, 3):
        count, rest = divmod(len(values) - 4, numbers)
        if rest:
            continue
        points = zip(values[4::numbers], values[5::numbers], strict=True)
        there = [point for point in points if max(point) > 0]  # missing ones are 0 or -1
        if len(there) > 1 and are_points(values[:4], there):
            return count, numbers
    return None


def are_points(box: list[float], points: list[tuple[float, float]]) -> bool:
    """Whether points are those of a box (centre, width, height), and not the further corners of a polygon.

    They lie in the box, or at most half its size beyond. So do the corners of most polygons, if the first is
    taken for a centre and the second for a size; but in a polygon the first is hardly in the middle of the
    others, as none of an ellipse, a half disc and a rectangle is, and the second is near them.
    """
    inside = middle = near = True
    for centre, size, places in zip(box[:2], box[2:], zip(*points, strict=True), strict=True):
        low, high = min(places), max(places)
        inside &= centre - size <= low and high <= centre + size
        middle &= abs(centre - (low + high) / 2) <= 0.3 * (high - low)
        low, high = min(low, centre), max(high, centre)
        near &= abs(size - (low + high) / 2) <= 2 * (high - low)
    return inside and (middle or not near)


@lru_cache(maxsize=1)
def class_names(data: DataSet) -> dict[str, str]:
    """The name of each class by its number as text; InputError if two files do not agree."""
    found: dict[str, dict[str, str]] = {}
    for name in with_suffix(data.names, frozenset({".yaml", ".yml"})):
        if names := _names_in_yaml(data, name):
            found[name] = names
    for name in [] if found else data.names:
        if name.endswith((".names", "_darknet.labels")) or name.rpartition("/")[2] == "classes.txt":
            lines = read_text(data.archive, name).decode("utf-8-sig", "replace").splitlines()
            found[name] = {str(n): line.strip() for n, line in enumerate(lines) if line.strip()}
    data.helpers |= found.keys()
    if any(names != next(iter(found.values())) for names in found.values()):
        raise InputError(f"{data.source}: {', '.join(found)} name the classes differently; keep one of them")
    return next(iter(found.values()), {})


def _names_in_yaml(data: DataSet, name: str) -> dict[str, str]:
    """`names` of a data.yaml, a list, or a dictionary by number; {} if the file has none."""
    content = read_yaml(data, name)
    names = content.get("names")
    numbered = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(numbered, dict):
        return {}
    if not all(type(each) in (str, int) for each in (*numbered, *numbered.values())):
        raise InputError(f"{name}: `names` is {show(names)}; it must list the names of classes")
    return {str(number): str(label) for number, label in numbered.items()}


@lru_cache(maxsize=1)
def stated_points(data: DataSet) -> Points | None:
    """The points that a data.yaml states as kpt_shape; InputError if two files do not agree."""
    found = {}
    for name in with_suffix(data.names, frozenset({".yaml", ".yml"})):
        shape = read_yaml(data, name).get("kpt_shape")
        if shape is None:
            continue
        whole = isinstance(shape, list) and [type(each) for each in shape] == [int, int]
        if not whole or shape[0] < 1 or shape[1] not in (2, 3):
            raise InputError(f"{name}: `kpt_shape` is {show(shape)}; it must be [number of points, 2 or 3]")
        found[name] = Points(shape[0], 4 + shape[0] * shape[1], stated=True)
    data.helpers |= found.keys()
    if len(set(found.values())) > 1:
        raise InputError(f"{data.source}: {', '.join(found)} state kpt_shape differently; keep one of them")
    return next(iter(found.values()), None)


def folders_of_splits(data: DataSet) -> list[tuple[str, str]]:
    """The folders that a data.yaml has for `train`, `val` and `test`, each with its split."""
    folders = []
    for name in with_suffix(data.names, frozenset({".yaml", ".yml"})):
        content = read_yaml(data, name)
        for key, split in (("train", "train"), ("val", "valid"), ("test", "test")):
            value = content.get(key)
            for entry in value if isinstance(value, list) else [value]:
                path = PurePosixPath(entry if isinstance(entry, str) else "")
                if parts := [part for part in path.parts if part not in ("/", "..")]:
                    folders.append(("/".join(parts), split))
    return folders


def read_yaml(data: DataSet, name: str) -> dict[str, Any]:
    """A YAML file as plain values; {} if it is no dictionary."""
    content = load_yaml(read_text(data.archive, name), name)
    return content if isinstance(content, dict) else {}
