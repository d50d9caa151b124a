"""Bad tables: what crop_masks says of a test.csv that cannot be taken literally."""

import pytest

from tests.crop_masks.conftest import LEAVES_OUT, NO_ANNOTATIONS, Source
from tests.making import HEADER, PHOTOGRAPH, TEST, TRAIN, Accepted, Members, Refused, tables

SKIP = f"\ncrop_masks: {LEAVES_OUT}"
NO_TESTING = (
    "all boxes are for training and none for testing; add photographs to the test set, or raise "
    "crop_masks.test_share"
)
NEEDED = "needed are filename, label, xmin, ymin, xmax, ymax, with commas between them"


def row(**changed: str) -> str:
    """The good row with other values."""
    values = dict(zip(HEADER.strip().split(","), TEST.strip().split(","), strict=True)) | changed
    return HEADER + ",".join(values.values()) + "\n"


TABLES: dict[str, tuple[str | bytes, str]] = {
    "empty file": (
        "",
        f"test.csv line 1: no column filename, label, xmin, ymin, xmax, ymax; its columns are none; {NEEDED}",
    ),
    "header alone": (
        HEADER,
        NO_TESTING,
    ),
    "missing column": (
        "filename,label,ymin,xmax,ymax\na.png,good,2,30,40\n",
        "test.csv line 1: no column xmin; its columns are 'filename', 'label', 'ymin', 'xmax', 'ymax'; "
        f"{NEEDED}",
    ),
    "Kaggle's digits": (
        "label," + ",".join(f"pixel{n}" for n in range(784)) + "\n",
        "test.csv line 1: no column filename, xmin, ymin, xmax, ymax; its columns are 'label', 'pixel0', "
        "'pixel1', 'pixel2', 'pixel3', 'pixel4', 'pixel5', 'pixel6', 'pixel7', 'pixel8', 'pixel9', "
        f"'pixel10', ... (785 in all); {NEEDED}",
    ),
    "a column with a very long name": (
        "x" * 9000 + "\n",
        "test.csv line 1: no column filename, label, xmin, ymin, xmax, ymax; its columns are "
        f"'{'x' * 119}... (1 in all); {NEEDED}",
    ),
    "makesense.ai without a column": (
        "label_name,bbox_x,bbox_y,bbox_height,image_name\ngood,1,2,38,a.png\n",
        "test.csv line 1: no column bbox_width; its columns are 'label_name', 'bbox_x', 'bbox_y', "
        "'bbox_height', 'image_name'; needed are filename, label, bbox_x, bbox_y, bbox_width, bbox_height, "
        "with commas between them",
    ),
    "makesense.ai with letters": (
        "good,1,2,29,3O,a.png,60,40\ngood,1,2,29,38,a.png,60,40\n",
        "test.csv line 1: it has no header, and its columns cannot be told; name them filename, label, xmin, "
        "ymin, xmax, ymax",
    ),
    "makesense.ai with letters further down": (
        "good,1,2,29,38,a.png,60,40\ngood,1,2,29,3O,a.png,60,40\n",
        "test.csv line 2: bbox_height is '3O', not a number",
    ),
    "makesense.ai of another size": (
        "good,1,2,29,38,a.png,60,41\n",
        "test.csv line 1: width and height are (60, 41), but a.png has (60, 40); are these boxes of another "
        "photograph, or of a scaled one?",
    ),
    "makesense.ai of another size, with a header": (
        "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height\n"
        "good,1,2,29,38,a.png,61,40\n",
        "test.csv line 2: width and height are (61, 40), but a.png has (60, 40); are these boxes of another "
        "photograph, or of a scaled one?",
    ),
    "makesense.ai, a box of no width": (
        "good,1,2,0,38,a.png,60,40\n",
        "test.csv line 1: the box from (1, 2) to (1, 40) has no area; are corners swapped?" + SKIP,
    ),
    "no header, and corners where the size is": (
        "a.png,0,0,good,30,20,60,40\n",
        "test.csv line 1: the photograph's width and height are 0; name the columns in a header: filename, "
        "label, xmin, ymin, xmax, ymax",
    ),
    "column twice": (
        "label," + HEADER + "bad," + TEST,
        "test.csv line 1: the column 'label' is there twice; remove one of them",
    ),
    "semicolons": (
        "filename;label;xmin;ymin;xmax;ymax\na.png;good;1;2;30;40\n",
        "test.csv line 1: no column filename, label, xmin, ymin, xmax, ymax; its columns are "
        f"'filename;label;xmin;ymin;xmax;ymax'; {NEEDED}",
    ),
    "UTF-16": (
        (HEADER + TEST).encode("utf-16"),
        "test.csv line 1: not UTF-8 text (invalid start byte); save it as UTF-8",
    ),
    "Latin-1": (
        row(filename="é.png").encode("latin-1"),
        "test.csv line 2: not UTF-8 text (invalid continuation byte); save it as UTF-8",
    ),
    "open quotes": (HEADER + '"a.png,60', "test.csv line 2: not CSV: unexpected end of data"),
    "quotes inside a value": (
        HEADER + TEST + '"a"b,60,40,good,1,2,3,4\n',
        "test.csv line 3: not CSV: ',' expected after '\"'",
    ),
    "short row": (
        HEADER + TEST + "a.png,60\n",
        "test.csv line 3: 2 values, but the first line has 8",
    ),
    "long row": (
        HEADER + TEST.strip() + ",5\n",
        "test.csv line 2: 9 values, but the first line has 8",
    ),
    "letters": (row(xmax="3O"), "test.csv line 2: xmax is '3O', not a number"),
    "no number": (row(xmax=""), "test.csv line 2: xmax is '', not a number"),
    "underscore": (row(xmax="3_0"), "test.csv line 2: xmax is '3_0', not a number"),
    "hexadecimal": (row(xmax="0x1e"), "test.csv line 2: xmax is '0x1e', not a number"),
    "decimal comma": (row(xmax='"29,6"'), "test.csv line 2: xmax is '29,6', not a number"),
    "NaN": (row(xmax="nan"), "test.csv line 2: xmax is 'nan', not a number"),
    "infinity": (
        row(xmax="inf"),
        "test.csv line 2: xmax is 'inf': no photograph has 1,000,000 pixels in a row",
    ),
    "huge": (
        row(xmin="-1e300"),
        "test.csv line 2: xmin is '-1e300': no photograph has 1,000,000 pixels in a row",
    ),
    "more text than any row has": (
        HEADER + "a" * 2**20,
        "test.csv line 2: more than 65,536 characters, as no row has",
    ),
    "many digits": (
        row(xmax="9" * 5000),
        f"test.csv line 2: xmax is '{'9' * 40}...': no photograph has 1,000,000 pixels in a row",
    ),
    "width in words": (row(width="wide"), "test.csv line 2: width is 'wide', not a number"),
    "height without width": (row(width=""), "test.csv line 2: width is '', not a number"),
    "swapped corners": (
        row(xmin="30", xmax="1"),
        "test.csv line 2: the box from (30, 2) to (1, 40) has no area; are corners swapped?" + SKIP,
    ),
    "zero area": (
        row(ymax="2"),
        "test.csv line 2: the box from (1, 2) to (30, 2) has no area; are corners swapped?" + SKIP,
    ),
    "zero area once rounded": (
        row(xmin="5.1", xmax="5.4"),
        "test.csv line 2: the box from (5, 2) to (5, 40) has no area; are corners swapped?" + SKIP,
    ),
    "right of the photograph": (
        row(xmin="60", xmax="70"),
        "test.csv line 2: the box (60, 2, 70, 40) lies outside of a.png, (60, 40)" + SKIP,
    ),
    "negative": (
        row(xmin="-9", xmax="-1"),
        "test.csv line 2: the box (-9, 2, -1, 40) lies outside of a.png, (60, 40)" + SKIP,
    ),
    "another size": (
        row(width="61"),
        "test.csv line 2: width and height are (61, 40), but a.png has (60, 40); are these boxes of another "
        "photograph, or of a scaled one?",
    ),
    "exchanged size": (
        row(width="40", height="60"),
        "test.csv line 2: width and height are (40, 60), but a.png has (60, 40); are these boxes of another "
        "photograph, or of a scaled one?",
    ),
    "unknown label": (
        row(label="face"),
        "labels without a class: 'face' (1 boxes, the first in test.csv line 2); map them to bad, good, "
        "none or a class of your own in crop_masks.classes",
    ),
    "no label": (
        row(label=" "),
        "labels without a class: '' (1 boxes, the first in test.csv line 2); map them to bad, good, "
        "none or a class of your own in crop_masks.classes",
    ),
    "unknown photograph": (
        row(filename="c.png"),
        "test.csv line 2: there is no photograph 'c.png' in the archive",
    ),
    "no photograph": (row(filename=""), "test.csv line 2: there is no photograph '' in the archive"),
    "photograph in both": (
        row(filename="rest.png"),
        "test.csv line 2: rest.png is in test, but in train too (train.csv line 2); a photograph must be "
        "on one "
        "side only",
    ),
}


