"""Prepare the digits: arrays of equal form, split into a training and a test set.

python -m stages.prepare_digits     reads data/raw/digits/, writes data/digits.safetensors, whose arrays
                                    pipeline/common/digits.py lists, and data/digits.json, how it was read
"""

from pathlib import Path

import numpy as np

from pipeline.common.classes import SPLITS
from pipeline.common.digits import Digits, save_digits
from pipeline.common.paths import DIGITS, DIGITS_NOTES, RAW_DIGITS, SOURCE
from pipeline.common.storage import write_json
from pipeline.runtime.errors import InputError
from pipeline.runtime.files import whole_file
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import check, read_params, read_seed, section
from pipeline.sources.wanted import saying_how_to_fetch
from stages.prepare_digits.formats import read_digits
from stages.prepare_digits.sample import INK
from stages.prepare_digits.settings import DigitsSettings
from stages.prepare_digits.split import describe_copies, split_digits

ONE_SHEET = "all digits are from one sheet of paper, so runs with `split: sheets` have a random split"


def raw_file(folder: Path) -> Path:
    """The one file of digits that fetch_digits wrote."""
    files = [file for file in sorted(folder.glob("*")) if file.name != SOURCE]
    if len(files) != 1:
        raise InputError(f"{folder} must hold one file of digits; run fetch_digits first")
    return files[0]


def describe(split: str, labels: np.ndarray) -> str:
    """For example "train 12000 (1201 1199 ...)": all, and each class in order."""
    counts = np.bincount(labels)
    return f"{split} {len(labels)} ({' '.join(map(str, counts))})"


def count_sheets(splits: dict[str, Digits]) -> int:
    """How many sheets of paper the source names."""
    named = [digits.sheets[digits.sheets >= 0] for digits in splits.values() if digits.sheets is not None]
    return len(np.unique(np.concatenate(named))) if named else 0


def main() -> None:
    params = read_params()
    settings = check(DigitsSettings, section(params, "prepare_digits"), "prepare_digits")
    seed = read_seed(params)
    with saying_how_to_fetch("fetch_digits", RAW_DIGITS):
        splits, notes = read_digits(raw_file(RAW_DIGITS), settings.class_from)
        drawn = "" in splits
        if drawn:
            splits = split_digits(splits[""], settings.train, settings.test, seed, notes.classes)
    odd = notes.sentences() + describe_copies(splits, drawn)
    if count_sheets(splits) == 1:
        splits = {split: digits._replace(sheets=None) for split, digits in splits.items()}
        odd.append(ONE_SHEET)
    with whole_file(DIGITS) as partial:
        save_digits(partial, splits, notes.classes, {"ink": INK, "white": notes.white})
    about = {"layout": notes.layout, "split": notes.split, "notes": odd, "sheets": count_sheets(splits)}
    write_json(DIGITS_NOTES, about | {"classes": notes.classes})
    print(f"digits: read as {notes.layout}; split: {notes.split}")
    for sentence in odd:
        print(f"digits: {sentence}")
    counts = ", ".join(describe(split, splits[split].labels) for split in SPLITS)
    print(f"digits of class {notes.classes[0]} to {notes.classes[-1]}: {counts}")


if __name__ == "__main__":
    run_stage(main)
