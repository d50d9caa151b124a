"""Bad files of VIA, LabelMe, CVAT, createML and Open Images: what is said of each."""

import json
from typing import Any

import pytest

from pipeline.runtime.errors import InputError
from tests.crop_masks.conftest import LEAVES_OUT
from tests.crop_masks.test_formats import read
from tests.crop_masks.test_more_formats import (
    CIRCLE,
    CVAT,
    FACE,
    NAMES,
    OPEN_IMAGES,
    PICTURES,
    VIA_TABLE,
    createml,
    labelme,
    rect,
    region,
    shape,
    via_photographs,
    via_project,
)
from tests.making import Members

NO_AREA = ": the box from ({}, {}) to ({}, {}) has no area; are corners swapped?"
NUMBER = "it must be a number of pixels"
TEXT = "it must be text"
OUTSIDE = ": the box (60, 2, 63, 6) lies outside of images/a.png, (60, 40)"
SKIP = f"\n  {LEAVES_OUT}"
VIA_FAULTS = {  # of the first of two regions
    "a key missing": (
        region({"name": "rect", "x": 1, "y": 2, "width": 3}, m="w"),
        f": `height` is None; {NUMBER}",
    ),
    "text for a number": (region(rect("1", 2, 3, 4), m="w"), f": `x` is '1'; {NUMBER}"),
    "true for a number": (region(rect(True, 2, 3, 4), m="w"), f": `x` is True; {NUMBER}"),
    "NaN": (region(rect(1, float("nan"), 3, 4), m="w"), f": `y` is nan; {NUMBER}"),
    "infinity": (region(rect(1, float("-inf"), 3, 4), m="w"), f": `y` is -inf; {NUMBER}"),
    "a million pixels": (region(rect(1, 2, 1_000_001, 4), m="w"), f": `width` is 1000001; {NUMBER}"),
    "zero area": (region(rect(1, 2, 0, 4), m="w"), NO_AREA.format(1, 2, 1, 6) + SKIP),
    "outside": (region(rect(60, 2, 3, 4), m="w"), OUTSIDE + SKIP),
    "no kind": (region({"x": 1}, m="w"), f": `name` is None; {TEXT}"),
    "no shape": (region([], m="w"), ": `shape_attributes` is []; it must be an object in braces"),
    "a polygon without y": (
        region({"name": "polygon", "all_points_x": [1, 2, 3]}, m="w"),
        ": `all_points_y` is None; it must be a list of numbers",
    ),
    "a polygon of two": (
        region({"name": "polygon", "all_points_x": [1, 2], "all_points_y": [1, 2]}, m="w"),
        ": a polygon of 2 x and 2 y; it needs 3 or more of both",
    ),
    "no label": (
        region(rect(1, 2, 3, 4), m=" ", n={"x": False}),
        ": no label; its region_attributes are {'m': ' ', 'n': {'x': False}}",
    ),
    "a number as label": (region(rect(1, 2, 3, 4), m=5), ": no label; its region_attributes are {'m': 5}"),
    "two boxes checked": (
        region(rect(1, 2, 3, 4), m={"w": True, "x": True}),
        ": 'm' has several values: ['w', 'x']; leave one",
    ),
}


@pytest.mark.parametrize("case", VIA_FAULTS)
def test_a_region_of_via_that_cannot_be_taken_literally(case: str) -> None:
    """As JSON, and as a row of CSV."""
    wrong, message = VIA_FAULTS[case]
    entries = via_photographs(a=[wrong], b=[region(rect(1, 2, 3, 4), m="w")])
    rows = [
        f'{entry["filename"]},1,"{{}}",1,0,'
        + ",".join('"' + json.dumps(value).replace('"', '""') + '"' for value in entry["regions"][0].values())
        for entry in entries.values()
    ]
    if "skip" in message:
        assert len(read(PICTURES | {"v.json": json.dumps(entries)}, skip=True).boxes) == 1
    for name, text, where in [
        ("v.json", json.dumps(entries), "object 1"),
        ("v.csv", "\n".join([VIA_TABLE.splitlines()[0], *rows]), "line 2"),
    ]:
        with pytest.raises(InputError) as error:
            read(PICTURES | {name: text})
        said = message if name == "v.json" else message.replace("`shape_", "`region_shape_")
        assert str(error.value) == f"{name} {where}{said}"


