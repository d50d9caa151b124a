"""One random generator for each purpose, so that a draw for one cannot move another."""

import zlib

import numpy as np


def generator(seed: int, purpose: str, replicate: int = 0) -> np.random.Generator:
    """The generator of a `purpose` ("split", "weights", "shuffling", ...), the same everywhere."""
    return np.random.default_rng([seed, replicate, zlib.crc32(purpose.encode())])
