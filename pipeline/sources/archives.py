"""Read zip archives of unknown origin in place, one file at a time, never unpacked."""

import lzma
import stat
import zipfile
import zlib
from collections import Counter
from functools import lru_cache
from os import SEEK_END
from pathlib import Path, PurePosixPath
from typing import IO

from pipeline.common.settings import InputError

PICTURES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
MEMBER_LIMIT = 512 * 2**20  # bytes in one file of an archive
TEXT_LIMIT = 8 * 2**20  # the same of annotations, some 100,000 boxes
COUNT_LIMIT = 100_000  # files in an archive
DIRECTORY_LIMIT = 16 * 2**20  # bytes of its table of contents, which zipfile reads at once
END_LIMIT = 2**17  # bytes at the end of an archive in which its end records stand
RATIO_LIMIT = 100  # how often a file above RATIO_FLOOR may outgrow its compressed form
RATIO_FLOOR = 16 * 2**20
# What zipfile and its decompressors raise where an archive is damaged.
UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)


def open_archive(file: Path | IO[bytes], name: str) -> zipfile.ZipFile:
    """The archive in `file`, called `name` in errors; InputError if it is none or not fit for use."""
    try:
        directory = _directory_size(file)
        archive = zipfile.ZipFile(file) if directory <= DIRECTORY_LIMIT else None
    except UNREADABLE as error:
        raise InputError(f"{name} cannot be read as a zip archive: {error}") from None
    if archive is None or len(archive.infolist()) > COUNT_LIMIT:
        raise InputError(f"{name} holds more than {COUNT_LIMIT:,} files; give fewer, or larger ones")
    members = archive.infolist()
    repeated = [member for member, count in Counter(archive.namelist()).items() if count > 1]
    faults = [f"{member!r} is there twice" for member in repeated]
    faults += [f"{member.filename!r} {fault}" for member in members if (fault := _fault(member))]
    if faults:
        raise InputError(f"{name}: {faults[0]}")
    return archive


@lru_cache(maxsize=1)
def kept_open(file: Path, changed: int) -> zipfile.ZipFile:
    """The archive in `file`, opened once in each process, since reading its table of contents takes time.

    `changed` is the time of its last change, so that a new archive in its place is opened anew.
    """
    return open_archive(file, file.name)


def _directory_size(file: Path | IO[bytes]) -> int:
    """Bytes of an archive's table of contents, as the record at its end has it; 0 if there is none.

    The record begins with PK 5 6 and has the size 12 bytes on. Of large archives it is PK 6 6, with the size
    40 bytes on, where the 20 bytes before the former begin with PK 6 7.
    """
    if isinstance(file, Path):
        with open(file, "rb") as opened:
            return _directory_size(opened)
    file.seek(max(0, file.seek(0, SEEK_END) - END_LIMIT))
    tail = file.read()
    end = tail.rfind(b"PK\5\6")
    if tail[max(0, end - 20) : end].startswith(b"PK\6\7"):
        large = tail.rfind(b"PK\6\6", 0, end)
        return int.from_bytes(tail[large + 40 : large + 48], "little")
    return int.from_bytes(tail[end + 12 : end + 16], "little") if end >= 0 else 0


def _fault(member: zipfile.ZipInfo) -> str | None:
    """Why a member of an archive is refused, or None."""
    if not member.filename:
        return "has no name"
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        return "points outside of the archive"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a symbolic link"
    if member.flag_bits & 1:
        return "is encrypted"
    if member.file_size > MEMBER_LIMIT:
        return f"is larger than {MEMBER_LIMIT // 2**20} MiB"
    if member.file_size > max(RATIO_FLOOR, RATIO_LIMIT * member.compress_size):
        return f"would unpack to more than {RATIO_LIMIT} times its size, as no data does"
    return None


def is_data(path: PurePosixPath) -> bool:
    """Whether a file is more than an operating system's own (`__MACOSX/`, dot files and folders)."""
    return not any(part == "__MACOSX" or part.startswith(".") for part in path.parts)


def file_names(archive: zipfile.ZipFile, suffixes: frozenset[str]) -> list[str]:
    """Sorted names of the files in `archive` that end with one of `suffixes`, in either case."""
    names = [member.filename for member in archive.infolist() if not member.is_dir()]
    paths = {name: PurePosixPath(name) for name in names}
    return sorted(name for name in names if paths[name].suffix.lower() in suffixes and is_data(paths[name]))


def read_text(archive: zipfile.ZipFile, name: str) -> bytes:
    """The content of a file of text, which takes many times its size once it is taken apart."""
    if archive.getinfo(name).file_size > TEXT_LIMIT:
        raise InputError(f"{archive_name(archive)}: {name} is larger than {TEXT_LIMIT // 2**20} MiB")
    return read_file(archive, name)


def read_file(archive: zipfile.ZipFile, name: str) -> bytes:
    """The content of one file; InputError if the archive is damaged there."""
    try:
        return archive.read(name)
    except UNREADABLE as error:
        raise InputError(f"{archive_name(archive)}: {name} cannot be read: {error}") from None


def archive_name(archive: zipfile.ZipFile) -> str:
    return Path(archive.filename or "archive").name


def contents(archive: zipfile.ZipFile) -> str:
    """What an archive holds, for errors: the names of its first files."""
    names = [member.filename for member in archive.infolist() if not member.is_dir()]
    shown = ", ".join(names[:5]) or "nothing"
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown


def given_splits(names: list[str], archive: str) -> list[str]:
    """For each file "train" or "test" where folders in the names say so for all, else "".

    Raises InputError where both folders are there and a file stands in neither.
    """
    splits = [_split_folder(PurePosixPath(name)) for name in names]
    if not {"train", "test"} <= set(splits):
        return [""] * len(names)
    if "" in splits:
        stray = names[splits.index("")]
        raise InputError(
            f"{archive}: {stray} is in neither of the folders train and test, as other files are"
        )
    return splits


def _split_folder(path: PurePosixPath) -> str:
    """The innermost folder that is named train or test, or ""."""
    folders = [folder.lower() for folder in reversed(path.parts[:-1])]
    return next((folder for folder in folders if folder in ("train", "test")), "")
