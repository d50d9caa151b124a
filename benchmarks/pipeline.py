"""The stages as DVC runs them: memory of each, beside DVC alone, and in lanes beside `dvc repro`.

The workspace is a copy of the project with all of the data and runs, and few epochs.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import psutil
from ruamel.yaml import YAML

from benchmarks.measuring import OURS, Row, alternate, compare
from pipeline.common.paths import CROP_ARRAYS, PARAMS
from pipeline.runtime.settings import read_params, resolve_run
from tools import lanes, quick

EPOCHS = {"mlp": 4, "cnn": 2}
MEMORY_LIMITS = {"train_mlp": 400.0}  # MB; of the other stages 1000
DVC = [sys.executable, "-m", "dvc"]
REPRO = [*DVC, "repro", "--quiet"]


def make_workspace(folder: Path, digits: Path | None, masks: Path | None) -> None:
    """The project in `folder`, with these sources in place of its own where given, and its data prepared."""
    quick.make_workspace(folder)
    yaml = YAML()
    params = yaml.load(quick.ROOT / PARAMS)
    params["data"] |= {key: str(path) for key, path in (("digits", digits), ("masks", masks)) if path}
    for part, epochs in EPOCHS.items():
        params[part]["defaults"]["epochs"] = epochs
        for run in params[part]["runs"].values():
            run |= {key: value for key, value in (("epochs", epochs), ("latents_every", 2)) if run.get(key)}
    for figure in params["project_latents"].values():
        figure["epochs"] = [2, 4]
    yaml.dump(params, folder / PARAMS)
    quick.commit(folder, "All of the data, few epochs")
    seconds_of([*REPRO, "prepare_digits", "crop_masks"], folder)


def seconds_of(command: list[str], folder: Path) -> float:
    """Seconds of a command that has to succeed."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=quick.environment(), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


@cache
def run_all(workspace: Path) -> dict[str, float]:
    """Run every stage, once, as `watch` does."""
    return watch([*REPRO, "--force"], workspace)


def watch(command: list[str], workspace: Path) -> dict[str, float]:
    """Run DVC; the peak memory of each stage in MB, of all processes of its hungriest run together.

    Memory that processes share counts in equal parts (PSS). The crops are left out: they are mapped, and the
    system drops what it needs the room for. Measuring takes a twentieth of a core at most.
    """
    process = subprocess.Popen(command, cwd=workspace, env=quick.environment(), stdout=subprocess.DEVNULL)
    peaks: dict[str, float] = {}
    while process.poll() is None:
        start = time.perf_counter()
        with suppress(psutil.Error):  # a process may end meanwhile
            for stage in psutil.Process(process.pid).children(recursive=True):
                words = stage.cmdline()
                if words[1:2] == ["-m"] and words[2].startswith("stages."):
                    team = [stage, *stage.children(recursive=True)]  # whose own command lines may be the same
                    maps = [each for member in team for each in member.memory_maps()]
                    megabytes = sum(each.pss for each in maps if CROP_ARRAYS.name not in each.path) / 1e6
                    name = words[2].removeprefix("stages.")
                    peaks[name] = max(megabytes, peaks.get(name, 0))
        time.sleep(max(0.05, 20 * (time.perf_counter() - start)))
    if process.returncode:
        sys.exit(f"benchmarks: dvc repro failed in {workspace}; the message is above")
    return peaks


def memory(workspace: Path, repeats: int) -> list[Row]:
    """Peak memory of each stage, beside a limit; measured once."""
    rows = []
    for stage, peak in sorted(run_all(workspace).items(), key=lambda item: item[1]):
        limit = MEMORY_LIMITS.get(stage, 1000.0)
        rows += compare(f"memory {stage}", "MB", {OURS: [peak], "limit": [limit]}, {})
    return rows


def set_param(folder: Path, dotted: str, value: Any) -> None:
    """Edit a value of params.yaml, as a person would."""
    yaml = YAML()
    params = section = yaml.load(folder / PARAMS)
    *sections, key = dotted.split(".")
    for name in sections:
        section = section[name]
    section[key] = value
    yaml.dump(params, folder / PARAMS)


