"""tools.look_at: what it says of a source, without running anything."""

import json
from pathlib import Path

import pytest

from pipeline.runtime.errors import LONGEST_LINE
from pipeline.runtime.settings import check
from stages.crop_masks.settings import MasksSettings
from tests.crop_masks.conftest import NO_ANNOTATIONS
from tests.crop_masks.test_formats import LAYOUTS
from tests.crop_masks.test_more_formats import CVAT, PICTURES
from tests.making import HEADER, IMAGES, LABELS, PHOTOGRAPH, TRAIN, npz, put, voc
from tools import look_at


def write(folder: Path, layout: str) -> Path:
    for name, content in LAYOUTS[layout]().items():
        put(folder / name, content.encode() if isinstance(content, str) else content)
    return folder


def test_photographs_with_boxes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "faces", "Roboflow, YOLO")
    before = sorted(tmp_path.rglob("*"))
    look_at.main([str(folder)])
    assert capsys.readouterr().out.splitlines() == [
        f"{folder} holds photographs with boxes",
        "  read as      YOLO: 4 files (test/labels/d.txt, ...)",
        "  split        as published: train; valid for training too; test",
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
        look_at.main([str(path)])
        assert "digits       60: 6 of 0, 6 of 1" in capsys.readouterr().out


def test_what_would_be_refused_is_told(tmp_path: Path) -> None:
    put(tmp_path / "a.xml", voc("good", (9, 9, 9, 9)).encode())
    put(tmp_path / "boxes.csv", b"filename,label,xmin,ymin,xmax,ymax\na.png,good,1,2,3,4\n")
    put(tmp_path / "a.png", PHOTOGRAPH)
    with pytest.raises(
        SystemExit, match=r"would be refused as masks: .* in 2 formats: CSV, .*; Pascal VOC, a.xml"
    ):
        look_at.main([str(tmp_path)])
    with pytest.raises(SystemExit, match="would be refused as voc: a.xml object 1: the box from"):
        look_at.main([str(tmp_path), "voc"])
    with pytest.raises(SystemExit, match="there is no "):
        look_at.main([str(tmp_path / "nothing")])


def test_this_folder_is_told_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "faces/a.xml", voc("good").encode())
    monkeypatch.chdir(tmp_path / "faces")
    with pytest.raises(SystemExit, match="refused as csv: faces holds no CSV; it holds"):
        look_at.main([".", "csv"])


def test_the_lines_for_params_yaml_are_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from ruamel.yaml import YAML

    labels = ("with mask", "0", "no", "Face-Shield", "été", "true", "маска", "без маски", "C:\\m", "n" * 50)
    rows = "".join(f"{photograph}.png,{label},1,2,3,4\n" for label in labels for photograph in "ab")
    folder = tmp_path / "my faces #2"
    put(folder / "boxes.csv", f"filename,label,xmin,ymin,xmax,ymax\n{rows}".encode())
    for photograph in "ab":
        put(folder / f"{photograph}.png", PHOTOGRAPH)
    look_at.main([str(folder), "csv"])
    lines = YAML(typ="safe").load(capsys.readouterr().out.split("For params.yaml:\n")[1])
    values = {"side": 32, "pictures": 0, "test_share": 0.1, "invalid_boxes": "error", **lines["crop_masks"]}
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


def refusal(*arguments: str) -> list[str]:
    """The lines with which look_at ends, and exits with 1."""
    with pytest.raises(SystemExit) as ended:
        look_at.main(list(arguments))
    lines = str(ended.value.code).split("\n")
    assert all(len(line) <= LONGEST_LINE for line in lines)
    return lines


NO_BOXES = f"as photographs with boxes: faces {NO_ANNOTATIONS}"


