"""Peers of the CNN's training that do exactly the same, in plain PyTorch and in Keras.

All have the initial weights of the pipeline, its mini-batches in its order, SGD with momentum, and find loss
and accuracy of both splits after every epoch. All epochs of the task are one piece of work.
"""

import os
from collections.abc import Callable
from typing import Any

from benchmarks.measuring import Task
from pipeline.common.paths import CROP_ARRAYS

SEED = 0


class Start:
    """What a peer starts from: the crops, and for each piece of work the same network and orders."""

    def __init__(self, task: Task, replicate: int) -> None:
        import torch

        from pipeline.common.crops import load_crops
        from stages.train_cnn import cnn
        from stages.train_cnn.settings import CnnSettings

        self.replicate, self.settings = replicate, CnnSettings(**task.settings)
        crops = load_crops(task.workspace / CROP_ARRAYS)
        splits = cnn.to_samples(crops, crops.rows(), self.settings.crops, "cpu")
        self.splits = {
            split: (s.images(torch.arange(len(s.labels))), s.labels) for split, s in splits.items()
        }
        self.about = cnn.describe(self.settings, self.splits["train"][0].shape[-1], crops.classes)

    def draw(self) -> Any:
        """The network with its initial weights, and an order of the training crops for each epoch."""
        import torch

        from stages.train_cnn.cnn import order_of_epoch
        from stages.train_cnn.training import draw_network, draw_seed

        network = draw_network(self.about, "cpu", draw_seed(SEED, "weights", self.replicate))
        draws = torch.Generator().manual_seed(draw_seed(SEED, "shuffling", self.replicate))
        (_, labels), sampler = self.splits["train"], self.settings.sampler
        return network, [order_of_epoch(labels, sampler, draws) for _ in range(self.settings.epochs)]


def torch_memory(task: Task, replicate: int) -> Callable[[], float]:
    """Plain PyTorch with the crops as one tensor, in the pipeline's memory layout, and a fused optimiser."""
    import torch

    given = Start(task, replicate)
    rate, momentum = task.settings["learning_rate"], task.settings["momentum"]

    def work() -> float:
        network, orders = given.draw()
        optimizer = torch.optim.SGD(network.parameters(), rate, momentum, fused=True)
        images, labels = given.splits["train"]
        for order in orders:
            network.train()
            for rows in order.split(task.settings["batch_size"]):
                loss = torch.nn.functional.cross_entropy(network(images[rows]), labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            network.eval()
            with torch.inference_mode():
                scores = {}
                for split, (pixels, truth) in given.splits.items():
                    logits = torch.cat([network(part) for part in pixels.split(64)])
                    of_split = torch.nn.functional.cross_entropy(logits, truth).item()
                    scores[split] = of_split, (logits.argmax(dim=1) == truth).float().mean().item()
        return scores["train"][0]

    return work


def keras_weights(network: Any) -> list[Any]:
    """PyTorch's (out, in, height, width) as (height, width, in, out); a dense layer's rows likewise."""
    kernels = [tensor.detach().numpy() for tensor in network.parameters()]
    maps = kernels[3].shape[0]
    across = int((kernels[4].shape[1] / maps) ** 0.5)
    dense = kernels[4].reshape(-1, maps, across, across).transpose(2, 3, 1, 0).reshape(-1, len(kernels[5]))
    convolutions = [kernels[index].transpose(2, 3, 1, 0) for index in (0, 2)]
    return [convolutions[0], kernels[1], convolutions[1], kernels[3], dense, kernels[5]]


def keras_jax(task: Task, replicate: int) -> Callable[[], float]:
    """Keras on JAX: fit and evaluate, crops as one array."""
    os.environ["KERAS_BACKEND"] = "jax"
    import keras
    import numpy as np

    given = Start(task, replicate)
    splits = {
        split: (images.permute(0, 2, 3, 1).contiguous().numpy(), labels.numpy())
        for split, (images, labels) in given.splits.items()
    }
    layers = [keras.Input(splits["train"][0].shape[1:])]
    for maps in task.settings["channels"]:
        convolution = keras.layers.Conv2D(maps, task.settings["filter"], activation="relu")
        layers += [convolution, keras.layers.MaxPooling2D(2)]
    model = keras.Sequential(
        [*layers, keras.layers.Flatten(), keras.layers.Dense(len(given.about["classes"]))]
    )
    optimizer = keras.optimizers.SGD(task.settings["learning_rate"], task.settings["momentum"])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])

    def work() -> float:
        network, orders = given.draw()
        model.set_weights(keras_weights(network))
        for variable in optimizer.variables[2:]:  # past the steps taken and the learning rate: the moments
            variable.assign(np.zeros(variable.shape, np.float32))
        optimizer.iterations.assign(0)
        for order in orders:
            images, labels = (array[order.numpy()] for array in splits["train"])
            model.fit(images, labels, task.settings["batch_size"], epochs=1, shuffle=False, verbose=0)
            scores = {split: model.evaluate(*arrays, 64, verbose=0) for split, arrays in splits.items()}
        return scores["train"][0]

    return work
