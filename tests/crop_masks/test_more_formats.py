"""Files as VIA, LabelMe, CVAT, createML and Open Images write them, and class folders of faces: their boxes,
worked by hand.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.runtime.errors import InputError
from tests.crop_masks.conftest import NO_ANNOTATIONS, Source
from tests.crop_masks.test_formats import coco_text, photographs, read
from tests.making import HEADER, PHOTOGRAPH, TEST, Accepted, Members, exif, photograph, picture_bytes

PICTURES: Members = dict.fromkeys(["images/a.png", "images/b.png", "images/c.png"], PHOTOGRAPH)  # 60 x 40
LEFT_OUT = "shapes are no rectangles or polygons, and are left out"
POLYGONS = "shapes are polygons, of which the box around is taken"


def rect(x: Any, y: Any, width: Any, height: Any) -> dict[str, Any]:
    return {"name": "rect", "x": x, "y": y, "width": width, "height": height}


POLYGON = {"name": "polygon", "all_points_x": [40, 59.5, 44], "all_points_y": [3, 20, 39]}
CIRCLE = {"name": "circle", "cx": 12, "cy": 12, "r": 5}


def region(shape: Any, **attributes: Any) -> dict[str, Any]:
    return {"shape_attributes": shape, "region_attributes": attributes}


def via_photographs(**of: Any) -> dict[str, Any]:
    """The regions of each photograph, as VIA exports them."""
    return {
        f"{name}.png1234": {
            "filename": f"{name}.png",
            "size": 1234,
            "regions": regions,
            "file_attributes": {},
        }
        for name, regions in of.items()
    }


VIA_REGIONS = {
    "a": [region(rect(1, 2, 29, 38), mask="worn"), region(rect(0, 0, 60, 40), mask="none", pose="left")],
    "b": [region(POLYGON, mask="none"), region(CIRCLE, mask="none")],
    "c": [],
}
VIA_FACES = [
    ("images/a.png", "worn", (1, 2, 30, 40)),
    ("images/a.png", "none", (0, 0, 60, 40)),
    ("images/b.png", "none", (40, 3, 60, 39)),
]


def via_project() -> str:
    """With the settings first, and the attribute a dropdown, as VIA 2 saves it."""
    options = {"type": "dropdown", "description": "", "options": {"worn": "", "none": ""}}
    project = {
        "_via_settings": {"ui": {"image": {"region_label": "mask"}}, "project": {"name": "faces"}},
        "_via_img_metadata": via_photographs(**VIA_REGIONS),
        "_via_attributes": {"region": {"mask": options}, "file": {}},
        "_via_data_format_version": "2.0.10",
    }
    return json.dumps(project, indent=2)


def via_1() -> str:
    """VIA 1 has the regions by number, and may hold the photograph itself."""
    entries = via_photographs(**VIA_REGIONS)
    for entry in entries.values():
        entry["regions"] = {str(number): each for number, each in enumerate(entry["regions"])}
        entry |= {"fileref": "", "base64_img_data": "iVBOR/w0KGgo+AAA="}
    return json.dumps(entries)


def via_checkboxes() -> str:
    boxes = {"worn": {"worn": True}, "none": {"none": True, "worn": False}}
    text = json.dumps(via_photographs(**VIA_REGIONS))
    for label, box in boxes.items():
        text = text.replace(f'"mask": "{label}"', f'"mask": {json.dumps(box)}')
    return text


VIA_TABLE = """\
#filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes
a.png,1234,"{}",2,0,"{""name"":""rect"",""x"":1,""y"":2,""width"":29,""height"":38}","{""mask"":""worn""}"
a.png,1234,"{}",2,1,"{""name"":""rect"",""x"":0,""y"":0,""width"":60,""height"":40}","{""mask"":""none"",""pose"":""left""}"
b.png,1234,"{}",2,0,"{""name"":""polygon"",""all_points_x"":[40,59.5,44],""all_points_y"":[3,20,39]}","{""mask"":""none""}"
b.png,1234,"{}",2,1,"{""name"":""circle"",""cx"":12,""cy"":12,""r"":5}","{""mask"":""none""}"
c.png,1234,"{}",0,0,"{}","{}"
"""  # noqa: E501
SEVERAL = "VIA files have several region_attributes, of which the most frequent is taken as the label"


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("via_project.json", via_project(), "object"),
        ("via_region_data.json", json.dumps(via_photographs(**VIA_REGIONS)), "object"),
        ("old.json", via_1(), "object"),
        ("boxes.json", via_checkboxes(), "object"),
        ("via_export_csv.csv", VIA_TABLE, "line"),
        ("new.csv", VIA_TABLE.removeprefix("#"), "line"),
    ],
)
def test_via(name: str, text: str, where: str) -> None:
    found = read(PICTURES | {f"images/{name}": text})
    assert [(box.photograph, box.label, box.corners) for box in found.boxes] == VIA_FACES
    assert found.layout == f"VIA: images/{name}" and found.photographs == 3
    third, fourth = (3, 4) if where == "object" else (4, 5)
    assert found.notes == [
        f"1 {SEVERAL}; first: images/{name}, 'mask'",
        f"1 {POLYGONS}; first: images/{name} {where} {third}",
        f"1 {LEFT_OUT}; first: images/{name} {where} {fourth}, circle",
    ]


def labelme(photograph: str, *shapes: Any, **more: Any) -> str:
    """As LabelMe saves it, with the photograph inside."""
    content = {
        "version": "5.4.1",
        "flags": {},
        "shapes": shapes,
        "imagePath": photograph,
        "imageData": "/9j/4AAQSkZJRgABAQ==",
        "imageHeight": 40,
        "imageWidth": 60,
    }
    return json.dumps(content | more, indent=2)


def shape(label: Any, points: Any, kind: Any = "rectangle") -> dict[str, Any]:
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}}


def test_labelme() -> None:
    members: Members = {
        "train/a.json": labelme(
            "a.png", shape("worn", [[30, 2], [1, 40]]), shape("none", [[60, 40], [0, 0]])
        ),
        "test/b.json": labelme(
            "..\\images\\b.png",
            shape("none", [[40, 3], [59.5, 20], [44, 39]], "polygon"),
            shape("none", [[7, 11], [19, 23]], "circle"),
            shape("none", [[7, 11], [19, 23], [7, 23]], None),  # a polygon, as LabelMe has it
        ),
        "train/c.json": labelme("c.png"),
        "train/a.png": PHOTOGRAPH,
        "test/b.png": PHOTOGRAPH,
        "train/c.png": PHOTOGRAPH,
    }
    found = read(members)
    assert [(box.split, box.photograph, box.label, box.corners, box.size) for box in found.boxes] == [
        ("test", "test/b.png", "none", (40, 3, 60, 39), (60, 40)),
        ("test", "test/b.png", "none", (7, 11, 19, 23), (60, 40)),
        ("train", "train/a.png", "worn", (1, 2, 30, 40), (60, 40)),
        ("train", "train/a.png", "none", (0, 0, 60, 40), (60, 40)),
    ]
    assert found.layout == "LabelMe: test/b.json, train/a.json, train/c.json" and found.photographs == 3
    assert found.notes == [
        f"2 {POLYGONS}; first: test/b.json object 1",
        f"1 {LEFT_OUT}; first: test/b.json object 2, 'circle'",
    ]


def test_a_large_photograph_inside_of_a_labelme_file_is_no_matter() -> None:
    """Behind the shapes as in front of them, and whatever it spells."""
    inside = {"imageData": "/9j/images+annotations" * 2**20}
    members = PICTURES | {"a.json": labelme("a.png", shape("worn", [[1, 2], [30, 40]]), **inside)}
    content = json.loads(str(members["a.json"]))
    members["b.json"] = json.dumps(inside | content | {"imagePath": "b.png"})
    assert [box.corners for box in read(members).boxes] == [(1, 2, 30, 40)] * 2
    with pytest.raises(InputError, match="^a.json is larger than 16 MiB$"):
        read(PICTURES | {"a.json": str(members["a.json"]).replace("imageData", "pixels")})


CVAT = """\
<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><name>faces</name><labels><label><name>worn</name></label></labels></task></meta>
  <image id="0" name="images/a.png" subset="Train" task_id="1" width="60" height="40">
    <box label="worn" source="manual" occluded="0" xtl="1.00" ytl="2.20" xbr="30.00" ybr="39.90" z_order="0">
      <attribute name="pose">left</attribute>
    </box>
    <box label="none" source="manual" occluded="0" xtl="10" ytl="10" xbr="20" ybr="30" rotation="90.0"></box>
  </image>
  <image id="1" name="images/b.png" subset="Validation" task_id="1" width="60" height="40">
    <tag label="crowded" source="manual"></tag>
    <polygon label="none" source="manual" points="40.00,3.00;59.50,20.00;44.00,39.00" z_order="0"></polygon>
    <ellipse label="none" source="manual" cx="9" cy="9" rx="3" ry="3" z_order="0"></ellipse>
  </image>
  <image id="2" name="images/c.png" subset="Train" task_id="1" width="60" height="40">
  </image>
