"""Run every stage on less data, with fewer runs and epochs, in a folder of its own.

    python -m tools.quick [FOLDER]      copies the project to FOLDER (default: quick/) and runs it there

There params.yaml is changed as quick.yaml says. The results of the project itself stay as they are. A FOLDER
with a file, change, commit or experiment of one's own is left alone.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo
from ruamel.yaml import YAML

from pipeline.common.paths import PLOTS, RAW_DIGITS, RAW_MASKS, SOURCE
from pipeline.common.storage import read_json
from pipeline.evaluation.tables import CLASS_ACCURACY, read_csv
from stages.write_report.contents import name_samples
from tools import lanes

ROOT = Path(__file__).parent.parent
OVERRIDES = Path("quick.yaml")
RESULTS = ("dvc.lock", "metrics", "plots")
NUMBERS_OF = ("mlp/h64_32", "cnn/final", "cnn/weighted")
EMAIL = "quick@localhost"  # of the commits that this makes
STARTED, ENDED = "The quick profile", "Results of the quick profile"  # their messages
# What a run leaves beside the outputs of its stages: DVC's files, caches, and what a killed stage had begun.
BESIDE_OUTPUTS = re.compile(
    r"dvc\.lock$|dvc_plots/index\.html$|\.dvc/(cache|tmp)/|\.cache/figures/|\.venv/|.*\.part(/|$)"
    r"|\.(pytest|ruff|mypy)_cache/|\.hypothesis/|(.*/)?__pycache__/"
)


def merge(values: Any, changes: dict[str, Any]) -> None:
    """Change `values` in place, mappings key by key. What is None is removed; no mapping is added."""
    for key, change in changes.items():
        if change is None:
            take_out(values, key)
        elif not isinstance(change, dict):
            values[key] = change
        elif isinstance(values.get(key), dict):
            merge(values[key], change)


def take_out(values: Any, key: str) -> None:
    """Remove a key. If it is a run, those that are `like` it take over what it was set to."""
    gone = values.pop(key, None)
    for other in values.values():
        if isinstance(gone, dict) and isinstance(other, dict) and other.get("like") == key:
            del other["like"]
            for name, value in gone.items():
                other.setdefault(name, value)


def shrink(params: Any, *changes: dict[str, Any]) -> None:
    """Merge all changes into `params`, and remove the latent figures of runs that are gone."""
    for each in changes:
        merge(params, each)
    for name, figure in list(params["project_latents"].items()):
        if figure["run"] not in params["mlp"]["runs"]:
            del params["project_latents"][name]


def project_files() -> list[Path]:
    """The project's own files, as they are in the working tree, without results and ignored files."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        sys.exit(f"quick: {ROOT} has to be a clone by git: {listed.stderr.strip()}")
    paths = [Path(name) for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.parts[0] not in RESULTS and (ROOT / path).is_file()]


def make_workspace(folder: Path, changes: dict[str, Any] | None = None) -> None:
    """A git repository in `folder`, which must not exist, with the project's files and small settings.

    They are those of quick.yaml, then `changes`.
    """
    for path in project_files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, folder / path)
    yaml = YAML()
    params = yaml.load(folder / "params.yaml")
    shrink(params, YAML(typ="safe").load(folder / OVERRIDES), changes or {})
    yaml.dump(params, folder / "params.yaml")
    commit(folder, STARTED)


