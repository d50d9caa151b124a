"""Read the boxes of a COCO file of any size: JSON with `images`, `annotations` and `categories`.

The file is read twice, piece by piece: first for the images and categories, which may stand behind the
annotations, then for these.
"""

import math
from codecs import BOM_UTF8
from collections.abc import Iterator
from itertools import chain
from sys import intern
from typing import Any

import ijson
from ijson.backends import yajl2_c

from pipeline.runtime.errors import InputError, show
from pipeline.sources.archives import ARCHIVE_ERRORS, with_suffix
from stages.crop_masks.boxes import FARTHEST, Box, Corners, add_size
from stages.crop_masks.photographs import DataSet

TITLE = "COCO"
LISTS = ("images", "categories", "annotations")
# What is read of their objects; segmentations, by far the most of a file, are not kept.
FIELDS = {"id", "file_name", "width", "height", "name", "image_id", "category_id", "bbox", "iscrowd"}
NESTED = {1: "start_array", 2: "start_map"}  # what must stand at these depths
PIECE = 2**16  # bytes
LONGEST_TEXT = 16 * 2**20  # bytes


def find(data: DataSet) -> list[str]:
    """The JSON files that have images and annotations."""
    return [name for name in with_suffix(data.names, frozenset({".json"})) if _has_keys(data, name)]


def _has_keys(data: DataSet, name: str) -> bool:
    """Whether a file has the keys of COCO. They are searched for as text, so that a damaged file is found."""
    missing, end = {b'"images"', b'"annotations"'}, b""
    try:
        with data.archive.open(name) as file:
            while missing and (piece := file.read(2**20)):
                text = end + piece.replace(b"\0", b"")  # of UTF-16, which read() refuses
                missing = {key for key in missing if key not in text}
                end = text[-20:]
    except ARCHIVE_ERRORS as error:
        raise InputError(f"{data.source}: {name} cannot be read: {error}") from None
    return not missing


def read(data: DataSet, name: str) -> Iterator[Box]:
    """The boxes of one file; those of a crowd (iscrowd) are left out, images without any are noted."""
    listed: dict[str, dict[Any, dict[str, Any]]] = {"images": {}, "categories": {}}
    for key, number, item in _objects(data, name):
        if key in listed:
            _add(listed[key], item, f"{name}: the `id` of {key} {number}")
    images = listed["images"]
    labels = {key: _text(each, "name", name) for key, each in listed["categories"].items()}
    photographs: dict[Any, str] = {}
    ids: dict[str, Any] = {}  # of each photograph
    for key, image in images.items():
        with data.faults.gathered():
            photographs[key] = data.find(_text(image, "file_name", name), name, name)
            if (other := ids.setdefault(photographs[key], key)) != key:
                raise InputError(
                    f"{name}: the images with the `id` {show(other)} and {show(key)} are both "
                    f"{photographs[key]}; give each its own `file_name`, or all boxes one `image_id`"
                )
    named = set()
    sizes: dict[Any, Any] = {}  # each once, for all boxes to share
    for key, number, each in _objects(data, name):
        if key != "annotations":
            continue
        with data.faults.gathered():
            where = f"{name} object {number}"
            image = _known(images, each.get("image_id"), "image_id", where)
            label = _known(labels, each.get("category_id"), "category_id", where)
            if each.get("iscrowd"):
                data.faults.note("boxes of a crowd (iscrowd) are left out", where)
                continue
            named.add(each["image_id"])
            corners = _corners(each.get("bbox"), where)
            if photograph := photographs.get(each["image_id"]):  # else it is a fault already
                size = _size(image, where)
                yield Box("", photograph, label, name, corners, sizes.setdefault(size, size), number)
    data.empty |= {photograph for key, photograph in photographs.items() if key not in named}


