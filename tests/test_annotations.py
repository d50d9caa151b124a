"""Annotations: CSV tables and Pascal VOC files become boxes; what cannot be one is named with its place."""

import io
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.annotations import CLASSES, Box, choose_test, map_labels, read_boxes, split_boxes
from stages.settings import InputError
from stages.sources.archives import open_archive

HEADER = "filename,width,height,label,xmin,ymin,xmax,ymax\n"
ROW = "a.jpg,200,100,good,1,2,30,40\n"
VOC = """<annotation>{filename}stray text<size><width>200</width><height>100</height></size>
<object><name>with_mask</name><bndbox><xmin>1</xmin><ymin>2.4</ymin><xmax>29.6</xmax><ymax>40</ymax></bndbox>
</object>more of it</annotation>"""


def read(members: dict[str, str | bytes]) -> list[Box]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with open_archive(buffer, "masks.zip") as archive:
        return read_boxes(archive)


def read_table(text: str | bytes) -> list[Box]:
    return read({"boxes.csv": text, "images/a.jpg": "", "images/b.jpg": ""})


def voc(filename: str = "<filename>a.jpg</filename>") -> str:
    return VOC.format(filename=filename)


@pytest.mark.parametrize("folder", ["", "masks/"])
def test_tables_give_the_split_and_photographs_are_found_beneath(folder: str) -> None:
    members = {
        f"{folder}test.csv": HEADER + "b.jpg,200,100,bad,5,6,7,8\n",
        f"{folder}train.csv": HEADER + ROW + "a.jpg,200,100,none,-1,0,3,4\n",
        f"{folder}images/a.jpg": "",
        f"{folder}images/b.jpg": "",
    }
    a, b = f"{folder}images/a.jpg", f"{folder}images/b.jpg"
    assert read(members) == [
        Box("train", a, "good", (1, 2, 30, 40), (200, 100), f"{folder}train.csv line 2"),
        Box("train", a, "none", (-1, 0, 3, 4), (200, 100), f"{folder}train.csv line 3"),
        Box("test", b, "bad", (5, 6, 7, 8), (200, 100), f"{folder}test.csv line 2"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        HEADER + ROW,
        "\ufeff" + HEADER + ROW,
        (HEADER + ROW).replace("\n", "\r\n"),
        "ymax,note,label,filename,xmin,xmax,ymin,height,width\n40,x,good,a.jpg,1,30,2,100,200\n",
        HEADER + '"a.jpg","200","100","good","1.2","1.6","29.9","40"\n',
    ],
    ids=["plain", "mark", "line ends", "order", "quotes and floats"],
)
def test_every_way_to_write_a_table(text: str) -> None:
    (box,) = read_table(text)
    assert box == Box("", "images/a.jpg", "good", (1, 2, 30, 40), (200, 100), "boxes.csv line 2")


