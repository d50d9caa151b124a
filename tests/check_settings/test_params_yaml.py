"""params.yaml as DVC rewrites it: `dvc exp run -S` of one value changes the lines of that value alone."""

import difflib
import shutil
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides

from tests.conftest import ROOT

# What -S is given, and the lines without their comments that it takes and puts in their place.
KINDS = {
    "a number": ("seed=1", ["seed: 0"], ["seed: 1"]),
    "a name": ("profile=mine", ["profile: whole"], ["profile: mine"]),
    "a path": ("data.digits=/a/b.npz", ["  digits: synthetic"], ["  digits: /a/b.npz"]),
    "nothing": ("data.masks_sha256=abc", ["  masks_sha256:"], ["  masks_sha256: abc"]),
    "a class": ("crop_masks.classes.bad=good", ["    bad: bad"], ["    bad: good"]),
    "a list, an item a line": (
        "mlp.runs.custom.hidden=[100]",
        ["      - 64", "      - 32"],
        ["      - 100"],
    ),
    "a list of a default": ("cnn.defaults.channels=[8]", ["    - 16", "    - 32"], ["    - 8"]),
    "an empty list": ("cnn.runs.custom.head=[3]", ["      head: []"], ["      head:", "      - 3"]),
    "a switch in braces": (
        "mlp.runs.final.keep_best=false",
        ["    final: {like: h512_128, keep_best: true}"],
        ["    final: {like: h512_128, keep_best: false}"],
    ),
    "a list in braces": (
        "mlp.runs.latents_16_2.hidden=[8,2]",
        ["    latents_16_2: {hidden: [16, 2], latents_every: 10}"],
        ["    latents_16_2: {hidden: [8, 2], latents_every: 10}"],
    ),
    "a setting that a run did not state": (
        "+cnn.runs.sgd.epochs=3",
        ["    sgd: {optimizer: sgd}"],
        ["    sgd: {optimizer: sgd, epochs: 3}"],
    ),
    "a run of nothing but defaults": (
        "+cnn.runs.adam.epochs=3",
        ["    adam: {}"],
        ["    adam:", "      epochs: 3"],
    ),
    "a latent figure": (
        "project_latents.F3_latents_20_15.epochs=[20]",
        ["  F3_latents_20_15: {run: latents_20_15, method: tsne, epochs: [10, 110]}"],
        ["  F3_latents_20_15: {run: latents_20_15, method: tsne, epochs: [20]}"],
    ),
    "a new run": ("+mlp.runs.mine={like: final}", [], ["    mine:", "      like: final"]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_one_value_changes_its_own_lines_alone(kind, tmp_path):
    override, old, new = KINDS[kind]
    file = Path(shutil.copy(ROOT / "params.yaml", tmp_path))
    before = file.read_text()
    apply_overrides(str(file), [override])
    after = file.read_text()
    changed = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))[2:]
    lines = [line.split(" #")[0].rstrip() for line in changed if not line.startswith("@@")]
    assert lines == [f"-{line}" for line in old] + [f"+{line}" for line in new]


def test_it_is_short_enough_to_be_read():
    lines = (ROOT / "params.yaml").read_text().splitlines()
    assert len(lines) <= 250
    in_braces = [
        line.split(" #")[0].rstrip() for line in lines if line.rstrip().endswith("}") or "} " in line
    ]
    assert in_braces and max(map(len, in_braces)) <= 80  # beyond, DVC wraps them
