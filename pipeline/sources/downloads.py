"""Download files: checked, tried again where that can help, kept in a cache that never holds a bad file."""

import hashlib
import logging
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pooch
import requests

from pipeline.runtime.errors import InputError
from pipeline.sources.folders import is_single
from pipeline.sources.plain_zip import given_instead, is_whole
from pipeline.sources.wanted import file_name, without_password

CACHE = "REPORT_PIPELINE_CACHE"  # the environment variable that moves the cache
RETRIES = 3  # pooch waits 1, 2 and 3 seconds before them
TIMEOUT = (10, 30)  # seconds to connect, and between two packets of the answer
PIECE = 2**16  # bytes that are written at once
STALL_SECONDS = 60  # without a byte; a slower server would hold the stage for days
ADVICE = (
    "Check the address, the checksum and the network, or download the file yourself and set its path "
    "in params.yaml instead"
)


def _hide_password(record: logging.LogRecord) -> bool:
    """A filter of pooch's messages, which have the address in them."""
    record.msg, record.args = without_password(record.getMessage()), ()
    return True


def download(url: str, sha256: str | None = None, git_blob: str | None = None) -> Path:
    """The cached copy of the archive or file of arrays at `url`, downloaded unless an intact one is there.

    Without a checksum a copy counts as intact when it is a whole archive, or no archive by its name; then the
    first download stays.
    Raises InputError, which says what happened and what to do.
    """
    name = hashlib.sha256(url.encode()).hexdigest()
    cache = pooch.create(
        path=pooch.os_cache("report-pipeline"),
        base_url="",
        env=CACHE,
        registry={name: sha256},
        urls={name: url},
        retry_if_failed=RETRIES,
    )
    copy = cache.abspath / name
    pooch.get_logger().addFilter(_hide_password)
    try:
        _sweep(cache.abspath)
        if copy.exists() and _fault(copy, url, git_blob):
            copy.unlink()
        return Path(cache.fetch(name, downloader=partial(_transfer, git_blob)))
    except (requests.RequestException, ValueError) as error:  # a ValueError is a wrong checksum
        raise InputError(without_password(f"{url}: {_reason(error)}"), ADVICE) from None
    except OSError as error:
        raise InputError(
            f"{cache.path}, where downloads are kept: {error.strerror or error}. "
            f"Make room there, or set {CACHE} to another folder"
        ) from None


def _sweep(folder: Path) -> None:
    """Remove temporary files of killed downloads, which no transfer can be writing any more."""
    for file in folder.glob("tmp*"):
        if time.time() - file.stat().st_mtime > 2 * STALL_SECONDS:
            file.unlink(missing_ok=True)


def _transfer(git_blob: str | None, url: str, file: str, cache: pooch.Pooch) -> None:
    """Download to the temporary `file`, as pooch's downloaders do, and check what pooch does not.

    A ValueError or RequestException makes pooch delete the file and try again, an InputError ends it.
    """
    ended = threading.Event()
    transfer = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(),
        chunk_size=PIECE,
        timeout=TIMEOUT,
        hooks={"response": partial(_break_off_if_slow, Path(file), ended)},
    )
    try:
        transfer(url, file, cache)
    except requests.RequestException as error:
        if _is_final(error):
            raise InputError(without_password(f"{url}: {_reason(error)}"), ADVICE) from None
        raise
    finally:
        ended.set()
    if fault := _fault(Path(file), url, git_blob):
        raise ValueError(fault)


def _break_off_if_slow(file: Path, ended: threading.Event, response: requests.Response, **_: object) -> None:
    """Watch the transfer of `response` until `ended`; shut it down if `file` has not grown for a while."""

    def watch() -> None:
        size = 0
        while not ended.wait(STALL_SECONDS):
            if file.stat().st_size == size:
                return response.raw.shutdown()
            size = file.stat().st_size

    if response.ok and not response.is_redirect:
        threading.Thread(target=watch, daemon=True).start()


def _fault(file: Path, url: str, git_blob: str | None) -> str | None:
    """What is wrong with a downloaded file, apart from the sha256, which pooch looks at."""
    with open(file, "rb") as opened:
        if what := given_instead(opened):
            return f"the downloaded file is {what}"
    if not is_whole(file, is_single(file_name(url))):
        return "the downloaded file is not complete, or no npz, zip or tar file"
    if git_blob and git_blob_id(file) != git_blob:
        return f"wrong checksum: its git blob id is {git_blob_id(file)}, expected {git_blob}"
    return None


def git_blob_id(file: Path) -> str:
    """The name git gives to a file's content: SHA-1 over the word blob, its size in bytes, 0, and itself."""
    header = b"blob %d\0" % file.stat().st_size
    return hashlib.sha1(header + file.read_bytes(), usedforsecurity=False).hexdigest()


def _is_final(error: requests.RequestException) -> bool:
    """Whether the same request would fail in the same way."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code < 500 and error.response.status_code not in (408, 429)
    return isinstance(error, requests.TooManyRedirects | requests.exceptions.InvalidURL)


def _reason(error: Exception) -> str:
    match error:
        case requests.HTTPError(response=requests.Response() as answer):
            return f"the server answered {answer.status_code} {answer.reason}"
        case requests.TooManyRedirects():
            return "the server redirects without end"
        case requests.Timeout():
            return "the server did not answer in time"
        case requests.exceptions.ChunkedEncodingError():
            return "the transfer broke off before its end, or came too slowly"
        case requests.ConnectionError():
            return "no connection to the server, or it broke off"
        case _:
            return str(error).partition(". Deleted download")[0].removesuffix(".")  # what pooch adds is long
