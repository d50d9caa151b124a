"""Cut every box out of its photograph.

python -m stages.crop_masks         reads data/raw/masks/, writes

data/crops/         train/<class>/ and test/<class>/ as ImageFolder reads them: PNG files of their own size
data/crops.npz      resized uint8 (n, 3, size, size), pooled float32 (n, 3, size, size) in 0 to 1,
                    label uint8 (n,): 0 bad, 1 good, 2 none, and test bool (n,)
data/boxes.csv      the same n rows: the box as annotated, as clipped, and its file in data/crops/
"""

import csv
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import Image
from pydantic import Field
from tqdm import tqdm

from stages.annotations import CLASSES, CORNERS, Box, map_labels, read_boxes, split_boxes
from stages.compute import Compute
from stages.files import whole_file, whole_folder
from stages.seeds import generator
from stages.settings import PARAMS, InputError, Strict, check, read_params, read_seed, run_stage, section
from stages.sources.archives import open_archive, read_file
from stages.sources.pictures import open_picture, turn

RAW = Path("data/raw/masks/masks.zip")
FOLDER = Path("data/crops")
ARRAYS = Path("data/crops.npz")
TABLE = Path("data/boxes.csv")

MEMORY = 4 * 2**30  # bytes that the arrays of crops.npz may take
BATCH = 16  # photographs that a process takes at a time, so that opening the archive costs little
AREA = ("left", "top", "right", "bottom")
COLUMNS = ["split", "photograph", "label", *CORNERS, *AREA, "clipped", "exif_rotated", "crop"]


class Settings(Strict):
    """`crop_masks`."""

    side: int = Field(ge=1, le=1024)
    test_share: float = Field(gt=0, lt=1)
    classes: dict[str, Literal["bad", "good", "none"]] = Field(min_length=1)


class Cut(NamedTuple):
    """What is left of a box once it is cut: its row of boxes.csv, and its pixels for both methods."""

    row: dict[str, Any]
    resized: np.ndarray
    pooled: np.ndarray


def by_photograph(boxes: list[Box]) -> list[list[Box]]:
    """The boxes of each photograph; both in the order of the annotations."""
    groups: dict[str, list[Box]] = {}
    for box in boxes:
        groups.setdefault(box.photograph, []).append(box)
    return list(groups.values())


def batches(boxes: list[Box]) -> Iterator[list[tuple[int, list[Box]]]]:
    """Photographs to cut at a time, each as the number of its first crop and its boxes."""
    numbered = []
    count = 0
    for group in by_photograph(boxes):
        numbered.append((count, group))
        count += len(group)
    for first in range(0, len(numbered), BATCH):
        yield numbered[first : first + BATCH]


def cut_batch(archive: Path, batch: list[tuple[int, list[Box]]], size: int, folder: Path) -> list[Cut]:
    """All cuts of a batch, in order; runs in a process of its own."""
    import torch

    torch.set_num_threads(1)
    with open_archive(archive, archive.name) as photographs:
        return [
            cut for first, boxes in batch for cut in cut_photograph(photographs, first, boxes, size, folder)
        ]


def cut_photograph(
    archive: zipfile.ZipFile, first: int, boxes: list[Box], size: int, folder: Path
) -> Iterator[Cut]:
    """Decode a photograph once, then cut its boxes and save each crop; `first` numbers the first of them."""
    from stages import crops

    name = boxes[0].photograph
    stored = open_picture(read_file(archive, name), f"{boxes[0].where}: {name}")
    turned = [is_turned(stored, box) for box in boxes]
    views = {exif: turn(stored) if exif else stored for exif in set(turned)}
    del stored  # if it is turned, it is not kept twice
    for number, (box, exif) in enumerate(zip(boxes, turned, strict=True), start=first):
        view = views[exif]
        area = crops.clip(box.corners, *view.size)
        if area is None:
            raise InputError(f"{box.where}: the box {box.corners} lies outside of {name}, {view.size}")
        crop = view.crop(area)
        file = folder / box.split / box.label / f"{number:05}_{safe_stem(name)}.png"
        crop.save(file, compress_level=1)
        row = describe(box, area, exif, file.relative_to(folder))
        yield Cut(row, crops.resize(crop, size), crops.pool(crop, size))


def is_turned(photograph: Image.Image, box: Box) -> bool:
    """Whether the box fits the photograph turned as its EXIF says; InputError if it fits in no way."""
    from stages import crops

    turned = crops.fits_turned(photograph, box.size) if box.size else False
    if turned is None:
        raise InputError(
            f"{box.where}: width and height are {box.size}, but {box.photograph} has {photograph.size}; "
            "are these boxes of another photograph, or of a scaled one?"
        )
    return turned