def commit(folder: Path, message: str) -> None:
    """Commit all of `folder`, since experiments start from a commit; works without a git identity."""
    identity = ["-c", "user.name=quick", "-c", f"user.email={EMAIL}", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    subprocess.run(["git", *identity, "commit", "--quiet", "--message", message], cwd=folder, check=True)


def environment() -> dict[str, str]:
    """The environment of this process, with this Python first on the path, since DVC calls `python`."""
    return dict(os.environ) | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def run(folder: Path) -> None:
    """Run every stage in `folder`, make DVC's page of plots, and commit the results."""
    if not lanes.run(folder):
        sys.exit(f"quick: the pipeline failed in {folder}; the message is above")
    plots = [sys.executable, "-m", "dvc", "plots", "show"]
    subprocess.run(plots, cwd=folder, env=environment(), stdout=subprocess.DEVNULL, check=True)
    commit(folder, ENDED)


def is_a_quick_run(folder: Path) -> bool:
    """Whether a quick run made all that the folder holds: each file as it is, also one that git ignores, and
    each commit, branch, tag, stash and experiment.

    Of a run that did not end, every file in the outputs of its stages counts as made by it. Where git or DVC
    refuses to say, as in a folder of another user, the folder counts as a person's.
    """

    def git(*arguments: str) -> list[str]:
        command = ["git", *arguments]
        finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        return finished.stdout.replace("\0", "\n").splitlines()

    if not (folder / OVERRIDES).is_file() or not (folder / ".git").is_dir():
        return False
    try:
        authors, refs = set(git("log", "--all", "--format=%ae")), git("for-each-ref")
        ended = ENDED in git("log", "--format=%s")
        changed = git("status", "--porcelain", f"--untracked-files={'all' if ended else 'no'}")
        others = [Path(name) for name in git("ls-files", "--others", "-z")]  # that git ignores, too
        with Repo(str(folder)) as repo:
            outputs = [Path(output.fs_path).relative_to(repo.root_dir) for output in repo.index.outs]
            changed += repo.data_status(granular=True)["uncommitted"] if ended else []
    except (subprocess.CalledProcessError, DvcException):
        return False
    foreign = [
        path
        for path in others
        if not BESIDE_OUTPUTS.match(path.as_posix())
        and not any(path.is_relative_to(output) for output in outputs)
    ]
    return authors == {EMAIL} and len(refs) == 1 and not (changed or foreign)


def numbers(folder: Path) -> str:
    """Three numbers, each with what it is; none if a run that they are of was removed from params.yaml."""
    files = {run: folder / f"metrics/{run}.json" for run in NUMBERS_OF}
    if not all(file.is_file() for file in files.values()):
        return ""

    def accuracy(run: str) -> float:
        return float(read_json(files[run])["test_accuracy"])

    digits, classes = (
        read_csv(folder / PLOTS / part / CLASS_ACCURACY, dtype={"class": str}) for part in ("mlp", "cnn")
    )
    numerals = f"{name_samples(digits['class'])}s"
    test = classes[classes.split == "test"].set_index(["run", "class"])
    sizes = test.samples["final"]
    largest, rarest = sizes.max() / sizes.sum(), sizes[sizes > 0].idxmin()
    usual, weighted = (f"{float(test.accuracy[run, rarest]):.0%}" for run in ("final", "weighted"))
    return f""" On the test sets
  {numerals:<10} {accuracy("mlp/h64_32"):.1%} are right with the MLP of [64, 32] units
  faces      {accuracy("cnn/final"):.1%} with the CNN; naming the largest class would be {largest:.1%}
  rarest     {usual} of the faces of class {rarest} are found, and {weighted} with the weighted sampler"""


def summary(folder: Path) -> str:
    """Three numbers, two pages, and what to try next."""
    sources = [read_json(folder / raw / SOURCE)["source"] for raw in (RAW_DIGITS, RAW_MASKS)]
    data = "synthetic data" if set(sources) == {"synthetic"} else "your data"
    return f"""
Every stage has run in {folder}/, on {data}, with fewer runs and epochs than the report.{numbers(folder)}
Open
  {folder}/report/index.html       the report: every figure and claim with its verdict
  {folder}/dvc_plots/index.html    the plots, as DVC shows them
Next, change one thing:
  cd {folder} && source {os.path.relpath(Path(sys.prefix, "bin/activate"), folder.resolve())}
  dvc exp run -S mlp.runs.custom.hidden=[100,50] && dvc metrics diff
The whole report is `make repro`."""


def main(target: str = "quick") -> None:
    lanes.forget_git_variables()
    if target.startswith("-"):
        sys.exit(__doc__)
    folder = Path(target)
    if folder.exists():
        if not is_a_quick_run(folder):
            sys.exit(f"quick: {folder} holds something of your own, and is left alone; name another folder")
        shutil.rmtree(folder)
    try:
        make_workspace(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # half of it would count as a person's
        raise
    run(folder)
    print(summary(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
