"""How results are stored: equal content is equal bytes, on every machine and on every day.

Arrays are stored as safetensors, with one entry of metadata at most, since several would come in random
order. numpy.savez writes other bytes with Python 3.11.3 than with 3.11.4.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save

from pipeline.runtime.files import damaged, whole_file

ABOUT = "about"  # the key of the metadata
# The names that safetensors has for types of numbers, of those that are written row by row.
TYPES = {"F32": np.float32, "I32": np.int32, "U8": np.uint8, "BOOL": np.bool_}


def save_arrays(path: Path, arrays: dict[str, np.ndarray], about: dict[str, Any] | None = None) -> None:
    """Write named arrays of any shape, of numbers or bool, to one file, and what is to be said about them."""
    metadata = {ABOUT: json.dumps(about, sort_keys=True)} if about else None
    # Not save_file: it makes the file readable by its owner only, and hides an OSError in a SafetensorError.
    path.write_bytes(save({name: np.asarray(array, order="C") for name, array in arrays.items()}, metadata))


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays that `save_arrays` wrote; OSError if the file is missing, InputError if it is damaged."""
    path.open("rb").close()  # the OSErrors of safetensors have neither number nor file name
    try:
        return load_file(path)
    except SafetensorError as error:
        raise damaged(path, error) from None


@contextmanager
def rows_to_write(
    path: Path, arrays: Mapping[str, tuple[type, tuple[int, ...]]], about: dict[str, Any]
) -> Iterator[Mapping[str, IO[bytes]]]:
    """A file like that of `save_arrays`, of arrays that need not be in memory: for each of the `arrays`, of
    which type and shape are given, larger types first, a file that takes its bytes in order.
    """
    header: dict[str, Any] = {"__metadata__": {ABOUT: json.dumps(about, sort_keys=True)}}
    end = 0
    for name, (kind, shape) in arrays.items():
        start, end = end, end + prod(shape) * np.dtype(kind).itemsize
        code = next(code for code, each in TYPES.items() if each is kind)
        header[name] = {"dtype": code, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    before = len(text).to_bytes(8, "little") + text
    path.write_bytes(before)
    with ExitStack() as opened:
        files = {name: opened.enter_context(open(path, "r+b")) for name in arrays}
        for name, file in files.items():
            file.seek(len(before) + header[name]["data_offsets"][0])
        yield files
        ends = {name: file.tell() - len(before) for name, file in files.items()}
    assert ends == {name: header[name]["data_offsets"][1] for name in arrays}, "not all rows were written"


def map_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays that `rows_to_write` wrote, read-only and mapped; OSError if the file is missing, InputError
    if it is damaged.
    """
    load_about(path)  # checks the file
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    del header["__metadata__"]
    arrays = {}
    for name, each in header.items():
        start, kind = 8 + size + each["data_offsets"][0], TYPES[each["dtype"]]
        arrays[name] = np.asarray(np.memmap(path, kind, "r", start, tuple(each["shape"])))
    return arrays


def load_about(path: Path) -> dict[str, Any]:
    """What `save_arrays` was told about the arrays of a file; {} if nothing."""
    path.open("rb").close()
    try:
        with safe_open(path, "numpy") as file:
            return dict(json.loads((file.metadata() or {}).get(ABOUT, "{}")))
    except (SafetensorError, ValueError) as error:
        raise damaged(path, error) from None


def write_json(path: Path, value: Any) -> None:
    """JSON with sorted keys; the file is written whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(
            json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8"
        )


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
