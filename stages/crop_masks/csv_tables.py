"""Read the boxes of CSV files, row by row."""

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice
from typing import NamedTuple, TextIO

from pipeline.runtime.errors import InputError, show
from pipeline.sources.archives import ARCHIVE_ERRORS, PICTURES, open_text, suffix, with_suffix
from pipeline.sources.splits import word_of
from stages.crop_masks.boxes import CORNERS, Box, add_size, parse_corners, parse_size
from stages.crop_masks.photographs import DataSet

TITLE = "CSV"
# The columns, and the other names that they go by; of several in one file the first counts. The last are
# makesense.ai's.
ALIASES = {
    "filename": ("filename", "image", "file", "path", "image_name"),
    "label": ("label", "class", "category", "name", "label_name"),
    "width": ("width", "image_width"),
    "height": ("height", "image_height"),
}
REQUIRED = ("filename", "label", *CORNERS)
OF_OTHERS = {"region_shape_attributes", "ImageID"}  # columns of VIA's and Open Images' tables
LEFT_TOP_SIZE = ("bbox_x", "bbox_y", "bbox_width", "bbox_height")  # what makesense.ai has instead of CORNERS
LINE_LIMIT = 2**16  # characters
NAMES_SHOWN = 120  # characters of a header
ROWS_SEARCHED = 50  # for one without an empty value, which tells the columns of a file without a header


class Columns(NamedTuple):
    """Where each value is in a row; `size` is (width, height) or (). `values` is the length of a row, and
    `edges` the names of the box's four columns, CORNERS or LEFT_TOP_SIZE.
    """

    filename: int
    label: int
    box: tuple[int, ...]
    size: tuple[int, ...]
    values: int
    header: bool
    edges: tuple[str, ...] = CORNERS


def find(data: DataSet) -> list[str]:
    """The CSV files whose columns can be told, and those whose name says that they are of a split."""
    found = []
    for name in with_suffix(data.names, frozenset({".csv"})):
        try:
            read_columns(data, name)
        except InputError as error:
            first = first_row(data, name)
            if OF_OTHERS & set(first) or is_class_names(first):
                continue
            if not word_of(name.rpartition("/")[2]):
                data.faults.note("CSV files have no boxes that can be read", str(error))
                continue
        found.append(name)
    return found


def read(data: DataSet, name: str) -> Iterator[Box]:
    """The boxes of a file. A repeated row is left out; one without label and corners has no box."""
    columns = read_columns(data, name)
    seen: set[int] = set()  # the rows' hashes, 64 bits: all rows themselves are many megabytes
    rows = read_rows(data, name)
    if columns.header:
        next(rows)
    for line, row in rows:
        with data.faults.gathered():
            where = f"{name} line {line}"
            check_length(row, columns.values, where)
            key = hash(tuple(row))
            if key in seen:
                data.faults.note("CSV rows repeat an earlier one and are left out", where)
                continue
            seen.add(key)
            photograph = data.find(row[columns.filename].strip(), name, where)
            box, label = [row[column] for column in columns.box], row[columns.label].strip()
            if not any([*box, label]):
                data.empty.add(photograph)
                continue
            width, height = (row[column] for column in columns.size) if columns.size else (None, None)
            size = parse_size(width, height, where)
            if size is None and width and not columns.header:
                raise InputError(
                    f"{where}: the photograph's width and height are 0; name the columns in a header: "
                    f"{', '.join(REQUIRED)}"
                )
            corners = parse_corners(box, where, columns.edges)
            if columns.edges == LEFT_TOP_SIZE:
                corners = add_size(corners)
            yield Box("", photograph, label, name, corners, size, line)


def check_length(row: list[str], values: int, where: str) -> None:
    if len(row) != values:
        raise InputError(f"{where}: {len(row)} values, but the first line has {values}")


def first_row(data: DataSet, name: str) -> list[str]:
    """The first row of a file, [] if it has none that can be read."""
    with suppress(InputError):
        return next(read_rows(data, name), (1, []))[1]
    return []


def is_class_names(row: list[str]) -> bool:
    """Whether a table that begins with this row has the names of Open Images' classes."""
    return len(row) == 2 and (row[0].startswith("/m/") or row == ["LabelName", "DisplayName"])


