"""Cut the boxes out of their photographs, many photographs at a time."""

import re
import zipfile
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from pipeline.common.classes import SPLITS
from pipeline.common.crops import list_classes
from pipeline.runtime.compute import Compute
from pipeline.runtime.files import whole_folder
from pipeline.sources.archives import kept_open, read_file
from pipeline.sources.orientation import turn
from pipeline.sources.pictures import open_picture
from stages.crop_masks import geometry
from stages.crop_masks.boxes import CORNERS, Box, by_photograph

BATCH = 16  # photographs that a process takes at a time
AREA = ("left", "top", "right", "bottom")
COLUMNS = ["split", "photograph", "label", *CORNERS, *AREA, "clipped", "exif_rotated", "crop"]


class Crop(NamedTuple):
    """One crop: its row of boxes.csv, and its pixels as `Crops` has them."""

    row: dict[str, Any]
    resized: np.ndarray
    large: np.ndarray
    pooled: np.ndarray


def batches(boxes: list[Box], size: int = BATCH) -> list[list[tuple[int, list[Box]]]]:
    """Photographs to cut at a time, each as the number of its first crop and its boxes."""
    numbered = []
    count = 0
    for group in by_photograph(boxes):
        numbered.append((count, group))
        count += len(group)
    return [numbered[start : start + size] for start in range(0, len(numbered), size)]


def cut_batch(archive: Path, batch: list[tuple[int, list[Box]]], side: int, folder: Path) -> list[Crop]:
    """All crops of a batch, in order; runs in a process of its own."""
    photographs = kept_open(archive, archive.stat().st_mtime_ns)
    return [
        crop for first, boxes in batch for crop in cut_photograph(photographs, first, boxes, side, folder)
    ]


def cut_photograph(
    archive: zipfile.ZipFile, first: int, boxes: list[Box], side: int, folder: Path
) -> Iterator[Crop]:
    """Decode a photograph once, then cut its boxes and save each crop; `first` numbers the first of them."""
    name = boxes[0].photograph
    stored = open_picture(read_file(archive, name), f"{boxes[0].where}: {name}")
    views = {turned: turn(stored) if turned else stored for turned in {box.turned for box in boxes}}
    del stored  # so that a turned photograph is not in memory twice
    for number, box in enumerate(boxes, start=first):
        view = views[box.turned]
        area = geometry.clip(box.corners, *view.size)
        assert area is not None, "place() leaves no box outside of its photograph"
        crop = view.crop(area)
        file = folder / box.split / box.label / f"{number:05}_{safe_stem(name)}.png"
        crop.save(file, compress_type=zlib.Z_RLE)  # for photographs a twelfth faster than level 1
        row = describe(box, area, file.relative_to(folder))
        resized, large = geometry.resize(crop, side), geometry.resize(crop, 2 * side)
        yield Crop(row, resized, large, geometry.pool(crop, side))


def safe_stem(photograph: str) -> str:
    """The file name without its suffix, in characters that every file system takes."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", PurePosixPath(photograph).stem)[:80]


def describe(box: Box, area: geometry.Area, file: Path) -> dict[str, Any]:
    """The row of boxes.csv."""
    values = [box.split, box.photograph, box.label, *box.corners, *area]
    return dict(
        zip(COLUMNS, [*values, int(area != box.corners), int(box.turned), file.as_posix()], strict=True)
    )


def cut_boxes(archive: Path, boxes: list[Box], side: int, target: Path, compute: Compute) -> Generator[Crop]:
    """The crops of all boxes, photograph by photograph, in the same order with any `compute`.

    Their files are in the folder `target` once all have been taken.
    """
    with whole_folder(target) as folder:
        for split in SPLITS:
            for label in list_classes(box.label for box in boxes):
                (folder / split / label).mkdir(parents=True)
        # A process may still have the working folder of an earlier call.
        archive, folder = archive.absolute(), folder.absolute()
        tasks = [(archive, batch, side, folder) for batch in batches(boxes)]
        for crops in compute.each(cut_batch, tasks, len(tasks)):
            yield from crops
