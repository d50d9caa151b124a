"""A data set of photographs with boxes: which photograph an annotation names, and how its boxes lie on it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from os.path import splitext
from pathlib import PurePosixPath
from typing import Any
from unicodedata import normalize

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import (
    ARCHIVE_ERRORS,
    PICTURES,
    Archive,
    archive_name,
    file_names,
    with_suffix,
)
from pipeline.sources.orientation import AS_STORED, QUARTER_TURNS, Header, read_header
from stages.crop_masks.boxes import Box, by_photograph, clip
from stages.crop_masks.faults import Faults, InvalidBox

AS_SAID = "photographs have an EXIF rotation, and their boxes fit it as turned"
BY_SIZE = "photographs have an EXIF rotation, and their boxes fit the pixels as stored, by width and height"
UNKNOWN = (
    "photographs have an EXIF rotation and no width and height that could tell, so their boxes are taken to "
    "be on the pixels as stored"
)


class DataSet:
    """An archive or folder, its photographs, what was found wrong in it, and which of its files were read."""

    def __init__(self, archive: Archive, skip_invalid: bool = False) -> None:
        self.archive = archive
        self.source = archive_name(archive)  # what errors call it
        self.names = file_names(archive)
        self.photographs = with_suffix(self.names, PICTURES)
        self.faults = Faults(skip_invalid)
        self.empty: set[str] = set()  # photographs that an annotation names and gives no box
        self.helpers: set[str] = set()  # files of class names and of lists that were read
        self.headers: dict[str, Header] = {}

    @cached_property
    def by_name(self) -> dict[str, list[str]]:
        """The photographs of each file name, normalised."""
        return _group(self.photographs, file_name)

    @cached_property
    def by_stem(self) -> dict[str, list[str]]:
        """The same by file name up to its suffix."""
        return _group(self.photographs, stem)

    def find(self, given: str, annotation: str, where: str) -> str:
        """The photograph that an annotation means by `given`, a file name or a path.

        Upper and lower case, and composed and decomposed letters, are the same unless both are there. Of
        several photographs in different folders it is the one with the path as given, or else the nearest
        one to the annotation.
        """
        return choose(self.by_name.get(normalise(file_name(given)), []), given, annotation, where)

    def find_stem(self, given: str, annotation: str, where: str) -> str:
        """The same for a name whose suffix does not count."""
        return choose(self.by_stem.get(normalise(stem(given)), []), given, annotation, where)

    def header(self, photograph: str, where: str) -> Header:
        """Size and orientation of a photograph, read once; `where` begins the InputError if it has none."""
        if photograph not in self.headers:
            self.headers[photograph] = read_header(self.archive, photograph, f"{where}: {photograph}")
        return self.headers[photograph]

    def first_bytes(self, name: str, count: int) -> bytes:
        """The beginning of a file; InputError if the archive is damaged there."""
        try:
            with self.archive.open(name) as file:
                return file.read(count)
        except ARCHIVE_ERRORS as error:
            raise InputError(f"{self.source}: {name} cannot be read: {error}") from None


def file_name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def stem(path: str) -> str:
    return splitext(file_name(path))[0]


def normalise(name: str) -> str:
    """A name without what file systems and tools change in it: case, and how letters are composed."""
    return normalize("NFC", name).casefold()


def _group(names: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[normalise(key(name))].append(name)
    return dict(groups)


def choose(found: list[str], given: str, annotation: str, where: str) -> str:
    """The one photograph of `found` that `given` can mean; InputError if there is none, or several."""
    if not found:
        raise InputError(f"{where}: there is no photograph {given!r} in the archive")
    if len(found) > 1:
        found = _best(found, [file_name(name) == file_name(given) for name in found])
        found = _best(found, [_common(parts(name)[::-1], parts(given)[::-1]) for name in found])
        found = _best(found, [_nearness(name, annotation) for name in found])
    if len(found) > 1:
        raise InputError(f"{where}: {given!r} could be any of {', '.join(found[:5])}")
    return found[0]


def parts(path: str) -> tuple[str, ...]:
    return PurePosixPath(normalise(path.replace("\\", "/"))).parts


def _best(found: list[str], scores: Sequence[Any]) -> list[str]:
    """Those with the highest score."""
    return [name for name, score in zip(found, scores, strict=True) if score == max(scores)]


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How many parts two paths have in common before they differ."""
    same = [a == b for a, b in zip(one, other, strict=False)]
    return same.index(False) if False in same else len(same)


def _nearness(name: str, annotation: str) -> tuple[int, int]:
    """Folders in common from the top, then folders of one name, as images/train and labels/train have."""
    one, other = parts(name)[:-1], parts(annotation)[:-1]
    return _common(one, other), len(set(one) & set(other))


def place(boxes: list[Box], data: DataSet) -> list[Box]:
    """The boxes that lie on their photographs, each with `turned`. Others are faults, or are skipped."""
    placed: list[Box] = []
    for group in by_photograph(boxes):
        with data.faults.gathered():
            header = data.header(group[0].photograph, group[0].where)
            before = len(placed)
            for box in group:
                with data.faults.gathered():
                    turned = is_turned(header, box)
                    check_inside(box, header.size[::-1] if turned else header.size)
                    placed.append(box._replace(turned=turned))
            if header.orientation not in AS_STORED and len(placed) > before:
                data.faults.note(how_taken(placed[before], header.orientation), group[0].photograph)
    return placed


def is_turned(header: Header, box: Box) -> bool:
    """Whether the box was drawn on the photograph turned as its EXIF says.

    The width and height that the annotation states tell; InputError if they fit in no way. A box without them
    is taken to be on the photograph as stored. A photograph that is upside down exchanges neither.
    """
    if box.size is None or box.size == header.size:
        return False
    if header.orientation in QUARTER_TURNS and box.size == header.size[::-1]:
        return True
    raise InputError(
        f"{box.where}: width and height are {box.size}, but {box.photograph} has {header.size}; "
        "are these boxes of another photograph, or of a scaled one?"
    )


def check_inside(box: Box, size: tuple[int, int]) -> None:
    """Raise InvalidBox unless a part of the box is within a photograph of this (width, height)."""
    if clip(box.corners, *size) is None:
        raise InvalidBox(f"{box.where}: the box {box.corners} lies outside of {box.photograph}, {size}")


def how_taken(box: Box, orientation: int | None) -> str:
    """How the boxes of a photograph with an EXIF rotation are taken."""
    if box.turned:
        return AS_SAID
    return BY_SIZE if box.size and orientation in QUARTER_TURNS else UNKNOWN
