"""The section `crop_masks` of params.yaml, which explains each key."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.runtime.settings import Strict

IGNORE = "ignore"  # the class of labels that are left out
MOST_CLASSES = 20
LONGEST_CLASS = 41  # letters of a name


def numbers_as_text(table: Any) -> Any:
    """A table whose keys may be the numbers of classes, which YAML does not read as text."""
    if not isinstance(table, dict):
        return table
    return {str(key) if type(key) is int else key: value for key, value in table.items()}


def check_class_names(table: dict[str, str]) -> dict[str, str]:
    """The table; ValueError unless it names 2 to MOST_CLASSES classes, none ending in _std."""
    number = len(set(table.values()) - {IGNORE})
    if not 2 <= number <= MOST_CLASSES:
        raise ValueError(f"{number} different classes; there must be 2 to {MOST_CLASSES}")
    if wrong := [name for name in table.values() if name.endswith("_std")]:
        raise ValueError(f"the class {wrong[0]!r} must not end with _std, as deviations of scores do")
    return table


# Letters first, so that no CSV reader takes a class for a number.
ClassName = Annotated[str, Field(pattern=rf"^[A-Za-z][A-Za-z0-9_-]{{0,{LONGEST_CLASS - 1}}}$")]


class MasksSettings(Strict):
    side: int = Field(ge=1, le=1024)
    pictures: int = Field(ge=0)
    test_share: float = Field(gt=0, lt=1)
    annotations: Literal[
        "auto",
        "csv",
        "voc",
        "yolo",
        "coco",
        "via",
        "labelme",
        "cvat",
        "createml",
        "open_images",
        "folders",
    ]
    invalid_boxes: Literal["error", "skip"]
    classes: Annotated[
        dict[str, ClassName], BeforeValidator(numbers_as_text), AfterValidator(check_class_names)
    ]
