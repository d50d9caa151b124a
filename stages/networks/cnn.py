"""The convolutional network of part 2: two convolutions, each followed by 2x2 max pooling.

Shapes: n crops of 3 x size x size pixels in 0 to 1; classes 0, 1, 2 are bad, good, none.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.sgd import sgd
from torch.utils.data import WeightedRandomSampler

from stages.replicates import Curve
from stages.seeds import generator
from stages.settings import InputError

aten = torch.ops.aten

CLASSES = 3
MEAN = 1  # what aten calls reduction="mean"
# Channels side by side in memory: on a processor, pooling is then six times as fast and an epoch 1.6 times.
LAYOUT = torch.channels_last
GATHERED = 16  # mini-batches that are put in order at a time: all at once would double the memory


class Split(NamedTuple):
    """The training or the test crops: pixels (n, 3, size, size) and classes (n,)."""

    images: Tensor
    labels: Tensor


def load_crops(path: Path, crops: str, device: str) -> dict[str, Split]:
    """The splits "train" and "test", from the crops resized (method 2) or pooled from own size (method 1)."""
    with np.load(path, allow_pickle=False) as arrays:
        images = torch.from_numpy(arrays["resized" if crops == "resized" else "pooled"])
        labels, test = torch.from_numpy(arrays["label"]).long(), torch.from_numpy(arrays["test"])
    images = images.permute(0, 2, 3, 1).contiguous()  # in LAYOUT, before there are copies of it
    splits = {}
    for split, mask in {"train": ~test, "test": test}.items():
        pixels = images[mask].permute(0, 3, 1, 2)
        if crops == "resized":
            pixels = pixels.float().div_(255)
        splits[split] = Split(pixels.to(device), labels[mask].to(device))
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


def order_of_epoch(labels: Tensor, sampler: str, shuffling: torch.Generator) -> Tensor:
    """The crops of one epoch: each once in random order, or drawn with weight 1 / size of its class (T14)."""
    if sampler == "shuffle":
        return torch.randperm(len(labels), generator=shuffling)
    weights = 1 / torch.bincount(labels, minlength=CLASSES)[labels].double()
    return torch.tensor(list(WeightedRandomSampler(weights.tolist(), len(labels), generator=shuffling)))


Step = Callable[[list[Tensor]], None]  # updates the parameters in place, given their gradients


def build_optimizer(parameters: list[Tensor], optimizer: str, learning_rate: float, momentum: float) -> Step:
    """The step of torch.optim.Adam or SGD, bit for bit, without making one.

    Their constructor imports PyTorch's compiler, which takes longer than some of the trainings.
    """
    if optimizer == "sgd":
        return partial(
            sgd,
            parameters,
            momentum_buffer_list=[None] * len(parameters),
            lr=learning_rate,
            momentum=momentum,
            dampening=0,
            nesterov=False,
            weight_decay=0,
            maximize=False,
        )
    return partial(
        adam,
        parameters,
        exp_avgs=[torch.zeros_like(parameter) for parameter in parameters],
        exp_avg_sqs=[torch.zeros_like(parameter) for parameter in parameters],
        max_exp_avg_sqs=[],
        state_steps=[torch.tensor(0.0) for _ in parameters],
        lr=learning_rate,
        beta1=0.9,
        beta2=0.999,
        eps=1e-8,
        weight_decay=0,
        amsgrad=False,
        maximize=False,
    )


def gradients(network: nn.Sequential, images: Tensor, labels: Tensor) -> list[Tensor]:
    """Of the mean cross-entropy of images (m, 3, size, size), by each parameter in the network's order.

    These are autograd's own operations in its own order, so its bits, but without its records: with them a
    step on one crop takes 15 % longer.
    """
    passed, below = [], images
    for layer in network:
        if isinstance(layer, nn.MaxPool2d):
            above, left = nn.functional.max_pool2d(below, 2, return_indices=True)
        else:
            above = left = layer(below)
        passed.append((layer, below, left))
        below = above
    log_shares = torch.log_softmax(below, dim=1)
    loss, count = aten.nll_loss_forward(log_shares, labels, None, MEAN, -1)
    slope = aten.nll_loss_backward(loss.new_ones(()), log_shares, labels, None, MEAN, -1, count)
    slope = aten._log_softmax_backward_data(slope, log_shares, 1, slope.dtype)

    found: list[Tensor] = []  # from the last parameter to the first
    for layer, below, left in reversed(passed):
        match layer:
            case nn.Linear():
                found += [slope.sum(0), slope.t().mm(below)]
                slope = slope.mm(layer.weight)
            case nn.Flatten():
                slope = slope.view_as(below)
            case nn.MaxPool2d():
                pooling = [2, 2], [2, 2], [0, 0], [1, 1], False  # size, stride, padding, dilation, ceiling
                slope = aten.max_pool2d_with_indices_backward(slope, below, *pooling, left)
            case nn.ReLU():
                slope = aten.threshold_backward(slope, left, 0)
            case nn.Conv2d():
                usual = [1, 1], False, [0, 0], 1  # dilation, transposed, output padding, groups
                wanted = [below is not images, True, True]
                slope, weights, biases = aten.convolution_backward(
                    slope,
                    below,
                    layer.weight,
                    [len(layer.weight)],
                    layer.stride,
                    layer.padding,
                    *usual,
                    wanted,
                )
                found += [biases, weights]
    return found[::-1]


@torch.inference_mode()
def train_batches(
    network: nn.Sequential, step: Step, images: Tensor, labels: Tensor, batch_size: int
) -> None:
    """A step for each mini-batch of crops that are in the order of the epoch already."""
    for batch, truth in zip(images.split(batch_size), labels.split(batch_size), strict=True):
        step(gradients(network, batch, truth))


@torch.inference_mode()
def score(network: nn.Module, splits: dict[str, Split]) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Mean cross-entropy and accuracy of both splits; the classes predicted for each."""
    scores, predicted = {}, {}
    for split, (images, labels) in splits.items():
        logits = images.new_empty(len(images), CLASSES)
        for batch, rows in zip(images.split(64), logits.split(64), strict=True):  # fits the caches
            rows.copy_(network(batch))
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


