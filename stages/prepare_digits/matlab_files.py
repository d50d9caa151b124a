"""Read the arrays of MATLAB's .mat files, as scikit-learn had MNIST and as SVHN is published.

Their format is MATLAB's level 5. SciPy's loadmat is not used: a damaged file can end the process (SIGSEGV).
"""

import struct
import zlib
from collections.abc import Iterator
from itertools import islice

import numpy as np

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import MEMBER_LIMIT, Archive, archive_name, with_suffix
from stages.prepare_digits.arrays import (
    SMALLEST_SIDE,
    Found,
    choose_one_for_each_split,
    is_square,
    join_files,
    read_bytes,
    read_sets,
    role_of,
)

TITLE = "arrays (.mat)"
HEADER = 128  # bytes, of which the last four have the version and the order of bytes
ORDERS = {b"IM": "<", b"MI": ">"}
HDF5 = (b"MATLAB 7.3", b"\x89HDF")  # begins a file of MATLAB 7.3
MATRIX, PACKED = 14, 15  # types of an element: an array, and one that is compressed
TYPES = {  # of values
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}  # fmt: skip
NUMBERS = range(6, 16)  # classes of arrays; the others are cells, structures, text and so on
COMPLEX = 0x800  # a flag beside the class


def find(archive: Archive, names: list[str]) -> list[str]:
    return with_suffix(names, frozenset({".mat"}))


def read(archive: Archive, files: list[str]) -> Found:
    """The sets of one file, or of one for each set of a split."""
    splits = choose_one_for_each_split(files, archive_name(archive))
    return join_files({name: read_mat(archive, name) for name in splits}, splits)


def read_mat(archive: Archive, name: str) -> Found:
    """The sets in a file. The samples may be the last dimension of its images, and ten be the label of 0."""
    where = f"{archive_name(archive)}: {name}"
    arrays = load(read_bytes(archive, name), where)
    labels = {role_of(key)[0]: key for key in arrays if role_of(key)[1] == "labels"}
    for key in labels.values():
        arrays[key] = arrays[key].reshape(-1) if 1 in arrays[key].shape else arrays[key]
    notes = []
    for key in [key for key in arrays if role_of(key)[1] == "images"]:
        array, beside = arrays[key], labels.get(role_of(key)[0])
        arrays[key] = samples_first(array, len(arrays[beside]) if beside else None)
        if beside and array.ndim == 4 and np.unique(arrays[beside]).tolist() == list(range(1, 11)):
            arrays[beside] = arrays[beside] % 10
            notes.append(f"the label 10 of {beside} was taken for 0, as in SVHN")
    found = read_sets(arrays, arrays.__getitem__, where)
    return found._replace(notes=[*notes, *found.notes])


def samples_first(images: np.ndarray, samples: int | None) -> np.ndarray:
    """Images as (n, ...). Where there are no labels to count, pictures are the last dimension, as MATLAB has
    it, and rows of pixels the one that is square.
    """
    if images.ndim < 2:
        return images
    first, last = images.shape[0], images.shape[-1]
    if samples is None:
        turned = images.ndim > 2 or (first >= SMALLEST_SIDE**2 and is_square(first) and not is_square(last))
    else:
        turned = last == samples != first
    return np.moveaxis(images, -1, 0) if turned else images


def load(data: bytes, where: str) -> dict[str, np.ndarray]:
    """The arrays of numbers in a file whose names are those of images or labels."""
    order = ORDERS.get(data[HEADER - 2 : HEADER])
    if order is None or data.startswith(HDF5):
        raise InputError(
            f"{where} is no .mat file of MATLAB 5 to 7 (one of 7.3 is HDF5); save it with save('digits.mat', "
            "'-v7'), or as .npz"
        )
    try:
        arrays = dict(read_array(body, order) for body in matrices(memoryview(data)[HEADER:], order))
    except (ValueError, struct.error, zlib.error) as error:
        raise InputError(f"{where} cannot be read as a .mat file: {error}") from None
    found = {name: array for name, array in arrays.items() if array is not None and role_of(name)[1]}
    if not found:
        raise InputError(
            f"{where} holds no arrays of numbers named like data and label, or X and y; it holds "
            f"{', '.join(arrays) or 'nothing'}"
        )
    return found


def matrices(data: memoryview, order: str) -> Iterator[memoryview]:
    """The content of each array, unpacked."""
    unpacked = 0
    for kind, content in elements(data, order):
        if kind == PACKED:
            whole = zlib.decompressobj().decompress(content, MEMBER_LIMIT + 1 - unpacked)
            unpacked += len(whole)
            if unpacked > MEMBER_LIMIT:
                raise ValueError(f"it unpacks to more than {MEMBER_LIMIT // 2**20} MiB")
            kind, content = next(elements(memoryview(whole), order), (0, content))
        if kind == MATRIX:
            yield content


def elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """The type and content of each element, whose tag of 8 bytes has type and length, and content of up to
    4 bytes too.
    """
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}2I", data, at)
        start, end = at + 8, at + 8 + size + (-size % 8 if kind != PACKED else 0)
        if kind >> 16:
            kind, size, start, end = kind & 0xFFFF, kind >> 16, at + 4, at + 8
        if start + size > len(data):
            raise ValueError("it is cut, or an element states a wrong length")
        yield kind, data[start : start + size]
        at = end


def read_array(content: memoryview, order: str) -> tuple[str, np.ndarray | None]:
    """The name of an array, and its values if they are real numbers."""
    parts = list(islice(elements(content, order), 4))  # flags, shape, name, values
    if len(parts) < 3:
        raise ValueError("an array has no name")
    (flags,) = struct.unpack_from(f"{order}I", parts[0][1])
    name = bytes(parts[2][1]).decode("latin-1")
    if flags & 0xFF not in NUMBERS or flags & COMPLEX or len(parts) < 4:
        return name, None
    kind, values = parts[3]
    if kind not in TYPES:
        raise ValueError(f"{name} has values of the unknown type {kind}")
    shape = np.frombuffer(parts[1][1], f"{order}i4")
    return name, np.frombuffer(values, order + TYPES[kind]).reshape(shape, order="F")
