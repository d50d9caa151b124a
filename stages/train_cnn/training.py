"""The training of a CNN: its epochs, and what is recorded of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.common.crops import Crops, load_crops
from pipeline.common.runs import SNAPSHOT, Replicate
from pipeline.common.seeds import generator
from pipeline.runtime.errors import InputError
from pipeline.training.curve import Curve
from pipeline.training.schedule import learning_rate
from stages.train_cnn.cnn import (
    build_described,
    build_loss,
    build_optimizer,
    describe,
    order_of_epoch,
    score,
    to_samples,
    train_epoch,
)
from stages.train_cnn.folds import rows_of_fold
from stages.train_cnn.settings import CnnSettings


def check_device(device: str, run: str) -> None:
    """Raise InputError if there is no such device; make a GPU give the same result each time."""
    if device == "cuda":
        if not torch.cuda.is_available():
            raise InputError(f"{run}: device is cuda, but PyTorch finds no CUDA device here; set cpu")
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = False  # TF32 would keep 10 of the 23 bits of a float32


def draw_seed(seed: int, purpose: str, replicate: int) -> int:
    """The seed of a generator of PyTorch."""
    return int(generator(seed, purpose, replicate).integers(2**63))


def draw_network(about: dict[str, Any], device: str, seed: int) -> nn.Sequential:
    """The network that `about` describes, with its initial weights."""
    torch.manual_seed(seed)
    network = build_described(about)
    return network.to(device)


def load_augmentation() -> Callable[[Tensor], Tensor]:
    """Import the augmentation. Only runs that use it pay the second that torchvision takes to import."""
    from stages.train_cnn.augmentation import augment

    return augment


def weights_of(network: nn.Module) -> dict[str, np.ndarray]:
    """A copy of the weights by their names in the network, in C order."""
    return {
        name: tensor.detach().clone(memory_format=torch.contiguous_format).cpu().numpy()
        for name, tensor in network.state_dict().items()
    }


def rows_of_splits(crops: Crops, settings: CnnSettings, seed: int, replicate: int) -> dict[str, np.ndarray]:
    """Which crops are in each split, bool (n,): those of the source, or a fold for each replicate."""
    if not settings.folds:
        return crops.rows()
    return rows_of_fold(crops, settings.folds, replicate, generator(seed, "folds"))


def train(crops: Path, run: str, seed: int, settings: CnnSettings, replicate: int) -> Replicate:
    """Train one network on the prepared `crops`; `run` names it in messages."""
    check_device(settings.device, run)
    prepared = load_crops(crops)
    rows = rows_of_splits(prepared, settings, seed, replicate)
    splits = to_samples(prepared, rows, settings.crops, settings.device)
    pixels, _, labels = splits["train"]
    settings.check_samples(run, len(labels))
    about = describe(settings, pixels.shape[-1], prepared.classes)
    network = draw_network(about, settings.device, draw_seed(seed, "weights", replicate))
    optimizer, loss = build_optimizer(network, settings), build_loss(labels.cpu(), about, settings)
    augment = load_augmentation() if settings.augmentation == "random" else None
    shuffling = torch.Generator().manual_seed(draw_seed(seed, "shuffling", replicate))
    torch.manual_seed(draw_seed(seed, "augmentation", replicate))
    curve = Curve(run, replicate, settings.epochs, settings.learning_rate)
    snapshot, snapshot_predictions = {}, {}

    for epoch in range(1, settings.epochs + 1):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings, epoch)
        order = order_of_epoch(labels.cpu(), settings.sampler, shuffling)
        train_epoch(network, optimizer, loss, splits["train"], order, settings.batch_size, augment)
        scores, predicted = score(network, splits, len(prepared.classes))
        curve.record(scores)
        if epoch == settings.snapshot_epoch:
            snapshot, snapshot_predictions = weights_of(network), {SNAPSHOT: predicted["test"]}

    predicted |= snapshot_predictions
    truth = {split: prepared.label[of_split] for split, of_split in rows.items()}
    return Replicate(curve.close(), weights_of(network), about, predicted, truth, snapshot=snapshot)
