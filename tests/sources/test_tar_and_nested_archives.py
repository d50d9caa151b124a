"""Tar archives, and archives in an archive: read as a zip is, and refused as a zip is."""

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.runtime.errors import InputError
from pipeline.sources import plain_zip
from pipeline.sources.archives import file_names, read_file
from pipeline.sources.folders import open_source
from pipeline.sources.wanted import has_changed
from stages.fetch_digits import __main__ as fetch_digits
from stages.fetch_masks import __main__ as fetch_masks
from tests.making import (
    HEADER,
    IMAGES,
    LABELS,
    PHOTOGRAPH,
    TEST,
    Accepted,
    Project,
    Refused,
    npz,
    put,
    tables,
    zipped,
)
from tools import look_at

MASKS = Path("data/raw/masks/masks.zip")
FACES = {
    name: content.encode() if isinstance(content, str) else content
    for name, content in tables(HEADER + TEST).items()
}
PICTURES = {name: content for name, content in FACES.items() if name.endswith(".png")}
CSV = {name: content for name, content in FACES.items() if name.endswith(".csv")}


def tarred(members: Mapping[str, bytes], date: float = 0, form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, content in members.items():
            header = tarfile.TarInfo(name)
            header.size, header.mtime = len(content), date
            archive.addfile(header, io.BytesIO(content))
    return buffer.getvalue()


def single(content: bytes = b"", name: str = "a.png", **fields: object) -> bytes:
    """A tar archive of one file whose header has these fields."""
    header = tarfile.TarInfo(name)
    header.size = len(content)
    for field, value in fields.items():
        setattr(header, field, value)
    padding = bytes(-len(content) % 512)
    return header.tobuf(tarfile.GNU_FORMAT) + content + padding + bytes(1024)


def in_folder(members: Mapping[str, bytes], folder: str) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in members.items()}


def contents(path: Path | io.BytesIO) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No temporary file stays, however a test ends."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    yield
    assert list((tmp_path / "temporary").iterdir()) == []


TAR = tarred(FACES)
# The name of an archive, its content, and what is read of it.
FORMS: dict[str, tuple[bytes, Mapping[str, bytes]]] = {
    "mine.tar": (TAR, FACES),
    "mine.tar.gz": (gzip.compress(TAR), FACES),
    "mine.tgz": (gzip.compress(TAR[:1000]) + gzip.compress(TAR[1000:]), FACES),
    "mine.tar.bz2": (bz2.compress(TAR), FACES),
    "mine.tar.xz": (lzma.compress(TAR[:1000]) + bytes(4) + lzma.compress(TAR[1000:]), FACES),
    "old.tar": (tarred(FACES, form=tarfile.USTAR_FORMAT), FACES),
    "dots.tar": (tarred(in_folder(FACES, ".")), FACES),
    "system.tar": (tarred({"./._a.png": b"x", "__MACOSX/a.png": b"x", **FACES}), FACES),
    "any-name": (TAR, FACES),
    "long.tar": (tarred(in_folder(FACES, "f" * 120)), in_folder(FACES, "f" * 120)),
    "gnu.tar": (tarred(in_folder(FACES, "é" * 120), form=tarfile.GNU_FORMAT), in_folder(FACES, "é" * 120)),
    "zip in zip.zip": (zipped({"README.md": "x", "faces.zip": zipped(FACES)}), {"README.md": b"x", **FACES}),
    "tar.gz in zip.zip": (zipped({"deep/faces.tgz": gzip.compress(TAR)}), in_folder(FACES, "deep")),
    "zip in tar.tar.gz": (gzip.compress(tarred({"faces.zip": zipped(FACES)})), FACES),
    "several.zip": (
        zipped({"Images.ZIP": zipped(PICTURES), "annotations.tar.xz": lzma.compress(tarred(CSV))}),
        {**in_folder(PICTURES, "Images"), **in_folder(CSV, "annotations")},
    ),
    "beside tables.zip": (zipped({**CSV, "images.zip": zipped(PICTURES)}), FACES),
}


@pytest.mark.parametrize("name", FORMS)
def test_read_as_a_zip(project: Project, accepted: Accepted, name: str) -> None:
    content, read = FORMS[name]
    put(project({"data.masks": name, "compute.workers": 1}) / name, content)
    assert accepted("fetch_masks").startswith(f"data/raw/masks/masks.zip: {name}, your own file")
    assert sorted(path.name for path in MASKS.parent.iterdir()) == ["masks.zip", "source.json"]
    assert contents(MASKS) == read
    with open_source(Path(name), masks=True) as archive:
        assert {each: read_file(archive, each) for each in file_names(archive)} == read
    assert "1 test boxes" in accepted("crop_masks")