@pytest.mark.parametrize(
    ("name", "content", "seems"),
    [
        ("0.json", {"shapes": [], "image": ""}, "has the keys ['shapes', 'image']"),
        ("0.json", [{"image": 1}], "a list of 1, which begins with [{'image': 1}]"),
        ("0.json", 3, "holds 3"),
        ("0.txt", "face 1 2 3 4\nface", "begins with 'face 1 2 3 4'"),
    ],
)
def test_annotations_of_an_unknown_kind_are_described(
    tmp_path: Path, name: str, content: object, seems: str
) -> None:
    folder = tmp_path / "faces"
    for number in range(10):
        put(folder / f"a{number}.jpg", PHOTOGRAPH)
    put(folder / name, (content if isinstance(content, str) else json.dumps(content)).encode())
    first, second, *rest = refusal(str(folder))
    assert first.startswith(f"look_at: {folder} would be refused: {NO_BOXES}")
    assert "10 .jpg (a0.jpg, ...)" in first and name in first
    assert second == f"  {name}: {seems}"
    assert rest and all(line.startswith("  as digits: faces") for line in rest)


def test_a_stray_picture_beside_digits_is_named(tmp_path: Path) -> None:
    for number in range(10):
        put(tmp_path / f"digits/{number}/a.png", PHOTOGRAPH)
    put(tmp_path / "digits/assets/logo.png", PHOTOGRAPH)
    assert "assets/logo.png" in refusal(str(tmp_path / "digits"))[-1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.json", "a.json is no archive; give a folder, a zip or tar archive, or arrays such as .npz"),
        ("a.png", "a.png is no archive; give a folder, a zip or tar archive, or arrays such as .npz"),
        ("a.zip", "a.zip cannot be read as a zip archive: File is not a zip file"),
    ],
)
def test_a_file_that_cannot_be_a_source_says_what_can(tmp_path: Path, name: str, message: str) -> None:
    put(tmp_path / name, b"label,pixel0\n")
    assert refusal(str(tmp_path / name)) == [f"look_at: {tmp_path / name} would be refused: {message}"]


