"""List the experiments of the last commit, newest first: what each changed, and the scores that moved.

    python -m tools.experiments [--all-commits]

`dvc exp show` has a column for every setting and every score of every run. This reads the same, and fits
WIDTH columns: of each experiment the settings that differ from those of its commit, as `-S` takes them, and
the test scores that differ, each with its difference.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from itertools import zip_longest
from pathlib import PurePosixPath
from textwrap import shorten
from typing import Any

SCORES = ("test_accuracy", "recall")
WIDTH, NAMES, CHANGES = 120, 31, 41  # characters, of a line and of its first two columns
MOST = 5  # lines of an experiment in one column
FLOW = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def flatten(values: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each setting as the name that `-S` takes and its value as YAML reads it."""
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from flatten(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, values if isinstance(values, str) else FLOW.encode(values)


def settings_of(state: dict[str, Any]) -> dict[str, str]:
    """The settings of a commit or an experiment in params.yaml."""
    return dict(flatten(state["params"].get("params.yaml", {}).get("data", {})))


def scores_of(state: dict[str, Any]) -> dict[str, float]:
    """Its test scores, such as "cnn final recall"."""
    found = {}
    for file, content in (state["metrics"] or {}).items():
        path = PurePosixPath(file)
        for score in SCORES:
            if (value := (content.get("data") or {}).get(score)) is not None:
                found[f"{path.parent.name} {path.stem} {score}"] = float(value)
    return found


def list_changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Settings that differ, and those that are no longer there."""
    changed = [f"{name}={value}" for name, value in after.items() if before.get(name) != value]
    return changed + [f"~{name}" for name in before.keys() - after.keys()]


def list_scores(before: dict[str, float], after: dict[str, float]) -> list[str]:
    """Scores that differ, the largest difference first, and those of new runs before them."""
    moved = {name: after[name] - before[name] for name in after if name in before}
    new = [f"{name} {after[name]:.4f}" for name in after if name not in before]
    order = sorted((name for name in moved if moved[name]), key=lambda name: -abs(moved[name]))
    return new + [f"{name} {after[name]:.4f} ({moved[name]:+.4f})" for name in order]


def columns_of(experiment: dict[str, Any], commit: dict[str, Any]) -> tuple[str, list[list[str]]]:
    """When an experiment was made, and its lines in each column."""
    state = experiment["revs"][0]
    name, data = experiment["name"] or state["rev"][:7], state["data"]
    if data is None:
        said = (state["error"] or {}).get("msg") or "DVC cannot read it"
        return "", [[name], [], [shorten(said, WIDTH - NAMES - CHANGES)]]
    match (experiment["executor"] or {}).get("state", "").lower():
        case "queued" | "running" as status:  # DVC gives it the scores of its commit
            scores = [status]
        case "failed":
            scores = [f"failed: dvc queue logs {name}"]
        case _:
            scores = list_scores(scores_of(commit), scores_of(data)) or ["no test score moved"]
    when = str(datetime.fromisoformat(data["timestamp"]))[:16]
    return when, [
        [f"{name:13} {when}"],
        list_changes(settings_of(commit), settings_of(data)) or ["nothing"],
        scores,
    ]


def lines_of(columns: list[list[str]]) -> Iterator[str]:
    """The lines of an experiment, its columns beside each other and at most MOST lines long."""
    widths = (NAMES, CHANGES, WIDTH - NAMES - CHANGES)
    cut = [
        each if len(each) <= MOST else [*each[: MOST - 1], f"and {len(each) - MOST + 1} more"]
        for each in columns
    ]
    for row in zip_longest(*cut, fillvalue=""):
        cells = (
            text if len(text) < width else f"{text[: width - 2]}…"
            for text, width in zip(row, widths, strict=True)
        )
        yield "".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser("python -m tools.experiments", description=__doc__.split("\n")[0])
    parser.add_argument("--all-commits", action="store_true", help="those of every commit")
    given = parser.parse_args(arguments)
    command = [
        sys.executable,
        "-m",
        "dvc",
        "exp",
        "show",
        "--json",
        *(["--all-commits"] if given.all_commits else []),
    ]
    shown = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if shown.returncode:
        sys.exit(shown.returncode)  # DVC has said why
    found = [
        columns_of(experiment, commit["data"])
        for commit in json.loads(shown.stdout)
        if commit["data"]
        for experiment in commit["experiments"] or []
    ]
    if not found:
        sys.exit("experiments: there are none; dvc exp run makes one, and --all-commits lists older ones")
    print("\n".join(lines_of([["experiment    made"], ["changed"], ["test scores (and what they gained)"]])))
    for _, columns in sorted(found, key=lambda each: each[0], reverse=True):
        print("\n".join(lines_of(columns)))


if __name__ == "__main__":
    main(sys.argv[1:])
