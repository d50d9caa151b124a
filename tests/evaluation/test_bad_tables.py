"""Tables in claims.yaml that cannot be made."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.common.digits import Digits, save_digits
from pipeline.common.paths import DIGITS
from tests.making import IMAGES, LABELS, Project, Refused


def put_digits(folder: Path) -> None:
    digits = Digits(IMAGES, LABELS)
    (folder / DIGITS).parent.mkdir(exist_ok=True)
    save_digits(folder / DIGITS, {"train": digits, "test": digits})


TABLES: dict[str, tuple[Any, str]] = {
    "no run": (
        {"T1": {"part": "mlp", "runs": []}},
        "`tables.T1.runs` is []: List should have at least 1 item after validation, not 0",
    ),
    "neither runs nor rows": ({"T1": {"part": "mlp"}}, "`tables.T1`: it must list `runs`, as in [final]"),
    "a run twice": (
        {"T1": {"part": "mlp", "runs": ["custom", "custom"]}},
        "`tables.T1`: it names the run 'custom' twice",
    ),
    "a row of another run": (
        {"T1": {"part": "mlp", "runs": ["custom"], "rows": {"final": {"epochs": 3}}}},
        "`tables.T1`: `rows` has the run 'final', which is not among its `runs`",
    ),
    "a table that leads elsewhere": (
        {"../../T1": {"part": "mlp", "runs": ["custom"]}},
        "`tables`: '../../T1' cannot be the name of a table; use one such as T15",
    ),
    "a table with the name of what is in none": (
        {"others": {"part": "mlp", "runs": ["custom"]}},
        "`tables`: 'others' cannot be the name of a table; use one such as T15",
    ),
    "a number for a table": (
        {1: {"part": "mlp", "runs": ["custom"]}},
        "`tables`: 1 cannot be the name of a table; use one such as T15",
    ),
    "a list of tables": (["T1"], "`tables` is ['T1']: Input should be a valid dictionary"),
    "a run instead of a list": (
        {"T1": {"part": "mlp", "runs": "custom"}},
        "`tables.T1.runs` is 'custom': Input should be a valid list",
    ),
}


def put_tables(folder: Path, tables: Any) -> None:
    claims = yaml.safe_load((folder / "claims.yaml").read_text())
    (folder / "claims.yaml").write_text(yaml.safe_dump(claims | {"tables": tables}))


@pytest.mark.parametrize("case", TABLES)
def test_tables(project: Project, refused: Refused, case: str) -> None:
    tables, message = TABLES[case]
    folder = project({"mlp.runs": {"custom": {}}, "project_latents": {}})
    put_tables(folder, tables)
    refused("check_settings", f"claims.yaml: {message}")
    put_digits(folder)
    refused("evaluate_mlp", f"claims.yaml: {message}")


def test_a_run_that_is_nowhere(project: Project, refused: Refused) -> None:
    folder = project({"mlp.runs": {"custom": {}}, "project_latents": {}})
    put_tables(folder, {"T1": {"part": "mlp", "runs": ["custom", "gone"]}})
    message = "`tables.T1` names the run 'gone', which neither `runs` nor params.yaml has"
    refused("check_settings", f"claims.yaml: {message}")


def test_a_file_that_holds_no_sections(project: Project, refused: Refused) -> None:
    folder = project({})
    (folder / "claims.yaml").write_text("- tables\n")
    refused(
        "evaluate_mlp", "claims.yaml must hold `tables`, `claims` and the other sections, as `key: value`"
    )
    (folder / "claims.yaml").unlink()
    refused("evaluate_mlp", f"there is no claims.yaml in {folder}; run from the project's folder")
