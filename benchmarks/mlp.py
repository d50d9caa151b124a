"""Peers of the MLP's training that do exactly the same in NumPy, JAX and scikit-learn.

All have the initial weights of the pipeline, its mini-batches in its order, plain SGD in float32, and find
loss and accuracy of both splits after every epoch. All epochs of the task are one piece of work.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from benchmarks.measuring import Task
from pipeline.common.classes import DIGIT_CLASSES
from pipeline.common.paths import DIGITS

SEED = 0
SIDE = 2048  # of the square matrix in `products`


class Start(NamedTuple):
    """What a peer starts from."""

    samples: dict[
        str, tuple[ndarray, ndarray]
    ]  # by split: (samples, pixels + 1), the last column ones; labels
    layers: list[ndarray]  # (inputs + 1, units), the last row biases
    orders: list[ndarray]  # of the training samples, for each epoch


def start(task: Task, replicate: int) -> Start:
    from pipeline.common.digits import load_digits
    from pipeline.common.seeds import generator
    from stages.train_mlp.mlp import to_inputs
    from stages.train_mlp.settings import MlpSettings
    from stages.train_mlp.training import draw_layers

    samples = {}
    for name, digits in load_digits(task.workspace / DIGITS).items():
        samples[name] = to_inputs(digits.images), digits.labels.astype(np.int64)
    inputs, labels = samples["train"]
    weights = generator(SEED, "weights", replicate)
    layers = draw_layers(inputs.shape[1] - 1, 10, MlpSettings(**task.settings), weights)
    shuffling = generator(SEED, "shuffling", replicate)
    orders = [shuffling.permutation(len(labels)) for _ in range(task.settings["epochs"])]
    return Start(samples, [layer.T.copy() for layer in layers], orders)


def numpy_forward(layers: list[ndarray], rows: ndarray) -> tuple[list[ndarray], ndarray]:
    """The inputs of every layer, each with a column of ones, and the logits less their largest."""
    below = [rows]
    for layer in layers[:-1]:
        above = np.ones((len(rows), layer.shape[1] + 1), np.float32)
        units = above[:, :-1]
        np.matmul(below[-1], layer, out=units)
        np.negative(units, out=units)
        np.exp(units, out=units)  # exp(100) is infinite and its reciprocal 0, as it should be
        units += 1
        np.reciprocal(units, out=units)
        below.append(above)
    logits = below[-1] @ layers[-1]
    return below, logits - logits.max(axis=1, keepdims=True)


def numpy_evaluate(layers: list[ndarray], rows: ndarray, labels: ndarray) -> tuple[float, float]:
    """Mean cross-entropy and accuracy, 500 samples at a time."""
    parts = np.array_split(rows, len(rows) // 500 + 1)
    logits = np.concatenate([numpy_forward(layers, part)[1] for part in parts])
    of_truth = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]
    return of_truth.mean(dtype=float), (logits.argmax(axis=1) == labels).mean()


def numpy_by_hand(task: Task, replicate: int) -> Callable[[], float]:
    """Back-propagation in NumPy: biases folded into the weights, and no temporary arrays of their size."""
    given = start(task, replicate)
    inputs, labels = given.samples["train"]
    targets = np.eye(len(DIGIT_CLASSES), dtype=np.float32)[labels]
    gradients = [np.empty_like(layer) for layer in given.layers]
    rate, batch_size = task.settings["learning_rate"], task.settings["batch_size"]

    def step(layers: list[ndarray], rows: ndarray, truth: ndarray) -> None:
        below, logits = numpy_forward(layers, rows)
        delta = np.exp(logits, out=logits)
        delta /= delta.sum(axis=1, keepdims=True)
        delta -= truth
        for index in reversed(range(len(layers))):
            np.matmul(below[index].T, delta, out=gradients[index])
            if index:
                units = below[index][:, :-1]
                delta = delta @ layers[index][:-1].T
                delta *= units
                delta *= 1 - units
            gradients[index] *= rate / len(rows)
            layers[index] -= gradients[index]

    def work() -> float:
        layers = [layer.copy() for layer in given.layers]
        with np.errstate(over="ignore"):
            for order in given.orders:
                for first in range(0, len(order), batch_size):
                    rows = order[first : first + batch_size]
                    step(layers, inputs[rows], targets[rows])
                scores = {split: numpy_evaluate(layers, *part) for split, part in given.samples.items()}
        return scores["train"][0]

    return work


def jax_scan(task: Task, replicate: int) -> Callable[[], float]:
    """JAX: an epoch is one compiled function, a scan over its mini-batches."""
    import jax
    from jax import lax
    from jax import numpy as jnp

    given = start(task, replicate)
    samples = jax.tree.map(jnp.asarray, given.samples)
    inputs, labels = samples["train"]
    rate, batch_size = task.settings["learning_rate"], task.settings["batch_size"]

    def scores(layers: Any, rows: Any, truth: Any) -> Any:
        """Mean cross-entropy, and accuracy."""
        for layer in layers[:-1]:
            units = jax.nn.sigmoid(rows @ layer)
            rows = jnp.concatenate([units, jnp.ones((len(rows), 1), units.dtype)], axis=1)
        logits = rows @ layers[-1]
        of_truth = (jax.nn.log_softmax(logits) * jax.nn.one_hot(truth, len(DIGIT_CLASSES))).sum(axis=1)
        return -of_truth.mean(), (logits.argmax(axis=1) == truth).mean()

    def step(layers: Any, rows: Any) -> Any:
        gradients, _ = jax.grad(scores, has_aux=True)(layers, inputs[rows], labels[rows])
        return [w - rate * g for w, g in zip(layers, gradients, strict=True)], None

    @jax.jit
    def epoch(layers: Any, order: Any) -> Any:
        whole = len(order) // batch_size * batch_size
        layers, _ = lax.scan(step, layers, order[:whole].reshape(-1, batch_size))
        if whole < len(order):
            layers, _ = step(layers, order[whole:])
        return layers, {split: scores(layers, *arrays) for split, arrays in samples.items()}

    def work() -> float:
        layers = [jnp.asarray(layer) for layer in given.layers]
        for order in given.orders:
            layers, found = epoch(layers, order)
        return float(found["train"][0])

    return work


def sklearn_classifier(task: Task, replicate: int) -> Callable[[], float]:
    """scikit-learn's MLPClassifier, an epoch at a time."""
    from sklearn.neural_network import MLPClassifier

    given = start(task, replicate)
    samples = {split: (inputs[:, :-1].copy(), labels) for split, (inputs, labels) in given.samples.items()}
    inputs, labels = samples["train"]

    def evaluate(classifier: Any, inputs: ndarray, labels: ndarray) -> tuple[float, float]:
        shares = classifier.predict_proba(inputs)
        of_truth = np.log(np.maximum(shares[np.arange(len(labels)), labels], 1e-30))
        return -of_truth.mean(dtype=float), (shares.argmax(axis=1) == labels).mean()

    def work() -> float:
        classifier = MLPClassifier(
            task.settings["hidden"],
            activation="logistic",
            solver="sgd",
            alpha=0,
            batch_size=task.settings["batch_size"],
            learning_rate_init=task.settings["learning_rate"],
            momentum=0,
            nesterovs_momentum=False,
            shuffle=False,  # the order is given
        )
        some = slice(task.settings["batch_size"])  # it makes its arrays at the first call
        classifier.partial_fit(inputs[some], labels[some], classes=range(len(DIGIT_CLASSES)))
        for layer, bias, first in zip(classifier.coefs_, classifier.intercepts_, given.layers, strict=True):
            layer[...] = first[:-1]
            bias[...] = first[-1]
        for order in given.orders:
            classifier.partial_fit(inputs[order], labels[order])
            scores = {split: evaluate(classifier, *arrays) for split, arrays in samples.items()}
        return scores["train"][0]

    return work


def products(task: Task, _: int) -> Callable[[], None]:
    """No training: as many operations as its matrix products take, in one product of the best shape.

    For each weight and sample, training has one product forward, one for the gradient, and one for the layer
    below, which the first layer and the biases do without; evaluation goes forward through both splits. Each
    takes two operations.
    """
    import torch

    from pipeline.common.digits import load_digits

    splits = load_digits(task.workspace / DIGITS)
    train, test = (len(splits[split].labels) for split in ("train", "test"))
    sizes = [splits["train"].images[0].size, *task.settings["hidden"], len(DIGIT_CLASSES)]
    layers = list(zip(sizes, sizes[1:], strict=False))
    forward = sum(2 * (inputs + 1) * units for inputs, units in layers)
    backward = sum(2 * inputs * units for inputs, units in layers[1:])
    operations = task.settings["epochs"] * (train * (2 * forward + backward) + (train + test) * forward)
    left, right = torch.rand(round(operations / (2 * SIDE * SIDE)), SIDE), torch.rand(SIDE, SIDE)
    product = torch.empty_like(left)

    def work() -> None:
        torch.mm(left, right, out=product)

    return work