def read_rows(data: DataSet, name: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not empty, with the number of its line."""
    with open_text(data.archive, name) as file:
        rows = csv.reader(_lines(file, name), strict=True)
        try:
            for row in rows:
                if row:
                    yield rows.line_num, row
        except csv.Error as error:
            raise InputError(f"{name} line {rows.line_num}: not CSV: {error}") from None
        except UnicodeDecodeError as error:
            line = _undecodable_line(data, name)
            raise InputError(
                f"{name} line {line}: not UTF-8 text ({error.reason}); save it as UTF-8"
            ) from None
        except ARCHIVE_ERRORS as error:
            raise InputError(f"{data.source}: {name} cannot be read: {error}") from None


def _lines(file: TextIO, name: str) -> Iterator[str]:
    number = 0
    while line := file.readline(LINE_LIMIT):
        number += 1
        if len(line) == LINE_LIMIT:
            raise InputError(f"{name} line {number}: more than {LINE_LIMIT:,} characters, as no row has")
        yield line


def _undecodable_line(data: DataSet, name: str) -> int:
    with data.archive.open(name) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8-sig")
            except UnicodeDecodeError:
                return number
    return number


def read_columns(data: DataSet, name: str) -> Columns:
    """The columns of a file, by its header, or by its rows where it has none."""
    rows = read_rows(data, name)
    _, first = next(rows, (1, []))
    if any(suffix(cell) in PICTURES for cell in first):
        searched = chain([first], (row for _, row in islice(rows, ROWS_SEARCHED)))
        return _tell_columns(next(filter(all, searched), first), name)
    names = [cell.strip().casefold() for cell in first]
    columns = {column: names.index(column) for column in (*CORNERS, *LEFT_TOP_SIZE) if column in names}
    for column, aliases in ALIASES.items():
        if alias := next((alias for alias in aliases if alias in names), None):
            columns[column] = names.index(alias)
    edges = LEFT_TOP_SIZE if columns.keys().isdisjoint(CORNERS) and "bbox_x" in columns else CORNERS
    _check_columns(first, columns, edges, name)
    return Columns(
        columns["filename"],
        columns["label"],
        tuple(columns[edge] for edge in edges),
        (columns["width"], columns["height"]) if {"width", "height"} <= columns.keys() else (),
        len(first),
        header=True,
        edges=edges,
    )


def _tell_columns(row: list[str], name: str) -> Columns:
    """The columns of a file without a header: a picture, a label, perhaps width and height, four corners; or
    makesense.ai's label, left and upper edge, width and height of the box, picture, its width and height.
    """
    pictures = [place for place, cell in enumerate(row) if suffix(cell) in PICTURES]
    numbers = [place for place, cell in enumerate(row) if _is_number(cell)]
    labels = sorted(set(range(len(row))) - {*pictures, *numbers})
    if (labels, pictures, len(numbers)) == ([0], [5], 6):
        return Columns(5, 0, (1, 2, 3, 4), (6, 7), len(row), header=False, edges=LEFT_TOP_SIZE)
    if not (len(pictures) == len(labels) == 1 and len(numbers) in (4, 6)):
        raise InputError(
            f"{name} line 1: it has no header, and its columns cannot be told; name them "
            + ", ".join(REQUIRED)
        )
    *size, xmin, ymin, xmax, ymax = numbers
    return Columns(pictures[0], labels[0], (xmin, ymin, xmax, ymax), tuple(size), len(row), header=False)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_columns(names: list[str], columns: dict[str, int], edges: tuple[str, ...], name: str) -> None:
    """Raise InputError unless each of the columns needed is there, and none twice."""
    needed = ("filename", "label", *edges)
    missing = [column for column in needed if column not in columns]
    if missing:
        found = ", ".join(map(repr, names)) or "none"
        if len(found) > NAMES_SHOWN:
            found = f"{found[:NAMES_SHOWN]}... ({len(names)} in all)"
        raise InputError(
            f"{name} line 1: no column {', '.join(missing)}; its columns are {found}; needed are "
            f"{', '.join(needed)}, with commas between them"
        )
    twice = [column for column, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(f"{name} line 1: the column {show(twice[0])} is there twice; remove one of them")
