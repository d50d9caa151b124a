"""Bad archives: what the fetch stages say of a zip that is none, or that means harm."""

import io
import os
import stat
import struct
import zipfile

import pytest

from pipeline.sources.archives import count_entries
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

GOOD = zipped(tables(HEADER + TEST))
LZMA = zipped(tables(HEADER + TEST), zipfile.ZIP_LZMA)
CENTRAL = b"PK\1\2"  # begins the entry of a file in the table of contents


def single(name: str, content: bytes = PHOTOGRAPH, mode: int = stat.S_IFREG) -> bytes:
    member = zipfile.ZipInfo(name)
    member.external_attr = (mode | 0o644) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(member, content)
    return buffer.getvalue()


def patched(archive: bytes, offset: int, value: bytes) -> bytes:
    """The archive with other bytes in the first entry of its table of contents."""
    at = archive.index(CENTRAL) + offset
    return archive[:at] + value + archive[at + len(value) :]


def count_bomb(count: int, stated: int = 65_535) -> bytes:
    """An archive that lists one empty file `count` times, and states another number."""
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, 1, 0) + b"a"
    entry = struct.pack("<4s6H3L5H2L", CENTRAL, 20, 20, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0)
    entries = (entry + b"000000.jpg") * count
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, stated, stated, len(entries), len(local), 0)
    return local + entries + end


NAMELESS = (
    struct.pack("<4s5H3L2H", b"PK\3\4", *[0] * 10)
    + struct.pack("<4s6H3L5H2L", CENTRAL, *[0] * 16)
    + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 46, 30, 0)
)

