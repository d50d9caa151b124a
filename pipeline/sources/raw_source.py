"""The raw file of a source: fetched from where a setting says, with a record of where it is from."""

import shutil
from pathlib import Path
from typing import NamedTuple
from zipfile import is_zipfile

import pooch

from pipeline.common.paths import SOURCE
from pipeline.common.storage import write_json
from pipeline.runtime.errors import InputError
from pipeline.sources.archives import open_archive
from pipeline.sources.catalogue import SYNTHETIC, Source
from pipeline.sources.downloads import download
from pipeline.sources.folders import find_inner, is_single, pack_folder
from pipeline.sources.plain_zip import most_bytes, write_nested, write_tar
from pipeline.sources.wanted import Wanted, check_wanted, file_name, own_path, without_password

UNSTATED = "not stated: your own data"


class Origin(NamedTuple):
    """What source.json says of where the file is from."""

    source: str  # synthetic, a name of the catalogue, or own
    title: str
    address: str | None
    licence: str


DRAWN = Origin(SYNTHETIC, "drawn from the seed", None, "none needed")


def fetch(wanted: Wanted, catalogue: dict[str, Source], raw: Path) -> Origin:
    """Download, copy or pack a source that is not drawn into the file `raw`; InputError, naming its key."""
    check_wanted(wanted, catalogue)
    if wanted.name in catalogue:
        source = catalogue[wanted.name]
        shutil.copyfile(download(source.address, wanted.sha256 or source.sha256, source.git_blob), raw)
        return Origin(wanted.name, source.title, source.address, source.licence)
    if path := own_path(wanted.name, catalogue):
        return _copy_path(wanted, path, raw)
    shutil.copyfile(download(wanted.name, wanted.sha256), raw)
    return Origin("own", "a file from an address", without_password(wanted.name), UNSTATED)


def _copy_path(wanted: Wanted, path: Path, raw: Path) -> Origin:
    key, name, _ = wanted
    try:
        if path.is_dir():
            if left_out := pack_folder(path, raw):
                print(f"{key}: not taken from {name}: {left_out}")
        else:
            shutil.copyfile(path, raw)
    except OSError as error:
        raise InputError(f"{key}: {name} cannot be copied: {error.strerror or error}") from None
    # Its folder is not recorded: it differs from machine to machine, and may be private.
    return Origin("own", "your own file or folder", path.absolute().name, UNSTATED)


def record(wanted: Wanted, origin: Origin, raw: Path, suffixes: tuple[str, ...]) -> str:
    """Give the raw file the suffix of what it holds, and write source.json beside it.

    An archive that is not one plain zip becomes one; the record has its own checksum.
    Returns a line that says so, which begins with the file's new name. InputError if the file has another
    checksum than the parameters say, or cannot be one with any of `suffixes`.
    """
    key, sha256, name = wanted.key, pooch.file_hash(raw), without_password(wanted.name)
    if wanted.sha256 not in (None, sha256):
        raise InputError(
            f"{key}: the sha256 of {name} is {sha256}, but {key}_sha256 is {wanted.sha256}; "
            f"get the right file, or set {key}_sha256 to null"
        )
    file = raw.rename(raw.with_name(_name(wanted._replace(name=name), raw, suffixes)))
    write_json(raw.with_name(SOURCE), origin._asdict() | {"file": file.name, "sha256": sha256})
    return f"{file.name}: {name}, {origin.title}; sha256 {sha256}"


def _name(wanted: Wanted, raw: Path, suffixes: tuple[str, ...]) -> str:
    """The name of the raw file: with .npz if it is a zip file of arrays alone, with .zip if it is another;
    else its own, which may say how it is stored. InputError if it ends with none of `suffixes`.
    """
    own = file_name(wanted.name)
    if own.lower().endswith(suffixes) and is_single(own) and not is_zipfile(raw):
        return own
    accepted = " or ".join(("a folder", *suffixes))
    try:
        _make_plain(raw, wanted.name, wanted.key == "data.masks")
        with open_archive(raw, wanted.name) as archive:
            names = archive.namelist()
    except InputError as error:
        raise InputError(f"{wanted.key}: {error}; give {accepted}") from None
    end = ".npz" if names and all(name.endswith(".npy") for name in names) else ".zip"
    if end not in suffixes:
        raise InputError(f"{wanted.key}: {wanted.name} holds arrays; give {accepted}")
    return raw.name + end


def _make_plain(raw: Path, name: str, masks: bool) -> None:
    """Have the raw file, an archive that errors call `name`, be one plain zip, if it is none."""
    plain = raw.with_name("plain")
    with open(raw, "rb") as file, open(plain, "wb") as target:
        most = most_bytes(file)
        is_tar = write_tar(file, name, target)
    if is_tar:
        plain.replace(raw)
    with open_archive(raw, name) as archive:
        if inner := find_inner(archive, masks):
            with open(plain, "wb") as target:
                write_nested(archive, inner, name, target, most, raw.parent)
            plain.replace(raw)
    plain.unlink(missing_ok=True)
