"""The results as a picture: what every peer takes, as a multiple of what the pipeline takes."""

from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from benchmarks.measuring import Row
from stages.write_report.colours import BLUE, GREY, INK, VERMILLION
from stages.write_report.figures import style
from stages.write_report.figures.rendering import PRINT_DPI


def draw(rows: list[Row], ours: str, path: Path) -> None:
    """A bar for each peer, by case, on a logarithmic axis; a mark where the target is."""
    peers = [row for row in rows if row.contender != ours]
    names = list(dict.fromkeys(row.case for row in peers))
    with rc_context(style.STYLE):
        figure = Figure(figsize=(style.WIDTH, 0.19 * (len(peers) + len(names)) + 1), layout="constrained")
        axes = figure.subplots()
        place, ticks = 0.0, []
        for name in names:
            for row in (row for row in peers if row.case == name):
                colour = {"yes": BLUE, "no": VERMILLION}.get(row.met, GREY)
                axes.barh(place, row.ratio_to_ours - 1, left=1, color=colour, height=0.8)
                if row.target:
                    axes.plot([row.target] * 2, [place - 0.5, place + 0.5], color=INK, linewidth=2)
                end = max(row.ratio_to_ours, row.target or 1, 1)
                axes.text(end * 1.04, place, f"{row.ratio_to_ours:.2f}", va="center", fontsize=7)
                ticks.append((place, f"{row.case.replace('_', ' ')}: {row.contender}"))
                place += 1
            place += 0.6
        axes.set_xscale("log")
        axes.set_yticks([at for at, _ in ticks], [text for _, text in ticks], fontsize=7)
        axes.invert_yaxis()
        axes.margins(x=0.1, y=0.01)
        style.label_logarithmic(axes.xaxis)
        axes.axvline(1, color=INK, linewidth=0.8)
        axes.set_xlabel(
            "the peer's cost as a multiple of the pipeline's\n(black: the target; blue: reached, orange: not)"
        )
        figure.savefig(path, dpi=PRINT_DPI, metadata={"Software": None})
