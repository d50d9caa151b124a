"""Files that are written whole or not at all, with bytes that depend on their content alone.

The temporary file or folder is made at once: where nothing can be written, a stage ends before its work.
"""

import json
import math
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import psutil
from numpy.typing import DTypeLike


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield an empty file beside `path`; on success it is renamed to `path`, else removed."""
    with _naming(path):
        partial = _partial(path)
        try:
            partial.touch()
            yield partial
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path`; on success it replaces `path`, else it is removed."""
    with _naming(path):
        partial = _partial(path)
        partial.mkdir()
        retired = partial.with_suffix(".old.part")
        try:
            yield partial
            if path.is_dir():
                os.replace(path, retired)
            os.replace(partial, path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            shutil.rmtree(retired, ignore_errors=True)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """An error that names no file, as of a full disk, or a temporary one is an error about `path`."""
    try:
        yield
    except OSError as error:
        ours = error.filename is None or f".{os.getpid()}.part" in str(error.filename)
        if error.errno is not None and ours:
            error.filename, error.filename2 = str(path), None
        raise


def _partial(path: Path) -> Path:
    """The temporary path beside `path` of this process; what killed processes left there is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pattern = re.compile(rf"\.{re.escape(path.name)}\.(\d+)(\.old)?\.part")
    for left in path.parent.iterdir():
        if (match := pattern.fullmatch(left.name)) and not _is_written(left, int(match[1])):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _is_written(partial: Path, pid: int) -> bool:
    """Whether the process that made `partial`, not this one, may still be at work on it.

    Not if it is dead and waits to be asked how it ended, nor if its number has gone to a younger one.
    """
    if pid == os.getpid():
        return False
    try:
        process = psutil.Process(pid)
        dead = process.status() == psutil.STATUS_ZOMBIE
        return not dead and process.create_time() <= partial.stat().st_mtime
    except (psutil.NoSuchProcess, FileNotFoundError):
        return False
    except psutil.AccessDenied:
        return True


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """An .npz file of arrays of numbers, for numpy.load.

    numpy.savez writes other bytes with Python 3.11.3 than with 3.11.4.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for name, values in arrays.items():
            with array_file(archive, name, values.shape, values.dtype) as file:
                file.write(values.tobytes())


def array_file(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> IO[bytes]:
    """Begin an array in an .npz archive; what is written to the file are its bytes."""
    dtype = np.dtype(dtype)
    entry = zipfile.ZipInfo(f"{name}.npy")
    # Told the size, zipfile adds fields for large files, which its releases fill differently, to them alone.
    entry.file_size = math.prod(shape) * dtype.itemsize
    file = archive.open(entry, "w")
    descr = np.lib.format.dtype_to_descr(dtype)
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file


def write_json(path: Path, value: Any) -> None:
    """JSON with sorted keys, so that equal values are equal bytes."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")
