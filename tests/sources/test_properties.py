"""Drawn input: it is read, or a message names the place; what was written comes back as it was.

The geometry of crops is drawn in tests/crop_masks/test_crops.py.
"""

import csv
import io
import re
import string
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from ruamel.yaml import YAML

from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import Strict, check, read_params
from pipeline.sources.archives import open_archive, read_file
from pipeline.sources.catalogue import Data
from pipeline.sources.orientation import ORIENTATION, QUARTER_TURNS, orientation, turn
from pipeline.sources.pictures import open_picture
from stages.crop_masks.annotations import FORMATS, choose_format, read_annotations
from stages.crop_masks.boxes import Box, map_labels
from stages.crop_masks.photographs import DataSet
from stages.crop_masks.settings import MasksSettings
from stages.crop_masks.split import split_boxes
from stages.prepare_digits.arrays import read_npz
from stages.prepare_digits.settings import DigitsSettings
from stages.train_cnn.settings import CnnSettings
from stages.train_mlp.settings import MlpSettings
from tests.making import (
    CORNERS,
    HEADER,
    IMAGES,
    LABELS,
    MASK_CLASSES,
    PHOTOGRAPH,
    TEST,
    npz,
    photograph,
    picture_bytes,
    tables,
    voc,
    zipped,
)

# Their input takes long to draw.
slow = settings(suppress_health_check=[HealthCheck.too_slow])


def read(members: dict[str, Any]) -> list[Box]:
    with open_archive(io.BytesIO(zipped(members)), "masks.zip") as archive:
        return read_annotations(archive).boxes


def read_as_written(members: dict[str, Any]) -> list[Box]:
    """The boxes before they are placed on their photographs."""
    with open_archive(io.BytesIO(zipped(members)), "masks.zip") as archive:
        data = DataSet(archive)
        form, files = choose_format(data, "auto")
        return [box for name in files for box in FORMATS[form].read(data, name)]


numbers = st.one_of(
    st.integers(-(10**30), 10**30).map(str),
    st.floats().map(str),
    st.sampled_from(
        ["", " ", "0", "-0", "1e5", "1e999", "0x1", "1_0", "٣", "½", "1,5", "=1+1", "\0", "9" * 400]
    ),
    st.text(max_size=5),
)
cells = st.one_of(st.sampled_from(["a.png", "good", '"', "'", ",", ";", "\n", "\r", "\ufeff"]), numbers)
rows = st.lists(cells, max_size=10).map(",".join)
good_rows = st.lists(numbers, min_size=4, max_size=4).map(lambda box: f"a.png,60,40,good,{','.join(box)}")
tables_of_text = st.builds(
    lambda header, lines, end: end.join([header, *lines]),
    st.sampled_from([HEADER.strip(), "filename,label,xmin,ymin,xmax,ymax", "a;b", ""]) | rows,
    st.lists(rows | good_rows | st.just(TEST.strip()), max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
encodings = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "cp437"])


@given(tables_of_text, encodings)
def test_a_table_is_read_or_its_line_is_named(text: str, encoding: str) -> None:
    content = text.encode(encoding, errors="replace")
    try:
        boxes = read(tables(content))
    except InputError as error:
        assert re.match(r"(\d+ faults:\n  )?test\.csv line ", str(error))
    else:
        assert all(isinstance(box, Box) for box in boxes)
        assert all(box.corners[0] < box.corners[2] and box.corners[1] < box.corners[3] for box in boxes)


@given(st.binary(max_size=200))
def test_any_bytes_as_a_table(content: bytes) -> None:
    try:
        read(tables(content))
    except InputError as error:
        assert re.match(r"(\d+ faults:\n  )?test\.csv line ", str(error))


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="<>&"), max_size=6)
tags = st.sampled_from(["object", "bndbox", "name", "filename", "size", "width", "height", *CORNERS, "part"])
elements = st.recursive(
    words | numbers.filter(str.isprintable).map(lambda text: text.replace("<", "").replace("&", "")),
    lambda inner: st.builds(
        lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>", tags, st.lists(inner, max_size=6)
    ),
    max_leaves=25,
)


