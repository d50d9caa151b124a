"""Sections of params.yaml with wrong keys and values, and texts that are no settings."""

from pathlib import Path
from typing import Any

import pytest

from tests.making import Project, Refused, put_settings

AT_LEAST = "Input should be greater than or equal to"
AT_MOST = "Input should be less than or equal to"
POSITIVE = f"{AT_LEAST} 1"
SETTINGS = "must hold settings, as `key: value`"


# A stage, what a key is set to, and what is said of it.
VALUES: dict[str, tuple[str, str, Any, str]] = {
    "seed below 0": ("fetch_digits", "seed", -1, "it must be a whole number, 0 or more"),
    "seed of a half": ("fetch_digits", "seed", 0.5, "it must be a whole number, 0 or more"),
    "seed in text": ("fetch_digits", "seed", "0", "it must be a whole number, 0 or more"),
    "seed true": ("fetch_digits", "seed", True, "it must be a whole number, 0 or more"),
    "source is a number": ("fetch_digits", "data.digits", 3, "Input should be a valid string"),
    "source is empty": ("fetch_digits", "data.digits", "", "String should have at least 1 character"),
    "a number for a checksum": ("fetch_masks", "data.masks_sha256", 1, "Input should be a valid string"),
    "checksum": (
        "fetch_digits",
        "data.digits_sha256",
        "abc",
        "String should match pattern '^[0-9a-f]{64}$'",
    ),
    "a list for a section": ("fetch_digits", "data", [], f"it {SETTINGS}"),
    "nothing for a section": ("crop_masks", "compute", None, f"it {SETTINGS}"),
    "workers below 0": ("crop_masks", "compute.workers", -1, f"{AT_LEAST} 0"),
    "processes without end": ("crop_masks", "compute.workers", 10**9, f"{AT_MOST} 1000"),
    "side without end": ("crop_masks", "crop_masks.side", 10**6, f"{AT_MOST} 1024"),
    "side 0": ("crop_masks", "crop_masks.side", 0, POSITIVE),
    "share 1": ("crop_masks", "crop_masks.test_share", 1.0, "Input should be less than 1"),
    "share NaN": ("crop_masks", "crop_masks.test_share", float("nan"), "Input should be a finite number"),
    "too few to train on": ("prepare_digits", "prepare_digits.train", 1, f"{AT_LEAST} 2"),
}


@pytest.mark.parametrize("case", VALUES)
def test_values(project: Project, refused: Refused, case: str) -> None:
    stage, key, value, message = VALUES[case]
    project({key: value})
    refused(stage, f"params.yaml: `{key}` is {value!r}: {message}")


# What is changed, and what is said after the name of the file.
SECTIONS: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown key": ("fetch_digits", {"data.sheets": 1}, "`data.sheets` is not a setting"),
    "a key that is nearly one": (
        "fetch_digits",
        {"data.digit": "a"},
        "`data.digit` is not a setting; did you mean `digits`?",
    ),
    "a key within a key that is nearly one": (
        "fetch_masks",
        {"data.synthetic_masks": {"photographs": 20, "fotographs": 20}},
        "`data.synthetic_masks.fotographs` is not a setting; did you mean `photographs`?",
    ),
    "no samples": (
        "fetch_digits",
        {"data.synthetic_digits": {"samples": 0}},
        f"`data.synthetic_digits.samples` is 0: {POSITIVE}",
    ),
    "samples without end": (
        "fetch_digits",
        {"data.synthetic_digits": {"samples": 10**12}},
        f"`data.synthetic_digits.samples` is 1000000000000: {AT_MOST} 200000",
    ),
    "no photographs": (
        "fetch_masks",
        {"data.synthetic_masks": {"photographs": 9}},
        f"`data.synthetic_masks.photographs` is 9: {AT_LEAST} 10",
    ),
    "photographs without end": (
        "fetch_masks",
        {"data.synthetic_masks": {"photographs": 10**9}},
        f"`data.synthetic_masks.photographs` is 1000000000: {AT_MOST} 50000",
    ),
    "no classes": (
        "crop_masks",
        {"crop_masks.classes": {}},
        "`crop_masks.classes`: 0 different classes; there must be 2 to 20",
    ),
    "one class": (
        "crop_masks",
        {"crop_masks.classes": {"bad": "worst", "good": "worst", "hat": "ignore"}},
        "`crop_masks.classes`: 1 different classes; there must be 2 to 20",
    ),
    "too many classes": (
        "crop_masks",
        {"crop_masks.classes": {f"label_{n}": f"class_{n}" for n in range(21)}},
        "`crop_masks.classes`: 21 different classes; there must be 2 to 20",
    ),
    "a class that is no name of a folder": (
        "crop_masks",
        {"crop_masks.classes": {"bad": "../bad", "good": "good"}},
        "`crop_masks.classes.bad` is '../bad': String should match pattern '^[A-Za-z][A-Za-z0-9_-]{0,40}$'",
    ),
    "a class of two": (
        "crop_masks",
        {"crop_masks.classes": {"bad": ["bad", "good"]}},
        "`crop_masks.classes.bad` is ['bad', 'good']: Input should be a valid string",
    ),
    "a run of nothing": (
        "train_mlp",
        {"mlp.runs": {"mine": None}},
        "`mlp.runs.mine` is None; it must hold settings, or {} for the defaults",
    ),
    "runs in a list": ("train_mlp", {"mlp.runs": ["mine"]}, f"`mlp.runs` {SETTINGS}"),
    "defaults of nothing": ("train_cnn", {"cnn.defaults": None}, f"`cnn.defaults` {SETTINGS}"),
}


