"""Digits in every layout that people have: the same images and labels come out, and it is said how."""

import gzip
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.common.digits import Digits
from pipeline.runtime.errors import InputError
from stages.prepare_digits.formats import Notes, read_digits
from tests.making import Members, npz, picture_bytes, put, zipped

LABELS = np.arange(30, dtype=np.uint8) % 10
IMAGES = np.zeros((30, 28, 28), np.uint8)
IMAGES[:, 8:20, 8:20] = 100 + np.arange(30, dtype=np.uint8)[:, None, None]  # each is recognisable
PARTS = {"train": slice(0, 20), "test": slice(20, 30)}


def read(folder: Path, content: bytes | Members, class_from: str = "auto") -> tuple[dict[str, Digits], Notes]:
    """The digits of an .npz file, or of an archive with these members."""
    path = folder / ("digits.npz" if isinstance(content, bytes) else "digits.zip")
    put(path, content if isinstance(content, bytes) else zipped(content))
    return read_digits(path, class_from)


def in_folders(path: str, image: Callable[[int], bytes]) -> Members:
    return {
        path.format(split=split, label=LABELS[n], number=n): image(n)
        for split, rows in PARTS.items()
        for n in range(30)[rows]
    }


def png(number: int) -> bytes:
    return picture_bytes(Image.fromarray(IMAGES[number]))


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">2xBB{array.ndim}I", 8, array.ndim, *array.shape) + array.tobytes()


MNIST = "{split}-{kind}-idx{dimensions}-ubyte"


def idx_files(name: str = MNIST, pack: Callable[[bytes], bytes] = bytes) -> Members:
    return {
        name.format(split="t10k" if split == "test" else split, kind=kind, dimensions=array.ndim): pack(
            idx(array[rows])
        )
        for split, rows in PARTS.items()
        for kind, array in (("images", IMAGES), ("labels", LABELS))
    }


def keys(images: str, labels: str) -> bytes:
    return npz(
        **{images.format(split): IMAGES[rows] for split, rows in PARTS.items()},
        **{labels.format(split): LABELS[rows] for split, rows in PARTS.items()},
    )


SPLIT: dict[str, bytes | Members] = {
    "Keras": keys("x_{}", "y_{}"),
    "MedMNIST": keys("{}_images", "{}_labels"),
    "two files": {f"{s}.npz": npz(image=IMAGES[rows], label=LABELS[rows]) for s, rows in PARTS.items()},
    "MNIST": idx_files(),
    "MNIST, packed": idx_files(f"MNIST/raw/{MNIST}.gz", gzip.compress),
    "MNIST, with points": idx_files("{split}-{kind}.idx{dimensions}-ubyte"),
    "folders of classes": in_folders("{split}ing/{label}/{number}.png", png),
    "names in folders": in_folders("{split}/{label}_{number}.png", png),
}


@pytest.mark.parametrize("layout", SPLIT)
def test_a_published_split_is_honoured(tmp_path: Path, layout: str) -> None:
    found, notes = read(tmp_path, SPLIT[layout])
    assert notes.split == "as published: train; test"
    for split, rows in PARTS.items():
        order = np.argsort(found[split].images[:, 14, 14])
        assert (found[split].images[order] == IMAGES[rows]).all()
        assert (found[split].labels[order] == LABELS[rows]).all()


@pytest.mark.parametrize("name", ["valid", "val", "validation"])
def test_validation_goes_to_training_and_is_said(tmp_path: Path, name: str) -> None:
    parts = {"train": slice(0, 10), name: slice(10, 20), "test": slice(20, 30)}
    members: Members = {f"{s}.npz": npz(image=IMAGES[rows], label=LABELS[rows]) for s, rows in parts.items()}
    found, notes = read(tmp_path, members)
    assert sorted(found["train"].images[:, 14, 14]) == sorted(IMAGES[:20, 14, 14])
    assert (found["test"].images == IMAGES[20:]).all()
    assert notes.split == "as published: train; valid for training too; test"


UNSPLIT: dict[str, bytes | Members] = {
    "folders of classes whose names begin with digits": in_folders("{label}/3_{number}.png", png),
    "folders of classes, numbered": in_folders("{label}/{number}.png", png),
    "channels last": npz(image=IMAGES[..., None], label=LABELS[:, None]),
    "channels first": npz(image=IMAGES[:, None], label=LABELS),
    "rows of 784": npz(image=IMAGES.reshape(-1, 784), label=LABELS),
    "whole numbers of another type": npz(image=IMAGES.astype(np.int64), label=LABELS.astype(np.int32)),
    "real numbers to 255": npz(image=IMAGES.astype(np.float64), label=LABELS),
    "real numbers to 1": npz(image=(IMAGES / 255).astype(np.float32), label=LABELS),
    "a file for all in an archive": {"all.npz": npz(image=IMAGES, label=LABELS), "README.md": ""},
}


