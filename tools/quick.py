"""Run every stage on little data and for few epochs, in a folder of its own.

    python -m tools.quick [FOLDER]      copies the project to FOLDER (default: quick/) and runs it there

There params.yaml is changed as quick.yaml says. The results of the project itself stay as they are.
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
    for path in project_files(ROOT):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, folder / path)
    yaml = YAML()
    params = yaml.load(folder / "params.yaml")
    merge(params, YAML(typ="safe").load(folder / OVERRIDES))
    yaml.dump(params, folder / "params.yaml")
    commit(folder, "The quick profile")


def commit(folder: Path, message: str) -> None:
    """Commit all of `folder`, since experiments start from a commit; works without a git identity."""
    identity = ["-c", "user.name=quick", "-c", "user.email=quick@localhost", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    subprocess.run(["git", *identity, "commit", "--quiet", "--message", message], cwd=folder, check=True)


def phases(params: dict[str, Any]) -> Iterator[list[list[list[str]]]]:
    """The commands of DVC: phases one after the other, each some lanes side by side, each some commands.

    DVC locks the inputs and outputs of a stage while it runs, so no lane uses what another one makes.
    The last of the MLP's runs goes with the CNN's, so that both lanes take equally long.
    """
    alone = ["repro", "--single-item"]  # an earlier phase has made the inputs
    mlp: list[str] = []
    latents: list[str] = []
    for run, settings in params["mlp"]["runs"].items():
        (latents if settings.get("latents_every") else mlp).append(f"train_mlp@{run}")
    figures = [f"project_latents@{figure}" for figure in params["project_latents"]]
    cnn = [f"train_cnn@{run}" for run in params["cnn"]["runs"]]
    yield [[["repro", "check_settings"]]]
    yield [[["repro", "prepare_digits"]], [["repro", "crop_masks"]]]
    yield [
        [[*alone, *mlp[:-1]]],
        [[*alone, *cnn, "evaluate_cnn", *mlp[-1:], *latents, *figures]],
    ]
    yield [[[*alone, "evaluate_mlp"]]]
    yield [[["repro", "--quiet"]], [["plots", "show"]]]


def environment() -> dict[str, str]:
    """The environment of this process, with this Python first on the path, since DVC calls `python`."""
    return dict(os.environ) | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def read_phases(folder: Path) -> Iterator[list[list[list[str]]]]:
    """The phases for the settings in `folder`."""
    return phases(YAML(typ="safe").load(folder / "params.yaml"))


def run_dvc(folder: Path, phases: Iterable[list[list[list[str]]]]) -> bool:
    """DVC in `folder`, phase after phase; whether all succeeded."""
    # Without that option a lane fails when another one holds DVC's lock for three seconds.
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
        f"  {folder}/metrics/               the scores of every run\n"
        f"  {folder}/plots/*/tables/        the report's tables T1 to T14, as CSV\n"
        "The whole report is `make repro`."
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