def safe_stem(photograph: str) -> str:
    """The file name without its suffix, in characters that every file system takes."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", PurePosixPath(photograph).stem)[:80]


def describe(box: Box, area: tuple[int, int, int, int], turned: bool, file: Path) -> dict[str, Any]:
    """The row of boxes.csv."""
    values = [box.split, box.photograph, box.label, *box.corners, *area]
    return dict(zip(COLUMNS, [*values, int(area != box.corners), int(turned), file.as_posix()], strict=True))


def cut_boxes(archive: Path, boxes: list[Box], size: int, folder: Path, compute: Compute) -> Iterator[Cut]:
    """The cuts of all boxes, photograph by photograph, in the same order whatever `compute` says."""
    for split in ("train", "test"):
        for label in CLASSES:
            (folder / split / label).mkdir(parents=True)
    # A process that served another call may still work in another folder.
    archive, folder = archive.absolute(), folder.absolute()
    tasks = [(archive, batch, size, folder) for batch in batches(boxes)]
    for cuts in compute.each(cut_batch, tasks, len(tasks)):
        yield from cuts


def collect(cuts: Iterator[Cut], count: int, size: int) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """The rows of boxes.csv and the arrays of crops.npz."""
    rows = []
    resized = np.empty((count, 3, size, size), dtype=np.uint8)
    pooled = np.empty((count, 3, size, size), dtype=np.float32)
    for number, cut in enumerate(tqdm(cuts, total=count, unit="box", leave=False, disable=None)):
        rows.append(cut.row)
        resized[number], pooled[number] = cut.resized, cut.pooled
    label = np.array([CLASSES.index(row["label"]) for row in rows], dtype=np.uint8)
    test = np.array([row["split"] == "test" for row in rows])
    return rows, {"resized": resized, "pooled": pooled, "label": label, "test": test}


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    with whole_file(path) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def check_classes(boxes: list[Box]) -> None:
    """Raise InputError if a class has no box to train on, or no box is left to test on."""
    train = {box.label for box in boxes if box.split == "train"}
    missing = [label for label in CLASSES if label not in train]
    if missing:
        raise InputError(
            f"no box for training is of class {', '.join(missing)}; {', '.join(CLASSES)} must each have one: "
            "add photographs that show it, or see which labels crop_masks.classes makes of which class"
        )
    if all(box.split == "train" for box in boxes):
        raise InputError(
            "all boxes are for training and none for testing; add photographs, or rows to test.csv"
        )


def check_memory(count: int, size: int) -> None:
    """Raise InputError if `collect` would need more memory than MEMORY: five bytes for each colour value."""
    if count * 3 * size * size * 5 > MEMORY:
        raise InputError(
            f"{PARAMS}: `crop_masks.side` is {size}: {count} crops of that size take more than "
            f"{MEMORY // 2**30} GiB of memory"
        )


def report(rows: list[dict[str, Any]], boxes: list[Box]) -> None:
    """Print the boxes of each split and class, and what was done to them."""
    counts = Counter((row["split"], row["label"]) for row in rows)
    for split in ("train", "test"):
        of_classes = ", ".join(f"{counts[split, label]} {label}" for label in CLASSES)
        print(f"masks: {sum(counts[split, label] for label in CLASSES)} {split} boxes: {of_classes}")
    clipped, turned = sum(row["clipped"] for row in rows), sum(row["exif_rotated"] for row in rows)
    repeated = len(boxes) - len({(box.photograph, box.label, box.corners) for box in boxes})
    print(f"masks: {clipped} boxes clipped to their photograph, {turned} in photographs turned by EXIF")
    if repeated:
        print(f"masks: {repeated} boxes repeat another of the same photograph, class and corners")


def main() -> None:
    params = read_params()
    settings = check(Settings, section(params, "crop_masks"), "crop_masks")
    compute = check(Compute, section(params, "compute"), "compute")
    with open_archive(RAW, str(RAW)) as archive:
        boxes = map_labels(read_boxes(archive), settings.classes)
    if not boxes[0].split:
        boxes = split_boxes(boxes, settings.test_share, generator(read_seed(params), "masks split"))
    check_classes(boxes)
    check_memory(len(boxes), settings.side)
    with whole_folder(FOLDER) as folder:
        cuts = cut_boxes(RAW, boxes, settings.side, folder, compute)
        rows, arrays = collect(cuts, len(boxes), settings.side)
    with whole_file(ARRAYS) as partial, open(partial, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    write_table(TABLE, rows)
    report(rows, boxes)


if __name__ == "__main__":
    run_stage(main)
