"""How every figure looks: colours, sizes, and files that are the same bytes on every rerun."""

from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

# Okabe and Ito, Color Universal Design, 2008: told apart by colour-blind readers.
BLUE, VERMILLION, GREEN, PURPLE, ORANGE = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"
SKY, YELLOW, GREY = "#56b4e9", "#f0e442", "#8a8a8a"
SERIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GREY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")  # so that series differ in grey print too
INK = "#1b1b1f"  # of text and axes; the page draws it in its own text colour, which is light in the dark

# Of the classes of part 2, here and on photographs.
CLASS_COLOURS = {"bad": VERMILLION, "good": BLUE, "none": ORANGE}

STYLE: dict[Any, Any] = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "font.size": 10,
    "legend.frameon": False,
    "svg.hashsalt": "report",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
WIDTH = 8.0  # inches: the width of the page
SCREEN_DPI, PRINT_DPI = 96, 150


class Picture(NamedTuple):
    """A figure as files by their suffix, "png" and, unless it is a photograph, "svg". Sizes in CSS pixels."""

    files: dict[str, bytes]
    width: int
    height: int


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


def render(draw: Callable[..., Figure], *arguments: Any) -> Picture:
    """What `draw(*arguments)` draws, as PNG on white and as SVG on nothing, in the style above."""
    with matplotlib.rc_context(STYLE):
        figure = draw(*arguments)
        figure.draw_without_rendering()
        # It has laid the figure out; again for each file takes most of the time.
        figure.set_layout_engine(None)
        png, svg = BytesIO(), BytesIO()
        figure.savefig(png, format="png", dpi=PRINT_DPI, metadata={"Software": None})
        # Points that are drawn as pixels within the SVG have the resolution of the PNG.
        figure.savefig(svg, format="svg", dpi=PRINT_DPI, transparent=True, metadata={"Date": None})
    width, height = figure.get_size_inches() * SCREEN_DPI
    return Picture({"png": png.getvalue(), "svg": svg.getvalue()}, round(width), round(height))
