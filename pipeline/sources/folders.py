"""Folders of unknown origin: list and pack what a source can be made of, or read it in place."""

import os
import re
import shutil
import zipfile
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import (
    PICTURES,
    Archive,
    Folder,
    brief,
    by_suffix,
    file_names,
    is_archive,
    is_data,
    open_archive,
    suffix,
)
from pipeline.sources.plain_zip import is_tar, most_bytes, new_entry, write_nested, write_tar

ARRAYS = frozenset({".csv", ".mat", ".npy", ".npz"})  # what can hold digits
# What is packed of a folder: pictures, arrays, annotations, lists; and IDX files, which may have no suffix.
PACKED = PICTURES | ARRAYS | {".gz", ".json", ".labels", ".names", ".txt", ".xml", ".yaml", ".yml"}
IDX = re.compile(r"(images|labels)[-._](idx\d?([-._](ubyte|int))?|ubyte)(\.gz)?$", re.IGNORECASE)


def open_source(path: Path, masks: bool = False) -> Archive:
    """A folder or archive to read from, with the files that fetching would take of it, for photographs with
    boxes or else for digits.
    """
    if path.is_file() and is_array(path.name) and not zipfile.is_zipfile(path):
        return Folder(path.parent, [path.name])
    if not path.is_dir():
        return _open_archive(path, masks)[0]
    names = list_folder(path)
    taken = [name for name in names if is_taken(name)]
    if names and not taken:
        raise InputError(f"{path} holds no file that is read, but {_say_instead(names)}")
    return Folder(path, taken)


def form_of(path: Path, masks: bool = False) -> str:
    """What an archive is that is not one plain zip: for example "a tar archive"; "" for all else."""
    if path.is_dir() or is_array(path.name):
        return ""
    archive, inner = _open_archive(path, masks)
    with archive, open(path, "rb") as file:
        form = "a tar archive" if is_tar(file) else "a zip archive" if inner else ""
    return f"{form} of archives: {brief(inner)}" if inner else form


def _open_archive(path: Path, masks: bool) -> tuple[zipfile.ZipFile, list[str]]:
    """An archive as one plain zip, and the archives in it that are read."""
    changed = path.stat().st_mtime_ns
    archive = open_archive(_as_zip(path, changed), path.name)
    if inner := find_inner(archive, masks):
        archive = open_archive(_as_one(path, changed, tuple(inner)), path.name)
    archive.filename = str(path)
    return archive, inner


@lru_cache(maxsize=1)
def _as_zip(path: Path, changed: int) -> Path | IO[bytes]:
    """An archive as a zip, in a temporary file if it is none, which is written once in each process.

    `changed` is the time of its last change. The file has no name, so that it is gone with the process.
    """
    with open(path, "rb") as file:
        written = TemporaryFile()  # noqa: SIM115
        if write_tar(file, path.name, written):
            return written
    if suffix(path.name) != ".zip" and not zipfile.is_zipfile(path):
        raise InputError(
            f"{path.name} is no archive; give a folder, a zip or tar archive, or arrays such as .npz"
        )
    return path


@lru_cache(maxsize=1)
def _as_one(path: Path, changed: int, inner: tuple[str, ...]) -> IO[bytes]:
    """The same of an archive with the archives in it."""
    written = TemporaryFile()  # noqa: SIM115
    with open_archive(_as_zip(path, changed), path.name) as archive, open(path, "rb") as file:
        write_nested(archive, inner, path.name, written, most_bytes(file), None)
    return written


def find_inner(archive: Archive, masks: bool) -> list[str]:
    """The archives in an archive that are read, of photographs with boxes or else of digits: all, unless
    pictures or arrays are beside them.
    """
    names = file_names(archive)
    beside = any(suffix(name) in PICTURES or not masks and is_array(name) for name in names)
    return [] if beside else list(filter(is_archive, names))


def is_array(name: str) -> bool:
    """Whether a file can hold digits in arrays, by its name."""
    return suffix(name.lower().removesuffix(".gz")) in ARRAYS or IDX.search(name) is not None


def is_single(name: str) -> bool:
    """Whether a file can hold digits by itself and is no archive, by its name."""
    return is_array(name) and suffix(name) != ".npz"


def is_taken(name: str) -> bool:
    """Whether a file can be a part of a source."""
    return suffix(name) in PACKED or IDX.search(name) is not None


def pack_folder(folder: Path, target: Path) -> str:
    """Zip the pictures, annotations and arrays beneath `folder` into `target`, names sorted, dates fixed.

    Returns the files that were left out, by suffix.
    """
    names = list_folder(folder)
    packed = [name for name in names if is_taken(name)]
    if not any(suffix(name) in PICTURES or is_array(name) for name in packed):
        raise InputError(f"{folder} holds no picture and no array, but {_say_instead(names)}")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in packed:
            entry = new_entry(name, (folder / name).stat().st_size)
            with open(folder / name, "rb") as file, archive.open(entry, "w") as written:
                shutil.copyfileobj(file, written)
    return by_suffix(sorted(set(names) - set(packed)))


def _say_instead(names: list[str]) -> str:
    """What a folder holds in place of data, and what to do about archives."""
    advice = "; unpack them, or give one archive of the folder" if any(map(is_archive, names)) else ""
    return (by_suffix(names) or "nothing") + advice


def list_folder(folder: Path) -> list[str]:
    """Sorted names, relative to `folder`, of the files beneath it that are data; links are followed.

    Raises InputError for a link that leads nowhere, or to a folder that has been listed, as in a circle.
    """
    names: list[str] = []
    seen: set[str] = set()
    for top, folders, files in os.walk(folder, onerror=_refuse, followlinks=True):
        seen.add(os.path.realpath(top))
        folders[:] = filter(is_data, folders)  # os.walk goes into these alone
        files = list(filter(is_data, files))
        for path in (os.path.join(top, name) for name in [*folders, *files]):
            if os.path.islink(path):
                _check_link(path, seen)
        below = "" if top == str(folder) else f"{os.path.relpath(top, folder)}/".replace(os.sep, "/")
        names += [below + name for name in files]
    for name in names:
        if any("\udc80" <= letter <= "\udcff" for letter in name):
            raise InputError(f"{folder} holds {os.fsencode(name)!r}, a name that is not UTF-8; rename it")
    return sorted(names)


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename} cannot be listed: {error.strerror}")


def _check_link(path: str, seen: set[str]) -> None:
    if not os.path.exists(path):
        raise InputError(f"{path} is a link to {os.readlink(path)}, which is not there; remove it")
    if os.path.isdir(path) and os.path.realpath(path) in seen:
        raise InputError(f"{path} is a link to {os.readlink(path)}, which is listed already; remove it")
