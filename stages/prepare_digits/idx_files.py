"""Read the IDX files of MNIST and of those that are stored like it: EMNIST, QMNIST, Fashion-MNIST."""

import gzip
import re
import zlib
from io import BytesIO
from pathlib import PurePosixPath

import numpy as np

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import MEMBER_LIMIT, Archive, archive_name, read_text
from pipeline.sources.folders import IDX
from pipeline.sources.splits import split_of_file
from stages.prepare_digits.arrays import Found, check_labels, check_set, read_bytes

TITLE = "IDX files"
TYPES: dict[int, np.dtype] = {
    8: np.dtype(np.uint8),
    9: np.dtype(np.int8),
    11: np.dtype(">i2"),
    12: np.dtype(">i4"),
    13: np.dtype(">f4"),
    14: np.dtype(">f8"),
}
UPRIGHT = "EMNIST's images are stored column by column, and were turned upright"
QMNIST_COLUMNS = 8  # of its labels: the class, the writer and so on
EMNIST = re.compile("emnist-([a-z]+)-")
MAPPING = re.compile(EMNIST.pattern + "mapping.txt")


def find(archive: Archive, names: list[str]) -> list[str]:
    """With EMNIST's mappings. Of a file that is there packed and unpacked, as torchvision leaves it, the
    unpacked one.
    """
    packed_twice = {f"{name}.gz" for name in names}
    found = [name for name in names if IDX.search(name) and name not in packed_twice]
    return found + [name for name in names if found and MAPPING.fullmatch(base(name))]


def read(archive: Archive, files: list[str]) -> Found:
    """The sets of pairs of files, one of images and one of labels."""
    source = archive_name(archive)
    mappings = [name for name in files if MAPPING.fullmatch(base(name))]
    files = [name for name in files if name not in mappings]
    parts = sorted({match[1] for name in files if (match := EMNIST.match(base(name)))})
    if len(parts) > 1:
        raise InputError(
            f"{source} holds {len(parts)} data sets of EMNIST: {', '.join(parts)}; keep the files of one"
        )
    sets, notes = {}, []
    for split, pair in pair_files(files, source).items():
        images, labels = (
            read_idx(archive, pair[kind]) if kind in pair else None for kind in ("images", "labels")
        )
        assert images is not None
        if is_emnist(pair["images"]):
            images = images.swapaxes(1, 2) if images.ndim == 3 else images
            notes.append(UPRIGHT)
        if labels is not None and labels.shape[1:] == (QMNIST_COLUMNS,):
            labels = labels[:, 0]
            notes.append(f"of the {QMNIST_COLUMNS} columns of QMNIST's labels the first is the class")
        stored = check_set(images, labels, (pair["images"], pair.get("labels", "")), source)
        mapping = next(
            (name for name in mappings if parts and base(name) == f"emnist-{parts[0]}-mapping.txt"), None
        )
        if stored.labels is not None and mapping:
            names = read_mapping(archive, mapping)
            stored = stored._replace(labels=name_labels(stored.labels, names, mapping))
        sets[split] = stored
    return Found(sets, list(dict.fromkeys(notes)), f"its files are {', '.join(files)}")


def base(name: str) -> str:
    return PurePosixPath(name).name.lower()


def is_emnist(name: str) -> bool:
    """Whether a file is of EMNIST, whose images are stored column by column.

    >>> [is_emnist(f"raw/{name}-images-idx3-ubyte") for name in ("emnist-letters-train", "qmnist-test")]
    [True, False]
    """
    return base(name).startswith("emnist")


def pair_files(files: list[str], source: str) -> dict[str, dict[str, str]]:
    """By split the files of "images" and "labels"."""
    found: dict[str, dict[str, str]] = {}
    for name in files:
        match = IDX.search(name)
        assert match is not None
        pair = found.setdefault(split_of_file(name), {})
        kind = match[1].lower()
        if kind in pair:
            raise InputError(f"{source}: {name} and {pair[kind]} are both {kind}; keep one of them")
        pair[kind] = name
    for pair in found.values():
        if "images" not in pair:
            raise InputError(f"{source}: beside {pair['labels']} there is no file of images")
    return found


def read_idx(archive: Archive, name: str) -> np.ndarray:
    """An IDX file: two zeros, the type, the number of dimensions, each as 4 bytes, and the values."""
    data, source = read_bytes(archive, name), archive_name(archive)
    try:
        if name.endswith(".gz"):
            with gzip.open(BytesIO(data)) as packed:
                data = packed.read(MEMBER_LIMIT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{source}: {name} cannot be unpacked: {error}") from None
    if len(data) > MEMBER_LIMIT:
        raise InputError(f"{source}: {name} unpacks to more than {MEMBER_LIMIT // 2**20} MiB")
    dimensions = data[3] if len(data) > 4 else 0
    start = 4 + 4 * dimensions
    shape = [int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4)]
    if data[:2] != b"\0\0" or data[2] not in TYPES or not 1 <= dimensions <= 4:
        raise InputError(f"{source}: {name} is not an IDX file")
    kind = TYPES[data[2]]
    if len(data) - start != np.prod(shape, dtype=object) * kind.itemsize:
        has = f"{len(data) - start}" + (" bytes of them" if kind.itemsize > 1 else "")
        raise InputError(f"{source}: {name} says that it has {shape} values, and has {has}")
    return np.frombuffer(data, kind, offset=start).reshape(shape)


def read_mapping(archive: Archive, name: str) -> dict[int, str]:
    """EMNIST's names of labels: each line is a label and the codes of its characters, the capital first."""
    names = {}
    text = read_text(archive, name).decode("utf-8", "replace")
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            label, code, *_ = map(int, line.split())
            names[label] = chr(code)
        except (ValueError, OverflowError):
            raise InputError(
                f"{archive_name(archive)}: {name} line {number}: not a label and a character's code"
            ) from None
    return names


def name_labels(labels: np.ndarray, names: dict[int, str], mapping: str) -> np.ndarray:
    unknown = sorted(set(labels.tolist()) - names.keys())
    if unknown:
        raise InputError(f"{mapping} has no line for the label {unknown[0]}")
    return check_labels(np.array([names[label] for label in labels.tolist()]), mapping, mapping)
