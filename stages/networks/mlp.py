"""A fully connected network whose back-propagation is written out by hand.

Shapes: n samples of `inputs` pixels, layers of `units`, 10 classes. The biases of a layer are the
last row of its weight matrix (inputs + 1, units), and every layer's input carries a last column of
ones, so that one matrix product holds them both, forward, backward and in the update.

The gradients, for softmax cross-entropy averaged over a mini-batch of m samples (Rumelhart, Hinton
and Williams, Nature 323, 1986). With the input a of a layer, its weights W and z = a W:

    output layer   dz = softmax(z) - one_hot(label)      (the average's 1/m is left to the update)
    layer below    dz = (dz_above W_above^T) f'(z), where the row of biases is left out of W_above
    every layer    W <- W - (learning rate / m) a^T dz

A worked step: one sample x = [1], one weight w = 0 and bias 0 for each of two classes, label 0.
softmax([0, 0]) = [0.5, 0.5], so dz = [-0.5, 0.5]; at learning rate 1 both the weights and the
biases become [0.5, -0.5], and the probability of class 0 rises from 0.5 to 1 / (1 + e^-2) = 0.88.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from stages.replicates import Curve, Patience
from stages.seeds import generator
from stages.settings import InputError

CLASSES = 10


def _sigmoid_backward_(gradient: Tensor, units: Tensor) -> None:
    gradient.mul_(units).addcmul_(gradient, units, value=-1)  # g s (1 - s) as g s - g s s


def _tanh_backward_(gradient: Tensor, units: Tensor) -> None:
    gradient.sub_(gradient * units * units)


def _relu_backward_(gradient: Tensor, units: Tensor) -> None:
    gradient.mul_(units > 0)


# f, in place, and the product with f'(z), in place, written in terms of f(z).
ACTIVATIONS = {
    "sigmoid": (torch.sigmoid_, _sigmoid_backward_),
    "tanh": (torch.tanh_, _tanh_backward_),
    "relu": (torch.relu_, _relu_backward_),
}


def starting_layers(
    sizes: Sequence[int], weights: str, biases: str, std: float, activation: str, rng: np.random.Generator
) -> list[Tensor]:
    """A matrix (inputs + 1, units) in float32 for each layer of `sizes`, biases in the last row.

    `weights` and `biases` are "zeros" or "normal", N(0, std); weights can be "scaled": N(0, 1 / inputs)
    (LeCun et al., Efficient BackProp, 1998), N(0, 2 / inputs) for ReLU (He et al., 2015).
    """
    layers = []
    for inputs, units in zip(sizes, sizes[1:], strict=False):
        layer = np.zeros((inputs + 1, units), np.float32)
        if weights != "zeros":
            gain = 2 if activation == "relu" else 1
            spread = std if weights == "normal" else math.sqrt(gain / inputs)
            layer[:-1] = rng.standard_normal((inputs, units), np.float32) * np.float32(spread)
        if biases == "normal":
            layer[-1] = rng.standard_normal(units, np.float32) * np.float32(std)
        layers.append(torch.from_numpy(layer))
    return layers


def with_ones(rows: Tensor) -> Tensor:
    """(n, units) -> (n, units + 1): the column of ones that the biases multiply."""
    return torch.cat([rows, rows.new_ones(len(rows), 1)], dim=1)


class HiddenLayer(NamedTuple):
    """Buffers of a hidden layer for mini-batches of one size m, and the views of them that a step needs.

    Made once an epoch: on small networks, allocations and views cost more than the arithmetic.
    """

    output: Tensor  # (m, units + 1), the last column ones
    units: Tensor  # (m, units), its part that is computed
    transposed: Tensor  # (units + 1, m)
    delta: Tensor  # (m, units), the loss's derivative by this layer's z, times m
    weights_above: Tensor  # (units above, units), the next layer's weights without biases, transposed


def hidden_layers(layers: list[Tensor], size: int) -> list[HiddenLayer]:
    """Buffers for every hidden layer of a network and mini-batches of `size` samples."""
    buffers = []
    for layer, above in zip(layers, layers[1:], strict=False):
        output = layer.new_ones(size, layer.shape[1] + 1)
        delta = layer.new_empty(size, layer.shape[1])
        buffers.append(HiddenLayer(output, output[:, :-1], output.T, delta, above[:-1].T))
    return buffers


def train_epoch(
    layers: list[Tensor],
    inputs: Tensor,
    targets: Tensor,
    batch_size: int,
    learning_rate: float,
    activation: str,
) -> None:
    """One pass of mini-batch SGD over `inputs` (n, pixels + 1) and one-hot `targets` (n, 10), in place.

    The rows are taken in the order given, so shuffle them before. The last mini-batch may be smaller,
    and averages over its own size.
    """
    hidden = hidden_layers(layers, batch_size)
    for batch, target in zip(inputs.split(batch_size), targets.split(batch_size), strict=True):
        if len(batch) < batch_size:
            hidden = hidden_layers(layers, len(batch))
        train_step(layers, hidden, batch, target, learning_rate / len(batch), activation)


def train_step(
    layers: list[Tensor],
    hidden: list[HiddenLayer],
    batch: Tensor,
    target: Tensor,
    rate: float,
    activation: str,
) -> None:
    """One step of gradient descent on one mini-batch of m samples, in place; `rate` is already over m."""
    activate_, backward_ = ACTIVATIONS[activation]
    below = batch
    for layer, buffer in zip(layers, hidden, strict=False):
        activate_(torch.mm(below, layer, out=buffer.units))
        below = buffer.output
    above = torch.softmax(below @ layers[-1], dim=1).sub_(target)

    for layer, buffer in zip(reversed(layers), reversed(hidden), strict=False):
        torch.mm(above, buffer.weights_above, out=buffer.delta)  # before those weights change
        layer.addmm_(buffer.transposed, above, alpha=-rate)
        backward_(buffer.delta, buffer.units)
        above = buffer.delta
    layers[0].addmm_(batch.T, above, alpha=-rate)


def forward(layers: list[Tensor], inputs: Tensor, activation: str) -> tuple[Tensor, Tensor]:
    """The activations of the last hidden layer (n, units) and the logits (n, 10) of `inputs`."""
    activate_, _ = ACTIVATIONS[activation]
    for layer in layers[:-1]:
        hidden = activate_(inputs @ layer)
        inputs = with_ones(hidden)
    return hidden, inputs @ layers[-1]


def evaluate(
    layers: list[Tensor], inputs: Tensor, labels: Tensor, activation: str
) -> tuple[float, Tensor, Tensor]:
    """Mean cross-entropy in nats, predicted classes (n,), and last hidden activations (n, units)."""
    total = torch.zeros((), dtype=torch.float64)
    predicted, latents = [], []
    for rows, truth in zip(inputs.split(1000), labels.split(1000), strict=True):  # fits the caches
        hidden, logits = forward(layers, rows, activation)
        total += torch.nn.functional.cross_entropy(logits, truth, reduction="sum").double()
        predicted.append(logits.argmax(dim=1))
        latents.append(hidden)
    return (total / len(labels)).item(), torch.cat(predicted), torch.cat(latents)


class Split(NamedTuple):
    """The training or the test samples: pixels in 0 to 1 with a column of ones, and classes."""

    inputs: Tensor  # (n, pixels + 1)
    labels: Tensor  # (n,)


def load_digits(path: Path) -> dict[str, Split]:
    """The splits "train" and "test" of the prepared digits."""
    with np.load(path, allow_pickle=False) as digits:
        return {
            split: Split(
                with_ones(torch.from_numpy(digits[f"{split}_images"]).flatten(1).float() / 255),
                torch.from_numpy(digits[f"{split}_labels"]).long(),
            )
            for split in ("train", "test")
        }


def score(
    layers: list[Tensor], splits: dict[str, Split], activation: str
) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Loss and accuracy of both splits; the classes predicted for each, and the test set's latents."""
    scores, arrays = {}, {}
    for split, (inputs, labels) in splits.items():
        loss, predicted, latents = evaluate(layers, inputs, labels, activation)
        scores[f"{split}_loss"] = loss
        scores[f"{split}_accuracy"] = (predicted == labels).double().mean().item()
        arrays[split] = predicted.to(torch.uint8)
    return scores, arrays | {"latents": latents}


