"""The CNN's training by the pipeline's own function, and by three others that do exactly the same.

All have the same initial weights, the same mini-batches in the same order, the same optimiser, and find loss
and accuracy of both splits after every epoch. `task.epochs` epochs are one piece of work.
"""

import os
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.common.paths import CROP_ARRAYS

SEED = 0


class Task(NamedTuple):
    """What to train, and the folder with crops.safetensors and crops/."""

    data: Path
    crops: str
    batch_size: int
    epochs: int
    optimizer: str = "adam"

    def settings(self) -> dict:
        """The same as a run of params.yaml states it."""
        values = self._asdict()
        del values["data"]
        return values | {
            "device": "cpu",
            "folds": 0,
            "channels": [16, 32],
            "filter": 3,
            "stride": 1,
            "padding": 0,
            "batch_norm": False,
            "head": [],
            "momentum": 0.9,
            "learning_rate": 0.001,
            "schedule": "constant",
            "sampler": "shuffle",
            "class_weights": False,
            "augmentation": "none",
            "label_smoothing": 0.0,
            "snapshot_epoch": 0,
            "seeds": 1,
        }


def ours(task: Any, replicate: int) -> Callable[[], float]:
    return pipeline(task.data / CROP_ARRAYS.name, task.settings(), replicate)


def pipeline(crops: Any, settings: dict[str, Any], replicate: int) -> Callable[[], float]:
    """The pipeline's function, all of it, with reading the file."""
    from pipeline.training.settings import CnnSettings
    from stages.train_cnn import training as cnn_training

    checked = CnnSettings(**settings)

    def work() -> float:
        with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
            result = cnn_training.train(crops, "bench", SEED, checked, replicate)
        return result.curve[-1]["train_loss"]

    return work


class SharedStart:
    """What a peer starts from: the crops, and for each piece of work the same network and orders."""

    def __init__(self, task: Any, replicate: int) -> None:
        from pipeline.common.crops import load_crops
        from stages.train_cnn import cnn

        self.task, self.replicate = task, replicate
        crops = load_crops(task.data / CROP_ARRAYS.name)
        self.splits, self.classes = cnn.to_samples(crops, crops.rows(), task.crops, "cpu"), len(crops.classes)

    def start(self) -> Any:
        """The network with its initial weights, and an order of the training crops for each epoch."""
        import torch

        from stages.train_cnn import cnn
        from stages.train_cnn.training import draw_seed

        torch.manual_seed(draw_seed(SEED, "weights", self.replicate))
        images, labels = self.splits["train"]
        network = cnn.build(images.shape[-1], [16, 32], 3, 1, 0, [], self.classes)
        draws = torch.Generator().manual_seed(draw_seed(SEED, "shuffling", self.replicate))
        return network, [torch.randperm(len(labels), generator=draws) for _ in range(self.task.epochs)]


def torch_folder(task: Any, replicate: int) -> Callable[[], float]:
    """PyTorch as in the report: ImageFolder decodes the crops every epoch, a DataLoader stacks them."""
    import numpy as np

    from benchmarks import straightforward
    from pipeline.common.crops import load_crops

    given = SharedStart(task, replicate)
    settings = task.settings()
    loaders = straightforward.crop_loaders(settings, task.data / "crops")
    folder = loaders[0].dataset
    # A crop's file begins with its number in crops.safetensors, which holds those of both splits.
    numbers = [int(Path(file).name.split("_")[0]) for file, _ in folder.samples]
    training = np.flatnonzero(~load_crops(task.data / CROP_ARRAYS.name).test)
    place = np.argsort(numbers)[np.argsort(np.argsort(training))]
    threads = int(os.environ["OMP_NUM_THREADS"])
    workers = threads if threads > 1 else 0

    def work() -> float:
        network, orders = given.start()
        if task.crops == "own_size":
            from torch import nn

            network = nn.Sequential(nn.AdaptiveAvgPool2d(32), *network)
        optimizer = straightforward.build_optimizer(network, settings)
        for order in orders:
            sampler = place[order.numpy()].tolist()
            loaders = straightforward.crop_loaders(
                settings, task.data / "crops", sampler=sampler, workers=workers
            )
            straightforward.train_epoch(network, loaders[0], optimizer)
            scores = [straightforward.evaluate(network, loader) for loader in loaders]
        return scores[0][0]

    return work


