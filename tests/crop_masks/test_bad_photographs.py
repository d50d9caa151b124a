"""Bad photographs: what crop_masks says of a file that is no picture, and what it makes of an odd one."""

import csv
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.crop_masks.conftest import Source
from tests.making import (
    HEADER,
    PHOTOGRAPH,
    TEST,
    Accepted,
    Project,
    Refused,
    exif,
    photograph,
    picture_bytes,
    put,
    tables,
)

LARGE = "test.csv line 2: a.png has {} x {} pixels; a {} may have {} million"
BROKEN = "test.csv line 2: a.png cannot be read as a picture: "


def bomb(side: int, depth: int = 8, colours: int = 2) -> bytes:
    """A PNG that says it is `side` pixels wide and high."""
    header = b"IHDR" + struct.pack(">2L5B", side, side, depth, colours, 0, 0, 0)
    return (
        PHOTOGRAPH[:8]
        + struct.pack(">L", 13)
        + header
        + struct.pack(">L", zlib.crc32(header))
        + PHOTOGRAPH[33:]
    )


END = b"\0\0\0\0IEND" + struct.pack(">L", zlib.crc32(b"IEND"))


def webp_bomb(side: int) -> bytes:
    """A WebP of 34 bytes that says it is `side` pixels wide and high."""
    content = picture_bytes(Image.new("RGBA", (940, 940), (9, 9, 9, 9)), "WEBP", lossless=True, method=0)
    at = content.index(b"VP8L") + 9  # past the length and a mark: 14 bits of width - 1, 14 of height - 1
    sizes = int.from_bytes(content[at : at + 4], "little") >> 28 << 28 | (side - 1) | (side - 1) << 14
    return content[:at] + sizes.to_bytes(4, "little") + content[at + 4 :]


def segment(mark: int, content: bytes) -> bytes:
    return bytes([255, mark]) + struct.pack(">H", len(content) + 2) + content


def jpeg_of_scans(scans: int) -> bytes:
    """A progressive JPEG of a grey square that adds nothing to it, scan after scan."""
    tables = segment(0xDB, bytes(1) + bytes([1] * 64)) + segment(
        0xC2, struct.pack(">B2HB", 8, 40, 60, 1) + b"\1\x11\0"
    )
    for kind in (0x00, 0x10):  # one code in each table: no difference, and the end of a block
        tables += segment(0xC4, bytes([kind, 1]) + bytes(15) + bytes(1))
    first = segment(0xDA, b"\1\1\0\0\0\0") + b"\x7f"
    more = segment(0xDA, b"\1\1\0\1\1\0") + b"\x7f"
    return b"\xff\xd8" + tables + first + more * (scans - 1) + b"\xff\xd9"


