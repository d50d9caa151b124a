"""Stages and DVC beside the same work without them; memory; how cropping grows with the photographs."""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import cropping, pipeline
from benchmarks.measuring import OURS, Row, Setup, alternate, compare
from benchmarks.teams import CORES
from benchmarks.training_cases import exponent_row
from pipeline.common.paths import MASKS_ARCHIVE
from pipeline.runtime.settings import read_params
from stages.crop_masks import crops as cutting
from stages.crop_masks.boxes import by_photograph
from tools import lanes, quick

MEMORY_LIMITS = {"train_mlp": 400}  # MB; of the other stages 1000


def crop(setup: Setup) -> list[Row]:
    archive = setup.workspace / MASKS_ARCHIVE
    params = setup.workspace / "params.yaml"
    boxes = cropping.boxes_of(archive, params)
    side = read_params(params)["crop_masks"]["side"]
    means = []

    def timed(cut_batch: Callable[..., Any], workers: int = 0, start: bool = False) -> float:
        seconds, mean = cropping.seconds_to_cut(cut_batch, archive, boxes, side, workers, start)
        means.append(mean)
        if abs(mean - means[0]) > 1:  # decoders round differently
            raise RuntimeError(
                f"{cut_batch.__name__} leaves pixels of {mean:.1f} on average, ours {means[0]:.1f}"
            )
        return seconds

    measures = {
        OURS: lambda: timed(cutting.cut_batch),
        "Pillow, one open per box": lambda: timed(cropping.as_first_written, 1),
        "the same, on all cores, PNG as ours": lambda: timed(cropping.open_per_box),
        "torchvision": lambda: timed(cropping.torchvision_decode),
    }
    started = {
        OURS: lambda: timed(cutting.cut_batch, start=True),
        "torchvision": lambda: timed(cropping.torchvision_decode, start=True),
    }
    for cut_batch in (cutting.cut_batch, cropping.torchvision_decode):
        timed(cut_batch)  # the processes start, and import what they need
    values = alternate(measures, min(setup.repeats, 3))
    with_start = alternate(started, min(setup.repeats, 3))
    print(f"  {len(by_photograph(boxes))} photographs, {len(boxes)} boxes, {len(CORES)} processes")
    targets = {"Pillow, one open per box": 8, "the same, on all cores, PNG as ours": None}
    return compare("crop", "s", values, targets) + compare("crop with its start", "s", with_start, {})


def start_up(setup: Setup) -> list[Row]:
    """One changed MLP run of one epoch on all of the data, its two stages, from command to metrics.

    By `dvc repro` after an edit of params.yaml, and by `dvc exp run`, which also makes a commit. And what DVC
    alone takes for each: two changed stages of as many, all of them trivial.
    """
    pipeline.reproduce(setup.workspace)
    pipeline.set_param(setup.workspace, "mlp.runs.custom.epochs", 1)
    with tempfile.TemporaryDirectory() as folder:
        trivial = Path(folder, "trivial")
        rate = setup.workspace, "mlp.runs.custom.learning_rate", "evaluate_mlp"
        changed = trivial, "changed", pipeline.make_trivial_pipeline(trivial, setup.workspace)

        def unseen() -> float:
            return round(0.05 + time.time() % 1e6 / 1e7, 8)

        def repro(where: Path, setting: str, target: str) -> float:
            pipeline.set_param(where, setting, unseen())
            return pipeline.seconds_of([*pipeline.DVC, "repro", target], where)

        def experiment(where: Path, setting: str, target: str) -> float:
            command = [*pipeline.DVC, "exp", "run", "-S", f"{setting}={unseen()}", target]
            return pipeline.seconds_of(command, where)

        measures = {
            OURS: lambda: repro(*rate),
            "DVC alone": lambda: repro(*changed),
            "by dvc exp run": lambda: experiment(*rate),
            "DVC alone, by dvc exp run": lambda: experiment(*changed),
        }
        targets = {"DVC alone": 0.5, "by dvc exp run": None, "DVC alone, by dvc exp run": None}
        return compare("start_up", "s", alternate(measures, setup.repeats), targets)


