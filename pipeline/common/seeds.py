"""A random generator for each purpose, so that more draws for one do not change those for another."""

import zlib

import numpy as np


def generator(seed: int, purpose: str, replicate: int = 0) -> np.random.Generator:
    """The generator of a `purpose` ("split", "weights", "shuffling", ...), equal on every machine."""
    return np.random.default_rng([seed, replicate, zlib.crc32(purpose.encode())])
