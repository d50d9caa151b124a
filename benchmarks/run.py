"""Measure the pipeline beside its peers.

python -m benchmarks.run [CASE ...] [--repeats N] [--digits PATH] [--masks PATH]

Every case prints what each contender took, and its ratio to the pipeline: 2 is half as fast. Contenders are
measured in turn, so that a busy moment hits all of them, and the median counts. The rows of each case replace
its earlier ones in benchmarks/results.csv, and results.png is drawn anew.

A network's training is timed as two replicates side by side, each in a process of one thread with a core of
its own; peers also as one process of two threads, with the better of the two. All do the same work: same
initial weights, mini-batches and epochs, loss and accuracy of both splits after every epoch. Reading files
and compiling is not timed, except where files are the contender's way (ImageFolder).
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from benchmarks import pipeline
from benchmarks.cropping import crop
from benchmarks.measuring import EQUAL, OURS, Row
from benchmarks.training_cases import TRAININGS, training, whole_report
from pipeline.common.paths import PARAMS
from pipeline.runtime.files import whole_file
from pipeline.runtime.settings import read_params
from stages.write_report.colours import BLUE, GREY, INK, VERMILLION
from stages.write_report.figures import style

RESULTS = Path(__file__).with_name("results.csv")
# The first word of a row's `case` is one of these names.
CASES: dict[str, Callable[[Path, int], list[Row]]] = {
    **{case: partial(training, case) for case in TRAININGS},
    "crop": crop,
    "whole_report": whole_report,
    "start_up": pipeline.start_up,
    "side_by_side": pipeline.side_by_side,
    "nothing_to_do": pipeline.nothing_to_do,
    "memory": pipeline.memory,
}


def write(case: str, rows: list[Row], data: str, path: Path) -> None:
    """Put the rows in place of those of the same case, all in the order of CASES, and draw them."""
    new = pd.DataFrame(rows).assign(data=data).astype({"target": float})
    old = pd.read_csv(path) if path.is_file() else new.iloc[:0]
    rows_of = dict(tuple(old.groupby(old.case.str.split().str[0]))) | {case: new}
    table = pd.concat([rows_of[name] for name in CASES if name in rows_of])
    with whole_file(path) as partial_file:
        table.to_csv(partial_file, index=False, float_format="%.4g", lineterminator="\n")
    draw(table, path.with_suffix(".png"))


def draw(table: pd.DataFrame, path: Path) -> None:
    """A bar for each peer, by case, on a logarithmic axis; a mark where the target is, and a circle where a
    peer is that is not held to the instructions of the pipeline.
    """
    peers = table[table.contender != OURS]
    named = peers.set_index(peers.case + peers.contender).ratio_to_ours
    peers = peers[~(peers.case + peers.contender + EQUAL).isin(named.index)]
    names = peers.contender.str.removesuffix(EQUAL)
    free = (peers.case + names).map(named).where(names != peers.contender)
    groups = (peers.case != peers.case.shift()).cumsum()
    places = np.arange(len(peers)) + 0.6 * (groups - 1)
    with rc_context(style.STYLE):
        figure = Figure(figsize=(style.WIDTH, 0.19 * (len(peers) + groups.max()) + 1), layout="constrained")
        axes = figure.subplots()
        colours = peers.met.map({"yes": BLUE, "no": VERMILLION}).fillna(GREY)
        axes.barh(places, peers.ratio_to_ours - 1, left=1, color=colours)
        axes.vlines(peers.target, places - 0.5, places + 0.5, color=INK, linewidth=2)
        axes.plot(free, places, "o", color=INK, markerfacecolor="none", markersize=4)
        ends = peers[["ratio_to_ours", "target"]].assign(free=free).max(axis=1).clip(lower=1)
        for place, end, ratio in zip(places, ends, peers.ratio_to_ours, strict=True):
            axes.text(end * 1.06, place, f"{ratio:.2f}", va="center", fontsize=7)
        axes.set_xscale("log")
        axes.set_yticks(places, peers.case.str.replace("_", " ") + ": " + names, fontsize=7)
        axes.invert_yaxis()
        axes.margins(x=0.1, y=0.01)
        style.label_logarithmic(axes.xaxis)
        axes.axvline(1, color=INK, linewidth=0.8)
        axes.set_xlabel(
            "the peer's cost as a multiple of the pipeline's\n"
            "(black: the target; blue: reached, orange: not;\n"
            "circle: with all instructions of the processor, where the bar is held to AVX2)"
        )
        figure.savefig(path, dpi=150, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"default: all of {', '.join(CASES)}")
    parser.add_argument("--repeats", type=int, default=3, help="of each contender in each case")
    parser.add_argument("--digits", type=Path, help="digits in place of the synthetic ones")
    parser.add_argument("--masks", type=Path, help="photographs in place of the synthetic ones")
    given = parser.parse_args()
    if unknown := [case for case in given.cases if case not in CASES]:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(CASES)}")

    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder, "workspace")
        print("preparing a workspace with all of the data")
        sources = (path and path.absolute() for path in (given.digits, given.masks))
        pipeline.make_workspace(workspace, *sources)
        named = read_params(workspace / PARAMS)["data"]
        data = ", ".join(Path(named[part]).name for part in ("digits", "masks"))
        for case in given.cases or CASES:
            start = time.perf_counter()
            print(f"\n{case}", flush=True)
            rows = CASES[case](workspace, given.repeats)
            for row in rows:
                verdict = f"  at least {row.target:g}: {row.met}" if row.target else ""
                numbers = f"{row.value:10.4g} {row.unit}, {row.ratio_to_ours:6.2f}x"
                print(f"  {row.contender:28} {numbers}{verdict}")
            print(f"  [{time.perf_counter() - start:.0f} s]", flush=True)
            write(case, rows, data, RESULTS)
        print(f"\nwritten: {RESULTS} and {RESULTS.with_suffix('.png').name}")


if __name__ == "__main__":
    main()
