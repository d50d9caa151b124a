"""A COCO file of any size is read piece by piece: in any order of its keys, whole or damaged."""

import io
import itertools
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import Folder, open_archive
from stages.crop_masks import coco
from stages.crop_masks.boxes import Box
from stages.crop_masks.photographs import DataSet
from tests.crop_masks.test_formats import read
from tests.making import PHOTOGRAPH, Members, zipped

SEGMENTATION = [[1.5, 2, 30, 2, 30.25, 40], [1, 1, 2, 2, 3, 3]]
CONTENT: dict[str, Any] = {
    "info": {"description": "with \"images\", 'annotations' and [brackets] {in} text", "year": 2017},
    "licenses": [{"id": 1, "name": "free", "bbox": [1]}, [2], 3],
    "images": [
        {"id": 7, "file_name": "a.png", "width": 60, "height": 40, "tags": {"id": 3, "width": 1}},
        {"id": "x", "file_name": "b.png"},
    ],
    "annotations": [
        {"segmentation": SEGMENTATION, "image_id": 7, "category_id": 0, "bbox": [1.5, 2, 28.25, 38]},
        {"bbox": [0, 0, 6e1, 4], "category_id": 1, "image_id": "x", "segmentation": [1, 2, 3], "id": None},
        {"segmentation": {"counts": [9, 9], "size": [40, 60]}, "iscrowd": 1, "image_id": 7, "category_id": 0},
        {"attributes": {"bbox": [9], "image_id": 9}, "image_id": 7, "category_id": 1, "bbox": [5, 6, 7, 8]},
    ],
    "categories": [{"id": 0, "name": "good"}, {"id": 1, "name": "é"}],
}
KEYS = ("images", "annotations", "categories")


def boxes_of(content: str | bytes) -> list[Box]:
    members: Members = {"all.json": content, "a.png": PHOTOGRAPH, "b.png": PHOTOGRAPH}
    with open_archive(io.BytesIO(zipped(members)), "masks.zip") as archive:
        data = DataSet(archive)
        assert coco.find(data) == ["all.json"]
        found = list(coco.read(data, "all.json"))
        data.faults.check()
    return found


def expected() -> list[Box]:
    return [
        Box("", "a.png", "good", "all.json", (1.5, 2, 29.75, 40), (60, 40), 1),
        Box("", "b.png", "é", "all.json", (0, 0, 60, 4), None, 2),
        Box("", "a.png", "é", "all.json", (5, 6, 12, 14), (60, 40), 4),
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(KEYS)))
@pytest.mark.parametrize("piece", [3, 64, 2**16])
def test_keys_in_every_order_and_pieces_of_any_size_give_the_same_boxes(
    order: tuple[str, ...], piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coco, "PIECE", piece)
    others = {"info": CONTENT["info"]}, {"licenses": CONTENT["licenses"]}
    parts = [others[0], *({key: CONTENT[key]} for key in order[:2]), others[1], {order[2]: CONTENT[order[2]]}]
    content = {key: value for part in parts for key, value in part.items()}
    assert boxes_of(json.dumps(content)) == expected()


@pytest.mark.parametrize("encode", [str.encode, lambda text: text.encode("utf-8-sig")])
@pytest.mark.parametrize("options", [{"indent": 4}, {"separators": (",", ":"), "ensure_ascii": False}])
def test_a_file_is_read_however_it_is_written(encode: Any, options: dict[str, Any]) -> None:
    assert boxes_of(encode(json.dumps(CONTENT, **options))) == expected()


def test_a_file_in_a_folder_is_read_as_in_an_archive(tmp_path: Path) -> None:
    for name, content in {"all.json": json.dumps(CONTENT).encode(), "a.png": b"", "b.png": b""}.items():
        (tmp_path / name).write_bytes(content)
    data = DataSet(Folder(tmp_path, ["a.png", "all.json", "b.png"]))
    assert coco.find(data) == ["all.json"] and list(coco.read(data, "all.json")) == expected()


def changed(old: str, new: str) -> str:
    text = json.dumps(CONTENT)
    assert old in text
    return text.replace(old, new, 1)


