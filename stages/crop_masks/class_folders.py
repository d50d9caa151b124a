"""Read pictures of faces in folders of classes: each picture is one face, and its box the whole picture."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from pipeline.sources.splits import word_of
from stages.crop_masks.boxes import Box
from stages.crop_masks.photographs import DataSet

TITLE = "faces in class folders"


def find(data: DataSet) -> list[str]:
    """The pictures, if each is in the folder of a class, and there are two classes at least."""
    outside = [name for name in data.photographs if not _class_of(name)]
    classes = {_class_of(name) for name in data.photographs} - {""}
    if len(classes) < 2:
        return []
    for name in outside:
        data.faults.note("pictures are in no class folder, as others are", name)
    return [] if outside else data.photographs


def read(data: DataSet, name: str) -> Iterator[Box]:
    """The box of one picture, as viewers show it."""
    label = _class_of(name)
    size = data.header(name, f"class {label}").turned_size
    yield Box("", name, label, name, (0, 0, *size), size, 0)


def _class_of(name: str) -> str:
    """The folder of a picture; "" if it is in none, or in that of a split."""
    folder = PurePosixPath(name).parent.name
    return "" if word_of(folder) else folder
