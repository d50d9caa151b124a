"""Sections of params.yaml with wrong keys and values, and texts that are no settings."""

from pathlib import Path
from typing import Any

import pytest

from tests.making import HEADER, Project, Refused, put, put_settings, tables, zipped

AT_MOST = "Input should be less than or equal to"
POSITIVE = "Input should be greater than or equal to 1"
NAMES = "cannot be the name of a run; use letters a to z, digits, _ and -"
SETTINGS = "it must hold settings, as `key: value`"


def test_crops_beyond_all_memory(project: Project, refused: Refused) -> None:
    folder = project({"crop_masks.side": 1024})
    boxes = [f"a.png,60,40,good,{x},{y},30,40\n" for x in range(20) for y in range(15)]
    put(folder / "data/raw/masks/masks.zip", zipped(tables(HEADER + "".join(boxes))))
    message = "params.yaml: `crop_masks.side` is 1024: 303 crops of that size take more than 4 GiB of memory"
    refused("crop_masks", message)


# A stage, what is changed, and what the stage says of it.
SECTIONS: dict[str, tuple[str, dict[str, Any], str]] = {
    "seed below 0": (
        "fetch_digits",
        {"seed": -1},
        "params.yaml: `seed` is -1: it must be a whole number, 0 or more",
    ),
    "seed of a half": (
        "fetch_digits",
        {"seed": 0.5},
        "params.yaml: `seed` is 0.5: it must be a whole number, 0 or more",
    ),
    "source is a number": (
        "fetch_digits",
        {"data.digits": 3},
        "params.yaml: `data.digits` is 3: Input should be a valid string",
    ),
    "source is empty": (
        "fetch_digits",
        {"data.digits": ""},
        "params.yaml: `data.digits` is '': String should have at least 1 character",
    ),
    "unknown source": (
        "fetch_digits",
        {"data.digits": "tibetan"},
        "data.digits is tibetan: neither a file or folder in {here} nor one of synthetic, tibetan-mnist",
    ),
    "unknown source of masks": (
        "fetch_masks",
        {"data.masks": "masks"},
        "data.masks is masks: neither a file or folder in {here} nor one of synthetic, medical-masks, "
        "face-mask-detection",
    ),
    "no such path": (
        "fetch_digits",
        {"data.digits": "/nothing.npz"},
        "data.digits is /nothing.npz: there is no such file or folder",
    ),
    "no such relative path": (
        "fetch_digits",
        {"data.digits": "../nothing.npz"},
        "data.digits is ../nothing.npz: there is no such file or folder in {here}; an experiment run in a "
        "folder "
        "of its own (dvc exp run --temp or --queue) needs an absolute path",
    ),
    "a home that nobody has": (
        "fetch_digits",
        {"data.digits": "~no-such-user/a.npz"},
        "data.digits is ~no-such-user/a.npz: there is no such file or folder in {here}; an experiment run "
        "in a "
        "folder of its own (dvc exp run --temp or --queue) needs an absolute path",
    ),
    "a path too long": (
        "fetch_digits",
        {"data.digits": "/" + "a" * 300},
        f"data.digits is /{'a' * 300}: there is no such file or folder",
    ),
    "a device": (
        "fetch_digits",
        {"data.digits": "/dev/zero"},
        "data.digits is /dev/zero: there is no such file or folder",
    ),
    "another protocol": (
        "fetch_digits",
        {"data.digits": "ftp://example.org/a.npz"},
        "data.digits is ftp://example.org/a.npz: only http:// and https:// addresses are downloaded",
    ),
    "an empty folder": (
        "fetch_digits",
        {"data.digits": "."},
        ". holds no picture and no array, but 2 .yaml (claims.yaml, ...), requirements.txt",
    ),
    "checksum": (
        "fetch_digits",
        {"data.digits_sha256": "abc"},
        "params.yaml: `data.digits_sha256` is 'abc': String should match pattern '^[0-9a-f]{64}$'",
    ),
    "no samples": (
        "fetch_digits",
        {"data.synthetic_digits": {"samples": 0}},
        f"params.yaml: `data.synthetic_digits.samples` is 0: {POSITIVE}",
    ),
    "samples without end": (
        "fetch_digits",
        {"data.synthetic_digits": {"samples": 10**12}},
        "params.yaml: `data.synthetic_digits.samples` is 1000000000000: Input should be less than or equal "
        "to "
        "200000",
    ),
    "no photographs": (
        "fetch_masks",
        {"data.synthetic_masks": {"photographs": 0}},
        f"params.yaml: `data.synthetic_masks.photographs` is 0: {POSITIVE}",
    ),
    "unknown key": ("fetch_digits", {"data.sheets": 1}, "params.yaml: `data.sheets` is not a setting"),
    "a list for a section": ("fetch_digits", {"data": []}, f"params.yaml: `data` is []: {SETTINGS}"),
    "nothing for a section": ("crop_masks", {"compute": None}, f"params.yaml: `compute` is None: {SETTINGS}"),
    "workers below 0": (
        "crop_masks",
        {"compute.workers": -1},
        "params.yaml: `compute.workers` is -1: Input should be greater than or equal to 0",
    ),
    "processes without end": (
        "crop_masks",
        {"compute.workers": 10**9},
        f"params.yaml: `compute.workers` is 1000000000: {AT_MOST} 1000",
    ),
    "photographs without end": (
        "fetch_masks",
        {"data.synthetic_masks": {"photographs": 10**9}},
        f"params.yaml: `data.synthetic_masks.photographs` is 1000000000: {AT_MOST} 50000",
    ),
    "side without end": (
        "crop_masks",
        {"crop_masks.side": 10**6},
        f"params.yaml: `crop_masks.side` is 1000000: {AT_MOST} 1024",
    ),
    "side 0": ("crop_masks", {"crop_masks.side": 0}, f"params.yaml: `crop_masks.side` is 0: {POSITIVE}"),
    "share 1": (
        "crop_masks",
        {"crop_masks.test_share": 1.0},
        "params.yaml: `crop_masks.test_share` is 1.0: Input should be less than 1",
    ),
    "share NaN": (
        "crop_masks",
        {"crop_masks.test_share": float("nan")},
        "params.yaml: `crop_masks.test_share` is nan: Input should be a finite number",
    ),
    "no classes": (
        "crop_masks",
        {"crop_masks.classes": {}},
        "params.yaml: `crop_masks.classes`: 0 different classes; there must be 2 to 20",
    ),
    "one class": (
        "crop_masks",
        {"crop_masks.classes": {"bad": "worst", "good": "worst", "hat": "ignore"}},
        "params.yaml: `crop_masks.classes`: 1 different classes; there must be 2 to 20",
    ),
    "too many classes": (
        "crop_masks",
        {"crop_masks.classes": {f"label_{n}": f"class_{n}" for n in range(21)}},
        "params.yaml: `crop_masks.classes`: 21 different classes; there must be 2 to 20",
    ),
    "a class that is no name of a folder": (
        "crop_masks",
        {"crop_masks.classes": {"bad": "../bad", "good": "good"}},
        "params.yaml: `crop_masks.classes.bad` is '../bad': String should match pattern "
        "'^[A-Za-z][A-Za-z0-9_-]{0,40}$'",
    ),
    "a class of two": (
        "crop_masks",
        {"crop_masks.classes": {"bad": ["bad", "good"]}},
        "params.yaml: `crop_masks.classes.bad` is ['bad', 'good']: Input should be a valid string",
    ),
    "too few to train on": (
        "prepare_digits",
        {"prepare_digits.train": 9},
        "params.yaml: `prepare_digits.train` is 9: Input should be greater than or equal to 10",
    ),
    "a run with a path for a name": (
        "fetch_digits",
        {"mlp.runs": {"../../etc": {}}},
        f"params.yaml: '../../etc' in `mlp.runs` {NAMES}",
    ),
    "a run with a slash": (
        "train_mlp",
        {"mlp.runs": {"a/b": {}}},
        f"params.yaml: 'a/b' in `mlp.runs` {NAMES}",
    ),
    "a run with a dot": ("train_mlp", {"mlp.runs": {"0.1": {}}}, f"params.yaml: '0.1' in `mlp.runs` {NAMES}"),
    "a run of dots": ("train_mlp", {"mlp.runs": {"..": {}}}, f"params.yaml: '..' in `mlp.runs` {NAMES}"),
    "a run with a space": (
        "train_mlp",
        {"mlp.runs": {"my run": {}}},
        f"params.yaml: 'my run' in `mlp.runs` {NAMES}",
    ),
    "a run with an accent": ("train_cnn", {"cnn.runs": {"é": {}}}, f"params.yaml: 'é' in `cnn.runs` {NAMES}"),
    "a run without a name": ("train_cnn", {"cnn.runs": {"": {}}}, f"params.yaml: '' in `cnn.runs` {NAMES}"),
    "a run with two lines": (
        "train_cnn",
        {"cnn.runs": {"a\n": {}}},
        f"params.yaml: 'a\\n' in `cnn.runs` {NAMES}",
    ),
    "a number for a name": ("train_mlp", {"mlp.runs": {1: {}}}, f"params.yaml: 1 in `mlp.runs` {NAMES}"),
    "a run with a command": (
        "train_mlp",
        {"mlp.runs": {"x; rm -rf .": {}}},
        f"params.yaml: 'x; rm -rf .' in `mlp.runs` {NAMES}",
    ),
    "a run of nothing": (
        "train_mlp",
        {"mlp.runs": {"mine": None}},
        "params.yaml: `mlp.runs.mine` is None; it must hold settings, or {} for the defaults",
    ),
    "runs in a list": (
        "train_mlp",
        {"mlp.runs": ["mine"]},
        "params.yaml: `mlp.runs` must hold settings, as `key: value`",
    ),
    "defaults of nothing": (
        "train_cnn",
        {"cnn.defaults": None},
        "params.yaml: `cnn.defaults` must hold settings, as `key: value`",
    ),
}


