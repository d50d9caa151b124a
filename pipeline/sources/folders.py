"""Folders of unknown origin: list and pack what a source can be made of, or read it in place."""

import os
import re
import shutil
import stat
import zipfile
from pathlib import Path

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import PICTURES, Archive, Folder, by_suffix, is_data, open_archive, suffix

# What is packed of a folder: pictures, arrays, annotations, lists; and IDX files, which may have no suffix.
PACKED = PICTURES | {".csv", ".gz", ".json", ".labels", ".names", ".npz", ".txt", ".xml", ".yaml", ".yml"}
IDX = re.compile(r"(images|labels)[-.]idx\d-ubyte(\.gz)?$")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date of a zip, so that equal folders are equal bytes


def open_source(path: Path) -> Archive:
    """A folder or archive to read from, with the files that fetching would take of it."""
    if not path.is_dir():
        if suffix(path.name) != ".zip" and not zipfile.is_zipfile(path):
            given = f"{path.name} is not a zip archive; give a folder, a .zip or an .npz file"
            raise InputError(given + advise([path.name]))
        return open_archive(path, path.name)
    names = list_folder(path)
    taken = [name for name in names if is_taken(name)]
    if names and not taken:
        raise InputError(f"{path} holds no file that is read, but {by_suffix(names)}{advise(names)}")
    return Folder(path, taken)


def advise(names: list[str]) -> str:
    """What to do with arrays that are not read, if there are any."""
    if not any(suffix(name) == ".npy" for name in names):
        return ""
    return (
        "; .npy files are not read: put images and labels into one file by "
        "numpy.savez('digits.npz', image=images, label=labels)"
    )


def is_taken(name: str) -> bool:
    """Whether a file can be a part of a source."""
    return suffix(name) in PACKED or IDX.search(name) is not None


def pack_folder(folder: Path, target: Path) -> str:
    """Zip the pictures, annotations and arrays beneath `folder` into `target`, names sorted, dates fixed.

    Returns the files that were left out, by suffix.
    """
    names = list_folder(folder)
    packed = [name for name in names if is_taken(name)]
    if not any(suffix(name) in PICTURES | {".npz"} or IDX.search(name) for name in packed):
        there = by_suffix(names) or "nothing"
        raise InputError(f"{folder} holds no picture and no array, but {there}{advise(names)}")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in packed:
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            # Without the size, zipfile adds fields that differ between releases of Python.
            entry.file_size = (folder / name).stat().st_size
            with open(folder / name, "rb") as file, archive.open(entry, "w") as written:
                shutil.copyfileobj(file, written)
    return by_suffix(sorted(set(names) - set(packed)))


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
