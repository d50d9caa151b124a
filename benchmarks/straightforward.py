"""The report's trainings as one would first write them: nn.Sequential, DataLoader, ImageFolder, autograd.

They have the initial weights of the pipeline and its mini-batches in its order, and what the runs of the
report need but early stopping and keep-the-best, which take no time.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision import transforms
from torchvision.datasets import ImageFolder

from benchmarks import cnn, mlp
from benchmarks.measuring import Task
from pipeline.common.paths import CROP_FILES

ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}


def train(task: Task, replicate: int) -> Callable[[], float]:
    """The training of a run of either part."""
    return (train_mlp if task.part == "mlp" else train_cnn)(task, replicate)


def train_mlp(task: Task, replicate: int) -> Callable[[], float]:
    given = mlp.start(task, replicate)
    data = {
        split: TensorDataset(torch.from_numpy(inputs[:, :-1].copy()), torch.from_numpy(labels))
        for split, (inputs, labels) in given.samples.items()
    }

    def work() -> float:
        layers: list[nn.Module] = []
        for start in given.layers:
            linear = nn.Linear(len(start) - 1, start.shape[1])
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(start[:-1]).T)
                linear.bias.copy_(torch.from_numpy(start[-1]))
            layers += [linear, ACTIVATIONS[task.settings["activation"]]()]
        network = nn.Sequential(*layers[:-1])
        optimizer = torch.optim.SGD(network.parameters(), task.settings["learning_rate"])
        for order in given.orders:
            loader = DataLoader(data["train"], task.settings["batch_size"], sampler=order.tolist())
            train_epoch(network, loader, optimizer)
            scores = {split: evaluate(network, [samples.tensors]) for split, samples in data.items()}
        return scores["train"][0]

    return work


def train_cnn(task: Task, replicate: int) -> Callable[[], float]:
    """ImageFolder reads and decodes the crops every epoch."""
    given, settings = cnn.Start(task, replicate), task.settings
    side, own_size = given.about["side"], settings["crops"] == "own_size"
    resize = [] if own_size else [transforms.Resize((side, side))]
    transform = transforms.Compose([*resize, transforms.ToTensor()])
    data = {name: ImageFolder(task.workspace / CROP_FILES / name, transform) for name in ("train", "test")}
    # A crop's file begins with its number among those of both splits; ImageFolder sorts by class first.
    place = np.argsort([int(Path(file).name.split("_")[0]) for file, _ in data["train"].samples])
    batch_size = settings["batch_size"]

    def work() -> float:
        network, orders = given.draw()
        if own_size:
            network = nn.Sequential(nn.AdaptiveAvgPool2d(side), *network)
        if settings["optimizer"] == "adam":
            optimizer: Any = torch.optim.Adam(network.parameters(), settings["learning_rate"])
        else:
            optimizer = torch.optim.SGD(network.parameters(), settings["learning_rate"], settings["momentum"])
        for order in orders:
            sampler = place[order.numpy()].tolist()
            train_epoch(network, DataLoader(data["train"], batch_size, sampler=sampler), optimizer)
            scores = {name: evaluate(network, DataLoader(crops, batch_size)) for name, crops in data.items()}
        return scores["train"][0]

    return work


def train_epoch(network: nn.Module, batches: Iterable[Any], optimizer: torch.optim.Optimizer) -> None:
    network.train()
    for inputs, labels in batches:
        loss = nn.functional.cross_entropy(network(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def evaluate(network: nn.Module, batches: Iterable[Any]) -> tuple[float, float]:
    """Mean loss and accuracy."""
    network.eval()
    loss, right, samples = 0.0, 0, 0
    for inputs, labels in batches:
        logits = network(inputs)
        loss += nn.functional.cross_entropy(logits, labels, reduction="sum").item()
        right += int((logits.argmax(dim=1) == labels).sum())
        samples += len(labels)
    return loss / samples, right / samples
