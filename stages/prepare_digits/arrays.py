"""Read digits from arrays: .npz files with any of three sets of keys, and the IDX files of MNIST."""

import contextlib
import gzip
import math
import tokenize
import zlib
from io import BytesIO
from typing import IO

import numpy as np
from numpy.lib.npyio import NpzFile

from pipeline.common.classes import DIGIT_CLASSES
from pipeline.common.digits import SIDE, Digits
from pipeline.runtime.errors import InputError
from pipeline.sources.archives import (
    ARCHIVE_ERRORS,
    MEMBER_LIMIT,
    Archive,
    archive_name,
    open_archive,
    read_file,
)
from pipeline.sources.folders import IDX
from pipeline.sources.splits import split_of_file

LARGEST_SIDE = 1024  # pixels of an image in an array
SLACK = 0.1  # beyond black and white; images from 0 to 1 that were scaled or turned have such values
# The keys of images and labels that an .npz file can have, by split: ours, Keras's, and those of MedMNIST.
KEYS = (
    {"": ("image", "label")},
    {"train": ("x_train", "y_train"), "test": ("x_test", "y_test")},
    {split: (f"{key}_images", f"{key}_labels") for split, key in
     (("train", "train"), ("valid", "val"), ("test", "test"))},
)  # fmt: skip
SHEETS = "sheet"  # beside `image` and `label`: the number of the sheet of paper that each was cut from
IDX_TYPES = {8: np.dtype(np.uint8), 9: np.dtype(np.int8)}
# What NumPy raises for an array whose header is damaged, or asks for more than memory holds.
NPY_ERRORS = (MemoryError, OverflowError, SyntaxError, TypeError, tokenize.TokenError)


def read_npz(file: IO[bytes], name: str) -> dict[str, Digits]:
    """The digits of an .npz file by split, in their own size; `name` is what errors call it."""
    open_archive(file, name).close()
    with NpzFile(file, allow_pickle=False) as npz:
        # The keys of which the file has most; without any, the first are asked for.
        keys = max(KEYS, key=lambda keys: sum(key in npz for pair in keys.values() for key in pair))
        there = {split: pair for split, pair in keys.items() if split != "valid" or pair[0] in npz}
        found = {
            split: check_digits(_array(npz, images, name), _array(npz, labels, name), (images, labels), name)
            for split, (images, labels) in there.items()
        }
        if SHEETS in npz and "" in found:
            sheets = check_sheets(_array(npz, SHEETS, name), len(found[""].labels), name)
            found[""] = found[""]._replace(sheets=sheets)
        return found


def _array(npz: NpzFile, key: str, name: str) -> np.ndarray:
    if key not in npz:
        raise InputError(f"{name} has no key {key!r}; its keys are {', '.join(npz) or 'none'}")
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


def read_idx(archive: Archive, names: list[str]) -> dict[str, Digits]:
    """The digits of IDX files of images and labels, a pair for each split, in their own size."""
    source = archive_name(archive)
    found: dict[str, dict[str, str]] = {}
    for name in names:
        match = IDX.search(name)
        assert match is not None
        pair = found.setdefault(split_of_file(name), {})
        if match[1] in pair:
            raise InputError(f"{source}: {name} and {pair[match[1]]} are both {match[1]}; keep one of them")
        pair[match[1]] = name
    for pair in found.values():
        if missing := {"images", "labels"} - pair.keys():
            raise InputError(
                f"{source}: beside {', '.join(pair.values())} there is no file of {missing.pop()}"
            )
    splits = {}
    for split, pair in found.items():
        images, labels = (_read_idx_file(archive, pair[kind], source) for kind in ("images", "labels"))
        splits[split] = check_digits(images, labels, (pair["images"], pair["labels"]), source)
    return splits


def _read_idx_file(archive: Archive, name: str, source: str) -> np.ndarray:
    """An IDX file: two zeros, the type, the number of dimensions, each as 4 bytes, and the values."""
    data = read_file(archive, name)
    try:
        if name.endswith(".gz"):
            with gzip.open(BytesIO(data)) as packed:
                data = packed.read(MEMBER_LIMIT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{source}: {name} cannot be unpacked: {error}") from None
    if len(data) > MEMBER_LIMIT:
        raise InputError(f"{source}: {name} unpacks to more than {MEMBER_LIMIT // 2**20} MiB")
    dimensions = data[3] if len(data) > 4 else 0
    start = 4 + 4 * dimensions
    shape = [int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4)]
    if data[:2] != b"\0\0" or data[2] not in IDX_TYPES or not 1 <= dimensions <= 4:
        raise InputError(f"{source}: {name} is not an IDX file of bytes")
    if len(data) - start != np.prod(shape, dtype=object):
        raise InputError(f"{source}: {name} says that it has {shape} values, and has {len(data) - start}")
    return np.frombuffer(data, IDX_TYPES[data[2]], offset=start).reshape(shape)


