"""One run of `mlp.runs` in params.yaml, which explains each key."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipeline.training.settings import TrainingSettings, Units


class MlpSettings(TrainingSettings):
    packages: ClassVar = ("numpy", "scipy")

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