@pytest.mark.parametrize(
    "text",
    ["filename,label,xmin,ymin,xmax,ymax\na.jpg,good,1,2,30,40\n", HEADER + "a.jpg,,,good,1,2,30,40\n"],
)
def test_width_and_height_may_be_missing(text: str) -> None:
    assert read_table(text)[0].size is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "boxes.csv line 1: no column filename, label, xmin"),
        (HEADER, "archive holds no boxes"),
        (HEADER.replace("xmin,", "") + ROW, "boxes.csv line 1: no column xmin; its .* needed are filename"),
        ((HEADER + ROW).replace(",", ";"), "boxes.csv line 1: no column filename, label"),
        (HEADER + ROW + "a.jpg,1,2\n", "boxes.csv line 3: not as many values"),
        (HEADER + ROW.strip() + ",5\n", "boxes.csv line 2: not as many values"),
        (HEADER + ROW.replace("30", "3O"), "boxes.csv line 2: xmax is '3O', not a number"),
        (HEADER + ROW.replace("30", ""), "boxes.csv line 2: xmax is '', not a number"),
        (HEADER + ROW.replace("30", "nan"), "boxes.csv line 2: xmax is 'nan', not a number"),
        (HEADER + ROW.replace("30", "inf"), "boxes.csv line 2: xmax is 'inf': no photograph"),
        (HEADER + ROW.replace("200", "wide"), "boxes.csv line 2: width is 'wide', not a number"),
        (HEADER + ROW.replace("200", ""), "boxes.csv line 2: width is '', not a number"),
        (
            HEADER + "\n" + ROW.replace("1,2,30,40", "30,2,1,40"),
            "line 3: .* has no area; are corners swapped",
        ),
        (HEADER + ROW.replace("40", "2"), "boxes.csv line 2: .* has no area"),
        (HEADER + ROW.replace("a.jpg", "c.jpg"), "boxes.csv line 2: there is no photograph 'c.jpg'"),
        (HEADER + ROW.replace("a.jpg", "A.jpg"), "boxes.csv line 2: there is no photograph 'A.jpg'"),
        (HEADER + '"a.jpg' + ROW, "boxes.csv after line 1: not CSV"),
        (HEADER.encode("utf-16") + ROW.encode("utf-16"), "boxes.csv line 1: not UTF-8 text"),
    ],
)
def test_a_bad_table_is_an_error_that_names_the_line(text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_table(text)


def test_a_photograph_on_both_sides_is_an_error() -> None:
    with pytest.raises(
        InputError, match="test.csv line 2: a.jpg is in test, but in train too .train.csv line 3."
    ):
        read(
            {
                "train.csv": HEADER + ROW.replace("a", "b", 1) + ROW,
                "test.csv": HEADER + ROW,
                "a.jpg": "",
                "b.jpg": "",
            }
        )


def test_two_photographs_of_one_name_are_an_error_unless_one_is_beside() -> None:
    members = {"t/boxes.csv": HEADER + ROW, "x/a.jpg": "", "y/a.jpg": ""}
    with pytest.raises(InputError, match="line 2: 'a.jpg' could be any of x/a.jpg, y/a.jpg"):
        read(members)
    assert read(members | {"t/a.jpg": ""})[0].photograph == "t/a.jpg"


@pytest.mark.parametrize("members", [{"a.jpg": ""}, {"x.csv": HEADER, "y.csv": HEADER}])
def test_no_annotations_are_an_error(members: dict[str, str | bytes]) -> None:
    with pytest.raises(InputError, match="must hold train.csv and test.csv, or one CSV file, or Pascal VOC"):
        read(members)


@pytest.mark.parametrize(
    "members",
    [
        {"annotations/a.xml": voc(), "images/a.jpg": ""},
        {"deep/er/x.xml": voc(), "deep/er/a.jpg": "", "other/a.jpg": ""},
        {"a.xml": voc("<filename>renamed.png</filename>"), "a.jpg": ""},
        {"a.xml": voc(""), "a.jpg": ""},
        {"x.xml": voc(r"<filename>C:\photographs\a.jpg</filename>"), "a.jpg": "", "__MACOSX/x.xml": "?"},
        {"x.xml": '<?xml version="1.0" encoding="iso-8859-1"?>' + voc(), "a.jpg": ""},
    ],
)
def test_pascal_voc_in_any_folder(members: dict[str, str | bytes]) -> None:
    (box,) = read(members)
    assert box.photograph.endswith("a.jpg") and box.label == "with_mask" and box.split == ""
    assert box.corners == (1, 2, 30, 40) and box.size == (200, 100)
    assert box.where.endswith(".xml object 1")


def test_pascal_voc_in_folders_train_and_test_is_split() -> None:
    members = {"d/train/a.xml": voc(), "d/train/a.jpg": "", "d/test/a.xml": voc(), "d/test/a.jpg": ""}
    assert [(box.split, box.photograph) for box in read(members)] == [
        ("test", "d/test/a.jpg"),
        ("train", "d/train/a.jpg"),
    ]


def test_a_photograph_without_faces_has_no_boxes() -> None:
    empty = "<annotation><filename>b.jpg</filename></annotation>"
    assert len(read({"a.xml": voc(), "a.jpg": "", "b.xml": empty, "b.jpg": ""})) == 1


ENTITIES = '<!DOCTYPE a [<!ENTITY b "bbbb">]>' + voc()
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>' + voc("<filename>&b;</filename>")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation><object>", "a.xml: not usable XML"),
        ("", "a.xml: not usable XML"),
        (ENTITIES, "a.xml: it has a <!DOCTYPE>"),
        (OUTSIDE, "a.xml: it has a <!DOCTYPE>"),
        ('<?xml version="1.0" encoding="no-such"?>' + voc(), "a.xml: not usable XML"),
        ("<html/>", "a.xml: not a Pascal VOC file: it begins with <html>"),
        (voc().replace("xmax>", "right>"), "a.xml object 1: xmax is '', not a number"),
        (voc().replace("40", "forty"), "a.xml object 1: ymax is 'forty', not a number"),
        (voc().replace("40", "2"), "a.xml object 1: .* has no area"),
        (voc().replace("100", ""), "a.xml: height is '', not a number"),
    ],
)
def test_a_bad_voc_file_is_an_error_that_names_it(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read({"a.xml": text, "a.jpg": ""})


def test_a_voc_file_without_its_photograph_is_an_error() -> None:
    with pytest.raises(InputError, match="b.xml: there is no photograph 'a.jpg'"):
        read({"b.xml": voc(), "c.jpg": ""})


def some_boxes(labels: dict[str, list[str]]) -> list[Box]:
    return [Box("", name, label, (0, 0, 1, 1), None, name) for name, of in labels.items() for label in of]


def test_labels_are_mapped_and_all_unmapped_ones_are_listed() -> None:
    boxes = some_boxes({"a": ["with_mask", "good"], "b": ["mask", "face", "mask"]})
    with pytest.raises(
        InputError,
        match=r"'face' \(1 boxes, the first in b\), 'mask' \(2 boxes, .* map them .*crop_masks.classes",
    ):
        map_labels(boxes, {"with_mask": "good", "good": "good"})
    mapped = map_labels(boxes, {"with_mask": "good", "good": "good", "mask": "good", "face": "bad"})
    assert [box.label for box in mapped] == ["good", "good", "good", "bad", "good"]


def test_the_split_follows_from_the_seed_and_parts_no_photograph() -> None:
    boxes = some_boxes({f"{i}": [CLASSES[i % 3]] * (1 + i % 4) for i in range(60)})
    splits = [split_boxes(boxes, 0.2, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]
    sides = {(box.photograph, box.split) for box in splits[0]}
    assert len(sides) == 60
    assert [box._replace(split="") for box in splits[0]] == boxes


@given(
    counts=st.lists(st.tuples(*[st.integers(0, 6)] * 3).filter(any), min_size=1, max_size=40),
    share=st.floats(0.05, 0.5),
    seed=st.integers(0, 99),
)
def test_every_divisible_class_keeps_training_boxes(
    counts: list[tuple[int, int, int]], share: float, seed: int
) -> None:
    table = np.array(counts)
    test = choose_test(table, share, np.random.default_rng(seed))
    assert (table[~test].sum(axis=0) > 0)[table.sum(axis=0) > 0].all()


@given(
    counts=st.lists(st.sampled_from([(1, 0, 0), (2, 0, 0), (0, 3, 0), (0, 0, 9)]), min_size=2, max_size=60),
    seed=st.integers(0, 99),
)
def test_every_divisible_class_gets_test_boxes(counts: list[tuple[int, int, int]], seed: int) -> None:
    table = np.array(counts)
    test = choose_test(table, 0.1, np.random.default_rng(seed))
    divisible = (table > 0).sum(axis=0) >= 2
    assert ((table[test].sum(axis=0) > 0) == divisible).all()


def test_the_real_archive_holds_the_counts_of_its_description(shared_data: Path) -> None:
    with open_archive(shared_data / "medical-masks.zip", "medical-masks.zip") as archive:
        boxes = read_boxes(archive)
    counts = Counter((box.split, box.label) for box in boxes)
    assert [counts["train", label] for label in CLASSES] == [576, 2808, 103]
    assert [counts["test", label] for label in CLASSES] == [89, 283, 22]
    assert len({box.photograph for box in boxes}) == 674


def test_the_real_archive_without_its_split_is_split_alike(shared_data: Path) -> None:
    with open_archive(shared_data / "medical-masks.zip", "medical-masks.zip") as archive:
        boxes = split_boxes(read_boxes(archive), 0.1, np.random.default_rng(0))
    counts = Counter((box.split, box.label) for box in boxes)
    for label in CLASSES:
        share = counts["test", label] / (counts["test", label] + counts["train", label])
        assert 0.09 < share < 0.11
