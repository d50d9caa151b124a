"""Digits in arrays: which are images and which labels, by their names, and whether they are of use."""

import contextlib
import math
import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from PIL import Image

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import MEMBER_LIMIT, Archive, brief, read_text, suffix
from pipeline.sources.splits import WORDS, map_published_split, split_of_file, split_of_folder
from stages.prepare_digits.sample import stretch

SMALLEST_SIDE, LARGEST_SIDE = 5, 1024  # pixels of an image that is a row of values; of any image
SLACK = 0.1  # beyond black and white; images from 0 to 1 that were scaled or turned have such values
LARGEST_NUMBER = 2**31  # of a label
# Words for images and for labels in the name of an array. One with both, such as image_labels, has labels.
IMAGES = {"image", "images", "img", "imgs", "data", "pixels", "x"}
LABELS = {"label", "labels", "target", "targets", "class", "y"}
PLAIN = {"image", "images", "label", "labels"}  # names of which nothing is to be said
# A split in such a name, as in x_train, Xtrain and trainX.
SPLIT = re.compile(rf"(?<![a-z])([xy]?)({'|'.join(sorted(WORDS, key=len, reverse=True))})([xy]?)(?![a-z])")
SHEETS = "sheet"  # beside `image` and `label`: the number of the sheet of paper that each was cut from


class Stored(NamedTuple):
    """One set of digits as a source has it."""

    images: np.ndarray  # (n, height, width), or of colours (n, height, width, 3)
    labels: np.ndarray | None = None  # int64 or text (n,); None: it has none
    sheets: np.ndarray | None = None  # int32 (n,)


class Found(NamedTuple):
    """The sets in a source by the split that it gives them, "" where it gives none; what was taken for what;
    and the names of its arrays, for errors.
    """

    sets: dict[str, Stored]
    notes: list[str]
    there: str


def role_of(name: str) -> tuple[str, str]:
    """The split that an array's name tells, and whether it has "images", "labels" or neither, "".

    >>> [role_of(name) for name in ("x_train", "Ytest", "k49-val-imgs", "arr_0", "label_names")]
    [('train', 'images'), ('test', 'labels'), ('valid', 'images'), ('', ''), ('', '')]
    """
    splits = {WORDS[match[2]] for match in SPLIT.finditer(name.lower())}
    words = set(re.findall("[a-z]+", SPLIT.sub(r"\1 \3", name.lower())))
    kind = "labels" if words & LABELS else "images" if words & IMAGES else ""
    return splits.pop() if len(splits) == 1 else "", "" if "names" in words else kind


def role_of_file(name: str) -> tuple[str, str]:
    """The same of a file that is one array; its folders may tell the split."""
    split, kind = role_of(PurePosixPath(name).stem)
    return split or split_of_folder(name), kind


def read_sets(
    names: Iterable[str],
    load: Callable[[str], np.ndarray],
    where: str,
    role: Callable[[str], tuple[str, str]] = role_of,
) -> Found:
    """The sets in arrays of these names, of which `load` gives those that are needed."""
    names = list(names)
    pairs = pair_names(names, role, where) or pair_by_shape(names, load)
    there = f"its arrays are {', '.join(names) or 'none'}"
    if not pairs:
        raise InputError(f"{where} has no array of images, such as 'image' or 'x_train'; {there}")
    sets, notes = {}, []
    for split, pair in pairs.items():
        if "images" not in pair:
            raise InputError(f"{where}: beside {pair['labels']!r} there is no array of images; {there}")
        images, labels = pair["images"], pair.get("labels", "")
        pixels, loaded = load(images), load(labels) if labels else None
        sets[split] = check_set(pixels, loaded, (images, labels), where)
        if not split and labels and not {images.lower(), labels.lower()} <= PLAIN:
            notes.append(f"{images} was taken for the images, {labels} for the labels")
        if loaded is not None and is_one_hot(loaded):
            notes.append(f"{labels} is one-hot, and the class the number of the column that has the 1")
    if SHEETS in names and (unsplit := sets.get("")) and unsplit.labels is not None:
        sheets = check_sheets(load(SHEETS), len(unsplit.labels), where)
        sets[""] = unsplit._replace(sheets=sheets)
    return Found(sets, notes, there)


