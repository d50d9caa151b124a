"""Read digits of any layout: arrays, or pictures whose name or folder tells their class."""

from pathlib import Path
from types import ModuleType
from unicodedata import category

import numpy as np

from pipeline.common.digits import SIDE, Digits, join
from pipeline.runtime.errors import InputError, show
from pipeline.sources.archives import Archive, archive_name, brief, by_suffix, file_names, suffix
from pipeline.sources.folders import open_source
from pipeline.sources.splits import check_complete, map_published_split
from stages.prepare_digits import drawings, idx_files, matlab_files, npy_files, npz_files, pixel_csv
from stages.prepare_digits.arrays import Found, Stored, to_grey, value_of_white
from stages.prepare_digits.notes import Notes
from stages.prepare_digits.sample import is_on_light, to_sample

# Each has TITLE, find(archive, names), its files among these, and, but for pictures, read(archive, files).
ARRAYS: tuple[ModuleType, ...] = (npz_files, npy_files, matlab_files, idx_files, pixel_csv)
OF_DIGITS_ALONE = (npz_files, idx_files, pixel_csv)  # others are beside photographs of some data sets too
FEWEST_CLASSES, MOST_CLASSES = 2, 100
LONGEST_CLASS = 41  # letters of a name


def read_digits(
    path: Path, class_from: str = "auto", looked_at: int | None = None
) -> tuple[dict[str, Digits], Notes]:
    """The digits in a file or folder, by split ("train" and "test", else ""), and how it was read.

    `class_from` says what tells the class of a picture: "folder", "name", or "auto": whichever tells that of
    more pictures. Only the first `looked_at` pictures are opened (None: all); the images of the others stay
    black. All images are samples, as `to_sample` makes them.
    Raises InputError, naming the file, the key and where it applies the index, for anything unusable.
    """
    stored, notes = read_arrays(path)
    if stored is None:
        with open_source(path) as archive:
            found, notes = drawings.read_pictures(archive, class_from, looked_at, notes)
    else:
        stored, notes = leave_unlabelled(stored, notes, path.name)
        found, notes = prepare_arrays(stored.sets, notes, path.name)
    found, classes = number_classes(found, path.name)
    splits, said = join_splits(found, path.name)
    check_splits(splits, classes, path.name)
    return splits, notes._replace(split=said or notes.split, classes=classes)


def read_arrays(path: Path) -> tuple[Found | None, Notes]:
    """The digits in arrays, as they are stored; None if the source holds pictures."""
    if suffix(path.name) == ".npz":
        found, notes = npz_files.read_path(path), Notes(npz_files.TITLE)
    else:
        with open_source(path) as archive:
            form, files, unread = choose_files(archive)
            notes = Notes(form.TITLE, unread=by_suffix(unread))
            if form is drawings:
                return None, notes
            found = form.read(archive, files)
    return found, notes._replace(taken=tuple(found.notes))


def choose_files(archive: Archive) -> tuple[ModuleType, list[str], list[str]]:
    """The format of the digits in a folder or archive, their files, and its other files."""
    names = file_names(archive)
    forms = {form: files for form in (*ARRAYS, drawings) if (files := form.find(archive, names))}
    if idx_files in forms:
        forms.pop(pixel_csv, None)  # Fashion-MNIST comes in both
    if len(forms) != 1:
        there = "; ".join(f"{form.TITLE} ({brief(files)})" for form, files in forms.items())
        titles = ", ".join(form.TITLE for form in ARRAYS)
        raise InputError(
            f"{archive_name(archive)} must hold digits in one format: {titles} or pictures; it holds "
            f"{there or by_suffix(names) or 'nothing'}"
        )
    ((form, files),) = forms.items()
    return form, files, sorted(set(names) - set(files))


def holds_arrays(archive: Archive, forms: tuple[ModuleType, ...] = ARRAYS) -> bool:
    """Whether there are digits in arrays of one of the formats."""
    return any(form.find(archive, file_names(archive)) for form in forms)


def leave_unlabelled(found: Found, notes: Notes, name: str) -> tuple[Found, Notes]:
    """What has labels, and a note on what has none, which may not be the training set."""
    bare = [split for split, stored in found.sets.items() if stored.labels is None]
    if len(bare) == len(found.sets) or "train" in bare:
        where = f"{name}, {bare[0]}" if bare[0] else name
        raise InputError(f"{where}: there are images without labels; {found.there}")
    said = tuple(f"{split} has no labels, and was left alone" for split in bare)
    kept = {split: stored for split, stored in found.sets.items() if split not in bare}
    return found._replace(sets=kept), notes._replace(taken=(*notes.taken, *said))


def prepare_arrays(sets: dict[str, Stored], notes: Notes, name: str) -> tuple[dict[str, Digits], Notes]:
    """The digits of arrays, with samples for images."""
    white = value_of_white(sets, name)
    digits, inverted = {}, 0
    for split, (stored, labels, sheets) in sets.items():
        assert labels is not None, "leave_unlabelled leaves none without"
        images = np.empty((len(stored), SIDE, SIDE), np.uint8)
        for number, image in enumerate(stored):
            pixels = to_grey(image, white)
            images[number] = to_sample(pixels)
            inverted += is_on_light(pixels)
        digits[split] = Digits(images, labels, sheets)
    sizes = frozenset(stored.images.shape[2:0:-1] for stored in sets.values())
    if any(stored.images.ndim == 4 for stored in sets.values()):
        notes = notes._replace(taken=(*notes.taken, "colours were made grey"))
    return digits, notes._replace(white=white, inverted=inverted, sizes=sizes)


def number_classes(found: dict[str, Digits], name: str) -> tuple[dict[str, Digits], tuple[str, ...]]:
    """The digits with labels 0, 1, ... and the names of the classes: whole numbers in their order, or sorted
    texts.
    """
    labels = np.concatenate([digits.labels for digits in found.values()])
    values, numbers = np.unique(labels, return_inverse=True)
    classes = tuple(map(str, values))
    check_classes(classes, name)
    ends = np.cumsum([len(digits.labels) for digits in found.values()])
    parts = np.split(numbers.astype(np.uint8), ends[:-1])
    return {
        split: digits._replace(labels=part)
        for (split, digits), part in zip(found.items(), parts, strict=True)
    }, classes


def check_classes(classes: tuple[str, ...], name: str) -> None:
    if not FEWEST_CLASSES <= len(classes) <= MOST_CLASSES:
        shown = show(classes[0]) + (f" to {show(classes[-1])}" if len(classes) > 1 else "")
        raise InputError(
            f"{name}: there must be {FEWEST_CLASSES} to {MOST_CLASSES} classes, and the labels have "
            f"{len(classes)}: {shown}"
        )
    for each in classes:
        if not 0 < len(each) <= LONGEST_CLASS or any(category(letter) in ("Cc", "Cs") for letter in each):
            raise InputError(
                f"{name}: {show(each)} is no name for a class: it must have 1 to {LONGEST_CLASS} letters, "
                "none of them a control character"
            )


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


def check_splits(splits: dict[str, Digits], classes: tuple[str, ...], name: str) -> None:
    """Raise InputError where a set of a published split lacks a class."""
    for split, digits in splits.items():
        missing = sorted(set(range(len(classes))) - set(digits.labels.tolist()))
        if missing:
            shown = ", ".join(classes[number] for number in missing)
            raise InputError(
                f"{name}, {split}: no digit of class {shown}, which the other set has; each must be in both"
            )
