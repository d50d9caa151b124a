"""Tables of runs that cannot be made."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.common.digits import Digits, save_digits
from pipeline.common.paths import DIGITS
from tests.making import IMAGES, LABELS, Project, Refused


def put_digits(folder: Path) -> None:
    digits = Digits(IMAGES, LABELS)
    (folder / DIGITS).parent.mkdir(exist_ok=True)
    save_digits(folder / DIGITS, {"train": digits, "test": digits})


TABLES: dict[str, tuple[Any, str]] = {
    "unknown run": (
        {"T1": ["custom", "mine"]},
        "params.yaml: `mlp.tables.T1` names the run 'mine'; the runs are custom",
    ),
    "no run": ({"T1": []}, "params.yaml: `mlp.tables.T1` is []; it must list runs, as in [final]"),
    "a run twice": (
        {"T1": ["custom", "custom"]},
        "params.yaml: `mlp.tables.T1` names the run 'custom' twice",
    ),
    "a table that leads elsewhere": (
        {"../../T1": ["custom"]},
        "params.yaml: '../../T1' in `mlp.tables` cannot be the name of a table; use one such as T15",
    ),
    "a table with the name of what is in none": (
        {"others": ["custom"]},
        "params.yaml: 'others' in `mlp.tables` cannot be the name of a table; use one such as T15",
    ),
    "a number for a table": (
        {1: ["custom"]},
        "params.yaml: 1 in `mlp.tables` cannot be the name of a table; use one such as T15",
    ),
    "a list of tables": (["T1"], "params.yaml: `mlp.tables` must hold lists of runs, as T1: [final]"),
    "a run instead of a list": (
        {"T1": "custom"},
        "params.yaml: `mlp.tables.T1` is 'custom'; it must list runs, as in [final]",
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_tables(project: Project, refused: Refused, case: str) -> None:
    tables, message = TABLES[case]
    folder = project({"mlp.runs": {"custom": {}}, "mlp.tables": tables, "project_latents": {}})
    refused("check_settings", message)
    put_digits(folder)
    refused("evaluate_mlp", message)
