"""The source that a setting names: whether it is there, and whether a path of one's own has changed.

DVC does not watch the files that `data.digits` or `data.masks` names: it knows a copy, in data/raw/.
"""

import hashlib
import os
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import urlsplit

from pipeline.common.paths import SOURCE
from pipeline.common.storage import read_json
from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import did_you_mean
from pipeline.sources.catalogue import SYNTHETIC
from pipeline.sources.folders import is_taken, list_folder

PIECE = 2**20  # bytes that are read at once


class Wanted(NamedTuple):
    """The source that a setting names."""

    key: str  # data.digits or data.masks
    name: str  # synthetic, a name of the catalogue, an address or a path
    sha256: str | None  # the checksum that its file must have, if any


def own_path(name: str, catalogue: Collection[str]) -> Path | None:
    """The file or folder that a setting names, there or not; None if it names anything else."""
    if name == SYNTHETIC or name in catalogue or "://" in name:
        return None
    return Path(os.path.expanduser(name))


def file_name(name: str) -> str:
    """The name of the file at a path or address.

    >>> file_name("https://example.org/a/train.csv?download=1")
    'train.csv'
    """
    return PurePosixPath(urlsplit(name).path).name if "://" in name else Path(name).name


def without_password(text: str) -> str:
    """An address, or a text with addresses, as it may be shown.

    >>> without_password("https://me:secret@example.org/a.zip")
    'https://example.org/a.zip'
    """
    return re.sub("//[^/]*@", "//", text)


def check_wanted(wanted: Wanted, catalogue: Collection[str]) -> None:
    """Raise InputError for a name or path that is not there, or an address that cannot be downloaded."""
    path = own_path(wanted.name, catalogue)
    if path and not (os.path.isdir(path) or os.path.isfile(path)):
        raise InputError(f"{wanted.key} is {wanted.name}: {_why_missing(wanted.name, path, catalogue)}")
    if "://" in wanted.name and not wanted.name.startswith(("http://", "https://")):
        address = without_password(wanted.name)
        raise InputError(f"{wanted.key} is {address}: only http:// and https:// addresses are downloaded")


def _why_missing(name: str, path: Path, catalogue: Collection[str]) -> str:
    if "/" not in name:
        known = [SYNTHETIC, *catalogue]
        neither = f"neither a file or folder in {Path.cwd()} nor one of {', '.join(known)}"
        return neither + did_you_mean(name, known)
    if path.is_absolute():
        return "there is no such file or folder"
    return (
        f"there is no such file or folder in {Path.cwd()}; an experiment run in a folder of its own "
        "(dvc exp run --temp or --queue) needs an absolute path"
    )


def has_changed(path: Path, raw: Path) -> bool:
    """Whether a file or folder of one's own is not what the folder `raw` holds of it.

    Where either is missing there is nothing to compare. Of a folder names and sizes are compared first, then
    checksums.
    """
    if not (path.exists() and (raw / SOURCE).is_file()):
        return False
    source = read_json(raw / SOURCE)
    file = raw / source["file"]
    if not file.is_file():
        return False
    if path.is_file():
        with open(path, "rb") as own:
            return hashlib.file_digest(own, "sha256").hexdigest() != source["sha256"]
    if not zipfile.is_zipfile(file):  # of a file that was fetched before
        return True
    with zipfile.ZipFile(file) as archive:
        fetched = {member.filename: member for member in archive.infolist()}
    names = list(filter(is_taken, list_folder(path)))
    return names != sorted(fetched) or any(
        (path / name).stat().st_size != fetched[name].file_size or checksum(path / name) != fetched[name].CRC
        for name in names
    )


def checksum(path: Path) -> int:
    """The CRC-32 of a file, as a zip archive records it."""
    crc = 0
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            crc = zlib.crc32(piece, crc)
    return crc


@contextmanager
def saying_how_to_fetch(stage: str, raw: Path) -> Iterator[None]:
    """Have an InputError about data of one's own end with the command that fetches them again."""
    try:
        yield
    except InputError as error:
        if not (raw / SOURCE).is_file() or read_json(raw / SOURCE)["source"] != "own":
            raise
        raise InputError(
            *error.lines,
            f"after a change of your data, which DVC does not watch: dvc repro --force {stage}, then go on",
        ) from None
