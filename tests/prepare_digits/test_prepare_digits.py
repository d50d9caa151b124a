"""prepare_digits: every form of digits becomes the same arrays, and what is no digits is named."""

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.common.digits import Digits, Notes
from pipeline.common.paths import DIGITS
from pipeline.common.storage import load_arrays
from pipeline.runtime.errors import InputError
from stages.prepare_digits import __main__ as prepare_digits
from stages.prepare_digits import formats as digit_files
from stages.prepare_digits import split as splitting

Project = Callable[[dict[str, Any]], Path]
LABELS = np.tile(np.arange(10, dtype=np.uint8), 6)
IMAGES = np.zeros((60, 28, 28), np.uint8)
IMAGES[:, 10:18, 10:18] = np.arange(60, dtype=np.uint8)[:, None, None] + 1  # each row is recognisable


def raw_folder(project: Project, changes: dict[str, Any] | None = None) -> Path:
    folder = project(changes or {}) / "data/raw/digits"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def prepare() -> dict[str, np.ndarray]:
    prepare_digits.main()
    return load_arrays(DIGITS)


def npz_bytes(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def picture_bytes(picture: Image.Image, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form)
    return buffer.getvalue()


def write_zip(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def square(value: int, side: int = 28, mode: str = "L") -> bytes:
    """A picture whose middle has `value` on black."""
    pixels = np.zeros((side, side), np.uint8)
    pixels[side // 4 : 3 * side // 4, side // 4 : 3 * side // 4] = value
    return picture_bytes(Image.fromarray(pixels).convert(mode))


def test_one_file_is_split_with_the_classes_in_proportion(project: Project) -> None:
    np.savez(raw_folder(project) / "digits.npz", image=IMAGES, label=LABELS)
    arrays = prepare()
    # 60 samples in the proportion 12,000 to 5,768: 40.5 and 19.5.
    assert {name: array.shape for name, array in arrays.items()} == {
        "train_images": (41, 28, 28),
        "train_labels": (41,),
        "test_images": (19, 28, 28),
        "test_labels": (19,),
    }
    assert np.bincount(arrays["test_labels"]).tolist() == pytest.approx([1.9] * 10, abs=1)
    rows = np.concatenate([arrays["train_images"], arrays["test_images"]])[:, 14, 14] - 1
    assert sorted(rows) == list(range(60))
    assert (LABELS[rows] == np.concatenate([arrays["train_labels"], arrays["test_labels"]])).all()


def test_the_split_follows_from_the_seed(project: Project) -> None:
    files = []
    for seed in (0, 0, 1):
        np.savez(raw_folder(project, {"seed": seed}) / "digits.npz", image=IMAGES, label=LABELS)
        prepare()
        files.append(DIGITS.read_bytes())
    assert files[0] == files[1] != files[2]


@pytest.mark.parametrize(
    ("samples", "sizes"), [(17_768, (12_000, 5_768)), (20_000, (12_000, 5_768)), (100, (68, 32))]
)
def test_split_sizes(samples: int, sizes: tuple[int, int]) -> None:
    assert splitting.split_sizes(samples, 12_000, 5_768) == sizes


@pytest.mark.parametrize(
    "images",
    [
        IMAGES,
        IMAGES.reshape(60, 784),
        IMAGES.astype(np.int64),
        IMAGES.astype(np.float64),
        (IMAGES / 255).astype(np.float32),
    ],
    ids=["28x28", "784", "int64", "float to 255", "float to 1"],
)
def test_every_form_of_array_gives_the_same_images(project: Project, images: np.ndarray) -> None:
    file = raw_folder(project) / "digits.npz"
    np.savez(file, image=images, label=LABELS.astype(np.int32))
    found, labels, _ = digit_files.read_digits(file)[0][""]
    assert found.dtype == labels.dtype == np.uint8
    assert (found == IMAGES).all() and (labels == LABELS).all()


@pytest.mark.parametrize("folder", ["", "TibetanMNIST/Datasets/"])
def test_train_and_test_files_are_a_given_split(project: Project, folder: str) -> None:
    members = {
        f"{folder}train.npz": npz_bytes(image=IMAGES, label=LABELS),
        f"{folder}test.npz": npz_bytes(image=IMAGES[:10], label=LABELS[:10]),
    }
    write_zip(raw_folder(project) / "digits.zip", members)
    arrays = prepare()
    assert (arrays["train_images"] == IMAGES).all() and (arrays["test_images"] == IMAGES[:10]).all()


def test_pictures_take_their_class_from_their_name_and_shrink_by_area(project: Project) -> None:
    members = {f"all/{label}_0_{label}.png": square(20 * label + 20, side=56) for label in range(10)}
    members |= {"__MACOSX/all/._3_1_1.png": b"?", "all/.DS_Store.png": b"?", "readme.txt": b"?"}
    file = raw_folder(project) / "digits.zip"
    write_zip(file, members)
    images, labels, _ = digit_files.read_digits(file)[0][""]
    assert labels.tolist() == list(range(10))
    assert images[:, 14, 14].tolist() == [20 * label + 20 for label in range(10)]
    assert images[:, 0, 0].tolist() == [0] * 10


def test_a_pixel_is_the_mean_of_the_area_it_covers(project: Project) -> None:
    pixels = np.random.default_rng(0).integers(0, 100, (84, 84), dtype=np.uint8)
    members = {f"{label}_1.png": picture_bytes(Image.fromarray(pixels)) for label in range(10)}
    file = raw_folder(project) / "digits.zip"
    write_zip(file, members)
    images, *_ = digit_files.read_digits(file)[0][""]
    means = pixels.reshape(28, 3, 28, 3).mean(axis=(1, 3))
    assert np.abs(images[0] - means).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_pictures_of_every_mode_are_grey(mode: str) -> None:
    picture = Image.fromarray(np.full((40, 40), 255, np.uint8))
    if mode == "I;16":
        picture = Image.fromarray(np.full((40, 40), 65535, np.uint16))
    form = "TIFF" if mode == "CMYK" else "PNG"
    data = picture_bytes(picture if mode == "I;16" else picture.convert(mode), form)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("3_1.png", data)
        image = digit_files.read_picture(archive, "3_1.png", Notes())
    assert image.shape == (28, 28) and (image == 255).all()


def test_black_on_white_is_inverted_and_said(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(raw_folder(project) / "digits.npz", image=255 - IMAGES, label=LABELS)
    arrays = prepare()
    assert "inverted to white on black" in capsys.readouterr().out
    assert (arrays["train_images"][:, 0, 0] == 0).all()
    np.savez(raw_folder(project) / "digits.npz", image=IMAGES, label=LABELS)
    assert (prepare()["train_images"] == arrays["train_images"]).all()
    out = capsys.readouterr().out
    assert "inverted" not in out
    assert "digits of class 0 to 9: train 41 (" in out


def test_a_class_that_only_one_side_would_get_is_an_error() -> None:
    labels = np.r_[np.resize(np.arange(9), 900), 9, 9]
    with pytest.raises(InputError, match="902 digits .* 880 and 20 .*: a class would be on one side only"):
        splitting.split_digits(Digits(np.zeros((902, 28, 28), np.uint8), labels), 880, 20, seed=0)


def test_the_real_digits_split_as_in_the_report(project: Project, shared_data: Path) -> None:
    shutil.copyfile(shared_data / "tibetan-mnist.npz", raw_folder(project) / "digits.npz")
    arrays = prepare()
    assert len(arrays["train_labels"]) == 12_000 and len(arrays["test_labels"]) == 5_768
    shares = [
        np.bincount(arrays[f"{split}_labels"]) / len(arrays[f"{split}_labels"]) for split in ("train", "test")
    ]
    assert np.abs(shares[0] - shares[1]).max() < 1e-3