@pytest.mark.parametrize("case", SECTIONS)
def test_sections(project: Project, refused: Refused, case: str) -> None:
    stage, changes, message = SECTIONS[case]
    project(changes)
    refused(stage, f"params.yaml: {message}", *(["custom"] if stage.startswith("train") else []))


@pytest.mark.parametrize("name", ["../../etc", "a/b", "0.1", "..", "my run", "é", "", "a\n", "x; rm -rf ."])
@pytest.mark.parametrize("part", ["mlp", "cnn"])
def test_names_of_runs(project: Project, refused: Refused, part: str, name: Any) -> None:
    project({f"{part}.runs": {name: {}}})
    said = "cannot be the name of a run; use letters a to z, digits, _ and -"
    refused("fetch_digits", f"params.yaml: {name!r} in `{part}.runs` {said}")


@pytest.mark.parametrize("name", [7, 0.1, True, None])
@pytest.mark.parametrize("part", ["mlp", "cnn"])
def test_names_of_runs_that_are_no_text(project: Project, refused: Refused, part: str, name: Any) -> None:
    folder = project({f"{part}.runs": {name: {}}})
    said = "cannot be the name of a run: YAML does not read it as text; put it in quotes"
    refused("fetch_digits", f"params.yaml: {name!r} in `{part}.runs` {said}")
    params = (folder / "params.yaml").read_text()
    assert f"{name!r}: {{}}".lower().replace("none", "null") in params  # no quotes


NOTHING = "there is no such file or folder"
ELSEWHERE = (
    f"{NOTHING} in {{here}}; an experiment run in a folder of its own (dvc exp run --temp or --queue) needs "
    "an absolute path"
)
SOURCES = {
    "unknown source": ("mnist", "neither a file or folder in {here} nor one of synthetic, tibetan-mnist"),
    "a source that is nearly one": (
        "sinthetic",
        "neither a file or folder in {here} nor one of synthetic, tibetan-mnist; did you mean `synthetic`?",
    ),
    "no such path": ("/nothing.npz", NOTHING),
    "no such relative path": ("../nothing.npz", ELSEWHERE),
    "a home that nobody has": ("~no-such-user/a.npz", ELSEWHERE),
    "a path too long": ("/" + "a" * 300, NOTHING),
    "a device": ("/dev/zero", NOTHING),
    "another protocol": (
        "ftp://example.org/a.npz",
        "only http:// and https:// addresses are downloaded",
    ),
}


@pytest.mark.parametrize("case", SOURCES)
def test_sources(project: Project, refused: Refused, case: str) -> None:
    source, message = SOURCES[case]
    folder = project({"data.digits": source})
    refused("fetch_digits", f"data.digits is {source}: {message.replace('{here}', str(folder))}")


def test_an_unknown_source_of_masks(project: Project, refused: Refused) -> None:
    folder = project({"data.masks": "masks"})
    known = "synthetic, medical-masks, face-mask-detection"
    refused("fetch_masks", f"data.masks is masks: neither a file or folder in {folder} nor one of {known}")


def test_a_folder_without_data(project: Project, refused: Refused) -> None:
    project({"data.digits": "."})
    there = "2 .yaml (claims.yaml, ...), requirements.txt"
    refused("fetch_digits", f". holds no picture and no array, but {there}")


