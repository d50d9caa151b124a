"""Trainings beside the same by other libraries, and how their cost grows with the work."""

import functools
import json
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks import cnn, growth, mlp, pipeline
from benchmarks.measuring import OURS, Row, Setup, alternate, compare, race
from benchmarks.teams import CORES, REPLICATES, SIDE_BY_SIDE, Placement, Team
from pipeline.common.paths import CROP_ARRAYS, DIGITS
from pipeline.runtime.settings import read_params
from tools import quick

MLP_PEERS = {
    "PyTorch + DataLoader": mlp.torch_loader,
    "JAX jit + scan": mlp.jax_scan,
    "scikit-learn": mlp.sklearn_classifier,
    "NumPy by hand": mlp.numpy_by_hand,
}
CNN_PEERS = {
    "PyTorch + ImageFolder": cnn.torch_folder,
    "PyTorch, in memory": cnn.torch_memory,
    "Keras on JAX": cnn.keras_jax,
}


def mlp_case(
    case: str,
    hidden: tuple[int, ...],
    batch_size: int,
    epochs: int,
    setup: Setup,
    targets: Mapping[str, float | None],
) -> list[Row]:
    task = mlp.Task(setup.workspace / DIGITS, hidden, batch_size, epochs)
    values = race(task, {OURS: mlp.ours, **MLP_PEERS}, setup.repeats)
    return compare(case, "s per epoch and replicate", values, targets)


def mlp_512_256(setup: Setup) -> list[Row]:
    return mlp_case("mlp_512_256", (512, 256), 32, 2, setup, {"PyTorch + DataLoader": 1.6})


def mlp_64_32(setup: Setup) -> list[Row]:
    return mlp_case("mlp_64_32", (64, 32), 32, 8, setup, {"PyTorch + DataLoader": 4})


def mlp_32_16(setup: Setup) -> list[Row]:
    return mlp_case("mlp_32_16", (32, 16), 32, 8, setup, {"PyTorch + DataLoader": 4})


def mlp_batch_8(setup: Setup) -> list[Row]:
    return mlp_case("mlp_batch_8", (512, 256), 8, 1, setup, {})


def mlp_batch_16(setup: Setup) -> list[Row]:
    return mlp_case("mlp_batch_16", (512, 256), 16, 1, setup, {})


def gemm_share(setup: Setup) -> list[Row]:
    """The products of training and evaluation, in the time they would take at the machine's best rate."""
    task = mlp.Task(setup.workspace / DIGITS, (512, 256), 32, 2)
    work = mlp.flops(task)
    peaks = []
    for side in (1024, 2048, 4096):
        team = Team(mlp.square_products, SIDE_BY_SIDE)
        team.prepare(side)
        peaks.append((team.run()[0], team))
    fastest = min(peaks, key=lambda peak: peak[0])[1]
    ours = Team(mlp.ours, SIDE_BY_SIDE, pinned=True)
    ours.prepare(task)
    measures = {
        OURS: lambda: ours.run()[0] / task.epochs,
        "GEMM peak": lambda: fastest.run()[0] / mlp.PRODUCTS_FLOPS * work / task.epochs,
    }
    values = alternate(measures, setup.repeats)
    for team in (ours, *(team for _, team in peaks)):
        team.close()
    rates = {name: work / task.epochs / statistics.median(some) / 1e9 for name, some in values.items()}
    print("  GFLOP/s of a core, all busy: " + ", ".join(f"{name} {rate:.1f}" for name, rate in rates.items()))
    return compare("gemm_share", "s per epoch and replicate", values, {"GEMM peak": 0.8})


def cnn_case(
    case: str, crops: Any, batch_size: int, optimizer: Any, setup: Setup, targets: Mapping[str, float | None]
) -> list[Row]:
    task = cnn.Task(setup.workspace / "data", crops, batch_size, 1, optimizer)
    values = race(task, {OURS: cnn.ours, **CNN_PEERS}, setup.repeats)
    images = cnn.training_images(setup.workspace / CROP_ARRAYS)
    for name, seconds in values.items():
        rate = images / statistics.median(seconds) * len(CORES[:REPLICATES])
        print(f"  {name}: {rate:,.0f} training images/s on all cores, with an evaluation after each epoch")
    return compare(case, "s per epoch and replicate", values, targets)


def cnn_batch_16(setup: Setup) -> list[Row]:
    return cnn_case("cnn_batch_16", "resized", 16, "sgd", setup, {"PyTorch + ImageFolder": 3})


def cnn_own_size(setup: Setup) -> list[Row]:
    return cnn_case("cnn_own_size", "own_size", 1, "sgd", setup, {"PyTorch + ImageFolder": 2})


