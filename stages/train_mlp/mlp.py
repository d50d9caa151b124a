"""A fully connected network whose back-propagation is written out by hand.

Shapes: a mini-batch has m samples, one in each column: activations are (units, m), and the inputs, which
come as rows (m, pixels + 1), are used transposed. A layer's weights are (units, inputs + 1): the last column
holds the biases, and the last row of every layer's input is ones, so that one matrix product holds them
both, forward, backward and in the update.

The gradients, for softmax cross-entropy averaged over the mini-batch (Rumelhart, Hinton and Williams,
Nature 323, 1986). With the input a of a layer, its weights W and z = W a:

    output layer   dz = softmax(z) - one_hot(label)      (the average's 1/m is left to the update)
    layer below    dz = (W_above^T dz_above) f'(z), where the column of biases is left out of W_above
    every layer    W <- W - (learning rate / m) dz a^T

With Nesterov's momentum u a layer also has a velocity V, which starts at zero. The gradient is taken where
the momentum alone would lead, and W stands for that point (Sutskever et al., ICML 2013):

    every layer    V <- u V - (learning rate / m) dz a^T,   W <- W + u V - (learning rate / m) dz a^T

A worked step: one sample x = [1], one weight w = 0 and bias 0 for each of two classes, label 0.
softmax([0, 0]) = [0.5, 0.5], so dz = [-0.5, 0.5]; at learning rate 1 both the weights and the
biases become [0.5, -0.5], and the probability of class 0 rises from 0.5 to 1 / (1 + e^-2) = 0.88.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from scipy.linalg.blas import dgemm, sgemm

BATCHES_GATHERED = 16  # so many stay in the CPU cache until they are used
EVALUATION_BATCH = 500  # samples, whose activations fit the CPU cache
GEMM = {"f": sgemm, "d": dgemm}  # alpha A B + beta C, in single precision, and in double for the tests


def name_of_layer(number: int) -> str:
    """The name of a layer's weights in a file of weights."""
    return f"layer_{number}"


class Activation(NamedTuple):
    """A hidden unit's function."""

    apply: Callable[[ndarray], None]  # f(z), in place
    slope: Callable[[ndarray], ndarray]  # f'(z), given f(z)


def sigmoid(z: ndarray) -> None:
    """1 / (1 + exp(-z)). Far below zero exp(-z) is infinite, and the result 0, as it should be."""
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += 1
    np.reciprocal(z, out=z)


def sigmoid_slope(units: ndarray) -> ndarray:
    slope = 1 - units
    slope *= units
    return slope


def tanh(z: ndarray) -> None:
    np.tanh(z, out=z)


def tanh_slope(units: ndarray) -> ndarray:
    return 1 - units * units


def relu(z: ndarray) -> None:
    np.maximum(z, 0, out=z)


def relu_slope(units: ndarray) -> ndarray:
    return units > 0


ACTIVATIONS = {
    "sigmoid": Activation(sigmoid, sigmoid_slope),
    "tanh": Activation(tanh, tanh_slope),
    "relu": Activation(relu, relu_slope),
}


def initial_layers(
    sizes: Sequence[int], weights: str, biases: str, std: float, activation: str, rng: np.random.Generator
) -> list[ndarray]:
    """For each layer between `sizes`, float32 (units, inputs + 1), biases last, drawn in this order.

    `weights` and `biases` are "zeros" or "normal", N(0, std); weights can be "scaled": N(0, 1 / inputs)
    (LeCun et al., Efficient BackProp, 1998), N(0, 2 / inputs) for ReLU (He et al., 2015).
    """
    layers = []
    for inputs, units in zip(sizes, sizes[1:], strict=False):
        layer = np.zeros((units, inputs + 1), np.float32)
        if weights != "zeros":
            gain = 2 if activation == "relu" else 1
            spread = std if weights == "normal" else math.sqrt(gain / inputs)
            layer[:, :-1] = rng.standard_normal((units, inputs), np.float32) * np.float32(spread)
        if biases == "normal":
            layer[:, -1] = rng.standard_normal(units, np.float32) * np.float32(std)
        layers.append(layer)
    return layers


class Buffers:
    """Where a network's activations and gradients go, for mini-batches of m samples.

    Made once: on small networks allocations cost more than the arithmetic.
    """

    def __init__(self, layers: list[ndarray], size: int) -> None:
        *hidden, output = layers
        self.activations = [np.ones((len(layer) + 1, size), layer.dtype) for layer in hidden]  # last row ones
        self.deltas = [np.empty((len(layer), size), layer.dtype) for layer in hidden]  # d loss / d z, times m
        self.logits = np.empty((len(output), size), output.dtype)


def forward(layers: list[ndarray], buffers: Buffers, inputs: ndarray, activation: Activation) -> ndarray:
    """The logits (classes, m) of inputs (m, pixels + 1), leaving the activations in `buffers`."""
    *hidden, output = layers
    below = inputs.T
    for layer, activations in zip(hidden, buffers.activations, strict=True):
        units = activations[:-1]
        np.matmul(layer, below, out=units)
        activation.apply(units)
        below = activations
    return np.matmul(output, below, out=buffers.logits)


def softmax(logits: ndarray) -> ndarray:
    """The probabilities of the classes, in place."""
    logits -= logits.max(axis=0)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=0)
    return logits


