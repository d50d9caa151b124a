"""Latent features of the test set in the plane: figures F1 (two units), F2 (PCA) and F3 (t-SNE)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.report.colours import DIGIT_COLOURS
from pipeline.report.figures.style import new_figure


def draw_latents(points: pd.DataFrame, separation: pd.DataFrame, same_axes: bool) -> Figure:
    """The points of one run (epoch, x, y, digit), a panel an epoch, with the separation of its classes, the
    mean over replicates (rows of one figure and run), in the title. Epochs of t-SNE have no axes in common.
    """
    epochs = sorted(points.epoch.unique())
    columns = min(len(epochs), 2)
    rows = -(-len(epochs) // columns)
    figure, panels = new_figure(3.9 * rows, columns, rows, sharex=same_axes, sharey=same_axes)
    scores = separation.groupby("epoch")[["knn_accuracy", "silhouette"]].mean()
    for axes, epoch in zip(panels, epochs, strict=False):
        draw_points(axes, points[points.epoch == epoch], labelled=True)
        knn, silhouette = scores.loc[epoch]
        axes.set_title(f"epoch {epoch}: 15-NN {knn:.3f}, silhouette {silhouette:+.3f}", fontsize=10)
    for axes in panels[len(epochs) :]:
        axes.set_axis_off()
    draw_legend(figure)
    return figure


def draw_all_epochs(activations: np.ndarray, epochs: list[int], digits: np.ndarray) -> Figure:
    """Figure F1 at every recorded epoch: activations (epochs, samples, 2) as small multiples."""
    columns = 4
    rows = -(-len(epochs) // columns)
    figure, panels = new_figure(2.1 * rows, columns, rows, sharex=True, sharey=True)
    for axes, epoch, points in zip(panels, epochs, activations, strict=False):
        table = pd.DataFrame({"x": points[:, 0], "y": points[:, 1], "digit": digits})
        draw_points(axes, table, labelled=False)
        axes.set_title(f"epoch {epoch}", fontsize=9)
    for axes in panels[len(epochs) :]:
        axes.set_axis_off()
    draw_legend(figure)
    return figure


def draw_legend(figure: Figure) -> None:
    """The colour of each digit, since labels hide each other where classes meet."""
    handles = [Line2D([], [], color=colour, marker="o", linestyle="") for colour in DIGIT_COLOURS]
    labels = [str(digit) for digit in range(len(handles))]
    spacing = {"handlelength": 1, "handletextpad": 0.3, "columnspacing": 2.5}
    figure.legend(handles, labels, loc="outside lower center", ncols=len(handles), **spacing)


def draw_points(axes: Axes, points: pd.DataFrame, labelled: bool) -> None:
    """The points of one epoch by class, each class labelled at its median."""
    colours = DIGIT_COLOURS[points.digit]
    axes.scatter(points.x, points.y, c=colours, s=3, alpha=0.55, linewidths=0, rasterized=True)
    axes.set(xticks=[], yticks=[])
    if not labelled:
        return
    for digit, cluster in points.groupby("digit"):
        place = cluster.x.median(), cluster.y.median()
        box = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": DIGIT_COLOURS[digit]}
        axes.text(*place, str(digit), color="black", ha="center", va="center", weight="bold", bbox=box)
