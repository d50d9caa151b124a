"""Boxes around faces, read from the masks archive: CSV tables, or Pascal VOC files, one per photograph."""

import csv
import math
import zipfile
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from itertools import groupby
from operator import attrgetter
from pathlib import PurePosixPath
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml import DefusedXmlException, DTDForbidden, ElementTree

from pipeline.common.settings import InputError
from pipeline.sources.archives import PICTURES, archive_name, contents, file_names, given_splits, read_text

CLASSES = ("bad", "good", "none")  # the order of ImageFolder, of labels 0, 1, 2 and of every table
CORNERS = ("xmin", "ymin", "xmax", "ymax")
REQUIRED = ("filename", "label", *CORNERS)
FARTHEST = 1_000_000  # pixels: no photograph is as large, so no box can be meant so far out
WIDTH = 11  # numbers of a box: four texts, four corners, two sides, a row
UNKNOWN = (-FARTHEST - 1, -FARTHEST - 1)  # stands for a size that is not given


class Box(NamedTuple):
    """A face: xmin, ymin, xmax, ymax in pixels of the photograph as stored, its left and upper edge 0.

    `size` is the photograph's (width, height) as the annotation has it, None where it does not say.
    `split` is "train", "test", or "" in a source that is not split; `row` is the line of a CSV file, or the
    object of a Pascal VOC file.
    """

    split: str
    photograph: str
    label: str
    annotation: str
    corners: tuple[int, int, int, int]
    size: tuple[int, int] | None
    row: int

    @property
    def where(self) -> str:
        """The annotation's file and row, for errors."""
        unit = "object" if self.annotation.lower().endswith(".xml") else "line"
        return f"{self.annotation} {unit} {self.row}"


class Boxes:
    """Boxes in the order of the annotations, 44 bytes each; as Python's objects they would take 700.

    A Box is made each time that it is asked for.
    """

    def __init__(self, boxes: Iterable[Box] = ()) -> None:
        self._texts: dict[str, int] = {}  # numbered as they come
        self._rows = array("i")  # for each box WIDTH numbers
        self.extend(boxes)

    def extend(self, boxes: Iterable[Box]) -> None:
        for *texts, corners, size, row in boxes:
            numbers = [self._texts.setdefault(text, len(self._texts)) for text in texts]
            self._rows.extend([*numbers, *corners, *(size or UNKNOWN), row])

    def __len__(self) -> int:
        return len(self._rows) // WIDTH

    def __iter__(self) -> Iterator[Box]:
        return self._taken(range(len(self)))

    def by_photograph(self) -> Iterator[list[Box]]:
        """The boxes of each photograph, the photographs in the order in which they first come."""
        photograph = np.frombuffer(self._rows, np.intc).reshape(-1, WIDTH)[:, Box._fields.index("photograph")]
        _, first, which = np.unique(photograph, return_index=True, return_inverse=True)
        in_order = self._taken(first[which].argsort(kind="stable"))
        return (list(group) for _, group in groupby(in_order, attrgetter("photograph")))

    def _taken(self, numbers: Iterable[int]) -> Iterator[Box]:
        texts = list(self._texts)
        for number in numbers:
            start = WIDTH * number
            *known, xmin, ymin, xmax, ymax, width, height, row = self._rows[start : start + WIDTH]
            split, photograph, label, annotation = (texts[number] for number in known)
            size = None if (width, height) == UNKNOWN else (width, height)
            yield Box(split, photograph, label, annotation, (xmin, ymin, xmax, ymax), size, row)


def read_boxes(archive: zipfile.ZipFile) -> Boxes:
    """Every box in the archive, labels as they stand there, in the order of the annotations.

    Annotations are train.csv and test.csv, or else Pascal VOC files, or else one CSV file of any name.
    Raises InputError, naming file and row, for whatever cannot be taken literally.
    """
    photographs = Photographs(archive)
    tables = file_names(archive, frozenset({".csv"}))
    names = [PurePosixPath(table).name for table in tables]
    voc = file_names(archive, frozenset({".xml"}))
    boxes = Boxes()
    if names.count("train.csv") == names.count("test.csv") == 1:
        for split in ("train", "test"):
            boxes.extend(_read_table(archive, tables[names.index(f"{split}.csv")], split, photographs))
    elif voc:
        for name, split in zip(voc, given_splits(voc, archive_name(archive)), strict=True):
            boxes.extend(_read_voc(archive, name, split, photographs))
        _check_files(boxes)
    elif len(tables) == 1:
        boxes.extend(_read_table(archive, tables[0], "", photographs))
    else:
        raise InputError(
            f"{archive_name(archive)} must hold train.csv and test.csv, or one CSV file, or Pascal VOC files "
            f"(.xml); it holds {', '.join(tables) or contents(archive)}"
        )
    if not boxes:
        raise InputError(f"{archive_name(archive)} holds no boxes")
    _check_sides(boxes)
    return boxes