def _objects(data: DataSet, name: str) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Each object of LISTS with the key of its list and its number there, as the file has them in turn.

    An object has the FIELDS that are there. Of a list in it the first five values are kept, and nothing of
    what is deeper.
    """
    found: set[str] = set()
    depth, key, field, number = 0, "", "", 0  # key and field are "" in what is not read
    item: dict[str, Any] = {}
    for event, value in chain.from_iterable(_events(data, name)):
        if event == "number" and not field and depth > 3:  # most of a file: segmentations
            continue
        if event == "map_key":
            if depth == 1:
                key, number = value if value in LISTS else "", 0
                if key and key in found:
                    raise InputError(f"{name} has `{key}` twice; leave one of them")
                found.add(key)
            elif depth == 3 and key:
                field = intern(value) if value in FIELDS else ""
                if field in item:
                    raise InputError(f"{name}: {key} {number} has `{field}` twice; leave one of them")
        elif event in ("end_map", "end_array"):
            depth -= 1
            if depth == 2 and key:
                yield key, number, item
                field = ""
        else:
            starts = event in ("start_map", "start_array")
            if starts:
                value = {} if event == "start_map" else []
            if depth == 0 and event != "start_map":
                keys = "`images`, `annotations` and `categories`"
                raise InputError(f"{name} is not a COCO file: it must hold {keys}")
            if key and event != NESTED.get(depth, event):
                raise InputError(_not_objects(name, key))
            if key and depth == 2:
                item, number = value, number + 1
            elif field and depth == 3:
                item[field] = value
            elif field and depth == 4 and isinstance(item[field], list) and len(item[field]) < 5:
                item[field].append(value)
            depth += starts
    for each in LISTS:
        if each not in found:
            raise InputError(_not_objects(name, each))


def _not_objects(name: str, key: str) -> str:
    return f"{name}: `{key}` must be a list of objects in braces"


def _events(data: DataSet, name: str) -> Iterator[list[tuple[str, Any]]]:
    """What the JSON parser yajl says of a file, for one piece of it after the other."""
    events = ijson.sendable_list()
    parser = yajl2_c.basic_parse_coro(events, use_float=True)
    silent = 0  # bytes since the last event
    try:
        with data.archive.open(name) as file:
            piece = file.read(PIECE).removeprefix(BOM_UTF8)
            while piece:
                if b"\0" in piece:
                    raise InputError(f"{name} is not UTF-8 but UTF-16, or damaged; save it as UTF-8")
                parser.send(piece)
                yield events
                silent = 0 if events else silent + len(piece)
                if silent > LONGEST_TEXT:
                    raise InputError(f"{name} holds a text of more than {LONGEST_TEXT // 2**20} MiB")
                events.clear()
                piece = file.read(PIECE)
        parser.close()
        yield events
    except ijson.JSONError as error:
        raise InputError(f"{name} is not valid JSON: {_explain(error)}") from None
    except ARCHIVE_ERRORS as error:
        raise InputError(f"{data.source}: {name} cannot be read: {error}") from None


def _explain(error: ijson.JSONError) -> str:
    """What is wrong and where, from yajl's lines: the fault, the text around it, and an arrow below."""
    (text,) = error.args
    lines = text if isinstance(text, str) else text.decode("utf-8", "replace")  # bytes that are not UTF-8
    fault, around, *_ = map(str.strip, lines.split("\n"))
    return fault.rstrip(".") + (f", near {show(around)}" if around else "")


def _add(found: dict[Any, dict[str, Any]], item: dict[str, Any], what: str) -> None:
    """Add an image or a category by its `id`; InputError if it has none, or that of another."""
    if type(item.get("id")) not in (int, str) or item["id"] in found:
        raise InputError(f"{what} is {show(item.get('id'))}; each needs its own")
    found[item["id"]] = item


def _known(items: dict[Any, Any], key: Any, what: str, where: str) -> Any:
    if type(key) not in (int, str) or key not in items:
        raise InputError(f"{where}: `{what}` is {show(key)}, which the file does not list")
    return items[key]


def _text(item: dict[str, Any], key: str, name: str) -> str:
    if not isinstance(item.get(key), str):
        raise InputError(f"{name}: `{key}` is {show(item.get(key))}; it must be text")
    return item[key].strip()


def _corners(bbox: Any, where: str) -> Corners:
    """xmin, ymin, xmax, ymax of a COCO box: left and upper edge, width, height."""
    numbers: list[Any] = bbox if isinstance(bbox, list) and len(bbox) == 4 else [None]
    if not all(
        type(each) in (int, float) and math.isfinite(each) and abs(each) <= FARTHEST for each in numbers
    ):
        raise InputError(f"{where}: `bbox` is {show(bbox)}; it must be [left, top, width, height] in pixels")
    left, top, width, height = numbers
    return add_size((left, top, width, height))


def _size(image: dict[str, Any], where: str) -> tuple[int, int] | None:
    """(width, height) of an image, None where it does not say."""
    width, height = image.get("width"), image.get("height")
    if (width, height) in ((None, None), (0, 0)):
        return None
    if type(width) is not int or type(height) is not int:
        raise InputError(
            f"{where}: width and height of its image are {show((width, height))}; they must be whole numbers"
        )
    return width, height
