"""The report's trainings as one would first write them: nn.Sequential, DataLoader, ImageFolder, autograd.

python -m benchmarks.straightforward mlp|cnn RUN [--epochs N] [--replicates N]

trains one run of params.yaml on the pipeline's prepared data (data/digits.safetensors, data/crops/), one
replicate after the other, at as many threads as PyTorch likes, and prints loss and accuracy of every epoch.
The pipeline is compared with it; it shares none of the pipeline's training code. It has what the report's own
runs need: `IMPLEMENTED`.
"""

import argparse
import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler
from torchvision import transforms
from torchvision.datasets import ImageFolder

from pipeline.common.digits import load_digits
from pipeline.common.paths import CROP_FILES as CROPS
from pipeline.common.paths import DIGITS
from pipeline.runtime.settings import read_params

# The values of settings that are implemented, by part; all values of the settings that are not named are.
IMPLEMENTED: dict[str, dict[str, list[Any]]] = {
    "mlp": {
        "momentum": [0],
        "schedule": ["constant"],
        "augmentation": ["none"],
        "split": ["given"],
        "validation": [0],
    },
    "cnn": {
        "device": ["cpu"],
        "folds": [0],
        "crops": ["resized", "own_size"],
        "batch_norm": [False],
        "schedule": ["constant"],
        "sampler": ["shuffle", "weighted"],
        "class_weights": [False],
        "augmentation": ["none"],
        "label_smoothing": [0],
    },
}
ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}


def missing(part: str, settings: dict[str, Any]) -> list[str]:
    """The settings of a run that are not implemented here."""
    return [
        f"{key}: {settings[key]}" for key, values in IMPLEMENTED[part].items() if settings[key] not in values
    ]


def build_mlp(inputs: int, settings: dict[str, Any]) -> Any:
    """The fully connected network with its initial weights."""
    layers = []
    for units in settings["hidden"]:
        layers += [nn.Linear(inputs, units), ACTIVATIONS[settings["activation"]]()]
        inputs = units
    layers.append(nn.Linear(inputs, 10))
    for layer in layers:
        if isinstance(layer, nn.Linear):
            std = settings["initial_std"]
            if settings["initial_weights"] == "scaled":
                std = ((2 if settings["activation"] == "relu" else 1) / layer.in_features) ** 0.5
            nn.init.normal_(layer.weight, std=0 if settings["initial_weights"] == "zeros" else std)
            nn.init.normal_(layer.bias, std=settings["initial_std"])
            if settings["initial_biases"] == "zeros":
                nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


def digit_loaders(settings: dict[str, Any], path: Path = DIGITS) -> Any:
    """DataLoaders of the training and the test digits."""
    loaders: list[DataLoader[Any]] = []
    for images, labels, _ in load_digits(path).values():
        data = TensorDataset(
            torch.from_numpy(images).flatten(1).float() / 255, torch.from_numpy(labels).long()
        )
        loaders.append(DataLoader(data, settings["batch_size"], shuffle=not loaders))
    return loaders


def build_cnn(settings: dict[str, Any], classes: int, side: int = 32) -> Any:
    """The convolutional network; for crops of their own size with adaptive pooling in front."""
    filter, stride, padding = settings["filter"], settings["stride"], settings["padding"]
    layers: list[nn.Module] = [nn.AdaptiveAvgPool2d(side)] if settings["crops"] == "own_size" else []
    depth = 3
    for channels in settings["channels"]:
        layers += [nn.Conv2d(depth, channels, filter, stride, padding), nn.ReLU(), nn.MaxPool2d(2)]
        depth = channels
    layers.append(nn.Flatten())
    units = nn.Sequential(*layers)(torch.zeros(1, 3, side, side)).shape[1]
    for hidden in settings["head"]:
        layers += [nn.Linear(units, hidden), nn.ReLU()]
        units = hidden
    return nn.Sequential(*layers, nn.Linear(units, classes))


def crop_loaders(
    settings: dict[str, Any], folder: Path = CROPS, side: int = 32, sampler: Any = None, workers: int = 0
) -> Any:
    """DataLoaders of the training and the test crops, which are read and decoded every epoch."""
    resize = [] if settings["crops"] == "own_size" else [transforms.Resize((side, side))]
    transform = transforms.Compose([*resize, transforms.ToTensor()])
    train, test = (ImageFolder(folder / split, transform) for split in ("train", "test"))
    if settings["sampler"] == "weighted":
        sizes = np.bincount(train.targets)
        sampler = WeightedRandomSampler([1 / sizes[label] for label in train.targets], len(train))
    batch = settings["batch_size"]
    return [
        DataLoader(train, batch, shuffle=sampler is None, sampler=sampler, num_workers=workers),
        DataLoader(test, batch, num_workers=workers),
    ]


