"""Annotations of every format: what is found in spite of odd names, what is said, and what is refused."""

import json
from typing import Any

import pytest

from pipeline.runtime.errors import InputError
from stages.crop_masks.boxes import Box, map_labels
from tests.crop_masks.conftest import LEAVES_OUT
from tests.crop_masks.test_formats import FACES, SPLITS, coco_text, photographs, read, yolo
from tests.crop_masks.test_split import some_boxes
from tests.making import HEADER, PHOTOGRAPH, TEST, Members, exif, photograph, picture_bytes, voc


@pytest.mark.parametrize("folder", ["", "masks/"])
def test_tables_give_the_split_and_photographs_are_found_beneath(folder: str) -> None:
    members: Members = {
        f"{folder}test.csv": HEADER + "b.png,60,40,bad,5,6,7,8\n",
        f"{folder}train.csv": HEADER + TEST + "a.png,60,40,none,-1,0,3,4\n",
        f"{folder}images/a.png": PHOTOGRAPH,
        f"{folder}images/b.png": PHOTOGRAPH,
    }
    a, b = f"{folder}images/a.png", f"{folder}images/b.png"
    assert read(members).boxes == [
        Box("train", a, "good", f"{folder}train.csv", (1, 2, 30, 40), (60, 40), 2),
        Box("train", a, "none", f"{folder}train.csv", (-1, 0, 3, 4), (60, 40), 3),
        Box("test", b, "bad", f"{folder}test.csv", (5, 6, 7, 8), (60, 40), 2),
    ]


@pytest.mark.parametrize(
    "members",
    [
        {"deep/er/x.xml": voc("good"), "deep/er/a.png": PHOTOGRAPH, "other/a.png": PHOTOGRAPH},
        {
            "x.xml": voc("good", photograph=r"C:\photographs\a.png"),
            "a.png": PHOTOGRAPH,
            "__MACOSX/x.xml": "?",
        },
    ],
)
def test_pascal_voc_in_any_folder(members: Members) -> None:
    (box,) = read(members).boxes
    assert box.photograph in members and not box.photograph.startswith("other")
    assert (box.label, box.split, box.corners, box.size) == ("good", "", (1, 2, 30, 40), (60, 40))
    assert box.where.endswith(".xml object 1")


def test_several_formats_are_refused_unless_one_is_chosen() -> None:
    members: Members = {"boxes.csv": HEADER + TEST, "x.xml": voc("bad"), "a.png": PHOTOGRAPH}
    with pytest.raises(InputError, match=r"2 formats: CSV, boxes.csv; Pascal VOC, x.xml. .*csv or voc"):
        read(members)
    assert [box.label for box in read(members, "csv").boxes] == ["good"]
    found = read(members, "voc")
    assert [box.label for box in found.boxes] == ["bad"] and "not read: boxes.csv" in found.notes


def test_what_is_no_annotation_is_skipped_and_said() -> None:
    cascade = '<?xml version="1.0"?>\n<!-- trained -->\n<opencv_storage><cascade/></opencv_storage>'
    found = read(
        {
            "boxes.csv": HEADER + TEST,
            "haar.xml": cascade,
            "sizes.csv": "name,size\na,3\n",
            "spare.jfif": PHOTOGRAPH,
            "README.md": "",
            "a.png": PHOTOGRAPH,
        }
    )
    assert len(found.boxes) == 1
    assert found.notes == [
        "1 CSV files have no boxes that can be read; first: sizes.csv line 1: no column filename, xmin, "
        "ymin, xmax, ymax; its columns are 'name', 'size'; needed are filename, label, xmin, ymin, xmax, "
        "ymax, with commas between them",
        "1 XML files are no annotations; first: haar.xml, which begins with <opencv_storage>",
        "1 photographs have no annotation: spare.jfif",
        "not read: README.md, haar.xml, sizes.csv",
    ]


