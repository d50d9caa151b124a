"""Tibetan numerals drawn from the seed: the data set that needs no download.

A numeral is one pen path. It is chosen from the table below, bent by the hand that writes it, smoothed,
fitted to its box and inked. The classes, their shares, their boxes and their line widths follow the real
set (bat67/TibetanMNIST); the shapes were redrawn by eye as strokes, no pixel of the real set is in here.
"""

import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np

from pipeline.common.seeds import generator

SIZE = 28  # pixels, height and width of an image
STEPS = 80  # drops of ink along a path, less than a pixel apart
WRITERS = 300

# What the real set has for each class: images, side of the box (0 to 3 fill the image) and width of a line.
COUNTS = (1996, 2134, 1872, 1816, 1967, 1350, 1618, 1302, 1642, 2071)
BOXES = (26, 26, 26, 26, 22, 22, 22, 22, 22, 22)  # pixels
LINES = (3.4, 3.8, 3.3, 2.9, 3.0, 3.5, 2.8, 2.9, 3.1, 3.1)  # pixels

# How far one numeral strays from its path and its writer's habits (standard deviations). They set how hard
# the classes are to tell apart: with these the report's networks score what they score on the real set.
WOBBLE = 0.05  # of a point, in boxes
TURN = 0.1  # radians
SLANT = 0.1  # shift to the right per unit of height
TRIM = 0.04  # of the place where the pen comes down or leaves, in lengths of the path
GRAIN = 0.06  # of the roughness of the paper, relative to the ink