def test_equal_archives_give_equal_bytes(project: Project) -> None:
    made = set()
    for content in (TAR, tarred(FACES, date=1e9), gzip.compress(TAR), zipped({"a.zip": zipped(FACES)})):
        put(project({"data.masks": "mine"}) / "mine", content)
        fetch_masks.main()
        made.add(MASKS.read_bytes())
    assert len(made) == 1


@pytest.mark.parametrize(
    "content",
    [
        zipped(FACES),
        zipped({**FACES, "more.zip": zipped({"b.png": b"b"})}),
        zipped({**FACES, "more.tar.gz": b"no archive"}, zipfile.ZIP_DEFLATED),
    ],
)
def test_a_zip_with_data_of_its_own_is_copied_as_it_is(project: Project, content: bytes) -> None:
    put(project({"data.masks": "mine.zip"}) / "mine.zip", content)
    fetch_masks.main()
    assert MASKS.read_bytes() == content


@pytest.mark.parametrize(
    ("content", "file"),
    [
        (tarred({"digits.npz": npz(image=IMAGES, label=LABELS)}), "digits.zip"),
        (tarred(contents(io.BytesIO(npz(image=IMAGES, label=LABELS)))), "digits.npz"),
        (zipped({"a.zip": zipped({"digits.npz": npz(image=IMAGES, label=LABELS)})}), "digits.zip"),
    ],
)
def test_digits(
    project: Project, accepted: Accepted, capsys: pytest.CaptureFixture[str], content: bytes, file: str
) -> None:
    put(project({"data.digits": "mine", "prepare_digits.train": 40}) / "mine", content)
    fetch_digits.main()
    assert Path("data/raw/digits", file).exists()
    capsys.readouterr()
    look_at.main(["mine"])
    assert "digits       60: 6 of 0, 6 of 1" in capsys.readouterr().out


def test_tables_of_digits_are_data_of_their_own(project: Project) -> None:
    content = zipped({"digits.csv": "0,1", "more.zip": zipped(PICTURES)})
    put(project({"data.digits": "mine.zip"}) / "mine.zip", content)
    fetch_digits.main()
    assert Path("data/raw/digits/digits.zip").read_bytes() == content


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("mine.tar.gz", "a tar archive"),
        ("several.zip", "a zip archive of archives: Images.ZIP, annotations.tar.xz"),
        ("zip in tar.tar.gz", "a tar archive of archives: faces.zip"),
        ("beside tables.zip", "a zip archive of archives: images.zip"),
    ],
)
def test_what_it_was_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, form: str
) -> None:
    put(tmp_path / name, FORMS[name][0])
    look_at.main([str(tmp_path / name)])
    told = capsys.readouterr().out.splitlines()
    assert told[1] == f"  source       {form}"
    assert "  test boxes   1: 1 good" in told


def test_a_tar_archive_that_has_changed_since_it_was_fetched(project: Project) -> None:
    file = project({"data.masks": "mine.tar.gz"}) / "mine.tar.gz"
    put(file, gzip.compress(TAR))
    fetch_masks.main()
    assert not has_changed(file, MASKS.parent)
    put(file, gzip.compress(tarred(FACES | {"a.png": b"another"})))
    os.utime(file, (0, 0))
    assert has_changed(file, MASKS.parent)
    with open_source(file) as archive:  # which is not taken from before
        assert archive.read("a.png") == b"another"


def of_gnu(kind: bytes, size: int) -> bytes:
    """A header that says how long a name follows."""
    return single(type=kind, size=size)[:512]


def damaged_within(content: bytes) -> bytes:
    """A tar archive whose second header is damaged."""
    at = content.index(b"test.csv")
    return content[:at] + b"T" + content[at + 1 :]


def of_much_memory() -> bytes:
    """An .xz file that says it needs 4 GiB to be unpacked."""
    packed = bytearray(lzma.compress(TAR))
    end = 12 + (packed[12] + 1) * 4 - 4
    packed[16] = 40
    packed[end : end + 4] = struct.pack("<I", zlib.crc32(packed[12:end]))
    return bytes(packed)


