"""Read the boxes of a source, map their labels to classes, and split them, as crop_masks is set."""

from pathlib import Path

from pipeline.common.crops import list_classes
from pipeline.common.seeds import generator
from pipeline.runtime.errors import InputError
from pipeline.sources.archives import open_archive
from stages.crop_masks.annotations import Annotations, read_annotations
from stages.crop_masks.boxes import IGNORE, Box, map_labels
from stages.crop_masks.settings import MasksSettings
from stages.crop_masks.split import split_boxes


def read_boxes(archive: Path, settings: MasksSettings, seed: int) -> Annotations:
    """What an archive holds, each box with its class and its split."""
    with open_archive(archive, str(archive)) as opened:
        read = read_annotations(opened, settings.annotations, settings.invalid_boxes == "skip")
    boxes = map_labels(read.boxes, settings.classes)
    notes = list(read.notes)
    if ignored := len(read.boxes) - len(boxes):
        notes.append(f"{ignored} boxes have a label that crop_masks.classes ignores")
    if absent := sorted(set(settings.classes.values()) - {IGNORE} - {box.label for box in boxes}):
        notes.append(f"no box is of class {', '.join(absent)}, which the network therefore does not know")
    if not read.boxes[0].split:
        boxes = split_boxes(boxes, settings.test_share, generator(seed, "masks split"))
    return read._replace(boxes=boxes, notes=notes)


def check_classes(boxes: list[Box], settings: MasksSettings) -> None:
    """Raise InputError unless there are two classes, each with a box to train on, and a box to test on."""
    classes = list_classes(box.label for box in boxes)
    train = {box.label for box in boxes if box.split == "train"}
    missing = [label for label in classes if label not in train]
    if missing:
        raise InputError(
            f"no box for training is of class {', '.join(missing)}; {', '.join(classes)} must each have "
            "one: add photographs that show it, or correct crop_masks.classes, which maps labels to classes"
        )
    if len(classes) < 2:
        known = ", ".join(sorted(set(settings.classes.values()) - {IGNORE}))
        raise InputError(
            f"the boxes are of {len(classes)} of the classes in crop_masks.classes ({known}); there must be "
            "boxes of two at least"
        )
    if all(box.split == "train" for box in boxes):
        raise InputError(
            "all boxes are for training and none for testing; add photographs to the test set, or raise "
            "crop_masks.test_share"
        )


def list_notes(read: Annotations, clipped: int) -> list[str]:
    """What was odd, and what was done about it."""
    boxes = read.boxes
    repeated = len(boxes) - len({(box.photograph, box.label, box.corners) for box in boxes})
    done = [f"{clipped} boxes reach over the edge of their photograph and are clipped"] if clipped else []
    if repeated:
        done.append(f"{repeated} boxes repeat another of the same photograph, class and corners")
    return [*done, *read.notes]
