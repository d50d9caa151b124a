"""The split: as a source publishes it, or drawn by photograph with every class on both sides."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import open_archive
from stages.crop_masks.annotations import read_annotations
from stages.crop_masks.boxes import Box
from stages.crop_masks.split import choose_test, describe_copies, number_photographs, split_boxes
from tests.crop_masks.test_formats import read, voc_files
from tests.making import (
    HEADER,
    MASK_CLASSES,
    PHOTOGRAPH,
    TEST,
    photograph,
    picture_bytes,
    put,
    voc,
    zipped,
)

OUTSIDE = [("", "a"), ("", "b"), ("test/", "c")]  # folders and names of photographs


def some_boxes(labels: dict[str, list[str]]) -> list[Box]:
    return [
        Box("", name, label, f"{name}.xml", (0, 0, 1, 1), None, row)
        for name, of in labels.items()
        for row, label in enumerate(of, start=1)
    ]


def test_validation_is_the_test_set_where_there_is_none() -> None:
    found = read(
        {f"{split}.csv": HEADER + TEST.replace("a.png", f"{split}.png") for split in ("train", "val")}
        | {"train.png": PHOTOGRAPH, "val.png": PHOTOGRAPH}
    )
    assert [box.split for box in found.boxes] == ["train", "test"]
    assert found.split == "as published: train; valid, as the test set"


def test_photographs_in_no_list_of_the_published_split_are_refused() -> None:
    members = voc_files("xml/{name}.xml", "images/{name}.png") | {"train.txt": "a\nb\n", "test.txt": "d\n"}
    with pytest.raises(
        InputError, match="1 photographs with boxes are in no list .*: images/c.png; add them"
    ):
        read(members)


def test_the_split_follows_from_the_seed() -> None:
    boxes = some_boxes({f"{i}": [MASK_CLASSES[i % 3]] * (1 + i % 4) for i in range(60)})
    numbers = {name: n for n, name in enumerate(dict.fromkeys(box.photograph for box in boxes))}
    splits = [list(split_boxes(boxes, numbers, 0.2, np.random.default_rng(seed))) for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]


def boxes_with_copies(folder: Path) -> tuple[list[Box], dict[str, int]]:
    """A box of each of 60 photographs, of which the last 20 are copies of the first 20; their numbers."""
    members = {f"{n:02}.png": picture_bytes(photograph(30 + n % 40, 40)) for n in range(60)}
    put(folder / "masks.zip", zipped(members))
    boxes = some_boxes({name: [MASK_CLASSES[int(name[:2]) % 40 % 3]] for name in members})
    with open_archive(folder / "masks.zip", "masks.zip") as archive:
        return boxes, number_photographs(boxes, archive)


def test_copies_of_a_photograph_are_on_one_side_of_a_drawn_split(tmp_path: Path) -> None:
    boxes, numbers = boxes_with_copies(tmp_path)
    assert list(numbers.values()) == [*range(40), *range(20)]
    for seed in range(5):
        split = split_boxes(boxes, numbers, 0.3, np.random.default_rng(seed))
        sides = [
            {numbers[box.photograph] for box in split if box.split == side} for side in ("train", "test")
        ]
        assert sides[1] and not sides[0] & sides[1]
    copies = "20 photographs are copies of another, and on its side of the split"
    assert describe_copies(split, numbers, drawn=True) == [copies]
    assert (
        describe_copies(boxes[:40], {box.photograph: n for n, box in enumerate(boxes[:40])}, drawn=True) == []
    )


def test_copies_across_a_published_split_are_counted(tmp_path: Path) -> None:
    boxes, numbers = boxes_with_copies(tmp_path)
    split = [box._replace(split="test" if n >= 50 else "train") for n, box in enumerate(boxes)]
    copies = "10 test photographs are copies of training photographs, as published"
    assert describe_copies(split, numbers, drawn=False) == [copies]


def test_a_test_folder_beside_other_photographs_is_the_test_set() -> None:
    members = {f"{folder}{name}.xml": voc("good", photograph=f"{name}.png") for folder, name in OUTSIDE}
    found = read(members | {f"{folder}{name}.png": PHOTOGRAPH for folder, name in OUTSIDE})
    assert found.split == "as published: test; all others for training"
    assert {box.photograph: box.split for box in found.boxes} == {
        "a.png": "train", "b.png": "train", "test/c.png": "test"
    }  # fmt: skip


def test_lists_of_a_published_split_count_more_than_a_folder_named_test() -> None:
    members = {f"{folder}{name}.xml": voc("good", photograph=f"{name}.png") for folder, name in OUTSIDE}
    members |= {f"{folder}{name}.png": PHOTOGRAPH for folder, name in OUTSIDE}
    found = read(members | {"train.txt": "b\nc\n", "test.txt": "a\n"})
    assert [box.split for box in found.boxes] == ["test", "train", "train"]


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


def test_the_real_archive_without_its_split_is_split_alike(shared_data: Path) -> None:
    with open_archive(shared_data / "medical-masks.zip", "medical-masks.zip") as archive:
        boxes = read_annotations(archive).boxes
        boxes = split_boxes(boxes, number_photographs(boxes, archive), 0.1, np.random.default_rng(0))
    counts = Counter((box.split, box.label) for box in boxes)
    for label in MASK_CLASSES:
        share = counts["test", label] / (counts["test", label] + counts["train", label])
        assert 0.09 < share < 0.11
