"""The MLP's training by the pipeline's own function, and by four others that do exactly the same.

All have the same initial weights, N(0, 1), the same mini-batches in the same order, plain SGD in float32,
and find loss and accuracy of both splits after every epoch. `task.epochs` epochs are one piece of work.
"""

import os
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from pipeline.common.classes import DIGIT_CLASSES
from pipeline.common.paths import CROP_ARRAYS, DIGITS

SEED = 0


class Task(NamedTuple):
    """What to train, and on which prepared digits."""

    digits: Path
    hidden: tuple[int, ...]
    batch_size: int
    epochs: int
    learning_rate: float = 0.01  # low: at 0.099 rounding differences grow to percents of the loss

    def settings(self) -> dict[str, Any]:
        """The same as a run of params.yaml states it."""
        values = self._asdict() | {"hidden": list(self.hidden)}
        del values["digits"]
        return values | {
            "activation": "sigmoid",
            "initial_weights": "normal",
            "initial_biases": "zeros",
            "initial_std": 1.0,
            "early_stopping": "none",
            "patience": 10,
            "keep_best": False,
            "latents_every": 0,
            "momentum": 0.0,
            "schedule": "constant",
            "augmentation": "none",
            "split": "given",
            "validation": 0,
            "seeds": 1,
        }


def ours(task: Task, replicate: int) -> Callable[[], float]:
    return pipeline(task.digits, task.settings(), replicate)


def pipeline(digits: Path, settings: dict[str, Any], replicate: int) -> Callable[[], float]:
    """The pipeline's function, all of it: reading the file, drawing weights, keeping predictions."""
    from pipeline.training.settings import MlpSettings
    from stages.train_mlp import training as mlp_training

    checked = MlpSettings(**settings)

    def work() -> float:
        with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
            result = mlp_training.train(digits, "bench", SEED, checked, replicate)
        return result.curve[-1]["train_loss"]

    return work


class SharedStart:
    """What a peer starts from: samples with a column of ones, layers (inputs + 1, units), orders."""

    def __init__(self, task: Task, replicate: int) -> None:
        from pipeline.common.digits import load_digits
        from pipeline.common.seeds import generator
        from stages.train_mlp import mlp
        from stages.train_mlp import training as mlp_training

        self.samples = {}
        for name, digits in load_digits(task.digits).items():
            split = mlp_training.flatten(digits)
            inputs = np.ones((len(split.labels), split.images.shape[1] + 1), np.float32)
            self.samples[name] = mlp.to_inputs(split.images, inputs), split.labels.astype(np.int64)
        inputs, labels = self.samples["train"]
        sizes = [inputs.shape[1] - 1, *task.hidden, len(DIGIT_CLASSES)]
        weights = generator(SEED, "weights", replicate)
        layers = mlp.initial_layers(sizes, "normal", "zeros", 1.0, "sigmoid", weights)
        self.layers = [layer.T.copy() for layer in layers]
        shuffling = generator(SEED, "shuffling", replicate)
        self.orders = [shuffling.permutation(len(labels)) for _ in range(task.epochs)]
        self.targets = np.eye(len(DIGIT_CLASSES), dtype=np.float32)[labels]


def numpy_sigmoid(z: ndarray) -> None:
    """In place; exp(100) is infinite and its reciprocal 0, as it should be."""
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += 1
    np.reciprocal(z, out=z)


