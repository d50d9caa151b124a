"""Read the boxes of YOLO label files: a text file for each photograph, a line for each box.

A line is the number of a class, then the centre, width and height of its box as shares of the photograph's
width and height, or the corners of a polygon, of which the box around it is taken. The names of classes are
in data.yaml, classes.txt or a .names file; without them the numbers are the labels.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from pipeline.common.yaml_files import load_yaml
from pipeline.runtime.errors import InputError, show
from pipeline.sources.archives import read_text, with_suffix
from stages.crop_masks.boxes import Box, parse_number, to_corners
from stages.crop_masks.photographs import DataSet, normalise, stem

TITLE = "YOLO"
SNIFFED = 50  # files that are not empty, of which one must hold boxes
CENTRE = ("the centre's x", "the centre's y", "the width", "the height")
MOST_OUTSIDE = 0.5  # how far beyond the photograph a share may reach; more are pixels


def find(data: DataSet) -> list[str]:
    """The text files with the name of a photograph, if one of the first holds boxes."""
    texts = with_suffix(data.names, frozenset({".txt"}))
    found = [name for name in texts if normalise(stem(name)) in data.by_stem]
    starts = filter(None, (data.first_bytes(name, 2**10) for name in found))
    if not any(map(_holds_boxes, islice(starts, SNIFFED))):
        return []
    class_names(data)  # an error in them is raised here, once
    return found


def _holds_boxes(start: bytes) -> bool:
    words = start.partition(b"\n")[0].split()
    return (
        len(words) >= 5
        and all(word.replace(b".", b"").replace(b"-", b"").isalnum() for word in words)
        and words[0].isdigit()
    )


def read(data: DataSet, name: str) -> Iterator[Box]:
    """The boxes of one label file; an empty file is a photograph without faces."""
    labels = class_names(data)
    photograph = data.find_stem(name, name, name)
    try:
        lines = read_text(data.archive, name).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not UTF-8 text ({error.reason})") from None
    if not any(map(str.strip, lines)):
        data.empty.add(photograph)
    for number, line in enumerate(lines, start=1):
        with data.faults.gathered():
            if values := line.split():
                where = f"{name} line {number}"
                size = data.header(photograph, where).size
                corners = to_corners(_in_pixels(values[1:], size, where), where)
                label = labels.get(values[0], values[0])
                yield Box("", photograph, label, name, corners, None, number)


def _in_pixels(texts: list[str], size: tuple[int, int], where: str) -> list[float]:
    """xmin, ymin, xmax, ymax of a box or polygon."""
    if len(texts) != 4 and (len(texts) < 6 or len(texts) % 2):
        raise InputError(
            f"{where}: {len(texts)} numbers after the class; a box has 4, a polygon 6, 8 or more"
        )
    names = CENTRE if len(texts) == 4 else ["a corner"] * len(texts)
    values = [parse_number(text, name, where) for text, name in zip(texts, names, strict=True)]
    if min(values) < -MOST_OUTSIDE or max(values) > 1 + MOST_OUTSIDE:
        raise InputError(f"{where}: {show(texts)} are no shares of width and height, from 0 to 1")
    if len(values) == 4:
        x, y, width, height = values
        values = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    xs, ys = values[::2], values[1::2]
    return [min(xs) * size[0], min(ys) * size[1], max(xs) * size[0], max(ys) * size[1]]


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
    if "kpt_shape" in content:  # a line would have a box and then points, which looks like a polygon
        raise InputError(f"{name}: keypoints (kpt_shape) are not read; export the boxes without them")
    names = content.get("names")
    numbered = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(numbered, dict):
        return {}
    if not all(type(each) in (str, int) for each in (*numbered, *numbered.values())):
        raise InputError(f"{name}: `names` is {show(names)}; it must list the names of classes")
    return {str(number): str(label) for number, label in numbered.items()}


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
