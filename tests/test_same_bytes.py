"""The same settings give the same bytes, elsewhere and for another user; another seed gives others."""

import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from pipeline.sources import raw_source as fetching
from stages.fetch_digits.numerals import write_digits
from tests.conftest import results
from tools import verify

pytestmark = pytest.mark.timeout(900)  # the first of them waits for every stage

# A day ahead of most, and a C locale, in which sorting and file names are plain bytes.
ELSEWHERE = {
    "TZ": "Pacific/Kiritimati",
    "LC_ALL": "C",
    "LANG": "C",
    "USER": "someone-else",
    "LOGNAME": "someone-else",
    "PYTHONHASHSEED": "7",
}
# Every stage, and of the trainings one of each kind.
STAGES = [
    "check_settings", "fetch_digits", "prepare_digits", "train_mlp@best_small", "evaluate_mlp",
    "project_latents@F3_latents_20_15", "fetch_masks", "crop_masks", "train_cnn@final",
    "train_cnn@cv_weighted", "evaluate_cnn", "check_claims", "write_report",
]  # fmt: skip


@pytest.mark.witness
def test_a_clone_elsewhere_reproduces_every_byte(quick_run, tmp_path, monkeypatch):
    home = tmp_path / "home of another"
    home.mkdir()
    for name, value in {**ELSEWHERE, "HOME": str(home)}.items():
        monkeypatch.setenv(name, value)
    clone = quick_run.clone(tmp_path / "another folder")
    shutil.copytree(quick_run.folder / ".dvc/cache", clone.folder / ".dvc/cache")
    clone.dvc("checkout")
    params = clone.folder / "params.yaml"
    usual = params.read_text()
    params.write_text(usual.replace("workers: 0", "workers: 4"))
    assert "workers: 4" in params.read_text()
    ran = clone.stages_run(clone.dvc("repro", "--force", "--no-run-cache", "--single-item", *STAGES))
    assert ran == STAGES
    params.write_text(usual)
    before, after = results(quick_run.folder), results(clone.folder)
    assert len(before) > 100
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == []
    for folder in ("data", "models"):  # dvc.lock says so already, and might be wrong
        differ = ["diff", "-r", quick_run.folder / folder, clone.folder / folder]
        assert subprocess.run(differ).returncode == 0
    said = clone.run(sys.executable, "-m", "tools.verify", "--here")
    assert "dvc.lock: identical" in said


@pytest.mark.witness
def test_another_seed_gives_other_bytes(quick_run, tmp_path):
    clone = quick_run.clone(tmp_path / "clone")
    params = clone.folder / "params.yaml"
    params.write_text(params.read_text().replace("seed: 0", "seed: 1"))
    clone.dvc("repro", "train_mlp@h32_16", "fetch_masks")
    locks = [verify.outputs((folder / "dvc.lock").read_text()) for folder in (quick_run.folder, clone.folder)]
    assert locks[0].keys() == locks[1].keys()
    changed = {path for path in locks[0] if locks[0][path] != locks[1][path]}
    drawn = {"data/raw/digits", "data/digits.safetensors", "models/mlp/h32_16", "data/raw/masks"}
    assert changed - {"settings"} == drawn  # settings/ holds the seed itself


def test_archives_have_the_same_bytes_with_every_release_of_python(tmp_path):
    """Releases differ where a file could be larger than 2 GiB, which its header says in an extra field."""
    write_digits(10, 0, tmp_path / "digits.npz")
    fetching.pack_folder(tmp_path, tmp_path / "packed.zip")
    assert_plain_headers(tmp_path / "digits.npz")
    assert_plain_headers(tmp_path / "packed.zip")


def assert_plain_headers(path: Path) -> None:
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.infolist()
        for entry in archive.infolist():
            header = struct.unpack("<4s5H3I2H", content[entry.header_offset :][:30])
            assert header == (b"PK\3\4", 20, 0, 0, 0, 33, entry.CRC, entry.file_size, entry.file_size,
                              len(entry.filename), 0)  # fmt: skip