def test_digits_in_arrays_are_told_from_boxes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where their file has a name that annotations have, and beside a test set without labels."""
    pixels = [",".join(map(str, [*image.ravel()])) for image in IMAGES]
    rows = "".join(f"{'xyz'[number % 3]},{line}\n" for number, line in enumerate(pixels))
    put(tmp_path / "letters/train.csv", rows.encode())
    put(tmp_path / "letters/test.csv", "\n".join(pixels).encode())
    put(tmp_path / "letters/README.txt", b"About")
    look_at.main([str(tmp_path / "letters")])
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path}/letters holds digits",
        "  read as      pixels (.csv)",
        "  split        drawn, as the source publishes none",
        "  classes      3: x y z",
        "  digits       60: 20 of x, 20 of y, 20 of z",
        "  note         train.csv: column 1 was taken for the label",
        "  note         test.csv has no labels, and was left alone",
        "  note         not read: README.txt",
        "",
        "For params.yaml:",
        "data:",
        f"  digits: {tmp_path}/letters",
    ]
    look_at.main([str(tmp_path / "letters/train.csv")])
    assert "20 of x, 20 of y" in capsys.readouterr().out
    assert refusal(str(tmp_path / "letters/test.csv"))[0].endswith("it has 784 columns")


def test_pictures_in_folders_of_words_may_be_letters_or_faces(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(30):
        put(tmp_path / f"{'ক' if number % 2 else 'kh'}/{number}.png", PHOTOGRAPH)
    look_at.main([str(tmp_path)])
    printed = capsys.readouterr().out
    assert "  read as      pictures, class by folder\n" in printed and "  classes      2: kh ক\n" in printed
    assert "  note         faces in class folders are described with `masks` after the path\n" in printed


def test_arrays_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    put(tmp_path / "images.npy", b"an array")
    put(tmp_path / "labels.npy", b"an array")
    for path in (tmp_path, tmp_path / "images.npy"):
        assert "refused as digits: " in (fault := refusal(str(path))[0])
        assert "images.npy cannot be read as an array: the magic string is not correct" in fault


def put_labels(folder: Path, labels: list[str], photographs: str = "ab") -> None:
    rows = [f"{name}.png,60,40,{label},1,2,30,40\n" for label in labels for name in photographs]
    put(folder / "boxes.csv", (HEADER + "".join(rows)).encode())
    for name in photographs:
        put(folder / f"{name}.png", PHOTOGRAPH)


@pytest.mark.parametrize(
    ("labels", "photographs", "message"),
    [
        (["face"], "ab", "1 classes, and there must be 2 to 20: add photographs with boxes of another one"),
        (
            ["face", "ignore"],
            "ab",
            "1 classes, and there must be 2 to 20: add photographs with boxes of another one",
        ),
        (
            [f"kind {number}" for number in range(54)],
            "ab",
            "54 classes, and there must be 2 to 20: give labels that belong together one class, or the class "
            "ignore",
        ),
        (["no", "mask_std"], "ab", "the class 'mask_std' must not end with _std"),
        (["a", "b"], "a", "all boxes are for training and none for testing; add photographs"),
    ],
    ids=["one", "one but for ignore", "54", "_std", "one photograph"],
)
def test_settings_that_the_stage_would_refuse_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], labels: list[str], photographs: str, message: str
) -> None:
    put_labels(tmp_path, labels, photographs)
    (line,) = refusal(str(tmp_path))
    assert line.startswith("look_at: with these lines it would be refused: ") and message in line
    printed = capsys.readouterr().out.splitlines()
    assert f"  masks: {tmp_path}" in printed and all(len(each) <= LONGEST_LINE for each in printed)


def test_two_to_twenty_labels_are_not_refused(tmp_path: Path) -> None:
    for number in (2, 20):
        put_labels(tmp_path, [f"kind {each}" for each in range(number)])
        look_at.main([str(tmp_path)])


def test_digits_that_cannot_be_split_are_said(tmp_path: Path) -> None:
    put(tmp_path / "digits.npz", npz(image=IMAGES[:10], label=LABELS[:10]))
    (line,) = refusal(str(tmp_path / "digits.npz"))
    assert line.startswith(
        "look_at: with these lines it would be refused: there is one digit alone of class 0"
    )


def test_invalid_boxes_are_left_out_where_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = TRAIN + "a.png,60,40,good,1,2,30,40\na.png,60,40,bad,9,9,9,9\n"
    put(tmp_path / "boxes.csv", (HEADER + rows).encode())
    for name in ("a.png", "rest.png"):
        put(tmp_path / name, PHOTOGRAPH)
    assert "boxes.csv line 6: the box from (9, 9) to (9, 9) has no area" in refusal(str(tmp_path))[0]
    look_at.main([str(tmp_path), "--invalid-boxes", "skip"])
    printed = capsys.readouterr().out
    assert "1 invalid boxes were skipped" in printed
    assert "crop_masks:\n  invalid_boxes: skip\n  classes:" in printed


def test_how_it_is_used_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], [str(tmp_path), "jpeg"], [str(tmp_path), "--invalid-boxes", "all"]):
        with pytest.raises(SystemExit) as ended:
            look_at.main(arguments)
        assert ended.value.code == 2
        assert "usage: python -m tools.look_at" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("folders", "annotations"),
    [
        (["train/with_mask", "train/without_mask", "test/with_mask", "test/without_mask"], ""),
        (["Mask", "No Mask"], ""),
        (["holiday", "work"], "folders"),
    ],
)
def test_class_folders_of_faces(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folders: list[str], annotations: str
) -> None:
    for folder in folders:
        for name in "ab":
            put(tmp_path / folder / f"{name}.png", PHOTOGRAPH)
    look_at.main([str(tmp_path), *filter(None, [annotations])])
    printed = capsys.readouterr().out
    assert f"  read as      faces in class folders: {2 * len(folders)} files (" in printed
    assert f"  photographs  {2 * len(folders)}, {2 * len(folders)} of them with boxes" in printed
    assert ("annotations: folders" in printed) == bool(annotations)


def test_other_formats_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, content in (PICTURES | {"annotations.xml": CVAT}).items():
        put(tmp_path / name, content.encode() if isinstance(content, str) else content)
    look_at.main([str(tmp_path)])
    printed = capsys.readouterr().out.splitlines()
    assert printed[1] == "  read as      CVAT: annotations.xml"
    assert any(line.startswith("  note         2 shapes are no rectangles or polygons") for line in printed)
