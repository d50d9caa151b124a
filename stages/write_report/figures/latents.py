"""Latent features of the test set in the plane: figures F1 (two units), F2 (PCA) and F3 (t-SNE)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stages.write_report.colours import DIGIT_COLOURS, INK, PAPER
from stages.write_report.figures.style import new_figure


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
        draw_points(axes, points[points.epoch == epoch])
        knn, silhouette = scores.loc[epoch]
        scores_of_epoch = f"15-NN {knn:.3f}, silhouette {silhouette:+.3f}"
        axes.set_title(f"epoch {epoch}\n{scores_of_epoch}", fontsize=8 if columns > 2 else 10)
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


def draw_points(axes: Axes, points: pd.DataFrame) -> None:
    """The points of one epoch by class, each class labelled at its median."""
    colours = DIGIT_COLOURS[points.digit]
    axes.scatter(points.x, points.y, c=colours, s=3, alpha=0.55, linewidths=0, rasterized=True)
    axes.set(xticks=[], yticks=[])
    for digit, cluster in points.groupby("digit"):
        place = cluster.x.median(), cluster.y.median()
        box = {"boxstyle": "circle,pad=0.15", "facecolor": PAPER, "edgecolor": DIGIT_COLOURS[digit]}
        axes.text(*place, str(digit), color=INK, ha="center", va="center", weight="bold", bbox=box)
