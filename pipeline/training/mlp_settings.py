"""The settings of a run of the MLP."""

from typing import Literal

from pydantic import Field, model_validator

from pipeline.common.settings import Strict
from pipeline.training.replicates import Epochs, Rate, Seeds, Units


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
