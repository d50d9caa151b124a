"""What the report left open: the recalls of T15's remedies, and T16 step by step."""

import pandas as pd
from matplotlib.figure import Figure

from pipeline.evaluation.folds import ALL, MEAN
from stages.write_report.colours import BLUE, GREY, INK, mask_colours
from stages.write_report.figures.style import MARKERS, new_figure

ROW = 0.42  # inches for each run
LANE = 0.13  # of two points of a run, as a share of its row, so that equal ones do not hide each other


def draw_remedies(folds: pd.DataFrame, names: dict[str, str]) -> Figure:
    """Table T15, a row for each run, by its name: the recall of each class with its Wilson interval, the mean
    of them, and the accuracy. `folds` are the rows of folds.csv of these runs.
    """
    figure, (axes,) = new_figure(1.5 + 1.6 * ROW * len(names))
    places = {run: -row for row, run in enumerate(names)}
    classes = [name for name in folds["class"].unique() if name not in (ALL, MEAN)]
    colours = mask_colours(classes)
    middle = (len(classes) + 1) / 2  # of the classes, their mean and the accuracy
    for index, (name, marker) in enumerate(zip(classes, MARKERS * len(classes), strict=False)):
        rows = folds[folds["class"] == name]
        heights = [places[run] + LANE * (middle - index) for run in rows.run]
        reach = [rows.recall - rows.low, rows.high - rows.recall]
        axes.errorbar(
            rows.recall,
            heights,
            xerr=reach,
            fmt=marker,
            color=colours[name],
            markersize=5,
            capsize=2,
            label=f"recall of {name}",
        )
    summaries = ((MEAN, "mean recall", "|"), (ALL, "accuracy", "x"))
    for index, (name, label, marker) in enumerate(summaries, start=len(classes)):
        rows = folds[folds["class"] == name]
        heights = [places[run] + LANE * (middle - index) for run in rows.run]
        axes.plot(rows.recall, heights, marker, color=INK, markersize=9, markeredgewidth=1.8, label=label)
    for place in list(places.values())[:-1]:
        axes.axhline(place - 0.5, color=GREY, linewidth=0.4)
    axes.set_yticks(list(places.values()), list(names.values()))
    axes.tick_params(axis="y", length=0)
    axes.set(xlabel="share of the crops of a class, or of all, that are recognised", xlim=(0, 1.01))
    axes.set_ylim(0.5 - len(names), 0.5)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=len(classes) + 2)
    return figure


def draw_steps(table: pd.DataFrame, names: dict[str, str]) -> Figure:
    """Table T16, a row for each run, by its name: accuracy on the validation samples, on which steps are
    chosen, and on the test set, with deviations, and what each step adds on the test set.
    """
    figure, (axes,) = new_figure(1.5 + ROW * len(names))
    rows = table.set_index("run").loc[list(names)]
    places = [-row for row in range(len(rows))]
    axes.plot(rows.test_accuracy, places, color=BLUE, linewidth=0.8)
    for score, label, colour, marker, shift in (
        ("validation_accuracy", "validation samples", GREY, "s", 0.15),
        ("test_accuracy", "test set", BLUE, "o", 0),
    ):
        if score in rows:
            heights, spread = [place + shift for place in places], rows.get(f"{score}_std")
            axes.errorbar(rows[score], heights, xerr=spread, fmt=marker, color=colour, capsize=3, label=label)
    right = axes.secondary_yaxis("right")
    gains = ["", *(f"  {100 * gain:+.2f}" for gain in rows.test_accuracy.diff()[1:])]
    accuracies = [f"{value:.2%}" for value in rows.test_accuracy]
    right.set_yticks(places, [a + gain for a, gain in zip(accuracies, gains, strict=True)])
    right.tick_params(length=0)
    right.spines["right"].set_visible(False)
    axes.set_yticks(places, list(names.values()))
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=GREY, linewidth=0.3)
    axes.set(xlabel="accuracy (right: of the test set, and what the step adds, in points)")
    axes.set_ylim(0.5 - len(names), 0.5)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