@pytest.mark.parametrize("layout", UNSPLIT)
def test_a_source_without_a_split_is_read_whole(tmp_path: Path, layout: str) -> None:
    found, notes = read(tmp_path, UNSPLIT[layout])
    images, labels, _ = found[""]
    order = np.argsort(images[:, 14, 14])
    assert (images[order] == IMAGES).all() and (labels[order] == LABELS).all()
    assert images.dtype == labels.dtype == np.uint8
    assert notes.split == "drawn, as the source publishes none"


def test_folders_and_names_that_always_disagree_are_asked_about(tmp_path: Path) -> None:
    members: Members = {f"{(n + 1) % 10}/{n}_a.png": png(n) for n in range(10)}
    message = "the folders say other classes .* prepare_digits.class_from: folder"
    with pytest.raises(InputError, match=message):
        read(tmp_path, members)
    for choice, shift in (("folder", 1), ("name", 0)):
        found, notes = read(tmp_path, members, choice)
        assert sorted(found[""].labels) == list(range(10))
        shown = found[""].images[found[""].labels == 5][0, 14, 14]
        assert shown == IMAGES[(5 - shift) % 10, 14, 14] and notes.layout == f"pictures, class by {choice}"


@pytest.mark.parametrize("kind", [np.uint8, np.int64, bool, np.float32])
def test_values_of_0_and_1_are_black_and_white(tmp_path: Path, kind: type) -> None:
    found, _ = read(tmp_path, npz(image=(IMAGES > 0).astype(kind), label=LABELS))
    assert (found[""].images == np.where(IMAGES > 0, 255, 0)).all()


@pytest.mark.parametrize("colour", ["white", "black", "red"])
@pytest.mark.parametrize("nothing", ["black", "white"])
def test_ink_on_transparent_paper_is_where_it_can_be_seen(tmp_path: Path, colour: str, nothing: str) -> None:
    """Whatever colour the pixels have that cannot be seen."""

    def drawing(number: int) -> bytes:
        ink = Image.fromarray(IMAGES[number])
        picture = Image.new("RGB", ink.size, nothing)
        picture.paste(colour, mask=ink.point(lambda value: 255 * (value > 0)))
        picture.putalpha(ink)
        return picture_bytes(picture)

    found, _ = read(tmp_path, {f"{LABELS[n]}_{n}.png": drawing(n) for n in range(30)})
    images = found[""].images
    assert sorted(images[:, 14, 14]) == sorted(IMAGES[:, 14, 14]) and not images[:, 0, 0].any()


@pytest.mark.parametrize("colour", ["white", "black"])
def test_a_picture_of_one_colour_is_empty_paper(tmp_path: Path, colour: str) -> None:
    members: Members = {f"{n}_1.png": picture_bytes(Image.new("RGBA", (28, 28), colour)) for n in range(10)}
    assert not read(tmp_path, members)[0][""].images.any()


def test_of_other_sizes_the_ink_is_cut_out_and_said(tmp_path: Path) -> None:
    """The square of 12 pixels becomes 36 x 24, and so 24 x 16 in the middle, white."""
    large = IMAGES.repeat(2, axis=1).repeat(3, axis=2)
    found, notes = read(tmp_path, npz(image=large, label=LABELS))
    inside, outside = np.s_[:, 7:21, 3:25], np.ones_like(IMAGES, bool)
    outside[:, 6:22, 2:26] = False
    assert (found[""].images[inside] == 255).all() and not found[""].images[outside].any()
    assert notes.sentences() == ["of pictures of 84 x 56 pixels the ink was cut out, and scaled to 24 pixels"]


def test_a_test_set_beside_unnamed_training_data_is_the_test_set(tmp_path: Path) -> None:
    members = {
        name.removeprefix("train/"): data
        for name, data in in_folders("{split}/{label}/{number}.png", png).items()
    }
    found, notes = read(tmp_path, members)
    assert notes.split == "as published: test; all others for training"
    assert [len(found[split].labels) for split in ("train", "test")] == [20, 10]
    assert sorted(found["test"].images[:, 14, 14]) == sorted(IMAGES[20:, 14, 14])


def test_folders_of_writers_are_not_taken_for_classes(tmp_path: Path) -> None:
    """Ten writers, named 0 to 9: a tenth of their files has the number of their folder by chance."""
    members: Members = {f"{writer}/{label}_1.png": png(label) for writer in range(10) for label in range(10)}
    with pytest.raises(InputError, match="names of 90 of 100 pictures, as of 0/1_1.png; say which is right"):
        read(tmp_path, members)
    found, _ = read(tmp_path, members, "name")
    assert (found[""].images[:, 14, 14] == 100 + found[""].labels).all()