class Photographs:
    """The photographs of an archive, by the names that annotations have for them."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.by_name: dict[str, list[str]] = defaultdict(list)
        self.by_stem: dict[str, list[str]] = defaultdict(list)
        for member in file_names(archive, PICTURES):
            self.by_name[_file_name(member)].append(member)
            self.by_stem[PurePosixPath(member).stem].append(member)

    def find(self, name: str, annotation: str, where: str) -> str:
        """The photograph with that file name, in any folder; of several, the one beside the annotation."""
        return _choose(self.by_name[_file_name(name)], name, annotation, where)

    def find_voc(self, name: str, annotation: str) -> str:
        """The same, or else the photograph that has the annotation's own name up to the suffix."""
        stem = PurePosixPath(annotation).stem
        found = self.by_name[_file_name(name)] or self.by_stem[stem]
        return _choose(found, name or stem, annotation, annotation)


def _file_name(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).name


def _choose(found: list[str], name: str, annotation: str, where: str) -> str:
    folder = PurePosixPath(annotation).parent
    found = [member for member in found if PurePosixPath(member).parent == folder] or found
    if not found:
        raise InputError(f"{where}: there is no photograph {name!r} in the archive")
    if len(found) > 1:
        raise InputError(f"{where}: {name!r} could be any of {', '.join(found)}")
    return found[0]


def _check_sides(boxes: Boxes) -> None:
    """Raise InputError if a photograph has boxes in both train and test."""
    first: dict[str, Box] = {}
    for box in boxes:
        other = first.setdefault(box.photograph, box)
        if other.split != box.split:
            raise InputError(
                f"{box.where}: {box.photograph} is in {box.split}, but in {other.split} too ({other.where}); "
                "a photograph must be on one side only"
            )


def _check_files(boxes: Boxes) -> None:
    """Raise InputError if two Pascal VOC files have boxes of one photograph."""
    first: dict[str, Box] = {}
    for box in boxes:
        other = first.setdefault(box.photograph, box)
        if other.annotation != box.annotation:
            raise InputError(
                f"{box.annotation}: its photograph {box.photograph} is that of {other.annotation} too; "
                "correct <filename> in one of them"
            )


def _read_table(archive: zipfile.ZipFile, name: str, split: str, photographs: Photographs) -> Iterator[Box]:
    """The boxes of a CSV file with the columns REQUIRED and, if it has them, width and height."""
    # newline="" leaves line ends to csv; utf-8-sig drops the mark that spreadsheets put first.
    rows = csv.DictReader(StringIO(_decode(archive, name), newline=""), strict=True)
    try:
        _check_columns(list(rows.fieldnames or ()), name)
        lines: dict[int, int] = {}  # by the rows' hashes, 64 bits: all rows themselves are many megabytes
        for row in rows:
            where = f"{name} line {rows.line_num}"
            if None in row or None in row.values():
                raise InputError(f"{where}: not as many values as the header has columns")
            first = lines.setdefault(hash(tuple(row.values())), rows.line_num)
            if first != rows.line_num:
                raise InputError(f"{where}: the same row as line {first}; remove one of them")
            photograph = photographs.find(row["filename"], name, where)
            corners = _corners([row[column] for column in CORNERS], where)
            size = _size(row.get("width"), row.get("height"), where)
            yield Box(split, photograph, row["label"].strip(), name, corners, size, rows.line_num)
    except csv.Error as error:
        raise InputError(f"{name} after line {rows.line_num}: not CSV: {error}") from None


def _check_columns(columns: list[str], name: str) -> None:
    """Raise InputError unless each of the columns REQUIRED is there, and none twice."""
    missing = [column for column in REQUIRED if column not in columns]
    if missing:
        found = ", ".join(map(repr, columns)) or "none"
        raise InputError(
            f"{name} line 1: no column {', '.join(missing)}; its columns are {found}; needed are "
            f"{', '.join(REQUIRED)}, with commas between them"
        )
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise InputError(f"{name} line 1: the column {twice[0]!r} is there twice; remove one of them")