def train(
    digits: Path,
    run: str,
    seed: int,
    replicate: int,
    *,
    hidden: list[int],
    activation: str,
    initial_weights: str,
    initial_biases: str,
    initial_std: float,
    learning_rate: float,
    batch_size: int,
    epochs: int,
    early_stopping: str,
    patience: int,
    keep_best: bool,
    latents_every: int,
) -> dict[str, Any]:
    """Train one network in this process, on one thread; all that it leaves, as arrays.

    `curve`: a row for each epoch. `weights`: by layer. `train`, `test`: predicted classes (n,).
    `latents`: by epoch, the last hidden activations of the test set (n, units).
    """
    torch.set_num_threads(1)  # what makes reruns bit-identical, and with a process a core, faster
    splits = load_digits(digits)
    inputs, labels = splits["train"]
    if batch_size > len(labels):
        raise InputError(
            f"mlp.runs.{run}: batch_size is {batch_size}, but there are {len(labels)} training samples"
        )
    targets = torch.nn.functional.one_hot(labels, CLASSES).float()
    shuffled = torch.empty_like(inputs)
    sizes = [inputs.shape[1] - 1, *hidden, CLASSES]
    rng = generator(seed, "weights", replicate)
    layers = starting_layers(sizes, initial_weights, initial_biases, initial_std, activation, rng)
    shuffling = generator(seed, "shuffling", replicate)
    curve, waited, latents = Curve(f"mlp.runs.{run}", replicate, epochs, learning_rate), Patience(), {}

    for epoch in range(1, epochs + 1):
        order = torch.from_numpy(shuffling.permutation(len(labels)))
        torch.index_select(inputs, 0, order, out=shuffled)  # once an epoch, into the same memory
        train_epoch(layers, shuffled, targets[order], batch_size, learning_rate, activation)
        scores, arrays = score(layers, splits, activation)
        waited.see(accuracy=scores["train_accuracy"], loss=scores["train_loss"])
        keep = not keep_best or waited.epochs["accuracy"] == 0
        curve.record(epoch, scores, kept=keep)
        if keep:
            kept, kept_layers = arrays, [layer.clone() for layer in layers]
        else:  # T6: training goes on from the best weights so far
            layers = [layer.clone() for layer in kept_layers]
        if latents_every and epoch % latents_every == 0:
            latents[epoch] = kept["latents"].numpy()
        if early_stopping != "none" and waited.epochs[early_stopping] >= patience:
            curve.say(
                f"stops after epoch {epoch}: training {early_stopping} has not improved for {patience} epochs"
            )
            break

    return {
        "curve": curve.close(),
        "weights": {f"layer_{index}": layer.numpy() for index, layer in enumerate(kept_layers)},
        "train": kept["train"].numpy(),
        "test": kept["test"].numpy(),
        "latents": latents,
    }
