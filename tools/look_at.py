"""Say what a folder, file or archive holds, and how the pipeline would read it, without running anything.

    python -m tools.look_at PATH [digits|masks|FORMAT] [--invalid-boxes skip]

Prints the layout, the split, the classes with their counts, what is odd, and the lines for params.yaml. Exits
with 1 and the faults where the source, or what these lines say of it, would be refused. The second argument
names the data to read, or the format of the annotations where there are several (csv, voc, yolo, coco, via,
labelme, cvat, createml, open_images, folders); without it both are inferred from the files.
"""

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np

from pipeline.common.classes import DIGIT_CLASSES
from pipeline.common.digits import Digits
from pipeline.common.paths import PARAMS
from pipeline.common.seeds import generator
from pipeline.runtime.errors import InputError, shorten, show
from pipeline.runtime.settings import check, read_params, read_seed, section
from pipeline.sources.archives import PICTURES, Archive, file_names, read_text, suffix, with_suffix
from pipeline.sources.folders import form_of, open_source
from stages.crop_masks.annotations import FORMATS, Annotations, holds_annotations, read_annotations
from stages.crop_masks.boxes import Box, check_classes, map_labels
from stages.crop_masks.settings import IGNORE, LONGEST_CLASS, MOST_CLASSES, MasksSettings
from stages.crop_masks.split import split_boxes
from stages.prepare_digits import drawings
from stages.prepare_digits.formats import OF_DIGITS_ALONE, holds_arrays, read_digits
from stages.prepare_digits.settings import DigitsSettings
from stages.prepare_digits.split import split_digits

ROOT = Path(__file__).parent.parent
LOOKED_AT = 200  # pictures of digits that are opened, for their sizes
# What labels of public data sets mean, letters alone, in lower case.
MEANINGS = {
    "good": ("good", "mask", "withmask", "masked", "facemask", "facewithmask", "maskon", "correctmask"),
    "bad": ("bad", "nomask", "withoutmask", "unmasked", "facenomask", "facewithoutmask", "maskoff"),
    "none": ("none", "maskwearedincorrect", "maskwornincorrectly", "incorrectmask", "incorrect", "wrongmask"),
}


def kind_of(path: Path) -> str:
    """Whether a source holds "masks", as annotations of boxes tell, or "digits", as arrays tell; else ""."""
    if suffix(path.name) == ".npz":
        return "digits"
    with open_source(path) as archive:
        if holds_arrays(archive, OF_DIGITS_ALONE):
            return "digits"
        if holds_annotations(archive) or has_folders_of_masks(archive):
            return "masks"
        return "digits" if holds_arrays(archive) else ""


def has_folders_of_masks(archive: Archive) -> bool:
    """Whether two folders of pictures have names of classes of masks."""
    pictures = with_suffix(file_names(archive), PICTURES)
    return len({meaning_of(Path(name).parent.name) for name in pictures} - {""}) > 1


def meaning_of(label: str) -> str:
    """The class of the report that a label means, "" where that is not known."""
    letters = re.sub("[^a-z]", "", label.lower())
    return next((meaning for meaning, words in MEANINGS.items() if letters in words), "")


def describe_unknown(path: Path) -> tuple[list[str], InputError | None]:
    """How a source without annotations and arrays would be read, as digits or as faces in class folders; else
    an InputError that says what it holds, and what is read.
    """
    try:
        return describe_digits(path)
    except InputError as error:
        as_digits = error.lines
    with open_source(path) as archive:
        names = file_names(archive)
        as_boxes = find_fault(read_annotations, archive)
        if as_boxes is None and not {Path(name).parent.name for name in names} & set(DIGIT_CLASSES):
            return describe_masks(path, "auto", "error")
        texts = [name for name in file_names(archive) if suffix(name) in (".json", ".txt")]
        first = {suffix(name): name for name in reversed(texts)}
        shown = [f"{name}: {seems(archive, name)}" for name in first.values()]
    raise InputError(
        f"as photographs with boxes: {as_boxes or 'faces in class folders, if `masks` follows the path'}",
        *shown,
        *(f"as digits: {line}" for line in as_digits),
    )


