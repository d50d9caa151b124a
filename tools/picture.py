"""Draw docs/picture.png, the picture of the README, from the plots/ and metrics/ of a workspace.

python -m tools.picture [WORKSPACE]      default: this folder
"""

import json
import sys
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.evaluation.claims import Table, read_claims
from pipeline.evaluation.measures import score_name
from stages.write_report.colours import BLUE, DIGIT_COLOURS, GREEN, GREY, VERMILLION

OUTPUT = Path("docs/picture.png")


def draw_widths(axes: Axes, workspace: Path, report: Table) -> None:
    """Table T2: test accuracy by hidden units, ours with its spread, and the report's."""
    table = pd.read_csv(workspace / "plots/mlp/tables/T2.csv").iloc[::-1]
    theirs = [report.rows[run]["test_accuracy"] for run in table.run]
    scaled = json.loads((workspace / "metrics/mlp/scaled.json").read_text())["test_accuracy"]
    axes.errorbar(table.hidden, table.test_accuracy, table.test_accuracy_std, fmt="o-", color=BLUE, capsize=3)
    axes.plot(table.hidden, theirs, "s", color=VERMILLION, fillstyle="none")
    axes.axhline(scaled, color=GREEN, linestyle="--")
    axes.text(0, scaled - 0.004, "[512, 256] with scaled initial weights", color=GREEN, va="top", fontsize=8)
    axes.text(1.2, 0.925, "ours", color=BLUE, fontsize=9)
    axes.text(0.1, theirs[0] - 0.016, "the report", color=VERMILLION, fontsize=9)
    axes.set(title="Wider is worse, with N(0, 1) weights", xlabel="hidden units", ylabel="test accuracy")
    axes.tick_params(axis="x", labelsize=8)


def draw_latents(axes: Axes, workspace: Path) -> None:
    """Figure F1: the two units before the output, for the test set, at the last epoch shown."""
    points = pd.read_csv(workspace / "plots/latents/F1_latents_32_16_2.csv")
    points = points[points.epoch == points.epoch.max()]
    colours = DIGIT_COLOURS
    axes.scatter(
        points.x, points.y, c=[colours[digit] for digit in points.digit], s=2, alpha=0.5, linewidths=0
    )
    for digit, cluster in points.groupby("digit"):
        axes.text(
            cluster.x.median(),
            cluster.y.median(),
            str(digit),
            ha="center",
            va="center",
            weight="bold",
            bbox={"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": colours[digit]},
        )
    axes.set(title=f"Ten numerals in two units, epoch {points.epoch.max()}", xlabel="unit 1", ylabel="unit 2")


def draw_sampler(axes: Axes, workspace: Path) -> None:
    """Table T14: test accuracy of each class before and after the weighted sampler."""
    table = pd.read_csv(workspace / "plots/cnn/tables/T14.csv").set_index("run")
    names = {"bad": "no mask", "good": "worn", "none": "worn wrongly"}
    for offset, run, colour, label in (
        (-0.2, "final", GREY, "as they come"),
        (0.2, "weighted", BLUE, "weighted"),
    ):
        row = table.loc[run]
        scores = [score_name("test", "accuracy", name) for name in names]
        heights, spread = row[scores], row[[f"{score}_std" for score in scores]]
        places = [index + offset for index in range(3)]
        axes.bar(places, heights, 0.38, yerr=spread, color=colour, capsize=3, label=label)
    axes.set_xticks(range(3), names.values())
    axes.set(
        title="A weighted sampler lifts the rare class", ylabel="test accuracy of the class", ylim=(0, 1.2)
    )
    axes.legend(frameon=False, loc="upper right", ncols=2, fontsize=9)


def main(workspace: str = ".") -> None:
    figure = Figure(figsize=(12, 3.7), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    draw_widths(left, Path(workspace), read_claims().tables["T2"])
    draw_latents(middle, Path(workspace))
    draw_sampler(right, Path(workspace))
    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(OUTPUT, dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