def via_json(**changes: Any) -> Members:
    """Two photographs with a region each, the first entry changed."""
    entries = via_photographs(**{name: [region(rect(1, 2, 3, 4), mask="worn")] for name in "ab"})
    entries["a.png1234"] |= changes
    return {"v.json": json.dumps(entries)}


def via_row(*values: str) -> Members:
    return {"v.csv": VIA_TABLE + ",".join(values) + "\n"}


def labelme_of(changed: Any, **more: Any) -> Members:
    """A file with one shape, as given or with other values."""
    right = shape("worn", [[1, 2], [30, 40]])
    return {"a.json": labelme("a.png", right | changed if isinstance(changed, dict) else changed, **more)}


def cvat_with(old: str, new: str) -> Members:
    assert CVAT.count(old) == 1
    return {"c.xml": CVAT.replace(old, new)}


def createml_with(**changes: Any) -> Members:
    """The first of two entries changed; None leaves a key out."""
    content = json.loads(createml(a=[("worn", 15.5, 21, 29, 38)], b=[("none", 5, 6, 4, 2)]))
    content[0] = {key: value for key, value in (content[0] | changes).items() if value is not None}
    return {"m.json": json.dumps(content)}


def face(**changes: Any) -> list[dict[str, Any]]:
    """createML's annotation with other coordinates."""
    return [{"label": "worn", "coordinates": {"x": 15.5, "y": 21, "width": 29, "height": 38} | changes}]


def open_images_with(old: str, new: str) -> Members:
    text = OPEN_IMAGES + FACE.replace("0001eeaf4aed83f9", "a")
    assert text.count(old) == 1
    return {"o.csv": text.replace(old, new)}


