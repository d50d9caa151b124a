"""Read the arrays of .npy files, named as those in an .npz file are: images.npy and labels.npy, or more."""

from io import BytesIO

import numpy as np

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import ARCHIVE_ERRORS, Archive, archive_name, with_suffix
from stages.prepare_digits.arrays import Found, read_bytes, read_sets, role_of_file
from stages.prepare_digits.npz_files import NPY_ERRORS

TITLE = "arrays (.npy)"


def find(archive: Archive, names: list[str]) -> list[str]:
    return with_suffix(names, frozenset({".npy"}))


def read(archive: Archive, files: list[str]) -> Found:
    return read_sets(files, lambda name: load(archive, name), archive_name(archive), role_of_file)


def load(archive: Archive, name: str) -> np.ndarray:
    """The array of a file; one of objects, which would have to be unpickled, is refused."""
    where = f"{archive_name(archive)}: {name}"
    try:
        return np.lib.format.read_array(BytesIO(read_bytes(archive, name)), allow_pickle=False)
    except ARCHIVE_ERRORS as error:
        raise InputError(f"{where} cannot be read as an array: {error}") from None
    except NPY_ERRORS:
        raise InputError(
            f"{where} cannot be read as an array: its header is damaged, or asks for too much memory"
        ) from None
