"""What the tests share: the project's folder, a project of their own to run stages in, and the real data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from ruamel.yaml import YAML

# No test has a time limit of its own: a busy machine is no fault of the code.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the real data sets, which are never part of the project."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not here ({folder})")
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], Path]:
    """project({"data.digits": "x"}) enters an empty folder with params.yaml so changed."""
    yaml = YAML(typ="safe", pure=True)

    def make(changes: dict[str, Any]) -> Path:
        params = yaml.load(ROOT / "params.yaml")
        for dotted, value in changes.items():
            *sections, key = dotted.split(".")
            target = params
            for name in sections:
                target = target[name]
            target[key] = value
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        yaml.dump(params, folder / "params.yaml")
        monkeypatch.chdir(folder)
        return folder

    return make
