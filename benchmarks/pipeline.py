"""The pipeline as a whole: a workspace that has run, its memory by stage, and commands in it.

The workspace is a copy of the project with all of the data and runs, and few epochs.
"""

import csv
import io
import json
import subprocess
import sys
import time
import zipfile
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import Any

import psutil
from ruamel.yaml import YAML

from pipeline.common.paths import MASKS_ARCHIVE
from pipeline.sources.archives import open_archive, read_file
from stages.crop_masks.boxes import CORNERS, Box, by_photograph
from tools import quick

MEASURED = Path("measured.json")  # in a workspace: what its first run took
EPOCHS = {"mlp": 4, "cnn": 2}
DVC = [sys.executable, "-m", "dvc"]


def make_workspace(folder: Path, digits: Path | None, masks: Path | None) -> None:
    """The project in `folder`, with these sources in place of its own where given."""
    yaml = YAML()
    quick.make_workspace(folder)
    params = yaml.load(quick.ROOT / "params.yaml")
    shorten(params)
    params["data"] |= {key: str(path) for key, path in (("digits", digits), ("masks", masks)) if path}
    yaml.dump(params, folder / "params.yaml")
    quick.commit(folder, "All of the data, few epochs")
    (folder / MEASURED).write_text(json.dumps({"seconds": 0, "megabytes": {}}))


def shorten(params: dict[str, Any]) -> None:
    """Set every run to a few epochs, of which the latent figures show two."""
    for part, epochs in EPOCHS.items():
        params[part]["defaults"]["epochs"] = epochs
        for run in params[part]["runs"].values():
            run |= {key: value for key, value in (("epochs", epochs), ("latents_every", 2)) if run.get(key)}
    for figure in params["project_latents"].values():
        figure["epochs"] = [2, 4]


def reproduce(folder: Path, *stages: str) -> dict[str, Any]:
    """`dvc repro` of these stages, or of all; adds to what the workspace's first run has taken."""
    before = json.loads((folder / MEASURED).read_text())
    start = time.perf_counter()
    peaks = run_and_watch([*DVC, "repro", *stages], folder)
    before["seconds"] += time.perf_counter() - start
    for stage, megabytes in peaks.items():
        before["megabytes"][stage] = max(megabytes, before["megabytes"].get(stage, 0))
    (folder / MEASURED).write_text(json.dumps(before, indent=2))
    return before


def run_and_watch(command: list[str], folder: Path) -> dict[str, float]:
    """Run a command; the peak memory, MB, of each stage among it, all of the stage's processes together.

    Memory that processes share counts in equal parts (PSS). Measuring takes a twentieth of a core at most.
    """
    environment = quick.environment() | {"PYTHONPATH": str(quick.ROOT)}  # where the folder has no stages
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    peaks: dict[str, float] = defaultdict(float)
    while process.poll() is None:
        start = time.perf_counter()
        for stage, megabytes in memory_by_stage(process.pid).items():
            peaks[stage] = max(peaks[stage], megabytes)
        time.sleep(max(0.05, 20 * (time.perf_counter() - start)))
    if process.returncode:
        raise SystemExit(f"benchmarks: {' '.join(command)} failed in {folder}; the message is above")
    return dict(peaks)


def memory_by_stage(pid: int) -> dict[str, float]:
    """MB of every stage that runs below, or as, the process."""
    found: dict[str, float] = {}
    try:
        top = psutil.Process(pid)
        for process in (top, *top.children(recursive=True)):
            words = process.cmdline()
            if words[1:2] == ["-m"] and words[2].startswith("stages."):
                whole = (process, *process.children(recursive=True))
                name = ".".join(words[2:]).removeprefix("stages.")
                found.setdefault(name, sum(map(proportional, whole)))  # forks of a stage come after it
    except psutil.Error:
        pass  # one of them has ended meanwhile
    return found


def proportional(process: psutil.Process) -> float:
    try:
        return process.memory_full_info().pss / 1e6
    except psutil.Error:
        return 0


def data_of_stages(folder: Path) -> dict[str, float]:
    """MB that each stage reads and writes, by its name in dvc.lock."""
    lock = YAML(typ="safe").load(folder / "dvc.lock")["stages"]
    files = {
        name: [file for kind in ("deps", "outs") for file in stage.get(kind, [])]
        for name, stage in lock.items()
    }
    return {name: sum(file["size"] for file in some) / 1e6 for name, some in files.items()}


def seconds_of(command: list[str], folder: Path) -> float:
    """Seconds of a command that has to succeed; for `python`, this one."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=quick.environment(), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def set_param(folder: Path, dotted: str, value: Any) -> None:
    """Edit a value of params.yaml, as a person would."""
    yaml = YAML()
    params = section = yaml.load(folder / "params.yaml")
    *sections, key = dotted.split(".")
    for name in sections:
        section = section[name]
    section[key] = value
    yaml.dump(params, folder / "params.yaml")


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
    YAML().dump({"changed": 0}, folder / "params.yaml")
    quick.commit(folder, "Trivial stages")
    subprocess.run([*DVC, "init", "--quiet"], cwd=folder, env=quick.environment(), check=True)
    seconds_of([*DVC, "repro", "--quiet"], folder)
    quick.commit(folder, "Their outputs")
    return list(stages)[-1]


def write_photographs(archive: Path, boxes: list[Box], count: int, target: Path) -> None:
    """An archive of `count` photographs with their boxes: those of another, over and over."""
    groups = by_photograph(boxes)
    # First a box of every class and split: the stage wants all classes to train on.
    needed = [
        next(group for group in groups if any((box.split, box.label) == want for box in group))
        for want in sorted({(box.split, box.label) for box in boxes})
    ]
    groups = needed + [group for group in groups if group not in needed]
    tables = {split: io.StringIO() for split in ("train", "test")}
    writers = {split: csv.writer(table) for split, table in tables.items()}
    for writer in writers.values():
        writer.writerow(["filename", "label", *CORNERS, "width", "height"])
    with open_archive(archive, archive.name) as source, zipfile.ZipFile(target, "w") as output:
        for number in range(count):
            group = groups[number % len(groups)]
            name = f"{number}_{PurePosixPath(group[0].photograph).name}"
            output.writestr(f"images/{name}", read_file(source, group[0].photograph))
            for box in group:
                writers[box.split].writerow([name, box.label, *box.corners, *(box.size or ("", ""))])
        for split, table in tables.items():
            output.writestr(f"{split}.csv", table.getvalue())


def crop_in(
    folder: Path, params: Path, archive: Path, boxes: list[Box], count: int, workers: int = 0
) -> tuple[float, float]:
    """Seconds and peak MB of the stage crop_masks on `count` photographs, in a folder of its own."""
    (folder / MASKS_ARCHIVE.parent).mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_bytes(params.read_bytes())
    set_param(folder, "compute.workers", workers)
    write_photographs(archive, boxes, count, folder / MASKS_ARCHIVE)
    start = time.perf_counter()
    peaks = run_and_watch(["python", "-m", "stages.crop_masks"], folder)
    return time.perf_counter() - start, peaks["crop_masks"]
