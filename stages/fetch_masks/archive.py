"""Photographs of drawn people with and without masks, so that the pipeline runs without a download.

The archive has the layout of the Medical Masks Dataset: `train.csv`, `test.csv` and `images/*.jpg`, with the
report's number of boxes in each class (part 2, table T9).
"""

import csv
import io
import zipfile
from pathlib import Path

from pipeline.runtime.compute import Compute
from pipeline.runtime.files import whole_file
from stages.fetch_masks.photographs import draw_photograph
from stages.fetch_masks.planning import REPORT_BOXES, plan_photographs

COLUMNS = ("filename", "width", "height", "label", "xmin", "ymin", "xmax", "ymax")


def write_masks(photographs: int, seed: int, compute: Compute, path: Path) -> None:
    """Write the data set as one zip; equal photographs and seed give equal bytes with any `compute`."""
    planned = plan_photographs(photographs, seed)
    rows: dict[str, list[tuple]] = {split: [] for split in REPORT_BOXES}
    tasks = ((photograph, seed, index) for index, photograph in enumerate(planned))
    with whole_file(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        drawn = compute.each(draw_photograph, tasks, photographs)
        for photograph, (jpeg, boxes) in zip(planned, drawn, strict=True):
            _store(archive, f"images/{photograph.filename}", jpeg)
            rows[photograph.split] += boxes
        for split, table in rows.items():
            _store(archive, f"{split}.csv", _csv(table))


def _store(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a file with a fixed date and without compression, so that its bytes depend on nothing else."""
    archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), content)


def _csv(rows: list[tuple]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    return text.getvalue().encode()
