"""prepare_digits from its raw file to its arrays: the split, the pixels, the class of a picture."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.common.digits import Digits
from pipeline.common.paths import DIGITS
from pipeline.common.storage import load_about, load_arrays
from pipeline.runtime.errors import InputError
from stages.prepare_digits import __main__ as prepare_digits
from stages.prepare_digits.formats import read_digits
from stages.prepare_digits.split import keep_copies_together, split_digits, split_sizes
from tests.making import LABELS, Members, Project, npz, picture_bytes, put, zipped

IMAGES = np.zeros((60, 28, 28), np.uint8)
IMAGES[:, 10:18, 10:18] = np.arange(60, dtype=np.uint8)[:, None, None] + 101  # each row is recognisable

DOTTED = np.zeros((60, 28, 28))  # from 0 to 1, each with its dot in another place
DOTTED[:, 10:18, 10:18] = 0.5
DOTTED[np.arange(60), 10 + np.arange(60) // 8, 10 + np.arange(60) % 8] = 1


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
    rows = np.concatenate([arrays["train_images"], arrays["test_images"]])[:, 14, 14] - 101
    assert sorted(rows) == list(range(60))
    assert (LABELS[rows] == np.concatenate([arrays["train_labels"], arrays["test_labels"]])).all()


def test_the_split_follows_from_the_seed(project: Project) -> None:
    files = []
    for seed in (0, 0, 1):
        prepare(project, npz(image=IMAGES, label=LABELS), {"seed": seed})
        files.append(DIGITS.read_bytes())
    assert files[0] == files[1] != files[2]


@pytest.mark.parametrize(
    ("samples", "sizes"),
    [
        (20_000, (12_000, 5_768)),
        (17_768, (12_000, 5_768)),
        (17_767, (11_999, 5_768)),
        (10_000, (6_754, 3_246)),
        (100, (68, 32)),
    ],
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


def test_pictures_take_their_class_from_their_name_and_their_ink_shrinks_by_area(tmp_path: Path) -> None:
    pixels = np.zeros((10, 84, 84), np.uint8)
    pixels[:, 10:82, 5:77] = np.random.default_rng(0).integers(160, 240, (10, 72, 72))
    members: Members = {
        f"all/{label}_0_{label}.png": picture_bytes(Image.fromarray(pixels[label])) for label in range(10)
    }
    members |= {"__MACOSX/all/._3_1_1.png": b"?", "all/.DS_Store.png": b"?", "readme.txt": b"?"}
    put(tmp_path / "digits.zip", zipped(members))
    images, labels, _ = read_digits(tmp_path / "digits.zip")[0][""]
    assert labels.tolist() == list(range(10))
    ink = pixels[:, 10:82, 5:77].reshape(10, 24, 3, 24, 3)
    means = ink.mean(axis=(2, 4))  # of the area that a pixel covers
    inner = images[:, 3:25, 3:25].astype(float)
    assert np.abs(inner / inner.mean() - means[:, 1:-1, 1:-1] / means[:, 1:-1, 1:-1].mean()).max() < 0.15
    assert (
        inner.max() > 230 and not images[:, [0, 1, 26, 27]].any() and not images[:, :, [0, 1, 26, 27]].any()
    )


def test_black_on_white_is_inverted_and_said(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Each picture by itself: here every third is black on white."""
    mixed = IMAGES.copy()
    mixed[::3] = 255 - mixed[::3]
    inverted = prepare(project, npz(image=mixed, label=LABELS))
    assert "20 pictures are dark on light, and were inverted to white on black" in capsys.readouterr().out
    as_it_is = prepare(project, npz(image=IMAGES, label=LABELS))
    assert (inverted["train_images"] == as_it_is["train_images"]).all()
    out = capsys.readouterr().out
    assert "inverted" not in out
    assert "digits of class 0 to 9: train 41 (" in out


