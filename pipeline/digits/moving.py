"""Augmentation of the digits: a small random affine transformation of each image."""

import numpy as np
from scipy.ndimage import affine_transform

from pipeline.digits.prepared import SIDE

MATRIX_CHANGE = 0.2  # of each element of the matrix, at most
SHIFT = 2.0  # pixels, at most


def move(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A changed copy of each image, uint8 (n, 28, 28), about its centre; what comes in from outside is black.

    A point of the result shows the point matrix (point - centre) + centre + shift of the image, interpolated
    linearly. The matrix is drawn as it is, rather than from angles, whose sines are not the same in the last
    digit on every processor.
    """
    matrices = np.eye(2) + rng.uniform(-MATRIX_CHANGE, MATRIX_CHANGE, (len(images), 2, 2))
    centre = np.full(2, (SIDE - 1) / 2)
    offsets = centre + rng.uniform(-SHIFT, SHIFT, (len(images), 2)) - matrices @ centre
    moved = np.empty_like(images)
    for image, matrix, offset, target in zip(images, matrices, offsets, moved, strict=True):
        affine_transform(image, matrix, offset, output=target, order=1)
    return moved
