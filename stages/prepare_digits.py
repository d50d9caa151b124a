"""Prepare the digits: arrays of equal form, split into a training and a test set.

python -m stages.prepare_digits     reads data/raw/digits/, writes data/digits.npz

train_images, test_images   uint8 (n, 28, 28), white on black
train_labels, test_labels   uint8 (n,), 0 to 9
"""

from pathlib import Path

import numpy as np
from pydantic import Field

from pipeline.common.files import whole_file, write_arrays
from pipeline.common.seeds import generator
from pipeline.common.settings import InputError, Strict, check, read_params, read_seed, run_stage, section
from pipeline.digits.formats import CLASSES, Digits, read_digits, white_on_black

RAW = Path("data/raw/digits")
DIGITS = Path("data/digits.npz")


class Settings(Strict):
    """`prepare_digits`: the sizes of the split where the source has none."""

    train: int = Field(ge=CLASSES)
    test: int = Field(ge=CLASSES)


def raw_file(folder: Path) -> Path:
    """The one file of digits that fetch_digits left."""
    files = [folder / "digits.npz", folder / "digits.zip"]
    found = [file for file in files if file.exists()]
    if len(found) != 1:
        raise InputError(f"{folder} must hold digits.npz or digits.zip; run fetch_digits first")
    return found[0]


def split_sizes(samples: int, train: int, test: int) -> tuple[int, int]:
    """The sizes asked for; if there are fewer samples, all of them in the same proportion."""
    if samples >= train + test:
        return train, test
    fewer = round(samples * test / (train + test))
    return samples - fewer, fewer


def split_digits(digits: Digits, train: int, test: int, seed: int) -> dict[str, Digits]:
    """A random split with the classes in the same proportion on both sides; InputError if too small."""
    from sklearn.model_selection import train_test_split

    images, labels = digits
    train, test = split_sizes(len(labels), train, test)
    random_state = int(generator(seed, "digits split").integers(2**32))
    try:
        sides = train_test_split(
            np.arange(len(labels)),
            train_size=train,
            test_size=test,
            stratify=labels,
            random_state=random_state,
        )
        if any(len(np.unique(labels[side])) < CLASSES for side in sides):
            raise ValueError("a class would be on one side only")
    except ValueError as error:
        raise InputError(f"{len(labels)} digits cannot be split into {train} and {test}: {error}") from None
    return {name: (images[rows], labels[rows]) for name, rows in zip(("train", "test"), sides, strict=True)}


def describe(split: str, labels: np.ndarray) -> str:
    """For example "train 12000 (1201 1199 ...)": all, and each class in order."""
    counts = np.bincount(labels, minlength=CLASSES)
    return f"{split} {len(labels)} ({' '.join(map(str, counts))})"


def main() -> None:
    params = read_params()
    settings = check(Settings, section(params, "prepare_digits"), "prepare_digits")
    splits, inverted = white_on_black(read_digits(raw_file(RAW)))
    if inverted:
        print("digits: the borders are bright, so the pictures were inverted to white on black")
    if "" in splits:
        splits = split_digits(splits[""], settings.train, settings.test, read_seed(params))
    with whole_file(DIGITS) as partial:
        write_arrays(
            partial,
            train_images=splits["train"][0],
            train_labels=splits["train"][1],
            test_images=splits["test"][0],
            test_labels=splits["test"][1],
        )
    print(f"digits of class 0 to 9: {', '.join(describe(s, splits[s][1]) for s in ('train', 'test'))}")


if __name__ == "__main__":
    run_stage(main)
