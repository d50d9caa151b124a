"""A data set of photographs with boxes: which photograph an annotation names, and how its boxes lie on it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from os.path import splitext
from pathlib import PurePosixPath
from typing import Any
from unicodedata import normalize
from urllib.parse import unquote

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import (
    ARCHIVE_ERRORS,
    PICTURES,
    Archive,
    archive_name,
    file_names,
    with_suffix,
)
from pipeline.sources.orientation import Header, read_header
from stages.crop_masks.boxes import Box, Corners, bounds, by_photograph, clip, to_area
from stages.crop_masks.faults import Faults, InvalidBox

AS_SAID = "photographs have an EXIF rotation, and their boxes fit it as turned"
BY_SIZE = "photographs have an EXIF rotation, and their boxes fit the pixels as stored, by width and height"
UNKNOWN = (
    "photographs have an EXIF rotation and no width and height that could tell, so their boxes are taken to "
    "be on the photograph as turned"
)


class DataSet:
    """An archive or folder, its photographs, what was found wrong in it, and which of its files were read."""

    def __init__(self, archive: Archive, skip_invalid: bool = False) -> None:
        self.archive = archive
        self.source = archive_name(archive)  # what errors call it
        self.names = file_names(archive)
        self.photographs = with_suffix(self.names, PICTURES)
        self.faults = Faults(skip_invalid)
        self.empty: set[str] = set()  # photographs that an annotation names and gives no box, or no box alone
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

        Upper and lower case, composed and decomposed letters, and letters encoded as in URLs are the same
        unless both are there. Of several photographs in different folders it is the one with the path as
        given, or else the nearest one to the annotation.
        """
        found = self.by_name.get(normalise(file_name(given)), [])
        return choose(found, file_name, given, annotation, where)

    def find_once(self, given: str, annotation: str, where: str, entries: dict[str, str]) -> str:
        """The same for an entry of a file, at `where`, that must be the only one of its photograph; `entries`
        are those before it, by photograph.
        """
        found = self.find(given, annotation, where)
        if (other := entries.setdefault(found, where)) != where:
            raise InputError(f"{where}: its photograph {found} is that of {other} too; remove one of them")
        return found

    def find_of_one(self, annotation: str, given: str, said: str) -> str | None:
        """The photograph of an annotation that is of one alone: the one that it names, or else the one that
        has its own name. None if there is neither. `said` begins the note that it names another one.
        """
        own = normalise(stem(annotation))
        if given and normalise(file_name(given)) in self.by_name:
            found = self.find(given, annotation, annotation)
            if normalise(stem(found)) != own and own in self.by_stem:
                self.faults.note(said, f"{annotation}, taken to be of {found}")
            return found
        return self.find_stem(annotation) if own in self.by_stem else None

    def find_stem(self, annotation: str) -> str:
        """The photograph with the name of its annotation, but for the suffix."""
        found = self.by_stem.get(normalise(stem(annotation)), [])
        return choose(found, stem, annotation, annotation, annotation)

    def leave_out(self, photograph: str, kind: str, where: str) -> None:
        """Count a shape on a photograph that is no box."""
        self.empty.add(photograph)
        self.faults.note("shapes are no rectangles or polygons, and are left out", f"{where}, {kind}")

    def bounds_of_polygon(self, points: list[tuple[float, float]], where: str) -> Corners:
        """The box around a polygon, which is counted."""
        self.faults.note("shapes are polygons, of which the box around is taken", where)
        return bounds(points)

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
    """A name without what file systems and tools change in it: case, how letters are composed, and %20."""
    return normalize("NFC", unquote(name)).casefold()


def _group(names: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[normalise(key(name))].append(name)
    return dict(groups)


def choose(found: list[str], part: Callable[[str], str], given: str, annotation: str, where: str) -> str:
    """The one photograph of `found` that `given` can mean; InputError if there is none, or several.

    `part` is the part of a path by which they were found.
    """
    if not found:
        raise InputError(f"{where}: there is no photograph {given!r} in the archive")
    if len(found) > 1:
        found = _best(found, [part(name) == part(given) for name in found])
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


def place(boxes: list[Box], data: DataSet, shares: bool) -> list[Box]:
    """The boxes that lie on their photographs, in whole pixels, each with `turned`; `shares` says that their
    corners are shares of width and height. Others are faults, or are skipped. `boxes` is emptied, since a
    million of them and as many placed ones are much memory.
    """
    placed: list[Box] = []
    groups = by_photograph(boxes)[::-1]
    boxes.clear()
    while groups:
        group = groups.pop()
        with data.faults.gathered():
            header = data.header(group[0].photograph, group[0].where)
            sizes = {box.size for box in group}
            turned = is_turned(header, sizes)
            size = header.turned_size if turned else header.size
            before = len(placed)
            for box in group:
                with data.faults.gathered():
                    check_size(box, size)
                    corners = scale(box.corners, size) if shares else box.corners
                    box = box._replace(corners=to_area(corners, box.where), turned=turned)
                    check_inside(box, size)
                    placed.append(box)
            if header.orientation and len(placed) > before:
                data.faults.note(how_taken(header, turned, sizes), group[0].photograph)
    return placed


def is_turned(header: Header, sizes: set[tuple[int, int] | None]) -> bool:
    """Whether the boxes of a photograph were drawn on it turned as its EXIF says.

    `sizes` are the widths and heights that its annotations state: they were not if one is that of the pixels
    as stored, and not of the turned photograph.
    """
    return header.orientation is not None and (header.size == header.turned_size or header.size not in sizes)


def scale(corners: Corners, size: tuple[int, int]) -> Corners:
    """Corners in pixels from shares of (width, height)."""
    width, height = size
    xmin, ymin, xmax, ymax = corners
    return xmin * width, ymin * height, xmax * width, ymax * height


def check_size(box: Box, size: tuple[int, int]) -> None:
    """Raise InputError unless the annotation states this (width, height) of its photograph, or none."""
    if box.size not in (None, size):
        raise InputError(
            f"{box.where}: width and height are {box.size}, but {box.photograph} has {size}; "
            "are these boxes of another photograph, or of a scaled one?"
        )


def check_inside(box: Box, size: tuple[int, int]) -> None:
    """Raise InvalidBox unless a part of the box is within a photograph of this (width, height)."""
    if clip(box.corners, *size) is None:
        raise InvalidBox(f"{box.where}: the box {box.corners} lies outside of {box.photograph}, {size}")


def how_taken(header: Header, turned: bool, sizes: set[tuple[int, int] | None]) -> str:
    """How the boxes of a photograph with an EXIF rotation are taken; `sizes` as in is_turned()."""
    if not turned:
        return BY_SIZE
    return AS_SAID if sizes != {None} and header.size != header.turned_size else UNKNOWN
