"""Samples side by side, with their truth and prediction: figures F5 and F6."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from stages.write_report.colours import GREEN, VERMILLION
from stages.write_report.figures.style import new_figure

COLUMNS = 8
LIMIT = 16  # samples that a gallery shows


def spread(count: int, limit: int = LIMIT) -> list[int]:
    """At most `limit` of the numbers 0 to count - 1, evenly spread.

    >>> spread(10, 4)
    [0, 3, 6, 9]
    """
    return np.linspace(0, count - 1, min(count, limit)).round().astype(int).tolist()


def draw_gallery(
    pictures: Sequence[np.ndarray | Image.Image], truth: Sequence[str], predicted: Sequence[str]
) -> Figure:
    """Pictures of any size in rows of eight, each titled truth -> prediction."""
    rows = max(1, -(-len(pictures) // COLUMNS))
    figure, (axes,) = new_figure(1.2 * rows)
    for number, (picture, true, guess) in enumerate(zip(pictures, truth, predicted, strict=True)):
        row, column = divmod(number, COLUMNS)
        height, width = np.asarray(picture).shape[:2]
        top, longest = row * 1.2, max(width, height)
        extent = (column, column + 0.9 * width / longest, top + 0.9 * height / longest, top)
        axes.imshow(picture, cmap="gray", extent=extent)
        colour = GREEN if true == guess else VERMILLION
        axes.text(column, top - 0.04, f"{true} → {guess}", fontsize=9, color=colour)
    axes.set(xlim=(0, COLUMNS), ylim=(1.2 * rows - 0.2, -0.25), aspect="equal")
    axes.set_axis_off()
    return figure