def test_a_filename_that_names_another_photograph_is_reported() -> None:
    members: Members = {"a.xml": voc("good", photograph="b.png"), "a.png": PHOTOGRAPH, "b.png": PHOTOGRAPH}
    found = read(members)
    assert found.boxes[0].photograph == "b.png"
    assert found.notes[0] == (
        "1 Pascal VOC files name another photograph than that of their own name; <filename> was taken; "
        "first: a.xml, taken to be of b.png"
    )


@pytest.mark.parametrize(
    ("given", "there"),
    [
        ("a.png", ["x/a.png"]),
        ("A.PNG", ["a.png"]),
        ("cafe\u0301.png", ["café.png"]),
        ("y/a.png", ["x/a.png", "y/a.png"]),
        (r"C:\new\y\a.png", ["x/a.png", "y/a.png"]),
        ("a.png", ["more/a.png", "set/images/a.png"]),
        ("a.png", ["A.png", "a.png"]),
        ("my%20face%281%29.png", ["my face(1).png"]),
        ("my face.png", ["my%20face.png"]),
        ("caf%C3%A9.png", ["café.png"]),
        ("x/my%20face.png", ["y/my face.png", "x/my face.png"]),
        ("my%20face.png", ["my face.png", "my%20face.png"]),
        ("my face.png", ["my%20face.png", "my face.png"]),
        ("100%.png", ["100%.png"]),
    ],
)
def test_a_photograph_is_found_as_it_is_named(given: str, there: list[str]) -> None:
    members: Members = dict.fromkeys(there, PHOTOGRAPH)
    found = read(members | {"set/boxes.csv": HEADER + TEST.replace("a.png", given)})
    assert found.boxes[0].photograph == there[-1]


def test_all_faults_come_in_one_message_and_invalid_boxes_can_be_skipped() -> None:
    boxes = ["1,2,1,40", "30,2,1,40", "70,2,90,40", "1,2,x,40"] + [f"{n},0,{n},9" for n in range(30)]
    text = HEADER + TEST + "".join(f"a.png,60,40,good,{box}\n" for box in boxes)
    with pytest.raises(InputError) as error:
        read({"boxes.csv": text, "a.png": PHOTOGRAPH})
    lines = str(error.value).split("\n  ")
    assert lines[0] == "34 faults:" and len(lines) == 1 + 20 + 2
    assert lines[-2:] == [
        "and 14 more",
        "33 of them are invalid boxes; `crop_masks.invalid_boxes: skip` (of look_at and classify: "
        "--invalid-boxes skip) leaves these out",
    ]
    assert "boxes.csv line 6: xmax is 'x', not a number" in lines
    with pytest.raises(InputError, match="^boxes.csv line 6: xmax is 'x', not a number$"):
        read({"boxes.csv": text, "a.png": PHOTOGRAPH}, skip=True)
    found = read({"boxes.csv": text.replace("x,40", "9,40"), "a.png": PHOTOGRAPH}, skip=True)
    assert found.skipped == 33 and len(found.boxes) == 2
    assert found.notes[0].startswith(
        "33 invalid boxes were skipped (crop_masks.invalid_boxes); first: boxes.csv"
    )


def test_a_fault_far_down_a_file_without_a_header_is_named() -> None:
    rows = [TEST.replace(",1,2,", f",{n},2,") for n in range(20)]
    with pytest.raises(InputError, match="^boxes.csv line 21: not CSV: "):
        read({"boxes.csv": "".join([*rows, 'a.png,"b"c']), "a.png": PHOTOGRAPH})


def test_polygons_are_taken_as_the_box_around_them() -> None:
    """Of YOLO's segmentation; classes without names are their numbers."""
    text = "7 0.5 0.25 0.75 0.5 0.25 0.75\n"
    found = read({"labels/a.txt": text, "images/a.png": PHOTOGRAPH})
    (box,) = found.boxes
    assert (box.label, box.corners) == ("7", (15, 10, 45, 30))
    assert found.notes == [
        "1 YOLO lines are polygons, of which the box around is taken; first: labels/a.txt line 1"
    ]


