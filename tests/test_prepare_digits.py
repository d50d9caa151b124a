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

from stages import prepare_digits
from stages.settings import InputError
from stages.sources import digit_files

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
    with np.load("data/digits.npz", allow_pickle=False) as arrays:
        return dict(arrays)


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
        files.append(Path("data/digits.npz").read_bytes())
    assert files[0] == files[1] != files[2]


@pytest.mark.parametrize(
    ("samples", "sizes"), [(17_768, (12_000, 5_768)), (20_000, (12_000, 5_768)), (100, (68, 32))]
)
def test_split_sizes(samples: int, sizes: tuple[int, int]) -> None:
    assert prepare_digits.split_sizes(samples, 12_000, 5_768) == sizes


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
    found, labels = digit_files.read_digits(file)[""]
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
    images, labels = digit_files.read_digits(file)[""]
    assert labels.tolist() == list(range(10))
    assert images[:, 14, 14].tolist() == [20 * label + 20 for label in range(10)]
    assert images[:, 0, 0].tolist() == [0] * 10


def test_a_pixel_is_the_mean_of_the_area_it_covers(project: Project) -> None:
    pixels = np.random.default_rng(0).integers(0, 100, (84, 84), dtype=np.uint8)
    members = {f"{label}_1.png": picture_bytes(Image.fromarray(pixels)) for label in range(10)}
    file = raw_folder(project) / "digits.zip"
    write_zip(file, members)
    images, _ = digit_files.read_digits(file)[""]
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
        image = digit_files._read_picture(archive, "3_1.png")
    assert image.shape == (28, 28) and (image == 255).all()


def test_folders_train_and_test_are_a_given_split(project: Project) -> None:
    members = {f"d/Train/{label}_1.png": square(100) for label in range(10)}
    members |= {f"d/Test/{label}_{i}.png": square(200) for label in range(10) for i in range(2)}
    write_zip(raw_folder(project) / "digits.zip", members)
    arrays = prepare()
    assert len(arrays["train_labels"]) == 10 and len(arrays["test_labels"]) == 20
    assert (arrays["test_images"][:, 14, 14] == 200).all()


