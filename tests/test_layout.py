"""The layout of the code: imports go one way between rooms, and files and functions stay short."""

import ast

import pytest

from tests.test_dependencies import ROOT, imported_modules

# What the modules of each room may import, beside their own room.
ROOMS = {
    "common": set(),
    "sources": {"common"},
    "digits": {"common", "sources"},
    "masks": {"common", "sources"},
    "training": {"common", "digits", "masks"},
    "evaluation": {"common"},
    "claims": {"common", "evaluation"},
    "report": {"common", "evaluation", "claims"},
}
FILES = [
    path
    for top in ("stages", "pipeline", "tools", "benchmarks", "tests")
    for path in (ROOT / top).rglob("*.py")
]
LONGEST_FILE, LONGEST_FUNCTION = 350, 40  # lines


def test_every_room_is_listed():
    rooms = {path.name for path in (ROOT / "pipeline").iterdir() if (path / "__init__.py").is_file()}
    assert rooms == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_below_it(room):
    for path in (ROOT / "pipeline" / room).rglob("*.py"):
        for module in imported_modules(path):
            assert module.parts[0] == "pipeline" and module.parts[1] in ROOMS[room] | {room}, (
                f"{path}: {module}"
            )


def test_the_networks_take_their_own_wing_alone():
    for name, other in (
        ("mlp", "masks"),
        ("mlp_training", "masks"),
        ("cnn", "digits"),
        ("cnn_training", "digits"),
    ):
        modules = imported_modules(ROOT / f"pipeline/training/{name}.py")
        assert not [module for module in modules if module.parts[1] == other], name


def test_no_stage_imports_a_stage():
    for path in (ROOT / "stages").glob("*.py"):
        assert not [module for module in imported_modules(path) if module.parts[0] == "stages"], path


def test_files_are_short():
    of_the_page = [
        path for path in (ROOT / "stages/write_report").iterdir() if path.suffix in (".html", ".js", ".css")
    ]
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in FILES + of_the_page}
    assert not {path: length for path, length in lengths.items() if length > LONGEST_FILE}


def test_functions_are_short():
    long = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name != "main":
                length = node.end_lineno - node.lineno + 1
                long += [f"{path.relative_to(ROOT)}: {node.name}"] * (length > LONGEST_FUNCTION)
    assert not long