def test_a_class_that_only_one_side_would_get_is_an_error() -> None:
    labels = np.r_[np.resize(np.arange(9), 900), 9, 9]
    images = np.zeros((902, 28, 28), np.uint8)
    images[:, 3, :2] = np.stack([np.arange(902) // 256, np.arange(902) % 256], axis=1)
    with pytest.raises(InputError, match="902 digits .* 880 and 20 .*: a class would be on one side only"):
        split_digits(Digits(images, labels), 880, 20, seed=0)
    with pytest.raises(InputError, match="a class would be on one side only, as copies are"):
        split_digits(Digits(np.zeros((902, 28, 28), np.uint8), labels % 9), 450, 450, seed=0)


@pytest.mark.parametrize(
    ("images", "white"),
    [
        (DOTTED * 16, 16),  # as in scikit-learn's load_digits
        ((DOTTED * 16).astype(np.uint8), 16),
        (DOTTED * 1.05 - 0.02, 1),  # interpolation overshoots
        (DOTTED * 250, 255),
    ],
)
def test_the_value_of_white_is_found_and_kept_for_users_of_the_network(
    project: Project, capsys: pytest.CaptureFixture[str], images: np.ndarray, white: int
) -> None:
    arrays = prepare(project, npz(image=images, label=LABELS))
    both = np.concatenate([arrays["train_images"], arrays["test_images"]])
    values = {float(value) * 255 / white for value in np.unique(images)}
    assert np.unique(both) == pytest.approx(sorted(min(max(value, 0), 255) for value in values), abs=0.5)
    assert load_about(DIGITS)["prepared"] == {"ink": 24, "white": white}
    assert ("values from 0 to 16 were scaled to 255" in capsys.readouterr().out) == (white == 16)


def copied() -> tuple[np.ndarray, np.ndarray]:
    """300 digits, of which the last 40 are copies of the first 40."""
    images, labels = np.zeros((300, 28, 28), np.uint8), np.resize(np.arange(10, dtype=np.uint8), 300)
    images[:, 10:18, 10:18] = 130
    images[:, 12, 12:14] = np.stack([np.arange(300) // 100, np.arange(300) % 100], axis=1)
    images[260:] = images[:40]
    return images, labels


def test_copies_are_on_one_side_of_a_drawn_split(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    images, labels = copied()
    for seed in range(5):
        arrays = prepare(project, npz(image=images, label=labels), {"seed": seed})
        sides = [{image.tobytes() for image in arrays[f"{split}_images"]} for split in ("train", "test")]
        assert not sides[0] & sides[1]
        assert len(arrays["train_images"]) == 203 and len(arrays["test_images"]) == 97
        assert np.bincount(arrays["test_labels"]).tolist() == pytest.approx([9.7] * 10, abs=1)
    assert "40 digits are copies of another, and on its side of the split" in capsys.readouterr().out


def test_a_copy_goes_to_training_where_nothing_can_take_its_place() -> None:
    first = np.array([0, 0, 2, 2, 4])
    train, test = keep_copies_together(np.array([0, 2]), np.array([1, 3, 4]), first, np.zeros(5, int))
    assert train.tolist() == [0, 2, 1, 3] and test.tolist() == [4]


def test_copies_across_a_published_split_are_counted(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    images, labels = copied()
    members: Members = {
        "train.npz": npz(image=images[:250], label=labels[:250]),
        "test.npz": npz(image=images[250:], label=labels[250:]),
    }
    arrays = prepare(project, members)
    assert len(arrays["train_images"]) == 250
    assert "40 test digits are copies of training digits, as published" in capsys.readouterr().out


def test_a_single_sheet_of_paper_separates_nothing(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    sheets = np.where(np.arange(60) < 55, 7, -1)
    arrays = prepare(project, npz(image=IMAGES, label=LABELS, sheet=sheets))
    assert "train_sheets" not in arrays
    assert "all digits are from one sheet of paper" in capsys.readouterr().out


def test_the_real_digits_split_as_in_the_report(
    project: Project, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays = prepare(project, (shared_data / "tibetan-mnist.npz").read_bytes())
    assert len(arrays["train_labels"]) == 12_000 and len(arrays["test_labels"]) == 5_768
    train, test = (np.bincount(arrays[f"{split}_labels"]) for split in ("train", "test"))
    assert np.abs(train / 12_000 - test / 5_768).max() < 1e-3
    assert not {i.tobytes() for i in arrays["train_images"]} & {i.tobytes() for i in arrays["test_images"]}
    assert "64 digits are copies of another" in capsys.readouterr().out
