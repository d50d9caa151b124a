"""What a replicate is trained and scored on: the prepared digits, with some held out, or split by sheet."""

from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.common.digits import Digits, first_copies, join, load_digits
from pipeline.common.seeds import generator
from pipeline.runtime.errors import InputError
from stages.train_mlp.settings import MlpSettings


def load_samples(path: Path, settings: MlpSettings, seed: int, replicate: int) -> dict[str, Digits]:
    """The splits that a replicate is trained and scored on: "train", "test" and, if asked for, "validation".

    Validation samples are the same in every replicate and run, a split by sheets is another in each.
    """
    splits = load_digits(path)
    if settings.split == "sheets":
        splits = split_by_sheet(splits, generator(seed, "sheets", replicate))
    if settings.validation:
        rng = generator(seed, "validation")
        splits["train"], splits["validation"] = hold_out(splits["train"], settings.validation, rng)
    return splits


def split_by_sheet(splits: dict[str, Digits], rng: np.random.Generator) -> dict[str, Digits]:
    """All samples split anew, about as many for testing as before, with no sheet of paper on both sides, the
    smaller one for testing.

    A sample whose sheet is unknown counts as a sheet of its own. Sheets that have a sample in common are one:
    sheet 31 of TibetanMNIST is a copy of sheet 2.
    """
    digits = join(splits.values())
    numbers = np.arange(len(digits.labels))
    sheets = numbers if digits.sheets is None else np.where(digits.sheets < 0, -1 - numbers, digits.sheets)
    names, sheet = np.unique(sheets, return_inverse=True)
    links = coo_array((np.ones(len(sheet)), (sheet, sheet[first_copies(digits.images)])), 2 * names.shape)
    count, joined = connected_components(links, directed=False)
    sheet = joined[sheet]
    sizes = np.bincount(sheet)
    order = rng.permutation(count)
    reached = np.cumsum(sizes[order])
    for_testing = order[: 1 + np.abs(reached - len(splits["test"].labels)).argmin()]
    test = np.isin(sheet, for_testing)
    if test.mean() > 0.5:
        test = ~test
    if not test.any():
        raise InputError("split is sheets, but all digits are from one sheet, or copies; set split: given")
    return {"train": digits.take(~test), "test": digits.take(test)}


def hold_out(digits: Digits, samples: int, rng: np.random.Generator) -> tuple[Digits, Digits]:
    """Hold out `samples` random digits, at most a third of all, with their copies. Returns the rest, then
    those held out.
    """
    order = rng.permutation(len(digits.labels))
    first = first_copies(digits.images)[order]
    held = np.isin(first, first[: min(samples, len(order) // 3)])
    return digits.take(order[~held]), digits.take(order[held])
