"""Tables of runs that cannot be made."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pipeline.common.paths import DIGITS
from pipeline.digits.prepared import Digits, save_digits
from pipeline.report.changes import CHANGES
from tests.bad_input.test_parameters import ROOT
from tests.making import IMAGES, LABELS, Project, Refused


def put_digits(folder: Path) -> None:
    digits = Digits(IMAGES, LABELS)
    (folder / DIGITS).parent.mkdir(exist_ok=True)
    save_digits(folder / DIGITS, {"train": digits, "test": digits})


TABLES: dict[str, tuple[Any, str]] = {
    "unknown run": ({"T1": ["custom", "mine"]}, "mlp.tables.T1 names the run 'mine'; the runs are custom"),
    "no run": ({"T1": []}, "mlp.tables.T1 is []; it must list runs, as in [final]"),
    "a run twice": (
        {"T1": ["custom", "custom"]},
        "mlp.tables.T1 names the run 'custom' twice",
    ),
    "a table that leads elsewhere": (
        {"../../T1": ["custom"]},
        "mlp.tables: '../../T1' cannot be the name of a table; use one such as T15",
    ),
    "a table with the name of what is in none": (
        {"others": ["custom"]},
        "mlp.tables: 'others' cannot be the name of a table; use one such as T15",
    ),
    "a number for a table": (
        {1: ["custom"]},
        "mlp.tables: 1 cannot be the name of a table; use one such as T15",
    ),
    "a list of tables": (["T1"], "params.yaml: `mlp.tables` must hold lists of runs, as T1: [final]"),
    "a run instead of a list": (
        {"T1": "custom"},
        "mlp.tables.T1 is 'custom'; it must list runs, as in [final]",
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_tables(project: Project, refused: Refused, case: str) -> None:
    tables, message = TABLES[case]
    put_digits(project({"mlp.runs": {"custom": {}}, "mlp.tables": tables}))
    refused("evaluate_mlp", message)


PARAMS = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")
COMPARED = [
    f"{part}.runs.{run}"
    for part in ("mlp", "cnn")
    for run in PARAMS[part]["runs"]
    if any(each == part and run in pair for each, *pair, _ in CHANGES)
]
SHOWN = [f"{part}.tables.{table}" for part in ("mlp", "cnn") for table in PARAMS[part]["tables"]]


@pytest.mark.parametrize("removed", [COMPARED[0], COMPARED[-1], SHOWN[0], SHOWN[-1]])
def test_what_the_page_compares_is_missed_by_name(project: Project, refused: Refused, removed: str) -> None:
    part, section, name = removed.split(".")
    rest = {key: value for key, value in PARAMS[part][section].items() if key != name}
    project({f"{part}.{section}": rest})
    refused("write_report", f"params.yaml has no {removed}, which the report's page compares")


TOO_SHORT: dict[str, tuple[list[str], str]] = {
    "one run": (["final"], "hidden"),
    "alike in hidden": (["h512_256", "scaled"], "hidden"),
    "alike in batch_size": (["h512_256", "h64_32"], "batch_size"),
}


@pytest.mark.parametrize("case", TOO_SHORT)
def test_a_table_without_a_difference(project: Project, refused: Refused, case: str) -> None:
    runs, key = TOO_SHORT[case]
    table = {"hidden": "T2", "batch_size": "T4"}[key]
    project({f"mlp.tables.{table}": runs})
    refused(
        "write_report",
        f"params.yaml: the runs of mlp.tables.{table} must differ in {key}, by which the report's page "
        "compares them",
    )
