"""tools.classify on the test pictures says what the run's stored predictions say, in every layout."""

import csv
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

from pipeline.common.paths import BOXES, CROP_ARRAYS, DIGITS, MASKS_ARCHIVE
from pipeline.common.runs import Replicate, write_run
from stages.crop_masks import __main__ as crop_masks
from stages.fetch_digits.numerals import write_digits
from stages.prepare_digits import __main__ as prepare_digits
from stages.train_cnn.settings import CnnSettings
from stages.train_cnn.training import train as train_cnn
from stages.train_mlp import training
from stages.train_mlp.settings import MlpSettings
from tests.conftest import Workspace
from tests.making import PHOTOGRAPH, Members, Project, exif, npz, picture_bytes, put, zipped
from tests.small_trainings import CNN, MLP
from tools import classify

SAMPLES, TRAIN = 240, 160
SETTINGS = MLP | {
    "hidden": [32],
    "initial_weights": "scaled",
    "epochs": 30,
    "batch_size": 8,
    "latents_every": 0,
}


@pytest.fixture(scope="module")
def numerals(tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, np.ndarray]:
    """The images (n, 28, 28) and labels of synthetic numerals, white on black."""
    file = tmp_path_factory.mktemp("numerals") / "digits.npz"
    write_digits(SAMPLES, 0, file)
    with np.load(file) as arrays:
        return arrays["image"], arrays["label"]


