"""dvc.yaml against the code: a stage depends on the modules that can change its results, and on no other."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.common import paths

ROOT = Path(__file__).parent.parent
PIPELINE = YAML(typ="safe").load(ROOT / "dvc.yaml")
STAGES = {name: stage.get("do", stage) for name, stage in PIPELINE["stages"].items()}

# Modules that a stage imports and does not depend on, with the reason: no result changes with them.
EXEMPT = {
    "pipeline/runtime/compute.py": "how work is spread over processes; results are the same for any number",
    "pipeline/runtime/files.py": "how a file replaces another, and what is said of a damaged one",
    "pipeline/common/paths.py": "dvc.yaml states the same paths",
    "pipeline/runtime/process.py": "how a stage starts, and how it ends with an error",
    "pipeline/runtime/settings.py": "which settings are refused, and in what words; their values are params",
    "pipeline/sources/downloads.py": "how a file comes over the network; its content is the source's own",
    "pipeline/runtime/progress.py": "what a training shows; it ends or goes on, with the same numbers",
    "pipeline/training/refusals.py": "what is said of settings that a training finds impossible",
    "pipeline/training/replicates.py": "which process trains which replicate, with settings that are params",
    **{
        f"pipeline/{room}/settings.py": "which settings are refused; their values are params or files"
        for room in ("digits", "evaluation", "masks", "sources", "training")
    },
}


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


def all_imported_modules(path: Path) -> set[Path]:
    """The same, and what those import in turn; with the module itself."""
    seen, waiting = set(), [path, *imported_modules(ROOT / "pipeline/__init__.py")]
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += imported_modules(ROOT / module)
    return seen


def modules_in(deps: list[str]) -> set[Path]:
    """The modules among dependencies, those in folders too."""
    modules = {Path(dep) for dep in deps if dep.endswith(".py")}
    for dep in deps:
        if dep.startswith("pipeline/") and (ROOT / dep).is_dir():
            modules |= {path.relative_to(ROOT) for path in (ROOT / dep).rglob("*.py")}
    return {module for module in modules if module.name != "__init__.py"}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_the_modules_it_imports_but_for_the_exempt(name):
    assert STAGES[name]["cmd"].startswith(f"python -m stages.{name}")
    imported = all_imported_modules(Path("stages", f"{name}.py"))
    assert modules_in(STAGES[name]["deps"]) == imported - {Path(module) for module in EXEMPT}


@pytest.mark.parametrize("name", ["train_mlp", "train_cnn"])
def test_no_module_that_a_training_depends_on_has_the_text_of_an_error(name):
    """Else a changed text would retrain."""
    for module in modules_in(STAGES[name]["deps"]):
        assert "pipeline.runtime.settings.InputError" not in imported_names(ROOT / module), module


def test_every_exempt_module_is_imported_by_a_stage():
    imported = set().union(*(all_imported_modules(Path("stages", f"{name}.py")) for name in STAGES))
    assert {Path(module) for module in EXEMPT} <= imported


def test_every_stage_module_is_a_stage_with_a_description():
    modules = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__"}
    assert modules == set(STAGES)
    assert all(stage["desc"] for stage in STAGES.values())


def test_packages_hold_nothing_that_a_dependency_would_miss():
    for path in [*(ROOT / "stages").rglob("__init__.py"), *(ROOT / "pipeline").rglob("__init__.py")]:
        nodes = list(ast.walk(ast.parse(path.read_text())))
        assert not [node for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign)]
        pinning = {Path("pipeline/common/numerics.py")} if path.parent.name == "pipeline" else set()
        assert imported_modules(path) == pinning, path


def test_the_code_has_the_paths_of_dvc_yaml():
    stated = {
        path
        for stage in STAGES.values()
        for kind in ("deps", "outs", "metrics")
        for path in names_in(stage, kind)
    }
    for name, path in vars(paths).items():
        if isinstance(path, Path) and path.parts[0] == "data":
            assert any(
                str(path) == each or each.startswith(f"{path}/") or str(path).startswith(f"{each}/")
                for each in stated
            ), name


def names_in(stage, kind):
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in stage.get(kind, [])]


def test_nothing_depends_on_how_the_work_is_spread_out():
    params = [key for stage in STAGES.values() for key in stage.get("params", [])]
    assert not [key for key in params if key.startswith("compute")]


def test_no_stage_of_one_wing_reads_the_other():
    digits = {"fetch_digits", "prepare_digits", "train_mlp", "evaluate_mlp", "project_latents"}
    of_both = {"check_settings", "check_claims", "write_report"}
    for name in STAGES.keys() - of_both:
        stage = STAGES[name]
        other = ("data.masks", "crop", "cnn") if name in digits else ("data.digits", "prepare_digits", "mlp")
        reads = {*stage["params"]} | {dep for dep in stage["deps"] if not dep.endswith(".py")}
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
    for_developers = ROOT / "tools/plots_page.py"
    modules = [path for room in ("pipeline", "stages", "tools") for path in (ROOT / room).rglob("*.py")]
    names = {n.split(".")[0] for path in modules if path != for_developers for n in imported_names(path)}
    packages = names - sys.stdlib_module_names - {"pipeline", "stages", "tools"}
    distributions = packages_distributions()
    missing = {p for p in packages if not declared.intersection(map(str.lower, distributions[p]))}
    assert not missing
