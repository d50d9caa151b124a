"""Latent features of the test set in the plane: figures F1 (two units), F2 (PCA) and F3 (t-SNE)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.write_report.colours import INK, PAPER, digit_colours
from stages.write_report.figures.style import SMALLEST_TEXT, new_figure

LABEL = 0.03  # of a label, as a share of the figure's width
MOST_IN_LEGEND = 10  # classes


def draw_latents(
    points: pd.DataFrame, separation: pd.DataFrame, same_axes: bool, classes: Sequence[str]
) -> Figure:
    """The points of one run (epoch, x, y, digit), a panel an epoch, with the separation of its classes, the
    mean over replicates, in the title. Epochs of t-SNE have no axes in common.
    """
    colours = dict(zip(classes, digit_colours(len(classes)), strict=True))
    epochs = sorted(points.epoch.unique())
    columns = min(len(epochs), 4)
    rows = -(-len(epochs) // columns)
    height = 3.4 if columns < 3 else 2.6
    figure, panels = new_figure(height * rows, columns, rows, sharex=same_axes, sharey=same_axes)
    scores = separation.groupby("epoch")[["knn_accuracy", "silhouette"]].mean()
    for axes, epoch in zip(panels, epochs, strict=False):
        shown = points[points.epoch == epoch]
        span = np.ptp((points if same_axes else shown)[["x", "y"]].to_numpy(), axis=0)
        draw_points(axes, shown, LABEL * columns * span, colours)
        knn, silhouette = scores.loc[epoch]
        scores_of_epoch = f"15-NN {knn:.3f}, silhouette {silhouette:+.3f}".replace("-0", "−0")
        axes.set_title(f"epoch {epoch}\n{scores_of_epoch}", fontsize=SMALLEST_TEXT if columns > 2 else 10)
    for axes in panels[len(epochs) :]:
        axes.set_axis_off()
    if len(colours) <= MOST_IN_LEGEND:
        draw_legend(figure, colours)
    return figure


def draw_legend(figure: Figure, colours: Mapping[str, str]) -> None:
    """The colour of each class, since a label that would hide another is left out."""
    handles = [Line2D([], [], color=colour, marker="o", linestyle="") for colour in colours.values()]
    labels = list(colours)
    spacing = {"handlelength": 1, "handletextpad": 0.3, "columnspacing": 2.5}
    figure.legend(handles, labels, loc="outside lower center", ncols=len(handles), **spacing)


def keep_apart(places: Mapping[str, np.ndarray], room: np.ndarray) -> dict[str, np.ndarray]:
    """The names, each with its place in the plane, of which no earlier one is within `room`, in x and in y.
    Longer names take more room in x.
    """
    kept: dict[str, np.ndarray] = {}
    for name, place in places.items():
        reach = {other: room * [max(1, (len(name) + len(other)) / 3), 1] for other in kept}
        if not any((np.abs(place - kept[other]) < reach[other]).all() for other in kept):
            kept[name] = place
    return kept


def draw_points(axes: Axes, points: pd.DataFrame, room: np.ndarray, colours: Mapping[str, str]) -> None:
    """The points of one epoch by class, each class labelled at its median where no other label is within
    `room` of it.
    """
    of_points = points.digit.map(colours)
    axes.scatter(points.x, points.y, c=of_points, s=5, alpha=0.75, linewidths=0, rasterized=True)
    axes.set(xticks=[], yticks=[])
    medians = points.groupby("digit")[["x", "y"]].median()
    places = {name: medians.loc[name].to_numpy() for name in colours if name in medians.index}
    for name, (x, y) in keep_apart(places, room).items():
        style = "circle,pad=0.15" if len(name) == 1 else "round,pad=0.15"
        box = {"boxstyle": style, "facecolor": PAPER, "edgecolor": colours[name]}
        axes.text(x, y, name, color=INK, ha="center", va="center", weight="bold", bbox=box)
