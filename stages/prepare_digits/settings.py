"""The section `prepare_digits` of params.yaml."""

from typing import Literal

from pydantic import Field

from pipeline.runtime.settings import Strict


class DigitsSettings(Strict):
    """What tells the class of a picture, and the sizes of the split where the source has none."""

    class_from: Literal["auto", "folder", "name"]
    train: int = Field(ge=2)
    test: int = Field(ge=2)
