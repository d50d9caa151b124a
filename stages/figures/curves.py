"""Learning curves: what an epoch brought, for every run of a table."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from stages.figures.look import GREY, MARKERS, SERIES, label_logarithmic, new_figure

PANELS = {"loss": "mean cross-entropy", "error": "error rate"}
WIDE = 4  # times the smallest value from which on an axis is logarithmic
LINES = {"train": "-", "test": "--"}


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
        bottom, top = axes.get_ylim()
        if bottom <= 0 or top > WIDE * bottom:
            axes.set_yscale("log")
            label_logarithmic(axes.yaxis)
        axes.margins(x=0.02)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _draw_legend(figure, panels[0], runs)
    return figure


def draw_curve(axes: Axes, curve: pd.DataFrame, split: str, score: str, index: int) -> None:
    """One line with its band; `index` chooses colour and marker."""
    accuracy = score == "error"
    column = f"{split}_accuracy" if accuracy else f"{split}_{score}"
    values = 1 - curve[column] if accuracy else curve[column]
    # An error of 0 has no place on a logarithmic axis: the line has a gap there.
    values = values.where(values > 1e-9)
    every = max(1, len(curve) // 6)
    style = {"color": SERIES[index % len(SERIES)], "marker": MARKERS[index % len(MARKERS)]}
    start = index * every // 5  # markers of equal curves lie side by side
    axes.plot(
        curve.epoch, values, LINES[split], **style, markersize=4, markevery=(start, every), linewidth=1.3
    )
    if f"{column}_std" in curve:
        spread = curve[f"{column}_std"].fillna(0)
        lower = (values - spread).clip(lower=values * 0.1)
        axes.fill_between(curve.epoch, lower, values + spread, color=style["color"], alpha=0.15, linewidth=0)


def _draw_legend(figure: Figure, axes: Axes, runs: list[str]) -> None:
    """The runs by colour and the splits by line, once for all panels."""
    splits = [Line2D([], [], color=GREY, linestyle=line) for line in LINES.values()]
    handles = [*axes.get_lines()[:: len(LINES)], *splits]
    labels = [*(run.replace("$", r"\$") for run in runs), "training set", "test set"]
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 7), fontsize=9)