# The ways to write each numeral: the points that the pen passes, as (x, y) in the unit square, y down.
# A pen that goes back over its own line passes the same points again.
PATHS = {
    # 0, a closed ring: triangle on its base, circle, triangle on its tip, D with a hook, open bowl
    0: (
        ((0.5, 0), (0.22, 0.45), (0, 0.85), (0.5, 1), (1, 0.85), (0.8, 0.4), (0.5, 0)),
        ((0.5, 0), (0.08, 0.3), (0.1, 0.8), (0.5, 1), (0.92, 0.75), (0.88, 0.25), (0.5, 0)),
        ((0.05, 0.1), (0.2, 0.55), (0.5, 1), (0.85, 0.55), (1, 0.1), (0.5, 0), (0.05, 0.1)),
        ((0.1, 0), (0.2, 0.5), (0.1, 1), (0.7, 0.92), (1, 0.45), (0.65, 0.05), (0.25, 0.1)),
        ((0.15, 0.1), (0, 0.6), (0.3, 1), (0.75, 0.95), (1, 0.5), (0.8, 0.05), (0.6, 0)),
    ),
    # 1, a hook like a 7: round shoulder, square shoulder, a tick before the bar, a wide bow
    1: (
        ((0, 0.35), (0.3, 0.1), (0.7, 0), (1, 0.15), (0.8, 0.5), (0.3, 1)),
        ((0.05, 0.5), (0.2, 0.08), (0.55, 0.05), (1, 0.03), (0.9, 0.5), (0.7, 1)),
        ((0.1, 0.05), (0.25, 0.22), (0.6, 0.1), (1, 0.03), (0.75, 0.5), (0.45, 1)),
        ((0, 0.2), (0.4, 0.02), (0.9, 0.1), (1, 0.45), (0.7, 0.8), (0.1, 1)),
    ),
    # 2, a head, one notch and a tail to the right: arched head, like a Latin 2, with a long leg, flat head
    2: (
        ((0, 0.35), (0.3, 0.05), (0.7, 0.08), (0.7, 0.3), (0.35, 0.52), (0.65, 0.7), (1, 1)),
        ((0, 0.35), (0.35, 0), (0.75, 0.15), (0.6, 0.5), (0.2, 0.85), (0.5, 0.88), (1, 1)),
        ((0, 1), (0.12, 0.5), (0.4, 0.03), (0.85, 0.1), (0.75, 0.38), (0.4, 0.55), (0.65, 0.8), (1, 1)),
        ((0, 0.08), (0.35, 0.02), (0.65, 0.08), (0.45, 0.35), (0.3, 0.55), (0.6, 0.7), (1, 1)),
    ),
    # 3, a 2 with a second notch: arched head, flat zigzag, slurred to look like a 2, long leg, cramped
    3: (
        ((0, 0.3), (0.35, 0.02), (0.75, 0.1), (0.35, 0.4), (0.65, 0.45), (0.4, 0.7), (0.7, 0.8), (1, 1)),
        ((0, 0.12), (0.7, 0), (0.2, 0.35), (0.8, 0.4), (0.3, 0.7), (0.6, 0.78), (1, 1)),
        ((0, 0.35), (0.3, 0.03), (0.7, 0.1), (0.38, 0.45), (0.52, 0.54), (0.48, 0.62), (0.7, 0.76), (1, 1)),
        ((0, 0.9), (0.15, 0.4), (0.5, 0), (0.8, 0.15), (0.4, 0.4), (0.7, 0.5), (0.45, 0.7), (1, 1)),
        ((0.2, 0.2), (0.7, 0), (0.1, 0.45), (0.7, 0.45), (0, 0.8), (0.6, 0.78), (1, 1)),
    ),
    # 4, a bracket open to the right: leaning, round, short above, falling, square, with a bar inside
    4: (
        ((0.8, 0.3), (0.4, 0), (0.2, 0.28), (0, 0.6), (0.45, 0.9), (1, 0.88)),
        ((0.95, 0.15), (0.45, 0), (0, 0.5), (0.35, 0.92), (1, 0.85)),
        ((0.35, 0), (0.6, 0.12), (0.35, 0.03), (0.15, 0.4), (0, 0.75), (0.4, 0.95), (1, 1)),
        ((1, 0.5), (0.75, 0.2), (0.4, 0.02), (0.15, 0.35), (0, 0.65), (0.3, 0.85), (0.8, 1)),
        ((1, 0.1), (0.2, 0.05), (0.08, 0.5), (0, 0.95), (0.5, 0.97), (1, 0.95)),
        ((0.15, 0), (0.15, 0.45), (0.75, 0.38), (0.15, 0.45), (0.02, 0.9), (0.5, 0.97), (1, 0.9)),
    ),
    # 5, a bowl and a stem on its right, as in a 4: high bowl, deep bowl, no stem below, slanted bowl
    5: (
        ((0.2, 0), (0.05, 0.5), (0.4, 0.62), (0.85, 0.45), (0.95, 0), (0.85, 0.5), (0.8, 1)),
        ((0.15, 0), (0, 0.7), (0.35, 0.95), (0.8, 0.6), (0.95, 0), (0.87, 0.5), (0.95, 1)),
        ((0.1, 0), (0.03, 0.6), (0.4, 1), (0.85, 0.75), (1, 0)),
        ((0, 0), (0.25, 0.45), (0.7, 0.4), (0.9, 0), (0.88, 0.5), (0.85, 1)),
    ),
    # 6, a bowl that curls inwards on the right: like a G, like an L with a hook, like an S, like a U
    6: (
        ((0.9, 0.05), (0.4, 0.05), (0.03, 0.5), (0.35, 0.97), (0.85, 0.85), (0.95, 0.5), (0.55, 0.55)),
        ((0.1, 0), (0.08, 0.6), (0.35, 1), (0.8, 0.85), (0.8, 0.5), (0.5, 0.5), (0.95, 0.3)),
        ((1, 0), (0.65, 0.2), (0.5, 0.4), (0.9, 0.55), (0.85, 0.9), (0.4, 1), (0, 0.65)),
        ((0, 0), (0.03, 0.6), (0.35, 0.97), (0.8, 0.85), (0.75, 0.45), (1, 0.2)),
    ),
    # 7, a head that falls into a bowl: like an N, like a 2 with a J, wide, like a V, bowl alone
    7: (
        ((0, 0.7), (0.2, 0.12), (0.4, 0.3), (0.4, 0.85), (0.65, 0.9), (0.85, 0.5), (1, 0)),
        ((0, 0.35), (0.3, 0.1), (0.45, 0.4), (0.2, 0.8), (0.5, 0.97), (0.9, 0.7), (1, 0)),
        ((0, 0.15), (0.5, 0.12), (0.6, 0.45), (0.1, 0.85), (0.5, 1), (0.9, 0.8), (0.93, 0)),
        ((0, 0.25), (0.3, 0.1), (0.4, 0.5), (0.45, 1), (0.65, 0.8), (1, 0)),
        ((0, 0.35), (0.15, 0.5), (0.1, 0.92), (0.5, 1), (0.9, 0.85), (0.95, 0)),
    ),
    # 8, an angle open to the right: even, with a stem to the left, short above, long below
    8: (
        ((0.8, 0), (0.4, 0.25), (0.05, 0.5), (0.5, 0.78), (0.9, 1)),
        ((0.85, 0), (0.35, 0.45), (0, 0.6), (0.35, 0.45), (0.6, 0.75), (0.85, 1)),
        ((0.45, 0), (0.2, 0.4), (0, 0.75), (0.5, 0.75), (1, 1)),
        ((0.5, 0), (0.2, 0.2), (0, 0.4), (0.4, 0.65), (0.85, 1)),
    ),
    # 9, a stem with a head to its right: like a p, like an R, like a C, like an n, like a C with a hook
    9: (
        ((0.1, 1), (0.15, 0.4), (0.45, 0), (1, 0.12), (0.95, 0.45), (0.5, 0.5)),
        ((0.05, 1), (0.12, 0.5), (0.15, 0.05), (0.7, 0), (0.9, 0.25), (0.4, 0.5), (0.7, 0.75), (1, 0.95)),
        ((0.95, 0.3), (0.55, 0), (0.05, 0.35), (0.25, 0.8), (0.9, 1)),
        ((0, 1), (0.1, 0.5), (0.2, 0.08), (0.6, 0), (0.95, 0.15), (1, 0.65)),
        ((0.6, 0.38), (0.95, 0.28), (0.6, 0), (0.05, 0.35), (0.2, 0.8), (0.7, 1)),
    ),
}


