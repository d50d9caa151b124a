"""prepare_digits from its raw file to its arrays: the split, the pixels, the class of a picture."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.common.digits import Digits
from pipeline.common.paths import DIGITS
from pipeline.common.storage import load_arrays
from pipeline.runtime.errors import InputError
from stages.prepare_digits import __main__ as prepare_digits
from stages.prepare_digits.formats import read_digits
from stages.prepare_digits.split import split_digits, split_sizes
from tests.making import LABELS, Members, Project, npz, picture_bytes, put, zipped

IMAGES = np.zeros((60, 28, 28), np.uint8)
IMAGES[:, 10:18, 10:18] = np.arange(60, dtype=np.uint8)[:, None, None] + 1  # each row is recognisable


def prepare(project: Project, content: bytes | Members, changes: dict[str, Any] | None = None) -> Any:
    """The arrays that the stage makes of an .npz file, or of an archive with these members."""
    folder = project(changes or {}) / "data/raw/digits"
    name = "digits.npz" if isinstance(content, bytes) else "digits.zip"
    put(folder / name, content if isinstance(content, bytes) else zipped(content))
    prepare_digits.main()
    return load_arrays(DIGITS)


def test_one_file_is_split_with_the_classes_in_proportion(project: Project) -> None:
    arrays = prepare(project, npz(image=IMAGES, label=LABELS))
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
        prepare(project, npz(image=IMAGES, label=LABELS), {"seed": seed})
        files.append(DIGITS.read_bytes())
    assert files[0] == files[1] != files[2]


@pytest.mark.parametrize(
    ("samples", "sizes"), [(17_768, (12_000, 5_768)), (20_000, (12_000, 5_768)), (100, (68, 32))]
)
def test_split_sizes(samples: int, sizes: tuple[int, int]) -> None:
    assert split_sizes(samples, 12_000, 5_768) == sizes


def test_train_and_test_files_are_a_given_split(project: Project) -> None:
    members: Members = {
        "TibetanMNIST/Datasets/train.npz": npz(image=IMAGES, label=LABELS),
        "TibetanMNIST/Datasets/test.npz": npz(image=IMAGES[:10], label=LABELS[:10]),
    }
    arrays = prepare(project, members)
    assert (arrays["train_images"] == IMAGES).all() and (arrays["test_images"] == IMAGES[:10]).all()


def test_pictures_take_their_class_from_their_name_and_shrink_by_area(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 100, (10, 84, 84), dtype=np.uint8)
    members: Members = {
        f"all/{label}_0_{label}.png": picture_bytes(Image.fromarray(pixels[label])) for label in range(10)
    }
    members |= {"__MACOSX/all/._3_1_1.png": b"?", "all/.DS_Store.png": b"?", "readme.txt": b"?"}
    put(tmp_path / "digits.zip", zipped(members))
    images, labels, _ = read_digits(tmp_path / "digits.zip")[0][""]
    assert labels.tolist() == list(range(10))
    means = pixels.reshape(10, 28, 3, 28, 3).mean(axis=(2, 4))  # of the area that a pixel covers
    assert np.abs(images - means).max() <= 1


def test_black_on_white_is_inverted_and_said(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    inverted = prepare(project, npz(image=255 - IMAGES, label=LABELS))
    assert "inverted to white on black" in capsys.readouterr().out
    as_it_is = prepare(project, npz(image=IMAGES, label=LABELS))
    assert (inverted["train_images"] == as_it_is["train_images"]).all()
    out = capsys.readouterr().out
    assert "inverted" not in out
    assert "digits of class 0 to 9: train 41 (" in out


def test_a_class_that_only_one_side_would_get_is_an_error() -> None:
    labels = np.r_[np.resize(np.arange(9), 900), 9, 9]
    with pytest.raises(InputError, match="902 digits .* 880 and 20 .*: a class would be on one side only"):
        split_digits(Digits(np.zeros((902, 28, 28), np.uint8), labels), 880, 20, seed=0)


def test_the_real_digits_split_as_in_the_report(project: Project, shared_data: Path) -> None:
    arrays = prepare(project, (shared_data / "tibetan-mnist.npz").read_bytes())
    assert len(arrays["train_labels"]) == 12_000 and len(arrays["test_labels"]) == 5_768
    train, test = (np.bincount(arrays[f"{split}_labels"]) for split in ("train", "test"))
    assert np.abs(train / 12_000 - test / 5_768).max() < 1e-3
