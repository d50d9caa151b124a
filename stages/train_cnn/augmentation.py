"""Augmentation of training crops with torchvision: random position, size, mirroring, brightness, colour."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

AUGMENTATION = v2.Compose(
    [
        v2.RandomHorizontalFlip(),
        v2.RandomAffine(15, (0.1, 0.1), (0.8, 1.2), interpolation=v2.InterpolationMode.BILINEAR),
        v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3),
    ]
)


def augment(images: Tensor) -> Tensor:
    """A randomly changed copy of each image, float32 (n, 3, size, size), in 0 to 1 in steps of 1/255.

    torchvision draws from PyTorch's global generator. It changes all images of a batch alike, so it gets them
    one at a time; as Pillow images, because its affine transform of tensors crashes under QEMU.
    """
    pixels = (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    changed = np.stack([np.asarray(AUGMENTATION(Image.fromarray(each))) for each in pixels])
    return torch.from_numpy(changed).to(images.device).permute(0, 3, 1, 2).float().div_(255)
