"""Bad Pascal VOC files: what crop_masks says of an annotation that cannot be taken literally."""

import pytest

from tests.crop_masks.conftest import LEAVES_OUT, Source
from tests.crop_masks.test_formats import read
from tests.making import PHOTOGRAPH, Accepted, Members, Refused, annotations, voc

SKIP = f"\ncrop_masks: {LEAVES_OUT}"
GOOD = voc("good")
BOMB = (
    '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True))
    + "]>"
    + GOOD.replace("good", "&j;")
)
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>' + GOOD.replace("good", "&b;")
DOCTYPE = "test/a.xml: it has a <!DOCTYPE>, which can read files or fill memory; remove that declaration"

FILES: dict[str, tuple[str | bytes, str]] = {
    "empty file": ("", "test/a.xml: not usable XML: no element found: line 1, column 0"),
    "not closed": ("<annotation><object>", "test/a.xml: not usable XML: no element found: line 1, column 20"),
    "closed wrongly": (
        "<annotation>\n<a></b></annotation>",
        "test/a.xml: not usable XML: mismatched tag: line 2, column 5",
    ),
    "200,000 elements deep": (
        "<annotation>" + "<a>" * 200_000,
        "test/a.xml: not usable XML: no element found: line 1, column 600012",
    ),
    "not XML": (
        "good 1 2 30 40",
        "test/a.xml: not usable XML: syntax error: line 1, column 0",
    ),
    "HTML, which is skipped": (
        "<html></html>",
        "all boxes are for training and none for testing; add photographs to the test set, or raise "
        "crop_masks.test_share",
    ),
    "HTML behind a comment": (
        "<!-- > --><html></html>",
        "test/a.xml: not a Pascal VOC file: it begins with <html>, not <annotation>",
    ),
    "entity bomb": (BOMB, DOCTYPE),
    "external entity": (OUTSIDE, DOCTYPE),
    "unknown encoding": (
        '<?xml version="1.0" encoding="no-such"?>' + GOOD,
        "test/a.xml: not usable XML: unknown encoding: no-such",
    ),
    "Latin-1 that says it is UTF-8": (
        GOOD.replace("good", "bién").encode("latin-1"),
        "test/a.xml: not usable XML: not well-formed (invalid token): line 1, column 103",
    ),
    "GBK that is cut": (
        ('<?xml version="1.0" encoding="gbk"?>' + GOOD).replace("good", "口罩").encode("gbk")[:-1] + b"\x81",
        "test/a.xml: not usable XML: 'gb18030' codec can't decode byte 0x81 in position 244: incomplete "
        "multibyte sequence",
    ),
    "an encoding of several bytes that nobody has": (
        ('<?xml version="1.0" encoding="shift_jis_2004"?>' + GOOD).encode("shift_jis_2004"),
        "test/a.xml: not usable XML: multi-byte encodings are not supported",
    ),
    "two boxes": (
        GOOD.replace("</bndbox>", "</bndbox><bndbox><xmin>1</xmin></bndbox>"),
        "test/a.xml object 1: <bndbox> is there 2 times; keep one of them",
    ),
    "two names": (
        GOOD.replace("</name>", "</name><name>bad</name>"),
        "test/a.xml object 1: <name> is there 2 times; keep one of them",
    ),
    "a corner twice": (
        GOOD.replace("</xmin>", "</xmin><xmin>2</xmin>"),
        "test/a.xml object 1: <xmin> is there 2 times; keep one of them",
    ),
    "a corner three times": (
        GOOD.replace("</ymax>", "</ymax><ymax>2</ymax><ymax/>"),
        "test/a.xml object 1: <ymax> is there 3 times; keep one of them",
    ),
    "two file names": (
        GOOD.replace("</filename>", "</filename><filename>b.png</filename>"),
        "test/a.xml: <filename> is there 2 times; keep one of them",
    ),
    "two sizes": (
        GOOD.replace("</size>", "</size><size/>"),
        "test/a.xml: <size> is there 2 times; keep one of them",
    ),
    "two widths": (
        GOOD.replace("</width>", "</width><width>60</width>"),
        "test/a.xml: <width> is there 2 times; keep one of them",
    ),
    "no box": (
        GOOD.replace("bndbox", "polygon"),
        "test/a.xml object 1: xmin is '', not a number",
    ),
    "no corner": (GOOD.replace("xmax>", "right>"), "test/a.xml object 1: xmax is '', not a number"),
    "no name": (
        GOOD.replace("<name>good</name>", ""),
        "labels without a class: '' (1 boxes, the first in test/a.xml object 1); map them to bad, good, "
        "none or a class of your own in crop_masks.classes",
    ),
    "letters": (voc("good").replace(">40<", ">forty<", 1), "test/a.xml: height is 'forty', not a number"),
    "NaN": (voc("good", (1, 2, float("nan"), 40)), "test/a.xml object 1: xmax is 'nan', not a number"),
    "swapped corners": (
        voc("good", (30, 2, 1, 40)),
        "test/a.xml object 1: the box from (30, 2) to (1, 40) has no area; are corners swapped?" + SKIP,
    ),
    "outside": (
        voc("good", (1, 40, 9, 50)),
        "test/a.xml object 1: the box (1, 40, 9, 50) lies outside of test/a.png, (60, 40)" + SKIP,
    ),
    "half a size": (
        GOOD.replace("<height>40</height>", ""),
        "test/a.xml: height is '', not a number",
    ),
    "another size": (
        GOOD.replace("<width>60", "<width>600"),
        "test/a.xml object 1: width and height are (600, 40), but test/a.png has (60, 40); are these boxes "
        "of "
        "another photograph, or of a scaled one?",
    ),
    "no object at all, and so no test box": (
        "<annotation><filename>a.png</filename></annotation>",
        "all boxes are for training and none for testing; add photographs to the test set, or raise "
        "crop_masks.test_share",
    ),
}
ARCHIVES: dict[str, tuple[Members, str]] = {
    "two files of one photograph": (
        annotations(GOOD) | {"test/b.xml": GOOD, "test/b.png": PHOTOGRAPH},
        "test/b.xml: its photograph test/a.png is that of test/a.xml too; correct <filename> in one of them",
    ),
    "no photograph": (
        {"b.xml": GOOD, "c.png": PHOTOGRAPH},
        "b.xml: there is no photograph 'a.png' in the archive",
    ),
    "outside of the split": (
        annotations(GOOD) | {"more/b.xml": voc("good", photograph="b.png"), "more/b.png": PHOTOGRAPH},
        "masks.zip: more/b.xml object 1 is in no set of the published split (test, train), as other files "
        "are; move it into one of these, or away",
    ),
    "no faces at all": (
        {"a.xml": "<annotation></annotation>", "a.png": PHOTOGRAPH},
        "masks.zip holds no boxes",
    ),
}
REFUSED = ARCHIVES | {case: (annotations(content), message) for case, (content, message) in FILES.items()}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(source: Source, refused: Refused, case: str) -> None:
    members, message = REFUSED[case]
    source(members)
    refused("crop_masks", message)


