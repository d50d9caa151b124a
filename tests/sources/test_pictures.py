"""Pictures of every mode and orientation become eight-bit RGB."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pipeline.runtime.errors import InputError
from pipeline.sources import pictures
from pipeline.sources.archives import Folder
from pipeline.sources.orientation import Header, open_photograph, read_header
from pipeline.sources.pictures import open_drawing, open_picture
from tests.crop_masks.test_formats import read
from tests.making import HEADER, Members, exif, photograph, picture_bytes


def exif_bytes(orientation: int) -> bytes:
    """EXIF of an orientation of any size."""
    return b"Exif\0\0MM\0*" + struct.pack(">LHHHLLL", 8, 1, 0x0112, 4, 1, orientation, 0)


FITS, BY_SIZE, UNKNOWN = "fit it as turned", "fit the pixels as stored", "no width and height that could tell"


@pytest.mark.parametrize(
    ("orientation", "stored", "stated", "turned", "note"),
    [
        (None, (60, 40), (60, 40), False, None),
        (None, (60, 40), None, False, None),
        (0, (60, 40), None, False, None),  # these turn nothing
        (1, (60, 40), None, False, None),
        (9, (60, 40), (60, 40), False, None),
        (65537, (60, 40), None, False, None),
        (6, (60, 40), (60, 40), False, BY_SIZE),
        (6, (60, 40), (40, 60), True, FITS),
        (6, (60, 40), None, True, UNKNOWN),
        (6, (50, 50), (50, 50), True, UNKNOWN),
        (5, (60, 40), (60, 40), False, BY_SIZE),
        (7, (60, 40), (40, 60), True, FITS),
        (8, (60, 40), (40, 60), True, FITS),
        (2, (60, 40), (60, 40), True, UNKNOWN),  # these exchange nothing
        (3, (60, 40), (60, 40), True, UNKNOWN),
        (4, (60, 40), None, True, UNKNOWN),
    ],
)
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_boxes_are_on_the_photograph_as_turned_unless_a_size_tells_otherwise(
    form: str,
    orientation: int | None,
    stored: tuple[int, int],
    stated: tuple[int, int] | None,
    turned: bool,
    note: str | None,
) -> None:
    """Also one whose own row states no size."""
    tags = {} if orientation is None else {"exif": exif_bytes(orientation)}
    size = ",".join(map(str, stated or ("", "")))
    members: Members = {"x.csv": HEADER + f"a.png,,,good,1,2,30,40\na.png,{size},bad,3,2,30,40\n"}
    found = read(members | {"a.png": picture_bytes(Image.new("RGB", stored), form, **tags)})
    assert [box.turned for box in found.boxes] == [turned, turned]
    assert [box.corners for box in found.boxes] == [(1, 2, 30, 40), (3, 2, 30, 40)]
    assert len(found.notes) == (note is not None) and (note is None or note in found.notes[0])


@pytest.mark.parametrize(
    ("orientation", "stated", "has"),
    [
        (None, (40, 60), (60, 40)),
        (9, (40, 60), (60, 40)),
        (3, (40, 60), (60, 40)),  # half a turn exchanges nothing
        (6, (40, 61), (40, 60)),
        (6, (61, 40), (40, 60)),
    ],
)
def test_a_size_that_is_neither_that_as_stored_nor_that_as_turned_is_refused(
    orientation: int | None, stated: tuple[int, int], has: tuple[int, int]
) -> None:
    tags = {} if orientation is None else {"exif": exif_bytes(orientation)}
    row = f"a.png,{stated[0]},{stated[1]},good,1,2,30,40\n"
    with pytest.raises(InputError) as error:
        read({"x.csv": HEADER + row, "a.png": picture_bytes(Image.new("RGB", (60, 40)), **tags)})
    assert str(error.value) == (
        f"x.csv line 2: width and height are {stated}, but a.png has {has}; are these boxes of another "
        "photograph, or of a scaled one?"
    )


def test_boxes_of_one_photograph_cannot_be_on_it_as_stored_and_as_turned() -> None:
    rows = "a.png,40,60,good,1,2,30,40\na.png,60,40,good,1,2,30,40\n"
    with pytest.raises(InputError, match=r"^x.csv line 2: .* \(40, 60\), but a.png has \(60, 40\)"):
        read({"x.csv": HEADER + rows, "a.png": picture_bytes(Image.new("RGB", (60, 40)), exif=exif(6))})


def exif_behind_the_pixels(png: bytes) -> bytes:
    start = png.index(b"eXIf") - 4
    end = start + int.from_bytes(png[start : start + 4]) + 12
    return png[:start] + png[end:-12] + png[start:end] + png[-12:]


def test_exif_behind_the_pixels_of_a_png_counts_and_xmp_does_not(tmp_path: Path) -> None:
    xmp = PngInfo()
    xmp.add_itxt("XML:com.adobe.xmp", '<a tiff:Orientation="6"/>')
    files = {
        "exif.png": exif_behind_the_pixels(picture_bytes(photograph(), exif=exif(6))),
        "xmp.png": picture_bytes(photograph(), pnginfo=xmp),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    folder = Folder(tmp_path, [*files])
    headers = [read_header(folder, name, "x.csv line 1") for name in files]
    assert headers == [Header((60, 40), 6), Header((60, 40), None)]
    assert [open_photograph(folder, name, turned=True).size for name in files] == [(40, 60), (60, 40)]
    assert [open_photograph(folder, name, turned=False).size for name in files] == [(60, 40), (60, 40)]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_pillow_turns_a_tiff_by_itself_and_we_not_again(tmp_path: Path, mode: str) -> None:
    stored = Image.new("I;16", (60, 40)) if mode == "I;16" else photograph().convert(mode)
    data = picture_bytes(stored, "TIFF", exif=exif(6))
    (tmp_path / "x.tif").write_bytes(data)
    folder = Folder(tmp_path, ["x.tif"])
    assert read_header(folder, "x.tif", "x.csv line 1") == Header((40, 60), None)
    assert open_photograph(folder, "x.tif", turned=True).size == (40, 60)
    assert open_drawing(data, "x.tif").size == (40, 60)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_drawing_is_seen_as_viewers_show_it(mode: str) -> None:
    """Ink in the upper left corner of what a camera stored lying on its side."""
    stored = Image.new(mode, (60, 40), (0, 0, 0, 0) if mode == "RGBA" else "white")
    stored.paste((0, 0, 0, 255) if mode == "RGBA" else "black", (0, 0, 20, 10))
    drawing = np.asarray(open_drawing(picture_bytes(stored, exif=exif(6)), "x"))
    assert drawing.shape == (60, 40)
    assert (drawing[:20, 30:] == 0).all() and (drawing == 255).sum() == 60 * 40 - 200


@pytest.mark.parametrize(
    ("picture", "form"),
    [
        (Image.new("1", (2, 2), 1), "PNG"),
        (Image.new("L", (2, 2), 255), "PNG"),
        (Image.new("LA", (2, 2), (255, 255)), "PNG"),
        (Image.new("P", (2, 2), 0), "PNG"),
        (Image.new("RGB", (2, 2), "white"), "JPEG"),
        (Image.new("RGBA", (2, 2), (255, 255, 255, 255)), "PNG"),
        (Image.new("CMYK", (2, 2), (0, 0, 0, 0)), "JPEG"),
        (Image.fromarray(np.full((2, 2), 65535, np.uint16)), "PNG"),
        (Image.fromarray(np.full((2, 2), 65535, np.int32)), "TIFF"),
        (Image.new("RGB", (2, 2), "white"), "GIF"),
        (Image.new("RGB", (2, 2), "white"), "WEBP"),
    ],
    ids=lambda value: getattr(value, "mode", value),
)
def test_white_is_white_in_every_mode(picture: Image.Image, form: str) -> None:
    if picture.mode == "P":
        picture.putpalette([255, 255, 255])
    rgb = open_picture(picture_bytes(picture, form), "x")
    assert rgb.mode == "RGB" and rgb.getpixel((1, 1)) == (255, 255, 255)


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    rgb = open_picture(picture_bytes(Image.fromarray(values)), "x")
    assert np.asarray(rgb)[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_lie_on_white(mode: str) -> None:
    if mode == "P":
        picture = Image.new("P", (2, 2), 0)
        data = picture_bytes(picture, transparency=0)
    else:
        data = picture_bytes(Image.new(mode, (2, 2), (9, 9, 9, 0) if mode == "RGBA" else (9, 0)))
    assert open_picture(data, "x").getpixel((0, 0)) == (255, 255, 255)


def test_a_picture_too_large_for_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "LIMIT", 2_000_000)
    assert open_picture(picture_bytes(Image.new("L", (2000, 1000))), "x").size == (2000, 1000)
    with pytest.raises(InputError, match="x has 2001 x 1000 pixels; a PNG may have 2 million"):
        open_picture(picture_bytes(Image.new("L", (2001, 1000))), "x")
