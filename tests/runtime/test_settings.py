"""params.yaml is validated, and a stage ends with one line."""

import pytest

from pipeline.common.storage import load_arrays
from pipeline.runtime import process
from pipeline.runtime.compute import Compute
from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import check, read_params, read_seed, section
from stages.crop_masks.faults import Faults


def test_numbers_are_read_as_dvc_reads_them(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("rate: 1e-4\nswitch: no\n")
    assert read_params(path) == {"rate": 1e-4, "switch": "no"}


def test_a_missing_section_is_named():
    with pytest.raises(InputError, match="no `mlp.runs.mine`"):
        section({"mlp": {"runs": {}}}, "mlp.runs.mine")


@pytest.mark.parametrize("seed", [-1, 1.5, "0", None, True])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(InputError, match="`seed` is"):
        read_seed({"seed": seed})


def test_every_wrong_key_is_named_at_once():
    with pytest.raises(InputError) as error:
        check(Compute, {"workers": -1, "wokers": 2}, "compute")
    assert "`compute.workers` is -1" in str(error.value)
    assert "`compute.wokers` is not a setting" in str(error.value)


@pytest.mark.parametrize("arguments", [[], ["one", "two"]])
def test_a_stage_called_with_other_arguments_says_how(arguments, capsys, monkeypatch):
    monkeypatch.setattr(process.sys, "argv", ["/project/stages/train_mlp/__main__.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        process.run_stage(lambda run: None, *arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "usage: python -m stages.train_mlp RUN\n"


def test_a_stage_ends_with_one_line_for_an_input_error(capsys):
    def main():
        raise InputError("the file a.csv is empty")

    with pytest.raises(SystemExit) as ended:
        process.run_stage(main)
    assert ended.value.code == 1
    assert capsys.readouterr().err.endswith(": the file a.csv is empty\n")


def test_a_stage_says_several_faults_in_a_line_each_and_escapes_them(capsys, monkeypatch):
    def main():
        faults = Faults()
        for fault in ("a\n.png is dark", "b.png is light"):
            faults.add(fault)
        faults.check()

    monkeypatch.setattr(process.sys, "argv", ["stages/crop_masks/__main__.py"])
    with pytest.raises(SystemExit):
        process.run_stage(main)
    said = ["2 faults:", "a\\n.png is dark", "b.png is light"]
    assert capsys.readouterr().err.splitlines() == [f"crop_masks: {line}" for line in said]


@pytest.mark.parametrize(
    "error",
    [MemoryError("Unable to allocate 728. TiB"), RuntimeError("DefaultCPUAllocator: can't allocate memory")],
)
def test_a_stage_that_runs_out_of_memory_ends_with_one_line(error, capsys):
    def main():
        raise error

    with pytest.raises(SystemExit):
        process.run_stage(main)
    assert "memory ran out; nothing was written" in capsys.readouterr().err


def test_an_error_of_ours_is_not_taken_for_want_of_memory():
    def main():
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        process.run_stage(main)


def test_a_damaged_array_file_is_named(tmp_path):
    (tmp_path / "digits.safetensors").write_text("not an array")
    with pytest.raises(InputError, match="digits.safetensors is damaged.*run dvc repro"):
        load_arrays(tmp_path / "digits.safetensors")
