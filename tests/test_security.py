"""No module executes what it reads: no pickle, no eval, no unsafe YAML, no shell."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(path for top in ("pipeline", "stages", "tools") for path in (ROOT / top).rglob("*.py"))
# What runs code that a file holds: loading a pickle, evaluating text, YAML with objects, a shell.
FORBIDDEN_IMPORTS = {"pickle", "cloudpickle", "dill", "shelve", "marshal"}
FORBIDDEN_CALLS = {"eval", "exec", "torch.load", "joblib.load", "pd.read_pickle", "yaml.load", "os.system"}


def calls(path: Path) -> list[tuple[str, ast.Call]]:
    """Every call in a module by its dotted name."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [(ast.unparse(node.func), node) for node in nodes if isinstance(node, ast.Call)]


def faults(path: Path) -> list[str]:
    """What a module does that could execute the content of a file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        found += [f"import of {name}" for name in names if name.split(".")[0] in FORBIDDEN_IMPORTS]
    for name, call in calls(path):
        options = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        if name in FORBIDDEN_CALLS and not (name == "yaml.load" and path.parent.name == "tools"):
            found.append(name)
        if name in ("np.load", "numpy.load") and options.get("allow_pickle") != "False":
            found.append(f"{name} without allow_pickle=False")
        if name == "YAML" and options.get("typ") != "'safe'" and path.parent.name != "tools":
            found.append("YAML that is not safe")
        if options.get("shell") == "True":
            found.append("a shell")
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_runs_what_it_reads(path):
    assert faults(path) == []


@pytest.mark.parametrize(
    "text",
    ["import pickle", "from pickle import loads", "np.load(f)", "np.load(f, allow_pickle=True)",
     "torch.load(f)", "eval(x)", "subprocess.run(c, shell=True)", "YAML().load(f)"],
)  # fmt: skip
def test_the_check_finds(tmp_path, text):
    (tmp_path / "module.py").write_text(text)
    assert len(faults(tmp_path / "module.py")) == 1
