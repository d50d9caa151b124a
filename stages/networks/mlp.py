"""A fully connected network whose back-propagation is written out by hand.

Shapes: n samples of `inputs` pixels, layers of `units`, 10 classes; `...` is r, where r replicates of a
network are trained at once, as on a GPU, and nothing for the one replicate that a process trains: products
of single matrices start sooner. The biases of a layer are the last row of its weight matrix
(..., inputs + 1, units), and every layer's input carries a last column of ones, so that one matrix product
holds them both, forward, backward and in the update.

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
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from stages.replicates import Curve, Patience
from stages.seeds import generator
from stages.settings import InputError

CLASSES = 10
GATHERED = 16  # mini-batches that are put in order at a time: still in the cache when they are used
EVALUATED = 500  # samples at a time: their activations fit the caches
WIDE = 256  # columns from which the rows of a matrix are spaced; narrower ones gain nothing
LINE = 16  # numbers of a cache line

Scored = tuple[dict[str, Tensor], dict[str, Tensor]]  # scores (...), and arrays (..., n), by name


def activate_(z: Tensor, activation: str) -> None:
    """f(z), in place."""
    if activation == "sigmoid":
        z.sigmoid_()
    elif activation == "tanh":
        z.tanh_()
    else:
        z.relu_()


def backward_(gradient: Tensor, units: Tensor, activation: str) -> None:
    """The product with f'(z), in place, written in terms of units = f(z)."""
    if activation == "sigmoid":
        gradient.mul_(units).addcmul_(gradient, units, value=-1.0)  # g s (1 - s) as g s - g s s
    elif activation == "tanh":
        gradient.sub_(gradient * units * units)
    else:
        gradient.mul_(units > 0)


def multiply(left: Tensor, right: Tensor, out: Tensor) -> None:
    """left right, into `out`."""
    if left.dim() == 2:
        torch.mm(left, right, out=out)
    else:
        torch.bmm(left, right, out=out)


def subtract_product_(weights: Tensor, left: Tensor, right: Tensor, rate: float) -> None:
    """weights - rate left right, in place."""
    if left.dim() == 2:
        weights.addmm_(left, right, alpha=-rate)
    else:
        weights.baddbmm_(left, right, alpha=-rate)