def build_optimizer(network: nn.Module, settings: dict[str, Any]) -> Any:
    """Plain SGD for the MLP; Adam, or SGD with momentum, for the CNN."""
    if settings.get("optimizer") == "adam":
        return torch.optim.Adam(network.parameters(), settings["learning_rate"])
    return torch.optim.SGD(network.parameters(), settings["learning_rate"], settings.get("momentum", 0))


def train_epoch(network: nn.Module, loader: DataLoader[Any], optimizer: Any) -> Any:
    network.train()
    for inputs, labels in loader:
        loss = nn.functional.cross_entropy(network(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def evaluate(network: nn.Module, loader: DataLoader) -> Any:
    """Mean loss and accuracy."""
    network.eval()
    loss, right = 0.0, 0
    for inputs, labels in loader:
        logits = network(inputs)
        loss += nn.functional.cross_entropy(logits, labels, reduction="sum").item()
        right += (logits.argmax(dim=1) == labels).sum().item()
    samples = len(loader.dataset)  # type: ignore[arg-type]  # data sets of torch do not say that they have one
    return loss / samples, right / samples


def train(
    network: nn.Module,
    loaders: list[DataLoader[Any]],
    settings: dict[str, Any],
    epochs: int,
    say: Callable[[str], None] = print,
) -> Any:
    """Train with early stopping and keep-the-best where the run has them; the last training loss."""
    optimizer = build_optimizer(network, settings)
    best = {"accuracy": float("-inf"), "loss": float("-inf")}
    waited = {"accuracy": 0, "loss": 0}
    kept: dict[str, Any] = {}
    for epoch in range(1, epochs + 1):
        start = time.perf_counter()
        train_epoch(network, loaders[0], optimizer)
        (loss, accuracy), (test_loss, test_accuracy) = (evaluate(network, loader) for loader in loaders)
        seconds = time.perf_counter() - start
        say(
            f"epoch {epoch}: {seconds:.2f} s, training loss {loss:.4f} accuracy {accuracy:.4f}, "
            f"test loss {test_loss:.4f} accuracy {test_accuracy:.4f}"
        )
        for rule, value in (("accuracy", accuracy), ("loss", -loss)):
            waited[rule] = 0 if value > best[rule] else waited[rule] + 1
            best[rule] = max(best[rule], value)
        if settings.get("keep_best"):
            if waited["accuracy"]:
                network.load_state_dict(kept)
            else:
                kept = copy.deepcopy(network.state_dict())
        rule = settings.get("early_stopping", "none")
        if rule != "none" and waited[rule] >= settings["patience"]:
            break
    return loss


def prepare(part: str, settings: dict[str, Any], folder: Path = Path()) -> Any:
    """A function that trains a replicate of a run for so many epochs."""
    if part == "mlp":
        loaders = digit_loaders(settings, folder / DIGITS)
        pixels = loaders[0].dataset[0][0].numel()
        return lambda epochs, say=print: train(build_mlp(pixels, settings), loaders, settings, epochs, say)
    loaders = crop_loaders(settings, folder / CROPS)
    classes = len(loaders[0].dataset.classes)
    return lambda epochs, say=print: train(build_cnn(settings, classes), loaders, settings, epochs, say)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("part", choices=("mlp", "cnn"))
    parser.add_argument("run", help="a run of params.yaml")
    parser.add_argument("--epochs", type=int, help="default: those of the run")
    parser.add_argument("--replicates", type=int, help="default: the run's seeds")
    given = parser.parse_args()
    params = read_params()[given.part]
    if given.run not in params["runs"]:
        parser.error(f"params.yaml has no run {given.run} in {given.part}.runs")
    settings = params["defaults"] | params["runs"][given.run]
    if faults := missing(given.part, settings):
        parser.error(f"{given.run} has settings that are not implemented here: {', '.join(faults)}")
    train_replicate = prepare(given.part, settings)
    for replicate in range(given.replicates or settings["seeds"]):
        torch.manual_seed(replicate)
        train_replicate(given.epochs or settings["epochs"])


if __name__ == "__main__":
    main()
