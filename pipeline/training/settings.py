"""The settings of a training run; params.yaml explains each key.

The upper limits catch typing errors, which would otherwise run for days or fill the memory.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import Strict

Units = Annotated[int, Field(ge=1, le=10_000)]  # of one hidden layer
Channels = Annotated[int, Field(ge=1, le=1000)]


class TrainingSettings(Strict):
    """What both networks have."""

    learning_rate: float = Field(gt=0, le=1e6)
    batch_size: int = Field(ge=1)
    epochs: int = Field(ge=1, le=1_000_000)
    schedule: Literal["constant", "cycle"]
    seeds: int = Field(ge=1, le=1000)

    def check_samples(self, run: str, samples: int) -> None:
        """Raise InputError if there are fewer training samples than one mini-batch takes."""
        if self.batch_size > samples:
            raise InputError(
                f"{run}: batch_size is {self.batch_size}, but there are {samples} training samples; "
                f"set {samples} or less"
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
    momentum: float = Field(ge=0, lt=1)
    augmentation: Literal["none", "affine"]
    split: Literal["given", "sheets"]
    validation: int = Field(ge=0)

    @model_validator(mode="after")
    def latents_within_training(self) -> Self:
        if self.latents_every > self.epochs:
            raise ValueError(f"latents_every {self.latents_every} is past the last epoch, {self.epochs}")
        return self


class CnnSettings(TrainingSettings):
    """One run of `cnn.runs`, completed with `cnn.defaults`."""

    device: Literal["cpu", "cuda"]
    folds: int = Field(ge=0, le=100)
    crops: Literal["resized", "large", "own_size"]
    channels: list[Channels] = Field(min_length=1, max_length=10)
    filter: int = Field(ge=1, le=100)
    stride: int = Field(ge=1, le=100)
    padding: int = Field(ge=0)
    batch_norm: bool
    head: list[Units] = Field(max_length=10)
    optimizer: Literal["adam", "sgd"]
    momentum: float = Field(ge=0, lt=1)
    sampler: Literal["shuffle", "weighted", "repeated", "reduced"]
    class_weights: bool
    augmentation: Literal["none", "random"]
    label_smoothing: float = Field(ge=0, lt=1)
    snapshot_epoch: int = Field(ge=0)

    @field_validator("folds")
    @classmethod
    def not_one_fold(cls, folds: int) -> int:
        if folds == 1:
            raise ValueError("one fold would leave nothing to train on; use 0 for the split of the source")
        return folds

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
