"""Read digits of any layout: .npz or IDX files, or pictures whose name or folder tells their class."""

import re
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from pipeline.common.classes import DIGIT_CLASSES
from pipeline.common.digits import SIDE, Digits, join
from pipeline.runtime.errors import InputError, shorten
from pipeline.sources.archives import (
    PICTURES,
    Archive,
    archive_name,
    brief,
    by_suffix,
    file_names,
    read_file,
    suffix,
    with_suffix,
)
from pipeline.sources.folders import IDX, open_source
from pipeline.sources.pictures import open_drawing
from pipeline.sources.splits import check_complete, map_published_split, split_of_file, split_of_folder
from stages.prepare_digits.arrays import read_idx, read_npz, value_of_white
from stages.prepare_digits.sample import INK, is_on_light, stretch, to_sample

ARRAYS, IDX_FILES, DRAWINGS = "arrays (.npz)", "IDX files", "pictures"
CLASS_IN_NAME = re.compile(r"([0-9])[_.-]")
NEARLY_ALL = 0.9  # of the pictures


class Notes(NamedTuple):
    """How a source of digits was read."""

    layout: str
    unread: str = ""  # the other files, in a few words
    sizes: frozenset[tuple[int, int]] = frozenset()  # (width, height) of the images
    inverted: int = 0  # images, dark on light
    white: int = 255  # the value of white in arrays
    split: str = "drawn, as the source publishes none"

    def sentences(self) -> list[str]:
        """What is odd."""
        found = []
        if sizes := [f"{width} x {height}" for width, height in sorted(self.sizes - {(SIDE, SIDE)})]:
            shown = ", ".join(sizes[:3]) + (f" and {len(sizes) - 3} other sizes" if len(sizes) > 3 else "")
            found.append(f"of pictures of {shown} pixels the ink was cut out, and scaled to {INK} pixels")
        if self.white not in (1, 255):
            found.append(f"values from 0 to {self.white} were scaled to 255")
        if self.inverted:
            found.append(f"{self.inverted} pictures are dark on light, and were inverted to white on black")
        if self.unread:
            found.append(f"not read: {self.unread}")
        return list(map(shorten, found))


def read_digits(
    path: Path, class_from: str = "auto", looked_at: int | None = None
) -> tuple[dict[str, Digits], Notes]:
    """The digits in a file or folder, by split ("train" and "test", else ""), and how it was read.

    `class_from` says what tells the class of a picture: "folder", "name", or "auto": whichever tells that of
    more pictures. Only the first `looked_at` pictures are opened (None: all); the images of the others stay
    black. All images are samples, as `to_sample` makes them.
    Raises InputError, naming the file, the key and where it applies the index, for anything unusable.
    """
    found, notes = read_arrays(path)
    if notes.layout == DRAWINGS:
        with open_source(path) as archive:
            found, notes = read_pictures(archive, class_from, looked_at, notes)
    else:
        found, notes = prepare_arrays(found, notes, path.name)
    splits, said = join_splits(found, path.name)
    for split, (_, labels, _) in splits.items():
        missing = sorted(set(range(len(DIGIT_CLASSES))) - set(labels.tolist()))
        if missing:
            where = f"{path.name}, {split}" if split else path.name
            raise InputError(
                f"{where}: no digit of class {', '.join(map(str, missing))}; part 1 is about ten numerals, "
                "so each must be there"
            )
    return splits, notes._replace(split=said or notes.split)


def read_arrays(path: Path) -> tuple[dict[str, Digits], Notes]:
    """The digits in arrays, as they are stored, by the split that the source gives them, "" where it gives
    none; {} if the source holds pictures.
    """
    if suffix(path.name) == ".npz":
        with open(path, "rb") as file:
            return read_npz(file, path.name), Notes(ARRAYS)
    with open_source(path) as archive:
        kind, files, unread = choose_files(archive)
        notes = Notes(kind, unread=by_suffix(unread))
        if kind == DRAWINGS:
            return {}, notes
        return read_idx(archive, files) if kind == IDX_FILES else read_files(archive, files), notes


def choose_files(archive: Archive) -> tuple[str, list[str], list[str]]:
    """The kind of the digits in a folder or archive, their files, and its other files. Of an IDX file that
    is there packed and unpacked, as torchvision leaves it, the unpacked one is read.
    """
    names = file_names(archive)
    packed_twice = {f"{name}.gz" for name in names}
    kinds = {
        ARRAYS: with_suffix(names, frozenset({".npz"})),
        IDX_FILES: [name for name in names if IDX.search(name) and name not in packed_twice],
        DRAWINGS: with_suffix(names, PICTURES),
    }
    kinds = {kind: files for kind, files in kinds.items() if files}
    if len(kinds) != 1:
        there = "; ".join(f"{kind} ({brief(files)})" for kind, files in kinds.items())
        raise InputError(
            f"{archive_name(archive)} must hold either .npz files, IDX files or pictures; it holds "
            f"{there or by_suffix(names) or 'nothing'}"
        )
    ((kind, files),) = kinds.items()
    return kind, files, sorted(set(names) - set(files))


