"""Measure the pipeline beside its peers.

python -m benchmarks.run [CASE ...] [--repeats N] [--digits PATH] [--masks PATH] [--workspace FOLDER]

Every case prints what it took, and as a ratio what each peer took to what the pipeline took: 2 is a peer
that is half as fast. Contenders take turns, so that a busy moment hits all of them, and medians count. The
rows of each case replace its earlier ones in benchmarks/results.csv, and results.png is drawn anew.

A network's training is timed as two replicates side by side, each in a process of one thread with a core of
its own; peers also as one process of two threads, with the better of the two. All do the same work: same
initial weights, mini-batches and epochs, loss and accuracy of both splits after every epoch. Reading files
and compiling is not timed, except where files are the contender's way (ImageFolder).
"""

import argparse
import csv
import functools
import importlib.util
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from benchmarks import chart, cnn, cropping, growth, mlp, pipeline
from benchmarks.teams import CORES, IN_TURN, REPLICATES, SIDE_BY_SIDE, Placement, Team
from pipeline.common.files import whole_file
from pipeline.common.settings import read_params
from stages import crop_masks, train_cnn, train_mlp
from tools import quick

RESULTS = Path(__file__).with_name("results.csv")
OURS = "the pipeline"
# Relative: the same sums in another order are 2 % off after an epoch of mini-batches of one.
SAME_LOSS = 0.1

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
NEEDS = {"JAX jit + scan": "jax", "Keras on JAX": "keras"}
MEMORY_LIMITS = {"train_mlp": 400}  # MB; of the other stages 1000


class Row(NamedTuple):
    """One contender in one case. `target` is what `ratio_to_ours` must reach."""

    case: str
    contender: str
    unit: str
    value: float  # the median over the repeats
    ratio_to_ours: float
    target: float | None
    met: str
    repeats: int
    spread: float  # largest less smallest, as a share of the median
    data: str = ""  # what it was measured on


class Setup(NamedTuple):
    """What every case gets."""

    workspace: Path
    repeats: int


def compare(case, unit, values, targets):
    """Rows of contenders from the values of each repeat; each peer's target is in `targets`, or 1."""
    ours = statistics.median(values[OURS])
    rows = []
    for contender, measured in values.items():
        median = statistics.median(measured)
        ratio = median / ours
        target = None if contender == OURS else targets.get(contender, 1.0)
        met = "" if target is None else "yes" if ratio >= target else "no"
        spread = (max(measured) - min(measured)) / median
        rows.append(Row(case, contender, unit, median, ratio, target, met, len(measured), spread))
    return rows


def alternate(measures, repeats):
    """The values of each measure, taken in turns."""
    values = {name: [] for name in measures}
    for _ in range(repeats):
        for name, measure in measures.items():
            values[name].append(measure())
    return values


def best_team(name, contender, task):
    """The contender's team in its better placement; the pipeline's is given."""
    best = None
    for placement in (SIDE_BY_SIDE,) if name == OURS else dict.fromkeys((SIDE_BY_SIDE, IN_TURN)):
        team = Team(contender, placement, pinned=name == OURS)
        team.prepare(task)
        seconds, _ = team.run()
        if best and best[0] <= seconds:
            team.close()
        else:
            if best:
                best[1].close()
            best = seconds, team
    return best[1]


def race(task, contenders, repeats):
    """Seconds of each repeat of each contender, all held to the pipeline's training loss."""
    present = {name: c for name, c in contenders.items() if importlib.util.find_spec(NEEDS.get(name, "sys"))}
    for name in contenders.keys() - present.keys():
        print(f"  {name} is not installed, and left out", file=sys.stderr)
    teams = {name: best_team(name, contender, task) for name, contender in present.items()}
    expected = teams[OURS].run()[1]

    def timed(name):
        seconds, loss = teams[name].run()
        if abs(loss - expected) > SAME_LOSS * expected:
            raise RuntimeError(
                f"{name} arrives at a training loss of {loss:.4f}, the pipeline at {expected:.4f}"
            )
        return seconds / task.epochs

    values = alternate({name: functools.partial(timed, name) for name in teams}, repeats)
    print(f"  training loss {expected:.4f}; {', '.join(f'{n} {t.placement}' for n, t in teams.items())}")
    for team in teams.values():
        team.close()
    return values


