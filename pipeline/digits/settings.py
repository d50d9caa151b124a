"""The section `prepare_digits` of params.yaml."""

from pydantic import Field

from pipeline.common.classes import DIGIT_CLASSES
from pipeline.common.settings import Strict


class DigitsSettings(Strict):
    """The sizes of the split where the source has none."""

    train: int = Field(ge=len(DIGIT_CLASSES))
    test: int = Field(ge=len(DIGIT_CLASSES))