def prepare_arrays(found: dict[str, Digits], notes: Notes, name: str) -> tuple[dict[str, Digits], Notes]:
    """The digits of arrays with samples for images."""
    white = value_of_white(found, name)
    samples, inverted = {}, 0
    for split, digits in found.items():
        images = np.empty((len(digits.images), SIDE, SIDE), np.uint8)
        for number, image in enumerate(digits.images):
            pixels = stretch(image, white)
            images[number] = to_sample(pixels)
            inverted += is_on_light(pixels)
        samples[split] = digits._replace(images=images)
    sizes = frozenset(digits.images.shape[:0:-1] for digits in found.values())
    return samples, notes._replace(white=white, inverted=inverted, sizes=sizes)


def read_files(archive: Archive, names: list[str]) -> dict[str, Digits]:
    """The digits of one .npz file, or of one for each part of a split, in their own size."""
    source = archive_name(archive)
    splits = [split_of_file(name) for name in names]
    if len(names) > 1 and (
        not map_published_split(splits)[0] or "" in splits or len(set(splits)) < len(splits)
    ):
        raise InputError(
            f"{source} holds {brief(names)}; give one .npz file, or train.npz and test.npz, with "
            "valid.npz or without"
        )
    found: dict[str, Digits] = {}
    for split, name in zip(splits, names, strict=True):
        digits = read_npz(BytesIO(read_file(archive, name)), f"{source}: {name}")
        if len(names) == 1:
            return digits
        if set(digits) != {""}:
            raise InputError(f"{name} holds a split of its own, and is one of several files; give it alone")
        found[split] = digits[""]
    return found


def join_splits(found: dict[str, Digits], source: str) -> tuple[dict[str, Digits], str]:
    """The digits of each published split joined into "train" and "test", and a sentence that says so; or all
    joined into "", and no sentence.
    """
    becomes, said = map_published_split(found)
    if becomes:
        check_complete(list(found), list(found), source)
    joined: dict[str, list[Digits]] = {}
    for split, digits in found.items():
        joined.setdefault(becomes.get(split, ""), []).append(digits)
    return {split: join(parts) for split, parts in joined.items()}, said


def read_pictures(
    archive: Archive, class_from: str, looked_at: int | None, notes: Notes
) -> tuple[dict[str, Digits], Notes]:
    """The digits of pictures by the split that their folders say."""
    source, names = archive_name(archive), with_suffix(file_names(archive), PICTURES)
    splits = [split_of_folder(name) for name in names]
    if map_published_split(splits)[0]:
        check_complete(names, splits, source)
    else:
        splits = [""] * len(names)
    classes, told_by = classes_of(names, class_from, source)
    labels, images = np.array(classes, np.uint8), np.zeros((len(names), SIDE, SIDE), np.uint8)
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


def classes_of(names: list[str], class_from: str, source: str) -> tuple[list[int], str]:
    """The class of each picture, and what tells it, "folder" or "name"."""
    folders = [PurePosixPath(name).parts[-2:-1] for name in names]
    by_folder = [folder[0] if folder and folder[0] in DIGIT_CLASSES else None for folder in folders]
    by_name = [
        match[1] if (match := CLASS_IN_NAME.match(PurePosixPath(name).name)) else None for name in names
    ]
    if class_from == "auto":
        check_agreement(by_folder, by_name, names, source)
        class_from = "name" if by_folder.count(None) > by_name.count(None) else "folder"
    found = by_folder if class_from == "folder" else by_name
    strays = [name for name, told in zip(names, found, strict=True) if told is None]
    if len(strays) == len(names):
        raise InputError(
            f"{source}: no class can be told of {brief(names)}: put pictures into folders named 0 to 9, or "
            "name them like 3_12.jpg"
        )
    if strays:
        rule = "its folder is not named 0 to 9" if class_from == "folder" else "its name is not like 3_12.jpg"
        raise InputError(
            f"{source}: no class can be told of {brief(strays)}: {rule}, as with the other "
            f"{len(names) - len(strays)} pictures; rename or remove what has none"
        )
    return [int(each) for each in found if each is not None], class_from


def check_agreement(
    by_folder: list[str | None], by_name: list[str | None], names: list[str], source: str
) -> None:
    """Raise InputError where folders and names both tell all ten classes, and not the same ones.

    Folders of ten writers are named 0 to 9 too, and a tenth of their files agrees by chance.
    """
    both = [(a, b, name) for a, b, name in zip(by_folder, by_name, names, strict=True) if a and b]
    differ = [name for a, b, name in both if a != b]
    tell_all = all({each[column] for each in both} == set(DIGIT_CLASSES) for column in (0, 1))
    if tell_all and len(both) > NEARLY_ALL * len(names) and len(differ) > (1 - NEARLY_ALL) * len(both):
        raise InputError(
            f"{source}: the folders say other classes than the names of {len(differ)} of {len(names)} "
            f"pictures, as of {differ[0]}; say which is right with prepare_digits.class_from: folder or name"
        )