def mlp_case(case, hidden, batch_size, epochs, setup, targets):
    task = mlp.Task(setup.workspace / train_mlp.DIGITS, hidden, batch_size, epochs)
    values = race(task, {OURS: mlp.ours, **MLP_PEERS}, setup.repeats)
    return compare(case, "s per epoch and replicate", values, targets)


def mlp_512_256(setup):
    return mlp_case("mlp_512_256", (512, 256), 32, 2, setup, {"PyTorch + DataLoader": 1.6})


def mlp_64_32(setup):
    return mlp_case("mlp_64_32", (64, 32), 32, 8, setup, {"PyTorch + DataLoader": 4})


def mlp_32_16(setup):
    return mlp_case("mlp_32_16", (32, 16), 32, 8, setup, {"PyTorch + DataLoader": 4})


def mlp_batch_8(setup):
    return mlp_case("mlp_batch_8", (512, 256), 8, 1, setup, {})


def mlp_batch_16(setup):
    return mlp_case("mlp_batch_16", (512, 256), 16, 1, setup, {})


def gemm_share(setup):
    """The products of training and evaluation, in the time they would take at the machine's best rate."""
    task = mlp.Task(setup.workspace / train_mlp.DIGITS, (512, 256), 32, 2)
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


def cnn_case(case, crops, batch_size, optimizer, setup, targets):
    task = cnn.Task(setup.workspace / "data", crops, batch_size, 1, optimizer)
    values = race(task, {OURS: cnn.ours, **CNN_PEERS}, setup.repeats)
    images = cnn.training_images(setup.workspace / train_cnn.CROPS)
    for name, seconds in values.items():
        rate = images / statistics.median(seconds) * len(CORES[:REPLICATES])
        print(f"  {name}: {rate:,.0f} training images/s on all cores, with an evaluation after each epoch")
    return compare(case, "s per epoch and replicate", values, targets)


def cnn_batch_16(setup):
    return cnn_case("cnn_batch_16", "resized", 16, "sgd", setup, {"PyTorch + ImageFolder": 3})


def cnn_own_size(setup):
    return cnn_case("cnn_own_size", "own_size", 1, "sgd", setup, {"PyTorch + ImageFolder": 2})


def crop(setup):
    archive = setup.workspace / crop_masks.RAW
    params = setup.workspace / "params.yaml"
    boxes = cropping.boxes_of(archive, params)
    side = read_params(params)["crop_masks"]["side"]
    means = []

    def timed(cut_batch, workers=0, start=False):
        seconds, mean = cropping.seconds_to_cut(cut_batch, archive, boxes, side, workers, start)
        means.append(mean)
        if abs(mean - means[0]) > 1:  # decoders round differently
            raise RuntimeError(
                f"{cut_batch.__name__} leaves pixels of {mean:.1f} on average, ours {means[0]:.1f}"
            )
        return seconds

    measures = {
        OURS: lambda: timed(crop_masks.cut_batch),
        "Pillow, one open per box": lambda: timed(cropping.as_first_written, 1),
        "the same, on all cores, PNG as ours": lambda: timed(cropping.open_per_box),
        "torchvision": lambda: timed(cropping.torchvision_decode),
    }
    started = {
        OURS: lambda: timed(crop_masks.cut_batch, start=True),
        "torchvision": lambda: timed(cropping.torchvision_decode, start=True),
    }
    for cut_batch in (crop_masks.cut_batch, cropping.torchvision_decode):
        timed(cut_batch)  # the processes start, and import what they need
    values = alternate(measures, min(setup.repeats, 3))
    with_start = alternate(started, min(setup.repeats, 3))
    print(f"  {len(list(boxes.by_photograph()))} photographs, {len(boxes)} boxes, {len(CORES)} processes")
    targets = {"Pillow, one open per box": 8, "the same, on all cores, PNG as ours": None}
    return compare("crop", "s", values, targets) + compare("crop with its start", "s", with_start, {})