def seems(archive: Archive, name: str) -> str:
    """What a .json or .txt file holds, in a few words."""
    try:
        text = read_text(archive, name).decode("utf-8-sig", "replace")
        if suffix(name) == ".txt":
            return f"begins with {show((text.splitlines() or [''])[0])}"
        value = json.loads(text)
    except (InputError, ValueError, RecursionError) as error:
        return str(error)
    if not isinstance(value, list):
        return f"has the keys {show(list(value))}" if isinstance(value, dict) else f"holds {show(value)}"
    return f"a list of {len(value)}, which begins with {show(value[:1])}"


def suggest_class(label: str, number: int) -> str:
    """The class of the label with this number: the report's where it is known, else a name like its own.

    >>> [suggest_class(label, 1) for label in ("With_Mask", "no-mask", "face shield", "été", "2", "маска")]
    ['good', 'bad', 'face_shield', 'ete', 'class_2', 'class_1']
    """
    plain = normalize("NFKD", label).encode("ascii", "ignore").decode()  # without accents
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_")
    own = (name if name[:1].isalpha() else f"class_{name or number}")[:LONGEST_CLASS]
    return meaning_of(label) or own


def count_labels(boxes: list[Box]) -> str:
    """For example "40: 30 good, 10 bad"."""
    counts = Counter(box.label for box in boxes)
    return f"{len(boxes)}: " + ", ".join(f"{count} {label}" for label, count in counts.most_common())


def describe_masks(path: Path, annotations: str, invalid_boxes: str) -> tuple[list[str], InputError | None]:
    """How a source of photographs with boxes would be read, and why the lines for params.yaml would be
    refused.
    """
    with open_source(path, masks=True) as archive:
        read = read_annotations(archive, annotations, invalid_boxes == "skip")
    with_boxes = len({box.photograph for box in read.boxes})
    labels = sorted({box.label for box in read.boxes})
    classes = {label: suggest_class(label, number) for number, label in enumerate(labels)}
    values = {"annotations": annotations, "invalid_boxes": invalid_boxes}
    usual = {"annotations": "auto", "invalid_boxes": "error"}
    lines = [
        f"{path} holds photographs with boxes",
        *list_form(path, masks=True),
        f"  read as      {read.layout}",
        f"  split        {read.split}",
        f"  photographs  {read.photographs}, {with_boxes} of them with boxes",
        *list_boxes(read),
        *[f"  note         {note}" for note in read.notes],
        "",
        f"For {PARAMS}:",
        "data:",
        f"  masks: {quote(str(path.absolute()))}",
        "crop_masks:",
        *[f"  {key}: {value}" for key, value in values.items() if value != usual[key]],
        "  classes:      # label: class; ignore leaves a label out",
        *[f"    {quote(label)}: {quote(name)}" for label, name in classes.items()],
    ]
    return lines, find_fault(check_masks, read, values | {"classes": classes})


def check_masks(read: Annotations, values: dict[str, Any]) -> None:
    """Raise InputError where crop_masks would, with these values in place of those in params.yaml."""
    params, number = read_params(ROOT / PARAMS), len(set(values["classes"].values()) - {IGNORE})
    if not 2 <= number <= MOST_CLASSES:
        more = "give labels that belong together one class, or the class ignore"
        raise InputError(
            f"{number} classes, and there must be 2 to {MOST_CLASSES}: "
            + (more if number > MOST_CLASSES else "add photographs with boxes of another one")
        )
    settings = check(MasksSettings, section(params, "crop_masks") | values, "crop_masks")
    boxes = map_labels(read.boxes, settings.classes)
    if not read.boxes[0].split:
        numbers = {name: number for number, name in enumerate(dict.fromkeys(box.photograph for box in boxes))}
        boxes = split_boxes(boxes, numbers, settings.test_share, generator(read_seed(params), "masks split"))
    check_classes(boxes, settings.classes)


def find_fault(function: Callable[..., object], *arguments: Any) -> InputError | None:
    """The InputError that a check raises."""
    try:
        function(*arguments)
    except InputError as error:
        return error
    return None


