"""The stage crop_masks: its crops, arrays and table."""

import csv
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file
from torchvision.datasets import ImageFolder

from pipeline.common.crops import load_crops
from pipeline.common.paths import BOXES, CROP_ARRAYS, CROP_FILES, MASKS_ARCHIVE
from pipeline.common.seeds import generator
from pipeline.runtime.errors import InputError
from stages.crop_masks import __main__ as crop_masks
from stages.crop_masks.annotations import read_annotations
from stages.crop_masks.boxes import map_labels
from stages.crop_masks.crops import pool, resize
from stages.crop_masks.split import split_boxes
from tests.crop_masks.conftest import Source
from tests.making import HEADER, TURNED_RIGHT, Project, exif, gradient, photograph, picture_bytes

# A stage that ends well has each class to train on, and something to test on.
REST = "rest.png,,,bad,0,0,1,1\nrest.png,,,good,0,0,1,1\nrest.png,,,none,0,0,1,1\n"


def table() -> list[dict[str, str]]:
    with open(BOXES, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def photographs(source: Source) -> Path:
    """A project with two photographs and six boxes, one of them clipped; crops of 8 pixels."""
    train = "a.png,60,40,good,10,5,30,15\nb b.png,50,50,bad,-3,40,20,60\na.png,60,40,none,0,0,60,40\n"
    test = "c.png,30,30,good,1,1,9,9\nc.png,30,30,bad,2,2,9,9\nc.png,30,30,none,3,3,9,9\n"
    pictures = {"a": (60, 40), "b b": (50, 50), "c": (30, 30)}
    images = {f"images/{n}.png": picture_bytes(photograph(*s)) for n, s in pictures.items()}
    members = {"train.csv": HEADER + train, "test.csv": HEADER + test, **images}
    return source(members, {"crop_masks.side": 8})


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
    crop = np.asarray(Image.open(CROP_FILES / rows[0]["crop"]))
    assert (crop == gradient(60, 40)[5:15, 10:30]).all()
    assert b"\r" not in BOXES.read_bytes()
    out = capsys.readouterr().out
    assert "3 train boxes: 1 bad, 1 good, 1 none" in out and "1 boxes reach over the edge" in out


def test_the_arrays_agree_with_the_crops_as_imagefolder_reads_them(photographs: Path) -> None:
    crop_masks.main()
    resized, large, pooled, label, test, photograph, classes = load_crops()
    assert classes == ["bad", "good", "none"]
    assert (resized.dtype, pooled.dtype, label.dtype, test.dtype) == (np.uint8, np.float32, np.uint8, bool)
    numbers = {row["crop"]: number for number, row in enumerate(table())}
    seen = 0
    for split in ("train", "test"):
        folder = ImageFolder(CROP_FILES / split)
        assert folder.classes == ["bad", "good", "none"]
        for (picture, kind), (file, _) in zip(folder, folder.samples, strict=True):
            number = numbers[Path(file).relative_to(CROP_FILES).as_posix()]
            assert (label[number], test[number]) == (kind, split == "test")
            assert (resized[number] == resize(picture, 8)).all()
            assert (large[number] == resize(picture, 16)).all()
            assert (pooled[number] == pool(picture, 8)).all()
            seen += 1
    assert seen == len(numbers) == len(label) == 6
    names = [row["photograph"] for row in table()]
    same = np.array(names)[:, None] == np.array(names)
    assert ((photograph[:, None] == photograph) == same).all()


def test_where_single_pictures_are_left_off_the_arrays_are_the_same(
    photographs: Path, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    crop_masks.main()
    arrays, before = CROP_ARRAYS.read_bytes(), table()
    project({"crop_masks.side": 8, "crop_masks.pictures": 5})
    crop_masks.main()
    assert CROP_ARRAYS.read_bytes() == arrays
    assert table() == [row | {"crop": ""} for row in before]
    assert not [path for path in CROP_FILES.rglob("*") if path.is_file()]
    assert (
        "data/crops/ holds no pictures, since 6 are more than crop_masks.pictures, 5"
        in capsys.readouterr().out
    )


def test_the_arrays_are_mapped_and_as_safetensors_reads_them(photographs: Path) -> None:
    crop_masks.main()
    crops, arrays = load_crops()._asdict(), load_file(CROP_ARRAYS)
    assert arrays.keys() == crops.keys() - {"classes"}
    for name, array in arrays.items():
        np.testing.assert_array_equal(crops[name], array)
        assert isinstance(crops[name].base, np.memmap) and not crops[name].flags.writeable


def test_a_file_of_crops_that_was_cut_off_is_an_error(photographs: Path) -> None:
    crop_masks.main()
    CROP_ARRAYS.write_bytes(CROP_ARRAYS.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"crops\.safetensors is damaged"):
        load_crops()


def test_photographs_without_a_split_are_drawn_by_the_generator_of_that_name(source: Source) -> None:
    names = [f"{n:02}.png" for n in range(30)]
    rows = "".join(f"{name},,,{('bad', 'good', 'none')[n % 3]},0,0,2,2\n" for n, name in enumerate(names))
    pictures = {name: picture_bytes(photograph(2 + n, 2)) for n, name in enumerate(names)}  # no copies
    changes = {"crop_masks.side": 2, "crop_masks.test_share": 0.3, "seed": 5}
    source({"boxes.csv": HEADER + rows, **pictures}, changes)
    crop_masks.main()
    labels = {label: label for label in ("bad", "good", "none")}
    with zipfile.ZipFile(MASKS_ARCHIVE) as archive:
        boxes = map_labels(read_annotations(archive).boxes, labels)
    numbers = {name: n for n, name in enumerate(names)}
    drawn = split_boxes(boxes, numbers, 0.3, generator(5, "masks split"))
    assert [row["split"] for row in table()] == [box.split for box in drawn]
    assert sum(box.split == "test" for box in drawn) == 9


def test_one_box_alone_is_too_few(source: Source) -> None:
    source({"boxes.csv": HEADER + "a.png,,,good,0,0,1,1\n", "a.png": picture_bytes(photograph())})
    with pytest.raises(InputError, match="the boxes are of 1 of the classes"):
        crop_masks.main()


def test_the_stage_does_without_pytorch() -> None:
    code = "import sys, stages.crop_masks.__main__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def outputs(folder: Path) -> dict[str, bytes]:
    files = [*(folder / "data/crops").rglob("*"), folder / CROP_ARRAYS, folder / BOXES]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files if file.is_file()}


def test_any_number_of_workers_gives_the_same_bytes(photographs: Path, project: Project) -> None:
    crop_masks.main()
    alone = outputs(photographs)
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
def test_boxes_are_on_the_turned_photograph_unless_width_and_height_say_otherwise(
    source: Source,
    capsys: pytest.CaptureFixture[str],
    size: str,
    box: tuple[int, ...],
    expected: np.ndarray,
) -> None:
    picture = picture_bytes(photograph(60, 40), exif=exif(TURNED_RIGHT))
    line = f"a.png,{size},good,{','.join(map(str, box))}\n"
    test = "b.png,,,good,1,1,2,2\n"
    members = {"train.csv": HEADER + line + REST, "test.csv": HEADER + test}
    source({**members, "a.png": picture, "b.png": picture, "rest.png": picture})
    crop_masks.main()
    rows = table()
    turned = int(size == "40,60")
    assert [row["exif_rotated"] for row in rows] == [str(turned), "1", "1", "1", "1"]
    out = capsys.readouterr().out
    assert ("1 photographs have an EXIF rotation, and their boxes fit it as turned" in out) == turned
    assert ("and their boxes fit the pixels as stored, by width and height; first: a.png" in out) != turned
    assert "2 photographs have an EXIF rotation and no width and height that could tell" in out
    assert (np.asarray(Image.open(CROP_FILES / rows[0]["crop"])) == expected).all()


def test_an_error_in_a_worker_arrives_as_itself(source: Source) -> None:
    lines = "".join(f"{n}.png,60,40,{c},1,1,9,9\n" for n in "ab" for c in ("bad", "good", "none"))
    source({"boxes.csv": HEADER + lines, "a.png": "text", "b.png": "text"}, {"compute.workers": 2})
    with pytest.raises(InputError, match="boxes.csv line [25]: [ab].png cannot be read"):
        crop_masks.main()


def test_an_archive_written_anew_is_read_anew(photographs: Path, source: Source) -> None:
    """By a process that has read the old one: a single worker's is the one that calls."""
    crop_masks.main()
    with zipfile.ZipFile(MASKS_ARCHIVE) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    red = picture_bytes(Image.new("RGB", (60, 40), "red"))
    source(members | {"images/a.png": red}, {"crop_masks.side": 8})
    crop_masks.main()
    assert np.asarray(Image.open(CROP_FILES / table()[0]["crop"]))[0, 0].tolist() == [255, 0, 0]


def test_the_real_photographs_with_their_odd_modes_are_cropped(source: Source, shared_data: Path) -> None:
    """The seven photographs that are not RGB and the two with an EXIF orientation, with all their boxes."""
    odd = {"B612_20200127_155432_958.jpg", "PhotoGrid_1580452532909.jpg"}
    with zipfile.ZipFile(shared_data / "medical-masks.zip") as archive:
        lines = archive.read("train.csv").decode().splitlines(keepends=True)
        rows = [line for line in lines[1:] if line.startswith(tuple(odd)) or ".png" in line]
        names = sorted({row.split(",")[0] for row in rows})
        pictures = {f"images/{name}": archive.read(f"images/{name}") for name in names}
        rest = archive.read("images/" + lines[1].split(",")[0])
    pictures |= {"images/rest.png": rest}
    source({"train.csv": HEADER + REST, "test.csv": lines[0] + "".join(rows), **pictures})
    crop_masks.main()
    assert len(table()) == len(rows) + 3
    assert {row["clipped"] + row["exif_rotated"] for row in table()} == {"00"}
