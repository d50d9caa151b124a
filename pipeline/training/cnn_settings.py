"""The settings of a run of the CNN."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.common.settings import Strict
from pipeline.training.replicates import Epochs, Rate, Seeds, Units


class Settings(Strict):
    """One run of `cnn.runs`, completed with `cnn.defaults`; params.yaml explains each key."""

    device: Literal["cpu", "cuda"]
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
