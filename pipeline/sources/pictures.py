"""Open pictures of unknown origin as eight-bit RGB, in bounded memory."""

import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import IO

import numpy as np
from PIL import Image

from pipeline.runtime.errors import InputError

FORMATS = ["BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP"]
SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")
LIMIT = 40_000_000  # pixels; opening and cutting such a picture takes less than 500 MB
LIMITS = {"TIFF": 24_000_000, "WEBP": 20_000_000}  # the same for decoders that need more memory than others
Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit is twice ours, and gives a warning
NEXT_SCAN = b"\xff\xda"  # begins a scan of a JPEG; each scan costs a pass over all pixels
SCANS = 100
STRIP = 64  # rows that change their mode at a time
ORIENTATION = 0x0112  # the EXIF tag that says how a picture is to be turned
TURNS = {  # its values that turn or mirror a picture, and how to do so
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
PILLOW_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    OverflowError,
    struct.error,
    zlib.error,
)
logging.getLogger("PIL").addHandler(logging.NullHandler())  # it logs what its errors say anyway


def open_picture(data: bytes, where: str) -> Image.Image:
    """The picture in `data` as RGB, its pixels as stored, with its EXIF; `where` begins the InputError if it
    cannot be read.
    """
    with reading(where):
        picture = open_header(BytesIO(data), where)
        if data.count(NEXT_SCAN) > SCANS and picture.format in ("JPEG", "MPO"):
            raise InputError(f"{where} is a JPEG of more than {SCANS} scans; save it as a baseline JPEG")
        picture.load()
        rgb = _to_rgb(picture)
    rgb.info = {key: value for key, value in picture.info.items() if key != "transparency"}
    return rgb


def open_header(file: IO[bytes], where: str) -> Image.Image:
    """A picture of which nothing is decoded yet; InputError if it is too large, or of no use."""
    picture = Image.open(file, formats=FORMATS)
    _check_header(picture, where)
    return picture


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Make what Pillow raises an InputError that begins with `where`."""
    with without_warnings():
        try:
            yield
        except PILLOW_ERRORS as error:
            raise InputError(f"{where} cannot be read as a picture: {_reason(error)}") from None


@contextmanager
def without_warnings() -> Iterator[None]:
    """Silence Pillow's warnings, of broken EXIF data and the like; what harms a pixel is an error anyway."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
        yield


def _check_header(picture: Image.Image, where: str) -> None:
    """Raise InputError unless its size and mode, which are known before anything is decoded, are of use."""
    width, height = picture.size
    limit = LIMITS.get(str(picture.format), LIMIT)
    if width * height > limit:
        raise InputError(
            f"{where} has {width} x {height} pixels; a {picture.format} may have {limit // 10**6} million"
        )
    if picture.mode == "F":
        raise InputError(
            f"{where} has floating-point pixels, whose value for white is not defined; save it with 8 or 16 "
            "bits"
        )


def _reason(error: Exception) -> str:
    # Pillow's own text ends with the address of a BytesIO, which says nothing and differs every time.
    return "unknown format" if isinstance(error, Image.UnidentifiedImageError) else str(error)


def _to_rgb(picture: Image.Image) -> Image.Image:
    """A picture of any mode as RGB, a strip at a time: modes in between would need the memory of many."""
    if picture.mode == "RGB" and not picture.has_transparency_data:
        return picture
    rgb = Image.new("RGB", picture.size)
    for top in range(0, picture.height, STRIP):
        strip = picture.crop((0, top, picture.width, min(top + STRIP, picture.height)))
        rgb.paste(_strip_to_rgb(strip), (0, top))
    return rgb


def _strip_to_rgb(strip: Image.Image) -> Image.Image:
    """16-bit values are scaled, transparent pixels lie on white."""
    if strip.mode in SIXTEEN_BIT:
        values = np.asarray(strip).clip(0, 65535).astype(np.uint32)
        strip = Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))
    if strip.has_transparency_data:
        strip = strip.convert("RGBA")
        strip = Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip)
    return strip.convert("RGB")


def orientation(picture: Image.Image) -> int | None:
    """The EXIF orientation, 2 to 8; None where there is none that turns the picture or can be read.

    Pillow's getexif would take that of XMP too, which viewers leave alone. A TIFF has none here: Pillow turns
    it by itself.
    """
    exif = Image.Exif()
    with without_warnings():
        try:
            exif.load(picture.info.get("exif", b""))
            value = exif.get(ORIENTATION)
        except PILLOW_ERRORS:
            return None
    return value if value in TURNS else None


def turn(picture: Image.Image) -> Image.Image:
    """A picture turned as its EXIF says; the picture itself where EXIF turns nothing.

    Pillow's exif_transpose would rewrite all of the EXIF, which fails where any other tag is damaged.
    """
    value = orientation(picture)
    return picture.transpose(TURNS[value]) if value else picture


def open_drawing(data: bytes, where: str) -> Image.Image:
    """A picture of a numeral as viewers show it, in grey, dark ink on white. If it is partly transparent and
    its visible pixels have one colour, their opacity is the ink: pasted on white, white ink would disappear.
    """
    with reading(where):
        picture = open_header(BytesIO(data), where)
        if picture.has_transparency_data and picture.mode not in SIXTEEN_BIT and _has_one_colour(picture):
            alpha = picture.convert("RGBA").getchannel("A")
            if alpha.getextrema() != (255, 255):
                return turn(alpha.point(lambda value: 255 - value))
    return turn(open_picture(data, where).convert("L"))


def _has_one_colour(picture: Image.Image) -> bool:
    """Whether the pixels of a picture that are not fully transparent all have the same colour."""
    seen = np.zeros((3, 256), np.int64)
    for top in range(0, picture.height, STRIP):
        strip = picture.crop((0, top, picture.width, min(top + STRIP, picture.height))).convert("RGBA")
        *colours, alpha = strip.split()
        visible = alpha.point(lambda value: 255 * (value > 0))
        seen += [colour.histogram(visible) for colour in colours]
    return bool(((seen > 0).sum(axis=1) <= 1).all())
