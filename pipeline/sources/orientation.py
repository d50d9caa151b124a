"""EXIF orientation: open a photograph as its boxes were drawn on it, turned or as stored.

A camera that was held upright stores its pixels lying on the side, and says in EXIF how to turn them. The one
rule, for photographs with boxes in any format, for whole pictures and for drawings: a picture is seen turned
as its EXIF says, as viewers, browsers, OpenCV, Ultralytics and supervision show it. Only where an annotation
states a width and height that are those of the pixels as stored, and not those of the turned picture, are its
boxes on the pixels as stored. Where sizes cannot tell, since none is stated or both are the same, the
photograph is taken as turned, and a note says so.
"""

from typing import NamedTuple

from PIL import Image

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import ARCHIVE_ERRORS, Archive, archive_name, read_file
from pipeline.sources.pictures import open_header, open_picture, orientation, reading, turn

SIDEWAYS = (5, 6, 7, 8)  # orientations that exchange width and height


class Header(NamedTuple):
    """What is known of a photograph before it is decoded."""

    size: tuple[int, int]  # (width, height) as stored
    orientation: int | None  # 2 to 8, None if EXIF turns nothing

    @property
    def turned_size(self) -> tuple[int, int]:
        """(width, height) as viewers show it."""
        return self.size[::-1] if self.orientation in SIDEWAYS else self.size


def read_header(archive: Archive, name: str, where: str) -> Header:
    """The header of a photograph; `where` begins the InputError if it is none."""
    try:
        with archive.open(name) as file, reading(where):
            picture = open_header(file, where)
            if picture.format == "PNG" and "exif" not in picture.info and b"eXIf" in archive.read(name):
                picture.load()  # its EXIF may stand behind the pixels
            return Header(picture.size, orientation(picture))
    except ARCHIVE_ERRORS as error:
        raise InputError(f"{archive_name(archive)}: {name} cannot be read: {error}") from None


def open_photograph(archive: Archive, name: str, turned: bool, where: str | None = None) -> Image.Image:
    """A photograph as its boxes were drawn on it: turned as its EXIF says, if it says so, or as stored.

    `where`, or else its name, begins the InputError if it cannot be read.
    """
    stored = open_picture(read_file(archive, name), where or name)
    return turn(stored) if turned else stored
