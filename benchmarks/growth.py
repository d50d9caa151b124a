"""Seconds and memory of each stage of part 2 at 1, 10 and 100 times the report's photographs and boxes.

python -m benchmarks.growth [FACTOR ...]

The photographs are the synthetic ones, made small and repeated, each copy another file. The CNN is trained
for one epoch, once. Writes benchmarks/growth.csv and growth.png, and prints the slope of each stage, 1 where
it takes as many times the seconds as it has photographs, and what a million photographs would take, here and
on a Dask cluster.
"""

import csv
import math
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from benchmarks.measuring import CORES
from benchmarks.pipeline import REPRO, seconds_of, watch
from pipeline.common.paths import BOXES, MASKS_ARCHIVE, PARAMS
from pipeline.runtime.settings import read_params
from pipeline.sources.archives import open_archive
from pipeline.sources.orientation import open_photograph
from stages.write_report.figures import style
from tools import quick

RESULTS = Path(__file__).with_name("growth.csv")
FACTORS = (1, 10, 100)
PHOTOGRAPHS = 674  # of the report
SIDE = 240  # pixels, the longest of a photograph
MILLION = 1_000_000
CLUSTER = 64  # cores
SPREAD = "crop_masks"  # the stage that spreads its photographs over a cluster; one training has one core
STAGES = ("fetch_masks", "crop_masks", "train_cnn@final", "evaluate_cnn", "check_claims", "write_report")
COLUMNS = ("filename", "label", "xmin", "ymin", "xmax", "ymax")


def changes(masks: str) -> dict[str, object]:
    """One CNN run, of one epoch and one replicate, beside one replicate of the quick profile's MLPs."""
    runs: dict[str, object] = dict.fromkeys(read_params(quick.ROOT / PARAMS)["cnn"]["runs"])
    runs["final"] = {"epochs": 1, "snapshot_epoch": 0}
    return {
        "data": {"masks": masks, "synthetic_masks": {"photographs": PHOTOGRAPHS}},
        "mlp": {"defaults": {"seeds": 1}, "runs": {"custom": None}},
        "cnn": {"defaults": {"seeds": 1}, "runs": runs},
    }


def draw_small(folder: Path) -> tuple[list[bytes], list[list[tuple[str, ...]]]]:
    """The synthetic photographs as small JPEG files, and of each its boxes: label and corners."""
    workspace = folder / "drawn"
    quick.make_workspace(workspace, changes("synthetic"))
    seconds_of([*REPRO, "crop_masks"], workspace)
    table = pd.read_csv(workspace / BOXES, keep_default_na=False)
    files, boxes = [], []
    with open_archive(workspace / MASKS_ARCHIVE, "masks.zip") as archive:
        for name, rows in table.groupby("photograph", sort=False):
            photograph = open_photograph(archive, str(name), turned=True)
            scale = SIDE / max(photograph.size)
            file = BytesIO()
            photograph.resize([round(length * scale) for length in photograph.size]).save(file, "JPEG")
            files.append(file.getvalue())
            corners = rows[["left", "top", "right", "bottom"]] * scale
            # Half a pixel more, so that no small box loses its area.
            corners[["right", "bottom"]] += 0.5
            values = corners.round(2).astype(str).itertuples(index=False)
            boxes.append([(label, *each) for label, each in zip(rows.label, values, strict=True)])
    return files, boxes


def repeat(files: list[bytes], boxes: list[list[tuple[str, ...]]], factor: int, folder: Path) -> None:
    """Write each photograph `factor` times, the copies with a number behind the picture, and a CSV file."""
    folder.mkdir()
    with open(folder / "boxes.csv", "w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(COLUMNS)
        for copy in range(factor):
            for number, (file, rows) in enumerate(zip(files, boxes, strict=True)):
                name = f"{copy}_{number}.jpg"
                (folder / name).write_bytes(file + copy.to_bytes(4, "big"))
                writer.writerows((name, *row) for row in rows)


def measure(masks: Path, workspace: Path, factor: int, boxes: int) -> list[dict[str, object]]:
    """A row for each stage. The MLPs, which the page needs, are trained before."""
    quick.make_workspace(workspace, changes(str(masks)))
    seconds_of([*REPRO, "evaluate_mlp"], workspace)
    for name in read_params(workspace / PARAMS)["project_latents"]:
        seconds_of([*REPRO, f"project_latents@{name}"], workspace)
    rows = []
    for stage in STAGES:
        begin = time.perf_counter()
        peaks = watch([*REPRO, "--single-item", stage], workspace)
        seconds, peak = time.perf_counter() - begin, max(peaks.values())
        print(f"{factor:4} times, {boxes} boxes: {stage:16} {seconds:7.1f} s {peak:6.0f} MB", flush=True)
        rows.append({"factor": factor, "boxes": boxes, "stage": stage, "seconds": seconds, "MB": peak})
    page = (workspace / "report/index.html").stat().st_size / 1e6
    print(f"{factor:4} times: the page has {page:.2f} MB")
    return rows


def slope(seconds: pd.Series) -> float:
    """That of the logarithms, between the two largest factors."""
    (small, fast), (large, slow) = list(seconds.sort_index().items())[-2:]
    return math.log(slow / fast) / math.log(large / small)


def draw(table: pd.DataFrame, path: Path) -> None:
    """Seconds and memory of each stage over the number of boxes."""
    numbers = sorted(set(table.boxes))
    with rc_context(style.STYLE):
        figure = Figure(figsize=(style.WIDTH, 4.2), layout="constrained")
        for axes, column, text in zip(
            figure.subplots(1, 2), ("seconds", "MB"), ("seconds", "peak memory, MB"), strict=True
        ):
            for stage, rows in table.groupby("stage", sort=False):
                axes.loglog(rows.boxes, rows[column], marker="o", markersize=4, label=str(stage))
            axes.set_xticks(numbers, [f"{number:,}" for number in numbers])
            axes.set_xticks([], minor=True)
            style.label_logarithmic(axes.yaxis)
            axes.set_xlabel("boxes")
            axes.set_title(text, loc="left")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
        figure.savefig(path, dpi=150, metadata={"Software": None})


def main(arguments: list[str]) -> None:
    factors = [int(each) for each in arguments] or list(FACTORS)
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files, boxes = draw_small(folder)
        for factor in factors:
            masks = folder / f"photographs_{factor}"
            repeat(files, boxes, factor, masks)
            rows += measure(masks, folder / str(factor), factor, factor * sum(map(len, boxes)))
    table = pd.DataFrame(rows)
    table.to_csv(RESULTS, index=False, float_format="%.4g", lineterminator="\n")
    draw(table, RESULTS.with_suffix(".png"))
    print(f"slope, and minutes of a million photographs on {len(CORES)} cores and on a cluster of {CLUSTER}:")
    for stage, of_stage in table.groupby("stage", sort=False):
        seconds = of_stage.set_index("factor").seconds
        if len(seconds) > 1:
            rise = slope(seconds)
            million = seconds.iloc[-1] * (MILLION / PHOTOGRAPHS / seconds.index[-1]) ** max(rise, 1) / 60
            there = million * len(CORES) / CLUSTER if stage == SPREAD else million
            print(f"{stage:16} {rise:5.2f} {million:7.1f} {there:7.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