class Momentum:
    """Nesterov's momentum, with a velocity for each layer; with a factor of 0 there is none."""

    def __init__(self, factor: float, layers: list[ndarray]) -> None:
        self.factor = factor
        self.velocities = [np.zeros_like(layer) for layer in layers]

    def descend(
        self, layers: list[ndarray], index: int, delta: ndarray, activations: ndarray, rate: float
    ) -> None:
        """Change the weights of a layer, in place, by its gradient delta activations^T."""
        weights, velocity, factor = layers[index], self.velocities[index], self.factor
        if not factor:
            return subtract_product(weights, delta, activations, rate)
        velocity *= factor
        weights -= velocity
        subtract_product(velocity, delta, activations, rate)
        weights += (1 + factor) * velocity  # together: u V_new and the gradient's own share, V_new - u V_old


def train_step(
    layers: list[ndarray],
    buffers: Buffers,
    inputs: ndarray,
    targets: ndarray,
    rate: float,
    activation: Activation,
    momentum: Momentum,
) -> None:
    """One step of gradient descent, in place, on a mini-batch of m samples.

    `inputs` are (m, pixels + 1), one-hot `targets` (classes, m), and `rate` is the learning rate / m.
    """
    delta = softmax(forward(layers, buffers, inputs, activation))
    delta -= targets
    for index in range(len(layers) - 1, 0, -1):
        activations, delta_below = buffers.activations[index - 1], buffers.deltas[index - 1]
        np.matmul(layers[index][:, :-1].T, delta, out=delta_below)  # before those weights change
        momentum.descend(layers, index, delta, activations, rate)
        delta_below *= activation.slope(activations[:-1])
        delta = delta_below
    momentum.descend(layers, 0, delta, inputs.T, rate)


def subtract_product(weights: ndarray, delta: ndarray, activations: ndarray, rate: float) -> None:
    """weights -= rate delta activations^T, in place, in one call of BLAS.

    BLAS stores matrices by column, so it is given the transposed problem: no array is copied.
    """
    by_row = activations.flags.c_contiguous
    GEMM[weights.dtype.char](
        -rate,
        activations.T if by_row else activations,
        delta.T,
        beta=1,
        c=weights.T,
        trans_a=by_row,
        overwrite_c=True,
    )


def to_inputs(images: ndarray) -> ndarray:
    """Images uint8 (n, height, width) as the network takes them: float32 (n, pixels + 1), pixel / 255, and
    ones in the last column.
    """
    inputs = np.ones((len(images), images[0].size + 1), np.float32)
    np.divide(images.reshape(len(images), -1), np.float32(255), out=inputs[:, :-1])
    return inputs


def train_epoch(
    layers: list[ndarray],
    inputs: ndarray,
    labels: ndarray,
    order: ndarray,
    batch_size: int,
    learning_rate: float,
    activation: Activation,
    momentum: Momentum,
) -> None:
    """A step for each mini-batch of the samples in this order: `inputs` (n, pixels + 1), `labels` (n,). The
    last mini-batch may be smaller: it averages over its own size.
    """
    one_hot = np.eye(len(layers[-1]), dtype=layers[0].dtype)
    gathered = BATCHES_GATHERED * batch_size
    buffers = Buffers(layers, batch_size)
    for start in range(0, len(order), gathered):
        part = order[start : start + gathered]
        rows, targets = inputs[part], one_hot[:, labels[part]]
        for first in range(0, len(part), batch_size):
            batch = slice(first, first + batch_size)
            size = len(rows[batch])
            if size < batch_size:
                buffers = Buffers(layers, size)
            rate = learning_rate / size
            train_step(layers, buffers, rows[batch], targets[:, batch], rate, activation, momentum)


def forward_in_blocks(
    layers: list[ndarray], inputs: ndarray, activation: Activation
) -> Iterator[tuple[slice, ndarray, ndarray]]:
    """Yield for each block of k samples its rows, logits (classes, k) and last hidden units (units, k)."""
    buffers = Buffers(layers, EVALUATION_BATCH)
    for start in range(0, len(inputs), EVALUATION_BATCH):
        part = slice(start, start + EVALUATION_BATCH)
        rows = inputs[part]
        if len(rows) < EVALUATION_BATCH:
            buffers = Buffers(layers, len(rows))
        yield part, forward(layers, buffers, rows, activation), buffers.activations[-1][:-1]


def predict(layers: list[ndarray], inputs: ndarray, activation: Activation) -> ndarray:
    """The logits (classes, n) of all samples."""
    logits = np.empty((len(layers[-1]), len(inputs)), layers[0].dtype)
    for part, of_part, _ in forward_in_blocks(layers, inputs, activation):
        logits[:, part] = of_part
    return logits


def last_hidden(layers: list[ndarray], inputs: ndarray, activation: Activation) -> ndarray:
    """The activations of the last hidden layer (n, units) of all samples: the latent features of F1 to F3."""
    units = np.empty((len(inputs), layers[-1].shape[1] - 1), layers[0].dtype)
    for part, _, of_part in forward_in_blocks(layers, inputs, activation):
        units[part] = of_part.T
    return units


def cross_entropy(logits: ndarray, labels: ndarray) -> float:
    """The mean over samples, in nats; `logits` are (classes, n)."""
    logits = logits - logits.max(axis=0)
    of_truth = logits[labels, np.arange(len(labels))]
    return float(np.mean(np.log(np.exp(logits).sum(axis=0)) - of_truth, dtype=np.float64))