def test_a_folder_of_archives(project: Project, refused: Refused) -> None:
    (project({"data.digits": "mine"}) / "mine").mkdir()
    Path("mine/train.zip").write_bytes(b"")
    advice = "unpack them, or give one archive of the folder"
    refused("fetch_digits", f"mine holds no picture and no array, but train.zip; {advice}")


# Ten times ten times ten: nine lines for a list of a thousand million ones.
# The other settings of crop_masks.
OTHERS = "annotations: auto, invalid_boxes: skip, pictures: 9, test_share: 0.1, classes: {a: b, c: d}"
LAUGHS = "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [{', '.join(10 * [f'*a{i - 1}'])}]\n" for i in range(1, 10))
LAUGHED = str([[[..., ...] * 5] * 10] * 10).replace("Ellipsis", "[...]")
# The whole text of params.yaml, and what is said after the name of the file.
TEXTS = {
    "empty file": ("", " must hold sections, each as `name: settings`"),
    "a list": ("- seed\n", " must hold sections, each as `name: settings`"),
    "no section": ("seed: 0\n", " has no `crop_masks`; add it"),
    "a bracket": ("seed: [0\n", " line 2 is not valid YAML: expected ',' or ']', but got '<stream end>'"),
    "a tab": (
        "data:\n\tdigits: synthetic\n",
        " line 2 is not valid YAML: found character '\\t' that cannot start any token",
    ),
    "an object": (
        "seed: !!python/object/apply:os.system [true]\n",
        " line 1 is not valid YAML: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/object/apply:os.system'",
    ),
    "a date that is none": ("seed: 2024-13-01\n", " is not valid YAML: month must be in 1..12"),
    "nested without end": (f"seed: {1000 * '['}", " is nested deeper than any settings are"),
    "a short text for a value without end": (
        f"{LAUGHS}compute: {{}}\ncrop_masks: {{{OTHERS}, side: *a9}}\n",
        f": `crop_masks.side` is {LAUGHED[:153]}…{LAUGHED[-167:]}: Input should be a valid integer",
    ),
    "a number too long to read": (
        f"compute: {{}}\ncrop_masks: {{{OTHERS}, side: {'9' * 3000}}}\n",
        f": `crop_masks.side` is {'9' * 48}...{'9' * 49}: {AT_MOST} 1024",
    ),
    "a class that maps two ways": (
        "crop_masks:\n  classes:\n    mask: good\n    mask: bad\n",
        ' line 4 is not valid YAML: found duplicate key "mask" with value "bad" (original value: "good")',
    ),
    "a run twice": (
        "mlp:\n  runs:\n    mine: {epochs: 3}\n    mine: {epochs: 4}\n",
        ' line 4 is not valid YAML: found duplicate key "mine" with value "{}" (original value: "{}")',
    ),
}


@pytest.mark.parametrize("case", TEXTS)
def test_texts(project: Project, refused: Refused, case: str) -> None:
    text, message = TEXTS[case]
    (project({}) / "params.yaml").write_text(text)
    refused("crop_masks", f"params.yaml{message}")


def test_no_file(project: Project, refused: Refused) -> None:
    folder = project({})
    (folder / "params.yaml").unlink()
    refused("crop_masks", f"there is no params.yaml in {folder}; run from the project's folder")


@pytest.mark.parametrize(
    ("stage", "key", "value", "message"),
    [
        ("fetch_digits", "data.masks", 1, "Input should be a valid string"),
        ("prepare_digits", "prepare_digits.test", 0, f"{AT_LEAST} 2"),
        ("crop_masks", "crop_masks.side", 1025, f"{AT_MOST} 1024"),
    ],
)
def test_a_stage_as_a_process_refuses_wrong_settings(
    project: Project, refused_alone: Refused, stage: str, key: str, value: Any, message: str
) -> None:
    project({key: value})
    refused_alone(stage, f"params.yaml: `{key}` is {value!r}: {message}")


def test_trainings_as_processes_refuse_wrong_settings(project: Project, refused_alone: Refused) -> None:
    project({"mlp.runs.custom": {"epochs": 0}, "cnn.runs.custom": {"epochs": -1}})
    put_settings(Path())
    refused_alone("train_mlp", f"settings/mlp/custom.json: `settings.epochs` is 0: {POSITIVE}", "custom")
    refused_alone("train_cnn", f"settings/cnn/custom.json: `settings.epochs` is -1: {POSITIVE}", "custom")
