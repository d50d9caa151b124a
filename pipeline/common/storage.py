"""How results are stored: equal content is equal bytes, on every machine and on every day.

Arrays are stored as safetensors, with one entry of metadata at most, since several would come in random
order. numpy.savez writes other bytes with Python 3.11.3 than with 3.11.4.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save

from pipeline.runtime.files import damaged, whole_file

ABOUT = "about"  # the key of the metadata


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
