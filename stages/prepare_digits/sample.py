"""A picture of one numeral, as the networks have seen numerals: white on black, centred, of their size."""

import numpy as np
from PIL import Image

from pipeline.common.digits import SIDE

INK = 24  # pixels of the longer side of the ink; those of TibetanMNIST have 20 to 26
DARK = 64  # grey values above this are ink, on black


def to_sample(picture: Image.Image) -> np.ndarray:
    """A grey picture of any size, ink on paper or the other way round, as uint8 (28, 28), white on black.

    One of 28 x 28 keeps its place and size. Otherwise the ink is cut out, scaled to INK pixels and centred.
    The paper is bright if the median of the picture's border is.
    """
    pixels = np.asarray(picture)
    border = np.concatenate([pixels[[0, -1]].ravel(), pixels[:, [0, -1]].ravel()])
    if np.median(border) > 127:
        pixels = 255 - pixels
    if pixels.shape == (SIDE, SIDE):
        return pixels
    rows, columns = (np.flatnonzero((pixels > DARK).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return np.zeros((SIDE, SIDE), np.uint8)
    ink = Image.fromarray(pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = INK / max(ink.size)
    width, height = (max(1, round(side * scale)) for side in ink.size)
    sample = Image.new("L", (SIDE, SIDE))
    resized = ink.resize((width, height), Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
    sample.paste(resized, ((SIDE - width) // 2, (SIDE - height) // 2))
    return np.asarray(sample)
