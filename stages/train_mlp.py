"""Train the MLP of one run of part 1 on the prepared digits, once for each seed.

python -m stages.train_mlp RUN      reads data/digits.npz, writes models/mlp/RUN/

settings.json               the run's settings, defaults filled in
curves.csv                  a row for each replicate and epoch
predictions.npz             train, test: predicted classes (replicates, samples)
replicate_<r>.safetensors   layer_<i>: (units, inputs + 1), the last column biases
latents.npz                 where recorded: epoch (e,), activations (replicates, e, test samples, units)
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.common.compute import Compute
from pipeline.common.files import whole_folder, write_arrays
from pipeline.common.settings import InputError, check, read_params, read_run, read_seed, run_stage, section
from pipeline.training.mlp_settings import Settings
from pipeline.training.replicates import run_replicates, write_run

DIGITS = Path("data/digits.npz")
MODELS = Path("models/mlp")


def train_replicate(digits: Path, run: str, seed: int, settings: Settings, replicate: int) -> dict[str, Any]:
    """One training, in a process that imports what it needs; this one does not."""
    from pipeline.training.mlp_training import train

    return train(digits, run, seed, settings, replicate)


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
    train = partial(train_replicate, DIGITS.resolve(), run, read_seed(params), settings)
    with whole_folder(MODELS / run) as folder:
        replicates = run_replicates(train, settings.seeds, compute)
        write_run(folder, settings.model_dump(), replicates)
        if settings.latents_every:
            write_latents(folder / "latents.npz", [replicate["latents"] for replicate in replicates])


if __name__ == "__main__":
    run_stage(main, *sys.argv[1:])