def test_a_few_names_may_disagree_with_their_folders(tmp_path: Path) -> None:
    members: Members = {f"{n % 10}/{n % 10}_{n}.png": png(n) for n in range(30)}
    members["3/7_x.png"] = png(3)
    assert read(tmp_path, members)[1].layout == "pictures, class by folder"


def test_an_idx_file_that_is_there_packed_and_unpacked_is_read_once(tmp_path: Path) -> None:
    """As torchvision leaves MNIST/raw."""
    members = idx_files(f"MNIST/raw/{MNIST}") | idx_files(f"MNIST/raw/{MNIST}.gz", gzip.compress)
    found, notes = read(tmp_path, members)
    assert (found["test"].images == IMAGES[20:]).all()
    assert notes.unread == "4 .gz (MNIST/raw/t10k-images-idx3-ubyte.gz, ...)"


@pytest.mark.parametrize("kind", [str, bytes, np.float32, np.float64])
def test_labels_may_be_text_or_whole_real_numbers(tmp_path: Path, kind: type) -> None:
    """As scikit-learn's fetch_openml gives them."""
    found, _ = read(tmp_path, npz(image=IMAGES, label=LABELS.astype(kind)))
    assert (found[""].labels == LABELS).all()


# What a message has in it.
REFUSED: dict[str, tuple[bytes | Members, str]] = {
    "Keras without labels": (
        npz(x_train=IMAGES, x_test=IMAGES, y_test=LABELS),
        "digits.npz, train: there are images without labels; its arrays are x_train, x_test, y_test",
    ),
    "IDX without labels": (
        {"train-images-idx3-ubyte": idx(IMAGES)},
        "digits.zip, train: there are images without labels; its files are train-images-idx3-ubyte",
    ),
    "IDX, cut": (
        idx_files(pack=lambda data: data[:-1]),
        "digits.zip: t10k-images-idx3-ubyte says that it has [10, 28, 28] values, and has 7839",
    ),
    "IDX, packed and cut": (
        idx_files(f"{MNIST}.gz", lambda data: gzip.compress(data)[:-9]),
        "digits.zip: t10k-images-idx3-ubyte.gz cannot be unpacked: Compressed file ended before",
    ),
    "IDX that is none": (
        {"train-images-idx3-ubyte": b"text", "train-labels-idx1-ubyte": b"text"},
        "digits.zip: train-images-idx3-ubyte is not an IDX file",
    ),
    "IDX of numbers larger than bytes": (
        idx_files(pack=lambda data: bytes([0, 0, 12, 1]) + data[4:]),
        "digits.zip: t10k-images-idx3-ubyte says that it has [10] values, and has 7848 bytes of them",
    ),
    "arrays and pictures": (
        {"all.npz": npz(image=IMAGES, label=LABELS), "3_1.png": png(3)},
        "pixels (.csv) or pictures; it holds arrays (.npz) (all.npz); pictures (3_1.png)",
    ),
    "several files": (
        {name: npz(image=IMAGES, label=LABELS) for name in ("a.npz", "b.npz")},
        "digits.zip holds a.npz, b.npz; give one .npz file, or train.npz and test.npz",
    ),
    "a split in a split": (
        {name: keys("x_{}", "y_{}") for name in ("train.npz", "test.npz")},
        "test.npz holds a split of its own, and is one of several files; give it alone",
    ),
    "values to 1 and to 255": (
        npz(x_train=IMAGES / 255, y_train=LABELS, x_test=IMAGES, y_test=LABELS),
        "the largest values are 0.505882 in train, 129 in test; give all from 0 to 1, or all from 0 to 255",
    ),
    "strays beside folders of classes": (
        in_folders("{label}/img{number}.png", png) | {"assets/logo.png": png(0), "assets/2_a.png": png(2)},
        "no class can be told of assets/2_a.png, assets/logo.png: its folder names none (any name "
        "is one with prepare_digits.class_from: folder), as with the other 30 pictures; rename or remove",
    ),
    "no contrast": (
        npz(image=np.full((30, 28, 28), 7, np.uint8), label=LABELS),
        "every pixel of 'image' is 7; there is nothing to tell apart",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_digits_is_named(tmp_path: Path, case: str) -> None:
    content, message = REFUSED[case]
    with pytest.raises(InputError, match=re.escape(message)):
        read(tmp_path, content)


def test_a_packed_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.prepare_digits.idx_files.MEMBER_LIMIT", 2**20)
    members = idx_files(f"{MNIST}.gz", gzip.compress)
    members["train-images-idx3-ubyte.gz"] = gzip.compress(bytes(2 * 2**20))
    with pytest.raises(InputError, match="train-images-idx3-ubyte.gz unpacks to more than 1 MiB"):
        read(tmp_path, members)
