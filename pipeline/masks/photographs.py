"""Find the photograph that an annotation names."""

import zipfile
from collections import defaultdict
from pathlib import PurePosixPath

from pipeline.common.settings import InputError
from pipeline.sources.archives import PICTURES, file_names


class Photographs:
    """The photographs of an archive, by the names that annotations have for them."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.by_name: dict[str, list[str]] = defaultdict(list)
        self.by_stem: dict[str, list[str]] = defaultdict(list)
        for member in file_names(archive, PICTURES):
            self.by_name[_file_name(member)].append(member)
            self.by_stem[PurePosixPath(member).stem].append(member)

    def find(self, name: str, annotation: str, where: str) -> str:
        """The photograph with that file name, in any folder; of several, the one beside the annotation."""
        return _choose(self.by_name[_file_name(name)], name, annotation, where)

    def find_voc(self, name: str, annotation: str) -> str:
        """The same, or else the photograph that has the annotation's own name up to the suffix."""
        stem = PurePosixPath(annotation).stem
        found = self.by_name[_file_name(name)] or self.by_stem[stem]
        return _choose(found, name or stem, annotation, annotation)


def _file_name(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name


def _choose(found: list[str], name: str, annotation: str, where: str) -> str:
    folder = PurePosixPath(annotation).parent
    found = [member for member in found if PurePosixPath(member).parent == folder] or found
    if not found:
        raise InputError(f"{where}: there is no photograph {name!r} in the archive")
    if len(found) > 1:
        raise InputError(f"{where}: {name!r} could be any of {', '.join(found)}")
    return found[0]