def numpy_forward(layers: list[ndarray], rows: ndarray) -> tuple[list[ndarray], ndarray]:
    """The inputs of every layer, each with a column of ones, and the logits less their largest."""
    below = [rows]
    for layer in layers[:-1]:
        above = np.empty((len(rows), layer.shape[1] + 1), np.float32)
        above[:, -1] = 1
        np.matmul(below[-1], layer, out=above[:, :-1])
        numpy_sigmoid(above[:, :-1])
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
    given = SharedStart(task, replicate)
    inputs, targets = given.samples["train"][0], given.targets
    gradients = [np.empty_like(layer) for layer in given.layers]

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
            gradients[index] *= task.learning_rate / len(rows)
            layers[index] -= gradients[index]

    def work() -> float:
        layers = [layer.copy() for layer in given.layers]
        with np.errstate(over="ignore"):
            for order in given.orders:
                for start in range(0, len(order), task.batch_size):
                    rows = order[start : start + task.batch_size]
                    step(layers, inputs[rows], targets[rows])
                scores = {split: numpy_evaluate(layers, *part) for split, part in given.samples.items()}
        return scores["train"][0]

    return work


def jax_logits(layers: Any, rows: Any) -> Any:
    import jax
    from jax import numpy as jnp

    for layer in layers[:-1]:
        units = jax.nn.sigmoid(rows @ layer)
        rows = jnp.concatenate([units, jnp.ones((len(rows), 1), units.dtype)], axis=1)
    return rows @ layers[-1]


def jax_loss(layers: Any, rows: Any, truth: Any) -> Any:
    import jax

    return -(jax.nn.log_softmax(jax_logits(layers, rows)) * truth).sum(axis=1).mean()


def jax_scan(task: Task, replicate: int) -> Callable[[], float]:
    """JAX: an epoch is one compiled function, a scan over its mini-batches."""
    import jax
    from jax import lax
    from jax import numpy as jnp

    given = SharedStart(task, replicate)
    samples = jax.tree.map(jnp.asarray, given.samples)
    inputs, targets = samples["train"][0], jnp.asarray(given.targets)
    batch_size = task.batch_size

    def step(layers: Any, rows: Any) -> Any:
        gradients = jax.grad(jax_loss)(layers, inputs[rows], targets[rows])
        return [w - task.learning_rate * g for w, g in zip(layers, gradients, strict=True)], None

    def evaluate(layers: Any, rows: Any, labels: Any) -> Any:
        logits = jax_logits(layers, rows)
        of_truth = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)
        return -of_truth.mean(), (logits.argmax(axis=1) == labels).mean()

    @jax.jit
    def epoch(layers: Any, order: Any) -> Any:
        whole = len(order) // batch_size * batch_size
        layers, _ = lax.scan(step, layers, order[:whole].reshape(-1, batch_size))
        if whole < len(order):
            layers, _ = step(layers, order[whole:])
        return layers, {split: evaluate(layers, *arrays) for split, arrays in samples.items()}

    def work() -> float:
        layers = [jnp.asarray(layer) for layer in given.layers]
        for order in given.orders:
            layers, scores = epoch(layers, order)
        return float(scores["train"][0])

    return work


