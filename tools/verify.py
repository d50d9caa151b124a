"""Reproduce the committed results from nothing, and say what differs.

    python -m tools.verify            clones HEAD into a temporary folder, runs every stage there
    python -m tools.verify --here     compares the results of the last `dvc repro` in this folder instead

On a processor with AVX2 dvc.lock is the same, byte for byte. Another processor rounds differently, and a
training amplifies the difference until it may be as if it had drawn other random numbers. So a score may
differ about as much as replicates do; more than SPREADS times its spread is an error, with exit status 1.
docs/trust.md explains the tolerance.
"""

import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import pandas as pd
from ruamel.yaml import YAML

from pipeline.common.paths import FINDINGS
from tools import lanes

SCORES = ("plots/mlp/runs.csv", "plots/cnn/runs.csv")
CLAIMS = str(FINDINGS)
LOCK = "dvc.lock"
SPREADS = 6

Scores = dict[str, dict[str, float]]  # run: score: value


class Difference(NamedTuple):
    """A score that moved; `allowed` is how far it may."""

    name: str
    committed: float
    fresh: float
    allowed: float

    def is_error(self) -> bool:
        return abs(self.fresh - self.committed) > self.allowed

    def __str__(self) -> str:
        moved = f"{self.name}: {self.committed:g} committed, {self.fresh:g} now"
        return f"{moved}, moved by {self.fresh - self.committed:+.3g}, allowed {self.allowed:.3g}"


def committed(folder: Path, path: str) -> str:
    """The text of a file at HEAD."""
    shown = subprocess.run(["git", "show", f"HEAD:{path}"], cwd=folder, capture_output=True, text=True)
    if shown.returncode:
        sys.exit(f"verify: {path} is not committed in {folder.absolute()}: {shown.stderr.strip()}")
    return shown.stdout


def fresh(folder: Path, path: str) -> str:
    """The text of a file in the working tree."""
    if not (folder / path).is_file():
        sys.exit(f"verify: {folder / path} is missing; dvc repro makes it")
    return (folder / path).read_text(encoding="utf-8")


def read_scores(text: str) -> Scores:
    """The text of a runs.csv; a score without a value is left out."""
    table = pd.read_csv(StringIO(text), index_col="run", keep_default_na=False, na_values=[""])
    return {str(run): row.dropna().to_dict() for run, row in table.iterrows()}


def spread(score: str, run: str, before: Scores, after: Scores) -> float:
    """How much the replicates of a score differ: the deviation of the run, before or after.

    Few replicates may be close by chance, so it is at least the deviation that is usual for this score:
    the median over all runs of deviation divided by mean, times the mean.
    """
    deviation = f"{score}_std"
    shares = [r[deviation] / abs(r[score]) for r in before.values() if r.get(deviation) and r[score]]
    usual = median(shares) * abs(before[run][score]) if shares else 0.0
    return max(usual, before[run].get(deviation, 0.0), after[run].get(deviation, 0.0))


def compare(before: Scores, after: Scores) -> list[Difference]:
    """Every score that is not the same, without the deviations."""
    differences = []
    for run, scores in before.items():
        for score, value in scores.items():
            if not score.endswith("_std") and after[run][score] != value:
                allowed = SPREADS * spread(score, run, before, after)
                differences.append(Difference(f"{run}.{score}", value, after[run][score], allowed))
    return differences


def same_names(before: Scores, after: Scores) -> bool:
    """Whether both have the same runs, each with the same scores."""
    return {run: set(before[run]) for run in before} == {run: set(after[run]) for run in after}


def outputs(lock: str) -> dict[str, Any]:
    """The checksum of every output in the text of a dvc.lock, with its stage."""
    stages = YAML(typ="safe", pure=True).load(lock)["stages"]
    return {f"{name}: {out['path']}": out["md5"] for name, stage in stages.items() for out in stage["outs"]}


def check_lock(folder: Path) -> None:
    """Say whether dvc.lock is the committed one, and which outputs are not."""
    texts = [committed(folder, LOCK), fresh(folder, LOCK)]
    if texts[0] == texts[1]:
        print("dvc.lock: identical, so every file is, byte for byte")
        return
    before, after = map(outputs, texts)
    others = [name for name in before if after.get(name) != before[name]]
    print(f"dvc.lock: differs; of {len(before)} outputs {len(others)} have other bytes")
    for name in others:
        print(f"  {name}")


def check_claims(folder: Path) -> None:
    """Name the claims with another verdict; no error, since one may be at the edge of its tolerance."""
    before, after = (
        pd.read_csv(StringIO(read(folder, CLAIMS)), index_col="id").verdict.to_dict()
        for read in (committed, fresh)
    )
    turned = [name for name in before if before[name] != after.get(name)]
    print(f"{CLAIMS}: {len(turned)} of {len(before)} verdicts differ")
    for name in turned:
        print(f"  {name}: {before[name]} committed, {after.get(name)} now")


def check_scores(folder: Path, path: str) -> bool:
    """Name the scores that differ; return whether all are within the tolerance."""
    before, after = (read_scores(read(folder, path)) for read in (committed, fresh))
    if not same_names(before, after):
        print(f"{path}: not the same runs and scores as committed")
        return False
    differences = compare(before, after)
    errors = [difference for difference in differences if difference.is_error()]
    count = sum(not score.endswith("_std") for scores in before.values() for score in scores)
    print(f"{path}: of {count} scores {len(differences)} differ, {len(errors)} by more than is allowed")
    for difference in differences:
        print(f"  {'ERROR ' if difference.is_error() else ''}{difference}")
    return not errors


def check(folder: Path) -> bool:
    """Compare what is in `folder` with what is committed there; return whether it is as promised."""
    check_lock(folder)
    within = [check_scores(folder, path) for path in SCORES]
    check_claims(folder)
    return all(within)


def main(*arguments: str) -> None:
    if arguments == ("--here",):
        sys.exit(not check(Path(".")))
    if arguments:
        sys.exit("verify: the only option is --here")
    with tempfile.TemporaryDirectory(prefix="verify-") as name:
        folder = Path(name, "clone")
        subprocess.run(["git", "clone", "--quiet", ".", str(folder)], check=True)
        if not lanes.run(folder, ["--force"]):  # also what the commit has the results of
            sys.exit("verify: the pipeline failed; the message is above")
        sys.exit(not check(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