def whole_report(setup):
    """All trainings, projected: seconds per epoch of each run times its epochs, for all of its replicates.

    The pipeline's side has everything else too: `dvc repro` from nothing with few epochs was timed whole,
    downloads, cropping, plots and report included, and the other epochs are added.
    """
    params = read_params(quick.ROOT / "params.yaml")
    few = read_params(setup.workspace / "params.yaml")
    reached = json.loads((quick.ROOT / "metrics/mlp.json").read_text())
    ours = Team(mlp.any_run, SIDE_BY_SIDE, pinned=True)
    theirs = Team(mlp.any_run_straightforward, Placement(1, len(CORES)))
    totals = {OURS: pipeline.reproduce(setup.workspace)["seconds"], "straightforward.py": 0.0}
    for part, epochs in (("mlp", 2), ("cnn", 1)):
        for run, changes in params[part]["runs"].items():
            settings = params[part]["defaults"] | changes
            done = (few[part]["defaults"] | few[part]["runs"][run])["epochs"]
            whole = reached[run]["epochs"] if part == "mlp" else settings["epochs"]
            task = (part, setup.workspace, settings | {"epochs": epochs})
            seconds = {}
            for name, team in ((OURS, ours), ("straightforward.py", theirs)):
                team.prepare(task, warm=False)
                seconds[name] = team.run()[0] / epochs * settings["seeds"] / REPLICATES
            totals[OURS] += seconds[OURS] * (whole - done)
            totals["straightforward.py"] += seconds["straightforward.py"] * whole
            print(
                f"  {part} {run}, {whole:.0f} epochs: "
                + ", ".join(f"{n} {s:.2f} s" for n, s in seconds.items())
            )
    ours.close()
    theirs.close()
    values = {name: [seconds] for name, seconds in totals.items()} | {"12 minutes": [12 * 60]}
    return compare("whole_report", "s, projected", values, {"straightforward.py": 2.5})


def start_up(setup):
    """One changed MLP run of one epoch on all of the data, its two stages, from command to metrics.

    By `dvc repro` after an edit of params.yaml, and by `dvc exp run`, which also makes a commit. And what DVC
    alone takes for each: two changed stages of as many, all of them trivial.
    """
    pipeline.reproduce(setup.workspace)
    pipeline.set_param(setup.workspace, "mlp.runs.custom.epochs", 1)
    with tempfile.TemporaryDirectory() as folder:
        floor = Path(folder, "floor")
        rate = setup.workspace, "mlp.runs.custom.learning_rate", "evaluate_mlp"
        trivial = floor, "changed", pipeline.make_floor(floor, setup.workspace)

        def unseen():
            return round(0.05 + time.time() % 1e6 / 1e7, 8)

        def repro(where, setting, target):
            pipeline.set_param(where, setting, unseen())
            return pipeline.seconds_of([*pipeline.DVC, "repro", target], where)

        def experiment(where, setting, target):
            command = [*pipeline.DVC, "exp", "run", "-S", f"{setting}={unseen()}", target]
            return pipeline.seconds_of(command, where)

        measures = {
            OURS: lambda: repro(*rate),
            "DVC alone": lambda: repro(*trivial),
            "by dvc exp run": lambda: experiment(*rate),
            "DVC alone, by dvc exp run": lambda: experiment(*trivial),
        }
        targets = {"DVC alone": 0.5, "by dvc exp run": None, "DVC alone, by dvc exp run": None}
        return compare("start_up", "s", alternate(measures, setup.repeats), targets)