def torch_memory(task: Any, replicate: int) -> Callable[[], float]:
    """Plain PyTorch with the crops as one tensor, in the pipeline's memory layout, and a fused optimiser."""
    import torch

    given = SharedStart(task, replicate)
    splits = given.splits

    def work() -> float:
        network, orders = given.start()
        parameters = network.parameters()
        optimizer = (
            torch.optim.Adam(parameters, 0.001, fused=True)
            if task.optimizer == "adam"
            else torch.optim.SGD(parameters, 0.001, 0.9, fused=True)
        )
        images, labels = splits["train"]
        for order in orders:
            network.train()
            for rows in order.split(task.batch_size):
                loss = torch.nn.functional.cross_entropy(network(images[rows]), labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            network.eval()
            with torch.inference_mode():
                scores = {}
                for split, (pixels, truth) in splits.items():
                    logits = torch.cat([network(part) for part in pixels.split(64)])
                    of_split = torch.nn.functional.cross_entropy(logits, truth).item()
                    scores[split] = of_split, (logits.argmax(dim=1) == truth).float().mean().item()
        return scores["train"][0]

    return work


def keras_network(side: int, classes: int) -> Any:
    """The report's network, channels last."""
    import keras

    return keras.Sequential(
        [
            keras.Input((side, side, 3)),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(classes),
        ]
    )


def keras_weights(network: Any) -> list[Any]:
    """PyTorch's (out, in, height, width) as (height, width, in, out); a dense layer's rows likewise."""
    kernels = [tensor.detach().numpy() for tensor in network.parameters()]
    maps = kernels[3].shape[0]
    across = int((kernels[4].shape[1] / maps) ** 0.5)
    dense = kernels[4].reshape(-1, maps, across, across).transpose(2, 3, 1, 0).reshape(-1, len(kernels[5]))
    convolutions = [kernels[index].transpose(2, 3, 1, 0) for index in (0, 2)]
    return [convolutions[0], kernels[1], convolutions[1], kernels[3], dense, kernels[5]]


def keras_jax(task: Any, replicate: int) -> Callable[[], float]:
    """Keras on JAX: fit and evaluate, crops as one array."""
    os.environ["KERAS_BACKEND"] = "jax"
    import keras
    import numpy as np

    given = SharedStart(task, replicate)
    splits = {
        split: (images.permute(0, 2, 3, 1).contiguous().numpy(), labels.numpy())
        for split, (images, labels) in given.splits.items()
    }
    side = splits["train"][0].shape[1]
    model = keras_network(side, given.classes)
    optimizer = (
        keras.optimizers.Adam(0.001, epsilon=1e-8)
        if task.optimizer == "adam"
        else keras.optimizers.SGD(0.001, 0.9)
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])

    def work() -> float:
        network, orders = given.start()
        model.set_weights(keras_weights(network))
        for variable in optimizer.variables[2:]:  # past the steps taken and the learning rate: the moments
            variable.assign(np.zeros(variable.shape, np.float32))
        optimizer.iterations.assign(0)
        for order in orders:
            images, labels = (array[order.numpy()] for array in splits["train"])
            model.fit(images, labels, task.batch_size, epochs=1, shuffle=False, verbose=0)
            scores = {split: model.evaluate(*arrays, 64, verbose=0) for split, arrays in splits.items()}
        return scores["train"][0]

    return work


def training_images(crops: Any) -> int:
    from pipeline.common.crops import load_crops

    return int((~load_crops(crops).test).sum())
