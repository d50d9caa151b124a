"""The split that a source was published with, as the names of its folders, files and lists have it."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from pipeline.runtime.errors import InputError

# What a name says of a split, in any case, with digits behind it: train2017, Training, valid, t10k.
WORDS = {
    "train": "train",
    "training": "train",
    "trainval": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "test": "test",
    "testing": "test",
    "t10k": "test",  # of MNIST
}
WORD = re.compile("t10k|[a-z]+")


def word_of(name: str) -> str:
    """The split that a name has a word for; "" where it has none, or several.

    >>> [word_of(name) for name in ("train_labels", "val2017", "T10K-images", "faces", "train_test")]
    ['train', 'valid', 'test', '', '']
    """
    found = {WORDS[word] for word in WORD.findall(name.lower()) if word in WORDS}
    return found.pop() if len(found) == 1 else ""


def split_of_folder(name: str) -> str:
    """What the innermost folder with such a word says of a file.

    >>> split_of_folder("test/images/train/a.jpg")
    'train'
    """
    folders = PurePosixPath(name).parts[-2::-1]
    return next((word for folder in folders if (word := word_of(folder))), "")


def split_of_file(name: str) -> str:
    """What the name of the file says, or else its folders.

    >>> split_of_file("train/test.csv"), split_of_file("train/_annotations.csv")
    ('test', 'train')
    """
    return word_of(PurePosixPath(name).stem) or split_of_folder(name)


def map_published_split(splits: Iterable[str]) -> tuple[dict[str, str], str]:
    """Map each published split to "train" or "test"; and a sentence that describes the mapping.

    The mapping is empty where there is no set for testing, or nothing else. Where no set is named train, all
    that belongs to no set is for training. Validation is for training where there is a test set, and is the
    test set where there is none.

    >>> map_published_split(["train", "valid"])
    ({'train': 'train', 'valid': 'test'}, 'as published: train; valid, as the test set')
    >>> map_published_split(["", "test"])
    ({'test': 'test', '': 'train'}, 'as published: test; all others for training')
    """
    found = set(splits)
    training = "train" if "train" in found else ""
    if training not in found or not found & {"valid", "test"}:
        return {}, ""
    sides = {
        "train": ("train", "train"),
        "valid": ("test", "valid, as the test set"),
        "test": ("test", "test"),
        "": ("train", "all others for training"),
    }
    if "test" in found:
        sides["valid"] = ("train", "valid for training too")
    kept = [split for split in sides if split in found and (split or not training)]
    said = "; ".join(sides[split][1] for split in kept)
    return {split: sides[split][0] for split in kept}, f"as published: {said}"


def check_complete(names: list[str], splits: list[str], source: str) -> None:
    """Raise InputError where a file belongs to no set of the split that the others have, train and more."""
    if "" in splits and "train" in splits:
        stray = names[splits.index("")]
        sets = ", ".join(sorted(set(splits) - {""}))
        raise InputError(
            f"{source}: {stray} is in no set of the published split ({sets}), as other files are; move it "
            "into one of these, or away"
        )