NOT_JSON = "all.json is not valid JSON: "
DAMAGED: dict[str, tuple[str | bytes, str]] = {
    "NaN": (changed("28.25", "NaN"), NOT_JSON + "lexical error: invalid char in json text, near "),
    "Infinity": (changed("28.25", "-Infinity"), NOT_JSON + "lexical error"),
    "cut in the annotations": (json.dumps(CONTENT)[:700], NOT_JSON + "parse error: premature EOF"),
    "cut before its last bracket": (json.dumps(CONTENT)[:-1], NOT_JSON + "parse error: premature EOF"),
    "more behind the end": (json.dumps(CONTENT) + "{}", NOT_JSON + "parse error: trailing garbage"),
    "a comma too many": (changed("38]", "38],"), NOT_JSON + "parse error"),
    "no UTF-8": (json.dumps(CONTENT, ensure_ascii=False).encode("latin-1"), NOT_JSON + "lexical error"),
    "UTF-16": (json.dumps(CONTENT).encode("utf-16"), "all.json is not UTF-8 but UTF-16, or damaged; save it"),
    "a number beyond 64 bits": (changed("28.25", "9" * 30), NOT_JSON + "parse error: integer overflow"),
    "deep in what is not read": (changed("3]", "[" * 100_000), NOT_JSON + "parse error"),
    "a list twice": (changed('"info"', '"images"'), "all.json: `images` must be a list of objects in braces"),
    "the same list twice": (
        json.dumps(CONTENT)[:-1] + ', "images": []}',
        "all.json has `images` twice; leave one of them",
    ),
    "a key twice": (
        changed('"id": null', '"bbox": [1, 2, 3, 4]'),
        "all.json: annotations 2 has `bbox` twice; leave one of them",
    ),
    "images in an object": (
        json.dumps(CONTENT | {"images": {"7": {"id": 7, "file_name": "a.png"}}}),
        "all.json: `images` must be a list of objects in braces",
    ),
    "an annotation that is a number": (
        json.dumps(CONTENT | {"annotations": [*CONTENT["annotations"], 5]}),
        "all.json: `annotations` must be a list of objects in braces",
    ),
    "no categories": (
        json.dumps({key: CONTENT[key] for key in ("images", "annotations")}),
        "all.json: `categories` must be a list of objects in braces",
    ),
    "a nested bbox": (
        changed("[1.5, 2, 28.25, 38]", "[[1.5, 2], 28.25, 38, 1]"),
        "all.json object 1: `bbox` is [[], 28.25, 38, 1]; it must be [left, top, width, height] in pixels",
    ),
    "a bbox with names": (
        changed("[1.5, 2, 28.25, 38]", '{"x": 1, "y": 2, "w": 3, "h": 4}'),
        "all.json object 1: `bbox` is {}; it must be [left, top, width, height] in pixels",
    ),
    "a bbox of many numbers": (
        changed("[1.5, 2, 28.25, 38]", json.dumps([1] * 1000)),
        "all.json object 1: `bbox` is [1, 1, 1, 1, 1]; it must be [left, top, width, height] in pixels",
    ),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_called_coco_and_named(case: str) -> None:
    content, message = DAMAGED[case]
    with pytest.raises(InputError) as error:
        boxes_of(content)
    assert str(error.value).startswith(message)
    with pytest.raises(InputError) as error:
        read({"all.json": content, "a.png": PHOTOGRAPH, "b.png": PHOTOGRAPH})
    assert str(error.value).startswith(message)


def test_a_text_that_does_not_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coco, "LONGEST_TEXT", 2**20)
    assert boxes_of(changed("with ", "w" * 2**19)) == expected()
    with pytest.raises(InputError, match="^all.json holds a text of more than 1 MiB$"):
        boxes_of(changed("with ", "w" * 2**21))


def test_other_json_is_not_claimed() -> None:
    others: Members = {
        "via.json": '{"a.png9": {"filename": "a.png", "size": 9, "regions": []}}',
        "labelme.json": '{"shapes": [], "imagePath": "a.png", "imageData": null}',
        "createml.json": '[{"image": "a.png", "annotations": []}]',
        "empty.json": "",
        "info.json": '{"images": 3}',
    }
    with open_archive(io.BytesIO(zipped(others)), "masks.zip") as archive:
        assert coco.find(DataSet(archive)) == []


def test_find_reads_no_further_than_to_the_second_list(tmp_path: Path) -> None:
    class Counted(io.BytesIO):
        taken = 0

        def read(self, size: int | None = -1) -> bytes:
            Counted.taken += size or 0
            return super().read(size)

    data = DataSet(Folder(tmp_path, ["all.json"]))
    data.archive.open = lambda name: Counted(b'{"annotations": [], "images": [' + b" " * 2**23)  # type: ignore
    assert coco.find(data) == ["all.json"] and Counted.taken < 2**22


def test_segmentations_and_the_number_of_annotations_take_no_memory(tmp_path: Path) -> None:
    segmentations = [json.dumps(each) for each in ({"counts": "0" * 1000}, [[1.5] * 60])]
    images = [{"id": number, "file_name": f"{number}.png"} for number in range(100)]
    annotations = (
        f'{{"segmentation": {segmentations[number % 20 == 0]}, "image_id": {number % 100}, "category_id": 1, '
        '"bbox": [1, 2, 3.5, 4]}'
        for number in range(20_000)
    )
    text = f'{{"annotations": [{", ".join(annotations)}], "images": {json.dumps(images)}, '
    size = (tmp_path / "all.json").write_text(text + '"categories": [{"id": 1, "name": "good"}]}')
    data = DataSet(Folder(tmp_path, ["all.json", *(each["file_name"] for each in images)]))
    tracemalloc.start()
    count = sum(1 for _ in coco.read(data, "all.json"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 20_000 and size > 20e6 and peak < size / 10
