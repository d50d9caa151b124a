"""tools.look_at: what it says of a source, without running anything."""

from pathlib import Path

import pytest

from pipeline.runtime.settings import check
from stages.crop_masks.settings import MasksSettings
from tests.crop_masks.test_formats import LAYOUTS
from tests.making import IMAGES, LABELS, PHOTOGRAPH, npz, put, voc
from tools import look_at


def write(folder: Path, layout: str) -> Path:
    for name, content in LAYOUTS[layout]().items():
        put(folder / name, content.encode() if isinstance(content, str) else content)
    return folder


def test_photographs_with_boxes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "faces", "Roboflow, YOLO")
    before = sorted(tmp_path.rglob("*"))
    look_at.main(str(folder))
    assert capsys.readouterr().out.splitlines() == [
        f"{folder} holds photographs with boxes",
        "  read as      YOLO: 4 files (test/labels/d.txt, ...)",
        "  split        as published: train, and valid for training too; test",
        "  photographs  4, 4 of them with boxes",
        "  train boxes  4: 2 with_mask, 2 no_mask",
        "  test boxes   1: 1 no_mask",
        "  note         not read: README.txt",
        "",
        "For params.yaml:",
        "data:",
        f"  masks: {folder}",
        "crop_masks:",
        "  classes:      # label: class; ignore leaves a label out",
        "    no_mask: bad",
        "    with_mask: good",
    ]
    assert sorted(tmp_path.rglob("*")) == before


def test_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path / "digits.npz", npz(image=IMAGES, label=LABELS))
    for path in (tmp_path, tmp_path / "digits.npz"):
        look_at.main(str(path))
        assert "digits       60: 6 of 0, 6 of 1" in capsys.readouterr().out


def test_what_would_be_refused_is_told(tmp_path: Path) -> None:
    put(tmp_path / "a.xml", voc("good", (9, 9, 9, 9)).encode())
    put(tmp_path / "boxes.csv", b"filename,label,xmin,ymin,xmax,ymax\na.png,good,1,2,3,4\n")
    put(tmp_path / "a.png", PHOTOGRAPH)
    with pytest.raises(
        SystemExit, match=r"would be refused as masks: .* in 2 formats: CSV, .*; Pascal VOC, a.xml"
    ):
        look_at.main(str(tmp_path))
    with pytest.raises(SystemExit, match="would be refused as voc: a.xml object 1: the box from"):
        look_at.main(str(tmp_path), "voc")
    with pytest.raises(SystemExit, match="there is no "):
        look_at.main(str(tmp_path / "nothing"))


def test_this_folder_is_told_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "faces/a.xml", voc("good").encode())
    monkeypatch.chdir(tmp_path / "faces")
    with pytest.raises(SystemExit, match="refused as csv: faces holds no CSV annotations"):
        look_at.main(".", "csv")


def test_the_lines_for_params_yaml_are_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from ruamel.yaml import YAML

    labels = ("with mask", "0", "no", "Face-Shield", "été", "true", "маска", "без маски", "C:\\m", "n" * 50)
    rows = "".join(f"a.png,{label},1,2,3,4\n" for label in labels)
    folder = tmp_path / "my faces #2"
    put(folder / "boxes.csv", f"filename,label,xmin,ymin,xmax,ymax\n{rows}".encode())
    put(folder / "a.png", PHOTOGRAPH)
    look_at.main(str(folder), "csv")
    lines = YAML(typ="safe").load(capsys.readouterr().out.split("For params.yaml:\n")[1])
    values = {"side": 32, "test_share": 0.1, "invalid_boxes": "error", **lines["crop_masks"]}
    classes = check(MasksSettings, values, "crop_masks").classes
    assert classes == {
        "with mask": "good",
        "0": "class_0",
        "no": "no",
        "Face-Shield": "Face-Shield",
        "été": "ete",
        "true": "true",
        "маска": "class_9",
        "без маски": "class_8",
        "C:\\m": "C_m",
        "n" * 50: "n" * 41,
    }
    assert lines["data"]["masks"] == str(folder)