NO_TRAINING = (
    "no box for training is of class {}; {} must each have one: add photographs that show it, or correct "
    "crop_masks.classes, which maps labels to classes"
)
HOLDS = f"masks.zip {NO_ANNOTATIONS}"
SEVERAL = (
    "masks.zip holds several annotation files for the same photographs: {}; keep one for each part of the "
    "split (train, valid, test), or one in all"
)
ARCHIVES: dict[str, tuple[Members, str]] = {
    "no annotations": ({"a.png": PHOTOGRAPH}, HOLDS + "a.png"),
    "nothing": ({}, HOLDS + "nothing"),
    "many files": (
        {f"{n}.png": "" for n in range(9)},
        HOLDS + "9 .png (0.png, ...)",
    ),
    "two tables": ({"x.csv": HEADER, "y.csv": HEADER}, SEVERAL.format("x.csv, y.csv")),
    "no boxes": ({"x.csv": HEADER}, "masks.zip holds no boxes"),
    "test.csv twice": (
        tables(HEADER + TEST) | {"t/test.csv": HEADER + TEST},
        SEVERAL.format("t/test.csv, test.csv"),
    ),
    "a class missing": (
        tables(HEADER + TEST, HEADER + TRAIN.replace("good,0", "none,1")),
        NO_TRAINING.format("good", "bad, good, none"),
    ),
    "classes in test alone": (
        tables(HEADER + TEST, HEADER + TRAIN.split("\n")[0]),
        NO_TRAINING.format("good", "bad, good"),
    ),
    "one photograph, which cannot be split": (
        {"boxes.csv": HEADER + TRAIN, "rest.png": PHOTOGRAPH},
        NO_TESTING,
    ),
    "two photographs of one name": (
        {"boxes.csv": HEADER + TEST, "x/a.png": PHOTOGRAPH, "y/a.png": PHOTOGRAPH},
        "boxes.csv line 2: 'a.png' could be any of x/a.png, y/a.png",
    ),
}
REFUSED = ARCHIVES | {case: (tables(content), message) for case, (content, message) in TABLES.items()}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(source: Source, refused: Refused, case: str) -> None:
    members, message = REFUSED[case]
    source(members)
    refused("crop_masks", message)


