"""Read the boxes of a COCO file: JSON with `images`, `annotations` and `categories`."""

import json
import math
from collections.abc import Iterator
from typing import Any

from pipeline.runtime.errors import InputError, show
from pipeline.sources.archives import ARCHIVE_ERRORS, read_text, with_suffix
from stages.crop_masks.boxes import FARTHEST, Box, Corners, add_size
from stages.crop_masks.photographs import DataSet

TITLE = "COCO"
LIMIT = 16 * 2**20  # bytes, some 80,000 boxes; as Python's values they take up to 25 times as much


def find(data: DataSet) -> list[str]:
    """The JSON files that have images and annotations."""
    return [name for name in with_suffix(data.names, frozenset({".json"})) if _has_keys(data, name)]


def _has_keys(data: DataSet, name: str) -> bool:
    """Whether a file has the keys of COCO, read piece by piece, since it may be of any size."""
    missing, end = {b'"images"', b'"annotations"'}, b""
    try:
        with data.archive.open(name) as file:
            while missing and (piece := file.read(2**20)):
                text = end + piece
                missing = {key for key in missing if key not in text}
                end = text[-20:]
    except ARCHIVE_ERRORS as error:
        raise InputError(f"{data.source}: {name} cannot be read: {error}") from None
    return not missing


def read(data: DataSet, name: str) -> Iterator[Box]:
    """The boxes of one file; those of a crowd (iscrowd) are left out, images without any are noted."""
    content = _parse(data, name)
    images = _by_id(content, "images", name)
    labels = {key: _text(each, "name", name) for key, each in _by_id(content, "categories", name).items()}
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
    for number, each in enumerate(_list(content, "annotations", name), start=1):
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
                yield Box("", photograph, label, name, corners, _size(image, where), number)
    data.empty |= {photograph for key, photograph in photographs.items() if key not in named}


def _parse(data: DataSet, name: str) -> dict[str, Any]:
    try:
        content = json.loads(read_text(data.archive, name, LIMIT))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not valid JSON: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{name} is not a COCO file: it must hold `images`, `annotations` and `categories`")
    return content


def _list(content: dict[str, Any], key: str, name: str) -> list[dict[str, Any]]:
    items = content.get(key)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise InputError(f"{name}: `{key}` must be a list of objects in braces")
    return items


def _by_id(content: dict[str, Any], key: str, name: str) -> dict[Any, dict[str, Any]]:
    """The items of a list by their `id`; InputError if one has none, or that of another."""
    items = _list(content, key, name)
    found: dict[Any, dict[str, Any]] = {}
    for number, item in enumerate(items, start=1):
        if type(item.get("id")) not in (int, str) or item["id"] in found:
            raise InputError(
                f"{name}: the `id` of {key} {number} is {show(item.get('id'))}; each needs its own"
            )
        found[item["id"]] = item
    return found


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
