"""Files and folders are written whole or not at all."""

import json
import os
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from pipeline.common.storage import write_json
from pipeline.runtime import files
from pipeline.runtime.files import whole_file, whole_folder


def test_a_file_is_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "scores.json"
    write_json(path, {"b": 1, "a": 2})
    assert path.read_text() == '{\n  "a": 2,\n  "b": 1\n}\n'
    with pytest.raises(RuntimeError), files.whole_file(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert path.read_text().startswith("{")
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("whole", [files.whole_file, files.whole_folder])
def test_what_cannot_be_written_is_noticed_before_the_work(tmp_path, monkeypatch, whole):
    def read_only(path, *arguments, **options):
        raise PermissionError(13, "Permission denied", str(path))

    path = tmp_path / "scores"  # in a folder that is there, so that only the temporary one is to be made
    monkeypatch.setattr(files.Path, "touch", read_only)
    monkeypatch.setattr(files, "_partial", lambda path: path.with_name(f".{path.name}.{os.getpid()}.part"))
    monkeypatch.setattr(files.Path, "mkdir", read_only)
    with pytest.raises(PermissionError) as error, whole(path):
        pytest.fail("it came to the work")
    assert error.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_whole_or_not_at_all(tmp_path):
    path = tmp_path / "run"
    for text in ("first", "second"):
        with files.whole_folder(path) as partial:
            (partial / text).touch()
    assert [file.name for file in path.iterdir()] == ["second"]
    with pytest.raises(RuntimeError), files.whole_folder(path) as partial:
        (partial / "third").touch()
        raise RuntimeError
    assert [file.name for file in path.iterdir()] == ["second"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_replaced_stays(tmp_path, monkeypatch):
    path, replace = tmp_path / "run", os.replace
    with whole_folder(path) as partial:
        (partial / "first").touch()

    def only_away(source, target):
        if target == path and (Path(source) / "second").exists():
            raise OSError(5, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", only_away)
    with pytest.raises(OSError, match="Input/output"), whole_folder(path) as partial:
        (partial / "second").touch()
    assert [file.name for file in path.iterdir()] == ["first"]
    assert list(tmp_path.iterdir()) == [path]


def test_what_killed_stages_left_is_swept_up(tmp_path):
    """Leftovers of dead processes, of this one's number in an earlier life, and of a living one."""
    ended, zombie, younger = (subprocess.Popen(command) for command in (["true"], ["true"], ["sleep", "60"]))
    ended.wait()
    while psutil.Process(zombie.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    pids = (ended.pid, zombie.pid, younger.pid, os.getpid(), os.getppid())
    names = {pid: f".data.{pid}.part" for pid in pids}
    for name in names.values():
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").touch()
    os.utime(tmp_path / names[younger.pid], (0, 0))  # of a process that had its number before
    (tmp_path / f".data.{ended.pid}.old.part").mkdir()
    (tmp_path / f".data.json.{ended.pid}.part").touch()
    with whole_folder(tmp_path / "data") as folder:
        assert not list(folder.iterdir())
    left = [names[os.getppid()], f".data.json.{ended.pid}.part", "data"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(left)
    with whole_file(tmp_path / "data.json") as partial:
        partial.write_text(json.dumps({}))
    assert not (tmp_path / left[1]).exists()
    zombie.wait()
    younger.kill()
    younger.wait()
