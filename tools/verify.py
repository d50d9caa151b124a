"""Reproduce the committed results from nothing, and say what differs.

    python -m tools.verify            clones HEAD into a temporary folder, runs every stage there
    python -m tools.verify --here     compares the results of the last `dvc repro` in this folder instead

On a processor with AVX2 dvc.lock is the same, byte for byte. Another processor rounds differently, and a
training amplifies the difference until it may be as if it had drawn other random numbers. So a score may
differ about as much as replicates do; more than SPREADS times its spread is an error, with exit status 1.
docs/trust.md explains the tolerance.
"""

import argparse
import subprocess
import sys
import tempfile
from contextlib import chdir
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
from dvc.repo import Repo
from ruamel.yaml import YAML

from pipeline.common.paths import FINDINGS
from tools import lanes

SCORES = ("plots/mlp/runs.csv", "plots/cnn/runs.csv")
SPREADS = 6


def texts(folder: Path, path: str) -> tuple[str, str]:
    """The text of a file at HEAD, and in the working tree."""
    shown = subprocess.run(["git", "show", f"HEAD:{path}"], cwd=folder, capture_output=True, text=True)
    if shown.returncode:
        sys.exit(f"verify: {path} is not committed in {folder.absolute()}: {shown.stderr.strip()}")
    if not (folder / path).is_file():
        sys.exit(f"verify: {folder / path} is missing; dvc repro makes it")
    return shown.stdout, (folder / path).read_text(encoding="utf-8")


def outputs(lock: str) -> dict[str, str]:
    """The checksum of every output in the text of a dvc.lock, by its path."""
    stages = YAML(typ="safe", pure=True).load(lock)["stages"].values()
    return {out["path"]: out["md5"] for stage in stages for out in stage["outs"]}


def outputs_now(folder: Path) -> list[str]:
    """The outputs of dvc.yaml; dvc.lock keeps those of runs that were removed too."""
    with chdir(folder), Repo() as repo:
        return [out.def_path for out in repo.index.outs]


def check_outputs(folder: Path) -> None:
    """Say whether dvc.lock is the committed one, and which outputs are not; end where some are not there."""
    before, after = texts(folder, "dvc.lock")
    paths = outputs_now(folder)
    if missing := [path for path in paths if not (folder / path).exists()]:
        sys.exit(
            f"verify: {len(missing)} of the {len(paths)} outputs are not here, such as {missing[0]}; "
            "dvc repro makes them"
        )
    if before == after:
        print("dvc.lock: identical, so every file is, byte for byte")
        return
    expected, found = outputs(before), outputs(after)
    others = [path for path in expected if found.get(path) != expected[path]]
    print(f"dvc.lock: differs; of {len(expected)} outputs {len(others)} have other bytes")
    for path in others:
        print(f"  {path}")


def read_scores(text: str) -> pd.DataFrame:
    """The text of a runs.csv: a row for each run, a column for each score and for each deviation."""
    return pd.read_csv(StringIO(text), index_col="run", keep_default_na=False, na_values=[""])


def compare(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """A row for each score of each run that is not the same: `committed`, `now`, and how far it is `allowed`
    to move, SPREADS times its spread.

    The spread is the deviation over replicates, before or after. Few replicates may be close by chance, so it
    is at least the deviation that is usual for this score: the median over all runs of deviation divided by
    mean, times the mean.
    """
    scores = [name for name in before if not name.endswith("_std")]
    deviations = [f"{name}_std" for name in scores]
    own, others = (
        table.reindex(columns=deviations).set_axis(scores, axis="columns").fillna(0)
        for table in (before, after)
    )
    means = before[scores].abs()
    usual = (own / means).where((own > 0) & (means > 0)).median() * means
    allowed = SPREADS * np.fmax(usual, np.maximum(own, others))
    columns = {"committed": before[scores], "now": after[scores], "allowed": allowed}
    table = pd.DataFrame({name: values.stack() for name, values in columns.items()}).dropna()
    return table[table.committed != table.now]


def check_scores(folder: Path, path: str) -> bool:
    """Name the scores that differ; return whether all are within the tolerance."""
    before, after = map(read_scores, texts(folder, path))
    if not before.notna().equals(after.notna()):
        print(f"{path}: not the same runs and scores as committed")
        return False
    moved = compare(before, after)
    moves = moved.now - moved.committed
    errors = moves.abs() > moved.allowed
    count = before.filter(regex="(?<!_std)$").count().sum()
    print(f"{path}: of {count} scores {len(moved)} differ, {errors.sum()} by more than is allowed")
    for (run, score), row in moved.iterrows():
        mark = "ERROR " if errors[run, score] else ""
        print(f"  {mark}{run}.{score}: {row.committed:g} committed, {row.now:g} now, ", end="")
        print(f"moved by {moves[run, score]:+.3g}, allowed {row.allowed:.3g}")
    return not errors.any()


def check_claims(folder: Path) -> None:
    """Name the claims with another verdict; no error, since one may be at the edge of its tolerance."""
    claims = [pd.read_csv(StringIO(text), index_col="id") for text in texts(folder, str(FINDINGS))]
    before, after = (table.verdict.to_dict() for table in claims)
    turned = [name for name in before if before[name] != after.get(name)]
    print(f"{FINDINGS}: {len(turned)} of {len(before)} verdicts differ")
    for name in turned:
        print(f"  {name}: {before[name]} committed, {after.get(name)} now")


def check(folder: Path) -> bool:
    """Compare what is in `folder` with what is committed there; return whether it is as promised."""
    check_outputs(folder)
    within = [check_scores(folder, path) for path in SCORES]
    check_claims(folder)
    return all(within)


def main(*arguments: str) -> None:
    lanes.forget_git_variables()
    parser = argparse.ArgumentParser("python -m tools.verify", description=__doc__.split("\n")[0])
    parser.add_argument("--here", action="store_true", help="compare what the last dvc repro left here")
    if parser.parse_args(arguments).here:
        sys.exit(not check(Path(".")))
    with tempfile.TemporaryDirectory(prefix="verify-") as name:
        folder = Path(name, "clone")
        subprocess.run(["git", "clone", "--quiet", ".", str(folder)], check=True)
        if not lanes.run(folder, ["--force"]):  # also what the commit has the results of
            sys.exit("verify: the pipeline failed; the message is above")
        sys.exit(not check(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
