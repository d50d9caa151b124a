"""One data set in every format and layout that people have: the same boxes, labels and split come out."""

import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest

from pipeline.sources.archives import open_archive
from pipeline.sources.folders import pack_folder
from stages.crop_masks.annotations import FORMATS, Annotations, read_annotations
from stages.crop_masks.boxes import CORNERS
from stages.crop_masks.settings import MasksSettings
from tests.making import MASK_CLASSES, PHOTOGRAPH, Members, put, voc, zipped

# split, photograph, label, corners; the photographs have 60 x 40 pixels.
FACES = [
    ("train", "a", "with_mask", (1, 2, 30, 40)),
    ("train", "a", "no_mask", (0, 0, 60, 40)),
    ("train", "b", "no_mask", (7, 11, 19, 23)),
    ("valid", "c", "with_mask", (40, 3, 59, 39)),
    ("test", "d", "no_mask", (3, 4, 5, 6)),
]
LABELS = ["no_mask", "with_mask"]  # by the number of the class
SPLITS = ("train", "valid", "test")


def read(members: Members, wanted: str = "auto", skip: bool = False) -> Annotations:
    with open_archive(io.BytesIO(zipped(members)), "masks.zip") as archive:
        return read_annotations(archive, wanted, skip)


def of(split: str) -> dict[str, list[tuple[str, tuple[int, ...]]]]:
    """The photographs of a split, with labels and corners."""
    photographs: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for part, name, label, corners in FACES:
        if part == split:
            photographs.setdefault(name, []).append((label, corners))
    return photographs


def yolo_text(faces: list[tuple[str, tuple[int, ...]]]) -> str:
    lines = []
    for label, (left, top, right, bottom) in faces:
        shares = ((left + right) / 120, (top + bottom) / 80, (right - left) / 60, (bottom - top) / 40)
        lines.append(f"{LABELS.index(label)} " + " ".join(f"{share:.6f}" for share in shares))
    return "\n".join(lines) + "\n"


def yolo(label_path: str, photograph_path: str, **more: str) -> Members:
    members: Members = {name.replace("_", "."): text for name, text in more.items()}
    for split in SPLITS:
        for name, faces in of(split).items():
            members[label_path.format(split=split, name=name)] = yolo_text(faces)
            members[photograph_path.format(split=split, name=name)] = PHOTOGRAPH
    return members


def coco_text(splits: tuple[str, ...], file_name: str = "{name}.png") -> str:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for split in splits:
        for name, faces in of(split).items():
            images.append(
                {"id": name, "file_name": file_name.format(name=name, split=split), "width": 60, "height": 40}
            )
            for label, (left, top, right, bottom) in faces:
                annotations.append(
                    {
                        "id": len(annotations),
                        "image_id": name,
                        "category_id": LABELS.index(label),
                        "bbox": [left, top, right - left, bottom - top],
                        "iscrowd": 0,
                    }
                )
    categories = [{"id": number, "name": label} for number, label in enumerate(LABELS)]
    return json.dumps({"images": images, "annotations": annotations, "categories": categories})


def csv_text(splits: tuple[str, ...], header: str, row: str) -> str:
    lines = [header] if header else []
    for split in splits:
        for name, faces in of(split).items():
            for label, corners in faces:
                width, height = corners[2] - corners[0], corners[3] - corners[1]
                values = {"label": label, "box": corners, "width": width, "height": height}
                lines.append(row.format(name=name, split=split, **values))
    return "\n".join(lines) + "\n"


def photographs(path: str) -> Members:
    return {path.format(split=split, name=name): PHOTOGRAPH for split in SPLITS for name in of(split)}


def voc_files(annotation: str, photograph_path: str) -> Members:
    members = photographs(photograph_path)
    for split in SPLITS:
        for name, faces in of(split).items():
            objects = [voc(label, corners, f"{name}.png").split("<object>")[1] for label, corners in faces]
            start = voc("", (0, 0, 1, 1), f"{name}.png").split("<object>")[0]
            ends = [each.removesuffix("</annotation>") for each in objects]
            members[annotation.format(split=split, name=name)] = (
                start + "".join(f"<object>{each}" for each in ends) + "</annotation>"
            )
    return members


