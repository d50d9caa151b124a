"""The convolutional network of part 2: two convolutions, each followed by 2x2 max pooling.

Shapes: n crops of 3 x size x size pixels in 0 to 1; classes 0, 1, 2 are bad, good, none.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.common.seeds import generator
from pipeline.common.settings import InputError
from pipeline.training.cnn_settings import Settings
from pipeline.training.replicates import Curve

CLASSES = 3
# Channels side by side in memory: on a processor, pooling is then six times as fast and an epoch 1.6 times.
LAYOUT = torch.channels_last
EVALUATED = 64  # crops at a time: they fit the caches


class Split(NamedTuple):
    """The training or the test crops: pixels (n, 3, size, size) and classes (n,)."""

    images: Tensor
    labels: Tensor


def load_crops(path: Path, crops: str) -> dict[str, Split]:
    """The splits "train" and "test", from the crops resized (method 2) or pooled from own size (method 1)."""
    with np.load(path, allow_pickle=False) as arrays:
        images = torch.from_numpy(arrays["resized" if crops == "resized" else "pooled"])
        labels, test = torch.from_numpy(arrays["label"]).long(), torch.from_numpy(arrays["test"])
    images = images.permute(0, 2, 3, 1).contiguous()  # in LAYOUT, before there are copies of it
    splits = {}
    for split, mask in {"train": ~test, "test": test}.items():
        pixels = images[mask].permute(0, 3, 1, 2)
        splits[split] = Split(pixels.float().div_(255) if crops == "resized" else pixels, labels[mask])
    return splits


def build(
    size: int, channels: list[int], filter: int, stride: int, padding: int, head: list[int]
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
    return nn.Sequential(*layers, nn.Linear(units, CLASSES)).to(memory_format=LAYOUT)


def build_optimizer(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """Adam or SGD. Adam is fused: otherwise its square roots differ from processor to processor."""
    if settings.optimizer == "adam":
        return torch.optim.Adam(network.parameters(), settings.learning_rate, fused=True)
    return torch.optim.SGD(network.parameters(), settings.learning_rate, settings.momentum)


def order_of_epoch(labels: Tensor, sampler: str, shuffling: torch.Generator) -> Tensor:
    """The crops of one epoch: each once in random order, or drawn with weight 1 / size of its class (T14)."""
    if sampler == "shuffle":
        return torch.randperm(len(labels), generator=shuffling)
    weights = 1 / torch.bincount(labels, minlength=CLASSES)[labels].double()
    return torch.multinomial(weights, len(labels), replacement=True, generator=shuffling)


def train_epoch(
    network: nn.Module, optimizer: torch.optim.Optimizer, samples: Split, order: Tensor, batch_size: int
) -> None:
    """A step for each mini-batch of the crops in this order."""
    for batch in order.split(batch_size):
        optimizer.zero_grad()
        logits = network(samples.images[batch])
        nn.functional.cross_entropy(logits, samples.labels[batch]).backward()
        optimizer.step()


@torch.inference_mode()
def score(network: nn.Module, splits: dict[str, Split]) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Mean cross-entropy and accuracy of both splits; the classes predicted for each."""
    scores, predicted = {}, {}
    for split, (images, labels) in splits.items():
        logits = torch.cat([network(batch) for batch in images.split(EVALUATED)])
        classes = logits.argmax(dim=1)
        scores[f"{split}_loss"] = nn.functional.cross_entropy(logits.double(), labels).item()
        scores[f"{split}_accuracy"] = (classes == labels).double().mean().item()
        predicted[split] = classes.to(torch.uint8).cpu().numpy()
    return scores, predicted


def weights_of(network: nn.Module) -> dict[str, np.ndarray]:
    """A copy of the weights by their names in the network, in the C order that safetensors needs."""
    return {
        name: tensor.detach().clone(memory_format=torch.contiguous_format).cpu().numpy()
        for name, tensor in network.state_dict().items()
    }


def check_device(device: str, run: str) -> None:
    """InputError where there is no such device; on a GPU, what makes one GPU repeat itself."""
    if device == "cuda":
        if not torch.cuda.is_available():
            raise InputError(f"{run}: device is cuda, but PyTorch finds no CUDA device here; set cpu")
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = False  # whose products would keep 10 bits of 23


def train(crops: Path, run: str, seed: int, settings: Settings, replicate: int) -> dict[str, Any]:
    """Train one network; what it leaves, as arrays.

    `curve`: a row for each epoch. `weights`: by name. `train`, `test`: predicted classes (n,).
    `snapshot`: weights after `snapshot_epoch`, and `snapshot_test`, what they predict.
    """
    run = f"cnn.runs.{run}"
    check_device(settings.device, run)
    splits = load_crops(crops, settings.crops)
    labels = splits["train"].labels
    if settings.batch_size > len(labels):
        raise InputError(
            f"{run}: batch_size is {settings.batch_size}, but there are {len(labels)} training crops"
        )
    splits = {name: Split(*(each.to(settings.device) for each in split)) for name, split in splits.items()}
    torch.manual_seed(int(generator(seed, "weights", replicate).integers(2**63)))
    network = build(
        splits["train"].images.shape[-1],
        settings.channels,
        settings.filter,
        settings.stride,
        settings.padding,
        settings.head,
    ).to(settings.device)
    optimizer = build_optimizer(network, settings)
    shuffling = torch.Generator().manual_seed(int(generator(seed, "shuffling", replicate).integers(2**63)))
    curve = Curve(run, replicate, settings.epochs, settings.learning_rate)
    snapshot: dict[str, Any] = {}

    for epoch in range(1, settings.epochs + 1):
        order = order_of_epoch(labels, settings.sampler, shuffling).to(settings.device)
        train_epoch(network, optimizer, splits["train"], order, settings.batch_size)
        scores, predicted = score(network, splits)
        curve.record(scores)
        if epoch == settings.snapshot_epoch:
            snapshot = {"snapshot": weights_of(network), "snapshot_test": predicted["test"]}

    return {"curve": curve.close(), "weights": weights_of(network), **predicted, **snapshot}
