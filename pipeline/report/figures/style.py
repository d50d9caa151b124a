"""The style of every figure, and how it becomes files that are the same bytes on every rerun."""

from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from pipeline.report.colours import INK

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
    """The figure that `draw(*arguments)` makes, as PNG on white and as SVG without background."""
    with matplotlib.rc_context(STYLE):
        figure = draw(*arguments)
        figure.draw_without_rendering()
        # The figure is laid out now; doing so again for each file would take most of the time.
        figure.set_layout_engine(None)
        png, svg = BytesIO(), BytesIO()
        figure.savefig(png, format="png", dpi=PRINT_DPI, metadata={"Software": None})
        # Rasterized points within the SVG get the resolution of the PNG.
        figure.savefig(svg, format="svg", dpi=PRINT_DPI, transparent=True, metadata={"Date": None})
    width, height = figure.get_size_inches() * SCREEN_DPI
    return Picture({"png": png.getvalue(), "svg": svg.getvalue()}, round(width), round(height))