def pair_names(
    names: list[str], role: Callable[[str], tuple[str, str]], where: str
) -> dict[str, dict[str, str]]:
    """By split the names of its "images" and "labels"; InputError where two arrays have one role."""
    pairs: dict[str, dict[str, str]] = {}
    for name in names:
        split, kind = role(name)
        if not kind:
            continue
        pair = pairs.setdefault(split, {})
        if kind in pair:
            raise InputError(f"{where}: {pair[kind]!r} and {name!r} are both {kind}; keep one of them")
        pair[kind] = name
    return pairs


def pair_by_shape(names: list[str], load: Callable[[str], np.ndarray]) -> dict[str, dict[str, str]]:
    """Of two arrays whose names say nothing, such as arr_0 and arr_1, the one with more dimensions, or else
    more values, has the images; one alone has images.
    """
    if len(names) > 2 or not names:
        return {}
    by_shape = sorted(names, key=lambda name: ((array := load(name)).ndim, array.size))
    return {"": dict(zip(("images", "labels"), reversed(by_shape), strict=False))}


def read_bytes(archive: Archive, name: str) -> bytes:
    """The content of a file of arrays."""
    return read_text(archive, name, MEMBER_LIMIT)


def choose_one_for_each_split(names: list[str], source: str) -> dict[str, str]:
    """The split of each file of a source: one file alone, or one for each set of a published split."""
    splits = {name: split_of_file(name) for name in names}
    found = list(splits.values())
    if len(names) == 1:
        return {names[0]: ""}
    if not map_published_split(found)[0] or "" in found or len(set(found)) < len(found):
        end = suffix(names[0].removesuffix(".gz"))
        raise InputError(
            f"{source} holds {brief(names)}; give one {end} file, or train{end} and test{end}, with "
            f"valid{end} or without"
        )
    return splits


def join_files(files: dict[str, Found], splits: dict[str, str]) -> Found:
    """The sets of several files, each with its file's split, or of one file."""
    sets = {}
    for name, found in files.items():
        if len(files) == 1:
            return found
        if set(found.sets) != {""}:
            raise InputError(f"{name} holds a split of its own, and is one of several files; give it alone")
        sets[splits[name]] = found.sets[""]
    notes = dict.fromkeys(note for found in files.values() for note in found.notes)
    return Found(sets, list(notes), f"its files are {brief(list(files))}")


def check_set(images: np.ndarray, labels: np.ndarray | None, keys: tuple[str, str], name: str) -> Stored:
    """A set of use; InputError, naming key and row, for anything else."""
    images = check_images(images, keys[0], name)
    if labels is None:
        return Stored(images)
    labels = check_labels(labels, keys[1], name)
    if len(images) != len(labels):
        raise InputError(f"{name}: {len(images)} rows in {keys[0]!r} but {len(labels)} in {keys[1]!r}")
    return Stored(images, labels)


def is_square(number: int) -> bool:
    return math.isqrt(number) ** 2 == number


