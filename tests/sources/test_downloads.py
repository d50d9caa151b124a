"""Downloads, against a server on the loopback address that fails in every way a server can."""

import errno
import gzip
import hashlib
import io
import os
import random
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pooch
import pytest

from pipeline.runtime.errors import InputError
from pipeline.sources import downloads
from pipeline.sources.raw_source import fetch, record
from pipeline.sources.wanted import Wanted


def zip_bytes(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.txt"), text)
    return buffer.getvalue()


GOOD = zip_bytes("good")
OTHER = zip_bytes("other")
SHA256 = hashlib.sha256(GOOD).hexdigest()
# As `git hash-object` says, which this spells out.
BLOB = hashlib.sha1(b"blob " + str(len(GOOD)).encode() + b"\0" + GOOD).hexdigest()

Answer = tuple[int, bytes, dict[str, str]]


class Server:
    """Answers requests with `answers`, one after the other, the last one again and again."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, body, headers = server.answers[min(server.requests, len(server.answers) - 1)]
                server.requests += 1
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/data.zip"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own; and no waiting between tries."""
    monkeypatch.setenv(downloads.CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    return tmp_path / "cache"


def contents(cache: Path) -> list[bytes]:
    return [file.read_bytes() for file in cache.iterdir()] if cache.exists() else []


@pytest.mark.parametrize("checks", [{}, {"sha256": SHA256}, {"git_blob": BLOB}])
def test_a_good_file_is_downloaded_once(server, cache, checks):
    server.answers = [(200, GOOD, {})]
    for _ in range(2):
        assert downloads.download(server.url, **checks).read_bytes() == GOOD
    assert server.requests == 1
    assert contents(cache) == [GOOD]


@pytest.mark.parametrize("checks", [{"sha256": SHA256}, {"git_blob": BLOB}])
def test_a_wrong_checksum_is_tried_again_then_an_error(server, cache, checks):
    server.answers = [(200, OTHER, {})]
    message = f"(?s){server.url}.*{next(iter(checks.values()))}.*Check the address"
    with pytest.raises(InputError, match=message):
        downloads.download(server.url, **checks)
    assert server.requests == 1 + downloads.RETRIES
    assert contents(cache) == []


@pytest.mark.parametrize(
    ("checks", "damaged"), [({"sha256": SHA256}, OTHER), ({"git_blob": BLOB}, OTHER), ({}, GOOD[:-10])]
)
def test_a_damaged_copy_in_the_cache_is_fetched_anew(server, checks, damaged):
    """Without a checksum, one that is truncated."""
    server.answers = [(200, GOOD, {})]
    downloads.download(server.url, **checks).write_bytes(damaged)
    assert downloads.download(server.url, **checks).read_bytes() == GOOD
    assert server.requests == 2


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_archive_is_fetched_again_until_it_is_whole(server, cache, mode):
    buffer, content = io.BytesIO(), random.Random(0).randbytes(30_000)
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        header = tarfile.TarInfo("a.png")
        header.size = len(content)
        archive.addfile(header, io.BytesIO(content))
    whole = buffer.getvalue()
    server.answers = [(200, whole[:20_000], {}), (200, whole, {})]
    assert downloads.download(server.url).read_bytes() == whole
    assert server.requests == 2
    downloads.download(server.url).write_bytes(whole[:20_000])
    assert downloads.download(server.url).read_bytes() == whole


@pytest.mark.parametrize("name", ["train.csv?download=1", "train.csv.gz", "train.MAT"])
def test_a_file_of_arrays_is_downloaded_under_its_own_name(server, cache, tmp_path, name):
    """One that is packed is fetched again until it is whole, and a page of HTML is refused."""
    table = b"label,pixel0\n1,255\n"
    whole = gzip.compress(table) if name.endswith(".gz") else table
    first = whole[:-9] if name.endswith(".gz") else b" <!DOCTYPE html>"
    server.answers = [(200, first, {}), (200, whole, {})]
    wanted = Wanted("data.digits", server.url.replace("data.zip", name), None)
    origin = fetch(wanted, {}, tmp_path / "digits")
    record(wanted, origin, tmp_path / "digits", (".csv", ".csv.gz", ".mat"))
    assert (tmp_path / name.partition("?")[0]).read_bytes() == whole
    assert server.requests == 2


PASSING: dict[str, Answer] = {
    "500": (500, b"", {}),
    "429": (429, b"", {}),
    "broken off": (200, GOOD[:-10], {"Content-Length": str(len(GOOD))}),
    "truncated": (200, GOOD[:-10], {}),
    "wrong checksum": (200, OTHER, {}),
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_is_overcome(server, cache, fault):
    server.answers = [PASSING[fault], (200, GOOD, {})]
    assert downloads.download(server.url, sha256=SHA256).read_bytes() == GOOD
    assert server.requests == 2
    assert contents(cache) == [GOOD]


@pytest.mark.parametrize(
    ("answer", "message", "tries"),
    [
        ((404, b"", {}), "404 Not Found", 1),
        ((403, b"", {}), "403 Forbidden", 1),
        ((500, b"", {}), "500 Internal Server Error", 4),
        ((200, b"<html>log in first</html>", {}), "the downloaded file is a page of HTML", 4),
        ((200, b"no archive", {}), "the downloaded file is not complete, or no npz, zip or tar file", 4),
        ((200, GOOD, {"Content-Length": "9999"}), "broke off", 4),
        ((302, b"", {"Location": "/data.zip"}), "redirects without end", 31),
    ],
)
def test_a_lasting_fault_is_an_error(server, cache, answer, message, tries):
    server.answers = [answer]
    with pytest.raises(InputError, match=f"(?s){server.url}: .*{message}.*Check the address"):
        downloads.download(server.url)
    assert server.requests == tries
    assert contents(cache) == []


def test_a_password_in_an_address_is_not_shown(monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(pooch.get_logger().handlers[0], "stream", log)
    for address in ("https://me:secret@:80/a.zip", "http://me:secret@127.0.0.1:9/a.zip"):
        with pytest.raises(InputError) as error:
            downloads.download(address)
        assert "secret" not in str(error.value)
    assert "Downloading" in log.getvalue() and "secret" not in log.getvalue()


def test_a_refused_connection_is_an_error(cache):
    server = Server()
    server.http.server_close()
    with pytest.raises(InputError, match="no connection to the server"):
        downloads.download(server.url)
    assert contents(cache) == []


def test_a_silent_server_is_an_error(server, cache, monkeypatch):
    monkeypatch.setattr(downloads, "TIMEOUT", (1, 0.05))
    release = threading.Event()
    server.http.RequestHandlerClass.do_GET = lambda handler: release.wait(10)
    with pytest.raises(InputError, match="did not answer in time"):
        downloads.download(server.url)
    release.set()
    assert contents(cache) == []


def test_a_dripping_server_is_an_error(server, cache, monkeypatch):
    monkeypatch.setattr(downloads, "STALL_SECONDS", 0.2)
    monkeypatch.setattr(downloads, "RETRIES", 1)
    release = threading.Event()

    def drip(handler: BaseHTTPRequestHandler):
        server.requests += 1
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while not release.wait(0.05):  # well within TIMEOUT, again and again
            handler.wfile.write(b"P")

    server.http.RequestHandlerClass.do_GET = drip
    with pytest.raises(InputError, match="came too slowly"):
        downloads.download(server.url)
    release.set()
    assert server.requests == 2
    assert contents(cache) == []


def test_a_steady_transfer_may_take_its_time(server, cache, monkeypatch):
    monkeypatch.setattr(downloads, "STALL_SECONDS", 1.0)
    monkeypatch.setattr(downloads, "PIECE", 16)

    def stroll(handler: BaseHTTPRequestHandler):
        server.requests += 1
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(GOOD)))
        handler.end_headers()
        for first in range(0, len(GOOD), 16):  # longer than that in all, a piece much shorter
            handler.wfile.write(GOOD[first : first + 16])
            threading.Event().wait(1.2 * 16 / len(GOOD))

    server.http.RequestHandlerClass.do_GET = stroll
    assert downloads.download(server.url).read_bytes() == GOOD
    assert server.requests == 1


def test_a_full_disk_is_an_error_about_the_disk(server, cache, monkeypatch):
    server.answers = [(200, GOOD, {})]

    def full(*arguments: object):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(downloads, "_fault", full)
    with pytest.raises(InputError, match=f"{cache}.*No space left on device.*{downloads.CACHE}"):
        downloads.download(server.url)
    assert contents(cache) == []


def test_what_killed_downloads_left_is_removed(server, cache):
    server.answers = [(200, GOOD, {})]
    cache.mkdir()
    for name, age in (("tmpold", 10 * downloads.STALL_SECONDS), ("tmpnew", 0)):
        (cache / name).write_bytes(b"half")
        os.utime(cache / name, (time.time() - age,) * 2)
    downloads.download(server.url)
    assert sorted(contents(cache)) == sorted([b"half", GOOD])


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv(downloads.CACHE, str(tmp_path / "file"))
    with pytest.raises(InputError, match="Not a directory|File exists"):
        downloads.download("http://127.0.0.1:9/data.zip")


def test_the_git_blob_id_is_gits(tmp_path):
    # `echo hello | git hash-object --stdin`
    (tmp_path / "hello").write_bytes(b"hello\n")
    assert downloads.git_blob_id(tmp_path / "hello") == "ce013625030ba8dba906f756967f9e9ca394464a"
