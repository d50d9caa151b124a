"""Learning curves of the runs of a table: loss and error rate by epoch."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.typing import LineStyleType

from stages.write_report.colours import GREY
from stages.write_report.figures.style import MARKERS, label_logarithmic, new_figure

PANELS = {"loss": "mean cross-entropy", "error": "error rate"}
BAND_POINTS = 40  # of more, the bands would be most of the page's bytes
LOGARITHMIC_ABOVE = 4  # ratio of the largest to the smallest value
LINES: dict[str, LineStyleType] = {"train": "-", "test": "--"}


def draw_curves(curves: pd.DataFrame) -> Figure:
    """Loss and error rate of the runs of a table (plots/<part>/curves/T<n>.csv), with bands of one
    standard deviation over the replicates. An axis of values that spans much is logarithmic.
    """
    figure, panels = new_figure(3.4, columns=2)
    runs = list(dict.fromkeys(curves.run))
    for axes, (score, label) in zip(panels, PANELS.items(), strict=True):
        for index, run in enumerate(runs):
            for split in LINES:
                draw_curve(axes, curves[curves.run == run], split, score, index)
        axes.set(xlabel="epoch", title=label)
        drawn = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.get_lines()])
        if np.nanmax(drawn, initial=0) > LOGARITHMIC_ABOVE * np.nanmin(drawn, initial=np.inf):
            axes.set_yscale("log")
            axes.set_ylim(bottom=0.7 * np.nanmin(drawn))  # a band may go on to 0, which has no place here
            label_logarithmic(axes.yaxis)
        axes.margins(x=0.02)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _draw_legend(figure, panels[0], runs)
    return figure


def draw_curve(axes: Axes, curve: pd.DataFrame, split: str, score: str, index: int) -> None:
    """One line with its band, in the run's colour; `index` chooses the marker."""
    accuracy = score == "error"
    column = f"{split}_accuracy" if accuracy else f"{split}_{score}"
    values = 1 - curve[column] if accuracy else curve[column]
    # An error of 0 has no place on a logarithmic axis: the line has a gap there.
    values = values.where(values > 1e-9)
    every = max(1, len(curve) // 6)
    colour = curve.colour.iloc[0]
    axes.plot(
        curve.epoch,
        values,
        color=colour,
        linestyle=LINES[split],
        linewidth=1.3,
        marker=MARKERS[index % len(MARKERS)],
        markersize=4,
        markevery=(index * every // 5, every),  # markers of equal curves lie side by side
    )
    if f"{column}_std" in curve:
        spread = curve[f"{column}_std"].fillna(0)
        lower = (values - spread).clip(lower=values * 0.1)
        band = pd.DataFrame({"epoch": curve.epoch, "lower": lower, "upper": values + spread})
        some = np.linspace(0, len(band) - 1, min(len(band), BAND_POINTS)).round().astype(int)
        band = band.iloc[some]
        axes.fill_between(band.epoch, band.lower, band.upper, color=colour, alpha=0.15, linewidth=0)


def _draw_legend(figure: Figure, axes: Axes, runs: list[str]) -> None:
    """The runs by colour and the splits by line, once for all panels."""
    splits = [Line2D([], [], color=GREY, linestyle=line) for line in LINES.values()]
    handles = [*axes.get_lines()[:: len(LINES)], *splits]
    labels = [*runs, "training set", "test set"]
    columns = max(1, 84 // max(map(len, labels)))  # 84 letters fit the width
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), columns), fontsize=9)