# What a message about a.xml begins with: its own fault, several, or that there is nothing else.
NAMED = r"a\.xml: |a\.xml object |archive holds no |\d+ faults:\n  a\.xml"


@given(st.lists(elements, max_size=5), st.sampled_from(["annotation", "annotations", "object"]))
def test_an_xml_file_is_read_or_named(parts: list[str], root: str) -> None:
    try:
        read({"a.xml": f"<{root}>{''.join(parts)}</{root}>", "a.png": PHOTOGRAPH})
    except InputError as error:
        assert re.match(NAMED, str(error))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_as_xml(content: bytes) -> None:
    with pytest.raises(InputError, match="^a.xml: |first: a.xml, which begins with"):
        read({"a.xml": content, "a.png": ""})


@slow
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8))
def test_an_xml_file_with_other_bytes(flips: list[tuple[int, int]]) -> None:
    try:
        read({"a.xml": flipped(voc("good").encode(), flips), "a.png": PHOTOGRAPH})
    except InputError as error:
        assert re.match(NAMED, str(error))


def flipped(content: bytes, flips: list[tuple[int, int]]) -> bytes:
    changed = bytearray(content)
    for at, value in flips:
        changed[at % len(changed)] = value
    return bytes(changed)


flips = st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 255)), min_size=1, max_size=8)
cuts = st.integers(0, 10**4)
ARCHIVES = [
    zipped(tables(HEADER + TEST), method)
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
]


@slow
@given(st.sampled_from(ARCHIVES), flips, cuts)
def test_an_archive_with_other_bytes(content: bytes, flips: list[tuple[int, int]], cut: int) -> None:
    changed = flipped(content, flips)
    for damaged in (changed, changed[: cut % len(changed)]):
        try:
            with open_archive(io.BytesIO(damaged), "mine.zip") as archive:
                for name in archive.namelist():
                    read_file(archive, name)
        except InputError as error:
            assert str(error).startswith(("mine.zip", "archive: "))


@slow
@given(
    st.booleans(), flips, st.lists(st.tuples(st.integers(0, 200), st.sampled_from(b"('{[,:O")), max_size=3)
)
def test_arrays_with_other_bytes(
    header: bool, flips: list[tuple[int, int]], early: list[tuple[int, int]]
) -> None:
    content = npz(image=IMAGES[:10], label=LABELS[:10])
    damaged = flipped(content, early or flips)
    if header:  # repack, so that checksums are right and numpy meets the damage
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        damaged = zipped(members | {"image.npy": flipped(members["image.npy"][:128], early or flips)})
    try:
        read_npz(io.BytesIO(damaged), "digits.npz")
    except InputError as error:
        assert str(error).startswith("digits.npz")


def oriented(value: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = value
    return tags


PICTURES = [
    picture_bytes(photograph(), form, **({} if form in ("BMP", "GIF") else {"exif": oriented(6)}))
    for form in ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
]


@slow
@given(st.sampled_from(PICTURES), flips, cuts)
def test_a_picture_with_other_bytes(content: bytes, flips: list[tuple[int, int]], cut: int) -> None:
    changed = flipped(content, flips)
    for damaged in (changed, changed[: cut % len(changed)]):
        try:
            picture = open_picture(damaged, "a.png")
        except InputError as error:
            assert str(error).startswith("a.png ")
        else:
            turned = turn(picture) if orientation(picture) in QUARTER_TURNS else picture
            assert turned.mode == "RGB"


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["sgd", "relu"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
MODELS: list[type[Strict]] = [
    MlpSettings,
    CnnSettings,
    MasksSettings,
    DigitsSettings,
    Data,
]


@given(st.data(), st.sampled_from(MODELS))
def test_settings_are_taken_or_named(data: st.DataObject, model: type[Strict]) -> None:
    keys = [*model.model_fields, "other"]
    drawn = data.draw(st.dictionaries(st.sampled_from(keys), values) | values)
    try:
        check(model, drawn, "part")
    except InputError as error:
        assert str(error).startswith("params.yaml: `part")


@given(st.text(st.sampled_from(string.printable), max_size=60))
def test_any_text_as_parameters(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "drawn.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    try:
        assert isinstance(read_params(path), dict)
    except InputError as error:
        assert "drawn.yaml" in str(error) or "params.yaml" in str(error)


names = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0"), min_size=1, max_size=12).map(
    lambda name: f"p{name}.png"
)
corners = st.tuples(
    st.integers(-999, 999), st.integers(-999, 999), st.integers(1, 999), st.integers(1, 999)
).map(lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3]))
drawn_boxes = st.lists(
    st.tuples(names, st.sampled_from(MASK_CLASSES), corners),
    min_size=1,
    max_size=8,
    unique_by=lambda box: box,
)


