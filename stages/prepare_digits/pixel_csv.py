"""Read pixels in CSV: each line has the values of one image, and its label, as Kaggle's MNIST and others."""

import gzip
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from typing import NamedTuple

import numpy as np
import pandas as pd

from pipeline.runtime.errors import InputError, show
from pipeline.sources.archives import ARCHIVE_ERRORS, MEMBER_LIMIT, Archive, archive_name
from stages.prepare_digits.arrays import (
    LARGEST_SIDE,
    SLACK,
    SMALLEST_SIDE,
    Found,
    check_set,
    choose_one_for_each_split,
    is_square,
    join_files,
)
from stages.prepare_digits.idx_files import UPRIGHT, is_emnist

TITLE = "pixels (.csv)"
LABELS = {"label", "labels", "class", "target", "digit", "character", "y"}  # names of the label's column
NUMBERS = {"", "id", "index", "imageid", "image_id", "unnamed: 0"}  # names of one that numbers the images
LONGEST_LINE = 8 * LARGEST_SIDE**2  # bytes
BLOCK = 2**22  # characters that are taken apart at once


class Columns(NamedTuple):
    """Where the values of a line are."""

    names: list[str]  # of all columns; without a header the values of the first line
    header: bool
    pixels: list[int]
    label: int | None  # None: the file has no labels


def find(archive: Archive, names: list[str]) -> list[str]:
    """The files whose first line is that of pixels; of one that is there packed and unpacked, the latter."""
    found = []
    for name in names:
        if name.lower().endswith((".csv", ".csv.gz")) and name.removesuffix(".gz") not in found:
            with suppress(InputError):
                found += [name] if read_columns(archive, name) else []
    return found


def read(archive: Archive, files: list[str]) -> Found:
    """The sets of one file, or of one for each set of a split, and of files without labels."""
    source = archive_name(archive)
    columns = {name: each for name in files if (each := read_columns(archive, name))}
    labelled = [name for name in columns if columns[name].label is not None] or list(columns)
    splits = choose_one_for_each_split(labelled, source)
    found = join_files({name: read_table(archive, name, columns[name]) for name in labelled}, splits)
    for name in [name for name in columns if name not in splits]:
        found.sets[name] = read_table(archive, name, columns[name]).sets[""]
    return found


def read_columns(archive: Archive, name: str) -> Columns | None:
    """The columns of a file, by its first line; None if they are not those of pixels."""
    _, first = next(read_lines(archive, name), (1, ""))
    cells = [cell.strip().strip('"') for cell in first.split(",")]
    # A header's names all differ; values do not: of a digit many pixels are paper.
    return tell_named(cells) if len(set(cells)) == len(cells) else tell_unnamed(cells)


def tell_unnamed(cells: list[str]) -> Columns | None:
    """The columns by the values of a line: the label comes first, or last if it is the only text there."""
    last = len(cells) - 1
    label = last if not is_number(cells[last]) else None if is_side(len(cells)) else 0
    pixels = [place for place in range(len(cells)) if place != label]
    if is_side(len(pixels)) and all(is_number(cells[place]) for place in pixels):
        return Columns(cells, False, pixels, label)
    return None


def tell_named(cells: list[str]) -> Columns | None:
    """The columns by their names: those of pixels differ in digits alone, and beside them is a label."""
    stems = [re.sub("[0-9_.x:-]", "", cell.lower()) if re.search("[0-9]", cell) else None for cell in cells]
    ((stem, count),) = Counter(each for each in stems if each is not None).most_common(1) or [("", 0)]
    pixels = [place for place, each in enumerate(stems) if each == stem]
    if count == len(cells) and is_side(count - 1):  # values that pandas took for names, and made to differ
        return Columns(cells, True, pixels[1:], 0)
    others = [place for place in range(len(cells)) if place not in pixels]
    others = [place for place in others if cells[place].lower() not in NUMBERS]
    labels = [place for place in others if cells[place].lower() in LABELS] or others
    return Columns(cells, True, pixels, labels[0] if len(labels) == 1 else None) if is_side(count) else None