def test_black_on_white_is_inverted_and_said(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(raw_folder(project) / "digits.npz", image=255 - IMAGES, label=LABELS)
    arrays = prepare()
    assert "inverted to white on black" in capsys.readouterr().out
    assert (arrays["train_images"][:, 0, 0] == 0).all()
    np.savez(raw_folder(project) / "digits.npz", image=IMAGES, label=LABELS)
    assert (prepare()["train_images"] == arrays["train_images"]).all()
    out = capsys.readouterr().out
    assert "inverted" not in out
    assert out.startswith("digits of class 0 to 9: train 41 (")


def bad_rows(row: int, value: object) -> np.ndarray:
    images = IMAGES.astype(np.float64)
    images[row, 3, 3] = value
    return images


BAD_ARRAYS = {
    "no label": ({"image": IMAGES}, "digits.npz has no key 'label'; its keys are image"),
    "objects": ({"image": IMAGES.astype(object), "label": LABELS}, "'image' cannot be read: Object arrays"),
    "shape": ({"image": IMAGES[:, :27], "label": LABELS}, r"'image' has shape \(60, 27, 28\)"),
    "colours": ({"image": np.stack([IMAGES] * 3, -1), "label": LABELS}, "'image' has shape"),
    "no rows": ({"image": IMAGES[:0], "label": LABELS[:0]}, "'image' has shape"),
    "text": ({"image": IMAGES.astype(str), "label": LABELS}, "'image' has type <U"),
    "complex": ({"image": IMAGES.astype(complex), "label": LABELS}, "'image' has type complex"),
    "NaN": ({"image": bad_rows(7, np.nan), "label": LABELS}, "'image' row 7 has values"),
    "infinite": ({"image": bad_rows(8, np.inf), "label": LABELS}, "'image' row 8 has values"),
    "negative": ({"image": bad_rows(9, -1), "label": LABELS}, "'image' row 9 has values"),
    "too bright": ({"image": IMAGES.astype(np.int32) + 255, "label": LABELS}, "'image' row 0 has values"),
    "label 10": ({"image": IMAGES, "label": LABELS + 1}, "'label' row 9 is 10, not within 0 to 9"),
    "label -1": ({"image": IMAGES, "label": LABELS.astype(int) - 1}, "'label' row 0 is -1"),
    "float label": ({"image": IMAGES, "label": LABELS / 1}, "type float64; it must be"),
    "one-hot": ({"image": IMAGES, "label": np.eye(10, dtype=int)[LABELS]}, "it must be .n,. whole numbers"),
    "lengths": ({"image": IMAGES, "label": LABELS[:-1]}, "60 rows in 'image' but 59 in 'label'"),
    "class": ({"image": IMAGES, "label": LABELS % 9}, "digits.npz: no digit of class 9"),
    "few": ({"image": IMAGES[:11], "label": LABELS[:11]}, "11 digits cannot be split into 7 and 4"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_arrays_are_an_error_that_leaves_nothing(project: Project, case: str) -> None:
    arrays, message = BAD_ARRAYS[case]
    np.savez(raw_folder(project) / "digits.npz", **arrays)
    with pytest.raises(InputError, match=message):
        prepare_digits.main()
    assert not Path("data/digits.npz").exists()


BAD_ZIPS = {
    "name": ({"seven.png": square(9)}, "the name of seven.png must begin with its class"),
    "two digits": ({"12_1.png": square(9)}, "the name of 12_1.png must begin with its class"),
    "no picture": ({"3_1.png": b"text"}, "digits.zip: 3_1.png cannot be read as a picture: unknown format"),
    "truncated": ({"3_1.png": square(9)[:-40]}, "3_1.png cannot be read as a picture"),
    "nothing": ({"readme.md": b""}, "holds neither train.npz and test.npz nor pictures alone"),
    "train alone": ({"train.npz": npz_bytes(image=IMAGES, label=LABELS)}, "holds neither train.npz and"),
    "test is text": ({"train.npz": b"text", "test.npz": b"text"}, "digits.zip: train.npz cannot be read"),
    "class": ({f"{label}_1.png": square(9) for label in range(9)}, "digits.zip: no digit of class 9"),
    "stray": (
        {f"{split}/{label}_1.png": square(9) for label in range(10) for split in ("train", "test", "more")},
        "more/0_1.png is in neither of the folders train and test",
    ),
}


@pytest.mark.parametrize("case", BAD_ZIPS)
def test_bad_archives_are_an_error(project: Project, case: str) -> None:
    members, message = BAD_ZIPS[case]
    write_zip(raw_folder(project) / "digits.zip", members)
    with pytest.raises(InputError, match=message):
        prepare_digits.main()


def test_a_class_that_only_one_side_would_get_is_an_error() -> None:
    labels = np.r_[np.resize(np.arange(9), 900), 9, 9]
    with pytest.raises(InputError, match="902 digits .* 880 and 20: a class would be on one side only"):
        prepare_digits.split_digits((np.zeros((902, 28, 28), np.uint8), labels), 880, 20, seed=0)


def test_nothing_fetched_is_an_error(project: Project) -> None:
    raw_folder(project)
    with pytest.raises(InputError, match="run fetch_digits first"):
        prepare_digits.main()


def test_the_real_digits_split_as_in_the_report(project: Project, shared_data: Path) -> None:
    shutil.copyfile(shared_data / "tibetan-mnist.npz", raw_folder(project) / "digits.npz")
    arrays = prepare()
    assert len(arrays["train_labels"]) == 12_000 and len(arrays["test_labels"]) == 5_768
    shares = [
        np.bincount(arrays[f"{split}_labels"]) / len(arrays[f"{split}_labels"]) for split in ("train", "test")
    ]
    assert np.abs(shares[0] - shares[1]).max() < 1e-3
