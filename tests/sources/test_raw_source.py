"""fetch_digits and fetch_masks: from every kind of source to one raw file and its record."""

import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pipeline.runtime.errors import InputError
from pipeline.sources import catalogue, folders, raw_source
from pipeline.sources.raw_source import UNSTATED
from stages.fetch_digits import __main__ as fetch_digits
from stages.fetch_masks import __main__ as fetch_masks
from tests.making import IMAGES, LABELS, Project, npz, put

DIGITS = Path("data/raw/digits")
MASKS = Path("data/raw/masks")


NPZ = npz(image=IMAGES, label=LABELS)
SHA256 = hashlib.sha256(NPZ).hexdigest()
# A folder such as people have: pictures in folders, tables, and what is not data.
NAMES = ["b.jpg", "images/a.PNG", "train.csv", "boxes/1.xml", "README.md", ".hidden.png", "__MACOSX/b.jpg"]


def write_folder(folder: Path) -> Path:
    for name in NAMES:
        put(folder / name, name.encode())
    return folder


def record(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "source.json").read_text())


def test_a_file_is_copied_and_recorded_without_its_folder(project: Project, tmp_path: Path) -> None:
    put(tmp_path / "mine.npz", NPZ)
    project({"data.digits": str(tmp_path / "mine.npz")})
    fetch_digits.main()
    assert (DIGITS / "digits.npz").read_bytes() == NPZ
    assert record(DIGITS) == {
        "source": "own",
        "title": "your own file or folder",
        "address": "mine.npz",
        "licence": UNSTATED,
        "file": "digits.npz",
        "sha256": SHA256,
    }
    assert str(tmp_path) not in (DIGITS / "source.json").read_text()


def test_a_relative_path_starts_in_the_project_folder(project: Project) -> None:
    put(project({"data.digits": "mine/own.npz"}) / "mine/own.npz", NPZ)
    fetch_digits.main()
    assert (DIGITS / "digits.npz").exists()


def test_a_folder_is_packed_the_same_way_whatever_its_dates(project: Project, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "photographs")
    project({"data.masks": str(folder)})
    fetch_masks.main()
    with zipfile.ZipFile(MASKS / "masks.zip") as archive:
        assert archive.namelist() == ["b.jpg", "boxes/1.xml", "images/a.PNG", "train.csv"]
        assert archive.read("images/a.PNG") == b"images/a.PNG"
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}
    packed = (MASKS / "masks.zip").read_bytes()
    os.utime(folder / "b.jpg", (0, 0))
    (folder / "b.jpg").chmod(0o600)
    fetch_masks.main()
    assert (MASKS / "masks.zip").read_bytes() == packed


def test_links_in_a_folder_are_followed_wherever_they_lead(tmp_path: Path) -> None:
    """As DVC's cache makes them (cache.type symlink), or a disk elsewhere."""
    folder, elsewhere = write_folder(tmp_path / "photographs"), write_folder(tmp_path / "elsewhere")
    (folder / "link.jpg").symlink_to("b.jpg")
    (folder / "out.jpg").symlink_to(elsewhere / "b.jpg")
    (folder / "more").symlink_to(elsewhere / "images")
    assert folders.pack_folder(folder, tmp_path / "packed") == "README.md"
    with zipfile.ZipFile(tmp_path / "packed") as archive:
        read = [archive.read(name) for name in ("link.jpg", "out.jpg", "more/a.PNG")]
    assert read == [b"b.jpg", b"b.jpg", b"images/a.PNG"]


TIBETAN = catalogue.DIGITS["tibetan-mnist"]
BLOB = "554c2a4336abc43646fcce4f16014d065909047e"


@pytest.mark.parametrize(
    ("name", "sha256", "asked_for", "address", "licence"),
    [
        ("tibetan-mnist", None, (TIBETAN.address, None, BLOB), TIBETAN.address, "CC BY-NC-SA 4.0"),
        ("https://a.org/@1", None, ("https://a.org/@1", None), "https://a.org/@1", UNSTATED),
        ("https://a.org/@1", SHA256, ("https://a.org/@1", SHA256), "https://a.org/@1", UNSTATED),
        ("https://me:p@ss@a.org/@1", None, ("https://me:p@ss@a.org/@1", None), "https://a.org/@1", UNSTATED),
    ],
)
def test_what_is_downloaded_and_recorded(
    project: Project, tmp_path: Path, monkeypatch, capsys, name, sha256, asked_for, address, licence
) -> None:
    """A name of the catalogue with its own checksum, an address with that of params.yaml; no password is
    shown.
    """
    calls = []
    put(tmp_path / "downloaded", NPZ)
    monkeypatch.setattr(raw_source, "download", lambda *asked: calls.append(asked) or tmp_path / "downloaded")
    project({"data.digits": name, "data.digits_sha256": sha256})
    fetch_digits.main()
    assert calls == [asked_for]
    assert (record(DIGITS)["address"], record(DIGITS)["licence"]) == (address, licence)
    printed = capsys.readouterr().out
    assert "p@ss" not in printed and (address in printed or name == "tibetan-mnist")


def test_a_wrong_checksum_of_an_own_file_is_an_error(project: Project) -> None:
    put(project({"data.digits": "mine.npz", "data.digits_sha256": "0" * 64}) / "mine.npz", NPZ)
    with pytest.raises(InputError, match=f"sha256 of mine.npz is {SHA256}, but data.digits_sha256 is 0"):
        fetch_digits.main()
    assert not DIGITS.exists()
