"""Cut faces out of their photographs, and write the crops.

All boxes of a photograph are cut at once, so that it is decoded once, and many photographs by each process.
"""

import csv
import re
import zipfile
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from PIL import Image
from tqdm import tqdm

from pipeline.common.classes import SPLITS
from pipeline.common.crops import crops_to_write, list_classes
from pipeline.runtime.compute import Compute
from pipeline.runtime.files import whole_folder
from pipeline.sources.archives import kept_open
from pipeline.sources.orientation import open_photograph
from stages.crop_masks.boxes import CORNERS, Area, Box, by_photograph, clip

BATCH = 16  # photographs that a process takes at a time
Batch = list[tuple[int, list[Box]]]  # photographs, each as the number of its first crop and its boxes
AREA = ("left", "top", "right", "bottom")
COLUMNS = ("split", "photograph", "label", *CORNERS, *AREA, "clipped", "exif_rotated", "crop")


class Crop(NamedTuple):
    """One crop: its box, the part of it within the photograph, its file in data/crops/, "" if it has none,
    and its pixels, as `Crops` has them.
    """

    box: Box
    area: Area
    file: str
    resized: np.ndarray
    large: np.ndarray
    pooled: np.ndarray


def cut_boxes(
    archive: Path, boxes: list[Box], side: int, target: Path, pictures: bool, compute: Compute
) -> Generator[Crop]:
    """The crops of all boxes, photograph by photograph, in the same order with any `compute`.

    With `pictures` their files are in the folder `target` once all have been taken.
    """
    with whole_folder(target) as folder:
        for split in SPLITS:
            for label in list_classes(box.label for box in boxes):
                (folder / split / label).mkdir(parents=True)
        # A process may still have the working folder of an earlier call.
        archive, saved_to = archive.absolute(), folder.absolute() if pictures else None
        tasks = [(archive, batch, side, saved_to) for batch in batches(boxes)]
        for crops in compute.each(cut_batch, tasks, len(tasks)):
            yield from crops


def batches(boxes: list[Box]) -> list[Batch]:
    """Photographs to cut at a time."""
    numbered = []
    count = 0
    for group in by_photograph(boxes):
        numbered.append((count, group))
        count += len(group)
    return [numbered[start : start + BATCH] for start in range(0, len(numbered), BATCH)]


def cut_batch(archive: Path, batch: Batch, side: int, folder: Path | None) -> list[Crop]:
    """All crops of a batch, in order; runs in a process of its own."""
    photographs = kept_open(archive, archive.stat().st_mtime_ns)
    return [
        crop for first, boxes in batch for crop in cut_photograph(photographs, first, boxes, side, folder)
    ]


def cut_photograph(
    archive: zipfile.ZipFile, first: int, boxes: list[Box], side: int, folder: Path | None
) -> Iterator[Crop]:
    """Cut the boxes of one photograph, and save each crop if there is a folder; `first` numbers the first."""
    name = boxes[0].photograph
    where = f"{boxes[0].where}: {name}"
    photograph = open_photograph(archive, name, boxes[0].turned, where)
    for number, box in enumerate(boxes, start=first):
        area = clip(box.corners, *photograph.size)
        assert area is not None, "place() leaves no box outside of its photograph"
        crop = photograph.crop(area)
        file = f"{box.split}/{box.label}/{number:05}_{safe_stem(name)}.png" if folder else ""
        if folder:
            crop.save(
                folder / file, compress_type=zlib.Z_RLE
            )  # for photographs a twelfth faster than level 1
        yield Crop(box, area, file, resize(crop, side), resize(crop, 2 * side), pool(crop, side))


def safe_stem(photograph: str) -> str:
    """The file name without its suffix, in characters that every file system takes."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", PurePosixPath(photograph).stem)[:80]


def resize(crop: Image.Image, side: int) -> np.ndarray:
    """Method 2 of the report: an RGB crop as uint8 (3, side, side), the bytes of torchvision's Resize.

    torchvision leaves the resizing of Pillow's images to Pillow.
    """
    return np.asarray(crop.resize((side, side), Image.Resampling.BILINEAR)).transpose(2, 0, 1)


def pool(crop: Image.Image, side: int) -> np.ndarray:
    """Method 1 of the report: an RGB crop of any size as float32 (3, side, side) in 0 to 1.

    The report has AdaptiveAvgPool2d in front of its network: cell i of a row of n pixels is the mean of
    pixels floor(i n / side) to ceil((i + 1) n / side) - 1, so neighbours may share pixels. Pooling has no
    weights, so it is done once here. Each cell is added up row by row, and in each row column by column, so
    the bytes are those of PyTorch, which no process has to import.
    """
    (top, bottom), (left, right) = _cells(crop.height, side), _cells(crop.width, side)
    columns = left + np.arange(max(right - left))[:, None]  # (the pixels of the widest cell, side)
    inside = (columns < right)[:, :, None]  # narrower cells are filled up with zeros
    columns = columns.clip(max=crop.width - 1)
    sums = np.empty((side, side, 3), np.float32)
    for row in range(side):  # since all pixels of a large crop as real numbers are too much memory
        strip = np.asarray(crop.crop((0, top[row], crop.width, bottom[row])))
        terms = strip.take(columns, axis=1) / np.float32(255) * inside
        sums[row] = terms.reshape(-1, side, 3).sum(axis=0)
    heights, widths = (bottom - top).astype(np.float32), (right - left).astype(np.float32)
    return (sums / heights[:, None, None] / widths[:, None]).transpose(2, 0, 1)


def _cells(length: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """The first pixel of each of `side` cells, and the one after its last."""
    edges = np.arange(side + 1) * length
    return edges[:-1] // side, -(-edges[1:] // side)


def write_crops(
    crops: Iterator[Crop],
    boxes: list[Box],
    numbers: dict[str, int],
    side: int,
    arrays: Path,
    table: Path,
) -> int:
    """Write the arrays and the table of all crops as they come, and return how many boxes were clipped;
    `numbers` are those of the photographs.
    """
    count, classes = len(boxes), list_classes(box.label for box in boxes)
    all_clipped = 0
    with (
        open(table, "w", encoding="utf-8", newline="") as rows,
        crops_to_write(arrays, count, side, classes) as files,
    ):
        writer = csv.writer(rows, lineterminator="\n")
        writer.writerow(COLUMNS)
        for crop in tqdm(crops, total=count, unit="box", leave=False, disable=None):
            box, area = crop.box, crop.area
            clipped = int(area != box.corners)
            named = (box.split, box.photograph, box.label)
            writer.writerow([*named, *box.corners, *area, clipped, int(box.turned), crop.file])
            for name in ("resized", "large", "pooled"):
                files[name].write(getattr(crop, name).tobytes())
            files["label"].write(np.uint8(classes.index(box.label)).tobytes())
            files["test"].write(np.bool_(box.split == "test").tobytes())
            files["photograph"].write(np.int32(numbers[box.photograph]).tobytes())
            all_clipped += clipped
    return all_clipped
