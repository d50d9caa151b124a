"""Augmentation of the digits: a small random affine transformation of each image."""

import numpy as np
from scipy.ndimage import affine_transform

from pipeline.common.digits import SIDE

MATRIX_CHANGE = 0.2  # of each element of the matrix, at most
SHIFT = 2.0  # pixels, at most


def move(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A changed copy of each image, uint8 (n, 28, 28), about its centre; pixels from outside are black.

    Pixel p of the result is the image at matrix (p - centre) + centre + shift, interpolated linearly. The
    elements of the matrix are drawn, not angles, whose sines differ in the last digit among processors.
    """
    matrices = np.eye(2) + rng.uniform(-MATRIX_CHANGE, MATRIX_CHANGE, (len(images), 2, 2))
    centre = np.full(2, (SIDE - 1) / 2)
    offsets = centre + rng.uniform(-SHIFT, SHIFT, (len(images), 2)) - matrices @ centre
    moved = np.empty_like(images)
    for image, matrix, offset, target in zip(images, matrices, offsets, moved, strict=True):
        affine_transform(image, matrix, offset, output=target, order=1)
    return moved
