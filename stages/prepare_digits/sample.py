"""A sample of one picture of a numeral, wherever one is read: white on black, centred, of one size.

prepare_digits, tools.classify and, in JavaScript, the page's pad make their samples by these rules.
"""

import numpy as np
from PIL import Image

from pipeline.common.digits import SIDE

INK = 24  # pixels of the longer side of the ink; those of TibetanMNIST have 20 to 26
FLAT = 32  # grey values between the darkest and the lightest pixel of paper without ink
COARSE = 64  # pixels of the longer side of the copy on which ink is looked for: specks of dust vanish there
CORNER = 14  # the side of a corner is this part of the picture's
BOX, BILINEAR = Image.Resampling.BOX, Image.Resampling.BILINEAR


def to_sample(pixels: np.ndarray) -> np.ndarray:
    """A grey picture uint8 (height, width), ink on paper or the other way round, as uint8 (28, 28), white on
    black.

    One of 28 x 28 keeps its place and size. Otherwise the ink is cut out, scaled to INK pixels and centred:
    a network that was shown whole pictures is lost where the numeral stands elsewhere.
    """
    if is_on_light(pixels):
        pixels = 255 - pixels
    sample = np.zeros((SIDE, SIDE), np.uint8)
    if pixels.shape == sample.shape:
        return pixels
    paper = np.median(np.concatenate([pixels[[0, -1]].ravel(), pixels[:, [0, -1]].ravel()]))
    pixels = pixels - np.minimum(pixels, np.uint8(paper))
    coarse = shrink(pixels)
    if coarse.max() < FLAT / 2:
        return sample
    ink = stretch(cut_out(pixels, coarse), int(coarse.max()))
    scale = INK / max(ink.shape)
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    resized = Image.fromarray(ink).resize((width, height), BOX if scale < 1 else BILINEAR)
    sample[top : top + height, left : left + width] = np.asarray(resized)
    return sample


def is_on_light(pixels: np.ndarray) -> bool:
    """Whether a picture is dark ink on light paper: its corners and the whole of it are light, on average,
    beside the middle of its grey values.

    Neither is enough alone: ink can fill the border, or more than half of the picture.
    """
    height, width = (max(1, side // CORNER) for side in pixels.shape)
    rows, columns = (slice(height), slice(-height, None)), (slice(width), slice(-width, None))
    corners = np.mean([pixels[row, column].mean() for row in rows for column in columns])
    low, high = int(pixels.min()), int(pixels.max())
    middle = (low + high) / 2 if high - low >= FLAT else 127.5
    return bool((corners + pixels.mean()) / 2 > middle)


def shrink(pixels: np.ndarray) -> np.ndarray:
    """A copy with a longer side of COARSE pixels at most."""
    scale = min(1, COARSE / max(pixels.shape))
    height, width = (max(1, round(side * scale)) for side in pixels.shape)
    return np.asarray(Image.fromarray(pixels).resize((width, height), BOX))


def cut_out(pixels: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """The part of a picture with ink, which is more than half as light as the lightest of its coarse copy.

    In a copy that is hardly smaller, rows and columns with a single pixel of ink count as specks.
    """
    ink = coarse > coarse.max() / 2
    specks = max(pixels.shape) < 2 * COARSE
    part = []
    for side, length, counts in zip(
        pixels.shape, coarse.shape, (ink.sum(axis=1), ink.sum(axis=0)), strict=True
    ):
        there = np.flatnonzero(counts > (specks and counts.max() > 1))
        part.append(slice(there[0] * side // length, -(-(there[-1] + 1) * side // length)))
    return pixels[part[0], part[1]]


def stretch(pixels: np.ndarray, white: int) -> np.ndarray:
    """Numbers from 0 to `white` as grey values uint8 from 0 to 255."""
    return np.rint(pixels.astype(np.float64) * 255 / white).clip(0, 255).astype(np.uint8)