@pytest.mark.parametrize("case", SECTIONS)
def test_sections(project: Project, refused: Refused, case: str) -> None:
    stage, changes, message = SECTIONS[case]
    folder = project(changes)
    refused(stage, message.replace("{here}", str(folder)), *(["custom"] if stage.startswith("train") else []))


# Ten times ten times ten: nine lines for a list of a thousand million ones.
OTHERS = "annotations: auto, invalid_boxes: skip, test_share: 0.1, classes: {a: b, c: d}"  # of crop_masks
LAUGHS = "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [{', '.join(10 * [f'*a{i - 1}'])}]\n" for i in range(1, 10))
LAUGHED = str([[[..., ...] * 5] * 10] * 10).replace("Ellipsis", "[...]")
# The whole text of params.yaml, and what is said of it.
TEXTS = {
    "no file": (None, "there is no params.yaml in {here}; run from the project's folder"),
    "empty file": ("", "params.yaml must hold sections, each as `name: settings`"),
    "a list": ("- seed\n", "params.yaml must hold sections, each as `name: settings`"),
    "no section": ("seed: 0\n", "params.yaml has no `crop_masks`; add it"),
    "a bracket": (
        "seed: [0\n",
        "params.yaml line 2 is not valid YAML: expected ',' or ']', but got '<stream end>'",
    ),
    "a tab": (
        "data:\n\tdigits: synthetic\n",
        "params.yaml line 2 is not valid YAML: found character '\\t' that cannot start any token",
    ),
    "an object": (
        "seed: !!python/object/apply:os.system [true]\n",
        "params.yaml line 1 is not valid YAML: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/object/apply:os.system'",
    ),
    "a date that is none": ("seed: 2024-13-01\n", "params.yaml is not valid YAML: month must be in 1..12"),
    "nested without end": (f"seed: {1000 * '['}", "params.yaml is nested deeper than any settings are"),
    "a short text for a value without end": (
        f"{LAUGHS}compute: {{}}\ncrop_masks: {{{OTHERS}, side: *a9}}\n",
        f"params.yaml: `crop_masks.side` is {LAUGHED}: Input should be a valid integer",
    ),
    "a number too long to read": (
        f"compute: {{}}\ncrop_masks: {{{OTHERS}, side: {'9' * 3000}}}\n",
        f"params.yaml: `crop_masks.side` is {'9' * 48}...{'9' * 49}: {AT_MOST} 1024",
    ),
    "a class that maps two ways": (
        "crop_masks:\n  classes:\n    mask: good\n    mask: bad\n",
        'params.yaml line 4 is not valid YAML: found duplicate key "mask" with value "bad" (original '
        'value: "good")',
    ),
    "a run twice": (
        "mlp:\n  runs:\n    mine: {epochs: 3}\n    mine: {epochs: 4}\n",
        'params.yaml line 4 is not valid YAML: found duplicate key "mine" with value "{}" (original value: '
        '"{}")',
    ),
}


