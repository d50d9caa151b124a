"""Data of one's own: whether they have changed since they were fetched, and what their faults end with."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.sources.wanted import has_changed, own_path
from stages.fetch_digits import __main__ as fetch_digits
from stages.fetch_masks import __main__ as fetch_masks
from tests.making import HEADER, IMAGES, LABELS, PHOTOGRAPH, Project, Refused, npz, put

MASKS, DIGITS = Path("data/raw/masks"), Path("data/raw/digits")
FACES = {"train.csv": HEADER.encode(), "images/a.png": b"picture"}


@pytest.fixture
def fetched(project: Project, tmp_path: Path) -> Path:
    """A folder of one's own, from which fetch_masks has fetched."""
    for name, content in FACES.items():
        put(tmp_path / "faces" / name, content)
    project({"data.masks": str(tmp_path / "faces")})
    fetch_masks.main()
    return tmp_path / "faces"


def touch(folder: Path) -> None:
    os.utime(folder / "train.csv", (0, 0))


def put_what_is_not_taken(folder: Path) -> None:
    put(folder / "README.md", b"notes")
    put(folder / ".hidden.png", b"hidden")


CHANGES: dict[str, tuple[Callable[[Path], object], bool]] = {
    "nothing": (lambda folder: None, False),
    "a date": (touch, False),
    "files that are not fetched": (put_what_is_not_taken, False),
    "one more file": (lambda folder: put(folder / "b.png", b""), True),
    "one file less": (lambda folder: (folder / "images/a.png").unlink(), True),
    "another name": (lambda folder: (folder / "images/a.png").rename(folder / "images/b.png"), True),
    "another size": (lambda folder: put(folder / "train.csv", b"shorter"), True),
    "a letter": (lambda folder: put(folder / "images/a.png", b"Picture"), True),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_folder_that_has_changed_since_it_was_fetched(fetched: Path, change: str) -> None:
    function, changed = CHANGES[change]
    function(fetched)
    assert has_changed(fetched, MASKS) is changed


def test_a_file_that_has_changed_since_it_was_fetched(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "mine.npz"
    put(file, npz(image=IMAGES, label=LABELS))
    project({"data.digits": str(file)})
    assert not has_changed(file, DIGITS)  # nothing was fetched
    fetch_digits.main()
    assert not has_changed(file, DIGITS)
    content = file.read_bytes()
    put(file, content[:-1] + bytes([content[-1] ^ 1]))
    assert has_changed(file, DIGITS)
    file.unlink()
    assert not has_changed(file, DIGITS)  # as on another machine


@pytest.mark.parametrize("name", ["synthetic", "medical-masks", "https://a.org/masks.zip"])
def test_other_sources_are_no_paths(name: str) -> None:
    assert own_path(name, ["medical-masks"]) is None


REFETCH = "after a change of your data, which DVC does not watch: dvc repro --force fetch_{}, then go on"


def test_a_fault_of_one_s_own_photographs_ends_with_how_to_fetch_them(
    project: Project, refused: Refused, tmp_path: Path
) -> None:
    put(tmp_path / "faces/train.csv", f"{HEADER}a.png,60,40,hat,1,2,30,40\n".encode())
    put(tmp_path / "faces/a.png", PHOTOGRAPH)
    project({"data.masks": str(tmp_path / "faces")})
    fetch_masks.main()
    message = (
        "labels without a class: 'hat' (1 boxes, the first in train.csv line 2); map them to bad, good, none "
        "or a class of your own in crop_masks.classes"
    )
    refused("crop_masks", f"{message}\ncrop_masks: {REFETCH.format('masks')}")


def test_a_fault_of_one_s_own_digits_ends_with_how_to_fetch_them(
    project: Project, refused: Refused, tmp_path: Path
) -> None:
    put(tmp_path / "mine.npz", npz(pictures=IMAGES, label=LABELS))
    project({"data.digits": str(tmp_path / "mine.npz")})
    fetch_digits.main()
    message = "digits.npz: beside 'label' there is no array of images; its arrays are pictures, label"
    refused("prepare_digits", f"{message}\nprepare_digits: {REFETCH.format('digits')}")
