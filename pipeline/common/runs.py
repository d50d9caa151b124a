"""The files of a run, in models/<part>/<run>/.

settings.json               the run's settings, defaults filled in
curves.csv                  a row for each replicate and epoch
predictions_<r>.safetensors  uint8 (samples,): <split>, the predicted classes; <split>_truth, the true ones;
                            snapshot, those predicted for the test set after `snapshot_epoch`
replicate_<r>.safetensors   the weights of a replicate, with what has to be known to use them
latents.safetensors         of some runs of the MLP: `Latents`
snapshot_<r>.safetensors    of some runs of the CNN: the weights after `snapshot_epoch`
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pipeline.common.classes import SPLITS
from pipeline.common.paths import MODELS
from pipeline.common.storage import load_arrays, read_json, save_arrays, write_json
from pipeline.runtime.errors import InputError

if TYPE_CHECKING:  # only those who read runs need pandas: a training would wait for it
    import pandas as pd

SETTINGS_FILE, CURVES_FILE = "settings.json", "curves.csv"
LATENTS_FILE, SNAPSHOT = "latents.safetensors", "snapshot"


class Replicate(NamedTuple):
    """One training."""

    curve: list[dict[str, Any]]  # a row for each epoch: replicate, epoch, kept, losses and accuracies
    weights: dict[str, np.ndarray]
    network: dict[str, Any]  # what has to be known to use the weights: tools/networks.py
    predictions: dict[str, np.ndarray]  # by split, and as SNAPSHOT: predicted classes, uint8 (samples,)
    truth: dict[str, np.ndarray]  # by split: true classes, uint8 (samples,)
    latents: dict[int, np.ndarray] = {}  # by epoch: the last hidden layer on the test set (samples, units)
    snapshot: dict[str, np.ndarray] = {}  # weights as they were after `snapshot_epoch`


class Run(NamedTuple):
    """All replicates of a trained run. `predictions` and `truth` have for each split a list with one array
    uint8 (samples,) for each replicate. Replicates have different samples in a run in folds, and in one with
    `split: sheets`.
    """

    settings: dict[str, Any]
    curves: "pd.DataFrame"  # a row for each replicate and epoch
    predictions: dict[str, list[np.ndarray]]  # predicted; those of SNAPSHOT are for the test samples
    truth: dict[str, list[np.ndarray]]

    def final(self) -> "pd.DataFrame":
        """The epoch that each replicate ended with: its last one that was kept."""
        return self.curves[self.curves.kept == 1].groupby("replicate").last()

    def samples(self, split: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """For each replicate the true and the predicted classes."""
        return zip(self.truth[split], self.predictions[split], strict=True)


class Latents(NamedTuple):
    """The last hidden layer of an MLP on the test set, during its training."""

    epoch: np.ndarray  # (e,), those recorded
    activations: np.ndarray  # (replicates, e, samples, units)


def name_of_predictions(replicate: int) -> str:
    return f"predictions_{replicate}.safetensors"


def name_of_weights(replicate: int) -> str:
    return f"replicate_{replicate}.safetensors"


def name_of_truth(split: str) -> str:
    return f"{split}_truth"


def run_folder(part: str, run: str) -> Path:
    return MODELS / part / run


def write_run(folder: Path, settings: dict[str, Any], replicates: list[Replicate]) -> None:
    """Fill the folder of a run."""
    write_json(folder / SETTINGS_FILE, settings)
    with open(folder / CURVES_FILE, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(replicates[0].curve[0]), lineterminator="\n")
        writer.writeheader()
        for replicate in replicates:
            writer.writerows(replicate.curve)
    for index, replicate in enumerate(replicates):
        truth = {name_of_truth(split): classes for split, classes in replicate.truth.items()}
        save_arrays(folder / name_of_predictions(index), replicate.predictions | truth)
        save_arrays(folder / name_of_weights(index), replicate.weights, replicate.network)
        if replicate.snapshot:
            save_arrays(folder / f"snapshot_{index}.safetensors", replicate.snapshot, replicate.network)
    if settings.get("latents_every"):
        save_arrays(folder / LATENTS_FILE, stack_latents([each.latents for each in replicates])._asdict())


def read_run(folder: Path) -> Run:
    """The run that `write_run` wrote; InputError if it has not been trained."""
    import pandas as pd

    if not (folder / SETTINGS_FILE).is_file():
        raise InputError(f"{folder} holds no trained run; `dvc pull` brings it, or `dvc repro` trains it")
    curves = pd.read_csv(folder / CURVES_FILE)
    files = [load_arrays(folder / name_of_predictions(r)) for r in range(curves.replicate.nunique())]
    splits = [split for split in (*SPLITS, "validation") if name_of_truth(split) in files[0]]
    return Run(
        read_json(folder / SETTINGS_FILE),
        curves,
        {name: [file[name] for file in files] for name in (*splits, SNAPSHOT) if name in files[0]},
        {split: [file[name_of_truth(split)] for file in files] for split in splits},
    )


def stack_latents(latents: list[dict[int, np.ndarray]]) -> Latents:
    """The latents of all replicates, at the epochs that every one of them reached; at least one."""
    epochs = sorted(set.intersection(*(set(replicate) for replicate in latents)))
    activations = [np.stack([replicate[epoch] for epoch in epochs]) for replicate in latents]
    return Latents(np.array(epochs), np.stack(activations))


def load_latents(folder: Path) -> Latents | None:
    """The latents of a run; None if it records none."""
    path = folder / LATENTS_FILE
    return Latents(**load_arrays(path)) if path.is_file() else None
