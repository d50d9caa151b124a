"""Tar archives, and archives in an archive: written as one plain zip, which is all that is read elsewhere.

Nothing is unpacked to files: each file is copied from one archive into the other, in their order and with a
fixed date, so that equal archives give equal bytes.
"""

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import (
    ARCHIVE_ERRORS,
    BOMB,
    COUNT_LIMIT,
    ENDS,
    PIECE,
    RATIO_FLOOR,
    RATIO_LIMIT,
    fault_of_file,
    is_archive,
    is_data,
    open_archive,
)

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date of a zip, so that equal sources are equal bytes
BLOCK = tarfile.BLOCKSIZE  # bytes of a header of a tar archive; zeros end it
HEADERS_LIMIT = 64 * 2**10  # bytes of all headers of one file, which tarfile reads whole
LONGEST_NAME = 4096  # letters; Linux opens no file with a longer one, and a zip holds 65,535 bytes
XZ_LIMIT = 256 * 2**20  # bytes of memory; what `xz -9` packed takes 65 MiB
ERRORS = (*ARCHIVE_ERRORS, tarfile.TarError, OverflowError)
# How files begin that are often given in place of data, in lower case.
OTHERS = {
    b"rar!": "a RAR archive, which is not read; unpack it",
    b"7z\xbc\xaf": "a 7-Zip archive, which is not read; unpack it",
    b"\x28\xb5\x2f\xfd": "packed by Zstandard, which is not read; unpack it",
    b"<!doctype html": "a page of HTML, as servers send in place of a file; download it anew",
    b"<html": "a page of HTML, as servers send in place of a file; download it anew",
}


class Xz(io.RawIOBase):
    """What an .xz file holds: lzma.open() with a limit on memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.stream = file, _new_stream()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = b""
        while not content:
            packed = b""
            if self.stream.eof:  # another one may follow, after zeros
                packed = (self.stream.unused_data or self.file.read(PIECE)).lstrip(b"\0")
                if not packed:
                    return 0
                self.stream = _new_stream()
            elif self.stream.needs_input and not (packed := self.file.read(PIECE)):
                raise EOFError("it ends too early")
            content = self.stream.decompress(packed, len(buffer))
        buffer[: len(content)] = content
        return len(content)


def _new_stream() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_LIMIT)


UNPACKERS: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lambda file: io.BufferedReader(Xz(file), PIECE),
}


def unpacker_of(file: IO[bytes]) -> Callable[[Any], Any] | None:
    head = file.read(6)
    file.seek(0)
    return next((unpacker for magic, unpacker in UNPACKERS.items() if head.startswith(magic)), None)


def most_bytes(file: IO[bytes]) -> int:
    """How many bytes the files of an archive may have in all."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return max(RATIO_FLOOR, RATIO_LIMIT * size)


class Tar:
    """The bytes of a tar archive, read from start to end, with limits on what tarfile reads at once."""

    def __init__(self, file: IO[bytes]) -> None:
        # Headers and padding shrink more than any data: those of as many files as there may be come on top.
        self.most = most_bytes(file) + COUNT_LIMIT * 2 * BLOCK
        unpacker = unpacker_of(file)
        self.file: IO[bytes] = unpacker(file) if unpacker else file
        self.position = 0
        self.allowed = HEADERS_LIMIT  # bytes that may be read before this is set again
        self.last = b""  # what was read last

    def read(self, size: int) -> bytes:
        if not 0 <= size <= self.allowed:
            raise tarfile.ReadError(f"a header is larger than {HEADERS_LIMIT // 2**10} KiB")
        self.last = self.take(size)
        self.allowed -= len(self.last)
        return self.last

    def take(self, size: int) -> bytes:
        content = self.file.read(size)
        self.position += len(content)
        if self.position > self.most:
            raise tarfile.ReadError(f"it {BOMB}")
        return content

    def tell(self) -> int:
        return self.position

    def seek(self, position: int) -> None:
        if position < self.position:
            raise tarfile.ReadError("a header leads back")
        while self.position < position and self.take(min(PIECE, position - self.position)):
            pass


def is_tar(file: IO[bytes]) -> bool:
    """Whether a file is a tar archive, or packed as they are."""
    if unpacker_of(file):
        return True
    head = file.read(BLOCK)
    file.seek(0)
    return is_header(head)


