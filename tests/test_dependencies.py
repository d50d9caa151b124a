"""dvc.yaml against the code: a stage depends on every module of the project that it imports, and no other."""

import ast
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
PIPELINE = YAML(typ="safe").load(ROOT / "dvc.yaml")
STAGES = {name: stage.get("do", stage) for name, stage in PIPELINE["stages"].items()}


def imported_modules(path: Path) -> set[Path]:
    """The project's modules that a module imports anywhere in its text, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively, which this test does not follow"
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        candidates = [Path(*name.split(".")).with_suffix(".py") for name in names]
        found |= {candidate for candidate in candidates if (ROOT / candidate).is_file()}
    return found


def all_imported_modules(path: Path) -> set[Path]:
    """The same, and what those import in turn; with the module itself."""
    seen, waiting = set(), [path, *imported_modules(ROOT / "pipeline/__init__.py")]
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += imported_modules(ROOT / module)
    return seen


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_the_modules_it_imports(name):
    module = Path("stages", f"{name}.py")
    assert STAGES[name]["cmd"].startswith(f"python -m stages.{name}")
    declared = {Path(dep) for dep in STAGES[name]["deps"] if dep.endswith(".py")}
    assert declared == all_imported_modules(module)


def test_every_stage_module_is_a_stage():
    runnable = {path.stem for path in (ROOT / "stages").glob("*.py") if "run_stage(main" in path.read_text()}
    assert runnable - {"settings"} == set(STAGES)


def test_packages_hold_nothing_that_a_dependency_would_miss():
    for path in [*(ROOT / "stages").rglob("__init__.py"), *(ROOT / "pipeline").rglob("__init__.py")]:
        nodes = list(ast.walk(ast.parse(path.read_text())))
        assert not [node for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign)]
        pinning = {Path("pipeline/common/numerics.py")} if path.parent.name == "pipeline" else set()
        assert imported_modules(path) == pinning, path


def test_nothing_depends_on_how_the_work_is_spread_out():
    params = [key for stage in STAGES.values() for key in stage["params"]]
    assert not [key for key in params if key.startswith("compute")]


def test_the_two_wings_never_meet():
    digits = {"fetch_digits", "prepare_digits", "train_mlp", "evaluate_mlp", "project_latents"}
    after_both = {"check_claims", "write_report"}
    shared = {"seed"}
    for name in STAGES.keys() - after_both:
        stage = STAGES[name]
        other = ("data.masks", "crop", "cnn") if name in digits else ("data.digits", "prepare_digits", "mlp")
        reads = set(stage["params"]) - shared | {dep for dep in stage["deps"] if not dep.endswith(".py")}
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