</annotations>
"""


def test_cvat() -> None:
    """A box of 10 x 20 around (15, 20) is 20 x 10 once turned by 90 degrees."""
    found = read(PICTURES | {"annotations.xml": CVAT})
    assert [(box.split, box.photograph, box.label, box.corners) for box in found.boxes] == [
        ("train", "images/a.png", "worn", (1, 2, 30, 40)),
        ("train", "images/a.png", "none", (5, 15, 25, 25)),
        ("test", "images/b.png", "none", (40, 3, 60, 39)),
    ]
    assert found.layout == "CVAT: annotations.xml" and found.photographs == 3
    assert found.split == "as published: train; valid, as the test set"
    assert found.notes == [
        "1 boxes are rotated, and the upright box around each is taken; first: annotations.xml object 2",
        f"2 {LEFT_OUT}; first: annotations.xml object 3, tag",
        f"1 {POLYGONS}; first: annotations.xml object 4",
    ]


def createml(**of: Any) -> str:
    entries = []
    for name, faces in of.items():
        annotations = [
            {"label": label, "coordinates": dict(zip(("x", "y", "width", "height"), numbers, strict=True))}
            for label, *numbers in faces
        ]
        entries.append({"image": f"{name}.png", "annotations": annotations})
    return json.dumps(entries)


def test_createml() -> None:
    """x and y are the middle of a box."""
    text = createml(a=[("worn", 15.5, 21, 29, 38), ("none", 30, 20, 60, 40)], b=[], c=[("none", 5, 6, 4, 2)])
    old = text.replace('"image"', '"imagefilename"').replace('"annotations"', '"annotation"')
    expected = [
        ("images/a.png", "worn", (1, 2, 30, 40)),
        ("images/a.png", "none", (0, 0, 60, 40)),
        ("images/c.png", "none", (3, 5, 7, 7)),
    ]
    for written in (text, old, "\ufeff\n" + json.dumps(json.loads(text), indent=4)):
        found = read(PICTURES | {"_annotations.createml.json": written})
        assert [(box.photograph, box.label, box.corners) for box in found.boxes] == expected
        assert found.layout == "createML: _annotations.createml.json"
        assert found.photographs == 3 and found.notes == []


OPEN_IMAGES = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf\n"
FACE = "0001eeaf4aed83f9,xclick,/m/0dzct,1,0.100000,0.500000,0.250000,0.750000,0,0,0\n"
GROUP = "0001eeaf4aed83f9,xclick,/m/0dzct,1,0.0,1.0,0.0,1.0,0,0,1\n"
MASK = "0002.b,xclick,/m/02p5f1q,1,0,0.25,0.5,1,0,0,0\n"
NAMES = "/m/0dzct,Human face\n/m/02p5f1q,Mask\n"
OPEN_PICTURES: Members = {"train/0001EEAF4aed83f9.jpg": PHOTOGRAPH, "validation/0002.b.jpg": PHOTOGRAPH}
OPEN_TABLES: Members = {
    "csv/train-annotations-bbox.csv": OPEN_IMAGES + FACE + GROUP,
    "csv/validation-annotations-bbox.csv": OPEN_IMAGES + MASK,
}
OPEN_BOXES = [
    ("train", "train/0001EEAF4aed83f9.jpg", (6, 10, 30, 30)),
    ("test", "validation/0002.b.jpg", (0, 20, 15, 40)),
]


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ({"class-descriptions-boxable.csv": NAMES}, ["Human face", "Mask"]),
        ({"oidv7-class-descriptions.csv": "LabelName,DisplayName\n" + NAMES}, ["Human face", "Mask"]),
        ({}, ["/m/0dzct", "/m/02p5f1q"]),
    ],
)
def test_open_images(names: Members, labels: list[str]) -> None:
    found = read(OPEN_PICTURES | OPEN_TABLES | names)
    assert [(box.split, box.photograph, box.corners) for box in found.boxes] == OPEN_BOXES
    assert [box.label for box in found.boxes] == labels
    assert found.layout.startswith("Open Images: csv/train-annotations-bbox.csv, csv/validation-")
    assert found.notes == [
        "1 boxes around a group (IsGroupOf) are left out; first: csv/train-annotations-bbox.csv line 3"
    ]


@pytest.mark.parametrize(
    ("folder", "split"),
    [
        ("Face Mask Dataset/{split}/{label}", "as published: train; valid for training too; test"),
        ("{label}", "drawn, as the source publishes none"),
    ],
)
def test_class_folders_of_faces(folder: str, split: str) -> None:
    members: Members = {"README.md": "from a tutorial", "data/.DS_Store": ""}
    for number, (part, label) in enumerate(
        [
            ("Train", "with_mask"),
            ("Train", "without_mask"),
            ("Validation", "with_mask"),
            ("Test", "with_mask"),
        ]
    ):
        name = f"{folder.format(split=part, label=label)}/{number}.png"
        members[name] = picture_bytes(photograph(20 + number, 30))
    found = read(members)
    assert sorted((Path(box.photograph).stem, box.label, box.corners) for box in found.boxes) == [
        ("0", "with_mask", (0, 0, 20, 30)),
        ("1", "without_mask", (0, 0, 21, 30)),
        ("2", "with_mask", (0, 0, 22, 30)),
        ("3", "with_mask", (0, 0, 23, 30)),
    ]
    splits = {Path(box.photograph).stem: box.split for box in found.boxes}
    published = {"0": "train", "1": "train", "2": "train", "3": "test"}
    assert splits == (published if "{split}" in folder else dict.fromkeys("0123", ""))
    assert found.split == split and found.layout.startswith("faces in class folders: 4 files (")
    assert found.boxes[0].where == found.boxes[0].photograph


def test_a_face_that_exif_turns_is_whole() -> None:
    lying = picture_bytes(photograph(60, 40), exif=exif(6))
    found = read({"worn/a.png": lying, "none/b.png": PHOTOGRAPH})
    assert [(box.corners, box.turned) for box in found.boxes] == [
        ((0, 0, 60, 40), False),
        ((0, 0, 40, 60), True),
    ]


FOLDERS: Members = {"worn/a.png": PHOTOGRAPH, "none/b.png": PHOTOGRAPH}


@pytest.mark.parametrize(
    "others",
    [
        {"boxes.csv": HEADER + TEST},
        {"all.json": coco_text(("train",))},
        {"worn/a.txt": "0 0.5 0.5 0.25 0.5\n"},
        {"via.json": json.dumps(via_photographs(a=[region(rect(1, 2, 3, 4), mask="x")]))},
    ],
)
def test_class_folders_are_not_taken_beside_annotations(others: Members) -> None:
    assert len(read(FOLDERS | others).boxes) == 1 or "all.json" in others
    assert [box.label for box in read(FOLDERS | others, "folders").boxes] == ["none", "worn"]


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (FOLDERS | {"c.png": PHOTOGRAPH}, "pictures are in no class folder, as others are; first: c.png"),
        (FOLDERS | {"train/c.png": PHOTOGRAPH}, "are in no class folder, as others are; first: train/c.png"),
        ({"faces/a.png": PHOTOGRAPH, "faces/b.png": PHOTOGRAPH}, "it holds 2 .png"),
        ({"train/a.png": PHOTOGRAPH, "test/b.png": PHOTOGRAPH}, "it holds 2 .png"),
        (FOLDERS | {"notes.json": "{}"}, "annotations: folders reads its folders as classes of faces"),
        (FOLDERS | {"lost.txt": "0 0.5 0.5 0.25 0.5\n"}, "annotations: folders reads its folders as classes"),
    ],
)
def test_what_are_no_class_folders(members: Members, said: str) -> None:
    with pytest.raises(InputError) as error:
        read(members)
    assert str(error.value).startswith(f"archive {NO_ANNOTATIONS}") and said in str(error.value)


def test_a_picture_of_a_face_that_is_none_is_named() -> None:
    with pytest.raises(
        InputError, match="^class worn: worn/c.png cannot be read as a picture: unknown format$"
    ):
        read(FOLDERS | {"worn/c.png": b"\x89PNG"})


WITH_ALL: dict[str, Members] = {
    "csv": {"x.csv": HEADER + TEST},
    "coco": {"coco.json": coco_text(("train",))},
    "via": {"via.json": via_project()},
    "labelme": {"a.json": labelme("a.png", shape("worn", [[30, 2], [1, 40]]))},
    "cvat": {"annotations.xml": CVAT},
    "createml": {"createml.json": createml(a=[("worn", 15.5, 21, 29, 38)])},
    "open_images": {"boxes.csv": OPEN_IMAGES + FACE.replace("0001eeaf4aed83f9", "a"), "names.csv": NAMES},
}


def test_each_format_takes_its_own_files_alone() -> None:
    """Of a folder that has all of them, and where there is one alone nothing is said of it as another's."""
    together = PICTURES | {name: text for files in WITH_ALL.values() for name, text in files.items()}
    for form, files in WITH_ALL.items():
        assert read(together, form).layout.endswith(f": {next(iter(files))}")
        others = photographs("images/{name}.png") if form == "coco" else PICTURES
        notes = read(others | files).notes
        assert not any("not read" in note or "can be read" in note for note in notes)


def test_the_stage_cuts_class_folders(source: Source, accepted: Accepted) -> None:
    faces = [f"{part}/{name}" for part in ("train", "test") for name in ("bad", "good", "none")]
    folder = source({f"{face}/a.png": PHOTOGRAPH for face in faces})
    assert "masks: 3 test boxes: 1 bad, 1 good, 1 none" in accepted("crop_masks")
    rows = (folder / "data/boxes.csv").read_text().splitlines()[1:]
    assert sorted(row.split(",")[1] for row in rows) == sorted(f"{face}/a.png" for face in faces)
    for row in rows:
        split, name, label, *corners = row.split(",")[:7]
        assert name == f"{split}/{label}/a.png" and corners == ["0", "0", "60", "40"]
