"""Fetch the source that a setting names: one raw file, and a record of where it is from."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pooch

from pipeline.common.paths import SOURCE
from pipeline.common.storage import write_json
from pipeline.runtime.errors import InputError
from pipeline.runtime.files import whole_folder
from pipeline.sources.archives import open_archive
from pipeline.sources.catalogue import Source
from pipeline.sources.downloads import download, without_password
from pipeline.sources.folders import pack_folder

UNSTATED = "not stated: your own data"


def fetch_source(
    key: str,
    name: str,
    sha256: str | None,
    catalogue: dict[str, Source],
    synthesize: Callable[[Path], None],
    suffixes: tuple[str, ...],
    output: Path,
) -> None:
    """Put the source `name` of the setting `key` into the folder `output`.

    There it is one file named like the folder, with one of the `suffixes`, beside source.json, which says
    where it is from. Equal sources give equal bytes. Raises InputError, naming `key`, and leaves no output.
    """
    with whole_folder(output) as folder:
        raw = folder / "raw"
        if name == "synthetic":
            synthesize(raw)
            origin = {"title": "drawn from the seed", "address": None, "licence": "none needed"}
        elif name in catalogue:
            origin = _fetch_named(catalogue[name], sha256, raw)
        elif "://" in name:
            origin = _fetch_url(key, name, sha256, raw)
        else:
            origin = _fetch_path(key, name, catalogue, raw)
        found = _check_sha256(key, name, sha256, raw)
        file = raw.rename(folder / f"{output.name}{_suffix(key, name, raw, suffixes)}")
        # A path is not recorded: it differs from machine to machine, and may be private.
        kind = {"source": name if name in ("synthetic", *catalogue) else "own"}
        write_json(folder / SOURCE, {**kind, **origin, "file": file.name, "sha256": found})
    print(f"{output / file.name}: {without_password(name)}, {origin['title']}; sha256 {found}")


def _check_sha256(key: str, name: str, sha256: str | None, raw: Path) -> str:
    """The checksum of the raw file; InputError if it is not the one in the parameters."""
    found = pooch.file_hash(raw)
    if sha256 not in (None, found):
        raise InputError(
            f"{key}: the sha256 of {without_password(name)} is {found}, but {key}_sha256 is {sha256}; "
            f"get the right file, or set {key}_sha256 to null"
        )
    return found


def _fetch_named(source: Source, sha256: str | None, raw: Path) -> dict[str, Any]:
    shutil.copyfile(download(source.address, sha256 or source.sha256, source.git_blob), raw)
    return {"title": source.title, "address": source.address, "licence": source.licence}


def _fetch_url(key: str, url: str, sha256: str | None, raw: Path) -> dict[str, Any]:
    if not url.startswith(("http://", "https://")):
        raise InputError(
            f"{key} is {without_password(url)}: only http:// and https:// addresses are downloaded"
        )
    shutil.copyfile(download(url, sha256), raw)
    return {"title": "a file from an address", "address": without_password(url), "licence": UNSTATED}


def _fetch_path(key: str, name: str, catalogue: dict[str, Source], raw: Path) -> dict[str, Any]:
    path = Path(os.path.expanduser(name))
    if not (os.path.isdir(path) or os.path.isfile(path)):
        raise InputError(f"{key} is {name}: {_why_missing(name, path, catalogue)}")
    try:
        if path.is_dir():
            if left_out := pack_folder(path, raw):
                print(f"{key}: not taken from {name}: {left_out}")
        else:
            shutil.copyfile(path, raw)
    except OSError as error:
        raise InputError(f"{key}: {name} cannot be copied: {error.strerror or error}") from None
    return {"title": "your own file or folder", "address": path.absolute().name, "licence": UNSTATED}


def _why_missing(name: str, path: Path, catalogue: dict[str, Source]) -> str:
    if "/" not in name:
        return f"neither a file or folder in {Path.cwd()} nor one of synthetic, {', '.join(catalogue)}"
    if path.is_absolute():
        return "there is no such file or folder"
    return (
        f"there is no such file or folder in {Path.cwd()}; an experiment run in a folder of its own "
        "(dvc exp run --temp or --queue) needs an absolute path"
    )


def _suffix(key: str, name: str, raw: Path, suffixes: tuple[str, ...]) -> str:
    """What the zip file is: .npz if it holds arrays alone, else .zip; InputError if not of `suffixes`."""
    accepted = " or ".join(("a folder", *suffixes))
    try:
        with open_archive(raw, name) as archive:
            names = archive.namelist()
    except InputError as error:
        raise InputError(f"{key}: {error}; give {accepted}") from None
    suffix = ".npz" if names and all(name.endswith(".npy") for name in names) else ".zip"
    if suffix not in suffixes:
        raise InputError(f"{key}: {name} holds arrays; give {accepted}")
    return suffix
