"""Cropping by the pipeline's stage, and by others that make exactly the same: a PNG of each crop, the
crop resized, and the crop pooled. All take a batch of photographs at a time."""

import tempfile
import time
import zlib
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path

from joblib.externals.loky import get_reusable_executor

from pipeline.common.crops import list_classes
from pipeline.runtime.compute import Compute
from pipeline.runtime.settings import read_params
from pipeline.sources.archives import kept_open, read_file
from pipeline.sources.orientation import turn
from stages.crop_masks import crops as cutting
from stages.crop_masks.boxes import Box
from stages.crop_masks.crops import Crop
from stages.crop_masks.reading import read_boxes
from stages.crop_masks.settings import MasksSettings

PILLOW_DEFAULT = -1  # zlib's strategy where none is given


def boxes_of(archive: Path, params: Path) -> list[Box]:
    """The boxes of an archive, as the stage has them."""
    values = read_params(params)
    settings = MasksSettings(**values["crop_masks"])
    return read_boxes(archive, settings, values["seed"]).boxes


def as_first_written(
    archive: Path, batch: list[tuple[int, list[Box]]], size: int, folder: Path
) -> list[Crop]:
    """For each box, open its photograph, crop it, and save the crop as PNG with Pillow's defaults."""
    return open_per_box(archive, batch, size, folder, PILLOW_DEFAULT)


def open_per_box(
    archive: Path,
    batch: list[tuple[int, list[Box]]],
    size: int,
    folder: Path,
    compress_type: int = zlib.Z_RLE,
) -> list[Crop]:
    """For each box, open its photograph, crop it, and save the crop as the pipeline compresses it."""
    from PIL import Image

    from stages.crop_masks import geometry

    cuts = []
    photographs = kept_open(archive, archive.stat().st_mtime_ns)
    for first, boxes in batch:
        for number, box in enumerate(boxes, start=first):
            stored = Image.open(BytesIO(read_file(photographs, box.photograph)))
            picture = (turn(stored) if box.turned else stored).convert("RGB")
            crop = picture.crop(geometry.clip(box.corners, *picture.size))
            crop.save(folder / box.split / box.label / f"{number}.png", compress_type=compress_type)
            resized, large = (geometry.resize(crop, side) for side in (size, 2 * size))
            cuts.append(Crop({}, resized, large, geometry.pool(crop, size)))
    return cuts


def torchvision_decode(
    archive: Path, batch: list[tuple[int, list[Box]]], size: int, folder: Path
) -> list[Crop]:
    """torchvision's own decoder, each photograph once, and its operations on tensors."""
    import torch
    from torchvision.io import ImageReadMode, decode_image, write_png
    from torchvision.transforms.functional import resize

    from stages.crop_masks import geometry

    torch.set_num_threads(1)
    cuts = []
    photographs = kept_open(archive, archive.stat().st_mtime_ns)
    for first, boxes in batch:
        data = read_file(photographs, boxes[0].photograph)
        coded = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        pixels = decode_image(coded, ImageReadMode.RGB, apply_exif_orientation=boxes[0].turned)
        for number, box in enumerate(boxes, start=first):
            area = geometry.clip(box.corners, pixels.shape[2], pixels.shape[1])
            left, top, right, bottom = area or (0, 0, 0, 0)  # the pipeline has refused boxes outside
            crop = pixels[:, top:bottom, left:right].contiguous()
            file = folder / box.split / box.label / f"{number}.png"
            write_png(crop, str(file), compression_level=1)
            resized, large = (resize(crop, [side, side], antialias=True).numpy() for side in (size, 2 * size))
            pooled = torch.nn.functional.adaptive_avg_pool2d(crop.float() / 255, size).numpy()
            cuts.append(Crop({}, resized, large, pooled))
    return cuts


def seconds_to_cut(
    cut_batch: Callable[..., list[Crop]],
    archive: Path,
    boxes: list[Box],
    size: int,
    workers: int = 0,
    start: bool = False,
) -> tuple[float, float]:
    """Seconds to cut all boxes with one of these functions, or the pipeline's; and the mean of all pixels.

    With `start`, the time to start the processes and for their imports is included, as in a stage.
    """
    compute = Compute(workers=workers)
    if start:
        get_reusable_executor().shutdown()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        cuts: Iterable[Crop]
        if cut_batch is cutting.cut_batch:
            cuts = cutting.cut_boxes(archive, boxes, size, Path(folder, "crops"), compute)
        else:
            for split in ("train", "test"):
                for label in list_classes(box.label for box in boxes):
                    (Path(folder) / split / label).mkdir(parents=True)
            tasks = [(archive, batch, size, Path(folder)) for batch in cutting.batches(boxes)]
            cuts = (cut for some in compute.each(cut_batch, tasks, len(tasks)) for cut in some)
        pixels = [cut.resized.mean() + 255 * cut.pooled.mean() for cut in cuts]
        seconds = time.perf_counter() - began
    if len(pixels) != len(boxes):
        raise RuntimeError(f"{cut_batch.__name__} cut {len(pixels)} of {len(boxes)} boxes")
    return seconds, sum(pixels) / len(pixels) / 2
