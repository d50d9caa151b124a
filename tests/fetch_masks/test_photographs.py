"""The drawn photographs: counts, boxes, the two splits, and bytes that depend on the seed alone."""

import io
import json
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.common.seeds import generator
from pipeline.runtime.compute import Compute
from pipeline.runtime.errors import InputError
from stages.fetch_masks import __main__ as fetch_masks
from stages.fetch_masks.backgrounds import draw_background
from stages.fetch_masks.people import Place, draw_person
from stages.fetch_masks.photographs import MOST_FACES, count_boxes, plan_photographs, write_masks


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("masks") / "masks.zip"
    write_masks(path=path, photographs=12, seed=0, compute=Compute(workers=1))
    return path


def table(archive: Path, split: str) -> pd.DataFrame:
    with zipfile.ZipFile(archive) as files:
        return pd.read_csv(files.open(f"{split}.csv"))


def test_the_stage_writes_the_same_bytes_with_any_number_of_workers(project, archive):
    project({"data.synthetic_masks": {"photographs": 12}, "compute.workers": 2})
    fetch_masks.main()
    assert Path("data/raw/masks/masks.zip").read_bytes() == archive.read_bytes()
    assert json.loads(Path("data/raw/masks/source.json").read_text())["source"] == "synthetic"


def test_another_seed_gives_other_bytes(archive, tmp_path):
    write_masks(path=tmp_path / "other.zip", photographs=12, seed=1, compute=Compute(workers=1))
    assert (tmp_path / "other.zip").read_bytes() != archive.read_bytes()


def test_the_plan_holds_the_class_counts_of_the_report_spread_very_unevenly():
    plans = plan_photographs(674, seed=0)
    count = {split: Counter() for split in ("train", "test")}
    for plan in plans:
        count[plan.split].update(plan.labels)
    assert count["train"] == {"bad": 578, "good": 2846, "none": 104}
    assert count["test"] == {"bad": 89, "good": 283, "none": 22}
    assert Counter(plan.split for plan in plans) == {"train": 607, "test": 67}
    faces = np.array([len(plan.labels) for plan in plans])
    assert faces.min() == 1
    assert 20 <= faces.max() <= MOST_FACES
    assert np.median(faces) < faces.mean()


@pytest.mark.parametrize("photographs", [10, 11, 40])
def test_other_sizes_keep_every_class_in_both_splits(photographs):
    dealt = {split: Counter() for split in ("train", "test")}
    for plan in plan_photographs(photographs, seed=3):
        assert 1 <= len(plan.labels) <= MOST_FACES
        dealt[plan.split].update(plan.labels)
    assert dealt == count_boxes(photographs)
    assert all(boxes >= 2 for classes in dealt.values() for boxes in classes.values())


def test_too_few_photographs_are_refused(tmp_path):
    with pytest.raises(InputError, match="9 synthetic photographs are too few.* 10 or more"):
        write_masks(path=tmp_path / "masks.zip", photographs=9, seed=0, compute=Compute(workers=1))
    assert not list(tmp_path.iterdir())


def test_the_tables_hold_the_planned_boxes_and_share_no_photograph(archive):
    for split, counts in count_boxes(12).items():
        rows = table(archive, split)
        assert list(rows.columns) == ["filename", "width", "height", "label", "xmin", "ymin", "xmax", "ymax"]
        assert rows.label.value_counts().to_dict() == counts
    assert not set(table(archive, "train").filename) & set(table(archive, "test").filename)


def test_every_photograph_is_a_jpeg_of_the_size_in_the_table(archive):
    rows = pd.concat([table(archive, "train"), table(archive, "test")])
    sizes = rows.drop_duplicates("filename").set_index("filename")[["width", "height"]]
    with zipfile.ZipFile(archive) as files:
        stored = {name.removeprefix("images/") for name in files.namelist() if name.startswith("images/")}
        assert stored == set(sizes.index)
        for name, size in sizes.iterrows():
            image = Image.open(io.BytesIO(files.read(f"images/{name}")))
            assert (image.format, image.mode, *image.size) == ("JPEG", "RGB", *size)


def test_boxes_have_an_area_and_leave_the_photograph_by_a_few_pixels_at_most(archive):
    rows = pd.concat([table(archive, "train"), table(archive, "test")])
    assert ((rows.xmax - rows.xmin >= 5) & (rows.ymax - rows.ymin >= 5)).all()
    assert (rows.xmin >= -5).all() and (rows.ymin >= -5).all()
    assert (rows.xmax <= rows.width + 5).all() and (rows.ymax <= rows.height + 5).all()


@pytest.mark.parametrize("label", ["bad", "good", "none"])
def test_the_box_is_where_the_face_was_drawn(label):
    """Beside the figure nothing is repainted; inside the outline's box nearly everything is."""
    random = generator(5, "test")
    image = draw_background(400, 300, random)
    before = np.asarray(image).astype(int)
    outline = draw_person(image, label, Place(200, 120, 80), random)
    painted = np.abs(np.asarray(image) - before).sum(axis=2) > 15
    (left, top), (right, bottom) = outline.min(axis=0).astype(int), outline.max(axis=0).astype(int)
    assert painted[top:bottom, left:right].mean() > 0.9
    assert not painted[:, : 200 - 2 * 80].any() and not painted[:10].any()
    assert abs((left + right) / 2 - 200) < 8 and 70 < right - left < 100
    assert abs((top + bottom) / 2 - 120) < 12 and 80 < bottom - top < 115


def test_a_mask_over_the_mouth_is_bluer_than_a_mouth(archive):
    """The classes differ where they should: in the lower half of the box."""
    rows = pd.concat([table(archive, "train"), table(archive, "test")])
    blueness = {"bad": [], "good": []}
    with zipfile.ZipFile(archive) as files:
        for row in rows[rows.label != "none"].itertuples():
            image = Image.open(io.BytesIO(files.read(f"images/{row.filename}")))
            middle, height = (row.xmin + row.xmax) // 2, row.ymax - row.ymin
            left, right = middle - height // 8, middle + height // 8 + 1
            mouth = (left, row.ymin + height // 2, right, row.ymax - height // 6)
            red, _, blue = np.asarray(image.crop(mouth)).reshape(-1, 3).mean(axis=0)
            blueness[row.label].append(blue - red)
    assert np.median(blueness["good"]) > np.median(blueness["bad"]) + 30
