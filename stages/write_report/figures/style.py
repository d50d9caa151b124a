"""The style of every figure."""

from collections.abc import Sequence
from typing import Any

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from stages.write_report.colours import INK

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")  # so that series differ in black and white too

STYLE: dict[Any, Any] = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "font.size": 10,
    "legend.frameon": False,
    "svg.hashsalt": "report",
    "text.parse_math": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
WIDTH = 8.0  # inches: the width of the page
SMALLEST_TEXT = 8.3  # points: 11 CSS pixels

LONGEST_NAME = 6  # letters of a class's name in a figure


def name_in_figures(classes: Sequence[str]) -> list[str]:
    """The names of classes as figures write them: their numbers, from 1, if a name is long, or has a letter
    that the font of figures lacks.
    """
    letters = font_manager.get_font(font_manager.findfont("DejaVu Sans")).get_charmap()
    short = max(map(len, classes)) <= LONGEST_NAME
    if short and all(ord(letter) in letters for name in classes for letter in name):
        return list(classes)
    return [str(number) for number in range(1, len(classes) + 1)]


def new_figure(height: float, columns: int = 1, rows: int = 1, **options: Any) -> tuple[Figure, list[Axes]]:
    """A figure as wide as the page and `height` inches high, and its axes row by row."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False, **options).flat)


def label_logarithmic(axis: Axis) -> None:
    """Plain numbers such as 0.2 on a logarithmic axis, where matplotlib has powers of ten."""
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1,)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
