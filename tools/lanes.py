"""Run DVC's stages side by side, with the same results and dvc.lock as `dvc repro`.

    python -m tools.lanes [RECORD]

A lane is a process that runs one stage after another with `dvc repro --single-item`: of those that can start,
the one that begins the longest chain of stages, by stage_seconds.csv. The seconds of this run go to RECORD.
docs/scaling.md says what this relies on. It can go when DVC has `repro --jobs` (#755, #10922).
"""

import os
import signal
import sys
import time
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from contextlib import chdir
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.reproduce import plan_repro
from dvc.utils.serialize import load_yaml, modify_yaml

from pipeline.common.paths import RAW_DIGITS, RAW_MASKS
from pipeline.runtime.compute import read_compute
from pipeline.runtime.errors import InputError, shorten
from pipeline.runtime.settings import read_params, section
from pipeline.sources.catalogue import DIGITS, MASKS
from pipeline.sources.wanted import has_changed, own_path

SECONDS = Path(__file__).with_name("stage_seconds.csv")
FETCHED = {"digits": (DIGITS, RAW_DIGITS), "masks": (MASKS, RAW_MASKS)}  # by key of `data`
Needs = dict[str, set[str]]  # stage: the stages that it needs; in the order of `dvc repro`
Seconds = dict[str, float]  # by stage


def forget_git_variables() -> None:
    """Have git and DVC find their repository by the folder, also where a hook of git started this process.

    There git has set GIT_DIR, GIT_INDEX_FILE and more, which would lead them to the repository of the hook.
    """
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        del os.environ[name]


def read_graph(folder: Path) -> Needs:
    with chdir(folder), Repo() as repo:  # the names of stages depend on the working folder
        graph = repo.index.graph
        return {s.addressing: {n.addressing for n in graph.successors(s)} for s in plan_repro(graph)}


def read_seconds(stages: Collection[str]) -> Seconds:
    """The seconds that each stage takes; the median for one that is not in SECONDS."""
    known = pd.read_csv(SECONDS, index_col="stage").seconds
    return {stage: known.get(stage, known.median()) for stage in stages}


def find_changed(folder: Path, params: dict[str, Any]) -> list[str]:
    """The stages that fetched data of one's own which have changed since: DVC does not watch them."""
    changed = []
    with chdir(folder):
        for key, (catalogue, raw) in FETCHED.items():
            path = own_path(str(section(params, f"data.{key}")), catalogue)
            if path and has_changed(path, raw):
                print(f"data.{key}: {path} has changed and is fetched anew", flush=True)
                changed.append(f"fetch_{key}")
    return changed


def startable(needs: Needs, done: Collection[str], running: Collection[str], seconds: Seconds) -> list[str]:
    """The stages that can start, that with the longest way to the end first."""
    ways: Seconds = {}
    for stage in reversed(needs):
        ways[stage] = seconds[stage] + max((ways[n] for n in needs if stage in needs[n]), default=0.0)
    ready = [s for s in needs if s not in done and s not in running and needs[s].issubset(done)]
    return sorted(ready, key=lambda stage: -ways[stage])


def simulate(needs: Needs, seconds: Seconds, lanes: int) -> Seconds:
    """When each stage would end in so many lanes, in the order in which they start."""
    now, ends = 0.0, Seconds()
    running, ended = Seconds(), set[str]()
    while len(ended) < len(needs):
        for stage in startable(needs, ended, running, seconds)[: lanes - len(running)]:
            running[stage] = ends[stage] = now + seconds[stage]
        first = min(running, key=lambda stage: running[stage])
        now = running.pop(first)
        ended.add(first)
    return ends


def start_lane(folder: Path) -> None:
    """Set up a lane's process. Ctrl-C reaches it too, and is ignored while it waits for its next stage."""
    os.chdir(folder)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # for `python`
    signal.signal(signal.SIGINT, lambda *_: None)


