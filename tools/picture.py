"""Draw docs/picture.png, the picture of the README, from the plots/ and metrics/ of a workspace.

python -m tools.picture [WORKSPACE]      default: this folder
"""

import sys
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.common.paths import LATENTS, METRICS, PLOTS
from pipeline.common.storage import read_json
from pipeline.evaluation.claims import read_claims
from pipeline.evaluation.measures import score_name
from stages.write_report.colours import BLUE, GREEN, GREY, VERMILLION, digit_colours

OUTPUT = Path("docs/picture.png")


def draw_widths(axes: Axes, workspace: Path) -> None:
    """Table T2: test accuracy by hidden units, ours with its spread, and the report's."""
    table = pd.read_csv(workspace / PLOTS / "mlp/tables/T2.csv").iloc[::-1]
    report = read_claims().tables["T2"].rows
    theirs = [report[run]["test_accuracy"] for run in table.run]
    scaled = read_json(workspace / METRICS / "mlp/scaled.json")["test_accuracy"]
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
    points = pd.read_csv(workspace / LATENTS / "F1_latents_32_16_2.csv")
    points, colours = points[points.epoch == points.epoch.max()], digit_colours(10)
    axes.scatter(points.x, points.y, c=points.digit.map(colours.__getitem__), s=2, alpha=0.5, linewidths=0)
    for digit, middle in points.groupby("digit")[["x", "y"]].median().iterrows():
        box = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": colours[digit]}
        axes.text(middle.x, middle.y, str(digit), ha="center", va="center", weight="bold", bbox=box)
    axes.set(title=f"Ten numerals in two units, epoch {points.epoch.max()}", xlabel="unit 1", ylabel="unit 2")


def draw_sampler(axes: Axes, workspace: Path) -> None:
    """Table T14: test accuracy of each class before and after the weighted sampler."""
    table = pd.read_csv(workspace / PLOTS / "cnn/tables/T14.csv").set_index("run")
    names = {"bad": "no mask", "good": "worn", "none": "worn wrongly"}
    scores = [score_name("test", "accuracy", name) for name in names]
    bars = (("final", -0.2, GREY, "as they come"), ("weighted", 0.2, BLUE, "weighted"))
    for run, offset, colour, label in bars:
        heights, spread = table.loc[run, scores], table.loc[run, [f"{score}_std" for score in scores]]
        places = [index + offset for index in range(len(names))]
        axes.bar(places, heights, 0.38, yerr=spread, color=colour, capsize=3, label=label)
    axes.set_xticks(range(len(names)), names.values())
    axes.set(
        title="A weighted sampler lifts the rare class", ylabel="test accuracy of the class", ylim=(0, 1.2)
    )
    axes.legend(frameon=False, loc="upper right", ncols=2, fontsize=9)


def main(workspace: str = ".") -> None:
    figure = Figure(figsize=(12, 3.7), layout="constrained")
    panels = zip(figure.subplots(1, 3), (draw_widths, draw_latents, draw_sampler), strict=True)
    for axes, draw in panels:
        draw(axes, Path(workspace))
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(OUTPUT, dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
