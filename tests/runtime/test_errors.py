"""How long a line may be that a user is told."""

import sys

import pytest

from pipeline.runtime.errors import InputError, shorten
from pipeline.runtime.process import run_stage


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("", ""),
        ("x" * 400, "x" * 400),
        ("x" * 401, "x" * 199 + "…" + "x" * 200),
        (
            "a.csv line 1: " + "x" * 9000 + "; do this",
            "a.csv line 1: " + "x" * 185 + "…" + "x" * 191 + "; do this",
        ),
        ("short\n" + "x" * 401, "short\n" + "x" * 199 + "…" + "x" * 200),
    ],
)
def test_a_long_line_keeps_its_start_and_its_end(line: str, shown: str) -> None:
    assert shorten(line) == shown


def test_what_a_stage_says_is_cut_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also with the name of the stage, and where letters that cannot be printed take four each."""

    def main() -> None:
        raise InputError("a" * 300 + "b" * 300, "short", "\x1b" * 200)

    monkeypatch.setattr(sys, "argv", ["stages/crop_masks/__main__.py"])
    with pytest.raises(SystemExit):
        run_stage(main)
    assert capsys.readouterr().err.splitlines() == [
        "crop_masks: " + "a" * 187 + "…" + "b" * 200,
        "crop_masks: short",
        "crop_masks: " + ("\\x1b" * 200)[:187] + "…" + "\\x1b" * 50,
    ]
