"""Pictures from strangers: opened in bounded memory, in the formats of data sets, as eight-bit RGB."""

import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import numpy as np
from PIL import Image

from pipeline.common.settings import InputError

FORMATS = ["BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP"]
SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")
LIMIT = 40_000_000  # pixels, with which no picture takes 500 MB to open and cut
LIMITS = {"TIFF": 24_000_000, "WEBP": 20_000_000}  # the same for decoders that need more memory than others
Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit, of which it would warn, is twice ours
NEXT_SCAN = b"\xff\xda"  # nowhere within the pixels of a JPEG, and each costs a walk through all of them
SCANS = 100
STRIP = 64  # rows that change their mode at a time
ORIENTATION = 0x0112  # the EXIF tag
QUARTER_TURNS = {  # its values that exchange width and height, and how to undo them
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError, struct.error, zlib.error)
logging.getLogger("PIL").addHandler(logging.NullHandler())  # it logs why it raises; the error tells


def open_picture(data: bytes, where: str) -> Image.Image:
    """The picture in `data` as RGB, with its EXIF; `where` begins the InputError if it cannot be read."""
    with _quiet():
        try:
            picture = Image.open(BytesIO(data), formats=FORMATS)
            _check_header(picture, where)
            if data.count(NEXT_SCAN) > SCANS and picture.format in ("JPEG", "MPO"):
                raise InputError(f"{where} is a JPEG of more than {SCANS} scans; save it anew")
            picture.load()
            rgb = _to_rgb(picture)
        except BROKEN as error:
            raise InputError(f"{where} cannot be read as a picture: {_reason(error)}") from None
    rgb.info = {key: value for key, value in picture.info.items() if key != "transparency"}
    return rgb


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Pillow's warnings: they are of broken EXIF data and the like, and what harms a pixel raises."""
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
            f"{where} has real numbers for pixels, which have no agreed white; save 8 or 16 bits"
        )


def _reason(error: Exception) -> str:
    # Pillow's own text ends with the address of a BytesIO, which says nothing and differs every time.
    return "unknown format" if isinstance(error, Image.UnidentifiedImageError) else str(error)


def orientation(picture: Image.Image) -> int | None:
    """What EXIF says of how the camera was held; None where it says nothing, or nothing legible."""
    with _quiet():
        try:
            return picture.getexif().get(ORIENTATION)
        except BROKEN:
            return None


def turn(picture: Image.Image) -> Image.Image:
    """A picture whose `orientation` is one of QUARTER_TURNS, as its EXIF has it.

    Pillow's exif_transpose would write all of the EXIF anew, which fails where any other tag is damaged.
    """
    return picture.transpose(QUARTER_TURNS[picture.getexif()[ORIENTATION]])


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
