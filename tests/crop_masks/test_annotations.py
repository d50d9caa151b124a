"""Annotations: CSV tables and Pascal VOC files become boxes; what cannot be one is named with its place."""

import io
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import open_archive
from stages.crop_masks.annotations import read_annotations
from stages.crop_masks.boxes import Box, map_labels
from stages.crop_masks.split import choose_test, split_boxes
from tests.making import MASK_CLASSES, photograph, picture_bytes

HEADER = "filename,width,height,label,xmin,ymin,xmax,ymax\n"
WIDE = picture_bytes(photograph(200, 100))
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
        return read_annotations(archive).boxes


def voc(filename: str = "<filename>a.jpg</filename>") -> str:
    return VOC.format(filename=filename)


@pytest.mark.parametrize("folder", ["", "masks/"])
def test_tables_give_the_split_and_photographs_are_found_beneath(folder: str) -> None:
    members = {
        f"{folder}test.csv": HEADER + "b.jpg,200,100,bad,5,6,7,8\n",
        f"{folder}train.csv": HEADER + ROW + "a.jpg,200,100,none,-1,0,3,4\n",
        f"{folder}images/a.jpg": WIDE,
        f"{folder}images/b.jpg": WIDE,
    }
    a, b = f"{folder}images/a.jpg", f"{folder}images/b.jpg"
    assert read(members) == [
        Box("train", a, "good", f"{folder}train.csv", (1, 2, 30, 40), (200, 100), 2),
        Box("train", a, "none", f"{folder}train.csv", (-1, 0, 3, 4), (200, 100), 3),
        Box("test", b, "bad", f"{folder}test.csv", (5, 6, 7, 8), (200, 100), 2),
    ]


def test_two_photographs_of_one_name_are_an_error_unless_one_is_beside() -> None:
    members = {"t/boxes.csv": HEADER + ROW, "x/a.jpg": WIDE, "y/a.jpg": WIDE}
    with pytest.raises(InputError, match="line 2: 'a.jpg' could be any of x/a.jpg, y/a.jpg"):
        read(members)
    assert read(members | {"t/a.jpg": WIDE})[0].photograph == "t/a.jpg"


@pytest.mark.parametrize(
    "members",
    [
        {"deep/er/x.xml": voc(), "deep/er/a.jpg": WIDE, "other/a.jpg": WIDE},
        {"x.xml": voc(r"<filename>C:\photographs\a.jpg</filename>"), "a.jpg": WIDE, "__MACOSX/x.xml": "?"},
    ],
)
def test_pascal_voc_in_any_folder(members: dict[str, str | bytes]) -> None:
    (box,) = read(members)
    assert box.photograph.endswith("a.jpg") and box.label == "with_mask" and box.split == ""
    assert box.corners == (1, 2, 30, 40) and box.size == (200, 100)
    assert box.where.endswith(".xml object 1")


def some_boxes(labels: dict[str, list[str]]) -> list[Box]:
    return [
        Box("", name, label, f"{name}.xml", (0, 0, 1, 1), None, row)
        for name, of in labels.items()
        for row, label in enumerate(of, start=1)
    ]


def test_labels_are_mapped_and_all_unmapped_ones_are_listed() -> None:
    boxes = some_boxes({"a": ["with_mask", "good"], "b": ["mask", "face", "mask"]})
    with pytest.raises(
        InputError,
        match=r"'face' \(1 boxes, the first in b.xml object 2\), 'mask' \(2 boxes, .* map them .*classes",
    ):
        map_labels(boxes, {"with_mask": "good", "good": "good"})
    mapped = map_labels(boxes, {"with_mask": "good", "good": "good", "mask": "good", "face": "bad"})
    assert [box.label for box in mapped] == ["good", "good", "good", "bad", "good"]


def test_the_split_follows_from_the_seed() -> None:
    boxes = some_boxes({f"{i}": [MASK_CLASSES[i % 3]] * (1 + i % 4) for i in range(60)})
    splits = [list(split_boxes(boxes, 0.2, np.random.default_rng(seed))) for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]


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
        boxes = read_annotations(archive).boxes
    counts = Counter((box.split, box.label) for box in boxes)
    assert [counts["train", label] for label in MASK_CLASSES] == [576, 2808, 103]
    assert [counts["test", label] for label in MASK_CLASSES] == [89, 283, 22]
    assert len({box.photograph for box in boxes}) == 674


def test_the_real_archive_without_its_split_is_split_alike(shared_data: Path) -> None:
    with open_archive(shared_data / "medical-masks.zip", "medical-masks.zip") as archive:
        boxes = split_boxes(read_annotations(archive).boxes, 0.1, np.random.default_rng(0))
    counts = Counter((box.split, box.label) for box in boxes)
    for label in MASK_CLASSES:
        share = counts["test", label] / (counts["test", label] + counts["train", label])
        assert 0.09 < share < 0.11
