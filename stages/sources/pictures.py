"""Pictures from strangers: opened in bounded memory, in the formats of data sets, as eight-bit RGB."""

import struct
import warnings
import zlib
from io import BytesIO

import numpy as np
from PIL import Image

from stages.settings import InputError

FORMATS = ["BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP"]
SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")
ORIENTATION = 0x0112  # the EXIF tag
QUARTER_TURNS = {  # its values that exchange width and height, and how to undo them
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError, struct.error, zlib.error)


def open_picture(data: bytes, where: str) -> Image.Image:
    """The picture in `data`, decoded, in its own mode; `where` begins the InputError if it cannot be read."""
    with warnings.catch_warnings():
        # Pillow warns at 89 megapixels and refuses twice as many: the warning is our limit.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", category=UserWarning, module="PIL")  # of broken EXIF data
        try:
            picture = Image.open(BytesIO(data), formats=FORMATS)
            picture.load()
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise InputError(f"{where} is larger than {Image.MAX_IMAGE_PIXELS:,} pixels") from None
        except BROKEN as error:
            raise InputError(f"{where} cannot be read as a picture: {_reason(error)}") from None
    if picture.mode == "F":
        raise InputError(
            f"{where} has real numbers for pixels, which have no agreed white; save 8 or 16 bits"
        )
    return picture


def _reason(error: Exception) -> str:
    # Pillow's own text ends with the address of a BytesIO, which says nothing and differs every time.
    return "unknown format" if isinstance(error, Image.UnidentifiedImageError) else str(error)


def orientation(picture: Image.Image) -> int | None:
    """What EXIF says of how the camera was held; None where it says nothing, or nothing legible."""
    try:
        return picture.getexif().get(ORIENTATION)
    except BROKEN:
        return None


def turn(picture: Image.Image) -> Image.Image:
    """A picture whose `orientation` is one of QUARTER_TURNS, as its EXIF has it.

    Pillow's exif_transpose would write all of the EXIF anew, which fails where any other tag is damaged.
    """
    return picture.transpose(QUARTER_TURNS[picture.getexif()[ORIENTATION]])


def to_rgb(picture: Image.Image) -> Image.Image:
    """A picture of any mode as RGB: 16-bit values are scaled, transparent pixels lie on white."""
    if picture.mode in SIXTEEN_BIT:
        values = np.asarray(picture).clip(0, 65535).astype(np.uint32)
        picture = Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")
