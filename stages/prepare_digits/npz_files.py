"""Read the arrays of .npz files."""

import tokenize
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib.npyio import NpzFile

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import ARCHIVE_ERRORS, Archive, archive_name, open_archive, with_suffix
from stages.prepare_digits.arrays import (
    Found,
    choose_one_for_each_split,
    join_files,
    read_bytes,
    read_sets,
    role_of_file,
)

TITLE = "arrays (.npz)"
# What NumPy raises for an array whose header is damaged, or asks for more than memory holds.
NPY_ERRORS = (MemoryError, OverflowError, SyntaxError, TypeError, tokenize.TokenError)


def find(archive: Archive, names: list[str]) -> list[str]:
    return with_suffix(names, frozenset({".npz"}))


def read(archive: Archive, files: list[str]) -> Found:
    """The sets of one file; of one for each set of a split; or of files of one array each, as Kuzushiji-49
    has them.
    """
    source = archive_name(archive)
    if len(files) > 1 and all(len(keys_of(archive, name)) == 1 for name in files):
        return read_sets(files, lambda name: load_only(archive, name), source, role_of_file)
    splits = choose_one_for_each_split(files, source)
    found = {name: read_npz(BytesIO(read_bytes(archive, name)), f"{source}: {name}") for name in splits}
    return join_files(found, splits)


def read_path(path: Path) -> Found:
    with open(path, "rb") as file:
        return read_npz(file, path.name)


def read_npz(file: IO[bytes], name: str) -> Found:
    """The sets in one file; `name` is what errors call it."""
    open_archive(file, name).close()
    with NpzFile(file, allow_pickle=False) as npz:
        return read_sets(npz, lambda key: load(npz, key, name), name)


def keys_of(archive: Archive, name: str) -> list[str]:
    with open_archive(BytesIO(read_bytes(archive, name)), f"{archive_name(archive)}: {name}") as npz:
        return npz.namelist()


def load_only(archive: Archive, name: str) -> np.ndarray:
    """The only array of a file."""
    with NpzFile(BytesIO(read_bytes(archive, name)), allow_pickle=False) as npz:
        return load(npz, npz.files[0], f"{archive_name(archive)}: {name}")


def load(npz: NpzFile, key: str, name: str) -> np.ndarray:
    try:
        # Objects would have to be unpickled, which can run any code: numpy refuses with a ValueError.
        array = npz[key]
    except ARCHIVE_ERRORS as error:
        raise InputError(f"{name}: {key!r} cannot be read: {error}") from None
    except NPY_ERRORS:
        raise InputError(
            f"{name}: {key!r} cannot be read: its header is damaged, or asks for too much memory"
        ) from None
    if not isinstance(array, np.ndarray):  # what numpy gives for a member that is no .npy file
        raise InputError(f"{name}: {key!r} is not an array")
    return array
