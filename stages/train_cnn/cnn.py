"""The convolutional network of part 2: one convolution or more, each followed by 2x2 max pooling.

Shapes: n crops of 3 x size x size pixels in 0 to 1; labels count from 0 in the order of the classes' names.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.common.crops import Crops
from pipeline.runtime.errors import InputError
from stages.train_cnn.settings import CnnSettings

MEMORY_FORMAT = torch.channels_last  # on a CPU, pooling is six times as fast and an epoch 1.6 times
EVALUATION_BATCH = 64  # crops, which fit the CPU cache


class Samples(NamedTuple):
    """The crops of one split, n of all."""

    pixels: np.ndarray  # (all, 3, size, size), uint8, or float in 0 to 1
    rows: np.ndarray  # int (n,), the numbers of the n crops
    labels: Tensor  # int64 (n,)

    def images(self, chosen: Tensor) -> Tensor:
        """Some of the n crops, by number, as float (m, 3, size, size) in 0 to 1, in MEMORY_FORMAT."""
        images = torch.from_numpy(self.pixels[self.rows[chosen.numpy()]])
        images = images.contiguous(memory_format=MEMORY_FORMAT)
        images = images if images.is_floating_point() else images.float().div_(255)
        return images.to(self.labels.device)


def to_samples(crops: Crops, rows: dict[str, np.ndarray], method: str, device: str) -> dict[str, Samples]:
    """The crops of each split. `rows` tells for each split which crops are in it, bool (n,). `method` is
    "resized" (method 2), "large", or "own_size" (pooled, method 1).
    """
    pixels = {"resized": crops.resized, "large": crops.large, "own_size": crops.pooled}[method]
    splits = {}
    for split, of_split in rows.items():
        labels = torch.from_numpy(crops.label[of_split]).long()
        splits[split] = Samples(pixels, of_split.nonzero()[0], labels.to(device))
    return splits


def build(
    size: int,
    channels: list[int],
    filter: int,
    stride: int,
    padding: int,
    head: list[int],
    classes: int,
    batch_norm: bool = False,
) -> nn.Sequential:
    """The network for crops of `size` pixels; InputError if the convolutions leave nothing of them."""
    layers: list[nn.Module] = []
    side, depth = size, 3
    for maps in channels:
        side = ((side + 2 * padding - filter) // stride + 1) // 2
        if side < 1:
            raise InputError(
                f"{len(channels)} convolutions with filter {filter}, stride {stride} and padding {padding}, "
                f"each followed by pooling, leave nothing of a crop of {size}x{size} pixels; set fewer "
                "channels, or a smaller filter or stride"
            )
        layers.append(nn.Conv2d(depth, maps, filter, stride, padding))
        if batch_norm:
            layers.append(nn.BatchNorm2d(maps))
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
        depth = maps
    layers.append(nn.Flatten())
    units = depth * side * side
    for hidden in head:
        layers += [nn.Linear(units, hidden), nn.ReLU()]
        units = hidden
    return nn.Sequential(*layers, nn.Linear(units, classes)).to(memory_format=MEMORY_FORMAT)


LAYERS = ("channels", "filter", "stride", "padding", "head", "batch_norm")  # the settings of `build`


def describe(settings: CnnSettings, side: int, classes: list[str]) -> dict[str, Any]:
    """The metadata stored with the weights, from which `load_network` builds the network; `side` is the
    side of the crops in pixels.
    """
    layers = settings.model_dump(include={"crops", *LAYERS})
    return {"kind": "cnn", "side": side, "input": "RGB, pixel / 255", "classes": classes, **layers}


def build_described(about: dict[str, Any]) -> nn.Sequential:
    """The network that `describe` describes, with random weights."""
    return build(about["side"], classes=len(about["classes"]), **{key: about[key] for key in LAYERS})


def build_optimizer(network: nn.Module, settings: CnnSettings) -> torch.optim.Optimizer:
    """Adam or SGD. Adam is fused: otherwise its square roots differ from processor to processor."""
    if settings.optimizer == "adam":
        return torch.optim.Adam(network.parameters(), settings.learning_rate, fused=True)
    return torch.optim.SGD(network.parameters(), settings.learning_rate, settings.momentum)


def build_loss(labels: Tensor, about: dict[str, Any], settings: CnnSettings) -> nn.Module:
    """Cross-entropy; with `class_weights` each class has the same share of it, whatever its size."""
    weights = weigh_classes(labels, len(about["classes"])) if settings.class_weights else None
    loss = nn.CrossEntropyLoss(weights, label_smoothing=settings.label_smoothing)
    return loss.to(settings.device)


def order_of_epoch(labels: Tensor, sampler: str, shuffling: torch.Generator) -> Tensor:
    """The crops of one epoch, in random order.

    shuffle    each crop once
    weighted   as many, drawn with weight 1 / size of the class (T14)
    repeated   as many of each class as the largest has: whole copies, and random ones for the rest
    reduced    as many of each class as the smallest has, others in every epoch
    """
    if sampler == "shuffle":
        return torch.randperm(len(labels), generator=shuffling)
    counts = torch.bincount(labels)
    if sampler == "weighted":
        weights = 1 / counts[labels].double()
        return torch.multinomial(weights, len(labels), replacement=True, generator=shuffling)
    size = int(counts.max() if sampler == "repeated" else counts[counts > 0].min())
    order = torch.cat([resample(rows, size, shuffling) for rows in rows_of_classes(labels)])
    return order[torch.randperm(len(order), generator=shuffling)]


def rows_of_classes(labels: Tensor) -> list[Tensor]:
    """The rows of each class that has any."""
    return [(labels == label).nonzero().flatten() for label in labels.unique()]


def resample(rows: Tensor, size: int, shuffling: torch.Generator) -> Tensor:
    """`size` of the rows: all of them size // len(rows) times, and random ones for the remainder."""
    rest = torch.randperm(len(rows), generator=shuffling)[: size % len(rows)]
    return torch.cat([rows.repeat(size // len(rows)), rows[rest]])


def weigh_classes(labels: Tensor, classes: int) -> Tensor:
    """The weight of each class in the loss, (classes,): as 1 / its size, and 1 on average over crops."""
    counts = torch.bincount(labels, minlength=classes)
    return len(labels) / (counts.count_nonzero() * counts.clamp(min=1))


def train_epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: nn.Module,
    samples: Samples,
    order: Tensor,
    batch_size: int,
    augment: Callable[[Tensor], Tensor] | None = None,
) -> None:
    """A step for each mini-batch of the crops in this order; `augment` changes the images of each."""
    network.train()
    for batch in order.split(batch_size):
        images = samples.images(batch)
        optimizer.zero_grad()
        loss(network(augment(images) if augment else images), samples.labels[batch]).backward()
        optimizer.step()


@torch.inference_mode()
def score(
    network: nn.Module, splits: dict[str, Samples], classes: int
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Mean cross-entropy and accuracy of both splits; the classes predicted for each."""
    network.eval()
    scores, predicted = {}, {}
    for split, samples in splits.items():
        labels = samples.labels
        # Filled in place: small tensors kept between large ones that are freed would leave holes in memory.
        logits = torch.empty(len(labels), classes, device=labels.device)
        for batch in torch.arange(len(labels)).split(EVALUATION_BATCH):
            logits[batch] = network(samples.images(batch))
        chosen = logits.argmax(dim=1)
        scores[f"{split}_loss"] = nn.functional.cross_entropy(logits.double(), labels).item()
        scores[f"{split}_accuracy"] = (chosen == labels).double().mean().item()
        predicted[split] = chosen.to(torch.uint8).cpu().numpy()
    return scores, predicted