@pytest.mark.parametrize("form", ["csv", "voc", "coco", "yolo"])
def test_a_name_encoded_as_in_urls_finds_its_photograph_in_every_format(form: str) -> None:
    named = "my%20face.png"
    image = {"id": 1, "file_name": named}
    annotation = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 29, 38]}
    content = {"images": [image], "annotations": [annotation], "categories": [{"id": 1, "name": "good"}]}
    files: dict[str, Members] = {
        "csv": {"x.csv": HEADER + TEST.replace("a.png", named)},
        "voc": {"my%20face.xml": voc("good", photograph="")},
        "coco": {"x.json": json.dumps(content)},
        "yolo": {"my%20face.txt": "0 0.258333 0.525 0.483333 0.95\n", "classes.txt": "good\n"},
    }
    (box,) = read({"my face.png": PHOTOGRAPH} | files[form]).boxes
    assert (box.photograph, box.label, box.corners) == ("my face.png", "good", (1, 2, 30, 40))


def in_shares(form: str, more: tuple[float, ...] = ()) -> Members:
    """A box that is given in shares of a photograph of 200 x 150, and perhaps another one."""
    boxes = [(0.10, 0.2, 0.70, 0.95), *([more] if more else [])]
    image = {"id": 1, "file_name": "0.png", "width": 200, "height": 150}
    content: dict[str, Any] = {"images": [image], "categories": [{"id": 1, "name": "good"}]}
    content["annotations"] = [
        {"image_id": 1, "category_id": 1, "bbox": [left, top, right - left, bottom - top]}
        for left, top, right, bottom in boxes
    ]
    objects = "".join(voc("good", box).split("</size>")[1].removesuffix("</annotation>") for box in boxes)
    files: dict[str, Members] = {
        "csv": {"x.csv": "".join(f"0.png,{','.join(map(str, box))},good\n" for box in boxes)},
        "voc": {"x.xml": f"<annotation><filename>0.png</filename>{objects}</annotation>"},
        "coco": {"x.json": json.dumps(content)},
    }
    return files[form] | {"0.png": picture_bytes(photograph(200, 150))}


@pytest.mark.parametrize("form", ["csv", "voc", "coco"])
def test_corners_from_0_to_1_are_shares_of_the_photograph(form: str) -> None:
    found = read(in_shares(form))
    assert [box.corners for box in found.boxes] == [(20, 30, 140, 142)]
    assert len(found.notes) == 1 and found.notes[0].startswith(
        "1 boxes have corners from 0 to 1, which were taken as shares of the photograph's width and height; "
        "first: x."
    )
    found = read(in_shares(form, (0, 0, 1.0009, 1)))  # rounded
    assert [box.corners for box in found.boxes] == [(20, 30, 140, 142), (0, 0, 200, 150)]
    assert found.notes[0].startswith("2 boxes have corners from 0 to 1")


@pytest.mark.parametrize("form", ["csv", "voc", "coco"])
@pytest.mark.parametrize("absolute", [(0, 0, 1.0011, 1), (0, 0, 2, 1), (0, -9, 1, 1), (30, 2, 90, 50)])
def test_one_absolute_coordinate_settles_that_all_are_pixels(form: str, absolute: tuple[float, ...]) -> None:
    found = read(in_shares(form, absolute))
    assert [box.corners for box in found.boxes] == [(0, 0, 1, 1), tuple(map(round, absolute))]
    assert found.notes == []