@pytest.fixture
def committed(quick_run, tmp_path):
    """A clone to spoil: the results as they are committed, and something in place of each other output."""
    clone = quick_run.clone(tmp_path / "clone")
    for path in verify.outputs((clone.folder / "dvc.lock").read_text()):
        if not (clone.folder / path).exists():
            (clone.folder / path).mkdir(parents=True)
    return clone


def run_verify(folder: Path) -> tuple[int, str]:
    finished = subprocess.run(
        [sys.executable, "-m", "tools.verify", "--here"], cwd=folder, capture_output=True, text=True
    )
    return finished.returncode, finished.stdout + finished.stderr


def change(folder: Path, run: str, score: str, by: float) -> None:
    path = folder / "plots/mlp/runs.csv"
    table = pd.read_csv(path, index_col="run")
    table.loc[run, score] += by
    table.to_csv(path)


def test_verify_names_a_score_beyond_its_tolerance(committed):
    change(committed.folder, "final", "test_accuracy", 0.5)
    status, said = run_verify(committed.folder)
    assert status == 1
    assert "ERROR final.test_accuracy: " in said
    assert "moved by +0.5, allowed 0." in said
    assert said.count("ERROR") == 1


def test_verify_names_a_score_within_its_tolerance(committed):
    change(committed.folder, "final", "test_accuracy", 0.0001)
    status, said = run_verify(committed.folder)
    assert status == 0
    assert "final.test_accuracy: " in said and "ERROR" not in said
    assert "1 differ, 0 by more than is allowed" in said


def test_verify_names_the_outputs_and_verdicts_that_differ(committed):
    lock = committed.folder / "dvc.lock"
    digest = verify.outputs(lock.read_text())["data/crops.safetensors"]
    lock.write_text(lock.read_text().replace(digest, "f" * 32))
    claims = committed.folder / "plots/claims/claims.csv"
    claims.write_text(claims.read_text().replace(",failed,", ",passed,"))
    status, said = run_verify(committed.folder)
    assert status == 0
    assert "dvc.lock: differs; of " in said and " 1 have other bytes\n  data/crops.safetensors\n" in said
    assert "failed committed, passed now" in said


def test_verify_fails_where_outputs_are_not_there(committed):
    (committed.folder / "models/mlp/final").rmdir()
    status, said = run_verify(committed.folder)
    assert status == 1
    assert "outputs are not here, such as models/mlp/final; dvc repro makes them" in said
    assert "verify: 1 of the " in said and "identical" not in said


def test_verify_notices_a_missing_run(committed):
    path = committed.folder / "plots/cnn/runs.csv"
    pd.read_csv(path, index_col="run").drop("weighted").to_csv(path)
    status, said = run_verify(committed.folder)
    assert status == 1
    assert "plots/cnn/runs.csv: not the same runs" in said


def test_few_replicates_that_agree_by_chance_do_not_narrow_the_tolerance():
    before = verify.read_scores("run,loss,loss_std\na,1,0.1\nb,0.01,0.001\nc,2,0.2\nd,1,0.000000001\n")
    after = verify.read_scores("run,loss,loss_std\na,1,0.1\nb,0.02,0.005\nc,2,0.2\nd,1.3,0\n")
    moved = verify.compare(before, after)
    assert moved.allowed.to_dict() == pytest.approx({("b", "loss"): 6 * 0.005, ("d", "loss"): 6 * 0.1})


def test_a_score_without_any_spread_must_be_the_same():
    before = verify.read_scores("run,epochs,epochs_std,loss\na,120,0,\nb,120,0,\n")
    moved = verify.compare(before, verify.read_scores("run,epochs,epochs_std,loss\na,119,0,\nb,120,0,\n"))
    assert moved.index.tolist() == [("a", "epochs")] and moved.allowed.tolist() == [0]
