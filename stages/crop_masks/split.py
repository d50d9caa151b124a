"""Which boxes are for training and which for testing: as the source publishes it, or else drawn."""

import zipfile
from collections.abc import Iterable

import numpy as np

from pipeline.common.crops import list_classes
from pipeline.runtime.errors import InputError
from pipeline.sources.archives import PICTURES, brief, read_text, suffix, with_suffix
from pipeline.sources.splits import check_complete, map_published_split, split_of_folder, word_of
from stages.crop_masks.boxes import Box
from stages.crop_masks.photographs import DataSet, file_name, normalise, stem
from stages.crop_masks.yolo import folders_of_splits

UNPUBLISHED = "drawn, as the source publishes none"
LISTS = ("train", "trainval", "val", "valid", "test")  # names of text files that list photographs
MAIN = "ImageSets/Main/"  # where Pascal VOC has them


def split_as_published(data: DataSet, boxes: list[Box], form: str) -> tuple[list[Box], str]:
    """The boxes with their split, "train" or "test", and how that was found; "" where none is published.

    It is in the names of annotation files or of folders, in lists of photographs, or in a data.yaml.
    """
    photographs = [box.photograph for box in boxes]
    named = [box.split or split_of_folder(box.photograph) for box in boxes]
    if not is_named(named) and is_named((lists := read_lists(data)).values()):
        named = splits_of(photographs, lists, data.source)
    elif not is_named(named) and form == "yolo":
        folders = folders_of_splits(data)
        by_folder = [
            next((split for path, split in folders if f"/{path}/" in f"/{name}"), "") for name in photographs
        ]
        named = by_folder if is_named(by_folder) else named
    becomes, said = map_published_split(named)
    if not becomes:
        return [box._replace(split="") for box in boxes], UNPUBLISHED
    check_complete([box.where for box in boxes], named, data.source)
    return [box._replace(split=becomes[each]) for box, each in zip(boxes, named, strict=True)], said


def is_named(splits: Iterable[str]) -> bool:
    """Whether a training set is named, and another set."""
    return "train" in (found := set(splits)) and bool(map_published_split(found)[0])


def read_lists(data: DataSet) -> dict[str, str]:
    """The split of each photograph by its normalised stem, from lists in the data set; {} without any."""
    files = [name for name in with_suffix(data.names, frozenset({".txt"})) if stem(name).lower() in LISTS]
    files = [name for name in files if MAIN in f"/{name}"] or files
    words = {stem(name).lower() for name in files}
    if "train" in words:
        files = [name for name in files if stem(name).lower() != "trainval"]
    splits: dict[str, str] = {}
    for name in files:
        lines = read_text(data.archive, name).decode("utf-8-sig", "replace").split("\n")
        listed = [_listed(line.strip()) for line in lines if line.strip()]
        if not any(each in data.by_stem for each in listed):
            continue
        data.helpers.add(name)
        split = word_of(stem(name))
        for each in listed:
            if splits.setdefault(each, split) != split:
                raise InputError(f"{data.source}: {name} lists {each!r}, which is in {splits[each]} too")
    return splits


def _listed(line: str) -> str:
    """The normalised stem of what a line lists: a path, or a name without suffix that may have points."""
    return normalise(stem(line) if suffix(line) in PICTURES else file_name(line))


def splits_of(photographs: list[str], lists: dict[str, str], source: str) -> list[str]:
    """The split of each photograph; InputError if some are in no list."""
    missing = sorted({name for name in photographs if normalise(stem(name)) not in lists})
    if missing:
        raise InputError(
            f"{source}: {len(missing)} photographs with boxes are in no list of the published split: "
            f"{brief(missing)}; add them to one, or remove the lists to have a split drawn"
        )
    return [lists[normalise(stem(name))] for name in photographs]


def number_photographs(boxes: list[Box], archive: zipfile.ZipFile) -> dict[str, int]:
    """The photographs of the boxes by number, in their order; copies of a photograph have its number."""
    contents: dict[tuple[int, int], int] = {}
    numbers = {}
    for name in dict.fromkeys(box.photograph for box in boxes):
        member = archive.getinfo(name)
        numbers[name] = contents.setdefault((member.CRC, member.file_size), len(contents))
    return numbers


def split_boxes(
    boxes: list[Box], numbers: dict[str, int], test_share: float, rng: np.random.Generator
) -> list[Box]:
    """The boxes with "train" or "test" for the split, those of photographs with one number on one side."""
    classes = list_classes(box.label for box in boxes)
    counts = np.zeros((max(numbers.values()) + 1, len(classes)), dtype=int)
    for box in boxes:
        counts[numbers[box.photograph], classes.index(box.label)] += 1
    test = choose_test(counts, test_share, rng)
    return [box._replace(split="test" if test[numbers[box.photograph]] else "train") for box in boxes]


def describe_copies(boxes: list[Box], numbers: dict[str, int], drawn: bool) -> list[str]:
    """A sentence on the copies among the photographs, if there are any."""
    if drawn:
        copies = len(numbers) - len(set(numbers.values()))
        sentence = "photographs are copies of another, and on its side of the split"
    else:
        train = {numbers[box.photograph] for box in boxes if box.split == "train"}
        test = {box.photograph for box in boxes if box.split == "test"}
        copies = sum(numbers[name] in train for name in test)
        sentence = "test photographs are copies of training photographs, as published"
    return [f"{copies} {sentence}"] if copies else []


def choose_test(counts: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Which photographs are for testing, bool (p,), from the boxes of each class in each, int (p, classes).

    Photographs are added in random order, those with the rarest class first, as long as no class exceeds
    `share` of its boxes. A class that still has no test box then gets its photograph with the fewest boxes,
    if every class keeps a box for training.
    """
    totals = counts.sum(axis=0)
    testable = (counts > 0).sum(axis=0) >= 2  # a class in one photograph stays with the training set
    targets = np.where(testable, np.maximum(1, np.round(share * totals)), 0)
    order = rng.permutation(len(counts))
    test = np.zeros(len(counts), dtype=bool)
    taken = np.zeros_like(totals)
    for kind in np.argsort(totals, kind="stable"):
        for row in order[counts[order, kind] > 0]:
            if not test[row] and (taken + counts[row] <= targets).all():
                test[row] = True
                taken += counts[row]
    for kind in np.flatnonzero(testable):
        rows = [
            row for row in order if counts[row, kind] and (totals - taken - counts[row] > 0)[totals > 0].all()
        ]
        if not taken[kind] and rows:
            smallest = min(rows, key=lambda row: counts[row].sum())
            test[smallest] = True
            taken += counts[smallest]
    return test
