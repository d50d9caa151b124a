"""Read the boxes of Open Images: CSV with corners as shares of the photograph, and names of classes beside.

A row names its photograph without a suffix, and its class by an id as in /m/0dzct; a table of two columns has
the names of these ids.
"""

from collections.abc import Iterator
from functools import lru_cache

from pipeline.runtime.errors import InputError, show
from pipeline.sources.archives import PICTURES, suffix, with_suffix
from stages.crop_masks.boxes import LARGEST_SHARE, Box, parse_corners
from stages.crop_masks.csv_tables import check_length, first_row, is_class_names, read_rows
from stages.crop_masks.photographs import DataSet, choose, normalise, stem

TITLE = "Open Images"
EDGES = ("XMin", "YMin", "XMax", "YMax")
COLUMNS = ("ImageID", "LabelName", *EDGES)


def find(data: DataSet) -> list[str]:
    """The CSV files that have the columns of boxes."""
    files = with_suffix(data.names, frozenset({".csv"}))
    return [name for name in files if set(COLUMNS) <= set(first_row(data, name))]


def read(data: DataSet, name: str) -> Iterator[Box]:
    """The boxes of one file, but for those around groups, in shares of their photographs."""
    names = class_names(data)
    header = first_row(data, name)
    places = [header.index(column) for column in COLUMNS]
    group = header.index("IsGroupOf") if "IsGroupOf" in header else None
    rows = read_rows(data, name)
    next(rows)
    for line, row in rows:
        with data.faults.gathered():
            where = f"{name} line {line}"
            check_length(row, len(header), where)
            given, label, *texts = (row[place].strip() for place in places)
            photograph = _find(data, given, name, where)
            if group is not None and row[group].strip() == "1":
                data.empty.add(photograph)
                data.faults.note("boxes around a group (IsGroupOf) are left out", where)
                continue
            corners = parse_corners(texts, where, EDGES)
            if max(map(abs, corners)) > LARGEST_SHARE:
                raise InputError(f"{where}: {show(texts)} are no shares of width and height, from 0 to 1")
            if not label:
                raise InputError(f"{where}: LabelName is empty")
            yield Box("", photograph, names.get(label, label), name, corners, None, line)


def _find(data: DataSet, given: str, name: str, where: str) -> str:
    """The photograph with an id, which may have points; some tables have it with its suffix."""
    if suffix(given) in PICTURES:
        return data.find(given, name, where)
    return choose(data.by_stem.get(normalise(given), []), stem, given, name, where)


@lru_cache(maxsize=1)
def class_names(data: DataSet) -> dict[str, str]:
    """The names of class ids; InputError if two files do not agree."""
    found: dict[str, str] = {}
    for name in with_suffix(data.names, frozenset({".csv"})):
        if not is_class_names(first_row(data, name)):
            continue
        data.helpers.add(name)
        for line, row in read_rows(data, name):
            if len(row) != 2 or found.setdefault(row[0], row[1].strip()) != row[1].strip():
                raise InputError(f"{name} line {line}: {show(row)}; it must be an id and its one name")
    return found
