"""The section `data` of params.yaml, which explains each key, and the public data sets that it can name."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from pipeline.runtime.settings import Strict

SYNTHETIC = "synthetic"  # what `data.digits` and `data.masks` call data drawn from the seed
SYNTHETIC_LABELS = ("bad", "good", "none")  # of the boxes that are drawn
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class SyntheticDigits(Strict):
    """`data.synthetic_digits`."""

    samples: int = Field(ge=1, le=200_000)


class SyntheticMasks(Strict):
    """`data.synthetic_masks`."""

    photographs: int = Field(ge=10, le=50_000)  # fewer would not hold every class in both sets


class Data(Strict):
    """`data`: where the digits and the photographs come from."""

    digits: str = Field(min_length=1)
    digits_sha256: Sha256 | None
    masks: str = Field(min_length=1)
    masks_sha256: Sha256 | None
    synthetic_digits: SyntheticDigits
    synthetic_masks: SyntheticMasks


@dataclass(frozen=True)
class Source:
    """A file to download. Where neither checksum is known, it is not checked; its sha256 is only recorded."""

    title: str
    address: str
    licence: str
    sha256: str | None = None
    git_blob: str | None = None


DIGITS = {
    "tibetan-mnist": Source(
        title="TibetanMNIST: 17,768 handwritten Tibetan numerals, 28x28 pixels, copyright Minzu University "
        "of China",
        address="https://github.com/bat67/TibetanMNIST/raw/71789520/Datasets/TibetanMNIST.npz",
        licence="CC BY-NC-SA 4.0",
        # The name that git gives to the file's content: a checksum that stands in the repository itself.
        git_blob="554c2a4336abc43646fcce4f16014d065909047e",
    )
}

MASKS = {
    "medical-masks": Source(
        title="Medical Masks Dataset: photographs with boxes around faces, by Eden Social Welfare Foundation",
        address="https://www.kaggle.com/api/v1/datasets/download/vtech6/medical-masks-dataset",
        licence="as stated on https://www.kaggle.com/datasets/vtech6/medical-masks-dataset",
    ),
    "face-mask-detection": Source(
        title="Face Mask Detection: photographs with boxes around faces, in Pascal VOC XML",
        address="https://www.kaggle.com/api/v1/datasets/download/andrewmvd/face-mask-detection",
        licence="CC0 1.0",
    ),
}
