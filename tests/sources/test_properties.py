"""Drawn input: it is read, or a message names the place.

The geometry of crops is drawn in tests/crop_masks/test_crops.py.
"""

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

from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import Strict, check, read_params
from pipeline.sources.archives import open_archive, read_file
from pipeline.sources.catalogue import Data
from pipeline.sources.pictures import open_drawing, open_picture, turn
from stages.crop_masks.annotations import read_annotations
from stages.crop_masks.boxes import Box, map_labels
from stages.crop_masks.settings import MasksSettings
from stages.crop_masks.split import split_boxes
from stages.prepare_digits.npz_files import read_npz
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
    exif,
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
contents_of_tables = st.builds(
    lambda text, encoding: text.encode(encoding, errors="replace"), tables_of_text, encodings
)


@settings(slow, max_examples=200)
@given(contents_of_tables | st.binary(max_size=200))
def test_a_table_is_read_or_its_line_is_named(content: bytes) -> None:
    try:
        boxes = read(tables(content))
    except InputError as error:
        assert re.match(r"(\d+ faults:\n  )?test\.csv line ", str(error))
    else:
        assert all(isinstance(box, Box) for box in boxes)
        assert all(box.corners[0] < box.corners[2] and box.corners[1] < box.corners[3] for box in boxes)


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="<>&"), max_size=6)
tags = st.sampled_from(["object", "bndbox", "name", "filename", "size", "width", "height", *CORNERS, "part"])
elements = st.recursive(
    words | numbers.filter(str.isprintable).map(lambda text: text.replace("<", "").replace("&", "")),
    lambda inner: st.builds(
        lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>", tags, st.lists(inner, max_size=6)
    ),
    max_leaves=25,
)
documents = st.builds(
    lambda parts, root: f"<{root}>{''.join(parts)}</{root}>".encode(),
    st.lists(elements, max_size=5),
    st.sampled_from(["annotation", "annotations", "object"]),
)
damages = st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 255)), min_size=1, max_size=8)


def flipped(content: bytes, flips: list[tuple[int, int]]) -> bytes:
    changed = bytearray(content)
    for at, value in flips:
        changed[at % len(changed)] = value
    return bytes(changed)


@settings(slow, max_examples=300)
@given(documents | damages.map(lambda flips: flipped(voc("good").encode(), flips)) | st.binary(max_size=200))
def test_an_xml_file_is_read_or_named(content: bytes) -> None:
    """Its own fault, several, that no file has annotations, or that it is no XML."""
    named = (
        r"a\.xml: |a\.xml object |archive holds no |\d+ faults:\n  a\.xml|.*first: a\.xml, which begins with"
    )
    try:
        read({"a.xml": content, "a.png": PHOTOGRAPH})
    except InputError as error:
        assert re.match(named, str(error))


cuts = st.integers(0, 10**4)
ARCHIVES = [
    zipped(tables(HEADER + TEST), method)
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
]


@slow
@given(st.sampled_from(ARCHIVES), damages, cuts)
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
    st.booleans(), damages, st.lists(st.tuples(st.integers(0, 200), st.sampled_from(b"('{[,:O")), max_size=3)
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


PICTURES = [
    picture_bytes(photograph(), form, **({} if form in ("BMP", "GIF") else {"exif": exif(6)}))
    for form in ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
]


@slow
@given(st.sampled_from(PICTURES), damages, cuts)
def test_a_picture_with_other_bytes(content: bytes, flips: list[tuple[int, int]], cut: int) -> None:
    changed = flipped(content, flips)
    for damaged in (changed, changed[: cut % len(changed)]):
        try:
            picture, drawing = open_picture(damaged, "a.png"), open_drawing(damaged, "a.png")
        except InputError as error:
            assert str(error).startswith("a.png ")
        else:
            assert turn(picture).mode == "RGB" and drawing.mode == "L"


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
MODELS: list[type[Strict]] = [MlpSettings, CnnSettings, MasksSettings, DigitsSettings, Data]


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


corners = st.tuples(*[st.integers(-999, 999)] * 2, *[st.integers(1, 999)] * 2).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
)
drawn_boxes = st.lists(
    st.tuples(st.sampled_from(["a.png", "b.png", "c.png"]), st.sampled_from(MASK_CLASSES), corners),
    min_size=1,
    max_size=8,
    unique=True,
)


@given(drawn_boxes, st.floats(0.01, 0.99), st.integers(0, 99))
def test_labels_and_split_change_nothing_else(drawn: list[tuple], share: float, seed: int) -> None:
    boxes = [Box("", name, label, "x.csv", box, None, 2) for name, label, box in drawn]
    mapped = map_labels(boxes, {label: label for label in MASK_CLASSES})
    numbers = {name: row for row, name in enumerate(dict.fromkeys(name for name, _, _ in drawn))}
    split = split_boxes(mapped, numbers, share, np.random.default_rng(seed))
    assert [box._replace(split="") for box in split] == boxes
    assert len({(box.photograph, box.split) for box in split}) == len({box.photograph for box in split})


@given(st.integers(0, 10), st.integers(1, 9), st.integers(1, 9))
def test_turning_agrees_with_the_definition_of_exif(value: int, width: int, height: int) -> None:
    """Orientation 2 to 8 says where the stored row 0 and column 0 belong in the picture as seen."""
    stored = np.asarray(photograph(width, height))
    seen = {
        2: stored[:, ::-1],  # row 0 is the top, column 0 the right side
        3: stored[::-1, ::-1],  # row 0 is the bottom, column 0 the right side
        4: stored[::-1],  # row 0 is the bottom, column 0 the left side
        5: stored.swapaxes(0, 1),  # row 0 is the left side, column 0 the top
        6: stored.swapaxes(0, 1)[:, ::-1],  # row 0 is the right side, column 0 the top
        7: stored.swapaxes(0, 1)[::-1, ::-1],  # row 0 is the right side, column 0 the bottom
        8: stored.swapaxes(0, 1)[::-1],  # row 0 is the left side, column 0 the bottom
    }.get(value, stored)
    data = picture_bytes(photograph(width, height), exif=exif(value))
    assert np.array_equal(turn(open_picture(data, "a.png")), seen)
    assert np.array_equal(open_drawing(data, "a.png"), Image.fromarray(seen).convert("L"))
