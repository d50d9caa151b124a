"""Bad digits: what fetch_digits and prepare_digits say of arrays and pictures that cannot be trained on."""

from typing import Any

import numpy as np
import pytest

from tests.making import (
    IMAGES,
    LABELS,
    Accepted,
    Members,
    Project,
    Refused,
    npz,
    photograph,
    picture_bytes,
    put,
    zipped,
)


def reals(row: int, value: float) -> np.ndarray:
    images = IMAGES.astype(np.float64)
    images[row, 3, 3] = value
    return images


def header(text: bytes) -> bytes:
    """A zip with an array of digits whose .npy header is `text`."""
    array = b"\x93NUMPY\x01\x00\x76\x00" + text.ljust(0x75) + b"\n"
    return zipped({"image.npy": array + IMAGES.tobytes(), "label.npy": array})


class Trap:
    """What runs code when it is unpickled; here it would leave a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, ("sprung", "w")


NO_PICKLE = "cannot be read: Object arrays cannot be loaded when allow_pickle=False"
DAMAGED = "cannot be read: its header is damaged, or asks for too much memory"
EACH = "part 1 is about ten numerals, so each must be there"
TRAPS = np.array([Trap()] * 60, dtype=object)


def images(array: np.ndarray) -> bytes:
    return npz(image=array, label=LABELS)


def labels(array: np.ndarray) -> bytes:
    return npz(image=IMAGES, label=array)


SHAPES = "it must be (n, 28, 28), (n, 784), (n, 28, 28, 1), or of another height and width up to 1024"
OUTSIDE = "has values that are not within 0 to 255"
NUMERALS = "and part 1 is about the ten numerals"
# The file, and what is said after its name.
ARRAYS: dict[str, tuple[bytes, str]] = {
    "pickled objects": (images(TRAPS), f": 'image' {NO_PICKLE}"),
    "pickled labels": (labels(TRAPS), f": 'label' {NO_PICKLE}"),
    "no image": (npz(images=IMAGES, label=LABELS), " has no key 'image'; its keys are images, label"),
    "no label": (npz(image=IMAGES), " has no key 'label'; its keys are image"),
    "no keys": (zipped({}), " has no key 'image'; its keys are none"),
    "colours": (images(np.stack([IMAGES] * 3, -1)), f": 'image' has shape (60, 28, 28, 3); {SHAPES}"),
    "no samples": (
        npz(image=IMAGES[:0], label=LABELS[:0]),
        f": 'image' has shape (0, 28, 28); {SHAPES}",
    ),
    "a single number": (images(np.array(3)), f": 'image' has shape (); {SHAPES}"),
    "text": (images(IMAGES.astype(str)), ": 'image' has type <U3; it must be numbers"),
    "complex": (images(IMAGES.astype(complex)), ": 'image' has type complex128; it must be numbers"),
    "NaN": (images(reals(7, np.nan)), f": 'image' row 7 {OUTSIDE}"),
    "infinite": (images(reals(8, np.inf)), f": 'image' row 8 {OUTSIDE}"),
    "negative": (images(reals(9, -1)), f": 'image' row 9 {OUTSIDE}"),
    "too bright": (images(IMAGES.astype(np.int32) + 255), f": 'image' row 0 {OUTSIDE}"),
    "label 10": (
        labels(LABELS + 1),
        f": 'label' row 9 is 10, not within 0 to 9; it holds 10 classes, 1 to 10, {NUMERALS}",
    ),
    "label -1": (
        labels(LABELS.astype(int) - 1),
        f": 'label' row 0 is -1, not within 0 to 9; it holds 10 classes, -1 to 8, {NUMERALS}",
    ),
    "real labels": (
        labels(LABELS + 0.5),
        ": 'label' has shape (60,) and type float64; it must be (n,) whole numbers",
    ),
    "endless labels": (
        labels(np.full(60, np.inf)),
        ": 'label' row 0 is 2147483648, not within 0 to 9; it holds 1 classes, 2147483648 to 2147483648, "
        + NUMERALS,
    ),
    "labels without a value": (
        labels(np.full(60, np.nan)),
        ": 'label' has shape (60,) and type float64; it must be (n,) whole numbers",
    ),
    "one-hot labels": (
        labels(np.eye(10, dtype=int)[LABELS]),
        ": 'label' has shape (60, 10) and type int64; it must be (n,) whole numbers",
    ),
    "lengths": (labels(LABELS[:-1]), ": 60 rows in 'image' but 59 in 'label'"),
    "one class missing": (labels(LABELS % 9), f": no digit of class 9; {EACH}"),
    "truncated": (labels(LABELS)[:-100], " cannot be read as a zip archive: File is not a zip file"),
    "flipped bits": (
        labels(LABELS).replace(bytes([200] * 8), bytes([201] * 8), 1),
        ": 'image' cannot be read: Bad CRC-32 for file 'image.npy'",
    ),
    "a header without end": (header(b"{'descr': '|u1', 'shape': ("), f": 'image' {DAMAGED}"),
    "a header that lies": (
        header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 28, 28)}"),
        f": 'image' {DAMAGED}",
    ),
    "no array": (zipped({"image": "text", "label": "text"}), ": 'image' is not an array"),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays(project: Project, refused: Refused, case: str) -> None:
    content, message = ARRAYS[case]
    put(project({}) / "data/raw/digits/digits.npz", content)
    refused("prepare_digits", f"digits.npz{message}")


def test_too_few_to_split(project: Project, refused: Refused) -> None:
    put(project({}) / "data/raw/digits/digits.npz", npz(image=IMAGES[:11], label=LABELS[:11]))
    message = (
        "11 digits cannot be split into 7 and 4 (prepare_digits.train and .test): The least populated "
        "classes in y have only 1 member, which is too few. The minimum number of groups for any class "
        "cannot be less than 2. Classes with too few members are: [1, 2, 3, 4, 5, 6, 7, 8, 9]"
    )
    refused("prepare_digits", message)


def square(value: int) -> bytes:
    return picture_bytes(photograph(28, 28).convert("L").point(lambda _: value))


NEITHER = "must hold either .npz files, IDX files or pictures; it holds"
NO_CLASS = "put pictures into folders named 0 to 9, or name them like 3_12.jpg"
# An archive's members, and what is said after its name.
ARCHIVES: dict[str, tuple[Members, str]] = {
    "a name without class": (
        {"seven.png": square(9)},
        f": no class can be told of seven.png: {NO_CLASS}",
    ),
    "a class of two digits": ({"12_1.png": square(9)}, f": no class can be told of 12_1.png: {NO_CLASS}"),
    "a picture that is text": (
        {"3_1.png": "text"},
        ": 3_1.png cannot be read as a picture: unknown format",
    ),
    "a truncated picture": (
        {"3_1.png": square(9)[:-30]},
        ": 3_1.png cannot be read as a picture: image file is truncated",
    ),
    "nothing of use": ({"readme.md": ""}, f" {NEITHER} readme.md"),
    "nothing": ({}, f" {NEITHER} nothing"),
    "arrays that are text": (
        {"train.npz": "text", "test.npz": "text"},
        ": test.npz cannot be read as a zip archive: File is not a zip file",
    ),
    "a test set without a class": (
        {"train.npz": npz(image=IMAGES, label=LABELS), "test.npz": npz(image=IMAGES, label=LABELS % 8)},
        f", test: no digit of class 8, 9; {EACH}",
    ),
    "pictures without a class": (
        {f"{label}_1.png": square(9) for label in range(9)},
        f": no digit of class 9; {EACH}",
    ),
    "a picture outside of the split": (
        {f"{side}/{label}_1.png": square(9) for label in range(10) for side in ("train", "test", "more")},
        ": more/0_1.png is in no set of the published split (test, train), as other files are; move it into "
        "one of these, or away",
    ),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_archives(project: Project, refused: Refused, case: str) -> None:
    members, message = ARCHIVES[case]
    put(project({}) / "data/raw/digits/digits.zip", zipped(members))
    refused("prepare_digits", f"digits.zip{message}")


def test_a_file_that_is_no_archive(project: Project, refused: Refused) -> None:
    put(project({"data.digits": "mine.npz"}) / "mine.npz", b"\x93NUMPY\x01\x00" + IMAGES.tobytes())
    refused(
        "fetch_digits",
        "data.digits: mine.npz cannot be read as a zip archive: File is not a zip file; "
        "give a folder or .npz or .zip",
    )


def test_nothing_fetched(project: Project, refused: Refused) -> None:
    project({})
    refused("prepare_digits", "data/raw/digits must hold digits.npz or digits.zip; run fetch_digits first")


def test_digits_as_they_should_be_are_fine(project: Project, accepted: Accepted) -> None:
    put(project({}) / "data/raw/digits/digits.npz", npz(image=IMAGES, label=LABELS))
    assert "\ndigits of class 0 to 9: train 41 (" in accepted("prepare_digits")
