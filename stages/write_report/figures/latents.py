"""Latent features of the test set in the plane: figures F1 (two units), F2 (PCA) and F3 (t-SNE)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.write_report.colours import DIGIT_COLOURS, INK, PAPER
from stages.write_report.figures.style import SMALLEST_TEXT, new_figure

LABEL = 0.03  # of a label, as a share of the figure's width


def draw_latents(points: pd.DataFrame, separation: pd.DataFrame, same_axes: bool) -> Figure:
    """The points of one run (epoch, x, y, digit), a panel an epoch, with the separation of its classes, the
    mean over replicates, in the title. Epochs of t-SNE have no axes in common.
    """
    epochs = sorted(points.epoch.unique())
    columns = min(len(epochs), 4)
    rows = -(-len(epochs) // columns)
    height = 3.4 if columns < 3 else 2.6
    figure, panels = new_figure(height * rows, columns, rows, sharex=same_axes, sharey=same_axes)
    scores = separation.groupby("epoch")[["knn_accuracy", "silhouette"]].mean()
    for axes, epoch in zip(panels, epochs, strict=False):
        shown = points[points.epoch == epoch]
        span = np.ptp((points if same_axes else shown)[["x", "y"]].to_numpy(), axis=0)
        draw_points(axes, shown, LABEL * columns * span)
        knn, silhouette = scores.loc[epoch]
        scores_of_epoch = f"15-NN {knn:.3f}, silhouette {silhouette:+.3f}"
        axes.set_title(f"epoch {epoch}\n{scores_of_epoch}", fontsize=SMALLEST_TEXT if columns > 2 else 10)
    for axes in panels[len(epochs) :]:
        axes.set_axis_off()
    draw_legend(figure)
    return figure


def draw_legend(figure: Figure) -> None:
    """The colour of each digit, since a label that would hide another is left out."""
    handles = [Line2D([], [], color=colour, marker="o", linestyle="") for colour in DIGIT_COLOURS]
    labels = [str(digit) for digit in range(len(handles))]
    spacing = {"handlelength": 1, "handletextpad": 0.3, "columnspacing": 2.5}
    figure.legend(handles, labels, loc="outside lower center", ncols=len(handles), **spacing)


def draw_points(axes: Axes, points: pd.DataFrame, room: np.ndarray) -> None:
    """The points of one epoch by class, each class labelled at its median where no other label is within
    `room` of it, in x and in y.
    """
    colours = DIGIT_COLOURS[points.digit]
    axes.scatter(points.x, points.y, c=colours, s=3, alpha=0.55, linewidths=0, rasterized=True)
    axes.set(xticks=[], yticks=[])
    taken: list[np.ndarray] = []
    for digit, cluster in points.groupby("digit"):
        place = cluster[["x", "y"]].median().to_numpy()
        if any((np.abs(place - other) < room).all() for other in taken):
            continue
        taken.append(place)
        box = {"boxstyle": "circle,pad=0.15", "facecolor": PAPER, "edgecolor": DIGIT_COLOURS[digit]}
        axes.text(
            place[0], place[1], str(digit), color=INK, ha="center", va="center", weight="bold", bbox=box
        )