def check_images(images: np.ndarray, key: str, name: str) -> np.ndarray:
    """Images (n, height, width), or with one channel or three, first or last, or (n, side * side), as
    (n, height, width) or (n, height, width, 3).

    Values are from 0 to 255, or from 0 to 1 and as far outside as interpolation leads, SLACK.
    """
    shape = images.shape
    if images.ndim == 4 and shape[3] not in (1, 3) and shape[1] in (1, 3):
        images = np.moveaxis(images, 1, 3)
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim == 2 and is_square(shape[1]) and shape[1] >= SMALLEST_SIDE**2:
        images = images.reshape(len(images), math.isqrt(shape[1]), -1)
    channels = images.shape[3:]
    if (
        images.ndim not in (3, 4)
        or channels not in ((), (3,))
        or not images.size
        or max(images.shape[1:3]) > LARGEST_SIDE
    ):
        raise InputError(
            f"{name}: {key!r} has shape {shape}; it must be (n, 28, 28), (n, 784), (n, 28, 28, 1), "
            f"(n, 28, 28, 3), or of another height and width up to {LARGEST_SIDE}"
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


def is_one_hot(labels: np.ndarray) -> bool:
    """Whether each row (n, classes) has a single 1 and else 0."""
    return (
        labels.ndim == 2
        and labels.shape[1] > 1
        and labels.dtype.kind in "buif"
        and bool(((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all())
    )


def check_labels(labels: np.ndarray, key: str, name: str) -> np.ndarray:
    """Labels (n,), (n, 1) or one-hot, of whole numbers, which may be real numbers or text, as int64 (n,); of
    any other text as text.
    """
    shape, kind = labels.shape, labels.dtype
    if is_one_hot(labels):
        labels = labels.argmax(axis=1)
    labels = labels.reshape(-1) if shape[1:] == (1,) else labels
    if kind.kind == "S":
        try:
            labels = np.char.decode(labels, "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{name}: {key!r} holds text that is not UTF-8: {error.reason}") from None
    numbers: np.ndarray = labels
    with contextlib.suppress(ValueError):  # of text that is no number
        numbers = labels.astype(float) if labels.dtype.kind == "U" else labels
    whole = numbers.dtype.kind in "buif" and (numbers == np.rint(numbers)).all()  # not of NaN
    if labels.ndim != 1 or not (whole or labels.dtype.kind == "U"):
        raise InputError(
            f"{name}: {key!r} has shape {shape} and type {kind}; it must be (n,) whole numbers "
            "or text, or one-hot"
        )
    if not whole:
        return np.char.strip(labels)
    far = (numbers > LARGEST_NUMBER) | (numbers < -LARGEST_NUMBER)
    if far.any():
        raise InputError(f"{name}: {key!r} row {far.argmax()} is {numbers[far.argmax()]}, which is no class")
    return numbers.astype(np.int64)


def check_sheets(sheets: np.ndarray, samples: int, name: str) -> np.ndarray:
    """The number of each sample's sheet as int32 (n,), -1 where it is unknown."""
    if sheets.shape != (samples,) or sheets.dtype.kind not in "ui":
        raise InputError(
            f"{name}: {SHEETS!r} has shape {sheets.shape} and type {sheets.dtype}; it must be whole numbers, "
            f"one for each of the {samples} labels, -1 where the sheet is unknown"
        )
    return np.clip(sheets, -1, 2**31 - 1).astype(np.int32)


def value_of_white(sets: dict[str, Stored], name: str) -> int:
    """The value of white in arrays of a source: 255, 1, or where the largest is below 128, the largest.

    Those of scikit-learn's load_digits go from 0 to 16. InputError if some go to 1 and others beyond.
    """
    largest = {split: stored.images.max() for split, stored in sets.items()}
    shares = {split for split, value in largest.items() if value <= 1 + SLACK}
    if shares and shares != largest.keys():
        ends = ", ".join(f"{value:g} in {split}" for split, value in largest.items())
        raise InputError(f"{name}: the largest values are {ends}; give all from 0 to 1, or all from 0 to 255")
    end = max(largest.values())
    return 1 if shares else math.ceil(end) if end < 128 else 255


def to_grey(image: np.ndarray, white: int) -> np.ndarray:
    """An image of an array with this value of white as grey values uint8 (height, width)."""
    pixels = stretch(image, white)
    return pixels if pixels.ndim == 2 else np.asarray(Image.fromarray(pixels).convert("L"))
