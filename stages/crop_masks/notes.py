"""What was odd in a source and what was done about it, and how many boxes of each class there are."""

from collections import Counter
from collections.abc import Iterable

from pipeline.common.classes import SPLITS
from pipeline.common.crops import list_classes
from stages.crop_masks.annotations import Annotations
from stages.crop_masks.boxes import Box
from stages.crop_masks.settings import IGNORE


def list_notes(read: Annotations, boxes: list[Box], classes: Iterable[str], clipped: int) -> list[str]:
    """What was odd, and what was done about it; `boxes` are those of `read` that have a class."""
    notes = [f"{clipped} boxes reach over the edge of their photograph and are clipped"] if clipped else []
    if repeated := len(boxes) - len({(box.photograph, box.label, box.corners) for box in boxes}):
        notes.append(f"{repeated} boxes repeat another of the same photograph, class and corners")
    notes += read.notes
    if ignored := len(read.boxes) - len(boxes):
        notes.append(f"{ignored} boxes have a label that crop_masks.classes ignores")
    if absent := sorted(set(classes) - {IGNORE} - {box.label for box in boxes}):
        notes.append(f"no box is of class {', '.join(absent)}, which the network therefore does not know")
    return notes


def print_report(read: Annotations, boxes: list[Box], notes: list[str]) -> None:
    """Print how the source was read, and the boxes of each split and class."""
    print(f"masks: read as {read.layout}; split: {read.split}")
    classes = list_classes(box.label for box in boxes)
    for split in SPLITS:
        counts = Counter(box.label for box in boxes if box.split == split)
        each = ", ".join(f"{counts[label]} {label}" for label in classes)
        print(f"masks: {counts.total()} {split} boxes: {each}")
    for note in notes:
        print(f"masks: {note}")
