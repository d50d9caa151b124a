"""Read digits: arrays in .npz files, or a zip of pictures whose names begin with their class."""

import re
import tokenize
import zipfile
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
from numpy.lib.npyio import NpzFile
from PIL import Image
from tqdm import tqdm

from pipeline.common.classes import DIGIT_CLASSES
from pipeline.common.settings import InputError
from pipeline.digits.prepared import Digits
from pipeline.sources.archives import (
    PICTURES,
    UNREADABLE,
    archive_name,
    contents,
    file_names,
    given_splits,
    open_archive,
    read_file,
)
from pipeline.sources.pictures import open_picture

CLASSES = len(DIGIT_CLASSES)
SIDE = 28
CLASS_IN_NAME = re.compile(r"([0-9])[_.-]")
# What NumPy raises for an array whose header is damaged, or asks for more than memory holds.
DAMAGED = (MemoryError, OverflowError, SyntaxError, TypeError, tokenize.TokenError)


def read_digits(path: Path) -> dict[str, Digits]:
    """The digits in a raw file by split: "train" and "test" where the file has a split, else "".

    Raises InputError, naming the file, the key and where it applies the index, for anything unusable.
    """
    if path.suffix == ".npz":
        with open(path, "rb") as file:
            splits = {"": _read_arrays(file, path.name)}
    else:
        splits = _read_zip(path)
    for split, (_, labels) in splits.items():
        missing = sorted(set(range(CLASSES)) - set(labels.tolist()))
        if missing:
            where = f"{path.name}, {split}" if split else path.name
            raise InputError(f"{where}: no digit of class {', '.join(map(str, missing))}")
    return splits


def white_on_black(splits: dict[str, Digits]) -> tuple[dict[str, Digits], bool]:
    """The digits with a dark background, and whether they had to be inverted for it.

    The border of a picture is background; it is bright if the median of all borders is.
    """
    edges = [np.concatenate([i[:, [0, -1]].ravel(), i[:, :, [0, -1]].ravel()]) for i, _ in splits.values()]
    inverted = bool(np.median(np.concatenate(edges)) > 127)
    if inverted:
        splits = {split: Digits(255 - images, labels) for split, (images, labels) in splits.items()}
    return splits, inverted


def _read_zip(path: Path) -> dict[str, Digits]:
    with open_archive(path, path.name) as archive:
        arrays = {PurePosixPath(name).name: name for name in file_names(archive, frozenset({".npz"}))}
        if {"train.npz", "test.npz"} <= set(arrays):
            files = {split: arrays[f"{split}.npz"] for split in ("train", "test")}
            return {
                split: _read_arrays(BytesIO(read_file(archive, name)), f"{path.name}: {name}")
                for split, name in files.items()
            }
        pictures = file_names(archive, PICTURES)
        if arrays or not pictures:
            raise InputError(
                f"{path.name} holds neither train.npz and test.npz nor pictures alone, but "
                f"{contents(archive)}; give those, or one .npz file, or a folder or zip of pictures named "
                "like 3_12_57.jpg"
            )
        return _read_pictures(archive, pictures)


def _read_arrays(file: IO[bytes], name: str) -> Digits:
    """The keys `image` and `label` of an .npz file; `name` is what errors call it."""
    open_archive(file, name).close()
    with NpzFile(file, allow_pickle=False) as npz:
        images = _check_images(_array(npz, "image", name), name)
        labels = _check_labels(_array(npz, "label", name), name)
    if len(images) != len(labels):
        raise InputError(f"{name}: {len(images)} rows in 'image' but {len(labels)} in 'label'")
    return Digits(images, labels)


def _array(npz: NpzFile, key: str, name: str) -> np.ndarray:
    if key not in npz:
        raise InputError(f"{name} has no key {key!r}; its keys are {', '.join(npz) or 'none'}")
    try:
        # Objects would have to be unpickled, which can run any code: numpy refuses with a ValueError.
        array = npz[key]
    except UNREADABLE as error:
        raise InputError(f"{name}: {key!r} cannot be read: {error}") from None
    except DAMAGED:
        raise InputError(
            f"{name}: {key!r} cannot be read: its header is damaged, or asks for too much memory"
        ) from None
    if not isinstance(array, np.ndarray):  # what numpy gives for a member that is no .npy file
        raise InputError(f"{name}: {key!r} is not an array")
    return array


def _check_images(images: np.ndarray, name: str) -> np.ndarray:
    """Images (n, 28, 28) or (n, 784), whole 0 to 255 or real 0 to 1 or 0 to 255, as uint8 (n, 28, 28)."""
    if images.shape[1:] not in ((SIDE, SIDE), (SIDE * SIDE,)) or not len(images):
        raise InputError(f"{name}: 'image' has shape {images.shape}; it must be (n, 28, 28) or (n, 784)")
    if images.dtype.kind not in "uif":
        raise InputError(f"{name}: 'image' has type {images.dtype}; it must be numbers")
    rows = images.reshape(len(images), -1)
    # Negated, so that NaN is found too, of which every comparison is false.
    bad = ~((rows >= 0) & (rows <= 255)).all(axis=1)
    if bad.any():
        raise InputError(f"{name}: 'image' row {bad.argmax()} has values that are not within 0 to 255")
    if images.dtype.kind == "f":
        rows = np.rint(rows * 255 if rows.max() <= 1 else rows)
    return rows.astype(np.uint8).reshape(-1, SIDE, SIDE)


def _check_labels(labels: np.ndarray, name: str) -> np.ndarray:
    """Labels (n,) of whole numbers 0 to 9 as uint8."""
    if labels.ndim != 1 or labels.dtype.kind not in "ui":
        raise InputError(
            f"{name}: 'label' has shape {labels.shape} and type {labels.dtype}; it must be (n,) whole numbers"
        )
    bad = (labels < 0) | (labels >= CLASSES)
    if bad.any():
        raise InputError(f"{name}: 'label' row {bad.argmax()} is {labels[bad.argmax()]}, not within 0 to 9")
    return labels.astype(np.uint8)


def _read_pictures(archive: zipfile.ZipFile, names: list[str]) -> dict[str, Digits]:
    splits = np.array(given_splits(names, archive_name(archive)))
    labels = np.array([_class_in_name(archive, name) for name in names], dtype=np.uint8)
    images = np.stack([_read_picture(archive, name) for name in tqdm(names, leave=False, disable=None)])
    return {
        str(split): Digits(images[splits == split], labels[splits == split]) for split in np.unique(splits)
    }


def _class_in_name(archive: zipfile.ZipFile, name: str) -> int:
    match = CLASS_IN_NAME.match(PurePosixPath(name).name)
    if match is None:
        raise InputError(
            f"{archive_name(archive)}: the name of {name} must begin with its class, as 3_12.jpg"
        )
    return int(match[1])


def _read_picture(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """A picture of any size and mode as grey (28, 28); each pixel is the mean of the area it covers."""
    picture = open_picture(read_file(archive, name), f"{archive_name(archive)}: {name}")
    return np.asarray(picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))