NO_TAR = " cannot be read as a tar archive: "
NOT_TAR = " is packed, but is no tar archive; unpack it"
CUT = "Compressed file ended before the end-of-stream marker was reached"
PAGE = " is a page of HTML, as servers send in place of a file; download it anew"
BOMB = "would unpack to more than 100 times its size, as no data does"
ZEROS = bytes(20 * 2**20)
# The content of `mine`, and what is said after its name.
REFUSED = {
    "a page": (b"\n<!DOCTYPE html><html>", PAGE),
    "RAR": (b"Rar!\x1a\x07\x00", " is a RAR archive, which is not read; unpack it"),
    "7-Zip": (b"7z\xbc\xaf\x27\x1c", " is a 7-Zip archive, which is not read; unpack it"),
    "Zstandard": (b"\x28\xb5\x2f\xfd", " is packed by Zstandard, which is not read; unpack it"),
    "one file packed": (gzip.compress(PHOTOGRAPH), NOT_TAR),
    "nothing packed": (gzip.compress(b""), NOT_TAR),
    "gz cut": (gzip.compress(TAR)[:-20], f"{NO_TAR}{CUT}"),
    "bz2 cut": (bz2.compress(TAR)[:-20], f"{NO_TAR}{CUT}"),
    "xz cut": (lzma.compress(TAR)[:-20], f"{NO_TAR}it ends too early"),
    "checksum wrong": (
        gzip.compress(TAR)[:-8] + bytes(8),
        f"{NO_TAR}CRC check failed 0x0 != {hex(zlib.crc32(TAR))}",
    ),
    "xz of much memory": (of_much_memory(), f"{NO_TAR}Memory usage limit exceeded"),
    "cut in a file": (single(bytes(2000))[:1024], ": a.png cannot be read: it ends too early"),
    "cut after a file": (TAR[: TAR.rindex(b"a.png")], f"{NO_TAR}it ends too early, or is damaged"),
    "header damaged": (damaged_within(TAR), f"{NO_TAR}it ends too early, or is damaged"),
    "climbs out": (single(name="../a.png"), ": '../a.png' points outside of the archive"),
    "absolute": (single(name="/a.png"), ": '/a.png' points outside of the archive"),
    "folder climbs out": (
        single(name="a/../..", type=tarfile.DIRTYPE),
        ": 'a/../..' points outside of the archive",
    ),
    "as on Windows": (
        single(name="train\\a.png"),
        ": 'train\\\\a.png' has a backslash in its name, where archives have /; pack it with another program",
    ),
    "no name": (single(name="."), ": '.' has no name"),
    "not UTF-8": (single(name="\udce9.png"), ": '\\udce9.png' is a name that is not UTF-8; rename it"),
    "symbolic link": (
        single(type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        ": 'a.png' is a symbolic link; tar -h packs what it leads to",
    ),
    "link": (
        single(type=tarfile.LNKTYPE, linkname="b.png"),
        ": 'a.png' is a link to another file; tar --hard-dereference packs it as a file",
    ),
    "device": (single(type=tarfile.CHRTYPE), ": 'a.png' is neither a file nor a folder"),
    "pipe": (single(type=tarfile.FIFOTYPE), ": 'a.png' is neither a file nor a folder"),
    "unknown type": (single(type=b"V"), ": 'a.png' is neither a file nor a folder"),
    "with gaps": (
        single(type=tarfile.GNUTYPE_SPARSE),
        ": 'a.png' has gaps, or no size; pack it without tar --sparse",
    ),
    "less than nothing": (
        single(size=-5000),
        ": 'a.png' has gaps, or no size; pack it without tar --sparse",
    ),
    "twice": (
        single(b"a")[:1024] + single(b"b", "./a.png"),
        ": 'a.png' is there twice",
    ),
    "bomb by size": (single(size=2**30), ": 'a.png' is larger than 512 MiB"),
    "bomb by ratio": (gzip.compress(single(ZEROS)), f" {BOMB}"),
    "bomb in a name": (
        gzip.compress(of_gnu(tarfile.GNUTYPE_LONGNAME, 2**33) + ZEROS[: 2**20]),
        f"{NO_TAR}a header is larger than 64 KiB",
    ),
    "name of less than nothing": (
        of_gnu(tarfile.GNUTYPE_LONGNAME, -5000) + TAR,
        f"{NO_TAR}a header is larger than 64 KiB",
    ),
    "bomb of headers": (
        gzip.compress(of_gnu(tarfile.GNUTYPE_LONGNAME, 0) * 2000),
        f"{NO_TAR}a header is larger than 64 KiB",
    ),
    "three deep": (
        zipped({"a.zip": zipped({"b.tgz": zipped(FACES)})}),
        ": a.zip: b.tgz is an archive in an archive in an archive; unpack mine",
    ),
    "no archive within": (
        zipped({"a.zip": b"<html>"}),
        ": a.zip cannot be read as a zip archive: File is not a zip file",
    ),
    "damaged within": (
        zipped({"a.zip": zipped(FACES).replace(b"60,40,bad", b"60,40,bid")}),
        ": train.csv cannot be read: Bad CRC-32 for file 'train.csv'",
    ),
    "damaged itself": (
        zipped({"a.zip": zipped(FACES)}).replace(b"60,40,bad", b"60,40,bid"),
        ": a.zip cannot be read: Bad CRC-32 for file 'a.zip'",
    ),
    "climbs out within": (
        zipped({"a.zip": zipped({"../a.png": b""})}),
        ": a.zip: '../a.png' points outside of the archive",
    ),
    "twice within": (
        zipped({"a/b.txt": "1", "a.zip": zipped({"b.txt": "2"}), "b.zip": zipped({})}),
        ": 'a/b.txt' is there twice",
    ),
    "bomb within": (
        zipped({"a.zip": zipped({f"{n}.bmp": ZEROS[: 15 * 2**20] for n in range(3)}, zipfile.ZIP_DEFLATED)}),
        f" {BOMB}",
    ),
    "bomb of archives": (
        zipped({f"{n}.tar": ZEROS[: 15 * 2**20] for n in range(3)}, zipfile.ZIP_DEFLATED),
        f" {BOMB}",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(project: Project, refused: Refused, case: str) -> None:
    content, message = REFUSED[case]
    folder = project({"data.masks": "mine"})
    put(folder / MASKS, b"fetched before")
    put(folder / "mine", content)
    refused("fetch_masks", f"data.masks: mine{message}; give a folder or .zip")
    with pytest.raises(SystemExit) as ended:
        look_at.main(["mine"])
    assert str(ended.value.code) == f"look_at: mine would be refused: mine{message}"


@pytest.mark.parametrize("case", ["bomb by ratio", "bomb in a name"])
def test_bombs_cost_nothing(project: Project, refused_alone: Refused, case: str) -> None:
    content, message = REFUSED[case]
    put(project({"data.masks": "mine"}) / "mine", content)
    refused_alone("fetch_masks", f"data.masks: mine{message}; give a folder or .zip")


TOO_MANY = " holds more than 3 files; leave some out"
TWO_ARCHIVES = zipped({"a.zip": zipped(PICTURES), "b.zip": zipped(CSV)})
# What is refused where three files are the most.
TOO_LARGE = {
    "files": (TAR, TOO_MANY),
    "files of two archives": (TWO_ARCHIVES, TOO_MANY),
    "folders": (single(type=tarfile.DIRTYPE)[:512] * 4, TOO_MANY),
    "zeros behind": (gzip.compress(single(b"a") + ZEROS), f"{NO_TAR}it {BOMB}"),
}


@pytest.mark.parametrize("case", TOO_LARGE)
def test_too_large(project: Project, refused: Refused, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    content, message = TOO_LARGE[case]
    monkeypatch.setattr(plain_zip, "COUNT_LIMIT", 3)
    put(project({"data.masks": "mine"}) / "mine", content)
    refused("fetch_masks", f"data.masks: mine{message}; give a folder or .zip")


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    put(tmp_path / "mine", tarred({"a" * 4097: b""}))
    with pytest.raises(InputError, match="^mine: 'aaa.*aaa' is longer than 4,096 letters$"):
        open_source(tmp_path / "mine")


ARCHIVES = [
    TAR,
    gzip.compress(TAR),
    bz2.compress(TAR),
    lzma.compress(TAR),
    zipped({"a.tgz": gzip.compress(TAR)}),
]
damages = st.lists(st.tuples(st.integers(0, 10**5), st.integers(0, 255)), min_size=1, max_size=4)


@given(st.sampled_from(ARCHIVES), damages, st.integers(0, 10**5))
def test_an_archive_with_other_bytes(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, flips: list[tuple[int, int]], cut: int
) -> None:
    """It is read, or what is wrong is said; one that is cut is not read."""
    changed = bytearray(content)
    for at, value in flips:
        changed[at % len(changed)] = value
    for damaged in (bytes(changed), content[: cut % (len(content) - 1024)]):
        path = tmp_path_factory.mktemp("drawn") / "drawn"
        path.write_bytes(damaged)
        try:
            with open_source(path, masks=True) as archive:
                read = {name: read_file(archive, name) for name in file_names(archive)}
        except InputError as error:
            assert str(error).startswith("drawn")
        else:
            assert damaged == changed and read
