"""JSON annotations other than COCO: of which kind a file is, and its values, each checked as it is taken."""

import json
import re
from functools import lru_cache
from typing import Any

from pipeline.runtime.errors import InputError, show
from pipeline.sources.archives import ARCHIVE_ERRORS, read_text, with_suffix
from stages.crop_masks.boxes import FARTHEST
from stages.crop_masks.photographs import DataSet

# How a file of each kind begins, and keys that it has, of any depth and in any order.
KINDS = (
    ("via", b"{", (b'"_via_img_metadata"',)),
    ("via", b"{", (b'"regions"', b'"shape_attributes"')),
    ("labelme", b"{", (b'"shapes"', b'"imagePath"')),
    ("createml", b"[", (b'"annotation', b'"coordinates"', b'"label"')),
)
PIECE = 2**20  # bytes
LONGEST_KEY = 32
LARGEST = 128 * 2**20  # bytes, with the photograph that LabelMe writes into its file
LIMIT = 16 * 2**20  # bytes without it; as Python's values they take up to 25 times as much
PHOTOGRAPH = re.compile(rb'("imageData"|"base64_img_data")\s*:\s*"[^"\\]*"')


def of_kind(data: DataSet, kind: str) -> list[str]:
    """The files of a kind."""
    return [name for name, found in _kinds(data).items() if found == kind]


@lru_cache(maxsize=1)
def _kinds(data: DataSet) -> dict[str, str]:
    """The kind of each JSON file, "" where it is none of KINDS."""
    return {name: _kind(data, name) for name in with_suffix(data.names, frozenset({".json"}))}


def _kind(data: DataSet, name: str) -> str:
    """The kind of a file, read piece by piece, since it may be of any size."""
    missing: dict[int, set[bytes]] | None = None  # the keys of each kind that were not there yet
    end = b""
    try:
        with data.archive.open(name) as file:
            while piece := file.read(PIECE):
                if missing is None:
                    first = piece.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
                    missing = {at: set(keys) for at, (_, begin, keys) in enumerate(KINDS) if begin == first}
                text = end + piece
                for at, keys in missing.items():
                    keys -= {key for key in keys if key in text}
                    if not keys:
                        return KINDS[at][0]
                end = text[-LONGEST_KEY:]
    except ARCHIVE_ERRORS as error:
        raise InputError(f"{data.source}: {name} cannot be read: {error}") from None
    return ""


def parse(data: DataSet, name: str) -> Any:
    """The content of a file, without a photograph that is written into it."""
    content = PHOTOGRAPH.sub(rb"\1: null", read_text(data.archive, name, LARGEST))
    if len(content) > LIMIT:
        raise InputError(f"{name} is larger than {LIMIT // 2**20} MiB")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not valid JSON: {error}") from None


def take_object(value: Any, what: str, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: `{what}` is {show(value)}; it must be an object in braces")
    return value


def take_objects(value: Any, what: str, where: str) -> list[dict[str, Any]]:
    """The objects of a list, or of an object by any keys."""
    items = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise InputError(f"{where}: `{what}` is {show(value)}; it must be a list of objects in braces")
    return items


def take_text(value: Any, what: str, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}: `{what}` is {show(value)}; it must be text")
    return value.strip()


def take_number(value: Any, what: str, where: str) -> float:
    if type(value) not in (int, float) or not abs(value) <= FARTHEST:  # NaN is not
        raise InputError(f"{where}: `{what}` is {show(value)}; it must be a number of pixels")
    return value