def is_side(pixels: int) -> bool:
    return pixels >= SMALLEST_SIDE**2 and is_square(pixels)


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_lines(archive: Archive, name: str) -> Iterator[tuple[int, str]]:
    """Each line that is not empty, with its number."""
    where, number, unpacked = f"{archive_name(archive)}: {name}", 0, 0
    try:
        with archive.open(name) as packed, gzip.open(packed) if name.endswith(".gz") else packed as file:
            while line := file.readline(LONGEST_LINE):
                number, unpacked = number + 1, unpacked + len(line)
                if len(line) == LONGEST_LINE:
                    raise InputError(f"{where} line {number}: more than {LONGEST_LINE // 2**20} MiB")
                if unpacked > MEMBER_LIMIT:
                    raise InputError(f"{where} has more than {MEMBER_LIMIT // 2**20} MiB")
                if text := line.decode("utf-8-sig" if number == 1 else "utf-8").strip():
                    yield number, text
    except UnicodeDecodeError as error:
        raise InputError(
            f"{where} line {number}: not UTF-8 text ({error.reason}); save it as UTF-8"
        ) from None
    except ARCHIVE_ERRORS as error:
        raise InputError(f"{where} cannot be read: {error}") from None


def read_table(archive: Archive, name: str, columns: Columns) -> Found:
    """The set in one file."""
    where = f"{archive_name(archive)}: {name}"
    lines = read_lines(archive, name)
    if columns.header:
        next(lines)
    blocks = [read_block(block, columns, where) for block in in_blocks(lines)]
    if not blocks:
        raise InputError(f"{where} has no line with pixels")
    images = np.concatenate([pixels for pixels, _ in blocks])
    labels = np.array([label for _, labels in blocks for label in labels])
    side = round(images.shape[1] ** 0.5)
    images, notes = images.reshape(-1, side, side), []
    if is_emnist(name):
        images = images.swapaxes(1, 2)
        notes.append(UPRIGHT)
    if columns.header and is_number(columns.names[0]):
        notes.append(f"{name}: line 1, whose numbers all differ, was taken for a header")
    stored = check_set(images, labels if columns.label is not None else None, ("pixels", "labels"), where)
    return Found({"": stored}, notes + say_columns(name, columns), f"it has {len(columns.names)} columns")


def say_columns(name: str, columns: Columns) -> list[str]:
    """What was taken for the label, where no name says it, and what was not read."""
    found = []
    if columns.label is not None and not columns.header:
        found.append(f"{name}: column {columns.label + 1} was taken for the label")
    read = {*columns.pixels, columns.label}
    unread = [each for place, each in enumerate(columns.names) if place not in read]
    if unread := [each for each in unread if each.lower() not in NUMBERS]:
        found.append(f"{name}: not read are the columns {', '.join(unread)}")
    return found


def in_blocks(lines: Iterator[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    block, size = [], 0
    for number, line in lines:
        block.append((number, line))
        size += len(line)
        if size > BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


def read_block(block: list[tuple[int, str]], columns: Columns, where: str) -> tuple[np.ndarray, list[str]]:
    """The pixels (n, side * side) of lines, as uint8 where they are whole, and their labels."""
    for number, line in block:
        if line.count(",") != len(columns.names) - 1:
            raise InputError(
                f"{where} line {number}: {line.count(',') + 1} values, but line 1 has {len(columns.names)}"
            )
    types: dict[int, type] = dict.fromkeys(columns.pixels, np.float32)
    if columns.label is not None:
        types[columns.label] = str
    try:
        table = pd.read_csv(
            StringIO("\n".join(line for _, line in block)),
            header=None, usecols=sorted(types), dtype=types, keep_default_na=False,
        )  # fmt: skip
    except ValueError as error:
        raise find_fault(block, columns, where, str(error)) from None
    pixels = table[columns.pixels].to_numpy()
    labels = [] if columns.label is None else table[columns.label].str.strip().tolist()
    if len(table) != len(block) or "" in labels or not ((pixels >= -SLACK) & (pixels <= 255)).all():
        raise find_fault(block, columns, where, "quotes that do not match")
    whole = pixels.astype(np.uint8)
    return whole if (whole == pixels).all() else pixels, labels


def find_fault(block: list[tuple[int, str]], columns: Columns, where: str, reason: str) -> InputError:
    """What is wrong with lines, of which pandas says no line and column."""
    for number, line in block:
        for place, cell in enumerate(line.split(",")):
            at = f"{where} line {number}, column {place + 1}"
            if columns.header:
                at += f" ({columns.names[place]})"
            value = cell.strip().strip('"')
            if place == columns.label and not value:
                return InputError(f"{at}: no label")
            if place in columns.pixels and not (is_number(value) and -SLACK <= float(value) <= 255):
                return InputError(f"{at}: {show(cell)} is not a number from 0 to 255")
    return InputError(f"{where} lines {block[0][0]} to {block[-1][0]} cannot be read as CSV: {reason}")
