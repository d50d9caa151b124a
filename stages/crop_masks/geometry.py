"""The geometry of crops: the part of a box within its photograph, and its pixels at a fixed size.

A box is (left, top, right, bottom) in whole pixels, half open: it holds the columns left to right - 1 and
the rows top to bottom - 1, as in Pillow's crop. Column 0 is the left one, row 0 the upper one.
"""

import numpy as np
from PIL import Image

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


def resize(crop: Image.Image, side: int) -> np.ndarray:
    """Method 2 of the report: an RGB crop as uint8 (3, side, side), the bytes of torchvision's Resize.

    torchvision leaves the resizing of Pillow's images to Pillow.
    """
    return np.asarray(crop.resize((side, side), Image.Resampling.BILINEAR)).transpose(2, 0, 1)


def pool(crop: Image.Image, side: int) -> np.ndarray:
    """Method 1 of the report: an RGB crop of any size as float32 (3, side, side) in 0 to 1.

    The report has AdaptiveAvgPool2d in front of its network: cell i of a row of n pixels is the mean of
    pixels floor(i n / side) to ceil((i + 1) n / side) - 1, so neighbours may share pixels. Pooling has no
    weights, so it is done once here. The sums are in PyTorch's order, so the bytes are those of PyTorch.
    """
    (top, bottom), (left, right) = _cells(crop.height, side), _cells(crop.width, side)
    width = max(right - left)
    columns = left + np.arange(width)[:, None]
    columns[columns >= right] = crop.width  # narrower cells are filled up with a column of zeros
    # All pixels of a large crop as real numbers are too much memory.
    at_once = side if crop.width * crop.height <= POOLED_AT_ONCE else 1
    sums = np.empty((side, side * 3), np.float32)
    for start in range(0, side, at_once):
        cells = slice(start, start + at_once)
        first, last = top[start], bottom[cells][-1]
        pixels = np.zeros((last - first, crop.width + 1, 3), np.uint8)
        pixels[:, :-1] = np.asarray(crop.crop((0, first, crop.width, last)))
        # In the order of a cell's sum: row by row, and in each row column by column.
        terms = (pixels.take(columns.ravel(), axis=1) / np.float32(255)).reshape(-1, side * 3)
        for total, above, below in zip(sums[cells], top[cells] - first, bottom[cells] - first, strict=True):
            np.add.reduce(terms[above * width : below * width], axis=0, out=total)
    means = sums.reshape(side, side, 3)
    means /= (bottom - top).astype(np.float32)[:, None, None]
    means /= (right - left).astype(np.float32)[:, None]
    return means.transpose(2, 0, 1)


def _cells(length: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """The first pixel of each of `side` cells, and the one after its last."""
    edges = np.arange(side + 1) * length
    return edges[:-1] // side, -(-edges[1:] // side)
