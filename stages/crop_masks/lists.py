"""A split that is published as lists of photographs: ImageSets/Main of Pascal VOC, train.txt of others."""

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import PICTURES, brief, read_text, suffix, with_suffix
from pipeline.sources.splits import word_of
from stages.crop_masks.dataset import DataSet
from stages.crop_masks.photographs import file_name, normalise, stem

LISTS = ("train", "trainval", "val", "valid", "test")
MAIN = "ImageSets/Main/"


def read_lists(data: DataSet) -> dict[str, str]:
    """The split of each photograph by its normalised stem, from lists in the data set; {} without any."""
    files = [name for name in with_suffix(data.names, frozenset({".txt"})) if stem(name).lower() in LISTS]
    files = [name for name in files if MAIN in f"/{name}"] or files
    words = {stem(name).lower() for name in files}
    if "train" in words:
        files = [name for name in files if stem(name).lower() != "trainval"]
    splits: dict[str, str] = {}
    for name in files:
        lines = read_text(data.archive, name).decode("utf-8-sig", "replace").split("\n")
        listed = [_listed(line.strip()) for line in lines if line.strip()]
        if not any(each in data.photographs.by_stem for each in listed):
            continue
        data.helpers.add(name)
        split = word_of(stem(name))
        for each in listed:
            if splits.setdefault(each, split) != split:
                raise InputError(f"{data.source}: {name} lists {each!r}, which is in {splits[each]} too")
    return splits


def _listed(line: str) -> str:
    """The normalised stem of what a line lists: a path, or a name without suffix that may have points."""
    return normalise(stem(line) if suffix(line) in PICTURES else file_name(line))


def splits_of(photographs: list[str], lists: dict[str, str], source: str) -> list[str]:
    """The split of each photograph; InputError if some are in no list."""
    missing = sorted({name for name in photographs if normalise(stem(name)) not in lists})
    if missing:
        raise InputError(
            f"{source}: {len(missing)} photographs with boxes are in no list of the published split: "
            f"{brief(missing)}; add them to one, or remove the lists to have a split drawn"
        )
    return [lists[normalise(stem(name))] for name in photographs]
