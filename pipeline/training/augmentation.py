"""Random changes of crops to train on, by torchvision: in place, size, mirroring, brightness and colour."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

CHANGES = v2.Compose(
    [
        v2.RandomHorizontalFlip(),
        v2.RandomAffine(15, (0.1, 0.1), (0.8, 1.2), interpolation=v2.InterpolationMode.BILINEAR),
        v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3),
    ]
)


def change(images: Tensor) -> Tensor:
    """A changed copy of each image, float32 (n, 3, size, size) in 0 to 1, in whole 255ths.

    torchvision draws from PyTorch's global generator. It is given images one by one, since it changes a batch
    in one way; and as Pillow's, since its affine change of tensors crashes in the emulator of the tests.
    """
    pixels = (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    changed = np.stack([np.asarray(CHANGES(Image.fromarray(each))) for each in pixels])
    return torch.from_numpy(changed).to(images.device).permute(0, 3, 1, 2).float().div_(255)
