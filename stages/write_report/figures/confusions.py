"""Confusion matrices: figure F4 of part 1, and the same of part 2."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from stages.write_report.colours import BLUE, GREY, INK
from stages.write_report.figures.style import SMALLEST_TEXT, new_figure

ON_BLUE = "#fefefe"  # not PAPER, which is dark on a page in dark mode
MOST_NUMBERED = 12  # classes of a matrix whose cells have room for numbers
MOST_NAMED = 28  # of one whose rows all have room for a name


def count_confusions(samples: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """How often each of `classes` was predicted (columns) for each truth (rows), from a row a sample."""
    counts = pd.crosstab(samples.truth, samples.predicted)
    return counts.reindex(index=classes, columns=classes, fill_value=0)


def most_confused(counts: pd.DataFrame) -> tuple[str, str]:
    """Truth and prediction of the largest cell off the diagonal (C12); the first of equal ones."""
    wrong = counts.to_numpy().copy()
    np.fill_diagonal(wrong, -1)
    row, column = np.unravel_index(wrong.argmax(), wrong.shape)
    return counts.index[row], counts.columns[column]


def draw_confusions(training: pd.DataFrame, test: pd.DataFrame) -> Figure:
    """The matrices of both splits side by side: counts, shaded and subtitled by their share of the row; of
    many classes the shades alone.
    """
    figure, panels = new_figure(4.4 if len(test) > 5 else 3.4, columns=2)
    said = "" if len(test) <= MOST_NUMBERED else ": the bluer, the more of the row"
    for axes, title, counts in zip(panels, ("training set", "test set"), (training, test), strict=True):
        draw_matrix(axes, counts)
        axes.set(title=title + said, xlabel="predicted", ylabel="truth")
    return figure


def draw_matrix(axes: Axes, counts: pd.DataFrame) -> None:
    """Counts above, row shares below; the 0 of a cell without samples is grey, so that errors stand out. Of
    more classes than have room, numbers are left out, then every second name or more.
    """
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0).to_numpy()
    cells = np.empty((*shares.shape, 4))
    cells[..., :3], cells[..., 3] = to_rgb(BLUE), shares  # without a white ground, for a page in dark mode
    axes.imshow(cells)
    fontsize = SMALLEST_TEXT if len(counts) > 5 else 10
    for (row, column), count in np.ndenumerate(counts.to_numpy() if len(counts) <= MOST_NUMBERED else []):
        share = shares[row, column]
        percent = f"{share:.0%}" if share >= 0.005 else "<1%"
        text = f"{count}\n{percent}" if count else "0"
        colour = (ON_BLUE if share > 0.55 else INK) if count else GREY
        axes.text(
            column, row, text, color=colour, ha="center", va="center", fontsize=fontsize, linespacing=0.95
        )
    step = -(-len(counts) // MOST_NAMED)
    axes.set_xticks(range(0, len(counts), step), counts.columns[::step])
    axes.set_yticks(range(0, len(counts), step), counts.index[::step])
    if len(counts) > MOST_NUMBERED:
        axes.tick_params(labelsize=SMALLEST_TEXT)
        axes.tick_params(axis="x", rotation=90 if max(map(len, counts.columns)) > 1 else 0)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
