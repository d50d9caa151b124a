"""Whole photographs with every box drawn, coloured by prediction, truth and prediction beside: figure F7."""

from pathlib import Path
from typing import NamedTuple

import matplotlib
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from pipeline.common.paths import MASKS_ARCHIVE
from pipeline.sources.archives import open_archive
from pipeline.sources.orientation import open_photograph
from stages.write_report.colours import readable_on

Area = tuple[int, int, int, int]  # left, top, right, bottom in whole pixels, half open, as Pillow crops

LONG_SIDE = 1000  # of a photograph as shown, so that labels of one size can be read on all of them
TEXT_HEIGHT = 20  # pixels high, on that photograph, which the page shows smaller
LINE_WIDTH = 3
PADDING = 2  # between a label's text and its edge
FONT = Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans-Bold.ttf")


class Face(NamedTuple):
    """A box clipped to its photograph, what is written beside it, and the colour of both."""

    area: Area
    caption: str
    colour: str


def cut_faces(rows: pd.DataFrame) -> list[Image.Image]:
    """The crops of some rows of boxes.csv, cut out of their photographs again: data/crops/ may hold none."""
    with open_archive(MASKS_ARCHIVE, MASKS_ARCHIVE.name) as archive:
        return [
            open_photograph(archive, row.photograph, turned=bool(row.exif_rotated)).crop(
                (row.left, row.top, row.right, row.bottom)
            )
            for row in rows.itertuples()
        ]


def draw_photograph(photograph: Image.Image, faces: list[Face]) -> Image.Image:
    """The photograph in the size in which it is shown, with its boxes and labels."""
    scale = LONG_SIDE / max(photograph.size)
    width, height = (max(1, round(side * scale)) for side in photograph.size)
    scaled = [face._replace(area=scale_area(face.area, photograph.size, (width, height))) for face in faces]
    return draw_faces(photograph.resize((width, height), Image.Resampling.LANCZOS), scaled)


def scale_area(area: Area, old: tuple[int, int], new: tuple[int, int]) -> Area:
    """The area in a picture of size `new` that was `area` in size `old`; a pixel wide and high at least."""
    left, right = (round(x * new[0] / old[0]) for x in area[::2])
    top, bottom = (round(y * new[1] / old[1]) for y in area[1::2])
    left, top = min(left, new[0] - 1), min(top, new[1] - 1)
    return left, top, max(right, left + 1), max(bottom, top + 1)


def draw_faces(photograph: Image.Image, faces: list[Face]) -> Image.Image:
    """A copy with boxes on the outermost pixels of their areas; labels are drawn last, above all boxes."""
    picture = photograph.convert("RGB")
    draw = ImageDraw.Draw(picture)
    for face in faces:
        left, top, right, bottom = face.area
        # Pillow's rectangle holds its last column and row, and its line grows inwards.
        line = min(LINE_WIDTH, right - left, bottom - top)
        draw.rectangle((left, top, right - 1, bottom - 1), outline=face.colour, width=line)
    taken: list[Area] = [face.area for face in faces]
    for face in faces:
        label = place_label(face, picture.size, taken)
        write_label(draw, face, label)
        taken.append(label)
    return picture


def fitting_font(text: str, size: tuple[int, int]) -> ImageFont.FreeTypeFont:
    """The font of labels, smaller only where the whole picture has no room for the text."""
    for points in range(TEXT_HEIGHT, 1, -1):
        font = load_font(points)
        width, height = label_size(text, font)
        if width <= size[0] and height <= size[1]:
            return font
    return load_font(1)


def load_font(points: int) -> ImageFont.FreeTypeFont:
    """The font of labels. Pillow's other layout sets text otherwise where FriBidi is installed."""
    return ImageFont.truetype(FONT, points, layout_engine=ImageFont.Layout.BASIC)


def label_size(text: str, font: ImageFont.FreeTypeFont) -> tuple[int, int]:
    left, top, right, bottom = font.getbbox(text)
    return int(right - left) + 2 * PADDING, int(bottom - top) + 2 * PADDING


def place_label(face: Face, size: tuple[int, int], taken: list[Area]) -> Area:
    """Where the label goes: above, below, right or left of its box, or within it, whole in the picture
    of that `size`, where it covers least of what is `taken`.
    """
    width, height = label_size(face.caption, fitting_font(face.caption, size))
    left, top, right, bottom = face.area
    corners = [(left, top - height), (left, bottom), (right - width, top - height), (right - width, bottom)]
    corners += [(right, top), (left - width, top), (left, top)]
    places = []
    for x, y in corners:
        x, y = max(0, min(x, size[0] - width)), max(0, min(y, size[1] - height))
        places.append((x, y, x + width, y + height))
    return min(places, key=lambda place: sum(overlap(place, other) for other in taken))


def overlap(one: Area, other: Area) -> int:
    """Pixels that two areas share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0, width) * max(0, height)


def write_label(draw: ImageDraw.ImageDraw, face: Face, area: Area) -> None:
    """The caption of a face, on its colour."""
    left, top, right, bottom = area
    text = face.caption
    font = fitting_font(text, draw.im.size)
    offset = font.getbbox(text)
    draw.rectangle((left, top, right - 1, bottom - 1), fill=face.colour)
    draw.text(
        (left + PADDING - offset[0], top + PADDING - offset[1]),
        text,
        fill=readable_on(face.colour),
        font=font,
    )