def torch_loader(task: Task, replicate: int) -> Callable[[], float]:
    """PyTorch as in its tutorials: nn.Sequential, automatic differentiation, a DataLoader."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from benchmarks import straightforward

    given = SharedStart(task, replicate)
    samples = {
        split: (torch.from_numpy(inputs[:, :-1].copy()), torch.from_numpy(labels))
        for split, (inputs, labels) in given.samples.items()
    }

    @torch.no_grad()
    def evaluate(network: Any, inputs: Any, labels: Any) -> tuple[float, float]:
        logits = network(inputs)
        loss = torch.nn.functional.cross_entropy(logits, labels).item()
        return loss, (logits.argmax(dim=1) == labels).double().mean().item()

    def work() -> float:
        network = straightforward.build_mlp(784, task.settings())
        linear = [layer for layer in network if isinstance(layer, torch.nn.Linear)]
        with torch.no_grad():
            for layer, start in zip(linear, given.layers, strict=True):
                layer.weight.copy_(torch.from_numpy(start[:-1]).T)
                layer.bias.copy_(torch.from_numpy(start[-1]))
        optimizer = torch.optim.SGD(network.parameters(), task.learning_rate)
        for order in given.orders:
            loader = DataLoader(TensorDataset(*samples["train"]), task.batch_size, sampler=order.tolist())
            straightforward.train_epoch(network, loader, optimizer)
            scores = {split: evaluate(network, *split_samples) for split, split_samples in samples.items()}
        return scores["train"][0]

    return work


def sklearn_classifier(task: Task, replicate: int) -> Callable[[], float]:
    """scikit-learn's MLPClassifier, an epoch at a time."""
    from sklearn.neural_network import MLPClassifier

    given = SharedStart(task, replicate)
    samples = {split: (inputs[:, :-1].copy(), labels) for split, (inputs, labels) in given.samples.items()}
    inputs, labels = samples["train"]

    def evaluate(classifier: Any, inputs: ndarray, labels: ndarray) -> tuple[float, float]:
        shares = classifier.predict_proba(inputs)
        of_truth = np.log(np.maximum(shares[np.arange(len(labels)), labels], 1e-30))
        return -of_truth.mean(dtype=float), (shares.argmax(axis=1) == labels).mean()

    def work() -> float:
        classifier = MLPClassifier(
            task.hidden,
            activation="logistic",
            solver="sgd",
            alpha=0,
            batch_size=task.batch_size,
            learning_rate_init=task.learning_rate,
            momentum=0,
            nesterovs_momentum=False,
            shuffle=False,  # the order is given
        )
        some = slice(task.batch_size)  # it makes its arrays at the first call
        classifier.partial_fit(inputs[some], labels[some], classes=range(10))
        for layer, start in zip(classifier.coefs_, given.layers, strict=True):
            layer[...] = start[:-1]
        for bias, start in zip(classifier.intercepts_, given.layers, strict=True):
            bias[...] = start[-1]
        for order in given.orders:
            classifier.partial_fit(inputs[order], labels[order])
            scores = {split: evaluate(classifier, *arrays) for split, arrays in samples.items()}
        return scores["train"][0]

    return work


def flops(task: Task) -> int:
    """Floating-point operations of all matrix products: two for each weight and sample.

    Training has one product forward, one for the gradient of the weights, and, of all layers but the first,
    one for the layer below, without the biases; evaluation goes forward through both splits.
    """
    from pipeline.common.digits import load_digits

    splits = load_digits(task.digits)
    train, test = (len(splits[split].labels) for split in ("train", "test"))
    pixels = splits["train"].images[0].size
    sizes = [pixels, *task.hidden, 10]
    products = list(zip(sizes, sizes[1:], strict=False))
    forward = sum(2 * (inputs + 1) * units for inputs, units in products)
    backward = sum(2 * inputs * units for inputs, units in products[1:])
    return task.epochs * (train * (2 * forward + backward) + (train + test) * forward)


PRODUCTS_FLOPS = 2 * 4096**3  # of one piece of work of `square_products`, whatever the side


def square_products(side: int, _: int) -> Callable[[], None]:
    """The machine's best case: products of square matrices, one thread."""
    import torch

    left, right, product = (torch.rand(side, side) for _ in range(3))

    def work() -> None:
        for _ in range(PRODUCTS_FLOPS // (2 * side**3)):
            torch.mm(left, right, out=product)

    return work


def any_run(task: tuple[str, Path, dict[str, Any]], replicate: int) -> Callable[[], float]:
    """The pipeline's training of any run of params.yaml: (part, workspace, settings)."""
    from benchmarks import cnn

    part, workspace, settings = task
    if part == "mlp":
        return pipeline(workspace / DIGITS, settings, replicate)
    return cnn.pipeline(workspace / CROP_ARRAYS, settings, replicate)


def any_run_straightforward(task: tuple[str, Path, dict[str, Any]], _: int) -> Callable[[], None]:
    """The same run by straightforward.py, at PyTorch's own number of threads."""
    from benchmarks import straightforward

    part, workspace, settings = task
    train = straightforward.prepare(part, settings, workspace)
    return lambda: train(settings["epochs"], say=lambda line: None)
