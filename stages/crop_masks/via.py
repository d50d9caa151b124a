"""Read the boxes of the VGG Image Annotator (VIA), 1.x and 2.x: its project, or its export as JSON or CSV.

Each region has a shape, and attributes of which one is the label.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from pipeline.runtime.errors import InputError, show
from pipeline.sources.archives import suffix, with_suffix
from stages.crop_masks.boxes import Box, Corners, add_size
from stages.crop_masks.csv_tables import check_length, first_row, read_rows
from stages.crop_masks.json_files import (
    of_kind,
    parse,
    take_number,
    take_object,
    take_objects,
    take_text,
)
from stages.crop_masks.photographs import DataSet

TITLE = "VIA"
COLUMNS = ("filename", "region_shape_attributes", "region_attributes")


class Region(NamedTuple):
    """A shape on a photograph, at a row of its file."""

    photograph: str
    shape: dict[str, Any]
    attributes: dict[str, Any]
    row: int
    where: str


def find(data: DataSet) -> list[str]:
    """The JSON and CSV files that have regions."""
    tables = with_suffix(data.names, frozenset({".csv"}))
    return sorted(
        [*of_kind(data, "via"), *(name for name in tables if set(COLUMNS) <= set(_header(data, name)))]
    )


def _header(data: DataSet, name: str) -> list[str]:
    return [cell.strip().lstrip("#") for cell in first_row(data, name)]  # version 1 begins with #


def read(data: DataSet, name: str) -> Iterator[Box]:
    """The boxes of one file: its rectangles, and the boxes around its polygons."""
    regions = list(_in_table(data, name) if suffix(name) == ".csv" else _in_json(data, name))
    key = _label_key(data, regions, name)
    for region in regions:
        with data.faults.gathered():
            if corners := _corners(data, region):
                label = _label(region, key)
                yield Box("", region.photograph, label, name, corners, None, region.row)


def _in_json(data: DataSet, name: str) -> Iterator[Region]:
    content = parse(data, name)
    entries: dict[str, str] = {}  # by photograph
    number = 0
    listed = take_objects(content.get("_via_img_metadata", content), "_via_img_metadata", name)
    for place, entry in enumerate(listed, start=1):
        with data.faults.gathered():
            where = f"{name} photograph {place}"
            regions = take_objects(entry.get("regions"), "regions", where)
            before, number = number, number + len(regions)
            given = take_text(entry.get("filename"), "filename", where)
            photograph = data.find_once(given, name, where, entries)
            if not regions:
                data.empty.add(photograph)
            for row, region in enumerate(regions, start=before + 1):
                with data.faults.gathered():
                    where = f"{name} object {row}"
                    shape = take_object(region.get("shape_attributes"), "shape_attributes", where)
                    attributes = take_object(region.get("region_attributes"), "region_attributes", where)
                    yield Region(photograph, shape, attributes, row, where)


def _in_table(data: DataSet, name: str) -> Iterator[Region]:
    header = _header(data, name)
    places = [header.index(column) for column in COLUMNS]
    rows = read_rows(data, name)
    next(rows)
    for line, row in rows:
        with data.faults.gathered():
            where = f"{name} line {line}"
            check_length(row, len(header), where)
            given, shape, attributes = (row[place] for place in places)
            photograph = data.find(given.strip(), name, where)
            if shape.strip() in ("", "{}"):
                data.empty.add(photograph)
                continue
            yield Region(
                photograph,
                _in_cell(shape, "region_shape_attributes", where),
                _in_cell(attributes, "region_attributes", where),
                line,
                where,
            )


def _in_cell(text: str, what: str, where: str) -> dict[str, Any]:
    try:
        return take_object(json.loads(text), what, where)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: `{what}` is not valid JSON: {error}") from None


def _corners(data: DataSet, region: Region) -> Corners | None:
    """xmin, ymin, xmax, ymax; None where the shape is left out."""
    kind, where = region.shape.get("name"), region.where
    if kind == "rect":
        left, top, width, height = (
            take_number(region.shape.get(key), key, where) for key in ("x", "y", "width", "height")
        )
        return add_size((left, top, width, height))
    if kind == "polygon":
        xs, ys = (_numbers(region.shape.get(key), key, where) for key in ("all_points_x", "all_points_y"))
        if not len(xs) == len(ys) >= 3:
            raise InputError(f"{where}: a polygon of {len(xs)} x and {len(ys)} y; it needs 3 or more of both")
        return data.bounds_of_polygon(list(zip(xs, ys, strict=True)), where)
    data.leave_out(region.photograph, take_text(kind, "name", where), where)
    return None


def _numbers(value: Any, what: str, where: str) -> list[float]:
    if not isinstance(value, list):
        raise InputError(f"{where}: `{what}` is {show(value)}; it must be a list of numbers")
    return [take_number(each, what, where) for each in value]


def _label_key(data: DataSet, regions: list[Region], name: str) -> str:
    """The attribute that has a value in most regions, "" where none has any."""
    counts = Counter(key for region in regions for key, value in region.attributes.items() if _values(value))
    most = max(counts.values(), default=0)
    keys = [key for key, count in counts.items() if count == most]
    if len(keys) > 1:
        raise InputError(
            f"{name}: the label could be any of the region_attributes {show(sorted(keys))}: each has a value "
            f"in {most} regions; leave the one that is the class"
        )
    if len(counts) > 1:
        said = "VIA files have several region_attributes, of which the most frequent is taken as the label"
        data.faults.note(said, f"{name}, {show(keys[0])}")
    return keys[0] if keys else ""


def _values(value: Any) -> list[str]:
    """A text, the chosen option of a list, or the checked options of a checkbox."""
    chosen = [key for key, checked in value.items() if checked] if isinstance(value, dict) else [value]
    return [text.strip() for text in chosen if isinstance(text, str) and text.strip()]


def _label(region: Region, key: str) -> str:
    values = _values(region.attributes.get(key))
    if not values:
        raise InputError(f"{region.where}: no label; its region_attributes are {show(region.attributes)}")
    if len(values) > 1:
        raise InputError(f"{region.where}: {show(key)} has several values: {show(values)}; leave one")
    return values[0]