def write_digits(samples: int, seed: int, path: Path) -> None:
    """Write drawn numerals as an .npz file: image (samples, 28, 28) and label (samples,), both uint8.

    numpy.savez is not used, since its bytes depend on the release of Python.
    """
    images, labels = draw_digits(samples, seed)
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in {"image": images, "label": labels}.items():
            buffer = BytesIO()
            np.lib.format.write_array(buffer, array, version=(1, 0))
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue())


def draw_digits(samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (samples, 28, 28), white ink on black, and labels (samples,), both uint8, in shuffled order."""
    rng = generator(seed, "synthetic digits")
    labels = shuffled_labels(rng, samples)
    writers = rng.integers(WRITERS, size=samples)
    habits = draw_habits(rng)
    images = np.empty((samples, SIZE, SIZE), np.uint8)
    for digit, paths in PATHS.items():
        # The power makes the first ways of the table the usual ones.
        ways = (len(paths) * rng.random(samples) ** 1.5).astype(int)
        for way, path in enumerate(paths):
            here = np.flatnonzero((labels == digit) & (ways == way))
            hands = {name: values[writers[here]] for name, values in habits.items()}
            images[here] = draw_path(rng, np.array(path), BOXES[digit], LINES[digit], hands)
    return images, labels


def shuffled_labels(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Labels uint8 (samples,) with the class shares of `COUNTS`."""
    upper = np.cumsum(COUNTS) / sum(COUNTS)
    ordered = np.searchsorted(upper, (np.arange(samples) + 0.5) / samples)
    return rng.permutation(ordered).astype(np.uint8)


def draw_habits(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What each writer does alike in every numeral: arrays (WRITERS,)."""
    return {
        "turn": rng.normal(0, 0.1, WRITERS),  # radians
        "slant": rng.normal(0, 0.15, WRITERS),  # shift to the right per unit of height
        "roundness": rng.uniform(0.2, 1.2, WRITERS),  # 0 is straight from point to point
        "brush": np.exp(rng.normal(0, 0.11, WRITERS)),  # relative to the usual width of a line
        "pressure": rng.uniform(0.05, 0.3, WRITERS),  # how much it varies along a line
    }


def draw_path(
    rng: np.random.Generator, path: np.ndarray, box: float, line: float, hands: dict[str, np.ndarray]
) -> np.ndarray:
    """Images uint8 (n, 28, 28) of one path (points, 2), written by n hands; each habit is (n,)."""
    n, points = len(hands["turn"]), len(path)
    xy = lean(rng, path - 0.5 + rng.normal(0, WOBBLE, (n, points, 2)), hands)
    pressure = 1 + hands["pressure"][:, None, None] * rng.normal(0, 1, (n, points, 1))
    pen = smooth(rng, np.concatenate([xy, pressure], axis=2), hands["roundness"])
    xy = fit(rng, pen[:, :, :2], box - line)
    # A third of the width of the line is the standard deviation of a drop.
    return ink(rng, xy, pen[:, :, 2], line / 3 * hands["brush"] * np.exp(rng.normal(0, 0.08, n)))


def lean(rng: np.random.Generator, xy: np.ndarray, hands: dict[str, np.ndarray]) -> np.ndarray:
    """Points (n, points, 2) slanted and turned as their writers do, a little differently each time."""
    slant = (hands["slant"] + rng.normal(0, SLANT, len(xy)))[:, None]
    turn = (hands["turn"] + rng.normal(0, TURN, len(xy)))[:, None]
    x, y = xy[:, :, 0] - slant * xy[:, :, 1], xy[:, :, 1]
    return np.stack([np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y], axis=2)


def smooth(rng: np.random.Generator, pen: np.ndarray, roundness: np.ndarray) -> np.ndarray:
    """A cardinal spline (n, STEPS, 3) through (n, points, 3): x, y and pressure; roundness 1 is Catmull-Rom.

    The pen comes down and leaves a little early or late, so rings stay open, and ends are cut or overshoot.
    """
    n, points, _ = pen.shape
    ends = rng.normal((0, points - 1), TRIM * points, (n, 2))
    time = ends[:, :1] + np.diff(ends) * np.linspace(0, 1, STEPS)
    before = np.clip(time.astype(int), 0, points - 2)
    u = (time - before)[:, :, None]
    padded = np.pad(pen, ((0, 0), (1, 1), (0, 0)), mode="edge")
    slopes = roundness[:, None, None] * (padded[:, 2:] - padded[:, :-2]) / 2
    row = np.arange(n)[:, None]
    values = pen[row, before] * (1 + 2 * u) * (1 - u) ** 2 + pen[row, before + 1] * u**2 * (3 - 2 * u)
    return values + slopes[row, before] * u * (1 - u) ** 2 - slopes[row, before + 1] * u**2 * (1 - u)


def fit(rng: np.random.Generator, xy: np.ndarray, side: float) -> np.ndarray:
    """Points (n, STEPS, 2) stretched to about `side` both ways in the middle of the image, in pixels."""
    low, high = xy.min(axis=1, keepdims=True), xy.max(axis=1, keepdims=True)
    sides = side + rng.normal(0, 0.8, low.shape)
    middle = (SIZE - 1) / 2 + rng.normal(0, 0.5, low.shape)
    return middle + ((xy - low) / (high - low) - 0.5) * sides


def ink(rng: np.random.Generator, xy: np.ndarray, pressure: np.ndarray, brush: np.ndarray) -> np.ndarray:
    """Images uint8 (n, 28, 28) of tracks xy (n, STEPS, 2), pressure (n, STEPS), with brushes (n,) wide.

    Each step leaves a Gaussian drop, a factor for its row times one for its column, so that the sum of all
    drops of an image is one matrix product. It is in double precision, so that a machine that adds in
    another order rounds to the same bytes.
    """
    grid, brush = np.arange(SIZE)[:, None], brush[:, None, None]
    x, y = xy[:, None, :, 0], xy[:, None, :, 1]
    flow = pressure[:, None] * np.hypot(np.gradient(x, axis=2), np.gradient(y, axis=2))
    columns = np.exp(-(((grid - x) / brush) ** 2) / 2)
    rows = np.exp(-(((grid - y) / brush) ** 2) / 2) * flow
    wet = rows @ columns.transpose(0, 2, 1) / (brush * np.sqrt(2 * np.pi))  # about 1 amid a line
    rough = rng.exponential(GRAIN, brush.shape) * rng.normal(0, 1, wet.shape)
    # Paper shows no trace of too little ink and no more than white where there is plenty.
    return np.rint(255 * np.clip(2 * wet * (1 + rough) - 0.2, 0, 1)).astype(np.uint8)
