"""Say what a folder, file or archive holds, and how the pipeline would read it, without running anything.

    python -m tools.look_at PATH [digits|masks|csv|voc|yolo|coco]

Prints the layout, the split, the classes with their counts, what is odd, and the lines for params.yaml. Exits
with 1 and the faults where the source would be refused. The second argument names the data to read, or the
format of the annotations where there are several; without it both are inferred from the files.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from unicodedata import normalize

import numpy as np

from pipeline.common.paths import PARAMS
from pipeline.runtime.errors import InputError
from pipeline.sources.archives import file_names, suffix
from pipeline.sources.folders import IDX, open_source
from stages.crop_masks.annotations import FORMATS, Annotations, holds_annotations, read_annotations
from stages.crop_masks.boxes import Box
from stages.crop_masks.settings import LONGEST_CLASS
from stages.prepare_digits.formats import read_digits

LOOKED_AT = 200  # pictures of digits that are opened, for their sizes
# What labels of public data sets mean, letters alone, in lower case.
MEANINGS = {
    "good": ("good", "mask", "withmask", "masked", "facemask", "facewithmask", "maskon", "correctmask"),
    "bad": ("bad", "nomask", "withoutmask", "unmasked", "facenomask", "facewithoutmask", "maskoff"),
    "none": ("none", "maskwearedincorrect", "maskwornincorrectly", "incorrectmask", "incorrect", "wrongmask"),
}


def kind_of(path: Path) -> str:
    """Whether a source holds "masks", as annotations of boxes tell, or "digits"."""
    if suffix(path.name) == ".npz":
        return "digits"
    with open_source(path) as archive:
        if any(IDX.search(name) or suffix(name) == ".npz" for name in file_names(archive)):
            return "digits"
        return "masks" if holds_annotations(archive) else "digits"


def suggest_class(label: str, number: int) -> str:
    """The class of the label with this number: the report's where it is known, else a name like its own.

    >>> [suggest_class(label, 1) for label in ("With_Mask", "no-mask", "face shield", "été", "2", "маска")]
    ['good', 'bad', 'face_shield', 'ete', 'class_2', 'class_1']
    """
    letters = re.sub("[^a-z]", "", label.lower())
    plain = normalize("NFKD", label).encode("ascii", "ignore").decode()  # without accents
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_")
    own = (name if name[:1].isalpha() else f"class_{name or number}")[:LONGEST_CLASS]
    return next((meaning for meaning, words in MEANINGS.items() if letters in words), own)


def count_labels(boxes: list[Box]) -> str:
    """For example "40: 30 good, 10 bad"."""
    counts = Counter(box.label for box in boxes)
    return f"{len(boxes)}: " + ", ".join(f"{count} {label}" for label, count in counts.most_common())


def describe_masks(path: Path, annotations: str) -> list[str]:
    """How a source of photographs with boxes would be read."""
    with open_source(path) as archive:
        read = read_annotations(archive, annotations)
    with_boxes = len({box.photograph for box in read.boxes})
    lines = [
        f"{path} holds photographs with boxes",
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
        *([f"  annotations: {annotations}"] if annotations != "auto" else []),
        "  classes:      # label: class; ignore leaves a label out",
    ]
    labels = sorted({box.label for box in read.boxes})
    classes = {label: suggest_class(label, number) for number, label in enumerate(labels)}
    return [*lines, *(f"    {quote(label)}: {quote(name)}" for label, name in classes.items())]


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


def describe_digits(path: Path) -> list[str]:
    """How a source of digits would be read."""
    splits, notes = read_digits(path, looked_at=LOOKED_AT)
    lines = [
        f"{path} holds digits",
        f"  read as      {notes.layout}",
        f"  split        {notes.split}",
    ]
    for split in sorted(splits, reverse=True):
        counts = np.bincount(splits[split].labels, minlength=10)
        each = ", ".join(f"{count} of {label}" for label, count in enumerate(counts))
        lines.append(f"  {f'{split} digits'.strip():13}{counts.sum()}: {each}")
    lines += [f"  note         {note}" for note in notes.sentences()]
    return [*lines, "", f"For {PARAMS}:", "data:", f"  digits: {quote(str(path.absolute()))}"]


def main(name: str = "", kind: str = "") -> None:
    if not name or kind not in ("", "digits", "masks", *FORMATS):
        sys.exit(f"usage: python -m tools.look_at PATH [digits|masks|{'|'.join(FORMATS)}]")
    path = Path(name).expanduser()
    if not path.exists():
        sys.exit(f"look_at: there is no {path}")
    try:
        kind = kind or kind_of(path)
        lines = (
            describe_digits(path)
            if kind == "digits"
            else describe_masks(path, kind if kind in FORMATS else "auto")
        )
        print("\n".join(lines))
    except (InputError, OSError) as error:
        as_kind = f" as {kind}" if kind else ""
        sys.exit(f"look_at: {path} would be refused{as_kind}: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
