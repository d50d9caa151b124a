"""The geometry of crops: where a box lies in its photograph, and what becomes of its pixels.

A box is (left, top, right, bottom) in whole pixels, half open: it holds the columns left to right - 1 and
the rows top to bottom - 1, as in Pillow's crop. Column 0 is the left one, row 0 the upper one.
"""

import numpy as np
import torch
from PIL import Image

from stages.sources.pictures import QUARTER_TURNS, orientation

Area = tuple[int, int, int, int]

POOLED_AT_ONCE = 2**20  # pixels: 12 MB as real numbers


def clip(box: Area, width: int, height: int) -> Area | None:
    """The part of a box within a photograph of that size; None if there is none.

    >>> clip((-5, 2, 10, 30), 20, 25)
    (0, 2, 10, 25)
    """
    left, top, right, bottom = box
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    return (left, top, right, bottom) if left < right and top < bottom else None


def fits_turned(photograph: Image.Image, size: tuple[int, int]) -> bool | None:
    """Whether `size`, the annotation's (width, height), is that of the photograph turned as its EXIF says.

    False if it is the size of the pixels as stored, None if it is neither.
    """
    if size == photograph.size:
        return False
    turned = orientation(photograph) in QUARTER_TURNS
    return True if turned and size == photograph.size[::-1] else None


def resize(crop: Image.Image, side: int) -> np.ndarray:
    """Method 2 of the report: an RGB crop as uint8 (3, side, side), the bytes of torchvision's Resize.

    For an image of Pillow that is Pillow's own resize; the import of torchvision would take as long as a
    hundred photographs, and a third of the memory.
    """
    return np.asarray(crop.resize((side, side), Image.Resampling.BILINEAR)).transpose(2, 0, 1)


def pool(crop: Image.Image, side: int) -> np.ndarray:
    """Method 1 of the report: an RGB crop of any size as float32 (3, side, side) in 0 to 1.

    The report has AdaptiveAvgPool2d in front of its network. Pooling has no weights, so pooling once here
    gives what the network would get each time.
    """
    # All pixels of a large crop as real numbers are too much memory.
    rows_at_once = side if crop.width * crop.height <= POOLED_AT_ONCE else 1
    rows = []
    for row in range(0, side, rows_at_once):
        top, bottom = row * crop.height // side, -(-(row + rows_at_once) * crop.height // side)
        window = np.array(crop.crop((0, top, crop.width, bottom)))
        pixels = torch.from_numpy(window).permute(2, 0, 1).float().div_(255)
        rows.append(torch.nn.functional.adaptive_avg_pool2d(pixels, (rows_at_once, side)))
    return torch.cat(rows, dim=1).numpy()
