"""What docstrings and the README show, as it is."""

import doctest
import importlib
import re

import pytest

from tests.conftest import ROOT, project_params

MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for folder in ("pipeline", "stages", "tools")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if ">>> " in path.read_text()
]


@pytest.mark.parametrize("module", MODULES)
def test_examples_give_what_they_show(module):
    tried = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert tried.attempted and not tried.failed


@pytest.mark.parametrize(
    "page", ["README.md", "docs/scaling.md", "docs/real-data.md", "docs/trust.md", "docs/dvc.md"]
)
def test_settings_in_commands_are_there(page):
    """DVC refuses to change one that is not in params.yaml, unless a + is before it."""
    for plus, dotted in re.findall(r"-S '?(\+?)([a-z_0-9.]+)=", (ROOT / page).read_text()):
        found = project_params()
        *sections, key = dotted.split(".")
        for name in sections:
            found = found[name]
        assert (key in found) is not bool(plus), f"{page}: {plus}{dotted}"
