"""The photographs of a data set: which one an annotation names, its size and its EXIF orientation."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from os.path import splitext
from pathlib import PurePosixPath
from typing import Any
from unicodedata import normalize

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import PICTURES, Archive, with_suffix
from pipeline.sources.orientation import Header, read_header


class Photographs:
    """The photographs among the files `names` of an archive."""

    def __init__(self, archive: Archive, names: list[str]) -> None:
        self.archive = archive
        self.names = with_suffix(names, PICTURES)
        self.headers: dict[str, Header] = {}

    @cached_property
    def by_name(self) -> dict[str, list[str]]:
        """The photographs of each file name, normalised."""
        return _group(self.names, file_name)

    @cached_property
    def by_stem(self) -> dict[str, list[str]]:
        """The same by file name up to its suffix."""
        return _group(self.names, stem)

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

    def header(self, name: str, where: str) -> Header:
        """Size and orientation of a photograph, read once; `where` begins the InputError if it has none."""
        if name not in self.headers:
            self.headers[name] = read_header(self.archive, name, f"{where}: {name}")
        return self.headers[name]


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
