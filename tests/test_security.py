"""Files from strangers are data: nothing that is read here can bring code with it."""

import ast
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted([*(ROOT / "stages").rglob("*.py"), *(ROOT / "tools").rglob("*.py")])
# What runs code that a file holds: loading a pickle, evaluating text, YAML with objects, a shell.
FORBIDDEN_IMPORTS = {"pickle", "cloudpickle", "dill", "shelve", "marshal"}
FORBIDDEN_CALLS = {"eval", "exec", "torch.load", "joblib.load", "pd.read_pickle", "yaml.load", "os.system"}


def calls(path: Path) -> list[tuple[str, ast.Call]]:
    """Every call in a module by its dotted name."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [(ast.unparse(node.func), node) for node in nodes if isinstance(node, ast.Call)]


def faults(path: Path) -> list[str]:
    """What a module does that could run a stranger's code."""
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


def test_an_array_of_objects_is_not_loaded(tmp_path):
    """As prepare_digits would meet it: an .npz whose `label` is a pickle."""
    from pipeline.common.settings import InputError
    from pipeline.digits.formats import read_digits

    class Planted:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    labels = np.array([Planted()], dtype=object)
    np.savez(tmp_path / "digits.npz", image=np.zeros((1, 28, 28), np.uint8), label=labels)
    with pytest.raises(InputError):
        read_digits(tmp_path / "digits.npz")
    assert not (tmp_path / "ran").exists()
