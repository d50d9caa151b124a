"""params.yaml is validated, and a stage ends with one line."""

import pytest

from pipeline.common.storage import load_arrays
from pipeline.runtime import process
from pipeline.runtime.compute import Compute
from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import check, read_params


def test_numbers_are_read_as_dvc_reads_them(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("rate: 1e-4\nswitch: no\n")
    assert read_params(path) == {"rate": 1e-4, "switch": "no"}


def test_every_wrong_key_is_named_at_once():
    with pytest.raises(InputError) as error:
        check(Compute, {"workers": -1, "wokers": 2}, "compute")
    assert "`compute.workers` is -1" in str(error.value)
    assert "`compute.wokers` is not a setting" in str(error.value)


def run(main, *arguments):
    """Run a stage `train_mlp` in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process.sys, "argv", ["/project/stages/train_mlp/__main__.py", *arguments])
        process.run_stage(main)


@pytest.mark.parametrize(
    ("main", "arguments", "usage"),
    [
        (lambda run: None, [], "RUN"),
        (lambda run: None, ["one", "two"], "RUN"),
        (lambda: None, ["one"], ""),
    ],
)
def test_a_stage_called_with_other_arguments_says_how(main, arguments, usage, capsys):
    with pytest.raises(SystemExit) as ended:
        run(main, *arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"usage: python -m stages.train_mlp {usage}".rstrip() + "\n"


def test_a_stage_says_several_faults_in_a_line_each_and_escapes_them(capsys):
    def main():
        raise InputError("2 faults:", "a\n.png is dark", "b.png is light")

    with pytest.raises(SystemExit) as ended:
        run(main)
    assert ended.value.code == 1
    said = ["2 faults:", "a\\n.png is dark", "b.png is light"]
    assert capsys.readouterr().err.splitlines() == [f"train_mlp: {line}" for line in said]


def test_the_traceback_behind_a_line_is_shown_on_request(capsys, monkeypatch):
    def main():
        try:
            {}["a"]
        except KeyError:
            raise InputError("there is no a") from None

    monkeypatch.setenv(process.TRACEBACK, "1")
    with pytest.raises(SystemExit):
        run(main)
    said = capsys.readouterr().err
    assert "KeyError: 'a'" in said and "InputError: there is no a" in said
    assert said.endswith("\ntrain_mlp: there is no a\n")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 728. TiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    ],
)
def test_a_stage_that_runs_out_of_memory_ends_with_one_line(error, capsys):
    def main():
        raise error

    with pytest.raises(SystemExit):
        run(main)
    assert "memory ran out; nothing was written" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["shapes do not fit", "unsupported memory format channels_last"])
def test_an_error_of_ours_is_not_taken_for_want_of_memory(text):
    def main():
        raise RuntimeError(text)

    with pytest.raises(RuntimeError, match=text):
        run(main)


def test_a_damaged_array_file_is_named(tmp_path):
    (tmp_path / "digits.safetensors").write_text("not an array")
    with pytest.raises(InputError, match="digits.safetensors is damaged.*run dvc repro"):
        load_arrays(tmp_path / "digits.safetensors")
