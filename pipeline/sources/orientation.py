"""EXIF orientation: open a photograph as its boxes were drawn on it, as stored or turned.

A camera that was held upright stores its pixels lying on the side, and says in EXIF how to turn them. Some
annotation tools show the photograph turned, others as stored.
"""

from typing import NamedTuple

from PIL import Image

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import ARCHIVE_ERRORS, Archive, archive_name, read_file
from pipeline.sources.pictures import PILLOW_ERRORS, open_header, open_picture, reading, without_warnings

ORIENTATION = 0x0112  # the EXIF tag
AS_STORED = (None, 0, 1)  # its values that turn nothing
QUARTER_TURNS = {  # its values that exchange width and height, and how to undo them
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Header(NamedTuple):
    """What is known of a photograph before it is decoded."""

    size: tuple[int, int]  # (width, height) as stored
    orientation: int | None


def read_header(archive: Archive, name: str, where: str) -> Header:
    """The header of a photograph; `where` begins the InputError if it is none."""
    try:
        with archive.open(name) as file, reading(where):
            picture = open_header(file, where)
            # Pillow would decode a PNG to see whether there is EXIF behind the pixels.
            if picture.format == "PNG" and "exif" not in picture.info and b"eXIf" not in archive.read(name):
                return Header(picture.size, None)
            if picture.format == "TIFF":  # Pillow turns it by itself, and gives its size as turned
                return Header(picture.size, None)
            return Header(picture.size, orientation(picture))
    except ARCHIVE_ERRORS as error:
        raise InputError(f"{archive_name(archive)}: {name} cannot be read: {error}") from None


def orientation(picture: Image.Image) -> int | None:
    """The EXIF orientation; None where there is none, or none that can be read."""
    with without_warnings():
        try:
            return picture.getexif().get(ORIENTATION)
        except PILLOW_ERRORS:
            return None


def turn(picture: Image.Image) -> Image.Image:
    """A picture whose orientation is one of QUARTER_TURNS, turned upright.

    Pillow's exif_transpose would rewrite all of the EXIF, which fails where any other tag is damaged.
    """
    return picture.transpose(QUARTER_TURNS[picture.getexif()[ORIENTATION]])


def open_photograph(archive: Archive, name: str, turned: bool, where: str | None = None) -> Image.Image:
    """A photograph as its boxes were drawn on it: as stored, or turned as its EXIF says.

    `where`, or else its name, begins the InputError if it cannot be read.
    """
    stored = open_picture(read_file(archive, name), where or name)
    return turn(stored) if turned else stored