def test_corners_without_a_fraction_are_pixels_and_files_of_a_split_are_judged_together() -> None:
    members: Members = {"a.png": PHOTOGRAPH, "b.png": PHOTOGRAPH, "boxes.csv": "a.png,0,0,1,1,good\n"}
    assert [box.corners for box in read(members).boxes] == [(0, 0, 1, 1)]
    del members["boxes.csv"]
    members |= {"train.csv": "a.png,0,0,1,0.5,good\n", "test.csv": "b.png,0,0,1,1,good\n"}
    assert [box.corners for box in read(members).boxes] == [(0, 0, 60, 20), (0, 0, 60, 40)]
    members |= {"test.csv": "b.png,0,0,9,9,good\n"}
    with pytest.raises(InputError, match=r"^train.csv line 1: the box from \(0, 0\) to \(1, 0\) has no area"):
        read(members)


@pytest.mark.parametrize(("size", "corners"), [("", (4, 12, 20, 48)), ("60,40", (6, 8, 30, 32))])
def test_shares_are_of_the_photograph_as_its_boxes_were_drawn_on_it(
    size: str, corners: tuple[int, ...]
) -> None:
    """Turned, or as stored where width and height are those of the pixels as stored."""
    text = f"a.png,{size or ','},good,0.1,0.2,0.5,0.8\n"
    found = read({"x.csv": HEADER + text, "a.png": picture_bytes(photograph(), exif=exif(6))})
    assert [box.corners for box in found.boxes] == [corners]


def test_yolo_boxes_are_on_the_turned_photograph() -> None:
    """As Ultralytics and supervision have it."""
    found = read(
        {"a.txt": "0 0.25 0.5 0.5 0.2\n", "a.jpg": picture_bytes(photograph(), "JPEG", exif=exif(6))}
    )
    (box,) = found.boxes
    assert (box.corners, box.turned) == ((0, 24, 20, 36), True)
    assert len(found.notes) == 1 and "taken to be on the photograph as turned; first: a.jpg" in found.notes[0]


def test_crowds_are_left_out_and_photographs_without_faces_are_counted() -> None:
    content = json.loads(coco_text(SPLITS))
    content["annotations"][0]["iscrowd"] = 1
    content["images"].append({"id": 9, "file_name": "empty.png", "width": 0, "height": 0})
    found = read(
        photographs("{name}.png") | {"all.json": json.dumps(content), "empty.png": PHOTOGRAPH}, "coco"
    )
    assert len(found.boxes) == len(FACES) - 1 and found.photographs == 5
    assert found.notes == ["1 boxes of a crowd (iscrowd) are left out; first: all.json object 1"]


YOLO_FAULTS = {
    "0 0.5 0.5 0.1": "labels/a.txt line 2: 3 numbers after the class; a box has 4, a polygon 6, 8 or more",
    "0 30 20 10 10": (
        "labels/a.txt line 2: ['30', '20', '10', '10'] are no shares of width and height, from 0 to 1"
    ),
    "0 0.5 x 0.1 0.1": "labels/a.txt line 2: the centre's y is 'x', not a number",
    "0 0.5 0.5 0 0": (
        "labels/a.txt line 2: the box from (30, 20) to (30, 20) has no area; are corners swapped?\n  "
        + LEAVES_OUT
    ),
}


@pytest.mark.parametrize("line", YOLO_FAULTS)
def test_a_label_file_that_cannot_be_taken_literally(line: str) -> None:
    with pytest.raises(InputError) as error:
        read({"labels/a.txt": f"0 0.5 0.5 0.1 0.1\n{line}\n", "images/a.png": PHOTOGRAPH})
    assert str(error.value) == YOLO_FAULTS[line]


def changed(**parts: Any) -> str:
    return json.dumps(json.loads(coco_text(("train",))) | parts)


def test_a_large_json_file_is_read_if_it_is_coco_and_ignored_if_not() -> None:
    large = " " * 2**24
    members: Members = {"boxes.csv": HEADER + TEST, "a.png": PHOTOGRAPH}
    assert len(read(members | {"notes.json": f'{{"images": 3}}{large}'}).boxes) == 1
    with pytest.raises(InputError, match="2 formats: CSV, boxes.csv; COCO, all.json"):
        read(members | {"all.json": f'{{"images": [], {large} "annotations": []}}'})
    with pytest.raises(InputError, match="^all.json: `categories` must be a list"):
        read(members | {"all.json": f'{{"images": [], {large} "annotations": []}}'}, "coco")


