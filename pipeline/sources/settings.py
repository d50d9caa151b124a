"""The section `data` of params.yaml, which explains each key."""

from typing import Annotated

from pydantic import Field

from pipeline.runtime.settings import Strict

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class SyntheticDigits(Strict):
    """`data.synthetic_digits`."""

    samples: int = Field(ge=1, le=200_000)


class SyntheticMasks(Strict):
    """`data.synthetic_masks`."""

    photographs: int = Field(ge=1, le=50_000)


class Data(Strict):
    """`data`: where the digits and the photographs come from."""

    digits: str = Field(min_length=1)
    digits_sha256: Sha256 | None
    masks: str = Field(min_length=1)
    masks_sha256: Sha256 | None
    synthetic_digits: SyntheticDigits
    synthetic_masks: SyntheticMasks