ROW = "{name}.png,60,40,{label},{box[0]},{box[1]},{box[2]},{box[3]}"
HEADER = "filename,width,height,class,xmin,ymin,xmax,ymax"
SHORT = "{split}/{name}.png,{box[0]},{box[1]},{box[2]},{box[3]},{label}"
YAML = f"names: [{', '.join(LABELS)}]\nnc: 2\ntrain: ../train/images\nval: ../valid/images\n"
MAIN: Members = {f"ImageSets/Main/{split}.txt": "\n".join(of(split)) + "\n" for split in ("train", "test")}
MAIN |= {"ImageSets/Main/val.txt": "c\n", "ImageSets/Main/trainval.txt": "a\nb\nc\n"}
LAYOUTS: dict[str, Callable[[], Members]] = {
    "Roboflow, YOLO": lambda: yolo(
        "{split}/labels/{name}.txt", "{split}/images/{name}.png", data_yaml=YAML, README_txt="exported"
    ),
    "Ultralytics": lambda: yolo(
        "labels/{split}/{name}.txt",
        "images/{split}/{name}.png",
        data_yaml=f"names:\n  0: {LABELS[0]}\n  1: {LABELS[1]}\n",
    ),
    "Darknet with lists": lambda: yolo(
        "data/{name}.txt",
        "data/{name}.png",
        obj_names="\n".join(LABELS),
        train_txt="data/a.png\ndata/b.png\n",
        valid_txt="data/c.png\n",
        test_txt="data/d.png\n",
    ),
    "Roboflow, COCO": lambda: (
        photographs("{split}/{name}.png")
        | {f"{split}/_annotations.coco.json": coco_text((split,)) for split in SPLITS}
    ),
    "COCO by year": lambda: (
        photographs("{split}2017/{name}.png")
        | {f"annotations/instances_{split}2017.json": coco_text((split,)) for split in SPLITS}
        | {"annotations/captions.json": "{}"}
    ),
    "COCO in one, paths that name the split": lambda: (
        photographs("{split}/{name}.png")
        | {"annotations/instances_default.json": coco_text(SPLITS, "{split}/{name}.png")}
    ),
    "Roboflow, CSV": lambda: (
        photographs("{split}/{name}.png")
        | {f"{split}/_annotations.csv": csv_text((split,), HEADER, ROW) for split in SPLITS}
    ),
    "train_labels.csv beside a table of all": lambda: (
        photographs("images/{name}.png")
        | {f"data/{split}_labels.csv": csv_text((split,), HEADER, ROW) for split in SPLITS}
        | {"data/labels.csv": csv_text(SPLITS, HEADER, ROW)}
    ),
    "RetinaNet, without a header": lambda: (
        photographs("{split}/{name}.png") | {"annotations.csv": csv_text(SPLITS, "", SHORT)}
    ),
    "Roboflow, VOC": lambda: voc_files("{split}/{name}.xml", "{split}/{name}.png"),
    "VOC beside folders of photographs": lambda: voc_files("xml/{name}.xml", "images/{split}/{name}.png"),
    "VOC with ImageSets": lambda: voc_files("Annotations/{name}.xml", "JPEGImages/{name}.png") | MAIN,
}


def in_short(found: Annotations) -> list[tuple[Any, ...]]:
    """What was found, as FACES has it."""
    return sorted((box.split, Path(box.photograph).stem, box.label, box.corners) for box in found.boxes)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_boxes_and_honours_the_split(layout: str) -> None:
    found = read(LAYOUTS[layout]())
    assert in_short(found) == sorted((split.replace("valid", "train"), *face) for split, *face in FACES)
    assert found.split == "as published: train; valid for training too; test"


MAKESENSE = "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height"
MAKESENSE_ROW = "{label},{box[0]},{box[1]},{width},{height},{name}.png,60,40"
WITHOUT_SPLIT: dict[str, Callable[[], Members]] = {
    "makesense.ai, CSV": lambda: (
        photographs("images/{name}.png") | {"labels_mine.csv": csv_text(SPLITS, MAKESENSE, MAKESENSE_ROW)}
    ),
    "makesense.ai, CSV as it was": lambda: (
        photographs("images/{name}.png") | {"labels_mine.csv": csv_text(SPLITS, "", MAKESENSE_ROW)}
    ),
    "CVAT, YOLO": lambda: yolo(
        "obj_train_data/{name}.txt",
        "obj_train_data/{name}.png",
        obj_names="\n".join(LABELS),
        obj_data="classes = 2\ntrain = data/train.txt\nnames = data/obj.names\n",
        train_txt="".join(f"data/obj_train_data/{name}.png\n" for name in "abcd"),
    ),
    "CVAT, COCO": lambda: (
        photographs("images/default/{name}.png") | {"annotations/instances_default.json": coco_text(SPLITS)}
    ),
    "Label Studio, YOLO": lambda: yolo(
        "labels/{name}.txt",
        "images/{name}.png",
        classes_txt="\n".join(LABELS),
        notes_json=json.dumps({"categories": [{"id": 0, "name": "no_mask"}], "info": {"year": 2026}}),
    ),
    "Label Studio, COCO": lambda: (
        photographs("images/{name}.png") | {"result.json": coco_text(SPLITS, "images/{name}.png")}
    ),
    "Roboflow, Darknet": lambda: (
        yolo("all/{name}.txt", "all/{name}.png") | {"all/_darknet.labels": "\n".join(LABELS)}
    ),
}


@pytest.mark.parametrize("layout", WITHOUT_SPLIT)
def test_exports_without_a_split_are_read_whole(layout: str, tmp_path: Path) -> None:
    """From an archive, and from a folder as fetch_masks packs it."""
    members = WITHOUT_SPLIT[layout]()
    for name, content in members.items():
        put(tmp_path / "mine" / name, content.encode() if isinstance(content, str) else content)
    pack_folder(tmp_path / "mine", tmp_path / "packed.zip")
    with open_archive(tmp_path / "packed.zip", "masks.zip") as archive:
        packed = read_annotations(archive)
    for found in (read(members), packed):
        assert in_short(found) == sorted(("", *face) for _, *face in FACES)
        assert found.split == "drawn, as the source publishes none"