def make_trivial_pipeline(folder: Path, workspace: Path) -> str:
    """A DVC project with as many stages as the workspace, each with as many files, all of them trivial.

    Returns the name of the last stage. It and the one before depend on the setting `changed`.
    """
    folder.mkdir()
    lock = YAML(typ="safe").load(workspace / "dvc.lock")["stages"]
    stages = {}
    for number, stage in enumerate(lock.values()):
        deps = [f"dep_{index}" for index in range(len(stage.get("deps", [])))]
        outs = [f"out_{number}_{index}" for index in range(len(stage.get("outs", [])))]
        for dep in deps:
            (folder / dep).write_text(dep)
        stages[f"stage_{number}"] = {"cmd": f"touch {' '.join(outs)}", "deps": deps, "outs": outs}
    for stage in list(stages.values())[-2:]:
        stage["params"] = ["changed"]
    YAML().dump({"stages": stages}, folder / "dvc.yaml")
    YAML().dump({"changed": 0}, folder / PARAMS)
    quick.commit(folder, "Trivial stages")
    seconds_of([*DVC, "init", "--quiet"], folder)
    seconds_of(REPRO, folder)
    quick.commit(folder, "Their outputs")
    return list(stages)[-1]


def start_up(workspace: Path, repeats: int) -> list[Row]:
    """One changed MLP run of one epoch on all of the data, its two stages, from command to metrics.

    By `dvc repro` after an edit of params.yaml, and by `dvc exp run`, which also makes a commit. And what DVC
    alone takes for each: two changed stages of as many, all of them trivial.
    """
    run_all(workspace)
    set_param(workspace, "mlp.runs.custom.epochs", 1)
    with tempfile.TemporaryDirectory() as folder:
        trivial = Path(folder, "trivial")
        rate = workspace, "mlp.runs.custom.learning_rate", "evaluate_mlp"
        changed = trivial, "changed", make_trivial_pipeline(trivial, workspace)

        def unseen() -> float:
            return round(0.05 + time.time() % 1e6 / 1e7, 8)

        def repro(where: Path, setting: str, target: str) -> float:
            set_param(where, setting, unseen())
            return seconds_of([*DVC, "repro", target], where)

        def experiment(where: Path, setting: str, target: str) -> float:
            return seconds_of([*DVC, "exp", "run", "-S", f"{setting}={unseen()}", target], where)

        measures = {
            OURS: lambda: repro(*rate),
            "DVC alone": lambda: repro(*changed),
            "by dvc exp run": lambda: experiment(*rate),
            "DVC alone, by dvc exp run": lambda: experiment(*changed),
        }
        targets = {"DVC alone": 0.5, "by dvc exp run": None, "DVC alone, by dvc exp run": None}
        return compare("start_up", "s", alternate(measures, repeats), targets)


def nothing_to_do(workspace: Path, repeats: int) -> list[Row]:
    """`dvc repro` where nothing has changed; and DVC with as many stages and files, all of them trivial."""
    run_all(workspace)
    seconds_of(REPRO, workspace)  # what other cases have changed
    with tempfile.TemporaryDirectory() as folder:
        trivial = Path(folder, "trivial")
        make_trivial_pipeline(trivial, workspace)
        measures = {
            OURS: lambda: seconds_of(REPRO, workspace),
            "1.5 x DVC alone": lambda: 1.5 * seconds_of(REPRO, trivial),
        }
        return compare("nothing_to_do", "s", alternate(measures, repeats), {})


def side_by_side(workspace: Path, repeats: int) -> list[Row]:
    """The quick profile from nothing, in lanes and by `dvc repro`; the whole report in more lanes, and on a
    cluster, simulated from the seconds of its stages with one worker.
    """

    def quick_run(command: list[str]) -> float:
        with tempfile.TemporaryDirectory() as folder:
            fresh = Path(folder, "quick")
            quick.make_workspace(fresh)
            return seconds_of(command, fresh)

    measures: dict[str, Callable[[], float]] = {
        OURS: lambda: quick_run([sys.executable, "-m", "tools.lanes"]),
        "dvc repro": lambda: quick_run(REPRO),
    }
    rows = compare("side_by_side", "s", alternate(measures, repeats), {})
    needs = lanes.read_graph(quick.ROOT)
    seconds = lanes.read_seconds(needs)
    print("  the whole report, simulated: " + minutes(needs, seconds, (1, 2, 4, 8, 16)))
    params = read_params(quick.ROOT / PARAMS)
    for stage in needs:
        name, _, run = stage.partition("@")
        if name in ("train_mlp", "train_cnn"):  # a worker for each replicate
            settings = resolve_run(params, name.removeprefix("train_"), run)
            seconds[stage] /= settings.get("folds") or settings["seeds"]
    print("  on a cluster, in lanes of two workers: " + minutes(needs, seconds, (2, 4, 8, 16, 32)))
    return rows


def minutes(needs: lanes.Needs, seconds: lanes.Seconds, counts: tuple[int, ...]) -> str:
    ends = {count: max(lanes.simulate(needs, seconds, count).values()) for count in counts}
    return ", ".join(f"{count} lanes {end / 60:.1f} min" for count, end in ends.items())