def list_form(path: Path, masks: bool) -> list[str]:
    return [f"  source       {form}"] if (form := form_of(path, masks)) else []


def list_boxes(read: Annotations) -> list[str]:
    splits = sorted({box.split for box in read.boxes}, reverse=True)  # training first
    return [
        f"  {f'{split} boxes'.strip():13}{count_labels([box for box in read.boxes if box.split == split])}"
        for split in splits
    ]


def quote(text: str) -> str:
    """A text as YAML: in quotes, unless it is plainly a name or a path.

    >>> print(*map(quote, ("with_mask", "/data/faces.zip", "face shield", "true", 'a "b"')))
    with_mask /data/faces.zip "face shield" "true" "a \\"b\\""
    """
    plain = re.fullmatch("[A-Za-z_/][A-Za-z0-9_/.-]*", text) and text.lower() not in ("true", "false", "null")
    return text if plain else json.dumps(text, ensure_ascii=False)


def describe_digits(path: Path) -> tuple[list[str], InputError | None]:
    """How a source of digits would be read, and why its split would be refused."""
    splits, notes = read_digits(path, looked_at=LOOKED_AT)
    lines = [
        f"{path} holds digits",
        *list_form(path, masks=False),
        f"  read as      {notes.layout}",
        f"  split        {notes.split}",
        f"  classes      {len(notes.classes)}: {' '.join(notes.classes)}",
    ]
    for split in sorted(splits, reverse=True):
        counts = np.bincount(splits[split].labels)
        each = ", ".join(f"{count} of {name}" for name, count in zip(notes.classes, counts, strict=True))
        lines.append(f"  {f'{split} digits'.strip():13}{counts.sum()}: {each}")
    lines += [f"  note         {note}" for note in notes.sentences()]
    if notes.layout.startswith(drawings.TITLE) and not all(map(str.isdecimal, notes.classes)):
        lines.append("  note         faces in class folders are described with `masks` after the path")
    lines += ["", f"For {PARAMS}:", "data:", f"  digits: {quote(str(path.absolute()))}"]
    return lines, find_fault(check_digits, splits[""].labels, notes.classes) if "" in splits else None


def check_digits(labels: np.ndarray, classes: tuple[str, ...]) -> None:
    """Raise InputError where prepare_digits cannot draw a split of samples with these labels."""
    params = read_params(ROOT / PARAMS)
    settings = check(DigitsSettings, section(params, "prepare_digits"), "prepare_digits")
    different = np.arange(len(labels)).reshape(-1, 1, 1)  # in place of images, few of which were opened
    split_digits(Digits(different, labels), settings.train, settings.test, read_seed(params), classes)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser("python -m tools.look_at", description=__doc__.split("\n")[0])
    parser.add_argument("path", type=Path, help="a folder, an archive or a file of arrays")
    parser.add_argument(
        "kind",
        nargs="?",
        choices=["digits", "masks", *FORMATS],
        help="what to read, or the annotations' format",
    )
    parser.add_argument(
        "--invalid-boxes", choices=["error", "skip"], default="error", help="or leave them out"
    )
    given = parser.parse_args(arguments)
    path = given.path.expanduser()
    if not path.exists():
        sys.exit(f"look_at: there is no {path}")
    kind = given.kind or ""
    try:
        kind = kind or kind_of(path)
        if kind in ("masks", *FORMATS):
            wanted = kind if kind in FORMATS else "auto"
            lines, fault = describe_masks(path, wanted, given.invalid_boxes)
        else:
            lines, fault = describe_digits(path) if kind else describe_unknown(path)
    except (InputError, OSError) as error:
        as_kind = f" as {kind}" if kind else ""
        sys.exit(shorten(f"look_at: {path} would be refused{as_kind}: {error}"))
    print(*map(shorten, lines), sep="\n")
    if fault:
        sys.exit(shorten(f"look_at: with these lines it would be refused: {fault}"))


if __name__ == "__main__":
    main(sys.argv[1:])