def nothing_to_do(setup):
    """`dvc repro` where nothing has changed; and DVC with as many stages and files, all of them trivial."""
    pipeline.reproduce(setup.workspace)
    with tempfile.TemporaryDirectory() as folder:
        floor = Path(folder, "floor")
        pipeline.make_floor(floor, setup.workspace)
        repro = [*pipeline.DVC, "repro", "--quiet"]
        measures = {
            OURS: lambda: pipeline.seconds_of(repro, setup.workspace),
            "1.5 x DVC's floor": lambda: 1.5 * pipeline.seconds_of(repro, floor),
        }
        return compare("nothing_to_do", "s", alternate(measures, setup.repeats), {})


def memory(setup):
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


def growth_of_training(setup):
    """Seconds of the default run with 1, 4 and 16 times the samples and epochs, and 1 to 8 replicates."""
    digits = setup.workspace / train_mlp.DIGITS
    task = mlp.Task(digits, (512, 256), 32, 1)
    costs = {"samples": {}, "epochs": {}, "replicates": {}}
    repeats = min(setup.repeats, 3)
    team = Team(mlp.ours, Placement(1, 1), pinned=True)
    with tempfile.TemporaryDirectory() as folder:
        for times in (1, 4, 16):
            growth.repeat_digits(digits, times, larger := Path(folder, f"{times}.npz"))
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
    measures = {
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


def exponent_row(kind, cost_of, work):
    exponent = growth.exponent(work, [cost_of[some] for some in work])
    print(f"  {kind}: " + ", ".join(f"{some}: {cost:.2f} s" for some, cost in cost_of.items()))
    return compare(f"growth {kind}", "exponent", {OURS: [exponent], "limit": [1.05]}, {})


def growth_of_cropping(setup):
    """The stage on 1, 4 and 16 times 320 photographs, less its time for 16; and the memory of one process.

    Of several processes the peak is when large photographs meet in them, which is chance.
    """
    archive, params = setup.workspace / crop_masks.RAW, setup.workspace / "params.yaml"
    boxes = cropping.boxes_of(archive, params)

    def measured(count, workers=0):
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
    return rows + compare("memory growth crop_masks", "MB", peaks, {"a quarter of the photographs": 0.95})


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
        nothing_to_do,
        memory,
        growth_of_training,
        growth_of_cropping,
    )
}


def show(rows):
    for row in rows:
        verdict = f"  at least {row.target:g}: {row.met}" if row.target else ""
        print(f"  {row.contender:28} {row.value:10.4g} {row.unit}, {row.ratio_to_ours:6.2f}x{verdict}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"default: all of {', '.join(CASES)}")
    parser.add_argument("--repeats", type=int, default=3, help="of each contender in each case")
    parser.add_argument("--digits", type=Path, help="digits in place of the synthetic ones")
    parser.add_argument("--masks", type=Path, help="photographs in place of the synthetic ones")
    parser.add_argument("--workspace", type=Path, help="a folder to work in, kept; used again if it is there")
    given = parser.parse_args()
    if unknown := [case for case in given.cases if case not in CASES]:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(CASES)}")

    with tempfile.TemporaryDirectory() as folder:
        workspace = (given.workspace or Path(folder, "workspace")).absolute()
        if not workspace.exists():
            print("preparing a workspace with all of the data")
            pipeline.make_workspace(
                workspace, *(path and path.absolute() for path in (given.digits, given.masks))
            )
        pipeline.reproduce(workspace, "prepare_digits", "crop_masks")
        data = ", ".join(path.name if path else "synthetic" for path in (given.digits, given.masks))
        for case in given.cases or CASES:
            start = time.perf_counter()
            print(f"\n{case}", flush=True)
            rows = CASES[case](Setup(workspace, given.repeats))
            show(rows)
            print(f"  [{time.perf_counter() - start:.0f} s]", flush=True)
            write([row._replace(data=data) for row in rows])
        print(f"\nwritten: {RESULTS.relative_to(quick.ROOT)} and {RESULTS.with_suffix('.png').name}")


def write(rows):
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


def read():
    """The rows of earlier runs."""
    if not RESULTS.exists():
        return []
    rows = pd.read_csv(RESULTS).astype(object)
    return [Row(*row) for row in rows.where(rows.notna(), None).itertuples(index=False)]


if __name__ == "__main__":
    main()