@pytest.mark.parametrize("case", TEXTS)
def test_texts(project: Project, refused: Refused, case: str) -> None:
    text, message = TEXTS[case]
    file = project({}) / "params.yaml"
    file.unlink()
    if text is not None:
        file.write_text(text)
    refused("crop_masks", message.replace("{here}", str(file.parent)))


@pytest.mark.parametrize(
    ("stage", "changes", "message"),
    [
        ("fetch_digits", {"mlp.runs": {"a b": {}}}, f"params.yaml: 'a b' in `mlp.runs` {NAMES}"),
        (
            "prepare_digits",
            {"prepare_digits.test": 0},
            "params.yaml: `prepare_digits.test` is 0: Input should be greater than or equal to 10",
        ),
        (
            "fetch_masks",
            {"data.masks_sha256": 1},
            "params.yaml: `data.masks_sha256` is 1: Input should be a valid string",
        ),
        (
            "crop_masks",
            {"crop_masks.side": 1025},
            "params.yaml: `crop_masks.side` is 1025: Input should be less than or equal to 1024",
        ),
    ],
)
def test_a_stage_as_a_process_refuses_wrong_settings(
    project: Project, refused_alone: Refused, stage: str, changes: dict[str, Any], message: str
) -> None:
    project(changes)
    refused_alone(stage, message)


def test_trainings_as_processes_refuse_wrong_settings(project: Project, refused_alone: Refused) -> None:
    project({"mlp.runs.custom": {"epochs": 0}, "cnn.runs.custom": {"epochs": -1}})
    put_settings(Path())
    refused_alone("train_mlp", f"settings/mlp/custom.json: `settings.epochs` is 0: {POSITIVE}", "custom")
    refused_alone("train_cnn", f"settings/cnn/custom.json: `settings.epochs` is -1: {POSITIVE}", "custom")
