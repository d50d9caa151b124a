"""Small trainings and latent features of every kind, and the digests of their bytes.

python -m tests.small_trainings > tests/digests.json

tests/test_processors.py compares the digests on the processor that runs the suite, and on emulated ones.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.common.crops import Crops
from pipeline.common.digits import Digits, save_digits
from pipeline.common.numerics import why_not_pinned
from pipeline.common.runs import Replicate, write_run
from stages.project_latents.plane import project, separation
from stages.train_cnn.settings import CnnSettings
from stages.train_mlp import training as mlp_training
from stages.train_mlp.settings import MlpSettings
from tests.making import save_crops

CONTROL = "Tensor.sqrt"  # not used by the pipeline, since its last digits are the processor's own

MLP = {
    "hidden": [32, 16],
    "activation": "sigmoid",
    "initial_weights": "normal",
    "initial_biases": "normal",
    "initial_std": 1.0,
    "learning_rate": 0.099,
    "batch_size": 32,
    "epochs": 2,
    "early_stopping": "none",
    "patience": 10,
    "keep_best": False,
    "latents_every": 1,
    "momentum": 0.0,
    "schedule": "constant",
    "augmentation": "none",
    "split": "given",
    "validation": 0,
    "seeds": 1,
}
MLP_CASES: dict[str, dict[str, Any]] = {
    "mlp sigmoid wide": {"hidden": [512, 256], "epochs": 1},
    "mlp sigmoid narrow": {},
    "mlp tanh": {"activation": "tanh", "initial_weights": "scaled", "hidden": [20, 15, 2]},
    "mlp relu, mini-batches of 8": {"activation": "relu", "initial_weights": "scaled", "batch_size": 8},
    "mlp keep the best": {"keep_best": True, "learning_rate": 5.0, "epochs": 4},
    "mlp momentum, cycle, affine": {
        "momentum": 0.9,
        "schedule": "cycle",
        "augmentation": "affine",
        "split": "sheets",
        "validation": 20,
    },
}
# Slow to emulate, so trained on fewer samples.
FEW = ("mlp sigmoid wide", "mlp relu, mini-batches of 8", "mlp keep the best")
CNN = {
    "device": "cpu",
    "folds": 0,
    "crops": "resized",
    "channels": [16, 32],
    "filter": 3,
    "stride": 1,
    "padding": 0,
    "batch_norm": False,
    "head": [],
    "optimizer": "sgd",
    "momentum": 0.9,
    "learning_rate": 0.001,
    "schedule": "constant",
    "batch_size": 8,
    "epochs": 1,
    "sampler": "shuffle",
    "class_weights": False,
    "augmentation": "none",
    "label_smoothing": 0.0,
    "snapshot_epoch": 1,
    "seeds": 1,
}
CNN_CASES: dict[str, dict[str, Any]] = {
    "cnn sgd": {},
    "cnn adam": {"optimizer": "adam"},
    "cnn own size": {"crops": "own_size", "batch_size": 1},
    "cnn stride 2": {"stride": 2},
    "cnn stride 2, padded": {"stride": 2, "padding": 1, "optimizer": "adam"},
    "cnn 5x5": {"filter": 5},
    "cnn hidden head": {"head": [12], "optimizer": "adam"},
    "cnn weighted sampler": {"sampler": "weighted"},
    "cnn remedies": {"folds": 2, "sampler": "repeated", "class_weights": True, "augmentation": "random"},
    "cnn larger": {
        "crops": "large",
        "channels": [8, 16, 32, 32],
        "padding": 1,
        "batch_norm": True,
        "optimizer": "adam",
        "schedule": "cycle",
        "label_smoothing": 0.05,
        "augmentation": "random",
    },
}


def digest(*contents: bytes) -> str:
    return hashlib.sha256(b"".join(contents)).hexdigest()[:16]


def digest_of_run(result: Replicate, folder: Path) -> str:
    """Of the files that a stage would write, and of the latent features."""
    folder.mkdir()
    write_run(folder, {}, [result])
    files = [path.read_bytes() for path in sorted(folder.iterdir())]
    return digest(*files, *(array.tobytes() for array in result.latents.values()))


def make_digits(path: Path, train: int = 84, test: int = 520) -> None:
    """Noisy patterns, a sheet for every four: mini-batches of 32, 32 and 20, two blocks of test samples."""
    rng = np.random.default_rng(0)
    number = np.arange(train + test)
    labels = number % 10
    patterns = rng.integers(0, 256, (10, 28, 28))
    images = np.clip(patterns[labels] + rng.normal(0, 60, (len(number), 28, 28)), 0, 255)
    digits = Digits(images.astype(np.uint8), labels.astype(np.uint8), number // 4)
    sides = {"train": slice(train), "test": slice(train, None)}
    save_digits(path, {side: digits.take(rows) for side, rows in sides.items()})


def make_crops(path: Path) -> None:
    """Crops brighter by class, 12 to train on: a mini-batch of 8 and one of 4."""
    rng = np.random.default_rng(1)
    label = np.array([0, 1, 1, 1, 1, 2] * 3, np.uint8)
    pixels = np.clip(rng.normal(60 + 60 * label[:, None, None, None], 30, (18, 3, 24, 24)), 0, 255)
    resized, pooled = pixels.astype(np.uint8), (pixels / 255).astype(np.float32)
    large = resized.repeat(2, axis=2).repeat(2, axis=3)
    number = np.arange(18)
    save_crops(path, Crops(resized, large, pooled, label, number >= 12, number, ["bad", "good", "none"]))


def mlp_digests(folder: Path) -> dict[str, str]:
    """Trainings, and projections of what their last hidden layers make of some test samples."""
    make_digits(folder / "digits")
    make_digits(folder / "few", 40, 20)
    found = {}
    for case, changes in MLP_CASES.items():
        settings = MlpSettings(**MLP | changes)
        digits = folder / ("few" if case in FEW else "digits")
        result = mlp_training.train(digits, case, 0, settings, 0)
        found[case] = digest_of_run(result, folder / case)
        latents = np.stack([units[:120] for units in result.latents.values()][-2:])
        if case == "mlp tanh":  # two units, as in F1
            found["latents units"] = digest_of_latents("units", latents)
        if case == "mlp sigmoid narrow":
            found["latents pca"] = digest_of_latents("pca", latents)
            found["latents t-SNE"] = digest_of_latents("tsne", latents[1:])
    return found


def digest_of_latents(method: str, latents: np.ndarray) -> str:
    """Of points in the plane, and of how well the classes are separated there."""
    points = project(method, latents, 0)
    scores = [separation(each, np.arange(120) % 10) for each in points]
    return digest(points.tobytes(), json.dumps(scores).encode())


def cnn_digests(folder: Path) -> dict[str, str]:
    from stages.train_cnn.training import train

    make_crops(folder / "crops.safetensors")
    return {
        case: digest_of_run(
            train(folder / "crops.safetensors", case, 0, CnnSettings(**CNN | changes), 0), folder / case
        )
        for case, changes in CNN_CASES.items()
    }


def control_digest() -> str:
    import torch

    numbers = torch.rand(1000, generator=torch.Generator().manual_seed(0))
    return digest(numbers.sqrt().numpy().tobytes())


def digests() -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        return mlp_digests(Path(folder)) | cnn_digests(Path(folder)) | {CONTROL: control_digest()}


if __name__ == "__main__":
    if reason := why_not_pinned():
        sys.exit(f"witness: its digests would be this processor's own: {reason}")
    print(json.dumps(digests(), indent=2))
