"""The training of an MLP: its epochs, and what is recorded of them."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from pipeline.common.digits import SIDE
from pipeline.common.runs import Replicate
from pipeline.common.seeds import generator
from pipeline.common.storage import load_about
from pipeline.training.curve import Curve
from pipeline.training.schedule import learning_rate
from stages.train_mlp.augmentation import move
from stages.train_mlp.mlp import (
    ACTIVATIONS,
    Activation,
    Momentum,
    cross_entropy,
    initial_layers,
    last_hidden,
    name_of_layer,
    predict,
    to_inputs,
    train_epoch,
)
from stages.train_mlp.samples import load_samples
from stages.train_mlp.settings import MlpSettings


def score(
    layers: list[ndarray], inputs: dict[str, ndarray], labels: dict[str, ndarray], activation: Activation
) -> tuple[dict[str, float], dict[str, ndarray]]:
    """Loss and accuracy of each split; the classes predicted for each."""
    scores, predicted = {}, {}
    for split, truth in labels.items():
        logits = predict(layers, inputs[split], activation)
        predicted[split] = logits.argmax(axis=0).astype(np.uint8)
        scores[f"{split}_loss"] = cross_entropy(logits, truth)
        scores[f"{split}_accuracy"] = float((predicted[split] == truth).mean())
    return scores, predicted


class Patience:
    """Epochs since training accuracy last rose (rule 1 of T5) and since training loss last fell (rule 2)."""

    def __init__(self) -> None:
        self.best = {"accuracy": -math.inf, "loss": -math.inf}
        self.waited = {"accuracy": 0, "loss": 0}

    def update(self, accuracy: float, loss: float) -> None:
        """Count one more epoch with these training scores."""
        for rule, value in (("accuracy", accuracy), ("loss", -loss)):
            self.waited[rule] = 0 if value > self.best[rule] else self.waited[rule] + 1
            self.best[rule] = max(self.best[rule], value)


class Record:
    """What is kept of a training: its curve, and weights and predictions of the last epoch that was kept."""

    def __init__(self, run: str, replicate: int, settings: MlpSettings) -> None:
        self.settings = settings
        self.curve = Curve(run, replicate, settings.epochs, settings.learning_rate)
        self.patience = Patience()
        self.layers: list[ndarray] = []
        self.velocities: list[ndarray] = []
        self.predicted: dict[str, ndarray] = {}
        self.latents: dict[int, ndarray] = {}

    def add(
        self,
        scores: dict[str, float],
        predicted: dict[str, ndarray],
        layers: list[ndarray],
        momentum: Momentum,
    ) -> None:
        """Record an epoch. With `keep_best` (T6), where training accuracy has not risen, the best weights so
        far are put back into `layers`, with the velocities that they had, so that training goes on from them.
        """
        self.patience.update(accuracy=scores["train_accuracy"], loss=scores["train_loss"])
        keep = not self.settings.keep_best or self.patience.waited["accuracy"] == 0
        self.curve.record(scores, kept=keep)
        if keep:
            self.predicted = predicted
            self.layers = [layer.copy() for layer in layers]
            self.velocities = [velocity.copy() for velocity in momentum.velocities]
        else:
            state, best = [*layers, *momentum.velocities], [*self.layers, *self.velocities]
            for array, kept in zip(state, best, strict=True):
                array[...] = kept

    def is_over(self) -> bool:
        """Whether training accuracy (rule 1 of T5) or loss (rule 2) has not improved for so many epochs."""
        rule, patience = self.settings.early_stopping, self.settings.patience
        if rule == "none" or self.patience.waited[rule] < patience:
            return False
        self.curve.progress.say(
            f"stops after epoch {len(self.curve.rows)}: "
            f"training {rule} has not improved for {patience} epochs"
        )
        return True

    def result(self, about: dict[str, Any], truth: dict[str, ndarray]) -> Replicate:
        weights = {name_of_layer(index): layer for index, layer in enumerate(self.layers)}
        return Replicate(self.curve.close(), weights, about, self.predicted, truth, latents=self.latents)


def describe(settings: MlpSettings, digits: dict[str, Any]) -> dict[str, Any]:
    """The metadata stored with the weights, from which `load_network` builds the network; `digits` are those
    of data/digits.safetensors: the classes, and how samples were made of pictures.
    """
    return {
        "kind": "mlp",
        "side": SIDE,
        "input": "grey, white on black, pixel / 255",
        "prepared": digits["prepared"],
        "hidden": settings.hidden,
        "activation": settings.activation,
        "classes": digits["classes"],
    }


def draw_layers(pixels: int, classes: int, settings: MlpSettings, rng: np.random.Generator) -> list[ndarray]:
    """The initial weights of a run."""
    sizes = [pixels, *settings.hidden, classes]
    weights, biases, std = settings.initial_weights, settings.initial_biases, settings.initial_std
    return initial_layers(sizes, weights, biases, std, settings.activation, rng)


def train(digits: Path, run: str, seed: int, settings: MlpSettings, replicate: int) -> Replicate:
    """Train one network on the prepared `digits`; `run` names it in messages."""
    splits = load_samples(digits, settings, seed, replicate)
    images = splits["train"].images
    inputs = {split: to_inputs(samples.images) for split, samples in splits.items()}
    labels = {split: samples.labels for split, samples in splits.items()}
    settings.check_samples(run, len(images))
    activation = ACTIVATIONS[settings.activation]
    about = describe(settings, load_about(digits))
    layers = draw_layers(
        images[0].size, len(about["classes"]), settings, generator(seed, "weights", replicate)
    )
    momentum = Momentum(settings.momentum, layers)
    shuffling, moving = generator(seed, "shuffling", replicate), generator(seed, "moving", replicate)
    record = Record(run, replicate, settings)
    if len(labels.get("validation", ())) < settings.validation:
        held = len(labels["validation"])
        record.curve.progress.say(f"validation is a third of the training samples, {held}: there are no more")

    with np.errstate(over="ignore", invalid="ignore"):  # a loss that is no number ends the training
        for epoch in range(1, settings.epochs + 1):
            order = shuffling.permutation(len(images))
            shown = inputs["train"] if settings.augmentation == "none" else to_inputs(move(images, moving))
            rate, size = learning_rate(settings, epoch), settings.batch_size
            train_epoch(layers, shown, labels["train"], order, size, rate, activation, momentum)
            record.add(*score(layers, inputs, labels, activation), layers, momentum)
            if settings.latents_every and epoch % settings.latents_every == 0:
                record.latents[epoch] = last_hidden(layers, inputs["test"], activation)
            if record.is_over():
                break
    return record.result(about, labels)