@pytest.mark.parametrize("text", [BOMB, OUTSIDE], ids=["bomb", "external"])
def test_entities_cost_nothing(source: Source, refused_alone: Refused, text: str) -> None:
    source(annotations(text))
    refused_alone("crop_masks", DOCTYPE)


FINE: dict[str, str | bytes] = {
    "as it should be": GOOD,
    "stray text between elements": GOOD.replace("><", ">and so on<").replace("and so on</", "</"),
    "floats": voc("good", (1.2, 1.6, 29.9, 40.4)),
    "UTF-16": ('<?xml version="1.0" encoding="utf-16"?>' + GOOD).encode("utf-16"),
    "Latin-1": ('<?xml version="1.0" encoding="iso-8859-1"?><!-- é -->' + GOOD).encode("latin-1"),
    "byte-order mark": "\ufeff" + GOOD,
    "parts with boxes and names of their own, as Pascal's persons have": GOOD.replace(
        "</object>",
        "<part><name>head</name><bndbox><xmin>3</xmin></bndbox></part>"
        "<part><name>hand</name><bndbox><xmin>4</xmin></bndbox></part></object>",
    ),
    "another file name": GOOD.replace("a.png", "renamed.png"),
    "a path of Windows": GOOD.replace("a.png", r"C:\photographs\a.png"),
    "no file name": GOOD.replace("<filename>a.png</filename>", ""),
    "no size": GOOD.replace("size>", "dimensions>"),
}


@pytest.mark.parametrize("case", FINE)
def test_fine(source: Source, accepted: Accepted, case: str) -> None:
    folder = source(annotations(FINE[case]))
    assert "masks: 1 test boxes: 0 bad, 1 good, 0 none\n" in accepted("crop_masks")
    assert "test,test/a.png,good,1,2,30,40,1,2,30,40,0,0," in (folder / "data/boxes.csv").read_text()


@pytest.mark.parametrize(
    ("declared", "written", "label"),
    [
        ("gb2312", "gb2312", "戴口罩"),
        ("GB2312", "gbk", "戴口罩镕"),  # a letter that GB 2312 lacks, as Windows writes it
        ("gbk", "gbk", "戴口罩"),
        ("GB18030", "gb18030", "戴口罩㐀"),
        ("big5", "big5", "戴口罩"),
        ("Shift_JIS", "cp932", "マスク①"),
        ("euc-jp", "euc-jp", "マスク"),
        ("iso-2022-jp", "iso-2022-jp", "マスク"),
        ("euc-kr", "cp949", "마스크똠"),
        ("iso-8859-5", "iso-8859-5", "маска"),
        ("windows-1251", "cp1251", "маска"),
        ("utf-8", "utf-8", "戴口罩"),
        ("utf-16", "utf-16", "戴口罩"),
    ],
)
def test_labels_and_names_in_any_encoding(declared: str, written: str, label: str) -> None:
    text = voc(label, photograph=f"{label}.png")
    content = f'<?xml version="1.0" encoding="{declared}" standalone="yes"?>\n{text}'.encode(written)
    (box,) = read({"1.xml": content, f"{label}.png": PHOTOGRAPH, "b.png": PHOTOGRAPH}).boxes
    assert (box.label, box.photograph, box.corners) == (label, f"{label}.png", (1, 2, 30, 40))


def test_a_photograph_without_faces_is_fine(source: Source, accepted: Accepted) -> None:
    empty: Members = {"test/b.xml": "<annotation><filename>b.png</filename></annotation>", "test/b.png": ""}
    source(annotations(GOOD) | empty)
    assert "masks: 1 test boxes" in accepted("crop_masks")
