"""Read digits of any layout: .npz or IDX files, or pictures whose name or folder tells their class."""

import re
from io import BytesIO
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image
from tqdm import tqdm

from pipeline.common.classes import DIGIT_CLASSES
from pipeline.common.digits import SIDE, Digits, Notes, join
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

CLASS_IN_NAME = re.compile(r"([0-9])[_.-]")


def read_digits(
    path: Path, class_from: str = "auto", looked_at: int | None = None
) -> tuple[dict[str, Digits], Notes]:
    """The digits in a file or folder, by split ("train" and "test", else ""), and how it was read.

    `class_from` says what tells the class of a picture: "folder", "name", or "auto": the folders if all are
    named 0 to 9, else the names. Only the first `looked_at` pictures are opened (None: all); the images of
    the others stay black.
    Raises InputError, naming the file, the key and where it applies the index, for anything unusable.
    """
    notes = Notes()
    if suffix(path.name) == ".npz":
        with open(path, "rb") as file:
            found = read_npz(file, path.name, notes)
        notes.layout = "arrays (.npz)"
    else:
        with open_source(path) as archive:
            found = read_archive(archive, class_from, notes, looked_at)
    splits = join_splits(found, path.name, notes)
    for split, (_, labels, _) in splits.items():
        missing = sorted(set(range(len(DIGIT_CLASSES))) - set(labels.tolist()))
        if missing:
            where = f"{path.name}, {split}" if split else path.name
            raise InputError(
                f"{where}: no digit of class {', '.join(map(str, missing))}; part 1 is about ten numerals, "
                "so each must be there"
            )
    return splits, notes


def read_archive(archive: Archive, class_from: str, notes: Notes, looked_at: int | None) -> dict[str, Digits]:
    """The digits of a folder or archive by the split that their files have; "" where they have none."""
    source, names = archive_name(archive), file_names(archive)
    arrays, pictures = with_suffix(names, frozenset({".npz"})), with_suffix(names, PICTURES)
    idx = [name for name in names if IDX.search(name)]
    kinds = {"arrays (.npz)": arrays, "IDX files": idx, "pictures": pictures}
    kinds = {kind: files for kind, files in kinds.items() if files}
    if len(kinds) != 1:
        there = "; ".join(f"{kind} ({brief(files)})" for kind, files in kinds.items())
        raise InputError(
            f"{source} must hold either .npz files, IDX files or pictures; it holds "
            f"{there or by_suffix(names) or 'nothing'}"
        )
    ((notes.layout, files),) = kinds.items()
    others = sorted(set(names) - set(files))
    if others:
        notes.odd.append(f"not read: {by_suffix(others)}")
    if idx:
        return read_idx(archive, idx, source, notes)
    if arrays:
        return read_files(archive, arrays, notes)
    return read_pictures(archive, pictures, class_from, notes, looked_at)


def read_files(archive: Archive, names: list[str], notes: Notes) -> dict[str, Digits]:
    """The digits of one .npz file, or of one for each part of a split."""
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
        digits = read_npz(BytesIO(read_file(archive, name)), f"{source}: {name}", notes)
        found |= digits if len(names) == 1 else {split: _only(digits, name)}
    return found


def _only(digits: dict[str, Digits], name: str) -> Digits:
    if set(digits) != {""}:
        raise InputError(f"{name} holds a split of its own, and is one of several files; give it alone")
    return digits[""]


def join_splits(found: dict[str, Digits], source: str, notes: Notes) -> dict[str, Digits]:
    """Join the digits of each published split into "train" and "test", or of all into ""."""
    becomes, said = map_published_split(found)
    if becomes:
        check_complete(list(found), list(found), source)
        notes.split = said
    joined: dict[str, list[Digits]] = {}
    for split, digits in found.items():
        joined.setdefault(becomes.get(split, ""), []).append(digits)
    return {split: join(parts) for split, parts in joined.items()}


def read_pictures(
    archive: Archive, names: list[str], class_from: str, notes: Notes, looked_at: int | None
) -> dict[str, Digits]:
    """The digits of pictures, with the split and the class that their names and folders say."""
    source = archive_name(archive)
    splits = [split_of_folder(name) for name in names]
    if map_published_split(splits)[0]:
        check_complete(names, splits, source)
    else:
        splits = [""] * len(names)
    labels = np.array(classes_of(names, class_from, source, notes), np.uint8)
    images = np.zeros((len(names), SIDE, SIDE), np.uint8)
    for number, name in enumerate(tqdm(names[:looked_at], leave=False, disable=None)):
        images[number] = read_picture(archive, name, notes)
    parts = {split: np.array([each == split for each in splits]) for split in sorted(set(splits))}
    return {split: Digits(images[rows], labels[rows]) for split, rows in parts.items()}


def classes_of(names: list[str], class_from: str, source: str, notes: Notes) -> list[int]:
    """The class of each picture: its folder's name where all are digits, else what its name begins with."""
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
    notes.layout += ", class by folder" if class_from == "folder" else ", class by name"
    return [int(each) for each in found if each is not None]


def read_picture(archive: Archive, name: str, notes: Notes) -> np.ndarray:
    """A picture of any size and mode as grey (28, 28); each pixel is the mean of the area that it covers."""
    picture = open_drawing(read_file(archive, name), f"{archive_name(archive)}: {name}")
    if picture.size != (SIDE, SIDE):
        notes.sizes.add(picture.size)
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX))


def white_on_black(splits: dict[str, Digits], notes: Notes) -> dict[str, Digits]:
    """The digits with a dark background.

    The border of a picture is background; it is bright if the median of all borders is.
    """
    edges = [np.concatenate([i[:, [0, -1]].ravel(), i[:, :, [0, -1]].ravel()]) for i, *_ in splits.values()]
    if np.median(np.concatenate(edges)) <= 127:
        return splits
    notes.odd.append("the borders are bright, so the pictures were inverted to white on black")
    return {split: digits._replace(images=255 - digits.images) for split, digits in splits.items()}