def whole_report(setup: Setup) -> list[Row]:
    """All trainings, projected: seconds per epoch of each run times its epochs, for all of its replicates.

    The report has everything else too: `dvc repro` from nothing with few epochs was timed whole, downloads,
    cropping, plots and page included, and the other epochs are added. straightforward.py is compared in the
    trainings of the runs that it implements: those of the report, without the runs of tables T15 and T16.
    """
    few = read_params(setup.workspace / "params.yaml")
    teams = {
        OURS: Team(mlp.any_run, SIDE_BY_SIDE, pinned=True),
        "straightforward.py": Team(mlp.any_run_straightforward, Placement(1, len(CORES))),
    }
    report = pipeline.reproduce(setup.workspace)["seconds"]
    trainings = dict.fromkeys(teams, 0.0)
    for part, run, settings, epochs in report_runs():
        seconds = seconds_of_epoch(teams, setup.workspace, part, settings)
        done = (few[part]["defaults"] | few[part]["runs"][run])["epochs"]
        report += seconds[OURS] * (epochs - done)
        if "straightforward.py" in seconds:
            trainings = {name: total + seconds[name] * epochs for name, total in trainings.items()}
        print(
            f"  {part} {run}, {epochs:.0f} epochs: " + ", ".join(f"{n} {s:.2f} s" for n, s in seconds.items())
        )
    for team in teams.values():
        team.close()
    values = {name: [seconds] for name, seconds in trainings.items()}
    return compare("whole_report", "s, projected", {OURS: [report], "15 minutes": [15 * 60]}, {}) + compare(
        "whole_report, trainings", "s, projected", values, {"straightforward.py": 2.5}
    )


def report_runs() -> Iterator[tuple[str, str, dict[str, Any], float]]:
    """Part, name and settings of each run of params.yaml, and the epochs that it reached, on average."""
    params = read_params(quick.ROOT / "params.yaml")
    for part in ("mlp", "cnn"):
        for run, changes in params[part]["runs"].items():
            metrics = json.loads((quick.ROOT / f"metrics/{part}/{run}.json").read_text())
            yield part, run, params[part]["defaults"] | changes, metrics["epochs"]


def seconds_of_epoch(
    teams: dict[str, Team], workspace: Path, part: str, settings: dict[str, Any]
) -> dict[str, float]:
    """Seconds of an epoch of all replicates of a run, by each team that implements it."""
    from benchmarks import straightforward

    epochs, recorded = {"mlp": (2, "latents_every"), "cnn": (1, "snapshot_epoch")}[part]
    replicates = settings.get("folds") or settings["seeds"]
    seconds = {}
    for name, team in teams.items():
        if name == OURS or not straightforward.missing(part, settings):
            team.prepare((part, workspace, settings | {"epochs": epochs, recorded: 0}), warm=False)
            seconds[name] = team.run()[0] / epochs * replicates / REPLICATES
    return seconds


def growth_of_training(setup: Setup) -> list[Row]:
    """Seconds of the default run with 1, 4 and 16 times the samples and epochs, and 1 to 8 replicates."""
    digits = setup.workspace / DIGITS
    task = mlp.Task(digits, (512, 256), 32, 1)
    costs: dict[str, dict[int, float]] = {"samples": {}, "epochs": {}, "replicates": {}}
    repeats = min(setup.repeats, 3)
    team = Team(mlp.ours, Placement(1, 1), pinned=True)
    with tempfile.TemporaryDirectory() as folder:
        for times in (1, 4, 16):
            growth.repeat_digits(digits, times, larger := Path(folder, f"{times}.safetensors"))
            for kind, some in (
                ("samples", task._replace(digits=larger)),
                ("epochs", task._replace(epochs=times)),
            ):
                team.prepare(some, warm=times == 1)
                costs[kind][times] = statistics.median(team.run()[0] for _ in range(repeats)) / REPLICATES
    team.close()
    settings = task.settings()
    for replicates in (1, len(CORES)):
        growth.train_replicates(digits, settings, replicates)  # a single one is trained in this process
    measures: dict[Any, Callable[[], float]] = {
        replicates: functools.partial(growth.train_replicates, digits, settings, replicates)
        for replicates in (1, 2, 4, 8)
    }
    for replicates, seconds in alternate(measures, repeats).items():
        costs["replicates"][replicates] = statistics.median(seconds)
    rows = []
    for kind, of_work in costs.items():
        # One replicate leaves the other cores idle, so the count starts where all are busy.
        work = [some for some in of_work if kind != "replicates" or some >= len(CORES)]
        rows += exponent_row(kind, of_work, work)
    return rows


def exponent_row(kind: str, cost_of: dict[int, float], work: list[int]) -> list[Row]:
    exponent = growth.exponent(work, [cost_of[some] for some in work])
    print(f"  {kind}: " + ", ".join(f"{some}: {cost:.2f} s" for some, cost in cost_of.items()))
    return compare(f"growth {kind}", "exponent", {OURS: [exponent], "limit": [1.05]}, {})