NO_ZIP = " cannot be read as a zip archive: File is not a zip file"
TOO_MANY = " holds more than 1,000,000 files; leave some out"
OUTSIDE = "points outside of the archive"
# The content of mine.zip, and what is said after its name.
REFUSED = {
    "empty file": (b"", NO_ZIP),
    "text": (b"not a zip", NO_ZIP),
    "picture": (PHOTOGRAPH, NO_ZIP),
    "truncated": (GOOD[:-200], NO_ZIP),
    "table of contents damaged": (
        GOOD.replace(CENTRAL, b"PK??", 1),
        " cannot be read as a zip archive: Bad magic number for central directory",
    ),
    "climbs out": (single("../out.png"), f": '../out.png' {OUTSIDE}"),
    "climbs out of a folder": (single("a/../../out.png"), f": 'a/../../out.png' {OUTSIDE}"),
    "climbs out as on Windows": (single("..\\out.png"), f": '..\\\\out.png' {OUTSIDE}"),
    "folders as on Windows": (
        single("train\\a.png"),
        ": 'train\\\\a.png' has a backslash in its name, where archives have /; pack it with another program",
    ),
    "absolute": (single("/out.png"), f": '/out.png' {OUTSIDE}"),
    "absolute as on Windows": (single("\\out.png"), f": '\\\\out.png' {OUTSIDE}"),
    "link": (single("a.png", b"/etc/passwd", stat.S_IFLNK), ": 'a.png' is a symbolic link"),
    "encrypted": (patched(GOOD, 8, b"\1"), ": 'train.csv' is encrypted"),
    "two files with one name": (GOOD.replace(b"rest.png", b"a.png\0\0\0"), ": 'a.png' is there twice"),
    "a file without a name": (NAMELESS, ": '' has no name"),
    "bomb by ratio": (
        zipped({"a.bmp": bytes(20 * 2**20)}, zipfile.ZIP_DEFLATED),
        ": 'a.bmp' would unpack to more than 100 times its size, as no data does",
    ),
    "bomb by size": (patched(GOOD, 24, b"\0\0\0\x40"), ": 'train.csv' is larger than 512 MiB"),
    "bomb by count": (count_bomb(1_000_001), TOO_MANY),
    "bomb by count that lies": (count_bomb(1_500_000, stated=1), TOO_MANY),
    "arrays": (npz(image=IMAGES, label=LABELS), " holds arrays"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(project: Project, refused: Refused, case: str) -> None:
    content, message = REFUSED[case]
    put(project({"data.masks": "mine.zip"}) / "mine.zip", content)
    refused("fetch_masks", f"data.masks: mine.zip{message}; give a folder or .zip")


@pytest.mark.parametrize("case", ["bomb by ratio", "bomb by count that lies"])
def test_bombs_cost_nothing(project: Project, refused_alone: Refused, case: str) -> None:
    test_refused(project, refused_alone, case)


@pytest.mark.parametrize("case", ["climbs out", "bomb by count that lies"])
def test_refused_as_raw_data_too(project: Project, refused: Refused, case: str) -> None:
    content, message = REFUSED[case]
    put(project({}) / "data/raw/masks/masks.zip", content)
    refused("crop_masks", f"data/raw/masks/masks.zip{message}")


class Measured(io.BytesIO):
    """A file that knows how much of it was read."""

    bytes_read = 0

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        self.bytes_read += len(content)
        return content


def test_every_file_of_the_list_is_counted_and_the_files_are_not_read() -> None:
    listed = bytes(8 * 2**20) + count_bomb(40_000)  # a list of 2.1 MiB
    for end in range(56):  # the pieces that are read begin at every byte of an entry
        file = Measured(listed + bytes(end))
        assert count_entries(file) == 40_000
        assert file.bytes_read < 5 * 2**20


# The content of masks.zip, and what is said of a file in it.
DAMAGED = {
    "bits flipped": (GOOD.replace(b"60,40,bad", b"60,40,bid"), "Bad CRC-32 for file 'train.csv'"),
    "a header lost": (GOOD.replace(b"PK\3\4", b"PK??", 1), "Bad magic number for file header"),
    "a name that differs": (
        GOOD.replace(b"train.csv", b"TRAIN.csv", 1),
        "File name in directory 'train.csv' and header b'TRAIN.csv' differ.",
    ),
    "an unknown compression": (
        patched(GOOD, 10, b"\x63"),
        "That compression method is not supported",
    ),
    "damaged deflate": (
        patched(GOOD, 10, b"\x08"),
        "Error -3 while decompressing data: invalid block type",
    ),
    "damaged bzip2": (patched(GOOD, 10, b"\x0c"), "Invalid data stream"),
    "damaged LZMA": (LZMA[:48] + b"\xff" * 16 + LZMA[64:], "Corrupt input data"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_inside(project: Project, refused: Refused, case: str) -> None:
    content, message = DAMAGED[case]
    put(project({}) / "data/raw/masks/masks.zip", content)
    refused("crop_masks", f"masks.zip: train.csv cannot be read: {message}")


def test_links_that_lead_nowhere_or_in_a_circle(project: Project, refused: Refused) -> None:
    folder = project({"data.masks": "mine"})
    put(folder / "mine/a.png", PHOTOGRAPH)
    (folder / "mine/out.png").symlink_to("/no/such/file")
    refused("fetch_masks", "mine/out.png is a link to /no/such/file, which is not there; remove it")
    (folder / "mine/out.png").unlink()
    (folder / "mine/again").symlink_to(".")
    refused("fetch_masks", "mine/again is a link to ., which is listed already; remove it")


def test_a_link_that_is_no_data_is_left_alone(project: Project, accepted: Accepted) -> None:
    folder = project({"data.masks": "mine"})
    put(folder / "mine/a.png", PHOTOGRAPH)
    (folder / "mine/.#a.png").symlink_to("user@machine.1")  # as Emacs locks a file
    accepted("fetch_masks")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed(project: Project, refused: Refused) -> None:
    folder = project({"data.masks": "mine"})
    put(folder / "mine/closed/a.png", PHOTOGRAPH)
    (folder / "mine/closed").chmod(0)
    refused("fetch_masks", "mine/closed cannot be listed: Permission denied")


def test_a_good_archive_is_fine(project: Project, accepted: Accepted) -> None:
    put(project({"data.masks": "mine.zip", "compute.workers": 1}) / "mine.zip", GOOD)
    assert accepted("fetch_masks").startswith("data/raw/masks/masks.zip: mine.zip, your own file or folder")
    assert "1 test boxes" in accepted("crop_masks")
