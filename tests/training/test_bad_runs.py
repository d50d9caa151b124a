"""Runs with wrong settings, names and sizes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.common.crops import Crops
from pipeline.common.paths import CROP_ARRAYS
from pipeline.runtime.errors import InputError
from stages.train_mlp import __main__ as train_mlp
from tests.check_settings.test_bad_parameters import AT_MOST, POSITIVE
from tests.evaluation.test_bad_tables import put_digits
from tests.making import (
    IMAGES,
    LABELS,
    MASK_CLASSES,
    Accepted,
    Project,
    Refused,
    npz,
    put,
    put_settings,
    save_crops,
)

# What one setting of a run is set to, and what is said of it; where the key names an item, of that one.
MLP: dict[str, tuple[str, Any, str]] = {
    "hidden is a number": ("hidden", 64, "Input should be a valid list"),
    "hidden is text": ("hidden", "[64, 32]", "Input should be a valid list"),
    "no hidden layer": ("hidden", [], "List should have at least 1 item after validation, not 0"),
    "too many hidden layers": (
        "hidden",
        [2] * 11,
        "List should have at most 10 items after validation, not 11",
    ),
    "hidden layer of 0": ("hidden.1", [64, 0], POSITIVE),
    "hidden layer beyond all memory": ("hidden.1", [64, 10**9], f"{AT_MOST} 10000"),
    "hidden layer of a half": ("hidden.0", [1.5], "Input should be a valid integer"),
    "nested hidden layers": ("hidden.0", [[64]], "Input should be a valid integer"),
    "batch of 0": ("batch_size", 0, POSITIVE),
    "batch in text": ("batch_size", "32", "Input should be a valid integer"),
    "rate 0": ("learning_rate", 0, "Input should be greater than 0"),
    "rate NaN": ("learning_rate", float("nan"), "Input should be a finite number"),
    "rate infinite": ("learning_rate", float("inf"), "Input should be a finite number"),
    "rate beyond all": ("learning_rate", 1e39, f"{AT_MOST} 1000000"),
    "rate in text": ("learning_rate", "1e-4", "Input should be a valid number"),
    "rate none": ("learning_rate", None, "Input should be a valid number"),
    "epochs 0": ("epochs", 0, POSITIVE),
    "epochs without end": ("epochs", 10**12, f"{AT_MOST} 1000000"),
    "epochs true": ("epochs", True, "Input should be a valid integer"),
    "seeds 0": ("seeds", 0, POSITIVE),
    "seeds without end": ("seeds", 10**9, f"{AT_MOST} 1000"),
    "deviation beyond all": ("initial_std", 1e39, f"{AT_MOST} 1000000"),
    "deviation 0": ("initial_std", 0, "Input should be greater than 0"),
    "unknown activation": ("activation", "relus", "Input should be 'sigmoid', 'tanh' or 'relu'"),
    "a switch in text": ("keep_best", "yes", "Input should be a valid boolean"),
}
CNN: dict[str, tuple[str, Any, str]] = {
    "no convolution": ("channels", [], "List should have at least 1 item after validation, not 0"),
    "no sampler": ("sampler", "none", "Input should be 'shuffle', 'weighted', 'repeated' or 'reduced'"),
    "filter 0": ("filter", 0, POSITIVE),
    "stride 0": ("stride", 0, POSITIVE),
    "padding -1": ("padding", -1, "Input should be greater than or equal to 0"),
    "a convolution beyond all memory": ("channels.1", [16, 10**9], f"{AT_MOST} 1000"),
    "filter beyond all memory": ("filter", 10**9, f"{AT_MOST} 100"),
    "stride without end": ("stride", 10**9, f"{AT_MOST} 100"),
    "head beyond all memory": ("head.0", [10**9], f"{AT_MOST} 10000"),
    "epochs without end": ("epochs", 10**12, f"{AT_MOST} 1000000"),
    "momentum 1": ("momentum", 1, "Input should be less than 1"),
    "rate NaN": ("learning_rate", float("nan"), "Input should be a finite number"),
    "unknown optimizer": ("optimizer", "adamw", "Input should be 'adam' or 'sgd'"),
    "unknown device": ("device", "gpu", "Input should be 'cpu' or 'cuda'"),
}


@pytest.mark.parametrize(
    ("part", "case"), [*(("mlp", case) for case in MLP), *(("cnn", case) for case in CNN)]
)
def test_values(project: Project, refused: Refused, part: str, case: str) -> None:
    named, value, message = (MLP if part == "mlp" else CNN)[case]
    key, *item = named.split(".")
    project({f"{part}.runs.custom": {key: value}})
    wrong = value[int(item[0])] if item else value
    refused("check_settings", f"params.yaml: `{part}.runs.custom.{named}` is {wrong!r}: {message}")


# Settings that do not go with each other or with the others, and what is said after the run's key.
TOGETHER: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown key": ("mlp", {"hiden": [64]}, ".hiden` is not a setting; did you mean `hidden`?"),
    "latents past the end": (
        "mlp",
        {"latents_every": 121},
        "`: latents_every 121 is past the last epoch, 120",
    ),
    "snapshot past the end": (
        "cnn",
        {"snapshot_epoch": 11},
        "`: snapshot_epoch 11 is past the last epoch, 10",
    ),
    "padding as wide as the filter": ("cnn", {"padding": 3}, "`: padding 3 must be less than filter 3"),
    "one fold": (
        "cnn",
        {"folds": 1},
        ".folds`: one fold would leave nothing to train on; use 0 for the split of the source",
    ),
}


@pytest.mark.parametrize("case", TOGETHER)
def test_together(project: Project, refused: Refused, case: str) -> None:
    part, values, message = TOGETHER[case]
    project({f"{part}.runs.custom": values})
    refused("check_settings", f"params.yaml: `{part}.runs.custom{message}")


def test_a_latent_figure_of_a_test_set_of_its_own(project: Project, refused: Refused) -> None:
    project({"mlp.runs.latents_16_2": {"hidden": [16, 2], "latents_every": 10, "split": "sheets"}})
    message = (
        "params.yaml: `project_latents.F1_latents_16_2` shows the test set of the data, but "
        "mlp.runs.latents_16_2 draws its own (split: sheets); set it to split: given, or show another run"
    )
    refused("check_settings", message)


@pytest.fixture
def checked(project: Project) -> Project:
    """A project as check_settings leaves it."""

    def make(changes: dict[str, Any]) -> Path:
        folder = project({**changes, "compute.workers": 1})
        put_settings(folder)
        return folder

    return make


def test_a_batch_larger_than_the_digits(checked: Project, refused: Refused) -> None:
    put_digits(checked({"mlp.runs.custom": {"batch_size": 61}}))
    message = "mlp.runs.custom: batch_size is 61, but there are 60 training samples; set 60 or less"
    refused("train_mlp", message, "custom")


def test_a_training_that_stops_before_its_latents_are_recorded(checked: Project) -> None:
    stops = {"learning_rate": 1e-9, "early_stopping": "accuracy", "patience": 1, "epochs": 9}
    folder = checked({"mlp.runs.custom": {**stops, "latents_every": 9}})
    put_digits(folder)
    with pytest.raises(InputError, match="mlp.runs.custom: a replicate stopped early, before"):
        train_mlp.main("custom")
    assert not list((folder / "models/mlp").iterdir())


def put_crops(folder: Path) -> None:
    pixels, label = np.zeros((6, 3, 32, 32), np.uint8), np.array([0, 1, 2] * 2, np.uint8)
    (folder / CROP_ARRAYS).parent.mkdir()
    large = pixels.repeat(2, axis=2).repeat(2, axis=3)
    crops = Crops(pixels, large, pixels.astype(np.float32), label, np.arange(6) > 2, label, [*MASK_CLASSES])
    save_crops(folder / CROP_ARRAYS, crops)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (
            {"batch_size": 4},
            "cnn.runs.custom: batch_size is 4, but there are 3 training samples; set 3 or less",
        ),
        (
            {"batch_size": 1, "filter": 33},
            "2 convolutions with filter 33, stride 1 and padding 0, each followed by pooling, leave nothing "
            "of a crop of 32x32 pixels; set fewer channels, or a smaller filter or stride",
        ),
    ],
)
def test_more_than_the_crops_have(
    checked: Project, refused: Refused, run: dict[str, Any], message: str
) -> None:
    put_crops(checked({"cnn.runs.custom": run}))
    refused("train_cnn", message, "custom")


@pytest.mark.parametrize("part", ["mlp", "cnn"])
@pytest.mark.parametrize("name", ["", "..", "custom.hidden", "custom ", "é\n", "\udcfc"])
def test_a_run_that_is_not_there(project: Project, refused: Refused, part: str, name: str) -> None:
    project({f"{part}.runs": {"custom": {}, "final": {}}})
    near = "; did you mean `custom`?" if name.startswith("custom") else ""
    message = f"params.yaml has no run {name!r} in `{part}.runs`; the runs are custom, final{near}"
    refused(f"train_{part}", message, name)


@pytest.mark.parametrize("part", ["mlp", "cnn"])
def test_models_that_cannot_be_written_are_noticed_before_the_work(
    checked: Project, refused: Refused, part: str
) -> None:
    """Data for a training are not there, but it does not come to that."""
    put(checked({}) / "models", b"")
    message = "Not a directory; something else is in its place: move it away, and run again"
    refused(f"train_{part}", f"models/{part}: {message}", "custom")


@pytest.mark.parametrize("name", ["A-1_b", "0", "long" * 20])
def test_names_that_are_fine(project: Project, accepted: Accepted, name: str) -> None:
    folder = project({"mlp.runs": {name: {}}, "cnn.runs": {name: {}}})
    put(folder / "data/raw/digits/digits.npz", npz(image=IMAGES, label=LABELS))
    assert accepted("prepare_digits")


def test_settings_that_are_not_those_of_params_yaml(
    checked: Project, project: Project, refused: Refused
) -> None:
    checked({})
    project({"mlp.runs.custom": {"epochs": 7}})
    message = "settings/mlp/custom.json is not what params.yaml says; `dvc repro check_settings` mends it"
    refused("train_mlp", message, "custom")