def _decode(archive: zipfile.ZipFile, name: str) -> str:
    data = read_text(archive, name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{name} line {line}: not UTF-8 text ({error.reason}); save it as UTF-8") from None


def _read_voc(archive: zipfile.ZipFile, name: str, split: str, photographs: Photographs) -> Iterator[Box]:
    """The boxes of a Pascal VOC file; a photograph without faces has none."""
    root = _parse(archive, name)
    objects = root.findall("object")
    if not objects:
        return
    photograph = photographs.find_voc(_text(root, "filename"), name)
    size = _size(_text(root, "size/width"), _text(root, "size/height"), name)
    for number, face in enumerate(objects, start=1):
        where = f"{name} object {number}"
        corners = _corners([_text(face, f"bndbox/{corner}") for corner in CORNERS], where)
        yield Box(split, photograph, _text(face, "name"), name, corners, size, number)


def _parse(archive: zipfile.ZipFile, name: str) -> Element:
    """The root of an XML file; entities, which can blow up or read files, are refused."""
    try:
        root = ElementTree.fromstring(read_text(archive, name), forbid_dtd=True)
    except DTDForbidden:
        raise InputError(
            f"{name}: it has a <!DOCTYPE>, which can read files or fill memory; remove that declaration"
        ) from None
    except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
        raise InputError(f"{name}: not usable XML: {error}") from None
    if root.tag != "annotation":
        raise InputError(f"{name}: not a Pascal VOC file: it begins with <{root.tag}>, not <annotation>")
    return root


def _text(element: Element, path: str) -> str:
    """The text of an element, "" if it is empty or missing."""
    return (element.findtext(path) or "").strip()


def _corners(texts: list[str], where: str) -> tuple[int, int, int, int]:
    xmin, ymin, xmax, ymax = (_number(text, name, where) for text, name in zip(texts, CORNERS, strict=True))
    if xmax <= xmin or ymax <= ymin:
        raise InputError(
            f"{where}: the box from ({xmin}, {ymin}) to ({xmax}, {ymax}) has no area; are corners swapped?"
        )
    return xmin, ymin, xmax, ymax


def _size(width: str | None, height: str | None, where: str) -> tuple[int, int] | None:
    if not width and not height:
        return None
    return _number(width, "width", where), _number(height, "height", where)


def _number(text: str | None, name: str, where: str) -> int:
    """The nearest whole pixel to a number in decimal notation."""
    text = text or ""
    shown = repr(text if len(text) <= 40 else text[:40] + "...")
    try:
        number = math.nan if "_" in text else float(text)  # Python would take 1_0 for 10
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise InputError(f"{where}: {name} is {shown}, not a number")
    if abs(number) > FARTHEST:
        raise InputError(f"{where}: {name} is {shown}: no photograph has {FARTHEST:,} pixels in a row")
    return round(number)


def map_labels(boxes: Boxes, classes: Mapping[str, str]) -> Boxes:
    """The boxes with bad, good or none for the label; one InputError for all labels that `classes` lacks."""
    unmapped: dict[str, list[str]] = defaultdict(list)
    for box in boxes:
        if box.label not in classes:
            unmapped[box.label].append(box.where)
    if unmapped:
        found = ", ".join(
            f"{label!r} ({len(places)} boxes, the first in {places[0]})"
            for label, places in sorted(unmapped.items())
        )
        raise InputError(
            f"labels without a class: {found}; map them to bad, good or none in crop_masks.classes"
        )
    return Boxes(box._replace(label=classes[box.label]) for box in boxes)


def split_boxes(boxes: Boxes, test_share: float, random: np.random.Generator) -> Boxes:
    """The boxes with "train" or "test" for the split, all boxes of a photograph on one side."""
    photographs = {name: row for row, name in enumerate(dict.fromkeys(box.photograph for box in boxes))}
    counts = np.zeros((len(photographs), len(CLASSES)), dtype=int)
    for box in boxes:
        counts[photographs[box.photograph], CLASSES.index(box.label)] += 1
    test = choose_test(counts, test_share, random)
    return Boxes(
        box._replace(split="test" if test[photographs[box.photograph]] else "train") for box in boxes
    )


def choose_test(counts: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """Which photographs are for testing, bool (p,), from the boxes of each class in each, int (p, classes).

    Photographs in random order are taken while no class gets more than `share` of its boxes, those of the
    rarest class first, since they are hardest to place. Then a class that is still without a test box, as
    its photographs hold too many, gets its smallest, if every class keeps a box for training.
    """
    totals = counts.sum(axis=0)
    divisible = (counts > 0).sum(axis=0) >= 2  # a class in one photograph stays with the training set
    targets = np.where(divisible, np.maximum(1, np.round(share * totals)), 0)
    order = random.permutation(len(counts))
    test = np.zeros(len(counts), dtype=bool)
    taken = np.zeros_like(totals)
    for kind in np.argsort(totals, kind="stable"):
        for row in order[counts[order, kind] > 0]:
            if not test[row] and (taken + counts[row] <= targets).all():
                test[row] = True
                taken += counts[row]
    for kind in np.flatnonzero(divisible):
        rows = [
            row for row in order if counts[row, kind] and (totals - taken - counts[row] > 0)[totals > 0].all()
        ]
        if not taken[kind] and rows:
            smallest = min(rows, key=lambda row: counts[row].sum())
            test[smallest] = True
            taken += counts[smallest]
    return test