def check_digits(images: np.ndarray, labels: np.ndarray, keys: tuple[str, str], name: str) -> Digits:
    """Images of their own size, and labels; InputError, naming key and row, where they are of no use."""
    digits = Digits(check_images(images, keys[0], name), check_labels(labels, keys[1], name))
    if len(digits.images) != len(digits.labels):
        raise InputError(
            f"{name}: {len(digits.images)} rows in {keys[0]!r} but {len(digits.labels)} in {keys[1]!r}"
        )
    return digits


def check_images(images: np.ndarray, key: str, name: str) -> np.ndarray:
    """Images (n, height, width), with one channel first or last, or (n, 784), as (n, height, width).

    Values are from 0 to 255, or from 0 to 1 and as far outside as interpolation leads, SLACK.
    """
    shape = images.shape
    if images.ndim == 4 and 1 in (shape[1], shape[3]):
        images = images.reshape(shape[0], *(shape[1:3] if shape[3] == 1 else shape[2:4]))
    if images.shape[1:] == (SIDE * SIDE,):
        images = images.reshape(-1, SIDE, SIDE)
    if images.ndim != 3 or 0 in images.shape or max(images.shape[1:]) > LARGEST_SIDE:
        raise InputError(
            f"{name}: {key!r} has shape {shape}; it must be (n, 28, 28), (n, 784), (n, 28, 28, 1), or of "
            f"another height and width up to {LARGEST_SIDE}"
        )
    if images.dtype.kind not in "buif":
        raise InputError(f"{name}: {key!r} has type {images.dtype}; it must be numbers")
    rows = images.reshape(len(images), -1)
    lowest = -SLACK if rows.max() <= 1 + SLACK else 0
    # Negated, so that NaN is found too, of which every comparison is false.
    bad = ~((rows >= lowest) & (rows <= 255)).all(axis=1)
    if bad.any():
        raise InputError(f"{name}: {key!r} row {bad.argmax()} has values that are not within 0 to 255")
    if rows.max() == rows.min():
        raise InputError(f"{name}: every pixel of {key!r} is {rows.max()}; there is nothing to tell apart")
    return images


def value_of_white(splits: dict[str, Digits], name: str) -> int:
    """The value of white in arrays of a source: 255, 1, or where the largest is below 128, the largest.

    Those of scikit-learn's load_digits go from 0 to 16. InputError if some go to 1 and others beyond.
    """
    largest = {split: digits.images.max() for split, digits in splits.items()}
    shares = {split for split, value in largest.items() if value <= 1 + SLACK}
    if shares and shares != largest.keys():
        ends = ", ".join(f"{value:g} in {split}" for split, value in largest.items())
        raise InputError(f"{name}: the largest values are {ends}; give all from 0 to 1, or all from 0 to 255")
    end = max(largest.values())
    return 1 if shares else math.ceil(end) if end < 128 else 255


def check_labels(labels: np.ndarray, key: str, name: str) -> np.ndarray:
    """Labels (n,) or (n, 1) of whole numbers 0 to 9, which may be real numbers or text, as uint8."""
    shape, kind = labels.shape, labels.dtype
    labels = labels.reshape(-1) if shape[1:] == (1,) else labels
    with contextlib.suppress(ValueError):  # of text that is no number
        labels = labels.astype(float) if kind.kind in "SU" else labels
    if labels.dtype.kind == "f" and (labels == np.rint(labels)).all():  # false for NaN, true for infinity
        labels = labels.clip(-(2**31), 2**31).astype(int)
    if labels.ndim != 1 or labels.dtype.kind not in "ui":
        raise InputError(f"{name}: {key!r} has shape {shape} and type {kind}; it must be (n,) whole numbers")
    bad = (labels < 0) | (labels >= len(DIGIT_CLASSES))
    if bad.any():
        found = np.unique(labels)
        raise InputError(
            f"{name}: {key!r} row {bad.argmax()} is {labels[bad.argmax()]}, not within 0 to 9; it holds "
            f"{len(found)} classes, {found[0]} to {found[-1]}, and part 1 is about the ten numerals"
        )
    return labels.astype(np.uint8)


def check_sheets(sheets: np.ndarray, samples: int, name: str) -> np.ndarray:
    """The number of each sample's sheet as int32 (n,), -1 where it is unknown."""
    if sheets.shape != (samples,) or sheets.dtype.kind not in "ui":
        raise InputError(
            f"{name}: {SHEETS!r} has shape {sheets.shape} and type {sheets.dtype}; it must be whole numbers, "
            f"one for each of the {samples} labels, -1 where the sheet is unknown"
        )
    return np.clip(sheets, -1, 2**31 - 1).astype(np.int32)
