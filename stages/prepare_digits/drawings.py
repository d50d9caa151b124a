"""Read pictures of digits: the class of each by its folder or by its name."""

import re
from collections import defaultdict
from pathlib import PurePosixPath

import numpy as np
from tqdm import tqdm

from pipeline.common.digits import SIDE, Digits
from pipeline.runtime.errors import InputError
from pipeline.sources.archives import (
    PICTURES,
    Archive,
    archive_name,
    brief,
    file_names,
    read_file,
    with_suffix,
)
from pipeline.sources.pictures import open_drawing
from pipeline.sources.splits import check_complete, map_published_split, split_of_folder, word_of
from stages.prepare_digits.notes import Notes
from stages.prepare_digits.sample import is_on_light, to_sample

TITLE = "pictures"
CLASS_IN_NAME = re.compile(r"([0-9]{1,2})[_.-]")
JUST_A_NUMBER = re.compile(r"[0-9]+\.[a-z]+$", re.IGNORECASE)  # 12.png, which may be the twelfth picture
NEARLY_ALL = 0.9  # of the pictures


def find(archive: Archive, names: list[str]) -> list[str]:
    return with_suffix(names, PICTURES)


def read_pictures(
    archive: Archive, class_from: str, looked_at: int | None, notes: Notes
) -> tuple[dict[str, Digits], Notes]:
    """The digits of pictures by the split that their folders say; labels are whole numbers, or text."""
    source, names = archive_name(archive), find(archive, file_names(archive))
    splits = [split_of_folder(name) for name in names]
    if map_published_split(splits)[0]:
        check_complete(names, splits, source)
    else:
        splits = [""] * len(names)
    classes, told_by = classes_of(names, class_from, source)
    labels, images = np.array(classes), np.zeros((len(names), SIDE, SIDE), np.uint8)
    sizes, inverted = set(), 0
    for number, name in enumerate(tqdm(names[:looked_at], leave=False, disable=None)):
        pixels = np.asarray(open_drawing(read_file(archive, name), f"{source}: {name}"))
        images[number] = to_sample(pixels)
        inverted += is_on_light(pixels)
        sizes.add(pixels.shape[::-1])
    parts = {split: np.array([each == split for each in splits]) for split in sorted(set(splits))}
    layout = f"{notes.layout}, class by {told_by}"
    return (
        {split: Digits(images[rows], labels[rows]) for split, rows in parts.items()},
        notes._replace(layout=layout, inverted=inverted, sizes=frozenset(sizes)),
    )


def classes_of(names: list[str], class_from: str, source: str) -> tuple[list[int] | list[str], str]:
    """The class of each picture, and what tells it, "folder" or "name"."""
    by_folder = [class_of_folder(name) for name in names]
    by_name = [
        str(int(match[1])) if (match := CLASS_IN_NAME.match(PurePosixPath(name).name)) else None
        for name in names
    ]
    if class_from == "auto":
        by_folder = without_strays(by_folder)
        check_agreement(by_folder, by_name, names, source)
        class_from = "name" if by_folder.count(None) > by_name.count(None) else "folder"
    found = by_folder if class_from == "folder" else by_name
    strays = [name for name, told in zip(names, found, strict=True) if told is None]
    if len(strays) == len(names):
        raise InputError(
            f"{source}: no class can be told of {brief(names)}: put pictures into folders named by class, "
            "such as 0 to 9, or name them like 3_12.jpg"
        )
    if strays:
        rule = (
            "its folder names none (any name is one with prepare_digits.class_from: folder)"
            if class_from == "folder"
            else "its name is not like 3_12.jpg"
        )
        raise InputError(
            f"{source}: no class can be told of {brief(strays)}: {rule}, as with the other "
            f"{len(names) - len(strays)} pictures; rename or remove what has none"
        )
    told = [each for each in found if each is not None]
    return list(map(int, told)) if all(map(is_numeral, told)) else told, class_from


def class_of_folder(name: str) -> str | None:
    """The name of the folder of a picture, a number without zeros before it; None if it names a split.

    >>> [class_of_folder(name) for name in ("train/ka/1.png", "train/07/1.png", "train/1.png", "1.png")]
    ['ka', '7', None, None]
    """
    folder = PurePosixPath(name).parent.name
    if is_numeral(folder):
        return str(int(folder))
    return folder if folder and not word_of(folder) else None


def is_numeral(text: str) -> bool:
    return re.fullmatch("[0-9]{1,9}", text) is not None


def without_strays(by_folder: list[str | None]) -> list[str | None]:
    """Folders that tell classes: where most are numbers these alone; none where there is one folder alone."""
    numerals = [folder if folder and is_numeral(folder) else None for folder in by_folder]
    if numerals.count(None) < len(numerals) / 2:
        return numerals
    return by_folder if len(set(by_folder)) > 1 else [None] * len(by_folder)


def check_agreement(
    by_folder: list[str | None], by_name: list[str | None], names: list[str], source: str
) -> None:
    """Raise InputError where folders and names both tell classes, and not the same ones.

    Folders of ten writers are named 0 to 9 too, and a tenth of their files agrees by chance. Folders that are
    words may be writers' names; those of classes do not each hold files of several classes.
    """
    both = [(a, b, name) for a, b, name in zip(by_folder, by_name, names, strict=True) if a and b]
    differ = [name for a, b, name in both if a != b]
    if len(both) <= NEARLY_ALL * len(names) or len(differ) <= (1 - NEARLY_ALL) * len(both):
        return
    if all(is_numeral(folder) for folder, _, _ in both):
        unclear = {folder for folder, _, _ in both} == {name for _, name, _ in both}
    else:
        told: dict[str, set[str]] = defaultdict(set)
        for folder, by, name in both:
            if not JUST_A_NUMBER.match(PurePosixPath(name).name):
                told[folder].add(by)
        unclear = any(len(classes) > 1 for classes in told.values())
    if unclear:
        raise InputError(
            f"{source}: the folders say other classes than the names of {len(differ)} of {len(names)} "
            f"pictures, as of {differ[0]}; say which is right with prepare_digits.class_from: folder or name"
        )
