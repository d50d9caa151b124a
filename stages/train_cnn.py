"""Train the CNN of one run of part 2 on the crops, once for each seed.

python -m stages.train_cnn RUN      reads data/crops.npz, writes models/cnn/RUN/

settings.json               the run's settings, defaults filled in
curves.csv                  a row for each replicate and epoch
predictions.npz             train, test and, with a snapshot, snapshot_test: classes (replicates, crops)
replicate_<r>.safetensors   the weights, by their names in the network
snapshot_<r>.safetensors    the same after `snapshot_epoch`
"""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from safetensors.numpy import save

from stages.compute import Compute
from stages.files import whole_folder
from stages.replicates import Epochs, Rate, Seeds, Units, leave, run_replicates, write_run
from stages.settings import Strict, check, read_params, read_run, read_seed, run_stage, section

CROPS = Path("data/crops.npz")
MODELS = Path("models/cnn")


class Settings(Strict):
    """One run of `cnn.runs`, completed with `cnn.defaults`; params.yaml explains each key."""

    crops: Literal["resized", "own_size"]
    channels: list[Annotated[int, Field(ge=1, le=1000)]] = Field(min_length=2, max_length=2)
    filter: int = Field(ge=1, le=100)
    stride: int = Field(ge=1, le=100)
    padding: int = Field(ge=0)
    head: list[Units] = Field(max_length=10)
    optimizer: Literal["adam", "sgd"]
    momentum: float = Field(ge=0, lt=1)
    learning_rate: Rate
    batch_size: int = Field(ge=1)
    epochs: Epochs
    sampler: Literal["shuffle", "weighted"]
    snapshot_epoch: int = Field(ge=0)
    seeds: Seeds

    @model_validator(mode="after")
    def snapshot_within_training(self) -> "Settings":
        if self.snapshot_epoch > self.epochs:
            raise ValueError(f"snapshot_epoch {self.snapshot_epoch} is past the last epoch, {self.epochs}")
        return self

    @model_validator(mode="after")
    def padding_within_filter(self) -> "Settings":
        if self.padding >= self.filter:
            raise ValueError(f"padding {self.padding} must be less than filter {self.filter}")
        return self


def train_replicates(
    crops: Path, run: str, seed: int, values: dict[str, Any], replicates: list[int], device: str
) -> list[dict[str, Any]]:
    """Some of the replicates, where torch is imported: not here, if that is in a process of their own."""
    from stages.networks import cnn

    return cnn.train(crops, run, seed, replicates, device, **values)


def main(run: str) -> None:
    params = read_params()
    settings = check(Settings, read_run(params, "cnn", run), f"cnn.runs.{run}")
    compute = check(Compute, section(params, "compute"), "compute")
    train = partial(
        train_replicates, CROPS.resolve(), run, read_seed(params), settings.model_dump(exclude={"seeds"})
    )
    with whole_folder(MODELS / run) as folder:
        replicates = run_replicates(train, settings.seeds, compute)
        write_run(folder, settings.model_dump(), replicates)
        if settings.snapshot_epoch:
            for index, replicate in enumerate(replicates):
                (folder / f"snapshot_{index}.safetensors").write_bytes(save(replicate["snapshot"]))


if __name__ == "__main__":
    run_stage(main, *sys.argv[1:])
    leave()
