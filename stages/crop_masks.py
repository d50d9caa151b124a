"""Cut every box out of its photograph.

python -m stages.crop_masks         reads data/raw/masks/, writes

data/crops/         train/<class>/ and test/<class>/ as ImageFolder reads them: PNG files of their own size
data/crops.npz      resized uint8 (n, 3, size, size), pooled float32 (n, 3, size, size) in 0 to 1,
                    label uint8 (n,): 0 bad, 1 good, 2 none, and test bool (n,)
data/boxes.csv      the same n rows: the box as annotated, as clipped, and its file in data/crops/
"""

import csv
import re
import shutil
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import Image
from pydantic import Field
from tqdm import tqdm

from pipeline.common.compute import Compute
from pipeline.common.files import array_file, whole_file, whole_folder
from pipeline.common.seeds import generator
from pipeline.common.settings import (
    PARAMS,
    InputError,
    Strict,
    check,
    read_params,
    read_seed,
    run_stage,
    section,
)
from pipeline.masks import crops
from pipeline.masks.annotations import CLASSES, CORNERS, Box, Boxes, map_labels, read_boxes, split_boxes
from pipeline.sources.archives import kept_open, open_archive, read_file
from pipeline.sources.pictures import open_picture, turn

RAW = Path("data/raw/masks/masks.zip")
FOLDER = Path("data/crops")
ARRAYS = Path("data/crops.npz")
TABLE = Path("data/boxes.csv")

MEMORY = 4 * 2**30  # bytes that the arrays of crops.npz may take, where a training loads them
BATCH = 16  # photographs that a process takes at a time
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


def boxes_of(archive: Path, settings: Settings, seed: int) -> Boxes:
    """Every box of an archive, with its class and its split."""
    with open_archive(archive, str(archive)) as opened:
        boxes = map_labels(read_boxes(opened), settings.classes)
    if next(iter(boxes)).split:
        return boxes
    return split_boxes(boxes, settings.test_share, generator(seed, "masks split"))


def batches(boxes: Boxes) -> Iterator[list[tuple[int, list[Box]]]]:
    """Photographs to cut at a time, each as the number of its first crop and its boxes."""
    batch = []
    count = 0
    for group in boxes.by_photograph():
        batch.append((count, group))
        count += len(group)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def cut_batch(archive: Path, batch: list[tuple[int, list[Box]]], size: int, folder: Path) -> list[Cut]:
    """All cuts of a batch, in order; runs in a process of its own."""
    photographs = kept_open(archive, archive.stat().st_mtime_ns)
    return [cut for first, boxes in batch for cut in cut_photograph(photographs, first, boxes, size, folder)]


def cut_photograph(
    archive: zipfile.ZipFile, first: int, boxes: list[Box], size: int, folder: Path
) -> Iterator[Cut]:
    """Decode a photograph once, then cut its boxes and save each crop; `first` numbers the first of them."""
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
        crop.save(file, compress_type=zlib.Z_RLE)  # photographs: a twelfth faster than level 1
        row = describe(box, area, exif, file.relative_to(folder))
        yield Cut(row, crops.resize(crop, size), crops.pool(crop, size))


def is_turned(photograph: Image.Image, box: Box) -> bool:
    """Whether the box fits the photograph turned as its EXIF says; InputError if it fits in no way."""
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


def cut_boxes(archive: Path, boxes: Boxes, size: int, target: Path, compute: Compute) -> Generator[Cut]:
    """The cuts of all boxes, photograph by photograph, in the same order whatever `compute` says.

    The crops are in the folder `target` once all have been taken.
    """
    with whole_folder(target) as folder:
        for split in ("train", "test"):
            for label in CLASSES:
                (folder / split / label).mkdir(parents=True)
        # A process that served another call may still work in another folder.
        archive, folder = archive.absolute(), folder.absolute()
        tasks = ((archive, batch, size, folder) for batch in batches(boxes))
        for cuts in compute.each(cut_batch, tasks, sum(1 for _ in batches(boxes))):
            yield from cuts


def write_results(cuts: Iterator[Cut], count: int, size: int, arrays: Path, table: Path) -> Counter[str]:
    """Write crops.npz and boxes.csv; how many boxes are in which split, of which class, clipped and turned.

    What is cut is written at once: no crop stays in memory.
    """
    shape = (count, 3, size, size)
    label, test = np.empty(count, np.uint8), np.empty(count, bool)
    counts: Counter[str] = Counter()
    with (
        zipfile.ZipFile(arrays, "w") as archive,
        tempfile.TemporaryFile(dir=arrays.parent) as pooled,  # an archive takes one array after the other
        open(table, "w", encoding="utf-8", newline="") as rows,
    ):
        writer = csv.DictWriter(rows, COLUMNS, lineterminator="\n")
        writer.writeheader()
        with array_file(archive, "resized", shape, np.uint8) as file:
            for number, cut in enumerate(tqdm(cuts, total=count, unit="box", leave=False, disable=None)):
                writer.writerow(cut.row)
                file.write(cut.resized.tobytes())
                pooled.write(cut.pooled.tobytes())
                label[number] = CLASSES.index(cut.row["label"])
                test[number] = cut.row["split"] == "test"
                counts.update([f"{cut.row['split']} {cut.row['label']}"])
                counts.update({key: cut.row[key] for key in ("clipped", "exif_rotated")})
        pooled.seek(0)
        with array_file(archive, "pooled", shape, np.float32) as file:
            shutil.copyfileobj(pooled, file)
        for name, values in {"label": label, "test": test}.items():
            with array_file(archive, name, values.shape, values.dtype) as file:
                file.write(values.tobytes())
    return counts


def check_classes(boxes: Boxes) -> None:
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
    """Raise InputError if the crops are too many to be trained on: five bytes for each colour value."""
    if count * 3 * size * size * 5 > MEMORY:
        raise InputError(
            f"{PARAMS}: `crop_masks.side` is {size}: {count} crops of that size take more than "
            f"{MEMORY // 2**30} GiB of memory"
        )


def report(counts: Counter[str], boxes: Boxes) -> None:
    """Print the boxes of each split and class, and what was done to them."""
    for split in ("train", "test"):
        of_classes = {label: counts[f"{split} {label}"] for label in CLASSES}
        each = ", ".join(f"{count} {label}" for label, count in of_classes.items())
        print(f"masks: {sum(of_classes.values())} {split} boxes: {each}")
    clipped, turned = counts["clipped"], counts["exif_rotated"]
    repeated = len(boxes) - len({(box.photograph, box.label, box.corners) for box in boxes})
    print(f"masks: {clipped} boxes clipped to their photograph, {turned} in photographs turned by EXIF")
    if repeated:
        print(f"masks: {repeated} boxes repeat another of the same photograph, class and corners")


def main() -> None:
    params = read_params()
    settings = check(Settings, section(params, "crop_masks"), "crop_masks")
    compute = check(Compute, section(params, "compute"), "compute")
    boxes = boxes_of(RAW, settings, read_seed(params))
    check_classes(boxes)
    check_memory(len(boxes), settings.side)
    cut = cut_boxes(RAW, boxes, settings.side, FOLDER, compute)
    with whole_file(TABLE) as table, whole_file(ARRAYS) as arrays, closing(cut) as cuts:
        counts = write_results(cuts, len(boxes), settings.side, arrays, table)
    report(counts, boxes)


if __name__ == "__main__":
    run_stage(main)
