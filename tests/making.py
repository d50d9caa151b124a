"""Pictures, arrays, archives and annotations for tests, all small and made by code."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pipeline.common.crops import Crops, crops_to_write
from pipeline.runtime.settings import read_params, resolve_run
from pipeline.training.settings import Resolved, settings_file

LABELS = np.tile(np.arange(10, dtype=np.uint8), 6)
IMAGES = np.zeros((60, 28, 28), np.uint8)
IMAGES[:, 10:18, 10:18] = 200
IMAGES[:, 12, 12] = np.arange(60)  # no image is a copy of another

MASK_CLASSES = ("bad", "good", "none")  # the report's, in their order
CORNERS = ("xmin", "ymin", "xmax", "ymax")
HEADER = "filename,width,height,label,xmin,ymin,xmax,ymax\n"
# Each class to train on and one box to test on: with this much, crop_masks ends well.
TRAIN = "rest.png,60,40,bad,0,0,9,9\nrest.png,60,40,good,0,0,9,9\nrest.png,60,40,none,0,0,9,9\n"
TEST = "a.png,60,40,good,1,2,30,40\n"

Members = dict[str, str | bytes]  # of an archive: names and contents
Project = Callable[[dict[str, Any]], Path]
Refused = Callable[..., None]
Accepted = Callable[..., str]


def picture_bytes(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def save_crops(path: Path, crops: Crops) -> None:
    types = {"label": np.uint8, "test": np.bool_, "photograph": np.int32}
    with crops_to_write(path, len(crops.label), crops.resized.shape[-1], crops.classes) as files:
        for name, file in files.items():
            array = getattr(crops, name)
            file.write(array.astype(types.get(name, array.dtype)).tobytes())


def gradient(width: int = 60, height: int = 40) -> np.ndarray:
    """Pixels, uint8 (height, width, 3), of which each tells its column and row."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns, rows, columns + rows], axis=-1).astype(np.uint8)


def photograph(width: int = 60, height: int = 40) -> Image.Image:
    return Image.fromarray(gradient(width, height))


PHOTOGRAPH = picture_bytes(photograph())
TURNED_RIGHT = 6  # EXIF: the picture is to be turned a quarter clockwise


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=True, **arrays)
    return buffer.getvalue()


def zipped(members: Mapping[str, str | bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return buffer.getvalue()


def tables(test: str | bytes, train: str | bytes = HEADER + TRAIN) -> Members:
    """An archive's members: test.csv as given, and what else a good archive needs."""
    return {"train.csv": train, "test.csv": test, "rest.png": PHOTOGRAPH, "a.png": PHOTOGRAPH}


def voc(label: str, box: tuple[float, ...] = (1, 2, 30, 40), photograph: str = "a.png") -> str:
    corners = "".join(f"<{name}>{value}</{name}>" for name, value in zip(CORNERS, box, strict=True))
    return (
        f"<annotation><filename>{photograph}</filename><size><width>60</width><height>40</height></size>"
        f"<object><name>{label}</name><bndbox>{corners}</bndbox></object></annotation>"
    )


def annotations(last: str | bytes) -> Members:
    """An archive's members: test/a.xml as given, and what else a good archive needs."""
    names = ("bad", "good", "none")
    train: Members = {f"train/{name}.xml": voc(name, photograph=f"{name}.png") for name in names}
    train |= {f"train/{name}.png": PHOTOGRAPH for name in names}
    return train | {"test/a.xml": last, "test/a.png": PHOTOGRAPH}


def put_settings(folder: Path) -> None:
    """What check_settings writes for the runs in the folder's params.yaml, right or wrong."""
    params = read_params(folder / "params.yaml")
    for part in {"mlp", "cnn"} & params.keys():
        for run in params[part]["runs"]:
            content = Resolved(resolve_run(params, part, run), params["seed"], packages={})
            put(folder / settings_file(part, run), json.dumps(content._asdict()).encode())


def put_run(
    folder: Path, part: str, defaults: dict[str, Any], run: dict[str, Any], seed: int = 0, **compute: Any
) -> None:
    """params.yaml with one run, `mine`, of a part ("mlp" or "cnn"), and its settings."""
    params = {"seed": seed, "compute": compute, part: {"defaults": defaults, "runs": {"mine": run}}}
    put(folder / "params.yaml", json.dumps(params).encode())
    put_settings(folder)


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
