"""The training of a CNN: its epochs, and what is recorded of them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pipeline.common.runs import Replicate
from pipeline.common.seeds import generator
from pipeline.common.settings import InputError
from pipeline.masks.prepared import load_crops
from pipeline.training.cnn import (
    build_described,
    build_optimizer,
    describe,
    order_of_epoch,
    score,
    to_samples,
    train_epoch,
)
from pipeline.training.record import Curve
from pipeline.training.settings import CnnSettings


def check_device(device: str, run: str) -> None:
    """InputError where there is no such device; on a GPU, choose what makes one GPU repeat itself."""
    if device == "cuda":
        if not torch.cuda.is_available():
            raise InputError(f"{run}: device is cuda, but PyTorch finds no CUDA device here; set cpu")
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = False  # whose products would keep 10 bits of 23


def draw_network(about: dict[str, Any], device: str, rng: np.random.Generator) -> nn.Sequential:
    """The network that `about` describes, with its initial weights."""
    torch.manual_seed(int(rng.integers(2**63)))
    network = build_described(about)
    return network.to(device)


def weights_of(network: nn.Module) -> dict[str, np.ndarray]:
    """A copy of the weights by their names in the network, in C order."""
    return {
        name: tensor.detach().clone(memory_format=torch.contiguous_format).cpu().numpy()
        for name, tensor in network.state_dict().items()
    }


def train(crops: Path, run: str, seed: int, settings: CnnSettings, replicate: int) -> Replicate:
    """Train one network on the prepared `crops`; `run` names it in messages."""
    check_device(settings.device, run)
    prepared = load_crops(crops)
    splits = to_samples(prepared, settings.crops, settings.device)
    images, labels = splits["train"]
    settings.check_samples(run, len(labels))
    about = describe(settings, images.shape[-1], prepared.classes)
    network = draw_network(about, settings.device, generator(seed, "weights", replicate))
    optimizer = build_optimizer(network, settings)
    shuffling = torch.Generator().manual_seed(int(generator(seed, "shuffling", replicate).integers(2**63)))
    curve = Curve(run, replicate, settings.epochs, settings.learning_rate)
    snapshot, snapshot_predictions = {}, {}

    for _ in range(settings.epochs):
        order = order_of_epoch(labels.cpu(), settings.sampler, shuffling).to(settings.device)
        train_epoch(network, optimizer, splits["train"], order, settings.batch_size)
        scores, predicted = score(network, splits)
        curve.record(scores)
        if len(curve.rows) == settings.snapshot_epoch:
            snapshot, snapshot_predictions = weights_of(network), {"snapshot_test": predicted["test"]}

    predicted |= snapshot_predictions
    return Replicate(curve.close(), weights_of(network), about, predicted, snapshot=snapshot)
