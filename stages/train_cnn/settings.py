"""One run of `cnn.runs` in params.yaml, which explains each key."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.training.settings import TrainingSettings, Units

Channels = Annotated[int, Field(ge=1, le=1000)]


class CnnSettings(TrainingSettings):
    packages: ClassVar = ("numpy", "pillow", "scikit-learn", "torch", "torchvision")

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

    @property
    def replicates(self) -> int:
        """How many networks are trained: one for each fold if there are folds, else `seeds`."""
        return self.folds or self.seeds

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
