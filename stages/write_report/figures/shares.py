"""Shares of samples with their uncertainty: errors by crop size (C19) and class size (C17), T2 and T14."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.evaluation.intervals import wilson_interval
from stages.write_report.colours import BLUE, GREEN, GREY, INK, VERMILLION
from stages.write_report.figures.style import SMALLEST_TEXT, label_logarithmic, new_figure

SIDES = (0, 16, 24, 32, 48, 64, 96, 128, np.inf)  # of crops, pixels
SPLIT_TITLES = {"train": "training set", "test": "test set"}


def errors_by_size(boxes: pd.DataFrame, wrong: np.ndarray) -> pd.DataFrame:
    """Crops, errors and error rate by the side of a square as large as the crop."""
    side = np.sqrt((boxes.right - boxes.left) * (boxes.bottom - boxes.top))
    groups = pd.DataFrame({"size": pd.cut(side, SIDES, right=False).to_numpy(), "wrong": wrong})
    table = groups.groupby("size", observed=True).wrong.agg(["size", "sum"])
    table.columns = ["crops", "errors"]
    table["error"] = table.errors / table.crops
    table.index = [_name_size(size) for size in table.index]
    return table


def _name_size(size: pd.Interval) -> str:
    return f"{size.left:.0f} +" if np.isinf(size.right) else f"{size.left:.0f} to {size.right:.0f}"


def draw_errors_by_size(training: pd.DataFrame, test: pd.DataFrame) -> Figure:
    """Claim C19: the error rate by crop size, with Wilson intervals and the crops behind each."""
    figure, panels = new_figure(3.3, columns=2, sharey=True)
    for axes, title, table in zip(panels, SPLIT_TITLES.values(), (training, test), strict=True):
        axes.bar(table.index, table.error, color=BLUE, width=0.7)
        bars = error_bars(table.error, table.crops)
        axes.errorbar(range(len(table)), table.error, bars, fmt="none", ecolor=GREY, capsize=3)
        for place, (top, crops) in enumerate(zip(table.error + bars[1], table.crops, strict=True)):
            axes.text(place, top + 0.02, f"{crops}", ha="center", fontsize=SMALLEST_TEXT)
        axes.set(title=f"{title} (numbers: crops)", xlabel="crop size, pixels a side")
        axes.tick_params(axis="x", rotation=30)
    panels[0].set_ylabel("error rate")
    return figure


def error_bars(shares: pd.Series, samples: pd.Series) -> np.ndarray:
    """What a Wilson interval reaches below and above each share: (2, n), as matplotlib takes it."""
    bounds = np.array([wilson_interval(share, n) for share, n in zip(shares, samples, strict=True)])
    return np.abs(bounds - shares.to_numpy()[:, None]).T


def draw_class_sizes(accuracy: pd.DataFrame) -> Figure:
    """Claim C17: error rate of a class against its training samples (class_accuracy.csv of one run)."""
    figure, (axes,) = new_figure(3.2)
    sizes = accuracy[accuracy.split == "train"].set_index("class").samples
    for split, colour, marker, shift in (("train", GREY, "s", 0.97), ("test", BLUE, "o", 1.03)):
        rows = accuracy[accuracy.split == split]
        error = 1 - rows.accuracy
        axes.errorbar(
            sizes[rows["class"]] * shift,
            error,
            error_bars(error, rows.samples),
            fmt=marker,
            color=colour,
            capsize=3,
            label=SPLIT_TITLES[split],
        )
    for name, size in sizes.items():
        axes.text(size, 1.1, f"{name} ({size})", ha="center", va="bottom")
    axes.set(
        xscale="log",
        xlabel="training samples of the class (logarithmic)",
        ylabel="error rate",
        ylim=(-0.03, 1.08),
    )
    label_logarithmic(axes.xaxis)
    axes.margins(x=0.1)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def draw_sampler(accuracy: pd.DataFrame, before: str, after: str) -> Figure:
    """Table T14: accuracy of each class in the run `before` the weighted sampler and in the run `after`."""
    figure, panels = new_figure(3.2, columns=2, sharey=True)
    for axes, (split, title) in zip(panels, SPLIT_TITLES.items(), strict=True):
        rows = accuracy[accuracy.split == split].set_index("run")
        draw_bars(axes, rows.loc[[before]], -0.2, GREY, "as they come")
        draw_bars(axes, rows.loc[[after]], 0.2, BLUE, "weighted sampler")
        axes.set_title(title)
    panels[0].set_ylabel("accuracy of the class")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def draw_bars(axes: Axes, rows: pd.DataFrame, offset: float, colour: str, label: str) -> None:
    """The classes of one run and split, with Wilson intervals of their samples."""
    places = np.arange(len(rows)) + offset
    axes.bar(places, rows.accuracy, 0.38, color=colour, label=label)
    bars = error_bars(rows.accuracy, rows.samples)
    axes.errorbar(places, rows.accuracy, bars, fmt="none", ecolor=INK, capsize=3)
    names = [f"{name} ({samples})" for name, samples in zip(rows["class"], rows.samples, strict=True)]
    axes.set_xticks(range(len(rows)), names)


def draw_widths(table: pd.DataFrame, reported: pd.Series, scaled: float) -> Figure:
    """Table T2: training loss and test accuracy by hidden units; the report's accuracy (indexed by run),
    and `scaled`, the test accuracy of the widest network from scaled initial weights.
    """
    figure, (loss, accuracy) = new_figure(3.3, columns=2)
    table = table.iloc[::-1]
    loss.errorbar(
        table.hidden, table.train_loss, table.get("train_loss_std"), fmt="o-", color=BLUE, capsize=3
    )
    loss.set(title="training loss", yscale="log", ylabel="mean cross-entropy")
    label_logarithmic(loss.yaxis)
    accuracy.errorbar(
        table.hidden,
        table.test_accuracy,
        table.get("test_accuracy_std"),
        fmt="o-",
        color=BLUE,
        capsize=3,
        label="ours",
    )
    accuracy.plot(
        table.hidden,
        reported.reindex(table.run),
        "s",
        color=VERMILLION,
        fillstyle="none",
        label="the report",
    )
    accuracy.plot(table.hidden.iloc[-1], scaled, "D", color=GREEN, label="ours, scaled initial weights")
    accuracy.set(title="test accuracy", ylabel="test accuracy")
    figure.legend(*accuracy.get_legend_handles_labels(), loc="outside lower right", ncols=3, fontsize=9)
    for axes in (loss, accuracy):
        axes.set_xlabel("hidden units")
        axes.tick_params(axis="x", rotation=20)
    return figure
