"""Cropping by the pipeline's stage, and by others that make exactly the same: a PNG of each crop, the crop
resized to two sizes, and the crop pooled. All take a batch of photographs at a time."""

import functools
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path

from joblib.externals.loky import get_reusable_executor
from PIL import Image

from benchmarks.measuring import CORES, OURS, Row, alternate, compare
from pipeline.common.classes import SPLITS
from pipeline.common.crops import list_classes
from pipeline.common.paths import MASKS_ARCHIVE, PARAMS
from pipeline.runtime.compute import Compute
from pipeline.runtime.settings import read_params
from pipeline.sources.archives import kept_open, read_file
from pipeline.sources.orientation import turn
from stages.crop_masks import crops as cutting
from stages.crop_masks.__main__ import read_boxes
from stages.crop_masks.boxes import Box, clip
from stages.crop_masks.crops import Crop
from stages.crop_masks.settings import MasksSettings

Batch = list[tuple[int, list[Box]]]  # photographs, each as the number of its first crop and its boxes
NOWHERE = (0, 0, 0, 0)  # the area of a box outside of its photograph, which the pipeline has refused


def open_per_box(
    archive: Path, batch: Batch, side: int, folder: Path, compress_type: int = zlib.Z_RLE
) -> list[Crop]:
    """For each box, open its photograph, crop it, and save the crop as the pipeline compresses it."""
    cuts = []
    photographs = kept_open(archive, archive.stat().st_mtime_ns)
    for first, boxes in batch:
        for number, box in enumerate(boxes, start=first):
            stored = Image.open(BytesIO(read_file(photographs, box.photograph)))
            picture = (turn(stored) if box.turned else stored).convert("RGB")
            area = clip(box.corners, *picture.size) or NOWHERE
            crop = picture.crop(area)
            file = f"{box.split}/{box.label}/{number}.png"
            crop.save(folder / file, compress_type=compress_type)
            resized, large = (cutting.resize(crop, each) for each in (side, 2 * side))
            cuts.append(Crop(box, area, file, resized, large, cutting.pool(crop, side)))
    return cuts


def torchvision_decode(archive: Path, batch: Batch, side: int, folder: Path) -> list[Crop]:
    """torchvision's own decoder, each photograph once, and its operations on tensors."""
    import torch
    from torchvision.io import ImageReadMode, decode_image, write_png
    from torchvision.transforms.functional import resize

    torch.set_num_threads(1)
    cuts = []
    photographs = kept_open(archive, archive.stat().st_mtime_ns)
    for first, boxes in batch:
        data = read_file(photographs, boxes[0].photograph)
        coded = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        pixels = decode_image(coded, ImageReadMode.RGB, apply_exif_orientation=boxes[0].turned)
        for number, box in enumerate(boxes, start=first):
            area = clip(box.corners, pixels.shape[2], pixels.shape[1]) or NOWHERE
            left, top, right, bottom = area
            crop = pixels[:, top:bottom, left:right].contiguous()
            file = f"{box.split}/{box.label}/{number}.png"
            write_png(crop, str(folder / file), compression_level=1)
            resized, large = (resize(crop, [each, each], antialias=True).numpy() for each in (side, 2 * side))
            pooled = torch.nn.functional.adaptive_avg_pool2d(crop.float() / 255, side).numpy()
            cuts.append(Crop(box, area, file, resized, large, pooled))
    return cuts


def crop(workspace: Path, repeats: int) -> list[Row]:
    """With processes that have started, and, as a stage starts them, with their start and their imports."""
    archive, params = workspace / MASKS_ARCHIVE, read_params(workspace / PARAMS)
    settings = MasksSettings(**params["crop_masks"])
    _, boxes, _ = read_boxes(archive, settings, params["seed"])
    means = []  # of all pixels, by which all are held to the same work

    def seconds(cut_batch: Callable[..., list[Crop]], workers: int = 0, start: bool = False) -> float:
        compute = Compute(workers=workers)
        if start:
            get_reusable_executor().shutdown()
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            cuts: Iterable[Crop]
            if cut_batch is cutting.cut_batch:
                cuts = cutting.cut_boxes(archive, boxes, settings.side, Path(folder, "crops"), True, compute)
            else:
                for split in SPLITS:
                    for label in list_classes(box.label for box in boxes):
                        Path(folder, split, label).mkdir(parents=True)
                tasks = [(archive, batch, settings.side, Path(folder)) for batch in cutting.batches(boxes)]
                cuts = (cut for some in compute.each(cut_batch, tasks, len(tasks)) for cut in some)
            pixels = [cut.resized.mean() + 255 * cut.pooled.mean() for cut in cuts]
            ended = time.perf_counter()
        means.append(sum(pixels) / len(boxes) / 2)
        if len(pixels) != len(boxes) or abs(means[-1] - means[0]) > 1:  # decoders round differently
            raise RuntimeError(
                f"{cut_batch} cuts {len(pixels)} of {len(boxes)} boxes, with a mean of {means}"
            )
        return ended - began

    as_first_written = functools.partial(open_per_box, compress_type=-1)  # zlib's strategy by default
    measures = {
        OURS: lambda: seconds(cutting.cut_batch),
        "Pillow, one open per box": lambda: seconds(as_first_written, workers=1),
        "the same, on all cores, PNG as ours": lambda: seconds(open_per_box),
        "torchvision": lambda: seconds(torchvision_decode),
    }
    started = {
        OURS: lambda: seconds(cutting.cut_batch, start=True),
        "torchvision": lambda: seconds(torchvision_decode, start=True),
    }
    for cut_batch in (cutting.cut_batch, torchvision_decode):
        seconds(cut_batch)  # the processes start, and import what they need
    values, with_start = alternate(measures, repeats), alternate(started, repeats)
    print(
        f"  {len({box.photograph for box in boxes})} photographs, {len(boxes)} boxes, {len(CORES)} processes"
    )
    targets = {"Pillow, one open per box": 8, "the same, on all cores, PNG as ours": None}
    return compare("crop", "s", values, targets) + compare("crop with its start", "s", with_start, {})