def test_every_format_is_a_setting() -> None:
    choices = get_args(MasksSettings.model_fields["annotations"].annotation)
    assert set(choices) == {"auto", *FORMATS}


def test_folders_that_only_a_data_yaml_tells_apart_are_honoured() -> None:
    folders = f"names: {LABELS}\ntrain: ../images/t\nval: ['../images/v', images/x]\n"
    members = yolo("labels/{split[0]}/{name}.txt", "images/{split[0]}/{name}.png", data_yaml=folders)
    members = {name: content for name, content in members.items() if name[-5] != "d"}  # the test photograph
    named = {"train": "train", "valid": "test"}
    expected = sorted((named[split], *face) for split, *face in FACES if split in named)
    assert in_short(read(members)) == expected


@pytest.fixture(scope="module")
def real(shared_data: Path) -> tuple[pd.DataFrame, zipfile.ZipFile]:
    """The rows of the real tables as pandas reads them, and the archive."""
    archive = zipfile.ZipFile(shared_data / "medical-masks.zip")
    rows = [
        pd.read_csv(archive.open(f"{split}.csv"), keep_default_na=False).assign(split=split)
        for split in ("train", "test")
    ]
    return pd.concat(rows, ignore_index=True), archive


def as_coco(rows: pd.DataFrame) -> Members:
    files: Members = {}
    for split, part in rows.groupby("split"):
        sizes = part.drop_duplicates("filename")
        images = [
            {"id": row.filename, "file_name": row.filename, "width": row.width, "height": row.height}
            for row in sizes.itertuples()
        ]
        boxes = [
            {
                "image_id": row.filename,
                "category_id": row.label,
                "bbox": [row.xmin, row.ymin, row.xmax - row.xmin, row.ymax - row.ymin],
            }
            for row in part.itertuples()
        ]
        categories = [{"id": label, "name": label} for label in sorted(set(rows.label))]
        files[f"{split}.json"] = json.dumps(
            {"images": images, "annotations": boxes, "categories": categories}, default=int
        )
    return files


def as_yolo(rows: pd.DataFrame) -> Members:
    files: Members = {"classes.txt": "bad\ngood\nnone\n"}
    for (split, name), part in rows.groupby(["split", "filename"]):
        lines = [
            f"{['bad', 'good', 'none'].index(row.label)} {(row.xmin + row.xmax) / 2 / row.width} "
            f"{(row.ymin + row.ymax) / 2 / row.height} {(row.xmax - row.xmin) / row.width} "
            f"{(row.ymax - row.ymin) / row.height}"
            for row in part.itertuples()
        ]
        files[f"labels/{split}/{Path(name).stem}.txt"] = "\n".join(lines)
    return files


def as_voc(rows: pd.DataFrame) -> Members:
    files: Members = {}
    for (split, name), part in rows.groupby(["split", "filename"]):
        faces = "".join(
            f"<object><name>{row.label}</name><bndbox><xmin>{row.xmin}</xmin><ymin>{row.ymin}</ymin>"
            f"<xmax>{row.xmax}</xmax><ymax>{row.ymax}</ymax></bndbox></object>"
            for row in part.itertuples()
        )
        stem, size = Path(name).stem, part.iloc[0]
        files[f"xml/{split}/{stem}.xml"] = (
            f"<annotation><filename>{name}</filename><size><width>{size.width}</width>"
            f"<height>{size.height}</height></size>{faces}</annotation>"
        )
    return files


@pytest.mark.parametrize("write", [None, as_coco, as_yolo, as_voc])
def test_the_real_boxes_come_back_from_every_format(
    real: tuple[pd.DataFrame, zipfile.ZipFile], write: Callable[[pd.DataFrame], Members] | None
) -> None:
    rows, archive = real
    if write is None:
        found = read({name: archive.read(name) for name in archive.namelist() if not name.endswith("/")})
    else:
        splits = rows.drop_duplicates("filename").set_index("filename").split
        pictures = {f"images/{splits[name]}/{name}": archive.read(f"images/{name}") for name in splits.index}
        found = read(write(rows) | pictures)
    boxes = in_short(found)
    columns = [rows[name] for name in ("split", "label", *CORNERS)]
    stems = [Path(name).stem for name in rows.filename]
    assert boxes == sorted(
        (split, stem, label, tuple(map(int, box)))
        for stem, split, label, *box in zip(stems, *columns, strict=True)
    )
    counts = Counter((split, label) for split, _, label, _ in boxes)
    assert [counts["train", label] for label in MASK_CLASSES] == [576, 2808, 103]  # as it is described
    assert [counts["test", label] for label in MASK_CLASSES] == [89, 283, 22]
    assert len({box.photograph for box in found.boxes}) == 674
