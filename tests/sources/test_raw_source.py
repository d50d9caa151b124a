"""fetch_digits and fetch_masks: from every kind of source to one raw file and its record."""

import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.runtime.errors import InputError
from pipeline.sources import catalogue, folders, raw_source
from stages.fetch_digits import __main__ as fetch_digits
from stages.fetch_masks import __main__ as fetch_masks
from tests.making import Project

DIGITS = Path("data/raw/digits")
MASKS = Path("data/raw/masks")


def write_npz(path: Path) -> Path:
    np.savez(path, image=np.zeros((10, 28, 28), np.uint8), label=np.arange(10, dtype=np.uint8))
    return path


def write_folder(folder: Path) -> Path:
    """A folder such as people have: pictures in folders, tables, and what is not data."""
    for name in [
        "b.jpg",
        "images/a.PNG",
        "train.csv",
        "boxes/1.xml",
        "README.md",
        ".hidden.png",
        "__MACOSX/b.jpg",
    ]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def record(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "source.json").read_text())


def test_a_file_is_copied_and_recorded_without_its_folder(project: Project, tmp_path: Path) -> None:
    file = write_npz(tmp_path / "mine.npz")
    project({"data.digits": str(file)})
    fetch_digits.main()
    assert (DIGITS / "digits.npz").read_bytes() == file.read_bytes()
    assert record(DIGITS) == {
        "source": "own",
        "title": "your own file or folder",
        "address": "mine.npz",
        "licence": raw_source.UNSTATED,
        "file": "digits.npz",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    assert str(tmp_path) not in (DIGITS / "source.json").read_text()


def test_a_relative_path_starts_in_the_project_folder(project: Project) -> None:
    write_npz(project({"data.digits": "mine/own.npz"}).joinpath("own.npz"))
    Path("mine").symlink_to(".")
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
        assert [archive.read(name) for name in ("link.jpg", "out.jpg", "more/a.PNG")] == [
            b"b.jpg",
            b"b.jpg",
            b"images/a.PNG",
        ]


def test_a_catalogue_name_is_downloaded_with_its_own_checksum(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def download(*arguments: object) -> Path:
        calls.append(arguments)
        return write_npz(tmp_path / "downloaded.npz")

    monkeypatch.setattr(raw_source, "download", download)
    project({"data.digits": "tibetan-mnist"})
    fetch_digits.main()
    source = catalogue.DIGITS["tibetan-mnist"]
    assert calls == [(source.address, None, "554c2a4336abc43646fcce4f16014d065909047e")]
    assert record(DIGITS)["address"] == source.address
    assert record(DIGITS)["licence"] == "CC BY-NC-SA 4.0"


def test_an_address_is_downloaded_with_the_checksum_of_the_parameters(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_npz(tmp_path / "downloaded.npz")
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    calls = []
    monkeypatch.setattr(raw_source, "download", lambda *arguments: calls.append(arguments) or file)
    project({"data.digits": "https://example.org/d.npz", "data.digits_sha256": sha256})
    fetch_digits.main()
    assert calls == [("https://example.org/d.npz", sha256)]
    assert record(DIGITS)["address"] == "https://example.org/d.npz"


def test_a_password_in_an_address_is_used_and_not_recorded(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_npz(tmp_path / "downloaded.npz")
    calls = []
    monkeypatch.setattr(raw_source, "download", lambda *arguments: calls.append(arguments) or file)
    project({"data.digits": "https://me:p@ss@example.org/d@1.npz"})
    fetch_digits.main()
    assert calls == [("https://me:p@ss@example.org/d@1.npz", None)]
    assert record(DIGITS)["address"] == "https://example.org/d@1.npz"
    printed = capsys.readouterr().out
    assert "https://example.org/d@1.npz" in printed and "p@ss" not in printed


def test_a_wrong_checksum_of_an_own_file_is_an_error(project: Project, tmp_path: Path) -> None:
    file = write_npz(tmp_path / "mine.npz")
    project({"data.digits": str(file), "data.digits_sha256": "0" * 64})
    with pytest.raises(
        InputError, match=r"sha256 of .*mine.npz is [0-9a-f]{64}, but data.digits_sha256 is 0"
    ):
        fetch_digits.main()
    assert not DIGITS.exists()