def side_by_side(setup: Setup) -> list[Row]:
    """The quick profile from nothing, in lanes and by `dvc repro`; the whole report in more lanes, simulated
    from the seconds of its stages with one worker.
    """

    def quick_run(command: list[str]) -> float:
        with tempfile.TemporaryDirectory() as folder:
            workspace = Path(folder, "quick")
            quick.make_workspace(workspace)
            return pipeline.seconds_of([sys.executable, "-m", *command], workspace)

    measures = {
        OURS: lambda: quick_run(["tools.lanes"]),
        "dvc repro": lambda: quick_run(["dvc", "repro", "--quiet"]),
    }
    rows = compare("side_by_side", "s", alternate(measures, min(setup.repeats, 3)), {})
    needs = lanes.read_graph(quick.ROOT)
    seconds = lanes.read_seconds(needs)
    minutes = {count: lanes.simulate(needs, seconds, count) / 60 for count in (1, 2, 4, 8, 16)}
    print("  the whole report, simulated: " + ", ".join(f"{n} lanes {m:.1f} min" for n, m in minutes.items()))
    return rows


def nothing_to_do(setup: Setup) -> list[Row]:
    """`dvc repro` where nothing has changed; and DVC with as many stages and files, all of them trivial."""
    pipeline.reproduce(setup.workspace)
    with tempfile.TemporaryDirectory() as folder:
        trivial = Path(folder, "trivial")
        pipeline.make_trivial_pipeline(trivial, setup.workspace)
        repro = [*pipeline.DVC, "repro", "--quiet"]
        measures = {
            OURS: lambda: pipeline.seconds_of(repro, setup.workspace),
            "1.5 x DVC alone": lambda: 1.5 * pipeline.seconds_of(repro, trivial),
        }
        return compare("nothing_to_do", "s", alternate(measures, setup.repeats), {})


def memory(setup: Setup) -> list[Row]:
    """Peak memory of each stage, all processes of its hungriest run, beside a limit; and its files."""
    peaks = pipeline.reproduce(setup.workspace)["megabytes"]
    sizes = pipeline.data_of_stages(setup.workspace)
    hungriest = {}
    for stage, peak in sorted(peaks.items(), key=lambda item: item[1]):
        name = stage.replace(".", "@")
        print(f"  {name}: {peak:.0f} MB, its files {sizes[name]:.0f} MB")
        hungriest[name.split("@")[0]] = peak
    rows = []
    for name, peak in hungriest.items():
        limit = MEMORY_LIMITS.get(name, 1000)
        rows += compare(f"memory {name}", "MB", {OURS: [peak], "limit": [limit]}, {})
    return rows


def growth_of_cropping(setup: Setup) -> list[Row]:
    """The stage on 1, 4 and 16 times 320 photographs, less its time for 16; and the memory of one process.

    Memory grows with the crops, which are written at the end. Of several processes the peak is when large
    photographs meet in them, which is chance.
    """
    archive, params = setup.workspace / MASKS_ARCHIVE, setup.workspace / "params.yaml"
    boxes = cropping.boxes_of(archive, params)

    def measured(count: int, workers: int = 0) -> tuple[float, float]:
        with tempfile.TemporaryDirectory() as folder:
            seconds, peak = pipeline.crop_in(Path(folder), params, archive, boxes, count, workers)
        print(f"  {count} photographs, {workers or len(CORES)} processes: {seconds:.1f} s, {peak:.0f} MB")
        return seconds, peak

    seconds_of = {
        count: statistics.median(measured(count)[0] for _ in range(repeats))
        for count, repeats in {16: 3, 320: 3, 1280: 1, 5120: 1}.items()  # short times are mostly noise
    }
    cost_of = {count: seconds - seconds_of[16] for count, seconds in seconds_of.items() if count > 16}
    rows = exponent_row("photographs", cost_of, list(cost_of))
    peaks = {OURS: [measured(5120, 1)[1]], "a quarter of the photographs": [measured(1280, 1)[1]]}
    return rows + compare("memory growth crop_masks", "MB", peaks, {"a quarter of the photographs": None})
