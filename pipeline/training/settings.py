"""The settings of a training run; params.yaml explains each key.

The upper limits catch slips of the hand, which would run until memory or patience is used up.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.common.settings import InputError, Strict

Units = Annotated[int, Field(ge=1, le=10_000)]  # of one hidden layer
Channels = Annotated[int, Field(ge=1, le=1000)]


class TrainingSettings(Strict):
    """What both networks have."""

    learning_rate: float = Field(gt=0, le=1e6)
    batch_size: int = Field(ge=1)
    epochs: int = Field(ge=1, le=1_000_000)
    seeds: int = Field(ge=1, le=1000)

    def check_samples(self, run: str, samples: int) -> None:
        """Raise InputError if there are fewer training samples than one mini-batch takes."""
        if self.batch_size > samples:
            raise InputError(
                f"{run}: batch_size is {self.batch_size}, but there are {samples} training samples"
            )


class MlpSettings(TrainingSettings):
    """One run of `mlp.runs`, completed with `mlp.defaults`."""

    hidden: list[Units] = Field(min_length=1, max_length=10)
    activation: Literal["sigmoid", "tanh", "relu"]
    initial_weights: Literal["normal", "scaled", "zeros"]
    initial_biases: Literal["normal", "zeros"]
    initial_std: float = Field(gt=0, le=1e6)
    early_stopping: Literal["none", "accuracy", "loss"]
    patience: int = Field(ge=1)
    keep_best: bool
    latents_every: int = Field(ge=0)

    @model_validator(mode="after")
    def latents_within_training(self) -> Self:
        if self.latents_every > self.epochs:
            raise ValueError(f"latents_every {self.latents_every} is past the last epoch, {self.epochs}")
        return self


class CnnSettings(TrainingSettings):
    """One run of `cnn.runs`, completed with `cnn.defaults`."""

    device: Literal["cpu", "cuda"]
    crops: Literal["resized", "own_size"]
    channels: list[Channels] = Field(min_length=2, max_length=2)
    filter: int = Field(ge=1, le=100)
    stride: int = Field(ge=1, le=100)
    padding: int = Field(ge=0)
    head: list[Units] = Field(max_length=10)
    optimizer: Literal["adam", "sgd"]
    momentum: float = Field(ge=0, lt=1)
    sampler: Literal["shuffle", "weighted"]
    snapshot_epoch: int = Field(ge=0)

    @model_validator(mode="after")
    def snapshot_within_training(self) -> Self:
        if self.snapshot_epoch > self.epochs:
            raise ValueError(f"snapshot_epoch {self.snapshot_epoch} is past the last epoch, {self.epochs}")
        return self

    @model_validator(mode="after")
    def padding_within_filter(self) -> Self:
        if self.padding >= self.filter:
            raise ValueError(f"padding {self.padding} must be less than filter {self.filter}")
        return self
