"""The convolutional network of part 2: two convolutions, each followed by 2x2 max pooling.

Shapes: n crops of 3 x size x size pixels in 0 to 1; labels count from 0 in the order of the classes' names.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.common.settings import InputError
from pipeline.masks.prepared import Crops
from pipeline.training.settings import CnnSettings

# Channels side by side in memory: on a processor, pooling is then six times as fast and an epoch 1.6 times.
LAYOUT = torch.channels_last
EVALUATED = 64  # crops at a time: they fit the caches


class Samples(NamedTuple):
    """The crops of one split."""

    images: Tensor  # float32 (n, 3, size, size)
    labels: Tensor  # int64 (n,)


def to_samples(crops: Crops, method: str, device: str) -> dict[str, Samples]:
    """The splits "train" and "test"; `method` is "resized" (method 2) or "own_size" (pooled, method 1)."""
    images = torch.from_numpy(crops.resized if method == "resized" else crops.pooled)
    images = images.permute(0, 2, 3, 1).contiguous()  # in LAYOUT, before there are copies of it
    labels = torch.from_numpy(crops.label).long()
    splits = {}
    for split, rows in crops.rows().items():
        mask = torch.from_numpy(rows)
        pixels = images[mask].permute(0, 3, 1, 2)
        pixels = pixels.float().div_(255) if method == "resized" else pixels
        splits[split] = Samples(pixels.to(device), labels[mask].to(device))
    return splits


def build(
    size: int, channels: list[int], filter: int, stride: int, padding: int, head: list[int], classes: int
) -> nn.Sequential:
    """The network for crops of `size` pixels; InputError if the convolutions leave nothing of them."""
    layers: list[nn.Module] = []
    side, depth = size, 3
    for maps in channels:
        side = ((side + 2 * padding - filter) // stride + 1) // 2
        if side < 1:
            raise InputError(
                f"filter {filter} at stride {stride} leaves nothing of a crop of {size}x{size} pixels"
            )
        layers += [nn.Conv2d(depth, maps, filter, stride, padding), nn.ReLU(), nn.MaxPool2d(2)]
        depth = maps
    layers.append(nn.Flatten())
    units = depth * side * side
    for hidden in head:
        layers += [nn.Linear(units, hidden), nn.ReLU()]
        units = hidden
    return nn.Sequential(*layers, nn.Linear(units, classes)).to(memory_format=LAYOUT)


def describe(settings: CnnSettings, side: int, classes: list[str]) -> dict[str, Any]:
    """What is stored with the weights: all else that it takes to use them. `side` is that of the crops."""
    layers = settings.model_dump(include={"crops", "channels", "filter", "stride", "padding", "head"})
    return {"kind": "cnn", "side": side, "input": "RGB, pixel / 255", "classes": classes, **layers}


def build_described(about: dict[str, Any]) -> nn.Sequential:
    """The network that `describe` describes, with random weights."""
    return build(
        about["side"],
        about["channels"],
        about["filter"],
        about["stride"],
        about["padding"],
        about["head"],
        len(about["classes"]),
    )


def build_optimizer(network: nn.Module, settings: CnnSettings) -> torch.optim.Optimizer:
    """Adam or SGD. Adam is fused: otherwise its square roots differ from processor to processor."""
    if settings.optimizer == "adam":
        return torch.optim.Adam(network.parameters(), settings.learning_rate, fused=True)
    return torch.optim.SGD(network.parameters(), settings.learning_rate, settings.momentum)


def order_of_epoch(labels: Tensor, sampler: str, shuffling: torch.Generator) -> Tensor:
    """The crops of one epoch: each once in random order, or drawn with weight 1 / size of its class (T14)."""
    if sampler == "shuffle":
        return torch.randperm(len(labels), generator=shuffling)
    weights = 1 / torch.bincount(labels)[labels].double()
    return torch.multinomial(weights, len(labels), replacement=True, generator=shuffling)


def train_epoch(
    network: nn.Module, optimizer: torch.optim.Optimizer, samples: Samples, order: Tensor, batch_size: int
) -> None:
    """A step for each mini-batch of the crops in this order."""
    for batch in order.split(batch_size):
        optimizer.zero_grad()
        logits = network(samples.images[batch])
        nn.functional.cross_entropy(logits, samples.labels[batch]).backward()
        optimizer.step()


@torch.inference_mode()
def score(network: nn.Module, splits: dict[str, Samples]) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Mean cross-entropy and accuracy of both splits; the classes predicted for each."""
    scores, predicted = {}, {}
    for split, (images, labels) in splits.items():
        logits = torch.cat([network(batch) for batch in images.split(EVALUATED)])
        classes = logits.argmax(dim=1)
        scores[f"{split}_loss"] = nn.functional.cross_entropy(logits.double(), labels).item()
        scores[f"{split}_accuracy"] = (classes == labels).double().mean().item()
        predicted[split] = classes.to(torch.uint8).cpu().numpy()
    return scores, predicted