FINE: dict[str, str | bytes] = {
    "as it should be": HEADER + TEST,
    "byte-order mark": "\ufeff" + HEADER + TEST,
    "line ends of Windows": (HEADER + TEST).replace("\n", "\r\n"),
    "other order and extra columns": "ymax,note,label,filename,xmin,xmax,ymin\n40,x,good,a.png,1,30,2\n",
    "quotes": HEADER + '"a.png","60","40","good","1","2","30","40"\n',
    "floats": row(xmin="1.2", ymin="1.6", xmax="29.9"),
    "spaces": row(xmin=" 1 ", label=" good "),
    "no size": row(width="", height=""),
    "a size of 0": row(width="0", height="0"),
    "another case": row(filename="A.PNG"),
    "another name for a column": (HEADER + TEST).replace("filename", "image").replace("label", "class"),
    "capital letters in the header": HEADER.title() + TEST,
    "no header": TEST,
    "no header and no size": "a.png,1,2,30,40,good\n",
    "as makesense.ai has it": "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,"
    "image_height\ngood,1,2,29,38,a.png,60,40\n",
    "as makesense.ai had it": "good,1,2,29,38,a.png,60,40\n",
    "row twice": HEADER + TEST + TEST,
    "a row without a box": HEADER + "rest.png,60,40,,,,,\n" + TEST,
    "empty lines": HEADER + "\n" + TEST + "\n\n",
    "an empty line first": "\n" + HEADER + TEST,
    "no header and empty values first": "rest.png,60,40,,,,,\n" + TEST,
    "no last line end": (HEADER + TEST).strip(),
}


@pytest.mark.parametrize("case", FINE)
def test_fine(source: Source, accepted: Accepted, case: str) -> None:
    folder = source(tables(FINE[case]))
    assert "masks: 1 test boxes: 0 bad, 1 good, 0 none\n" in accepted("crop_masks")
    last = (folder / "data/boxes.csv").read_text().splitlines()[-1]
    assert last.startswith("test,a.png,good,1,2,30,40,1,2,30,40,0,0,")


def test_a_box_of_makesense_ai_in_the_upper_left_corner(source: Source, accepted: Accepted) -> None:
    """Its left and upper edge, both 0, are not the photograph's size."""
    folder = source(tables("good,0,0,30,40,a.png,60,40\n"))
    accepted("crop_masks")
    last = (folder / "data/boxes.csv").read_text().splitlines()[-1]
    assert last.startswith("test,a.png,good,0,0,30,40,0,0,30,40,0,0,")


def test_a_box_larger_than_the_photograph_is_clipped_and_counted(source: Source, accepted: Accepted) -> None:
    folder = source(tables(row(xmin="-5", ymin="-5", xmax="100", ymax="100")))
    assert "masks: 1 boxes reach over the edge of their photograph and are clipped" in accepted("crop_masks")
    assert ",-5,-5,100,100,0,0,60,40,1,0," in (folder / "data/boxes.csv").read_text()


def test_a_box_repeated_with_other_words_is_counted(source: Source, accepted: Accepted) -> None:
    twice = HEADER + TEST + TEST.replace("30", "30.0")
    source(tables(twice))
    assert "masks: 1 boxes repeat another of the same photograph, class and corners" in accepted("crop_masks")
