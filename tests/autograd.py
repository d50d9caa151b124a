"""The MLP once more, in PyTorch, so that autograd can derive its gradients."""

from collections.abc import Sequence

import torch
from torch import Tensor


def autograd_loss(layers: Sequence[Tensor], images: Tensor, labels: Tensor, activation: str) -> Tensor:
    """The loss of layers (units, inputs + 1), last column biases, on images (m, pixels) and labels (m,)."""
    for index, layer in enumerate(layers):
        images = images @ layer[:, :-1].T + layer[:, -1]
        if index < len(layers) - 1:
            images = getattr(torch, activation)(images)
    return torch.nn.functional.cross_entropy(images, labels)
