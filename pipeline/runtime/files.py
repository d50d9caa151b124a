"""Write files and folders whole or not at all: under a temporary name first, then renamed.

The temporary file or folder is made at once, so a stage that cannot write ends before its work.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from pipeline.runtime.errors import InputError


def damaged(path: Path, error: Exception) -> InputError:
    """The error of a result that cannot be read."""
    return InputError(f"{path} is damaged: {error}; remove it, and run dvc repro")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield an empty file beside `path`; on success it is renamed to `path`, else removed."""
    with _errors_name(path):
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
    with _errors_name(path):
        partial = _partial(path)
        partial.mkdir()
        retired = partial.with_suffix(".old.part")
        try:
            yield partial
            if path.is_dir():
                os.replace(path, retired)
            os.replace(partial, path)
        finally:
            if retired.is_dir() and not path.exists():
                os.replace(retired, path)
            shutil.rmtree(partial, ignore_errors=True)
            shutil.rmtree(retired, ignore_errors=True)


@contextmanager
def _errors_name(path: Path) -> Iterator[None]:
    """Make an error that names no file, as of a full disk, or a temporary one name `path`."""
    try:
        yield
    except OSError as error:
        ours = error.filename is None or f".{os.getpid()}.part" in str(error.filename)
        if error.errno is not None and ours:
            error.filename, error.filename2 = str(path), None
        raise


def _partial(path: Path) -> Path:
    """The temporary path of this process beside `path`; those of killed processes are removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pattern = re.compile(rf"\.{re.escape(path.name)}\.(\d+)(\.old)?\.part")
    for other in path.parent.iterdir():
        if (match := pattern.fullmatch(other.name)) and not _is_in_use(other, int(match[1])):
            shutil.rmtree(other, ignore_errors=True) if other.is_dir() else other.unlink(missing_ok=True)
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _is_in_use(partial: Path, pid: int) -> bool:
    """Whether another process, number `pid`, made `partial` and may still be writing it.

    It is not if it has ended, or if its number now belongs to a younger process.
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