def run_stage(stage: str, cores: int, options: list[str]) -> int:
    """`dvc repro --single-item`, with `cores` for the stage's workers. Returns the exit status."""
    from dvc.cli import main

    os.environ["LOKY_MAX_CPU_COUNT"] = str(cores)
    waiting = signal.signal(signal.SIGINT, signal.default_int_handler)  # DVC ends with an exit status
    status = main(["--wait-for-lock", "repro", "--quiet", "--single-item", *options, stage])
    signal.signal(signal.SIGINT, waiting)
    return status


def run_all(
    pool: ProcessPoolExecutor, needs: Needs, lanes: int, cores: int, options: dict[str, list[str]]
) -> Seconds:
    """Run each stage with its `options`; return the seconds of those that succeeded.

    After a failure, running ones end and none starts.
    """
    expected = read_seconds(needs)
    running: dict[str, Future[int]] = {}
    begin = time.perf_counter()
    started, took = Seconds(), Seconds()
    failed: list[str] = []
    while running or not failed and len(took) < len(needs):
        ready = [] if failed else startable(needs, took, running, expected)[: lanes - len(running)]
        share = cores // max(1, len(running) + len(ready))  # a stage alone has all cores
        running |= {stage: pool.submit(run_stage, stage, share, options[stage]) for stage in ready}
        started |= dict.fromkeys(ready, time.perf_counter())
        ended, _ = wait(running.values(), return_when=FIRST_COMPLETED)
        now = time.perf_counter()
        for stage in [stage for stage, future in running.items() if future in ended]:
            if running.pop(stage).result():
                failed.append(stage)
                continue
            took[stage] = now - started[stage]
            clock = timedelta(seconds=round(now - begin))
            print(f"{len(took)} of {len(needs)}: {stage}, after {clock}", flush=True)
    if failed:
        print(f"lanes: {', '.join(failed)} failed; the message is above", file=sys.stderr)
    return took


def run(folder: Path, options: Collection[str] = (), record: Path | None = None) -> bool:
    """Run every stage in `folder`; return whether all succeeded."""
    lock = folder / "dvc.lock"
    try:
        before = list(load_yaml(lock).get("stages", {})) if lock.is_file() else []
        params = read_params(folder / "params.yaml")
        compute = read_compute(params)
        needs, cores = read_graph(folder), compute.cores()
        changed = find_changed(folder, params)
    except (InputError, DvcException) as error:
        sys.exit(shorten(f"lanes: {error}"))
    # On a cluster a stage has all its replicates trained at once, two or more, and one by one here.
    lanes = max(1, cores // (compute.workers or (1 if compute.backend == "loky" else 2)))
    of_stages = {stage: [*options, *(["--force"] if stage in changed else [])] for stage in needs}
    with ProcessPoolExecutor(lanes, get_context("spawn"), start_lane, (folder.absolute(),)) as pool:
        try:
            took = run_all(pool, needs, lanes, cores, of_stages)
        except (KeyboardInterrupt, BrokenExecutor) as error:
            pool.shutdown(cancel_futures=True)
            interrupted = isinstance(error, KeyboardInterrupt)
            print(f"lanes: {'interrupted' if interrupted else 'a lane was killed'}", file=sys.stderr)
            return False
    if lock.is_file():
        with modify_yaml(lock) as content:  # in the order of `dvc repro`: entries of before, then new ones
            entries = content.get("stages", {})
            content["stages"] = {s: entries[s] for s in dict.fromkeys([*before, *needs]) if s in entries}
    if record:
        pd.Series(took, name="seconds").rename_axis("stage").to_csv(record, float_format="%.2f")
    return len(took) == len(needs)


def main(record: str = "") -> None:
    forget_git_variables()
    if record.startswith("-"):
        sys.exit(__doc__)
    sys.exit(not run(Path(), record=Path(record) if record else None))


if __name__ == "__main__":
    main(*sys.argv[1:])