OBJECTS = "it must be a list of objects in braces"
TWICE = ": its photograph images/a.png is that of {} too; remove one of them"
WIDTH = (
    ": width and height are (61, 40), but images/a.png has (60, 40); are these boxes of another photograph,"
)
FAULTS: dict[str, tuple[Members, str]] = {
    "VIA, not JSON": ({"v.json": via_project() + "}"}, "v.json is not valid JSON: Extra data"),
    "VIA, no regions": (via_json(regions=None), f"v.json photograph 1: `regions` is None; {OBJECTS}"),
    "VIA, regions of text": (via_json(regions=["x"]), f"v.json photograph 1: `regions` is ['x']; {OBJECTS}"),
    "VIA, no filename": (via_json(filename=3), f"v.json photograph 1: `filename` is 3; {TEXT}"),
    "VIA, no photograph": (
        via_json(filename="d.png"),
        "v.json photograph 1: there is no photograph 'd.png' in the archive",
    ),
    "VIA, one photograph twice": (
        via_json(filename="IMAGES/B.png"),
        "v.json photograph 2: its photograph images/b.png is that of v.json photograph 1 too; remove one",
    ),
    "VIA, labels that are unclear": (
        via_json(regions=[region(rect(1, 2, 3, 4), mask="worn", pose="left"), region(CIRCLE, pose="left")]),
        "v.json: the label could be any of the region_attributes ['mask', 'pose']: each has a value in 2 "
        "regions; leave the one that is the class",
    ),
    "VIA, a list": ({"v.json": '{"_via_img_metadata": 3}'}, f"v.json: `_via_img_metadata` is 3; {OBJECTS}"),
    "VIA, a short row": (via_row("a.png", "1"), "v.csv line 7: 2 values, but the first line has 7"),
    "VIA, no JSON in a row": (
        via_row("a.png", "1", "{}", "1", "0", "rect", "{}"),
        "v.csv line 7: `region_shape_attributes` is not valid JSON: Expecting value",
    ),
    "VIA, no photograph of a row": (
        via_row("d.png", "1", "{}", "0", "0", "{}", "{}"),
        "v.csv line 7: there is no photograph 'd.png' in the archive",
    ),
    "LabelMe, no points": (
        labelme_of({"points": None}),
        "a.json object 1: `points` is None; it must be 2 or more pairs [x, y]",
    ),
    "LabelMe, one point": (
        labelme_of({"points": [[1, 2]]}),
        "a.json object 1: `points` is [[1, 2]]; it must be 2 or more pairs [x, y]",
    ),
    "LabelMe, a polygon of two": (
        labelme_of({"shape_type": "polygon"}),
        "a.json object 1: `points` is [[1, 2], [30, 40]]; it must be 3 or more pairs [x, y]",
    ),
    "LabelMe, three numbers": (
        labelme_of({"points": [[1, 2, 3], [4, 5, 6]]}),
        "a.json object 1: `points` is [[1, 2, 3], [4, 5, 6]]; it must be 2 or more pairs [x, y]",
    ),
    "LabelMe, text for a number": (
        labelme_of({"points": [[1, "2"], [30, 40]]}),
        f"a.json object 1: `points` is '2'; {NUMBER}",
    ),
    "LabelMe, NaN": (
        labelme_of({"points": [[1, 2], [float("nan"), 40]]}),
        f"a.json object 1: `points` is nan; {NUMBER}",
    ),
    "LabelMe, zero area": (
        labelme_of({"points": [[1, 2], [30, 2]]}),
        "a.json object 1" + NO_AREA.format(1, 2, 30, 2) + SKIP,
    ),
    "LabelMe, no label": (labelme_of({"label": ""}), f"a.json object 1: `label` is ''; {TEXT}"),
    "LabelMe, text for a shape": (labelme_of("x"), f"a.json: `shapes` is ['x']; {OBJECTS}"),
    "LabelMe, no photograph": (
        labelme_of({}, imagePath="d.png") | {"d.json": labelme("d.png")},
        "d.json: there is no photograph 'd.png' in the archive",
    ),
    "LabelMe, no path": (labelme_of({}, imagePath=None), f"a.json: `imagePath` is None; {TEXT}"),
    "LabelMe, another size": (labelme_of({}, imageWidth=61), f"a.json object 1{WIDTH}"),
    "LabelMe, a size of text": (
        labelme_of({}, imageWidth="60"),
        "a.json: `imageWidth` and `imageHeight` are ('60', 40); they must be whole numbers",
    ),
    "LabelMe, two files of one photograph": (
        labelme_of({}) | {"copy.json": labelme("a.png", shape("none", [[1, 2], [9, 9]]))},
        "copy.json: its photograph images/a.png is that of a.json too; correct `imagePath` in one of them",
    ),
    "CVAT, text for a number": (cvat_with("1.00", "left"), " object 1: xtl is 'left', not a number"),
    "CVAT, NaN": (cvat_with("1.00", "nan"), " object 1: xtl is 'nan', not a number"),
    "CVAT, a key missing": (cvat_with('xtl="1.00"', ""), " object 1: xtl is '', not a number"),
    "CVAT, zero area": (cvat_with("30.00", "1.00"), " object 1" + NO_AREA.format(1, 2, 1, 40) + SKIP),
    "CVAT, no label": (cvat_with('label="worn" ', ""), " object 1: <box> has no label"),
    "CVAT, points that are none": (
        cvat_with("40.00,3.00;59.50", "59.50"),
        " object 4: `points` is '59.50,20.00;44.00,39.00'; it must be 3 or more pairs, as in 1,2;3,4;5,6",
    ),
    "CVAT, no photograph": (
        cvat_with("images/b.png", "d.png"),
        " photograph 2: there is no photograph 'd.png' in the archive",
    ),
    "CVAT, one photograph twice": (
        cvat_with("images/b.png", "a.png"),
        " photograph 2" + TWICE.format("c.xml photograph 1"),
    ),
    "CVAT, another size": (
        {"c.xml": CVAT.replace('width="60"', 'width="61"')},
        f"3 faults:\n  c.xml object 1{WIDTH}",
    ),
    "CVAT, of a video": (
        {"c.xml": "<annotations><track id='0' label='worn'/></annotations>"},
        ": it has no <image>; export it from CVAT as 'CVAT for images 1.1'",
    ),
    "CVAT, cut": ({"c.xml": CVAT[:-20]}, ": not usable XML: "),
    "CVAT, a document type": (cvat_with("<annotations>", "<!DOCTYPE a><annotations>"), ": it has a <!DOC"),
    "createML, no coordinates": (
        createml_with(annotations=[{"label": "worn"}]),
        "object 1: `coordinates` is None; it must be an object in braces",
    ),
    "createML, a key missing": (createml_with(annotations=face(x=None)), f"object 1: `x` is None; {NUMBER}"),
    "createML, text for a number": (
        createml_with(annotations=face(x="9")),
        f"object 1: `x` is '9'; {NUMBER}",
    ),
    "createML, NaN": (createml_with(annotations=face(y=float("nan"))), f"object 1: `y` is nan; {NUMBER}"),
    "createML, zero area": (
        createml_with(annotations=face(height=0)),
        "object 1" + NO_AREA.format(1, 21, 30, 21) + SKIP,
    ),
    "createML, no label": (
        createml_with(annotations=[{"coordinates": {}}]),
        f"object 1: `label` is None; {TEXT}",
    ),
    "createML, annotations of text": (
        createml_with(annotations="x"),
        f"photograph 1: `annotations` is 'x'; {OBJECTS}",
    ),
    "createML, no name": (createml_with(image=None), f"photograph 1: `image` is None; {TEXT}"),
    "createML, no photograph": (
        createml_with(image="d.png"),
        "photograph 1: there is no photograph 'd.png' in the archive",
    ),
    "createML, one photograph twice": (
        createml_with(image="b.png"),
        "photograph 2: its photograph images/b.png is that of m.json photograph 1 too; remove one of them",
    ),
    "Open Images, text for a number": (open_images_with("0.25", "left"), "YMin is 'left0000', not a number"),
    "Open Images, NaN": (open_images_with("0.250000", "nan"), "YMin is 'nan', not a number"),
    "Open Images, pixels": (
        open_images_with("0.500000", "30"),
        "['0.100000', '0.250000', '30', '0.750000'] are no shares of width and height, from 0 to 1",
    ),
    "Open Images, zero area": (
        open_images_with("0.500000", "0.1"),
        NO_AREA.format(6, 10, 6, 30).removeprefix(": ") + SKIP,
    ),
    "Open Images, no label": (open_images_with("/m/0dzct", ""), "LabelName is empty"),
    "Open Images, no photograph": (
        open_images_with("\na,", "\nd,"),
        "there is no photograph 'd' in the archive",
    ),
    "Open Images, a short row": (open_images_with(",0,0,0\n", "\n"), "8 values, but the first line has 11"),
    "Open Images, two names of one class": (
        open_images_with("0,0,0", "0,0,0") | {"names.csv": NAMES, "more.csv": NAMES.replace("Human f", "F")},
        "names.csv line 1: ['/m/0dzct', 'Human face']; it must be an id and its one name",
    ),
}
STARTS = {"CVAT": "c.xml", "createML": "m.json ", "Open Images": "o.csv line 2: "}


@pytest.mark.parametrize("case", FAULTS)
def test_a_file_that_cannot_be_taken_literally(case: str) -> None:
    members, message = FAULTS[case]
    start = "" if " faults:" in message or ".csv" in message else STARTS.get(case.split(",")[0], "")
    with pytest.raises(InputError) as error:
        read(PICTURES | members)
    assert str(error.value).startswith(start + message)


def test_all_faults_of_a_file_are_listed() -> None:
    entries = json.loads(
        createml(a=[("worn", 1, 2, 3, 4)] * 2, d=[("worn", 1, 2, 3, 4)], b=[("", 1, 2, 3, 4)])
    )
    entries[0]["annotations"][1]["coordinates"]["x"] = None
    with pytest.raises(InputError) as error:
        read(PICTURES | {"m.json": json.dumps(entries)})
    assert str(error.value).split("\n  ") == [
        "3 faults:",
        f"m.json object 2: `x` is None; {NUMBER}",
        "m.json photograph 2: there is no photograph 'd.png' in the archive",
        f"m.json object 4: `label` is ''; {TEXT}",
    ]
