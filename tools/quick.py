"""Run every stage on a small profile, in a workspace of its own: the newcomer's first minute.

    python -m tools.quick [FOLDER]      copies the project to FOLDER (default: quick/) and runs it there

params.yaml is changed there as quick.yaml says. The results of the project itself stay as they are.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

import joblib
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
OVERRIDES = Path("quick.yaml")
RESULTS = ("dvc.lock", "metrics", "plots")


def merge(values: Any, changes: dict[str, Any]) -> None:
    """Change `values` in place; where both hold a mapping, key by key."""
    for key, change in changes.items():
        if isinstance(change, dict) and isinstance(values.get(key), dict):
            merge(values[key], change)
        else:
            values[key] = change


def project_files(root: Path) -> list[Path]:
    """The project's own files, as they are in the working tree, without results and ignored files."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=root, capture_output=True, text=True, check=True).stdout
    paths = [Path(name) for name in names.split("\0") if name]
    return [path for path in paths if path.parts[0] not in RESULTS and (root / path).is_file()]


def make_workspace(folder: Path) -> None:
    """A git repository in `folder`, which must not exist, with the project's files and small settings."""
    for path in [*project_files(ROOT), Path(".dvc/plots/page.html")]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, folder / path)
    yaml = YAML()
    params = yaml.load(folder / "params.yaml")
    merge(params, yaml.load(folder / OVERRIDES))
    yaml.dump(params, folder / "params.yaml")
    commit(folder, "The quick profile")


def commit(folder: Path, message: str) -> None:
    """Commit all of `folder`, whoever the user is, so that experiments have something to start from."""
    identity = ["-c", "user.name=quick", "-c", "user.email=quick@localhost", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    subprocess.run(["git", *identity, "commit", "--quiet", "--message", message], cwd=folder, check=True)


def phases(params: dict[str, Any]) -> Iterator[list[list[list[str]]]]:
    """What DVC is told, in order: lanes that run side by side, each some commands one after the other.

    DVC holds the inputs and outputs of a stage while it runs, so no lane touches what another makes.
    The last of the MLP's runs goes with the CNN's: the two lanes then take equally long.
    """
    alone = ["repro", "--single-item"]  # what these need is there by then
    mlp: list[str] = []
    latents: list[str] = []
    for run, settings in params["mlp"]["runs"].items():
        (latents if settings.get("latents_every") else mlp).append(f"train_mlp@{run}")
    yield [[["repro", "prepare_digits"]], [["repro", "fetch_masks"]]]
    yield [
        [[*alone, *mlp[:-1]]],
        [["repro", "evaluate_cnn"], [*alone, *mlp[-1:], *latents, "project_latents"]],
    ]
    yield [[[*alone, "evaluate_mlp"]]]
    yield [[["repro", "--quiet"]], [["plots", "show"]]]


def environment() -> dict[str, str]:
    """This process's, with this Python first on the path, since the stages call `python`."""
    return dict(os.environ) | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def read_phases(folder: Path) -> Iterator[list[list[list[str]]]]:
    """The phases for the settings in `folder`."""
    return phases(YAML(typ="safe").load(folder / "params.yaml"))


def run_dvc(folder: Path, phases: Iterable[list[list[list[str]]]]) -> bool:
    """DVC in `folder`, phase after phase; whether all succeeded."""
    # Without that option one of two fails where the other holds DVC's lock for three seconds.
    dvc = [sys.executable, "-m", "dvc", "--wait-for-lock"]

    def run_lane(commands: list[list[str]], sharing: int) -> bool:
        # A stage starts a process for each core that joblib counts.
        cores = str(max(1, joblib.cpu_count() // sharing))
        lane = environment() | {"LOKY_MAX_CPU_COUNT": cores}
        return all(
            subprocess.run([*dvc, *command], cwd=folder, env=lane).returncode == 0 for command in commands
        )

    def run_phase(lanes: list[list[list[str]]]) -> bool:
        with_stages = sum(any("repro" in command for command in commands) for commands in lanes)
        with ThreadPoolExecutor() as pool:
            return all(pool.map(run_lane, lanes, repeat(max(1, with_stages))))

    return all(map(run_phase, phases))


def main(target: str = "quick") -> None:
    folder = Path(target)
    if (folder / OVERRIDES).is_file():
        shutil.rmtree(folder)  # an earlier quick run
    elif folder.exists():
        sys.exit(f"quick: {folder} exists and is no quick run; remove it or name another folder")
    make_workspace(folder)
    if not run_dvc(folder, read_phases(folder)):
        sys.exit(f"quick: the pipeline failed in {folder}; the message is above")
    commit(folder, "Results of the quick profile")
    print(
        f"\nEvery stage has run in {folder}/, on little data and for few epochs. Look at\n"
        f"  {folder}/report/index.html      the report, every figure and claim with its verdict\n"
        f"  {folder}/dvc_plots/index.html   the plots, as DVC shows them\n"
        f"  {folder}/metrics/               the scores of every run: mlp.json and cnn.json\n"
        f"  {folder}/plots/*/tables/        the report's tables T1 to T14, as CSV\n"
        "The whole report is `make repro`."
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