def matrices(new_empty: Callable[..., Tensor], *shape: int) -> Tensor:
    """Memory (..., rows, columns) from torch.empty or a tensor's new_empty.

    Wide rows begin an odd number of cache lines apart. A product reads some columns at a time, and rows 512
    numbers apart put all of a column in the same few sets of the cache, where they push each other out:
    an epoch of [512, 256] takes 5 % longer. No sum changes.
    """
    *before, columns = shape
    lines = -(-columns // LINE) | 1
    stride = lines * LINE if columns >= WIDE else columns
    return new_empty(*before, stride)[..., :columns]


def starting_layers(
    sizes: Sequence[int],
    weights: str,
    biases: str,
    std: float,
    activation: str,
    draws: Sequence[np.random.Generator],
) -> list[Tensor]:
    """For each layer of `sizes` float32 (r, inputs + 1, units), biases last, each replicate from its draws.

    `weights` and `biases` are "zeros" or "normal", N(0, std); weights can be "scaled": N(0, 1 / inputs)
    (LeCun et al., Efficient BackProp, 1998), N(0, 2 / inputs) for ReLU (He et al., 2015).
    """
    layers = []
    for inputs, units in zip(sizes, sizes[1:], strict=False):
        layer = matrices(torch.empty, len(draws), inputs + 1, units).zero_()  # aligned, unlike NumPy's memory
        for replicate, rng in zip(layer.numpy(), draws, strict=True):
            if weights != "zeros":
                gain = 2 if activation == "relu" else 1
                spread = std if weights == "normal" else math.sqrt(gain / inputs)
                replicate[:-1] = rng.standard_normal((inputs, units), np.float32) * np.float32(spread)
            if biases == "normal":
                replicate[-1] = rng.standard_normal(units, np.float32) * np.float32(std)
        layers.append(layer)
    return layers


class HiddenLayer(NamedTuple):
    """Buffers of a hidden layer for mini-batches of one size m, and the views of them that a step needs.

    Made once: on small networks, allocations and views cost more than the arithmetic.
    """

    output: Tensor  # (..., m, units + 1), the last column ones
    units: Tensor  # (..., m, units), its part that is computed
    transposed: Tensor  # (..., units + 1, m)
    delta: Tensor  # (..., m, units), the loss's derivative by this layer's z, times m
    weights_above: Tensor  # (..., units above, units), the next layer's weights without biases, transposed


def hidden_layers(layers: list[Tensor], size: int) -> list[HiddenLayer]:
    """Buffers for every hidden layer of a network and mini-batches of `size` samples."""
    buffers = []
    for layer, above in zip(layers, layers[1:], strict=False):
        *replicates, _, units = layer.shape
        output = matrices(layer.new_empty, *replicates, size, units + 1).fill_(1)
        delta = matrices(layer.new_empty, *replicates, size, units)
        buffers.append(HiddenLayer(output, output[..., :-1], output.mT, delta, above[..., :-1, :].mT))
    return buffers


class MiniBatch(NamedTuple):
    """Views of m samples, as a step needs them."""

    inputs: Tensor  # (..., m, pixels + 1)
    transposed: Tensor  # (..., pixels + 1, m)
    targets: Tensor  # (..., m, 10), one-hot


def mini_batches(inputs: Tensor, targets: Tensor, size: int) -> list[MiniBatch]:
    """`inputs` (..., n, pixels + 1) and `targets` (..., n, 10) in mini-batches, the last may be smaller."""
    parts = zip(inputs.split(size, -2), targets.split(size, -2), strict=True)
    return [MiniBatch(rows, rows.mT, truth) for rows, truth in parts]


def forward(layers: list[Tensor], hidden: list[HiddenLayer], batch: Tensor, activation: str) -> Tensor:
    """The logits (..., m, 10) of a mini-batch (..., m, pixels + 1), leaving the activations in `hidden`."""
    below = batch
    for layer, buffer in zip(layers, hidden):  # noqa: B905, TorchScript's zip takes no strict
        multiply(below, layer, buffer.units)
        activate_(buffer.units, activation)
        below = buffer.output
    return torch.matmul(below, layers[-1])


def descend(
    layers: list[Tensor], hidden: list[HiddenLayer], batches: list[MiniBatch], rate: float, activation: str
) -> None:
    """A step of gradient descent for every mini-batch of m samples, in place; `rate` is learning rate / m."""
    for batch in batches:
        logits = forward(layers, hidden, batch.inputs, activation)
        above = torch.softmax(logits, dim=-1).sub_(batch.targets)
        for index in range(len(hidden) - 1, -1, -1):
            buffer = hidden[index]
            multiply(above, buffer.weights_above, buffer.delta)  # before those weights change
            subtract_product_(layers[index + 1], buffer.transposed, above, rate)
            backward_(buffer.delta, buffer.units, activation)
            above = buffer.delta
        subtract_product_(layers[0], batch.transposed, above, rate)


@cache
def compiled() -> Callable[..., None]:
    """`descend` in TorchScript: the same operations and bits, without Python's time between them.

    That is a fifth of a step of a small network. torch.compile, for which PyTorch has deprecated
    TorchScript, needs a C++ compiler on every machine. From Python 3.14 on there is no TorchScript.
    """
    if sys.version_info >= (3, 14):
        return descend
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return torch.jit.script(descend)


def sgd(
    layers: list[Tensor],
    inputs: Tensor,
    targets: Tensor,
    batch_size: int,
    learning_rate: float,
    activation: str,
) -> Callable[[int], None]:
    """Mini-batch SGD as a function of n: over the first n rows of `inputs` (..., rows, pixels + 1) and
    one-hot `targets` (..., rows, 10), changing `layers` in place.

    The rows are taken in the order that they have then, so shuffle them before. The last mini-batch may
    be smaller, and averages over its own size.
    """
    steps = descend if inputs.is_cuda else compiled()
    hidden = hidden_layers(layers, batch_size)
    batches = mini_batches(inputs, targets, batch_size)

    def train(rows: int) -> None:
        whole, last = divmod(rows, batch_size)
        steps(layers, hidden, batches[:whole], learning_rate / batch_size, activation)
        if last:
            start = rows - last
            smaller = mini_batches(inputs[..., start:rows, :], targets[..., start:rows, :], last)
            steps(layers, hidden_layers(layers, last), smaller, learning_rate / last, activation)

    return train


def evaluate(
    layers: list[Tensor], inputs: Tensor, labels: Tensor, activation: str, latents: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Mean cross-entropies in nats (...) and predicted classes (..., n) of inputs (n, pixels + 1).

    `latents` (..., n, units), where given, is filled with the activations of the last hidden layer.
    """
    replicates = layers[0].shape[:-2]
    logits = inputs.new_empty(*replicates, len(inputs), CLASSES)
    hidden = hidden_layers(layers, EVALUATED)
    for start in range(0, len(inputs), EVALUATED):
        rows = inputs[start : start + EVALUATED]
        size = len(rows)
        if size < EVALUATED:
            hidden = hidden_layers(layers, size)
        of_rows = forward(layers, hidden, rows.expand(*replicates, -1, -1), activation)
        logits[..., start : start + size, :] = of_rows
        if latents is not None:
            latents[..., start : start + size, :] = hidden[-1].units
    truth = labels.expand(*replicates, -1).unsqueeze(-1)
    of_truth = torch.log_softmax(logits, dim=-1).gather(-1, truth).squeeze(-1)
    return -of_truth.double().mean(dim=-1), logits.argmax(dim=-1)


class Split(NamedTuple):
    """The training or the test samples: pixels in 0 to 1 with a column of ones, and classes."""

    inputs: Tensor  # (n, pixels + 1)
    labels: Tensor  # (n,)


def load_digits(path: Path, device: str) -> dict[str, Split]:
    """The splits "train" and "test" of the prepared digits."""
    splits = {}
    with np.load(path, allow_pickle=False) as digits:
        for split in ("train", "test"):
            pixels = torch.from_numpy(digits[f"{split}_images"]).flatten(1).float() / 255
            inputs = torch.cat([pixels, pixels.new_ones(len(pixels), 1)], dim=1)
            labels = torch.from_numpy(digits[f"{split}_labels"]).long()
            splits[split] = Split(inputs.to(device), labels.to(device))
    return splits


def score(
    layers: list[Tensor], splits: dict[str, Split], activation: str
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Loss and accuracy (...) of both splits; the classes predicted for each, and the test set's latents."""
    inputs, _ = splits["test"]
    *replicates, units, _ = layers[-1].shape
    arrays = {"latents": inputs.new_empty(*replicates, len(inputs), units - 1)}
    scores = {}
    for split, (inputs, labels) in splits.items():
        latents = arrays["latents"] if split == "test" else None
        scores[f"{split}_loss"], predicted = evaluate(layers, inputs, labels, activation, latents)
        scores[f"{split}_accuracy"] = (predicted == labels).double().mean(dim=-1)
        arrays[split] = predicted.to(torch.uint8)
    return scores, arrays


def as_graph(epoch: Callable[[], Scored], layers: list[Tensor]) -> Callable[[], Scored]:
    """`epoch` captured as one CUDA graph: its thousands of small kernels then cost one launch.

    The graph works on the memory that it was captured with: the layers, and what `epoch` returns, which
    each call fills anew.
    """
    before = [layer.clone() for layer in layers]
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        epoch()  # CUDA sets itself up on first use, which a graph must not hold
    torch.cuda.current_stream().wait_stream(stream)
    for layer, start in zip(layers, before, strict=True):
        layer.copy_(start)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        left = epoch()

    def replay() -> Scored:
        graph.replay()
        return left

    return replay


class Replicate:
    """One of the networks in training: its draws, its record, and what it keeps."""

    def __init__(self, run: str, seed: int, number: int, epochs: int, learning_rate: float) -> None:
        self.weights = generator(seed, "weights", number)
        self.shuffling = generator(seed, "shuffling", number)
        self.curve = Curve(run, number, epochs, learning_rate)
        self.waited = Patience()
        self.kept: dict[str, Tensor] = {}
        self.layers: list[Tensor] = []
        self.latents: dict[int, np.ndarray] = {}
        self.stopped = False

    def record(
        self,
        epoch: int,
        scores: dict[str, float],
        arrays: dict[str, Tensor],
        layers: list[Tensor],
        keep_best: bool,
    ) -> None:
        """Keep what an epoch has left; with `keep_best` only where training accuracy rose (T6), else put
        the best weights so far back into `layers`, so that training goes on from them."""
        self.waited.see(accuracy=scores["train_accuracy"], loss=scores["train_loss"])
        keep = not keep_best or self.waited.epochs["accuracy"] == 0
        self.curve.record(epoch, scores, kept=keep)
        if keep:
            self.kept = {name: values.cpu() for name, values in arrays.items()}
            self.layers = [layer.clone() for layer in layers]
        else:
            for layer, best in zip(layers, self.layers, strict=True):
                layer.copy_(best)

    def stop_after(self, rule: str, patience: int) -> None:
        """Stop once training accuracy (rule 1 of T5) or loss (rule 2) has not improved for so many epochs."""
        if rule != "none" and self.waited.epochs[rule] >= patience:
            self.stopped = True
            self.curve.say(
                f"stops after epoch {len(self.curve.rows)}: "
                f"training {rule} has not improved for {patience} epochs"
            )

    def results(self) -> dict[str, Any]:
        """All that it leaves; see `train`."""
        return {
            "curve": self.curve.close(),
            "weights": {f"layer_{index}": layer.cpu().numpy() for index, layer in enumerate(self.layers)},
            "train": self.kept["train"].numpy(),
            "test": self.kept["test"].numpy(),
            "latents": self.latents,
        }


@torch.inference_mode()  # without autograd's records an epoch of a small network takes 7 % less
def train(
    digits: Path,
    run: str,
    seed: int,
    replicates: list[int],
    device: str,
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
) -> list[dict[str, Any]]:
    """Train `replicates` of one network at once, on one thread or a GPU; all that each leaves, as arrays.

    `curve`: a row for each epoch. `weights`: by layer. `train`, `test`: predicted classes (n,).
    `latents`: by epoch, the last hidden activations of the test set (n, units).
    """
    torch.set_num_threads(1)  # what makes reruns bit-identical, and with a process a core, faster
    splits = load_digits(digits, device)
    inputs, labels = splits["train"]
    if batch_size > len(labels):
        raise InputError(
            f"mlp.runs.{run}: batch_size is {batch_size}, but there are {len(labels)} training samples"
        )
    ours = [Replicate(f"mlp.runs.{run}", seed, number, epochs, learning_rate) for number in replicates]
    sizes = [inputs.shape[1] - 1, *hidden, CLASSES]
    draws = [one.weights for one in ours]
    layers = starting_layers(sizes, initial_weights, initial_biases, initial_std, activation, draws)
    targets = torch.nn.functional.one_hot(labels, CLASSES).float()
    orders = torch.zeros(len(ours), len(labels), dtype=torch.long, device=device)
    gathered = inputs.new_empty(len(ours), GATHERED * batch_size, inputs.shape[1])
    gathered_targets = inputs.new_empty(len(ours), GATHERED * batch_size, CLASSES)

    layers = [layer.to(device).squeeze(0) for layer in layers]  # of a single replicate, matrices
    train_rows = sgd(
        layers, gathered.squeeze(0), gathered_targets.squeeze(0), batch_size, learning_rate, activation
    )

    def train_and_score() -> Scored:
        for part in orders.split(GATHERED * batch_size, 1):
            size = part.shape[1]
            for index, order in enumerate(part):
                torch.index_select(inputs, 0, order, out=gathered[index, :size])
                torch.index_select(targets, 0, order, out=gathered_targets[index, :size])
            train_rows(size)
        return score(layers, splits, activation)

    def of_each(values: Tensor) -> Sequence[Tensor]:
        return [values] if len(ours) == 1 else values.unbind()

    run_epoch = as_graph(train_and_score, layers) if device == "cuda" else train_and_score

    for epoch in range(1, epochs + 1):
        for order, one in zip(orders, ours, strict=True):
            order.copy_(torch.from_numpy(one.shuffling.permutation(len(labels))))
        all_scores, all_arrays = run_epoch()
        columns = {name: torch.atleast_1d(values).tolist() for name, values in all_scores.items()}
        arrays = {name: of_each(values) for name, values in all_arrays.items()}
        for index, one in enumerate(ours):
            if not one.stopped:
                one.record(
                    epoch,
                    {name: values[index] for name, values in columns.items()},
                    {name: values[index] for name, values in arrays.items()},
                    [of_each(layer)[index] for layer in layers],
                    keep_best,
                )
                if latents_every and epoch % latents_every == 0:
                    one.latents[epoch] = one.kept["latents"].numpy()
                one.stop_after(early_stopping, patience)
        if all(one.stopped for one in ours):
            break

    return [one.results() for one in ours]
