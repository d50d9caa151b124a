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
TRAPS = np.array([Trap()] * 60, dtype=object)


def images(array: np.ndarray) -> bytes:
    return npz(image=array, label=LABELS)


def labels(array: np.ndarray) -> bytes:
    return npz(image=IMAGES, label=array)


SHAPES = (
    "it must be (n, 28, 28), (n, 784), (n, 28, 28, 1), (n, 28, 28, 3), or of another height and width up "
    "to 1024"
)
KINDS = "it must be (n,) whole numbers or text, or one-hot"
OUTSIDE = "has values that are not within 0 to 255"
# The file, and what is said after its name.
ARRAYS: dict[str, tuple[bytes, str]] = {
    "pickled objects": (images(TRAPS), f": 'image' {NO_PICKLE}"),
    "pickled labels": (labels(TRAPS), f": 'label' {NO_PICKLE}"),
    "no image": (
        npz(pictures=IMAGES, label=LABELS),
        ": beside 'label' there is no array of images; its arrays are pictures, label",
    ),
    "no label": (npz(image=IMAGES), ": there are images without labels; its arrays are image"),
    "no keys": (
        zipped({}),
        " has no array of images, such as 'image' or 'x_train'; its arrays are none",
    ),
    "two of images": (
        npz(image=IMAGES, X=IMAGES, label=LABELS),
        ": 'image' and 'X' are both images; keep one of them",
    ),
    "four channels": (images(np.stack([IMAGES] * 4, -1)), f": 'image' has shape (60, 28, 28, 4); {SHAPES}"),
    "rows that are no square": (
        images(IMAGES.reshape(60, -1)[:, 1:]),
        f": 'image' has shape (60, 783); {SHAPES}",
    ),
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
    "real labels": (labels(LABELS + 0.5), f": 'label' has shape (60,) and type float64; {KINDS}"),
    "endless labels": (labels(np.full(60, np.inf)), ": 'label' row 0 is inf, which is no class"),
    "labels without a value": (
        labels(np.full(60, np.nan)),
        f": 'label' has shape (60,) and type float64; {KINDS}",
    ),
    "two labels each": (
        labels(np.eye(10, dtype=int)[LABELS] + np.eye(10, dtype=int)[(LABELS + 1) % 10]),
        f": 'label' has shape (60, 10) and type int64; {KINDS}",
    ),
    "text that is no text": (
        labels(np.array([b"\xff", b"a"] * 30)),
        ": 'label' holds text that is not UTF-8: invalid start byte",
    ),
    "one class": (
        labels(LABELS * 0 + 3),
        ": there must be 2 to 100 classes, and the labels have 1: '3'",
    ),
    "101 classes": (
        npz(image=np.concatenate([IMAGES] * 2)[:101], label=np.arange(101) - 1),
        ": there must be 2 to 100 classes, and the labels have 101: '-1' to '99'",
    ),
    "a long name": (
        labels(np.array(["n" * 42, "a"] * 30)),
        f": '{'n' * 42}' is no name for a class: it must have 1 to 41 letters, none of them a control "
        "character",
    ),
    "a control character": (
        labels(np.array(["a\nb", "a"] * 30)),
        ": 'a\\nb' is no name for a class: it must have 1 to 41 letters, none of them a control character",
    ),
    "lengths": (labels(LABELS[:-1]), ": 60 rows in 'image' but 59 in 'label'"),
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


ALONE = "there is one digit alone of class"


def test_a_class_with_one_digit(project: Project, refused: Refused) -> None:
    kinds = np.where(np.arange(60) == 59, 77, LABELS)
    put(project({}) / "data/raw/digits/digits.npz", npz(image=IMAGES, label=kinds))
    refused("prepare_digits", f"{ALONE} 77; each set must have one of each class")


def test_too_few_to_split(project: Project, refused: Refused) -> None:
    put(project({}) / "data/raw/digits/digits.npz", npz(image=IMAGES[:11], label=LABELS[:11]))
    refused("prepare_digits", f"{ALONE} 1, 2, 3, 4, 5, 6, 7, 8, 9; each set must have one of each class")


def test_fewer_samples_than_classes(project: Project, refused: Refused) -> None:
    folder = project({"prepare_digits.train": 40, "prepare_digits.test": 8})
    put(folder / "data/raw/digits/digits.npz", npz(image=IMAGES, label=LABELS))
    refused(
        "prepare_digits",
        "60 digits cannot be split into 40 and 8 (prepare_digits.train and .test): The test_size = 8 should "
        "be greater or equal to the number of classes = 10",
    )


def square(value: int) -> bytes:
    return picture_bytes(photograph(28, 28).convert("L").point(lambda _: value))


FORMATS = "arrays (.npz), arrays (.npy), arrays (.mat), IDX files, pixels (.csv) or pictures"
NEITHER = f"must hold digits in one format: {FORMATS}; it holds"
NO_CLASS = "put pictures into folders named by class, such as 0 to 9, or name them like 3_12.jpg"
# An archive's members, and what is said after its name.
ARCHIVES: dict[str, tuple[Members, str]] = {
    "a name without class": (
        {"seven.png": square(9)},
        f": no class can be told of seven.png: {NO_CLASS}",
    ),
    "a class of three digits": ({"123_1.png": square(9)}, f": no class can be told of 123_1.png: {NO_CLASS}"),
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
        ", test: no digit of class 8, 9, which the other set has; each must be in both",
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
        "give a folder or .npz or .zip or .csv or .csv.gz or .mat",
    )


def test_nothing_fetched(project: Project, refused: Refused) -> None:
    project({})
    refused("prepare_digits", "data/raw/digits must hold one file of digits; run fetch_digits first")


def test_digits_as_they_should_be_are_fine(project: Project, accepted: Accepted) -> None:
    put(project({}) / "data/raw/digits/digits.npz", npz(image=IMAGES, label=LABELS))
    assert "\ndigits of class 0 to 9: train 41 (" in accepted("prepare_digits")
