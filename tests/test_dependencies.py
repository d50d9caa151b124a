"""dvc.yaml against the code: a stage depends on the folders that it imports, and on what it reads."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.common import paths
from tests.conftest import ROOT

PIPELINE = YAML(typ="safe").load(ROOT / "dvc.yaml")
STAGES = {name: stage.get("do", stage) for name, stage in PIPELINE["stages"].items()}
ROOMS = {path.parent.name for path in (ROOT / "pipeline").glob("*/__init__.py")}
RUNTIME = "pipeline/runtime"  # how a stage runs, never what comes out


def imported_names(path: Path) -> set[str]:
    """The dotted names that a module imports anywhere in its text, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively, which this test does not follow"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def imported_modules(path: Path) -> set[Path]:
    """The project's modules that a module imports."""
    candidates = {Path(*name.split(".")).with_suffix(".py") for name in imported_names(path)}
    return {candidate for candidate in candidates if (ROOT / candidate).is_file()}


def modules_of(folder: str) -> list[Path]:
    return [path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.py")]


def imported_folders(folder: str) -> set[str]:
    """The folders of stages/ and pipeline/ with the modules that a folder imports, or that these import."""
    seen, waiting = (
        set(),
        [*modules_of(folder), Path("pipeline/common/numerics.py")],
    )  # by pipeline/__init__.py
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += imported_modules(ROOT / module)
    return {"/".join(module.parts[:2]) for module in seen}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_the_folders_that_it_imports(name):
    assert STAGES[name]["cmd"].split()[:3] == ["python", "-m", f"stages.{name}"] and STAGES[name]["desc"]
    code = {dep for dep in STAGES[name]["deps"] if dep.startswith(("stages", "pipeline"))}
    if name == "check_settings":
        assert code == {"stages", "pipeline"}
    else:
        assert code == imported_folders(f"stages/{name}") - {RUNTIME}


def test_every_folder_of_stages_is_a_stage():
    assert {path.parent.name for path in (ROOT / "stages").glob("*/__main__.py")} == set(STAGES)
    assert {path.parts[1] for path in modules_of("stages") if len(path.parts) > 2} == set(STAGES)


@pytest.mark.parametrize("name", STAGES)
def test_no_stage_imports_a_stage_but_to_check_its_settings(name):
    others = {
        module
        for path in modules_of(f"stages/{name}")
        for module in imported_modules(ROOT / path)
        if module.parts[0] == "stages" and module.parts[1] != name
    }
    assert {module.name for module in others} <= ({"settings.py"} if name == "check_settings" else set())


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_shared_room_imports_no_stage_and_only_the_rooms_below_it(room):
    below = {"runtime": {"common"}, "common": {"runtime"}}.get(room, {"runtime", "common"})
    for path in modules_of(f"pipeline/{room}"):
        for module in imported_modules(ROOT / path):
            assert module.parts[0] == "pipeline" and module.parts[1] in below | {room}, f"{path}: {module}"


def test_packages_hold_nothing_that_a_dependency_would_miss():
    for top in ("stages", "pipeline"):
        nodes = list(ast.walk(ast.parse((ROOT / top / "__init__.py").read_text())))
        assert not [node for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign)]
    assert imported_modules(ROOT / "stages/__init__.py") == set()
    assert imported_modules(ROOT / "pipeline/__init__.py") == {Path("pipeline/common/numerics.py")}


def test_the_code_has_the_paths_of_dvc_yaml():
    stated = {
        next(iter(entry)) if isinstance(entry, dict) else entry
        for stage in STAGES.values()
        for kind in ("deps", "outs", "metrics")
        for entry in stage.get(kind, [])
    }
    for name, path in vars(paths).items():
        if isinstance(path, Path) and path.parts[0] == "data":
            assert any(
                str(path) == each or each.startswith(f"{path}/") or str(path).startswith(f"{each}/")
                for each in stated
            ), name


def test_nothing_depends_on_how_the_work_is_spread_out():
    params = [key for stage in STAGES.values() for key in stage.get("params", [])]
    assert not [key for key in params if key.startswith("compute")]


def test_no_stage_of_one_wing_reads_the_other():
    digits = {"fetch_digits", "prepare_digits", "train_mlp", "evaluate_mlp", "project_latents"}
    of_both = {"check_settings", "check_claims", "write_report"}
    for name in STAGES.keys() - of_both:
        stage = STAGES[name]
        other = ("data.masks", "crop", "cnn") if name in digits else ("data.digits", "prepare_digits", "mlp")
        reads = {*stage.get("params", []), *stage["deps"]}
        assert not [key for key in reads if any(word in key for word in other)], name


def test_no_setting_has_a_name_that_the_run_cache_ignores():
    """DVC leaves `size` and its kind out of a run's key, wherever they stand, as if they were of a file."""
    ignored = {"size", "nfiles", "isexec", "version_id", "etag", "checksum", "remote", "hash"}

    def keys(values):
        if isinstance(values, dict):
            yield from values
            for value in values.values():
                yield from keys(value)

    assert not ignored & set(keys(YAML(typ="safe").load(ROOT / "params.yaml")))


def test_a_user_has_every_package_that_the_code_imports():
    """The suite itself runs with more packages than a user installs from requirements.txt."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[\[=>]", package)[0] for package in project["dependencies"]}
    for_developers = Path("tools/plots_page.py")
    modules = [path for top in ("pipeline", "stages", "tools") for path in modules_of(top)]
    names = {
        n.split(".")[0] for path in modules if path != for_developers for n in imported_names(ROOT / path)
    }
    packages = names - sys.stdlib_module_names - {"pipeline", "stages", "tools"}
    distributions = packages_distributions()
    missing = {p for p in packages if not declared.intersection(map(str.lower, distributions[p]))}
    assert not missing
