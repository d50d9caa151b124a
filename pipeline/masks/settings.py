"""The section `crop_masks` of params.yaml, which explains each key."""

from typing import Literal

from pydantic import Field

from pipeline.common.settings import Strict


class MasksSettings(Strict):
    side: int = Field(ge=1, le=1024)
    test_share: float = Field(gt=0, lt=1)
    classes: dict[str, Literal["bad", "good", "none"]] = Field(min_length=1)