@given(drawn_boxes)
def test_a_table_comes_back_as_it_was_written(
    drawn: list[tuple[str, str, tuple[int, int, int, int]]],
) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(
        [HEADER.strip().split(","), *([name, 60, 40, label, *box] for name, label, box in drawn)]
    )
    boxes = read_as_written({"boxes.csv": text.getvalue()} | {name: PHOTOGRAPH for name, _, _ in drawn})
    assert [(box.photograph, box.label, box.corners) for box in boxes] == drawn


@given(drawn_boxes)
def test_xml_comes_back_as_it_was_written(drawn: list[tuple[str, str, tuple[int, int, int, int]]]) -> None:
    members: dict[str, Any] = {}
    for number, (_, label, box) in enumerate(drawn):
        members |= {f"{number}.xml": voc(label, box, f"{number}.png"), f"{number}.png": PHOTOGRAPH}
    assert [(box.label, box.corners) for box in read_as_written(members)] == [
        (label, box) for _, label, box in drawn
    ]


@given(drawn_boxes, st.floats(0.01, 0.99), st.integers(0, 99))
def test_labels_and_split_change_nothing_else(
    drawn: list[tuple[str, str, tuple[int, int, int, int]]], share: float, seed: int
) -> None:
    boxes = [Box("", name, label, "x.csv", box, None, 2) for name, label, box in drawn]
    split = split_boxes(
        map_labels(boxes, {label: label for label in MASK_CLASSES}), share, np.random.default_rng(seed)
    )
    assert [box._replace(split="") for box in split] == boxes
    assert len({(box.photograph, box.split) for box in split}) == len({box.photograph for box in split})


@given(
    st.sampled_from([np.uint8, np.int16, np.uint64, np.float32, np.float64]),
    st.booleans(),
    st.integers(0, 99),
)
def test_digits_come_back_as_they_were_written(kind: type, flat: bool, seed: int) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (10, 28, 28)).astype(np.uint8)
    written = images.astype(kind).reshape((10, 784) if flat else (10, 28, 28))
    content = io.BytesIO(npz(image=written, label=LABELS[:10]))
    found, labels, _ = read_npz(content, "digits.npz")[""]
    assert (found == images).all() and (labels == LABELS[:10]).all()


@given(
    st.dictionaries(st.sampled_from(["epochs", "batch_size", "seeds"]), st.integers(1, 10**6)),
    st.floats(1e-9, 9),
)
def test_settings_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, whole: dict[str, int], rate: float
) -> None:
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    params = {"mlp": {"defaults": {"learning_rate": rate}, "runs": {"mine": whole}}}
    YAML(typ="safe").dump(params, path)
    assert read_params(path) == params


@given(st.sampled_from(list(QUARTER_TURNS)), st.integers(1, 9), st.integers(1, 9))
def test_turning_agrees_with_the_definition_of_exif(value: int, width: int, height: int) -> None:
    """Orientation 5 to 8 says where the stored row 0 and column 0 belong in the picture as seen."""
    stored = np.asarray(photograph(width, height))
    seen = {
        5: stored.swapaxes(0, 1),  # row 0 is the left side, column 0 the top
        6: stored.swapaxes(0, 1)[:, ::-1],  # row 0 is the right side, column 0 the top
        7: stored.swapaxes(0, 1)[::-1, ::-1],  # row 0 is the right side, column 0 the bottom
        8: stored.swapaxes(0, 1)[::-1],  # row 0 is the left side, column 0 the bottom
    }[value]
    picture = open_picture(picture_bytes(photograph(width, height), exif=oriented(value)), "a.png")
    assert (np.asarray(turn(picture)) == seen).all()
