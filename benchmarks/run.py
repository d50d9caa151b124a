"""Measure the pipeline beside its peers.

python -m benchmarks.run [CASE ...] [--repeats N] [--digits PATH] [--masks PATH] [--workspace FOLDER]

Every case prints what each contender took, and its ratio to the pipeline: 2 is half as fast. Contenders are
measured in turn, so that a busy moment hits all of them, and the median counts. The
rows of each case replace its earlier ones in benchmarks/results.csv, and results.png is drawn anew.

A network's training is timed as two replicates side by side, each in a process of one thread with a core of
its own; peers also as one process of two threads, with the better of the two. All do the same work: same
initial weights, mini-batches and epochs, loss and accuracy of both splits after every epoch. Reading files
and compiling is not timed, except where files are the contender's way (ImageFolder).
"""

import argparse
import csv
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks import chart, pipeline
from benchmarks.measuring import OURS, Row, Setup
from benchmarks.pipeline_cases import (
    crop,
    growth_of_cropping,
    memory,
    nothing_to_do,
    side_by_side,
    start_up,
)
from benchmarks.training_cases import (
    cnn_batch_16,
    cnn_own_size,
    gemm_share,
    growth_of_training,
    mlp_32_16,
    mlp_64_32,
    mlp_512_256,
    mlp_batch_8,
    mlp_batch_16,
    whole_report,
)
from pipeline.runtime.files import whole_file
from pipeline.runtime.settings import read_params
from tools import quick

RESULTS = Path(__file__).with_name("results.csv")
CASES = {
    case.__name__: case
    for case in (
        mlp_512_256,
        mlp_64_32,
        mlp_32_16,
        mlp_batch_8,
        mlp_batch_16,
        gemm_share,
        cnn_batch_16,
        cnn_own_size,
        crop,
        whole_report,
        start_up,
        side_by_side,
        nothing_to_do,
        memory,
        growth_of_training,
        growth_of_cropping,
    )
}


def show(rows: list[Row]) -> None:
    for row in rows:
        verdict = f"  at least {row.target:g}: {row.met}" if row.target else ""
        print(f"  {row.contender:28} {row.value:10.4g} {row.unit}, {row.ratio_to_ours:6.2f}x{verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"default: all of {', '.join(CASES)}")
    parser.add_argument("--repeats", type=int, default=3, help="of each contender in each case")
    parser.add_argument("--digits", type=Path, help="digits in place of the synthetic ones")
    parser.add_argument("--masks", type=Path, help="photographs in place of the synthetic ones")
    parser.add_argument("--workspace", type=Path, help="a folder to work in, kept; used again if it is there")
    given = parser.parse_args()
    if unknown := [case for case in given.cases if case not in CASES]:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(CASES)}")
    if given.workspace and given.workspace.exists() and (given.digits or given.masks):
        parser.error(
            f"{given.workspace} has its data already: leave out --digits and --masks, or name another"
        )

    with tempfile.TemporaryDirectory() as folder:
        workspace = (given.workspace or Path(folder, "workspace")).absolute()
        if not workspace.exists():
            print("preparing a workspace with all of the data")
            pipeline.make_workspace(
                workspace, *(path and path.absolute() for path in (given.digits, given.masks))
            )
        pipeline.reproduce(workspace, "prepare_digits", "crop_masks")
        sources = read_params(workspace / "params.yaml")["data"]
        data = ", ".join(Path(sources[part]).name for part in ("digits", "masks"))
        for case in given.cases or CASES:
            start = time.perf_counter()
            print(f"\n{case}", flush=True)
            rows = CASES[case](Setup(workspace, given.repeats))
            show(rows)
            print(f"  [{time.perf_counter() - start:.0f} s]", flush=True)
            write([row._replace(data=data) for row in rows])
        print(f"\nwritten: {RESULTS.relative_to(quick.ROOT)} and {RESULTS.with_suffix('.png').name}")


def write(rows: list[Row]) -> None:
    """Put the rows in place of those of the same cases, all in the order of CASES, and draw them."""
    cases = {row.case for row in rows}
    rows = [row for row in read() if row.case not in cases] + rows
    rows.sort(key=lambda row: [not row.case.startswith(case) for case in CASES])
    with whole_file(RESULTS) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row._fields)
        for row in rows:
            writer.writerow([f"{value:.4g}" if isinstance(value, float) else value for value in row])
    chart.draw(rows, OURS, RESULTS.with_suffix(".png"))


def read() -> list[Row]:
    """The rows of earlier runs."""
    if not RESULTS.exists():
        return []
    rows = pd.read_csv(RESULTS).astype(object)
    return [Row(*row) for row in rows.where(rows.notna(), None).itertuples(index=False)]


if __name__ == "__main__":
    main()
