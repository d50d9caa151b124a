"""Pictures of every mode and orientation become eight-bit RGB."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.runtime.errors import InputError
from pipeline.sources import pictures
from pipeline.sources.archives import Folder
from pipeline.sources.orientation import Header, read_header
from pipeline.sources.pictures import open_picture
from stages.crop_masks.boxes import Box
from stages.crop_masks.photographs import is_turned
from tests.making import exif, picture_bytes


@pytest.mark.parametrize(
    ("orientation", "size", "turned"),
    [
        (None, (60, 40), False),
        (None, (40, 60), None),  # neither
        (None, None, False),
        (6, (60, 40), False),
        (6, None, False),
        (6, (40, 60), True),
        (8, (40, 60), True),
        (3, (40, 60), None),  # half a turn exchanges nothing
        (6, (40, 61), None),
    ],
)
def test_a_size_is_that_of_the_pixels_as_stored_or_as_turned(
    tmp_path: Path, orientation: int | None, size: tuple[int, int] | None, turned: bool | None
) -> None:
    photograph = Image.new("RGB", (60, 40))
    data = picture_bytes(photograph, exif=exif(orientation)) if orientation else picture_bytes(photograph)
    (tmp_path / "x.png").write_bytes(data)
    header = read_header(Folder(tmp_path, ["x.png"]), "x.png", "x.csv row 1")
    assert header == Header((60, 40), orientation)
    box = Box("", "x.png", "good", "x.csv", (1, 2, 3, 4), size, 1)
    if turned is None:
        with pytest.raises(
            InputError, match=r"x.csv line 1: width and height are .*, but x.png has \(60, 40\)"
        ):
            is_turned(header, box)
    else:
        assert is_turned(header, box) is turned


def test_pillow_turns_a_tiff_by_itself(tmp_path: Path) -> None:
    stored = Image.new("RGB", (60, 40))
    (tmp_path / "x.tif").write_bytes(picture_bytes(stored, "TIFF", exif=exif(6)))
    header = read_header(Folder(tmp_path, ["x.tif"]), "x.tif", "x.csv row 1")
    assert header == Header(open_picture((tmp_path / "x.tif").read_bytes(), "x.tif").size, None)
    assert header.size == (40, 60)


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
