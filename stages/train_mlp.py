"""Train the MLP of one run of part 1 on the prepared digits, once for each seed.

python -m stages.train_mlp RUN      reads data/digits.npz, writes models/mlp/RUN/

settings.json               the run's settings, defaults filled in
curves.csv                  a row for each replicate and epoch
predictions.npz             train, test: predicted classes (replicates, samples)
replicate_<r>.safetensors   layer_<i>: (inputs + 1, units), the last row biases
latents.npz                 where recorded: epoch (e,), activations (replicates, e, test samples, units)
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from stages.compute import Compute
from stages.files import whole_folder, write_arrays
from stages.replicates import Epochs, Rate, Seeds, Units, leave, run_replicates, write_run
from stages.settings import InputError, Strict, check, read_params, read_run, read_seed, run_stage, section

DIGITS = Path("data/digits.npz")
MODELS = Path("models/mlp")


class Settings(Strict):
    """One run of `mlp.runs`, completed with `mlp.defaults`; params.yaml explains each key."""

    hidden: list[Units] = Field(min_length=1, max_length=10)
    activation: Literal["sigmoid", "tanh", "relu"]
    initial_weights: Literal["normal", "scaled", "zeros"]
    initial_biases: Literal["normal", "zeros"]
    initial_std: float = Field(gt=0, le=1e6)
    learning_rate: Rate
    batch_size: int = Field(ge=1)
    epochs: Epochs
    early_stopping: Literal["none", "accuracy", "loss"]
    patience: int = Field(ge=1)
    keep_best: bool
    latents_every: int = Field(ge=0)
    seeds: Seeds

    @model_validator(mode="after")
    def latents_within_training(self) -> "Settings":
        if self.latents_every > self.epochs:
            raise ValueError(f"latents_every {self.latents_every} is past the last epoch, {self.epochs}")
        return self


def train_replicates(
    digits: Path, run: str, seed: int, values: dict[str, Any], replicates: list[int], device: str
) -> list[dict[str, Any]]:
    """Some of the replicates, where torch is imported: not here, if that is in a process of their own."""
    from stages.networks import mlp

    return mlp.train(digits, run, seed, replicates, device, **values)


def write_latents(path: Path, latents: list[dict[int, np.ndarray]]) -> None:
    """The latents of all replicates, at the epochs that every one of them reached."""
    epochs = sorted(set.intersection(*(set(replicate) for replicate in latents)))
    if not epochs:
        raise InputError("a replicate stopped before its first latents; set a smaller latents_every")
    activations = [np.stack([replicate[epoch] for epoch in epochs]) for replicate in latents]
    write_arrays(path, epoch=np.array(epochs), activations=np.stack(activations))


def main(run: str) -> None:
    params = read_params()
    settings = check(Settings, read_run(params, "mlp", run), f"mlp.runs.{run}")
    compute = check(Compute, section(params, "compute"), "compute")
    train = partial(
        train_replicates, DIGITS.resolve(), run, read_seed(params), settings.model_dump(exclude={"seeds"})
    )
    with whole_folder(MODELS / run) as folder:
        replicates = run_replicates(train, settings.seeds, compute)
        write_run(folder, settings.model_dump(), replicates)
        if settings.latents_every:
            write_latents(folder / "latents.npz", [replicate["latents"] for replicate in replicates])


if __name__ == "__main__":
    run_stage(main, *sys.argv[1:])
    leave()