REFUSED = {
    "JPEG that is drawn without end": (
        jpeg_of_scans(10_000),
        "test.csv line 2: a.png is a JPEG of more than 100 scans; save it as a baseline JPEG",
    ),
    "truncated PNG": (PHOTOGRAPH[:-60], BROKEN + "image file is truncated"),
    "truncated JPEG": (
        picture_bytes(photograph(), "JPEG")[:-60],
        BROKEN + "image file is truncated (12 bytes not processed)",
    ),
    "header alone": (PHOTOGRAPH[:8], BROKEN + "unknown format"),
    "zero bytes": (b"", BROKEN + "unknown format"),
    "text": (b"not a picture", BROKEN + "unknown format"),
    "HTML of a server": (b"<!DOCTYPE html><title>404</title>", BROKEN + "unknown format"),
    "PDF": (picture_bytes(photograph(), "PDF"), BROKEN + "unknown format"),
    "PostScript": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 60 40\n%%EndComments\n",
        BROKEN + "unknown format",
    ),
    "flipped bits": (
        PHOTOGRAPH[:60] + b"????" + PHOTOGRAPH[64:],
        BROKEN + "broken data stream when reading image file",
    ),
    "bomb": (bomb(20_000), LARGE.format(20_000, 20_000, "PNG", 40)),
    "larger bomb": (bomb(2**31 - 1), LARGE.format(2**31 - 1, 2**31 - 1, "PNG", 40)),
    "bomb below Pillow's limit": (bomb(9_400), LARGE.format(9_400, 9_400, "PNG", 40)),
    "bomb of 16 bits": (bomb(9_400, 16, 0), LARGE.format(9_400, 9_400, "PNG", 40)),
    "WebP bomb": (webp_bomb(16_383), LARGE.format(16_383, 16_383, "WEBP", 20)),
    "WebP bomb below Pillow's limit": (webp_bomb(9_400), LARGE.format(9_400, 9_400, "WEBP", 20)),
    "no pixels": (bomb(0), BROKEN + "unknown format"),
    "real numbers": (
        picture_bytes(Image.new("F", (60, 40), 0.5), "TIFF"),
        "test.csv line 2: a.png has floating-point pixels, whose value for white is not "
        "defined; save it with 8 or 16 bits",
    ),
    "1x1": (
        picture_bytes(photograph(1, 1)),
        "test.csv line 2: width and height are (60, 40), but a.png has (1, 1); are these boxes of another "
        "photograph, or of a scaled one?",
    ),
    "turned, with EXIF that cannot be read": (
        picture_bytes(photograph(40, 60), "WEBP", exif=exif(6)).replace(b"MM\0*", b"MM\0?"),
        "test.csv line 2: width and height are (60, 40), but a.png has (40, 60); are these boxes of another "
        "photograph, or of a scaled one?",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(source: Source, refused: Refused, case: str) -> None:
    content, message = REFUSED[case]
    source(tables(HEADER + TEST) | {"a.png": content})
    refused("crop_masks", message)


@pytest.mark.parametrize("case", ["larger bomb", "WebP bomb", "WebP bomb below Pillow's limit"])
def test_bombs_cost_nothing(source: Source, refused_alone: Refused, case: str) -> None:
    content, message = REFUSED[case]
    source(tables(HEADER + TEST) | {"a.png": content})
    refused_alone("crop_masks", message)


def png_of_zeros(side: int, channels: int, colours: int, depth: int = 8) -> bytes:
    """A PNG of `side` pixels each way, all of its bytes 0, made in little memory."""
    squeeze = zlib.compressobj(1)
    row = bytes(1 + side * channels * depth // 8)
    pixels = b"".join(squeeze.compress(row) for _ in range(side)) + squeeze.flush()
    data = b"IDAT" + pixels
    header = bomb(side, depth, colours)[:33]
    return header + struct.pack(">L", len(pixels)) + data + struct.pack(">L", zlib.crc32(data)) + END


def with_exif(png: bytes, orientation: int) -> bytes:
    """A PNG with an orientation, behind its header."""
    small = picture_bytes(photograph(), exif=exif(orientation))
    start = small.index(b"eXIf") - 4
    return png[:33] + small[start : small.index(b"IDAT") - 4] + png[33:]


LARGEST = {
    "PNG": (6_324, lambda: png_of_zeros(6_324, 3, 2)),
    "PNG turned by EXIF": (6_324, lambda: with_exif(png_of_zeros(6_324, 3, 2), 6)),
    "PNG with transparency, turned by EXIF": (6_324, lambda: with_exif(png_of_zeros(6_324, 4, 6), 7)),
    "PNG with transparency": (6_324, lambda: png_of_zeros(6_324, 4, 6)),
    "PNG of 16 bits": (6_324, lambda: png_of_zeros(6_324, 1, 0, 16)),
    "WebP": (4_472, lambda: webp_bomb(4_472)),
}


@pytest.mark.parametrize("case", LARGEST)
def test_the_largest_photographs_cost_little_memory(
    source: Source, accepted_alone: Accepted, case: str
) -> None:
    """Cut in one piece, which is the most that can be asked of one."""
    side, make = LARGEST[case]
    source(tables(HEADER + f"a.png,{side},{side},good,0,0,{side},{side}\n") | {"a.png": make()})
    assert "1 test boxes: 0 bad, 1 good, 0 none" in accepted_alone("crop_masks")


def test_warnings_of_broken_exif_data_are_not_shown(source: Source, accepted_alone: Accepted) -> None:
    """It ends amid its table of tags, behind the one that tells how the camera was held."""
    cut = exif(6).tobytes()[:-6] + b"\1\0\0\0\xff"
    source(tables(HEADER + TEST) | {"a.png": picture_bytes(photograph(40, 60), "JPEG", exif=cut)})
    said = accepted_alone("crop_masks").splitlines()
    assert [line.split(":")[0] for line in said] == ["masks"] * 4
    assert "1 photographs have an EXIF rotation, and their boxes fit it as turned" in said[3]


def test_what_pillow_logs_is_not_shown(source: Source, refused_alone: Refused) -> None:
    channels = [struct.pack("<HHLHH", 277, 3, 1, count, 0) for count in (3, 60_000)]
    source(tables(HEADER + TEST) | {"a.png": picture_bytes(photograph(), "TIFF").replace(*channels)})
    refused_alone("crop_masks", BROKEN + "unknown format")


def transparent() -> Image.Image:
    """A palette picture, white but for its first colour, which is transparent and stands everywhere."""
    picture = Image.new("P", (60, 40), 0)
    picture.putpalette([9, 9, 9] + [255] * 765)
    return picture


def animated(form: str) -> bytes:
    return picture_bytes(
        Image.new("RGB", (60, 40), "white"), form, save_all=True, append_images=[photograph()], lossless=True
    )


WHITE = np.full((38, 29, 3), 255, np.uint8)
PLAIN = np.asarray(photograph())[2:40, 1:30]
FINE = {
    "as it should be": (PHOTOGRAPH, PLAIN),
    "wrong extension": (picture_bytes(photograph(), "BMP"), PLAIN),
    "CMYK": (picture_bytes(Image.new("CMYK", (60, 40)), "JPEG"), WHITE),
    "16 bits": (picture_bytes(Image.fromarray(np.full((40, 60), 65535, np.uint16))), WHITE),
    "1 bit": (picture_bytes(Image.new("1", (60, 40), 1)), WHITE),
    "palette with transparency": (picture_bytes(transparent(), transparency=0), WHITE),
    "transparent": (picture_bytes(Image.new("RGBA", (60, 40), (0, 0, 0, 0))), WHITE),
    "animated GIF": (animated("GIF"), WHITE),
    "animated PNG": (animated("PNG"), WHITE),
    "animated WebP": (animated("WEBP"), WHITE),
    "turned by EXIF": (
        picture_bytes(photograph().transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif(6)),
        PLAIN,
    ),
    "upside down by EXIF": (
        picture_bytes(photograph().transpose(Image.Transpose.ROTATE_180), exif=exif(3)),
        PLAIN,
    ),
    "mirrored by EXIF": (
        picture_bytes(photograph().transpose(Image.Transpose.FLIP_LEFT_RIGHT), exif=exif(2)),
        PLAIN,
    ),
    "an orientation that EXIF has not": (picture_bytes(photograph(), exif=exif(9)), PLAIN),
    "EXIF that cannot be read": (
        picture_bytes(photograph(), "WEBP", lossless=True, exif=exif(6)).replace(b"MM\0*", b"MM\0?"),
        PLAIN,
    ),
    "bytes behind the end": (PHOTOGRAPH + b"more", PLAIN),
}


@pytest.mark.parametrize("case", FINE)
def test_fine(source: Source, accepted: Accepted, case: str) -> None:
    content, crop = FINE[case]
    source(tables(HEADER + TEST) | {"a.png": content})
    accepted("crop_masks")
    assert (np.asarray(Image.open("data/crops/test/good/00003_a.png")) == crop).all()


def test_a_photograph_of_one_pixel_is_fine(source: Source, accepted: Accepted) -> None:
    source(tables(HEADER + "a.png,1,1,good,0,0,1,1\n") | {"a.png": picture_bytes(photograph(1, 1))})
    accepted("crop_masks")
    assert Image.open("data/crops/test/good/00003_a.png").size == (1, 1)


def test_a_name_cannot_write_lines_of_its_own(source: Source, refused: Refused) -> None:
    rows = '"\x1b[2Ja\nb.png",60,40,good,1,2,30,40\n'
    source(tables(HEADER + rows) | {"\x1b[2Ja\nb.png": "text"})
    message = "test.csv line 3: \\x1b[2Ja\\nb.png cannot be read as a picture: unknown format"
    refused("crop_masks", message)


NAMES = [
    'it\'s "quoted".png',
    "<b>&amp;.png",
    "two\nlines.png",
    "人 ü \N{GRINNING FACE}.png",
    "a.png.png",
    "-rf.png",
    "%s{0}.png",
    "rest.PNG",
    "REST.png",
    "a" * 200 + ".png",
    "con.png",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_kept_in_the_table_and_made_safe_in_the_folder(
    source: Source, accepted: Accepted, name: str
) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    source(tables(HEADER + quoted + ",60,40,good,1,2,30,40\n") | {f"images/{name}": PHOTOGRAPH})
    accepted("crop_masks")
    with open("data/boxes.csv", encoding="utf-8", newline="") as file:
        last = list(csv.DictReader(file))[-1]
    assert last["photograph"] == f"images/{name}"
    assert Path("data/crops", last["crop"]).is_file()
    assert last["crop"].isascii() and not set(last["crop"]) & set("'\"<>&\n %{")


def test_names_that_differ_only_by_case_are_two_photographs(source: Source, accepted: Accepted) -> None:
    rows = "a.png,60,40,good,1,2,30,40\nA.png,1,1,good,0,0,1,1\n"
    source(tables(HEADER + rows) | {"A.png": picture_bytes(photograph(1, 1))})
    accepted("crop_masks")
    assert Image.open("data/crops/test/good/00003_a.png").size == (29, 38)
    assert Image.open("data/crops/test/good/00004_A.png").size == (1, 1)


def test_a_name_that_is_not_utf_8(project: Project, refused: Refused) -> None:
    folder = project({"data.masks": "mine"})
    put(folder / "mine/a.png", PHOTOGRAPH)
    (folder / "mine/a.png").rename(folder / "mine/\udcfcber.png")
    refused("fetch_masks", "mine holds b'\\xfcber.png', a name that is not UTF-8; rename it")
