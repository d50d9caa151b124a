"""Samples side by side with what they are and what they were taken for: figures F5 and F6."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from stages.figures.look import GREEN, VERMILLION, new_figure

LIMIT = 32  # samples that a gallery shows


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
    columns = 8
    rows = max(1, -(-len(pictures) // columns))
    figure, panels = new_figure(1.2 * rows, columns, rows)
    for axes in panels:
        axes.set_axis_off()
    for axes, picture, true, guess in zip(panels, pictures, truth, predicted, strict=False):
        axes.imshow(picture, cmap="gray_r" if np.ndim(picture) == 2 else None, interpolation="none")
        axes.set_title(f"{true} → {guess}", fontsize=8, color=GREEN if true == guess else VERMILLION, pad=3)
    return figure
