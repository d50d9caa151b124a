"""The training of an MLP: its epochs, and what is recorded of them."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from pipeline.common.seeds import generator
from pipeline.common.settings import InputError
from pipeline.training.mlp import (
    ACTIVATIONS,
    CLASSES,
    Activation,
    Split,
    cross_entropy,
    initial_layers,
    last_hidden,
    predict,
    train_epoch,
)
from pipeline.training.mlp_settings import Settings
from pipeline.training.replicates import Curve, Patience


def load_digits(path: Path) -> dict[str, Split]:
    """The splits "train" and "test" of the prepared digits."""
    splits = {}
    with np.load(path, allow_pickle=False) as arrays:
        for split in ("train", "test"):
            labels = arrays[f"{split}_labels"]
            splits[split] = Split(arrays[f"{split}_images"].reshape(len(labels), -1), labels)
    return splits


def score(
    layers: list[ndarray], splits: dict[str, Split], activation: Activation
) -> tuple[dict[str, float], dict[str, ndarray]]:
    """Loss and accuracy of both splits; the classes predicted for each."""
    scores, predicted = {}, {}
    for split, samples in splits.items():
        logits = predict(layers, samples, activation)
        predicted[split] = logits.argmax(axis=0).astype(np.uint8)
        scores[f"{split}_loss"] = cross_entropy(logits, samples.labels)
        scores[f"{split}_accuracy"] = float((predicted[split] == samples.labels).mean())
    return scores, predicted


class Record:
    """What is kept of a training: its curve, and weights and predictions of the last epoch that was kept."""

    def __init__(self, run: str, replicate: int, settings: Settings) -> None:
        self.settings = settings
        self.curve = Curve(run, replicate, settings.epochs, settings.learning_rate)
        self.patience = Patience()
        self.layers: list[ndarray] = []
        self.predicted: dict[str, ndarray] = {}
        self.latents: dict[int, ndarray] = {}

    def add(self, scores: dict[str, float], predicted: dict[str, ndarray], layers: list[ndarray]) -> None:
        """Record an epoch. With `keep_best` (T6), where training accuracy has not risen, the best weights so
        far are put back into `layers`, so that training goes on from them.
        """
        self.patience.see(accuracy=scores["train_accuracy"], loss=scores["train_loss"])
        keep = not self.settings.keep_best or self.patience.epochs["accuracy"] == 0
        self.curve.record(scores, kept=keep)
        if keep:
            self.predicted = predicted
            self.layers = [layer.copy() for layer in layers]
        else:
            for layer, best in zip(layers, self.layers, strict=True):
                layer[...] = best

    def is_over(self) -> bool:
        """Whether training accuracy (rule 1 of T5) or loss (rule 2) has not improved for so many epochs."""
        rule, patience = self.settings.early_stopping, self.settings.patience
        if rule == "none" or self.patience.epochs[rule] < patience:
            return False
        self.curve.say(
            f"stops after epoch {len(self.curve.rows)}: "
            f"training {rule} has not improved for {patience} epochs"
        )
        return True

    def results(self) -> dict[str, Any]:
        """See `train`."""
        weights = {f"layer_{index}": layer for index, layer in enumerate(self.layers)}
        return {"curve": self.curve.close(), "weights": weights, "latents": self.latents, **self.predicted}


def train(digits: Path, run: str, seed: int, settings: Settings, replicate: int) -> dict[str, Any]:
    """Train one network; what it leaves, as arrays.

    `curve`: a row for each epoch. `weights`: by layer. `train`, `test`: predicted classes (n,).
    `latents`: by epoch, the last hidden activations of the test set (n, units).
    """
    splits = load_digits(digits)
    images, labels = splits["train"]
    if settings.batch_size > len(labels):
        raise InputError(
            f"mlp.runs.{run}: batch_size is {settings.batch_size}, "
            f"but there are {len(labels)} training samples"
        )
    activation = ACTIVATIONS[settings.activation]
    layers = initial_layers(
        [images.shape[1], *settings.hidden, CLASSES],
        settings.initial_weights,
        settings.initial_biases,
        settings.initial_std,
        settings.activation,
        generator(seed, "weights", replicate),
    )
    shuffling = generator(seed, "shuffling", replicate)
    record = Record(f"mlp.runs.{run}", replicate, settings)

    with np.errstate(over="ignore", invalid="ignore"):  # a loss that is no number ends the training
        for epoch in range(1, settings.epochs + 1):
            order = shuffling.permutation(len(labels))
            train_epoch(
                layers, splits["train"], order, settings.batch_size, settings.learning_rate, activation
            )
            record.add(*score(layers, splits, activation), layers)
            if settings.latents_every and epoch % settings.latents_every == 0:
                record.latents[epoch] = last_hidden(layers, splits["test"], activation)
            if record.is_over():
                break
    return record.results()