def train_replicate(
    splits: dict[str, Split],
    run: str,
    seed: int,
    replicate: int,
    *,
    channels: list[int],
    filter: int,
    stride: int,
    padding: int,
    head: list[int],
    optimizer: str,
    momentum: float,
    learning_rate: float,
    batch_size: int,
    epochs: int,
    sampler: str,
    snapshot_epoch: int,
) -> dict[str, Any]:
    """Train one network on crops that lie where it is to be trained; see `train` for what it leaves."""
    images, labels = splits["train"]
    if batch_size > len(labels):
        raise InputError(f"{run}: batch_size is {batch_size}, but there are {len(labels)} training crops")
    torch.manual_seed(int(generator(seed, "weights", replicate).integers(2**63)))
    network = build(images.shape[-1], channels, filter, stride, padding, head).to(images.device)
    shuffling = torch.Generator().manual_seed(int(generator(seed, "shuffling", replicate).integers(2**63)))
    step = build_optimizer(list(network.parameters()), optimizer, learning_rate, momentum)
    classes = labels.cpu()
    curve = Curve(run, replicate, epochs, learning_rate)
    left: dict[str, Any] = {}

    for epoch in range(1, epochs + 1):
        order = order_of_epoch(classes, sampler, shuffling).to(images.device)
        for part in order.split(GATHERED * batch_size):
            train_batches(network, step, images[part], labels[part], batch_size)
        scores, predicted = score(network, splits)
        curve.record(epoch, scores)
        if epoch == snapshot_epoch:
            left |= {"snapshot": weights_of(network), "snapshot_test": predicted["test"]}

    return left | {"curve": curve.close(), "weights": weights_of(network)} | predicted


def train(
    crops_file: Path,
    run: str,
    seed: int,
    replicates: list[int],
    device: str,
    *,
    crops: str,
    **settings: Any,
) -> list[dict[str, Any]]:
    """Train `replicates` of one network, one after the other, on one thread or a GPU that holds all crops.

    Each leaves, as arrays: `curve`, a row for each epoch; `weights` by name; `train`, `test`, predicted
    classes (n,); `snapshot`, weights after `snapshot_epoch`, and `snapshot_test`, what they predict.
    """
    torch.set_num_threads(1)  # what makes reruns bit-identical, and with a process a core, faster
    torch.backends.cudnn.deterministic = True  # the same on a GPU
    torch.backends.cudnn.allow_tf32 = False  # whose products would else keep 10 bits of 23
    splits = load_crops(crops_file, crops, device)
    return [
        train_replicate(splits, f"cnn.runs.{run}", seed, replicate, **settings) for replicate in replicates
    ]
