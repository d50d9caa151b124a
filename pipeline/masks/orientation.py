"""EXIF orientation: whether boxes were drawn on the photograph as stored or as turned, and how to turn it.

A camera that was held upright stores its pixels lying on the side, and says in EXIF how to turn them. Some
annotation tools show the photograph turned, others as stored. The annotation's width and height tell which.
"""

from PIL import Image

from pipeline.common.settings import InputError
from pipeline.masks.boxes import Box
from pipeline.sources.pictures import BROKEN, without_warnings

ORIENTATION = 0x0112  # the EXIF tag
QUARTER_TURNS = {  # its values that exchange width and height, and how to undo them
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation(picture: Image.Image) -> int | None:
    """The EXIF orientation; None where there is none, or none that can be read."""
    with without_warnings():
        try:
            return picture.getexif().get(ORIENTATION)
        except BROKEN:
            return None


def turn(picture: Image.Image) -> Image.Image:
    """A picture whose orientation is one of QUARTER_TURNS, turned upright.

    Pillow's exif_transpose would rewrite all of the EXIF, which fails where any other tag is damaged.
    """
    return picture.transpose(QUARTER_TURNS[picture.getexif()[ORIENTATION]])


def fits_turned(photograph: Image.Image, size: tuple[int, int]) -> bool | None:
    """Whether `size`, the annotation's (width, height), is that of the photograph turned as its EXIF says.

    False if it is the size of the pixels as stored, None if it is neither.
    """
    if size == photograph.size:
        return False
    turned = orientation(photograph) in QUARTER_TURNS
    return True if turned and size == photograph.size[::-1] else None


def is_turned(photograph: Image.Image, box: Box) -> bool:
    """Whether the box was drawn on the turned photograph; InputError if its size fits in no way.

    A box without a size is taken to be on the photograph as stored.
    """
    turned = fits_turned(photograph, box.size) if box.size else False
    if turned is None:
        raise InputError(
            f"{box.where}: width and height are {box.size}, but {box.photograph} has {photograph.size}; "
            "are these boxes of another photograph, or of a scaled one?"
        )
    return turned