def on_paper(image: np.ndarray, number: int) -> Image.Image:
    """A numeral at 48 pixels, somewhere on black paper of 64."""
    paper = Image.new("L", (64, 64))
    paper.paste(Image.fromarray(image).resize((48, 48)), (number % 17, number // 17 % 17))
    return paper


def upright(image: np.ndarray, number: int) -> Image.Image:
    return Image.fromarray(image)


def lying(image: np.ndarray, number: int) -> Image.Image:
    """Stored on its side, to be turned as its EXIF says."""
    return on_paper(image, number).transpose(Image.Transpose.ROTATE_90)


def in_folders(
    draw: Callable[[np.ndarray, int], Image.Image], test_on_white: bool = False, orientation: int = 1
) -> Callable[[np.ndarray, np.ndarray], Members]:
    def make(images: np.ndarray, labels: np.ndarray) -> Members:
        members: Members = {}
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            split = "train" if number < TRAIN else "test"
            picture = draw(image, number)
            if split == "test" and test_on_white:
                picture = ImageOps.invert(picture)
            members[f"{split}/{label}/{number:03}.png"] = picture_bytes(picture, exif=exif(orientation))
        return members

    return make


def in_keras_arrays(scale: float) -> Callable[[np.ndarray, np.ndarray], Members]:
    def make(images: np.ndarray, labels: np.ndarray) -> Members:
        images = images * scale
        train, test = slice(TRAIN), slice(TRAIN, None)
        arrays = {"x_train": images[train], "y_train": labels[train]}
        return {"digits.npz": npz(**arrays, x_test=images[test], y_test=labels[test])}

    return make


def in_idx_files(images: np.ndarray, labels: np.ndarray) -> Members:
    return {
        f"{split}-{kind}-idx{array.ndim}-ubyte": struct.pack(
            f">2xBB{array.ndim}I", 8, array.ndim, *array.shape
        )
        + array.tobytes()
        for split, rows in (("train", slice(TRAIN)), ("t10k", slice(TRAIN, None)))
        for kind, array in (("images", images[rows]), ("labels", labels[rows]))
    }


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def in_npy_files(images: np.ndarray, labels: np.ndarray) -> Members:
    return {
        f"{split}_{kind}.npy": npy(array[rows])
        for split, rows in (("train", slice(TRAIN)), ("test", slice(TRAIN, None)))
        for kind, array in (("images", np.stack([images] * 3, axis=-1)), ("labels", np.eye(10)[labels]))
    }


def in_csv(images: np.ndarray, labels: np.ndarray | None = None) -> str:
    rows = [] if labels is None else labels[:, None].tolist()
    lines = [
        [*row, *image.ravel().tolist()] for row, image in zip(rows or [[]] * len(images), images, strict=True)
    ]
    return "".join(",".join(map(str, line)) + "\n" for line in lines)


def in_csv_files(images: np.ndarray, labels: np.ndarray) -> Members:
    letters = np.array([f"letter {label}" for label in labels])
    return {
        "train.csv": in_csv(images[:TRAIN], letters[:TRAIN]),
        "test.csv": in_csv(images[TRAIN:], letters[TRAIN:]),
    }


LAYOUTS: dict[str, Callable[[np.ndarray, np.ndarray], Members]] = {
    "pictures": in_folders(upright),
    "pictures of another size, the numeral anywhere": in_folders(on_paper),
    "black on white for testing only": in_folders(on_paper, test_on_white=True),
    "28 x 28, black on white for testing only": in_folders(upright, test_on_white=True),
    "pictures that EXIF turns": in_folders(lying, orientation=6),
    "arrays": in_keras_arrays(1),
    "arrays from 0 to 16": in_keras_arrays(16 / 255),
    "arrays from 0 to 1.02": in_keras_arrays(1.02 / 255),
    "IDX files": in_idx_files,
    ".npy files, in colours, one-hot": in_npy_files,
    "CSV, of other classes": in_csv_files,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_of_digits(
    project: Project,
    numerals: tuple[np.ndarray, np.ndarray],
    capsys: pytest.CaptureFixture[str],
    layout: str,
) -> None:
    members = LAYOUTS[layout](*numerals)
    folder = project({})
    result = train_on(members, folder)
    for name, content in members.items():
        put(folder / "source" / name, content.encode() if isinstance(content, str) else content)
    with tarfile.open("source.tar.gz", "w:gz") as archive:
        archive.add("source", ".")
    rows = classified("source", capsys)
    assert classified("source.tar.gz", capsys) == rows
    found = [row["class"] for row in rows if row["picture"].startswith("test")]
    names = result.network["classes"]
    assert found == [names[label] for label in result.predictions["test"]]
    assert (result.predictions["test"] == result.truth["test"]).mean() > 0.5 and len(set(found)) > 5


def test_arrays_without_labels(
    project: Project, numerals: tuple[np.ndarray, np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, new = project({}), numerals[0][TRAIN:]
    result = train_on(in_idx_files(*numerals), folder)
    put(folder / "new.csv", in_csv(new).encode())
    put(folder / "new.npy", npy(new))
    put(folder / "t10k-images-idx3-ubyte", bytes(in_idx_files(*numerals)["t10k-images-idx3-ubyte"]))
    for name in ("new.csv", "new.npy", "t10k-images-idx3-ubyte"):
        found = [row["class"] for row in classified(name, capsys)]
        assert found == [str(label) for label in result.predictions["test"]]


def classified(source: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    capsys.readouterr()
    classify.main(["run", source, "--csv"])
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def train_on(members: Members, folder: Path) -> Replicate:
    """Train a network on digits, in the folder run/."""
    packed = members.get("digits.npz") or zipped(members)
    put(folder / "data/raw/digits" / ("digits.npz" if "digits.npz" in members else "digits.zip"), packed)
    prepare_digits.main()
    result = training.train(DIGITS, "run", 0, MlpSettings(**SETTINGS), 0)
    (folder / "run").mkdir()
    write_run(folder / "run", {}, [result])
    return result


def turned(archive: bytes) -> Members:
    """The photographs of an archive stored on their side, to be turned as their EXIF says."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        members: Members = {name: opened.read(name) for name in opened.namelist()}
    for name in members:
        if name.endswith(".jpg"):
            picture = Image.open(io.BytesIO(bytes(members[name]))).transpose(Image.Transpose.ROTATE_90)
            members[name] = picture_bytes(picture, "JPEG", exif=exif(6))
    return members


@pytest.mark.parametrize(("method", "lying"), [("resized", False), ("own_size", True)])
def test_faces_in_boxes(
    project: Project, quick_run: Workspace, capsys: pytest.CaptureFixture[str], method: str, lying: bool
) -> None:
    archive = (quick_run.folder / MASKS_ARCHIVE).read_bytes()
    folder = project({})
    put(folder / MASKS_ARCHIVE, zipped(turned(archive)) if lying else archive)
    crop_masks.main()
    result = train_cnn(CROP_ARRAYS, "run", 0, CnnSettings(**CNN | {"crops": method}), 0)
    (folder / "run").mkdir()
    write_run(folder / "run", {}, [result])
    put(folder / "download.zip", zipped({"faces.zip": MASKS_ARCHIVE.read_bytes()}))
    rows = classified(str(MASKS_ARCHIVE), capsys)
    assert classified("download.zip", capsys) == rows
    found = pd.DataFrame(rows)
    boxes = pd.read_csv(BOXES)
    assert (found.box == boxes[["left", "top", "right", "bottom"]].astype(str).agg(" ".join, axis=1)).all()
    assert boxes.exif_rotated.all() == lying
    predicted = np.array(result.network["classes"])[result.predictions["test"]]
    assert found["class"][boxes.split == "test"].tolist() == predicted.tolist()


@pytest.mark.parametrize(
    "names",
    [
        ["none/a.png", "worn/b.png"],
        ["c.png", "holiday/a.png", "work/b.png"],
        ["test/with_mask/a.png", "train/with_mask/a.png", "train/without_mask/a.png"],
    ],
)
def test_folders_of_faces_are_taken_picture_by_picture(tmp_path: Path, names: list[str]) -> None:
    """Whatever the folders are called, and whether all pictures are in one."""
    for name in names:
        put(tmp_path / name, PHOTOGRAPH)
    for wanted in ("auto", "folders"):
        items = list(classify.faces(tmp_path, {"crops": "resized", "side": 8}, wanted, False))
        assert [(item.picture, item.box) for item in items] == [(name, None) for name in names]
