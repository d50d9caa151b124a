"""Bad parameters: what the stages say of a params.yaml that cannot be meant."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import HEADER, IMAGES, LABELS, Accepted, Project, Refused, npz, put, tables, zipped
from ruamel.yaml import YAML

from pipeline.report.changes import CHANGES

ROOT = Path(__file__).parents[2]
AT_MOST = "Input should be less than or equal to"
POSITIVE = "Input should be greater than or equal to 1"
NAMES = "cannot be the name of a run; use letters a to z, digits, _ and -"
SETTINGS = "it must hold settings, as `key: value`"

# What one setting of a run is set to, and what is said of it after its name.
MLP: dict[str, tuple[str, Any, str]] = {
    "unknown key": ("hiden", [64], "` is not a setting"),
    "hidden is a number": ("hidden", 64, "` is 64: Input should be a valid list"),
    "hidden is text": ("hidden", "[64, 32]", "` is '[64, 32]': Input should be a valid list"),
    "no hidden layer": ("hidden", [], "` is []: List should have at least 1 item after validation, not 0"),
    "hidden layer of 0": ("hidden", [64, 0], f".1` is 0: {POSITIVE}"),
    "hidden layer of -1": ("hidden", [-1], f".0` is -1: {POSITIVE}"),
    "hidden layer beyond all memory": ("hidden", [64, 10**9], f".1` is 1000000000: {AT_MOST} 10000"),
    "too many hidden layers": (
        "hidden",
        [2] * 11,
        f"` is {[2] * 11}: List should have at most 10 items after validation, not 11",
    ),
    "hidden layer of a half": ("hidden", [1.5], ".0` is 1.5: Input should be a valid integer"),
    "nested hidden layers": ("hidden", [[64]], ".0` is [64]: Input should be a valid integer"),
    "batch of 0": ("batch_size", 0, f"` is 0: {POSITIVE}"),
    "batch of -8": ("batch_size", -8, f"` is -8: {POSITIVE}"),
    "batch in text": ("batch_size", "32", "` is '32': Input should be a valid integer"),
    "rate 0": ("learning_rate", 0, "` is 0: Input should be greater than 0"),
    "rate below 0": ("learning_rate", -0.1, "` is -0.1: Input should be greater than 0"),
    "rate NaN": ("learning_rate", float("nan"), "` is nan: Input should be a finite number"),
    "rate infinite": ("learning_rate", float("inf"), "` is inf: Input should be a finite number"),
    "rate -infinite": ("learning_rate", float("-inf"), "` is -inf: Input should be a finite number"),
    "rate beyond all": ("learning_rate", 1e39, f"` is 1e+39: {AT_MOST} 1000000"),
    "rate in text": ("learning_rate", "1e-4", "` is '1e-4': Input should be a valid number"),
    "rate none": ("learning_rate", None, "` is None: Input should be a valid number"),
    "epochs 0": ("epochs", 0, f"` is 0: {POSITIVE}"),
    "epochs without end": ("epochs", 10**12, f"` is 1000000000000: {AT_MOST} 1000000"),
    "epochs true": ("epochs", True, "` is True: Input should be a valid integer"),
    "seeds 0": ("seeds", 0, f"` is 0: {POSITIVE}"),
    "seeds without end": ("seeds", 10**9, f"` is 1000000000: {AT_MOST} 1000"),
    "deviation beyond all": ("initial_std", 1e39, f"` is 1e+39: {AT_MOST} 1000000"),
    "deviation 0": ("initial_std", 0, "` is 0: Input should be greater than 0"),
    "unknown activation": (
        "activation",
        "relus",
        "` is 'relus': Input should be 'sigmoid', 'tanh' or 'relu'",
    ),
    "a switch in text": ("keep_best", "yes", "` is 'yes': Input should be a valid boolean"),
}


@pytest.mark.parametrize("case", MLP)
def test_mlp(project: Project, refused: Refused, case: str) -> None:
    key, value, message = MLP[case]
    project({"mlp.runs.custom": {key: value}})
    refused("train_mlp", f"params.yaml: `mlp.runs.custom.{key}{message}", "custom")


def test_crops_beyond_all_memory(project: Project, refused: Refused) -> None:
    folder = project({"crop_masks.side": 1024})
    boxes = [f"a.png,60,40,good,{x},{y},30,40\n" for x in range(20) for y in range(15)]
    put(folder / "data/raw/masks/masks.zip", zipped(tables(HEADER + "".join(boxes))))
    message = "params.yaml: `crop_masks.side` is 1024: 303 crops of that size take more than 4 GiB of memory"
    refused("crop_masks", message)


def test_latents_past_the_end(project: Project, refused: Refused) -> None:
    project({"mlp.runs.custom": {"latents_every": 121}})
    message = "params.yaml: `mlp.runs.custom`: latents_every 121 is past the last epoch, 120"
    refused("train_mlp", message, "custom")


CNN: dict[str, tuple[dict[str, Any], str]] = {
    "one convolution": (
        {"channels": [16]},
        ".channels` is [16]: List should have at least 2 items after validation, not 1",
    ),
    "filter 0": ({"filter": 0}, f".filter` is 0: {POSITIVE}"),
    "stride 0": ({"stride": 0}, f".stride` is 0: {POSITIVE}"),
    "padding -1": ({"padding": -1}, ".padding` is -1: Input should be greater than or equal to 0"),
    "padding as wide as the filter": ({"padding": 3}, "`: padding 3 must be less than filter 3"),
    "a convolution beyond all memory": (
        {"channels": [16, 10**9]},
        f".channels.1` is 1000000000: {AT_MOST} 1000",
    ),
    "filter beyond all memory": ({"filter": 10**9}, f".filter` is 1000000000: {AT_MOST} 100"),
    "stride without end": ({"stride": 10**9}, f".stride` is 1000000000: {AT_MOST} 100"),
    "head beyond all memory": ({"head": [10**9]}, f".head.0` is 1000000000: {AT_MOST} 10000"),
    "epochs without end": ({"epochs": 10**12}, f".epochs` is 1000000000000: {AT_MOST} 1000000"),
    "momentum 1": ({"momentum": 1}, ".momentum` is 1: Input should be less than 1"),
    "snapshot past the end": ({"snapshot_epoch": 11}, "`: snapshot_epoch 11 is past the last epoch, 10"),
    "rate NaN": ({"learning_rate": float("nan")}, ".learning_rate` is nan: Input should be a finite number"),
    "unknown optimizer": ({"optimizer": "adamw"}, ".optimizer` is 'adamw': Input should be 'adam' or 'sgd'"),
}


@pytest.mark.parametrize("case", CNN)
def test_cnn(project: Project, refused: Refused, case: str) -> None:
    values, message = CNN[case]
    project({"cnn.runs.custom": values})
    refused("train_cnn", f"params.yaml: `cnn.runs.custom{message}", "custom")


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
        ". holds no file of .bmp, .csv, .gif, .jpeg, .jpg, .npz, .png, .tif, .tiff, .webp, .xml",
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
        "params.yaml: `crop_masks.classes` is {}: Dictionary should have at least 1 item after validation, "
        "not 0",
    ),
    "an unknown class": (
        "crop_masks",
        {"crop_masks.classes": {"bad": "worst"}},
        "params.yaml: `crop_masks.classes.bad` is 'worst': Input should be 'bad', 'good' or 'none'",
    ),
    "a class of two": (
        "crop_masks",
        {"crop_masks.classes": {"bad": ["bad", "good"]}},
        "params.yaml: `crop_masks.classes.bad` is ['bad', 'good']: Input should be 'bad', 'good' or 'none'",
    ),
    "too few to train on": (
        "prepare_digits",
        {"prepare_digits": {"train": 9, "test": 10}},
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
LAUGHS = "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [{', '.join(10 * [f'*a{i - 1}'])}]\n" for i in range(1, 10))
LAUGHED = str([[[..., ...] * 5] * 10] * 10).replace("Ellipsis", "[...]")

# The whole text of params.yaml, and what is said of it.
TEXTS = {
    "no file": (None, "there is no params.yaml in {here}; run from the project's folder"),
    "empty file": ("", "params.yaml must hold sections such as `seed:` and `data:`"),
    "a list": ("- seed\n", "params.yaml must hold sections such as `seed:` and `data:`"),
    "no section": ("seed: 0\n", "params.yaml has no `crop_masks`; it is needed here"),
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
        f"{LAUGHS}compute: {{}}\ncrop_masks: {{test_share: 0.1, classes: {{a: bad}}, side: *a9}}\n",
        f"params.yaml: `crop_masks.side` is {LAUGHED}: Input should be a valid integer",
    ),
    "a number too long to read": (
        f"compute: {{}}\ncrop_masks: {{test_share: 0.1, classes: {{a: bad}}, side: {'9' * 3000}}}\n",
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


def prepared(images: np.ndarray, labels: np.ndarray) -> bytes:
    return npz(train_images=images, train_labels=labels, test_images=images, test_labels=labels)


def test_a_batch_larger_than_the_digits(project: Project, refused: Refused) -> None:
    folder = project({"mlp.runs.custom": {"batch_size": 61}, "compute.workers": 1})
    put(folder / "data/digits.npz", prepared(IMAGES, LABELS))
    refused("train_mlp", "mlp.runs.custom: batch_size is 61, but there are 60 training samples", "custom")


CROPS = npz(
    resized=np.zeros((6, 3, 32, 32), np.uint8),
    pooled=np.zeros((6, 3, 32, 32), np.float32),
    label=np.array([0, 1, 2] * 2, np.uint8),
    test=np.array([False] * 3 + [True] * 3),
)


def test_a_batch_larger_than_the_crops(project: Project, refused: Refused) -> None:
    folder = project({"cnn.runs.custom": {"batch_size": 4}, "compute.workers": 1})
    put(folder / "data/crops.npz", CROPS)
    refused("train_cnn", "cnn.runs.custom: batch_size is 4, but there are 3 training crops", "custom")


def test_a_filter_larger_than_the_crops(project: Project, refused: Refused) -> None:
    folder = project({"cnn.runs.custom": {"batch_size": 1, "filter": 33}, "compute.workers": 1})
    put(folder / "data/crops.npz", CROPS)
    refused("train_cnn", "filter 33 at stride 1 leaves nothing of a crop of 32x32 pixels", "custom")


@pytest.mark.parametrize("part", ["mlp", "cnn"])
@pytest.mark.parametrize(
    "name",
    [
        "mine",
        "",
        ".",
        "..",
        "custom.hidden",
        "custom.epochs",
        "../custom",
        "custom ",
        "é\n",
        "\udcfc",
        "-c",
        "0",
    ],
)
def test_a_run_that_is_not_there(project: Project, refused: Refused, part: str, name: str) -> None:
    project({f"{part}.runs": {"custom": {}, "final": {}}})
    message = f"params.yaml has no run {name!r} in `{part}.runs`; the runs are custom, final"
    refused(f"train_{part}", message, name)


@pytest.mark.parametrize("part", ["mlp", "cnn"])
def test_models_that_cannot_be_written_are_noticed_before_the_work(
    project: Project, refused: Refused, part: str
) -> None:
    """Data for a training are not there, but it does not come to that."""
    put(project({}) / "models", b"")
    message = "Not a directory; something else is in its place: move it away, and run again"
    refused(f"train_{part}", f"models/{part}: {message}", "custom")


@pytest.mark.parametrize("name", ["a", "A-1_b", "0", "-", "long" * 20])
def test_names_that_are_fine(project: Project, accepted: Accepted, name: str) -> None:
    folder = project({"mlp.runs": {name: {}}, "cnn.runs": {name: {}}})
    put(folder / "data/raw/digits/digits.npz", npz(image=IMAGES, label=LABELS))
    assert accepted("prepare_digits")


TABLES: dict[str, tuple[Any, str]] = {
    "unknown run": ({"T1": ["custom", "mine"]}, "mlp.tables.T1 names the run 'mine'; the runs are custom"),
    "no run": ({"T1": []}, "mlp.tables.T1 is []; it must list runs, as in [final]"),
    "a run twice": (
        {"T1": ["custom", "custom"]},
        "mlp.tables.T1 names the run 'custom' twice",
    ),
    "a table that leads elsewhere": (
        {"../../T1": ["custom"]},
        "mlp.tables: '../../T1' cannot be the name of a table; use one such as T15",
    ),
    "a table with the name of what is in none": (
        {"others": ["custom"]},
        "mlp.tables: 'others' cannot be the name of a table; use one such as T15",
    ),
    "a number for a table": (
        {1: ["custom"]},
        "mlp.tables: 1 cannot be the name of a table; use one such as T15",
    ),
    "a list of tables": (["T1"], "params.yaml: `mlp.tables` must hold lists of runs, as T1: [final]"),
    "a run instead of a list": (
        {"T1": "custom"},
        "mlp.tables.T1 is 'custom'; it must list runs, as in [final]",
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_tables(project: Project, refused: Refused, case: str) -> None:
    tables, message = TABLES[case]
    project({"mlp.runs": {"custom": {}}, "mlp.tables": tables})
    refused("evaluate_mlp", message)


PARAMS = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")
COMPARED = [
    f"{part}.runs.{run}"
    for part in ("mlp", "cnn")
    for run in PARAMS[part]["runs"]
    if any(each == part and run in pair for each, *pair, _ in CHANGES)
]
SHOWN = [f"{part}.tables.{table}" for part in ("mlp", "cnn") for table in PARAMS[part]["tables"]]


@pytest.mark.parametrize("removed", COMPARED + SHOWN)
def test_what_the_page_compares_is_missed_by_name(project: Project, refused: Refused, removed: str) -> None:
    part, section, name = removed.split(".")
    rest = {key: value for key, value in PARAMS[part][section].items() if key != name}
    project({f"{part}.{section}": rest})
    refused("write_report", f"params.yaml has no {removed}, which the report's page compares")


TOO_SHORT: dict[str, tuple[list[str], str]] = {
    "one run": (["final"], "hidden"),
    "alike in hidden": (["h512_256", "scaled"], "hidden"),
    "alike in batch_size": (["h512_256", "h64_32"], "batch_size"),
}


@pytest.mark.parametrize("case", TOO_SHORT)
def test_a_table_without_a_difference(project: Project, refused: Refused, case: str) -> None:
    runs, key = TOO_SHORT[case]
    table = {"hidden": "T2", "batch_size": "T4"}[key]
    project({f"mlp.tables.{table}": runs})
    refused(
        "write_report",
        f"params.yaml: the runs of mlp.tables.{table} must differ in {key}, by which the report's page "
        "compares them",
    )


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
def test_at_the_door_of_a_process(
    project: Project, refused_alone: Refused, stage: str, changes: dict[str, Any], message: str
) -> None:
    project(changes)
    refused_alone(stage, message)


def test_trainings_at_the_door_of_a_process(project: Project, refused_alone: Refused) -> None:
    project({"mlp.runs.custom": {"epochs": 0}, "cnn.runs.custom": {"epochs": -1}})
    refused_alone("train_mlp", f"params.yaml: `mlp.runs.custom.epochs` is 0: {POSITIVE}", "custom")
    refused_alone("train_cnn", f"params.yaml: `cnn.runs.custom.epochs` is -1: {POSITIVE}", "custom")
