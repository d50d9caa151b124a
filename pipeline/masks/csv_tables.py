"""Read the boxes of a CSV file."""

import csv
import zipfile
from collections import Counter
from collections.abc import Iterator
from io import StringIO

from pipeline.common.settings import InputError
from pipeline.masks.boxes import CORNERS, Box, parse_corners, parse_size
from pipeline.masks.photographs import Photographs
from pipeline.sources.archives import read_text

REQUIRED = ("filename", "label", *CORNERS)


def read_table(archive: zipfile.ZipFile, name: str, split: str, photographs: Photographs) -> Iterator[Box]:
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
            corners = parse_corners([row[column] for column in CORNERS], where)
            size = parse_size(row.get("width"), row.get("height"), where)
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
