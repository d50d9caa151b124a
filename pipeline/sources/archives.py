"""Read zip archives of unknown origin in place, one file at a time, never unpacked; and folders likewise."""

import lzma
import re
import stat
import zipfile
import zlib
from collections import Counter
from functools import lru_cache
from io import TextIOWrapper
from os import SEEK_END
from os.path import splitext
from pathlib import Path, PurePosixPath
from typing import IO

from pipeline.runtime.errors import InputError

PICTURES = frozenset({".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
MEMBER_LIMIT = 512 * 2**20  # bytes in one file of an archive
TEXT_LIMIT = 8 * 2**20  # bytes in a text file, which is read whole; a CSV file is read row by row
COUNT_LIMIT = 1_000_000  # files in an archive
LIST_LIMIT = 256 * 2**20  # bytes at the end of an archive in which its list of files is looked for
ENTRY = b"PK\1\2"  # begins an entry of that list, the central directory
PIECE = 2**20  # bytes; an entry takes 192 KiB at most
SYSTEM_FILE = re.compile(r"(^|/)(\.[^/]|__MACOSX(/|$))")
RATIO_LIMIT = 100  # unpacked by packed size, of a file above RATIO_FLOOR bytes
RATIO_FLOOR = 16 * 2**20
BOMB = f"would unpack to more than {RATIO_LIMIT} times its size, as no data does"
# What an archive in an archive ends with.
ENDS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
# What zipfile and its decompressors raise where an archive is damaged.
ARCHIVE_ERRORS = (
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
        # Counted first: zipfile makes an object of each, and the number that the archive states may be wrong.
        if count_entries(file) > COUNT_LIMIT:
            raise InputError(f"{name} holds more than {COUNT_LIMIT:,} files; leave some out")
        archive = zipfile.ZipFile(file)
    except ARCHIVE_ERRORS as error:
        raise InputError(f"{name} cannot be read as a zip archive: {error}") from None
    members = archive.infolist()
    repeated = [member for member, count in Counter(archive.namelist()).items() if count > 1]
    faults = [f"{member!r} is there twice" for member in repeated]
    faults += [f"{member.filename!r} {fault}" for member in members if (fault := _fault(member))]
    if faults:
        raise InputError(f"{name}: {faults[0]}")
    return archive


@lru_cache(maxsize=1)
def kept_open(file: Path, changed: int) -> zipfile.ZipFile:
    """The archive in `file`, opened once in each process, since reading its central directory takes time.

    `changed` is the time of its last change, so that a new archive in its place is opened anew.
    """
    return open_archive(file, file.name)


def count_entries(file: Path | IO[bytes]) -> int:
    """How many files an archive lists, whatever number it states.

    The list ends the archive, so it is read from there backwards, until a piece that has nothing of it.
    """
    if isinstance(file, Path):
        with open(file, "rb") as opened:
            return count_entries(opened)
    end, count = file.seek(0, SEEK_END), 0
    for stop in range(end, max(0, end - LIST_LIMIT), -PIECE):
        start = max(0, stop - PIECE)
        file.seek(start)
        found = file.read(stop - start + len(ENTRY) - 1).count(ENTRY)  # with one that ends in the next piece
        if not found:
            break
        count += found
    return count


def _fault(member: zipfile.ZipInfo) -> str | None:
    """Why a member of an archive is refused, or None."""
    if fault := fault_of_file(member.filename, member.file_size):
        return fault
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a symbolic link"
    if member.flag_bits & 1:
        return "is encrypted"
    if member.file_size > max(RATIO_FLOOR, RATIO_LIMIT * member.compress_size):
        return BOMB
    return None


def fault_of_file(name: str, size: int) -> str | None:
    """Why a file of this name and of so many bytes is refused in any archive, or None."""
    if not name:
        return "has no name"
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        return "points outside of the archive"
    if "\\" in name:  # its folders, and so its split and classes, would not be seen
        return "has a backslash in its name, where archives have /; pack it with another program"
    if size > MEMBER_LIMIT and not is_archive(name):  # which is never read whole
        return f"is larger than {MEMBER_LIMIT // 2**20} MiB"
    return None


class Folder:
    """The files beneath a folder, with the methods of a ZipFile that reading takes."""

    def __init__(self, path: Path, names: list[str]) -> None:
        self.path, self.filename = path, str(path)
        self.members = {name: zipfile.ZipInfo(name) for name in names}

    def __enter__(self) -> "Folder":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def infolist(self) -> list[zipfile.ZipInfo]:
        return list(self.members.values())

    def getinfo(self, name: str) -> zipfile.ZipInfo:
        member = self.members[name]
        member.file_size = (self.path / name).stat().st_size
        return member

    def open(self, name: str) -> IO[bytes]:
        return open(self.path / name, "rb")

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()


Archive = zipfile.ZipFile | Folder


def is_data(name: str) -> bool:
    """Whether a file is more than an operating system's own (`__MACOSX/`, dot files and folders).

    >>> [is_data(name) for name in ("./a.jpg", "a/.DS_Store", "__MACOSX/a.jpg")]
    [True, False, False]
    """
    return SYSTEM_FILE.search(name) is None


def is_archive(name: str) -> bool:
    """Whether a file is an archive, by its name."""
    return name.lower().endswith(ENDS)


def file_names(archive: Archive) -> list[str]:
    """Sorted names of the files in `archive` that are data."""
    names = (member.filename for member in archive.infolist() if not member.is_dir())
    return sorted(name for name in names if is_data(name))


def suffix(name: str) -> str:
    """The end of a file's name in lower case, from its last point; "" where there is none.

    >>> suffix("images/A.b.JPG")
    '.jpg'
    """
    return splitext(name)[1].lower()


def with_suffix(names: list[str], suffixes: frozenset[str]) -> list[str]:
    return [name for name in names if suffix(name) in suffixes]


def read_text(archive: Archive, name: str, limit: int = TEXT_LIMIT) -> bytes:
    """The content of a file of text, which takes many times its size once it is taken apart."""
    if archive.getinfo(name).file_size > limit:
        raise InputError(f"{archive_name(archive)}: {name} is larger than {limit // 2**20} MiB")
    return read_file(archive, name)


def open_text(archive: Archive, name: str) -> TextIOWrapper:
    """A file of text to be read line by line; the caller catches ARCHIVE_ERRORS while it reads."""
    try:
        # newline="" leaves line ends to csv; utf-8-sig drops the mark that spreadsheets put first.
        return TextIOWrapper(archive.open(name), "utf-8-sig", newline="")
    except ARCHIVE_ERRORS as error:
        raise InputError(f"{archive_name(archive)}: {name} cannot be read: {error}") from None


def read_file(archive: Archive, name: str) -> bytes:
    """The content of one file; InputError if the archive is damaged there."""
    try:
        return archive.read(name)
    except ARCHIVE_ERRORS as error:
        raise InputError(f"{archive_name(archive)}: {name} cannot be read: {error}") from None


def archive_name(archive: Archive) -> str:
    return Path(archive.filename or "archive").absolute().name


def brief(names: list[str]) -> str:
    """Files in a few words.

    >>> brief(["train.csv", "test.csv"]), brief(["a.xml", "b.xml", "c.xml", "d.xml"])
    ('train.csv, test.csv', '4 files (a.xml, ...)')
    """
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} files ({names[0]}, ...)"


def by_suffix(names: list[str]) -> str:
    """Files by the end of their names, for messages.

    >>> by_suffix(["a.md", "b.md", "c.TXT", "LICENSE"])
    '2 .md (a.md, ...), c.TXT, LICENSE'
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(suffix(name), []).append(name)
    shown = [
        group[0] if len(group) == 1 else f"{len(group)} {end or 'without suffix'} ({group[0]}, ...)"
        for end, group in groups.items()
    ]
    return ", ".join(shown)
