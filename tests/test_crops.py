"""Crops: their geometry by hand and against a plain re-implementation, and the stage that makes them."""

import csv
import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms
from torchvision.datasets import ImageFolder

from pipeline.common.files import write_arrays
from pipeline.common.seeds import generator
from pipeline.common.settings import InputError
from pipeline.masks import crops
from pipeline.masks.annotations import Box, Boxes, map_labels, read_boxes, split_boxes
from pipeline.sources import pictures
from pipeline.sources.pictures import ORIENTATION, open_picture
from stages import crop_masks

Project = Callable[[dict[str, Any]], Path]
HEADER = "filename,width,height,label,xmin,ymin,xmax,ymax\n"
# A stage that ends well has each class to train on, and something to test on.
REST = "rest.png,,,bad,0,0,1,1\nrest.png,,,good,0,0,1,1\nrest.png,,,none,0,0,1,1\n"
TURNED_RIGHT = 6  # EXIF: the picture is to be turned a quarter clockwise


def gradient(width: int, height: int) -> np.ndarray:
    """A picture, uint8 (height, width, 3), in which every pixel tells its column and row."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns, rows, columns + rows], axis=-1).astype(np.uint8)


def picture_bytes(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    return tags


def write_raw(folder: Path, members: dict[str, str | bytes]) -> None:
    (folder / "data/raw/masks").mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / crop_masks.RAW, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def table() -> list[dict[str, str]]:
    with open(crop_masks.TABLE, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("box", "area"),
    [
        ((0, 0, 20, 25), (0, 0, 20, 25)),
        ((3, 4, 5, 6), (3, 4, 5, 6)),
        ((-5, 2, 10, 30), (0, 2, 10, 25)),
        ((-100, -100, 100, 100), (0, 0, 20, 25)),
        ((19, 24, 20, 25), (19, 24, 20, 25)),
        ((20, 0, 30, 5), None),
        ((0, 25, 5, 30), None),
        ((-9, 0, 0, 5), None),
        ((0, -9, 5, 0), None),
    ],
)
def test_clip_by_hand_in_a_photograph_20_wide_and_25_high(
    box: tuple[int, int, int, int], area: tuple[int, int, int, int] | None
) -> None:
    assert crops.clip(box, 20, 25) == area


coordinates = st.integers(-12, 24)


@given(st.tuples(coordinates, coordinates, coordinates, coordinates), st.integers(1, 12), st.integers(1, 12))
def test_a_crop_holds_the_pixels_of_the_photograph_that_lie_in_the_box(
    box: tuple[int, int, int, int], width: int, height: int
) -> None:
    left, top, right, bottom = box
    pixels = gradient(width, height)
    # Plainly: look at every pixel and ask whether it is in the box.
    inside = [
        [pixels[y, x].tolist() for x in range(width) if left <= x < right]
        for y in range(height)
        if top <= y < bottom
    ]
    area = crops.clip(box, width, height)
    if not any(inside):
        assert area is None
    else:
        assert np.asarray(Image.fromarray(pixels).crop(area)).tolist() == inside


@pytest.mark.parametrize(
    ("orientation", "size", "turned"),
    [
        (None, (60, 40), False),
        (None, (40, 60), None),
        (6, (60, 40), False),
        (6, (40, 60), True),
        (8, (40, 60), True),
        (3, (40, 60), None),  # half a turn exchanges nothing
        (6, (40, 61), None),
    ],
)
def test_a_size_is_that_of_the_pixels_as_stored_or_as_turned(
    orientation: int | None, size: tuple[int, int], turned: bool | None
) -> None:
    photograph = Image.new("RGB", (60, 40))
    data = picture_bytes(photograph, exif=exif(orientation)) if orientation else picture_bytes(photograph)
    assert crops.fits_turned(open_picture(data, "x"), size) is turned


def test_batches_hold_each_photograph_once_with_the_number_of_its_first_crop() -> None:
    names = [f"{n % 40}.png" for n in range(100)]  # 20 photographs with three boxes, 20 with two
    label = names[39]  # a text that comes before, as something else
    boxes = [Box("train", name, label, "x.csv", (0, 0, n + 1, 1), None, n) for n, name in enumerate(names)]
    batches = list(crop_masks.batches(Boxes(boxes)))
    assert [len(batch) for batch in batches] == [16, 16, 8]
    numbered = [
        (first + n, box) for batch in batches for first, group in batch for n, box in enumerate(group)
    ]
    assert [number for number, _ in numbered] == list(range(100))
    assert [group[0].photograph for batch in batches for _, group in batch] == names[:40]
    assert [box.photograph for _, box in numbered[:7]] == ["0.png"] * 3 + ["1.png"] * 3 + ["2.png"]
    assert sorted(box.corners for _, box in numbered) == [box.corners for box in boxes]


@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 96), (5, 7), (1, 1), (33, 100)])
def test_pooling_takes_the_mean_of_each_of_the_cells(height: int, width: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    pooled = crops.pool(Image.fromarray(pixels), 32)
    assert pooled.dtype == np.float32 and pooled.shape == (3, 32, 32)
    for row, column in [(0, 0), (7, 30), (31, 31)]:
        rows = slice(row * height // 32, -(-(row + 1) * height // 32))
        columns = slice(column * width // 32, -(-(column + 1) * width // 32))
        mean = pixels[rows, columns].mean(axis=(0, 1)) / 255
        assert pooled[:, row, column] == pytest.approx(mean, abs=1e-6)


@given(st.integers(1, 90), st.integers(1, 90), st.integers(2, 40), st.integers(0, 9))  # 1: PyTorch's mean
@example(400, 300, 32, 0)
@example(1, 1, 32, 0)
def test_pooling_has_the_bytes_of_pytorch(height, width, side, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    expected = torch.nn.AdaptiveAvgPool2d(side)(torch.from_numpy(pixels).permute(2, 0, 1).float() / 255)
    assert crops.pool(Image.fromarray(pixels), side).tobytes() == expected.numpy().tobytes()


@pytest.mark.parametrize("side", [1, 8, 33])
def test_pooling_a_row_at_a_time_gives_the_same_bytes(monkeypatch, side):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8))
    at_once = crops.pool(picture, side)
    monkeypatch.setattr(crops, "POOLED_AT_ONCE", 50 * 70 - 1)
    by_row = crops.pool(picture, side)
    assert by_row.shape == at_once.shape and by_row.tobytes() == at_once.tobytes()


def test_resizing_keeps_colours_and_sides_apart() -> None:
    pixels = np.zeros((10, 40, 3), np.uint8)
    pixels[:5, :, 0] = 200  # upper half red
    pixels[:, 20:, 2] = 100  # right half blue
    resized = crops.resize(Image.fromarray(pixels), 8)
    assert resized.dtype == np.uint8 and resized.shape == (3, 8, 8)
    assert resized[:, 0, 0].tolist() == [200, 0, 0]
    assert resized[:, 7, 7].tolist() == [0, 0, 100]


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (50, 3), (8, 8), (8, 9), (33, 71), (640, 480)])
def test_resizing_is_that_of_torchvision(size):
    crop = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8))
    expected = np.asarray(transforms.Resize((8, 8))(crop))
    assert np.array_equal(crops.resize(crop, 8), expected.transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("picture", "form"),
    [
        (Image.new("1", (2, 2), 1), "PNG"),
        (Image.new("L", (2, 2), 255), "PNG"),
        (Image.new("LA", (2, 2), (255, 255)), "PNG"),
        (Image.new("P", (2, 2), 0), "PNG"),
        (Image.new("RGB", (2, 2), "white"), "JPEG"),
        (Image.new("RGBA", (2, 2), (255, 255, 255, 255)), "PNG"),
        (Image.new("CMYK", (2, 2), (0, 0, 0, 0)), "JPEG"),
        (Image.fromarray(np.full((2, 2), 65535, np.uint16)), "PNG"),
        (Image.fromarray(np.full((2, 2), 65535, np.int32)), "TIFF"),
        (Image.new("RGB", (2, 2), "white"), "GIF"),
        (Image.new("RGB", (2, 2), "white"), "WEBP"),
    ],
    ids=lambda value: getattr(value, "mode", value),
)
def test_white_is_white_in_every_mode(picture: Image.Image, form: str) -> None:
    if picture.mode == "P":
        picture.putpalette([255, 255, 255])
    rgb = open_picture(picture_bytes(picture, form), "x")
    assert rgb.mode == "RGB" and rgb.getpixel((1, 1)) == (255, 255, 255)


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    rgb = open_picture(picture_bytes(Image.fromarray(values)), "x")
    assert np.asarray(rgb)[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_lie_on_white(mode: str) -> None:
    if mode == "P":
        picture = Image.new("P", (2, 2), 0)
        data = picture_bytes(picture, transparency=0)
    else:
        data = picture_bytes(Image.new(mode, (2, 2), (9, 9, 9, 0) if mode == "RGBA" else (9, 0)))
    assert open_picture(data, "x").getpixel((0, 0)) == (255, 255, 255)


def test_a_picture_too_large_for_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "LIMIT", 2_000_000)
    assert open_picture(picture_bytes(Image.new("L", (2000, 1000))), "x").size == (2000, 1000)
    with pytest.raises(InputError, match="x has 2001 x 1000 pixels; a PNG may have 2 million"):
        open_picture(picture_bytes(Image.new("L", (2001, 1000))), "x")


@pytest.fixture
def photographs(project: Project) -> Path:
    """A project with two photographs and six boxes, one of them clipped; crops of 8 pixels."""
    folder = project({"crop_masks.side": 8, "compute.workers": 1})
    train = "a.png,60,40,good,10,5,30,15\nb b.png,50,50,bad,-3,40,20,60\na.png,60,40,none,0,0,60,40\n"
    test = "c.png,30,30,good,1,1,9,9\nc.png,30,30,bad,2,2,9,9\nc.png,30,30,none,3,3,9,9\n"
    pictures = {"a": (60, 40), "b b": (50, 50), "c": (30, 30)}
    images = {f"images/{n}.png": picture_bytes(Image.fromarray(gradient(*s))) for n, s in pictures.items()}
    write_raw(folder, {"train.csv": HEADER + train, "test.csv": HEADER + test, **images})
    return folder


def test_the_stage_writes_crops_arrays_and_a_table(
    photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crop_masks.main()
    rows = table()
    assert [(row["photograph"], row["label"], row["crop"]) for row in rows] == [
        ("images/a.png", "good", "train/good/00000_a.png"),
        ("images/a.png", "none", "train/none/00001_a.png"),
        ("images/b b.png", "bad", "train/bad/00002_b_b.png"),
        ("images/c.png", "good", "test/good/00003_c.png"),
        ("images/c.png", "bad", "test/bad/00004_c.png"),
        ("images/c.png", "none", "test/none/00005_c.png"),
    ]
    clipped = rows[2]
    assert [clipped[corner] for corner in ("xmin", "ymin", "xmax", "ymax")] == ["-3", "40", "20", "60"]
    assert [clipped[edge] for edge in ("left", "top", "right", "bottom")] == ["0", "40", "20", "50"]
    assert [row["clipped"] for row in rows] == ["0", "0", "1", "0", "0", "0"]
    crop = np.asarray(Image.open(crop_masks.FOLDER / rows[0]["crop"]))
    assert (crop == gradient(60, 40)[5:15, 10:30]).all()
    assert b"\r" not in crop_masks.TABLE.read_bytes()
    out = capsys.readouterr().out
    assert "3 train boxes: 1 bad, 1 good, 1 none" in out and "1 boxes clipped" in out


def test_the_arrays_agree_with_the_crops_as_imagefolder_reads_them(photographs: Path) -> None:
    crop_masks.main()
    with np.load(crop_masks.ARRAYS, allow_pickle=False) as arrays:
        resized, pooled, label, test = (arrays[key] for key in ("resized", "pooled", "label", "test"))
    assert (resized.dtype, pooled.dtype, label.dtype, test.dtype) == (np.uint8, np.float32, np.uint8, bool)
    numbers = {row["crop"]: number for number, row in enumerate(table())}
    seen = 0
    for split in ("train", "test"):
        folder = ImageFolder(crop_masks.FOLDER / split)
        assert folder.classes == ["bad", "good", "none"]
        for (picture, kind), (file, _) in zip(folder, folder.samples, strict=True):
            number = numbers[Path(file).relative_to(crop_masks.FOLDER).as_posix()]
            assert (label[number], test[number]) == (kind, split == "test")
            assert (resized[number] == crops.resize(picture, 8)).all()
            assert (pooled[number] == crops.pool(picture, 8)).all()
            seen += 1
    assert seen == len(numbers) == len(label) == 6
    write_arrays(Path("at_once.npz"), resized=resized, pooled=pooled, label=label, test=test)
    assert crop_masks.ARRAYS.read_bytes() == Path("at_once.npz").read_bytes()


def test_photographs_without_a_split_are_drawn_by_the_generator_of_that_name(project: Project) -> None:
    folder = project({"crop_masks.side": 2, "crop_masks.test_share": 0.3, "compute.workers": 1, "seed": 5})
    names = [f"{n:02}.png" for n in range(30)]
    rows = "".join(f"{name},,,{('bad', 'good', 'none')[n % 3]},0,0,2,2\n" for n, name in enumerate(names))
    picture = picture_bytes(Image.fromarray(gradient(2, 2)))
    write_raw(folder, {"boxes.csv": HEADER + rows, **dict.fromkeys(names, picture)})
    crop_masks.main()
    labels = {label: label for label in ("bad", "good", "none")}
    with zipfile.ZipFile(crop_masks.RAW) as archive:
        boxes = map_labels(read_boxes(archive), labels)
    drawn = split_boxes(boxes, 0.3, generator(5, "masks split"))
    assert [row["split"] for row in table()] == [box.split for box in drawn]
    assert sum(box.split == "test" for box in drawn) == 9


def test_one_box_alone_is_too_few(project: Project) -> None:
    folder = project({"compute.workers": 1})
    write_raw(folder, {"boxes.csv": HEADER + "a.png,,,good,0,0,1,1\n", "a.png": b""})
    with pytest.raises(InputError, match="no box for training is of class bad, none"):
        crop_masks.main()


def test_the_stage_does_without_pytorch() -> None:
    code = "import sys, stages.crop_masks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_crops_may_take_four_gibibytes() -> None:
    crop_masks.check_memory(273, 1024)  # 273 * 3 * 1024 * 1024 * 5 bytes, one MiB less
    with pytest.raises(InputError) as error:
        crop_masks.check_memory(274, 1024)
    assert str(error.value) == (
        "params.yaml: `crop_masks.side` is 1024: 274 crops of that size take more than 4 GiB of memory"
    )


def outputs(folder: Path) -> dict[str, bytes]:
    files = [*(folder / "data/crops").rglob("*"), folder / crop_masks.ARRAYS, folder / crop_masks.TABLE]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files if file.is_file()}


def test_any_number_of_workers_gives_the_same_bytes(
    photographs: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    crop_masks.main()
    alone = outputs(photographs)
    monkeypatch.setattr(crop_masks, "BATCH", 1)
    project({"crop_masks.side": 8, "compute.workers": 2})
    crop_masks.main()
    assert outputs(photographs) == alone
    project({"crop_masks.side": 9, "compute.workers": 1})
    crop_masks.main()
    assert outputs(photographs) != alone


@pytest.mark.parametrize(
    ("size", "box", "expected"),
    [
        ("60,40", (10, 5, 30, 15), gradient(60, 40)[5:15, 10:30]),
        ("40,60", (5, 10, 15, 30), np.rot90(gradient(60, 40), -1)[10:30, 5:15]),
    ],
    ids=["as stored", "as turned"],
)
def test_boxes_fit_the_stored_pixels_unless_width_and_height_say_otherwise(
    project: Project,
    capsys: pytest.CaptureFixture[str],
    size: str,
    box: tuple[int, ...],
    expected: np.ndarray,
) -> None:
    folder = project({"compute.workers": 1})
    picture = picture_bytes(Image.fromarray(gradient(60, 40)), exif=exif(TURNED_RIGHT))
    line = f"a.png,{size},good,{','.join(map(str, box))}\n"
    test = "b.png,,,good,1,1,2,2\n"
    members = {"train.csv": HEADER + line + REST, "test.csv": HEADER + test}
    write_raw(folder, {**members, "a.png": picture, "b.png": picture, "rest.png": picture})
    crop_masks.main()
    rows = table()
    turned = int(size == "40,60")
    assert [row["exif_rotated"] for row in rows] == [str(turned), "0", "0", "0", "0"]
    assert f"{turned} in photographs turned by EXIF" in capsys.readouterr().out
    assert (np.asarray(Image.open(crop_masks.FOLDER / rows[0]["crop"])) == expected).all()


def test_an_error_in_a_worker_arrives_as_itself(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project({"compute.workers": 2})
    monkeypatch.setattr(crop_masks, "BATCH", 1)
    lines = "".join(f"{n}.png,60,40,{c},1,1,9,9\n" for n in "ab" for c in ("bad", "good", "none"))
    write_raw(folder, {"boxes.csv": HEADER + lines, "a.png": "text", "b.png": "text"})
    with pytest.raises(InputError, match="boxes.csv line [25]: [ab].png cannot be read"):
        crop_masks.main()


def test_an_archive_written_anew_is_read_anew(photographs: Path) -> None:
    """By a process that has read the old one: a single worker's is the one that calls."""
    crop_masks.main()
    with zipfile.ZipFile(crop_masks.RAW) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    write_raw(photographs, members | {"images/a.png": picture_bytes(Image.new("RGB", (60, 40), "red"))})
    crop_masks.main()
    assert np.asarray(Image.open(crop_masks.FOLDER / table()[0]["crop"]))[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("photograph", "stem"),
    [
        ("images/a.b.jpg", "a_b"),
        ("IMG_9-Z.png", "IMG_9-Z"),
        ("x/<b>\n'\"&ü.png", "_b_"),
        ("..png", "_"),
        ("a" * 300 + ".png", "a" * 80),
    ],
)
def test_file_names_are_safe_everywhere(photograph: str, stem: str) -> None:
    assert crop_masks.safe_stem(photograph).rstrip("_") == stem.rstrip("_")


def test_the_real_photographs_with_their_odd_modes_are_cropped(
    project: Project, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seven photographs that are not RGB and the two with an EXIF orientation, with all their boxes."""
    odd = {"B612_20200127_155432_958.jpg", "PhotoGrid_1580452532909.jpg"}
    folder = project({"compute.workers": 1})
    with zipfile.ZipFile(shared_data / "medical-masks.zip") as archive:
        lines = archive.read("train.csv").decode().splitlines(keepends=True)
        rows = [line for line in lines[1:] if line.startswith(tuple(odd)) or ".png" in line]
        names = sorted({row.split(",")[0] for row in rows})
        pictures = {f"images/{name}": archive.read(f"images/{name}") for name in names}
        rest = archive.read("images/" + lines[1].split(",")[0])
    pictures |= {"images/rest.png": rest}
    write_raw(folder, {"train.csv": HEADER + REST, "test.csv": lines[0] + "".join(rows), **pictures})
    crop_masks.main()
    assert len(table()) == len(rows) + 3
    assert {row["clipped"] + row["exif_rotated"] for row in table()} == {"00"}
