"""Read digits of any layout: .npz or IDX files, or pictures whose name or folder tells their class."""

import re
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from PIL import Image
from tqdm import tqdm

from pipeline.common.classes import DIGIT_CLASSES
from pipeline.common.digits import SIDE, Digits, join
from pipeline.runtime.errors import InputError
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
from stages.prepare_digits.arrays import read_idx, read_npz

ARRAYS, IDX_FILES, DRAWINGS = "arrays (.npz)", "IDX files", "pictures"
CLASS_IN_NAME = re.compile(r"([0-9])[_.-]")


class Notes(NamedTuple):
    """How a source of digits was read."""

    layout: str
    unread: str = ""  # the other files, in a few words
    sizes: frozenset[tuple[int, int]] = frozenset()  # (width, height) of the images
    split: str = "drawn, as the source publishes none"

    def sentences(self) -> list[str]:
        """What is odd."""
        found = []
        if sizes := [f"{width} x {height}" for width, height in sorted(self.sizes - {(SIDE, SIDE)})]:
            shown = ", ".join(sizes[:3]) + (f" and {len(sizes) - 3} other sizes" if len(sizes) > 3 else "")
            found.append(f"pictures of {shown} pixels were brought to {SIDE} x {SIDE}")
        if self.unread:
            found.append(f"not read: {self.unread}")
        return found


def read_digits(
    path: Path, class_from: str = "auto", looked_at: int | None = None
) -> tuple[dict[str, Digits], Notes]:
    """The digits in a file or folder, by split ("train" and "test", else ""), and how it was read.

    `class_from` says what tells the class of a picture: "folder", "name", or "auto": the folders if all are
    named 0 to 9, else the names. Only the first `looked_at` pictures are opened (None: all); the images of
    the others stay black.
    Raises InputError, naming the file, the key and where it applies the index, for anything unusable.
    """
    if suffix(path.name) == ".npz":
        with open(path, "rb") as file:
            found = read_npz(file, path.name)
        notes = Notes(ARRAYS)
    else:
        with open_source(path) as archive:
            found, notes = read_archive(archive, class_from, looked_at)
    sizes = {(digits.images.shape[2], digits.images.shape[1]) for digits in found.values()}
    splits, said = join_splits({split: to_side(digits) for split, digits in found.items()}, path.name)
    for split, (_, labels, _) in splits.items():
        missing = sorted(set(range(len(DIGIT_CLASSES))) - set(labels.tolist()))
        if missing:
            where = f"{path.name}, {split}" if split else path.name
            raise InputError(
                f"{where}: no digit of class {', '.join(map(str, missing))}; part 1 is about ten numerals, "
                "so each must be there"
            )
    return splits, notes._replace(sizes=notes.sizes | sizes, split=said or notes.split)


def read_archive(archive: Archive, class_from: str, looked_at: int | None) -> tuple[dict[str, Digits], Notes]:
    """The digits of a folder or archive by the split that their files have, "" where they have none."""
    names = file_names(archive)
    kinds = {
        ARRAYS: with_suffix(names, frozenset({".npz"})),
        IDX_FILES: [name for name in names if IDX.search(name)],
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
    notes = Notes(kind, unread=by_suffix(sorted(set(names) - set(files))))
    if kind == DRAWINGS:
        found, sizes, told_by = read_pictures(archive, files, class_from, looked_at)
        return found, notes._replace(layout=f"{kind}, class by {told_by}", sizes=frozenset(sizes))
    return read_idx(archive, files) if kind == IDX_FILES else read_files(archive, files), notes


def to_side(digits: Digits) -> Digits:
    """Digits with images of 28 x 28, of which each pixel is the mean of the area that it covers."""
    if digits.images.shape[1:] == (SIDE, SIDE):
        return digits
    resized = [Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX) for image in digits.images]
    return digits._replace(images=np.stack([np.asarray(image) for image in resized]))


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
    archive: Archive, names: list[str], class_from: str, looked_at: int | None
) -> tuple[dict[str, Digits], set[tuple[int, int]], str]:
    """The digits of pictures by the split that their folders say, the sizes of the pictures, and what tells
    their class.
    """
    source = archive_name(archive)
    splits = [split_of_folder(name) for name in names]
    if map_published_split(splits)[0]:
        check_complete(names, splits, source)
    else:
        splits = [""] * len(names)
    classes, told_by = classes_of(names, class_from, source)
    labels, images = np.array(classes, np.uint8), np.zeros((len(names), SIDE, SIDE), np.uint8)
    sizes = set()
    for number, name in enumerate(tqdm(names[:looked_at], leave=False, disable=None)):
        picture = open_drawing(read_file(archive, name), f"{source}: {name}")
        images[number] = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX))
        sizes.add(picture.size)
    parts = {split: np.array([each == split for each in splits]) for split in sorted(set(splits))}
    return {split: Digits(images[rows], labels[rows]) for split, rows in parts.items()}, sizes, told_by


def classes_of(names: list[str], class_from: str, source: str) -> tuple[list[int], str]:
    """The class of each picture, and what tells it: "folder" where all are named 0 to 9, else "name"."""
    folders = [PurePosixPath(name).parts[-2:-1] for name in names]
    by_folder = [folder[0] if folder and folder[0] in DIGIT_CLASSES else None for folder in folders]
    by_name = [
        match[1] if (match := CLASS_IN_NAME.match(PurePosixPath(name).name)) else None for name in names
    ]
    if class_from == "auto" and None not in by_folder:
        if None not in by_name and not any(a == b for a, b in zip(by_folder, by_name, strict=True)):
            raise InputError(
                f"{source}: the folders say other classes than the names of all pictures, as in {names[0]}; "
                "say which is right with prepare_digits.class_from: folder or name"
            )
        class_from = "folder"
    found = by_folder if class_from == "folder" else by_name
    if None in found:
        wrong = names[found.index(None)]
        raise InputError(
            f"{source}: no class can be told of {wrong}: "
            + ("its folder must be named 0 to 9" if class_from == "folder" else "name it like 3_12.jpg")
            + (", or put pictures into folders named 0 to 9" if class_from == "auto" else "")
        )
    return [int(each) for each in found if each is not None], "folder" if class_from == "folder" else "name"


def white_on_black(splits: dict[str, Digits]) -> tuple[dict[str, Digits], bool]:
    """The digits with a dark background, and whether they were inverted for it.

    The border of a picture is background; it is bright if the median of all borders is.
    """
    edges = [np.concatenate([i[:, [0, -1]].ravel(), i[:, :, [0, -1]].ravel()]) for i, *_ in splits.values()]
    if np.median(np.concatenate(edges)) <= 127:
        return splits, False
    return {split: digits._replace(images=255 - digits.images) for split, digits in splits.items()}, True