COCO_FAULTS = {
    "not JSON": ('{"images" "annotations"', " is not valid JSON: parse error: object key and value must be"),
    "a list": ('["images", "annotations"]', " is not a COCO file: it must hold `images`, `annotations` and"),
    "deeper than any data": (
        '{"images": [], "annotations": [' + "[" * 100_000,
        ": `annotations` must be a list",
    ),
    "no categories": (changed(categories=None), ": `categories` must be a list of objects in braces"),
    "an id twice": (
        changed(categories=[{"id": 1, "name": "a"}] * 2),
        ": the `id` of categories 2 is 1; each needs its own",
    ),
    "no name": (changed(categories=[{"id": 1}]), ": `name` is None; it must be text"),
    "no such image": (
        changed(annotations=[{"image_id": 5, "category_id": 0, "bbox": [1, 2, 3, 4]}]),
        " object 1: `image_id` is 5, which the file does not list",
    ),
    "no such category": (
        changed(annotations=[{"image_id": "a", "category_id": 5, "bbox": [1, 2, 3, 4]}]),
        " object 1: `category_id` is 5, which the file does not list",
    ),
    "three numbers": (
        changed(annotations=[{"image_id": "a", "category_id": 0, "bbox": [1, 2, 3]}]),
        " object 1: `bbox` is [1, 2, 3]; it must be [left, top, width, height] in pixels",
    ),
    "NaN": (
        changed(annotations=[{"image_id": "a", "category_id": 0, "bbox": [1, 2, float("nan"), 4]}]),
        " is not valid JSON: lexical error: invalid char in json text, near ",
    ),
}


@pytest.mark.parametrize("case", COCO_FAULTS)
def test_a_coco_file_that_cannot_be_taken_literally(case: str) -> None:
    text, message = COCO_FAULTS[case]
    with pytest.raises(InputError) as error:
        read({"all.json": text, "a.png": PHOTOGRAPH, "b.png": PHOTOGRAPH})
    assert str(error.value).startswith(f"all.json{message}")


def test_two_images_of_one_photograph_are_refused() -> None:
    """Also if only one has boxes, and if their names are spelled differently."""
    names = {7: "a.png", "x": "images/A.png", 8: "b.png", 9: "a.png"}
    images = [{"id": key, "file_name": name} for key, name in names.items()]
    boxes = [{"image_id": 7, "category_id": 0, "bbox": [1, 2, 3, 4]}]
    members: Members = {"all.json": changed(images=images, annotations=boxes)}
    with pytest.raises(InputError) as error:
        read(members | {"images/a.png": PHOTOGRAPH, "images/b.png": PHOTOGRAPH})
    advice = "are both images/a.png; give each its own `file_name`, or all boxes one `image_id`"
    assert str(error.value).split("\n  ") == [
        "2 faults:",
        f"all.json: the images with the `id` 7 and 'x' {advice}",
        f"all.json: the images with the `id` 7 and 9 {advice}",
    ]


def test_class_names_that_do_not_agree_are_refused() -> None:
    members = yolo("{name}.txt", "{name}.png", classes_txt="a\nb\n", obj_names="b\na\n")
    with pytest.raises(InputError, match="classes.txt, obj.names name the classes differently"):
        read(members)


def test_an_upside_down_photograph_is_said() -> None:
    found = read({"boxes.csv": HEADER + TEST, "a.png": picture_bytes(photograph(), "JPEG", exif=exif(3))})
    assert found.boxes[0].turned
    assert found.notes == [
        "1 photographs have an EXIF rotation and no width and height that could tell, so their boxes are "
        "taken to be on the photograph as turned; first: a.png"
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