def is_header(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True


def is_whole(path: Path, single: bool) -> bool:
    """Whether a file is an archive from its start to its end; of a `single` file whether it unpacks to its
    end, if it is packed.
    """
    with open(path, "rb") as file:
        if not is_tar(file):
            return single or zipfile.is_zipfile(file)
        tar, end = Tar(file), b""
        try:
            while piece := tar.take(PIECE):
                end = (end + piece)[-BLOCK:]
        except ERRORS:
            return False
        return single or end == bytes(BLOCK)


class Member(NamedTuple):
    """A file of an archive, whose content is to be read before the next one is asked for."""

    name: str
    size: int
    file: IO[bytes] | Tar


def members_of(file: IO[bytes], name: str) -> Iterator[Member]:
    """The files of an archive that are data; `name` is what errors call it."""
    if is_tar(file):
        yield from tar_members(file, name)
        return
    with open_archive(file, name) as archive:
        yield from zip_members(archive, name)


def zip_members(archive: zipfile.ZipFile, name: str) -> Iterator[Member]:
    for info in archive.infolist():
        if info.is_dir() or not is_data(info.filename):
            continue
        try:
            file = archive.open(info)
        except ARCHIVE_ERRORS as error:
            raise InputError(f"{name}: {info.filename} cannot be read: {error}") from None
        with file:
            yield Member(info.filename, info.file_size, file)


def tar_members(file: IO[bytes], name: str) -> Iterator[Member]:
    try:
        first = Tar(file).take(BLOCK)
    except ERRORS as error:
        raise _no_tar(name, error) from None
    if not is_header(first):
        raise InputError(f"{name} is packed, but is no tar archive; unpack it")
    tar = Tar(file)
    for count, header in enumerate(tar_headers(tar, name)):
        if count == COUNT_LIMIT:
            raise InputError(f"{name} holds more than {COUNT_LIMIT:,} files; leave some out")
        if fault := _fault(header):
            raise InputError(f"{name}: {header.name!r} {fault}")
        plain = PurePosixPath(header.name).as_posix()  # ./a.jpg is a.jpg
        if header.isreg() and is_data(plain):
            tar.allowed = header.size
            yield Member(plain, header.size, tar)


def tar_headers(tar: Tar, name: str) -> Iterator[tarfile.TarInfo]:
    try:
        headers = tarfile.TarFile(fileobj=tar, encoding="utf-8")  # type: ignore[arg-type]
        while header := headers.next():
            headers.members.clear()  # type: ignore[attr-defined]
            yield header
            tar.allowed = HEADERS_LIMIT
        if tar.last != bytes(BLOCK):  # tarfile takes a damaged header for the end
            raise EOFError("it ends too early, or is damaged")
        while tar.take(PIECE):  # up to the checksum
            pass
    except ERRORS as error:
        raise _no_tar(name, error) from None


def _no_tar(name: str, error: Exception) -> InputError:
    return InputError(f"{name} cannot be read as a tar archive: {error}")


def _fault(header: tarfile.TarInfo) -> str | None:
    """Why a member of a tar archive is refused, or None."""
    if not header.isdir() and not PurePosixPath(header.name).name:
        return "has no name"
    if fault := fault_of_file(header.name, header.size):
        return fault
    if any("\udc80" <= letter <= "\udcff" for letter in header.name):
        return "is a name that is not UTF-8; rename it"
    if header.issym():
        return "is a symbolic link; tar -h packs what it leads to"
    if header.islnk():
        return "is a link to another file; tar --hard-dereference packs it as a file"
    if not header.isreg() and not header.isdir():
        return "is neither a file nor a folder"
    if header.size < 0 or header.issparse():
        return "has gaps, or no size; pack it without tar --sparse"
    return None


def given_instead(file: IO[bytes]) -> str | None:
    """What a file is that is often given in place of data, and what to do; or None."""
    head = file.read(BLOCK).lstrip().lower()
    file.seek(0)
    return next((what for magic, what in OTHERS.items() if head.startswith(magic)), None)


def write_tar(file: IO[bytes], name: str, target: IO[bytes]) -> bool:
    """Write the files of a tar archive as a plain zip; False if it is none.

    InputError for what is often given in place of an archive.
    """
    if what := given_instead(file):
        raise InputError(f"{name} is {what}")
    if not is_tar(file):
        return False
    write_zip(tar_members(file, name), target, name, most_bytes(file))
    return True


def write_nested(
    archive: zipfile.ZipFile,
    inner: Collection[str],
    name: str,
    target: IO[bytes],
    most: int,
    folder: Path | None,
) -> None:
    """Write the files of an archive and of the archives in it, `most` bytes in all, as a plain zip. Those of
    the `inner` ones are in a folder of its name, unless it is the only one; `folder` is for temporary files.
    """
    if sum(info.file_size for info in archive.infolist()) > most:
        raise InputError(f"{name} {BOMB}")
    write_zip(nested_members(archive, inner, name, folder), target, name, most)


def nested_members(
    archive: zipfile.ZipFile, inner: Collection[str], name: str, folder: Path | None
) -> Iterator[Member]:
    for member in zip_members(archive, name):
        if member.name not in inner:
            yield member
            continue
        before = PurePosixPath(member.name)
        top = before.parent if len(inner) == 1 else before.parent / stem(before.name)
        where = f"{name}: {member.name}"
        with TemporaryFile(dir=folder) as whole:
            copy(member, whole, name)
            whole.seek(0)
            for each in members_of(whole, where):
                if is_archive(each.name):
                    raise InputError(
                        f"{where}: {each.name} is an archive in an archive in an archive; unpack {name}"
                    )
                yield each._replace(name=(top / each.name).as_posix())


def stem(name: str) -> str:
    """The name of an archive without what says that it is one.

    >>> stem("train.tar.gz")
    'train'
    """
    return name[: -max(len(end) for end in ENDS if name.lower().endswith(end))]


def copy(member: Member, target: IO[bytes], name: str) -> None:
    left = member.size
    while left:
        try:
            piece = member.file.read(min(PIECE, left))
        except ERRORS as error:
            raise InputError(f"{name}: {member.name} cannot be read: {error}") from None
        if not piece:
            raise InputError(f"{name}: {member.name} cannot be read: it ends too early")
        target.write(piece)
        left -= len(piece)


def new_entry(name: str, size: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    entry.file_size = size  # without it, zipfile adds fields that differ between releases of Python
    return entry


def write_zip(members: Iterable[Member], target: IO[bytes], name: str, most: int) -> None:
    """Write files of the archive `name`, of `most` bytes in all, as a plain zip."""
    names: set[str] = set()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for member in members:
            if len(member.name) > LONGEST_NAME:
                raise InputError(f"{name}: {member.name!r} is longer than {LONGEST_NAME:,} letters")
            if member.name in names:
                raise InputError(f"{name}: {member.name!r} is there twice")
            names.add(member.name)
            most -= member.size
            if most < 0:
                raise InputError(f"{name} {BOMB}")
            if len(names) > COUNT_LIMIT:
                raise InputError(f"{name} holds more than {COUNT_LIMIT:,} files; leave some out")
            with archive.open(new_entry(member.name, member.size), "w") as written:
                copy(member, written, name)
