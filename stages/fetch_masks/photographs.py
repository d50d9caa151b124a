"""Photographs of drawn people with and without masks, so that the pipeline runs without a download.

The archive has the layout of the Medical Masks Dataset: `train.csv`, `test.csv` and `images/*.jpg`, with the
report's number of boxes in each class (part 2, table T9).
"""

import csv
import io
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops

from pipeline.common.seeds import generator
from pipeline.runtime.compute import Compute
from pipeline.runtime.errors import InputError
from stages.fetch_masks.backgrounds import draw_background
from stages.fetch_masks.people import Place, draw_person

COLUMNS = ("filename", "width", "height", "label", "xmin", "ymin", "xmax", "ymax")
REPORT_PHOTOGRAPHS = 674
REPORT_BOXES = {
    "train": {"bad": 578, "good": 2846, "none": 104},
    "test": {"bad": 89, "good": 283, "none": 22},
}
FEWEST_PHOTOGRAPHS = 10
MOST_FACES = 25  # in one photograph
GROUND = 0.8  # nobody's feet are higher up than this share of the photograph


class Plan(NamedTuple):
    """What is decided of a photograph before it is drawn: where it goes and who is on it."""

    filename: str
    split: str
    labels: tuple[str, ...]


def write_masks(photographs: int, seed: int, compute: Compute, path: Path) -> None:
    """Write the data set as one zip; equal photographs and seed give equal bytes with any `compute`."""
    plans = plan_photographs(photographs, seed)
    tables: dict[str, list[tuple]] = {split: [COLUMNS] for split in REPORT_BOXES}
    tasks = ((plan, seed, index) for index, plan in enumerate(plans))
    with zipfile.ZipFile(path, "w") as archive:
        drawn = compute.each(draw_photograph, tasks, photographs)
        for plan, (jpeg, rows) in zip(plans, drawn, strict=True):
            _store(archive, f"images/{plan.filename}", jpeg)
            tables[plan.split] += rows
        for split, rows in tables.items():
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(rows)
            _store(archive, f"{split}.csv", text.getvalue().encode())


def _store(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a file with a fixed date and without compression, so that its bytes depend on nothing else."""
    archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), content)


def plan_photographs(photographs: int, seed: int) -> list[Plan]:
    """Deal the boxes of each split to its photographs, very unevenly; every tenth one is for testing."""
    if photographs < FEWEST_PHOTOGRAPHS:
        raise InputError(
            f"{photographs} synthetic photographs are too few: ask for {FEWEST_PHOTOGRAPHS} or more, "
            "so that training and test data hold every class"
        )
    rng = generator(seed, "synthetic masks plan")
    is_test = rng.permutation(photographs) < round(photographs / 10)
    boxes = count_boxes(photographs)
    dealt = {
        "train": _deal(boxes["train"], int((~is_test).sum()), rng),
        "test": _deal(boxes["test"], int(is_test.sum()), rng),
    }
    splits = ["test" if test else "train" for test in is_test]
    return [Plan(f"{i:05d}.jpg", split, dealt[split].pop()) for i, split in enumerate(splits)]


def count_boxes(photographs: int) -> dict[str, dict[str, int]]:
    """The report's number of boxes of each split and class, in proportion, but never less than 2."""
    scale = photographs / REPORT_PHOTOGRAPHS
    return {
        split: {label: max(2, round(boxes * scale)) for label, boxes in classes.items()}
        for split, classes in REPORT_BOXES.items()
    }


def _deal(counts: dict[str, int], photographs: int, rng: np.random.Generator) -> list[tuple[str, ...]]:
    """The labels on each photograph: at least one, at most `MOST_FACES`, few on most of them."""
    labels = rng.permutation(np.repeat(list(counts), list(counts.values()))).tolist()
    weights = np.exp(rng.normal(0, 1.1, photographs))
    sizes = np.ones(photographs, dtype=int)
    for _ in range(len(labels) - photographs):
        room = weights * (sizes < MOST_FACES)
        sizes[rng.choice(photographs, p=room / room.sum())] += 1
    ends = np.cumsum(sizes)
    return [tuple(labels[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def draw_photograph(plan: Plan, seed: int, index: int) -> tuple[bytes, list[tuple]]:
    """The JPEG file and the CSV rows of one photograph, from a generator of its own."""
    rng = generator(seed, "synthetic masks", index)
    width, height = _choose_size(len(plan.labels), rng)
    image = draw_background(width, height, rng)
    places = place_faces(len(plan.labels), width, height, rng)
    rows = []
    for label, place in zip(plan.labels, places, strict=True):
        outline = draw_person(image, label, place, rng)
        box = annotate(outline, width, height, rng)
        rows.append((plan.filename, width, height, label, *box))
    file = io.BytesIO()
    develop(image, rng).save(file, "JPEG", quality=88)
    return file.getvalue(), rows


def _choose_size(faces: int, rng: np.random.Generator) -> tuple[int, int]:
    """Width and height in pixels; a crowd gets a large photograph, two of seven stand upright."""
    ratio = rng.choice([4 / 3, 3 / 2, 3 / 2, 16 / 9, 5 / 4, 3 / 4, 4 / 5])
    long_side = rng.uniform(750 if faces > 8 else 400, 1100)
    width, height = (long_side, long_side / ratio) if ratio > 1 else (long_side * ratio, long_side)
    return round(width), min(800, round(height))


def place_faces(faces: int, width: int, height: int, rng: np.random.Generator) -> list[Place]:
    """Places from far to near: far faces are small and high up, and nearer people do not hide them."""
    typical = 0.36 * np.sqrt(width * height / faces)
    largest = min(350.0, 0.5 * height)
    sizes = np.sort(np.clip(typical * np.exp(rng.normal(0, 0.5, faces)), 14, largest))
    places: list[Place] = []
    for rank, size in enumerate(sizes):
        low = 0.2 + 0.45 * (rank + 0.5) / faces
        places.append(_find_room(size, low, places, width, height, rng))
    return places


def _find_room(
    size: float, low: float, others: list[Place], width: int, height: int, rng: np.random.Generator
) -> Place:
    """The first of 40 random places where the person hides no other face, or else the best of them."""
    best, least = Place(0, 0, size), np.inf
    for _ in range(40):
        x = rng.uniform(0.35 * size, width - 0.35 * size)
        highest = max(0.7 * size, GROUND * height - 6.4 * size)  # feet on the ground
        y = np.clip(height * rng.normal(low, 0.12), highest, height - 0.65 * size)
        hidden = max((_hidden(other, x, y, size) for other in others), default=0.0)
        if hidden < least:
            best, least = Place(x, y, size), hidden
        if least < 0.12:
            break
        size = max(14.0, 0.97 * size)
    return best


def _hidden(face: Place, x: float, y: float, size: float) -> float:
    """The share of `face` behind a person of face width `size` at (x, y): the head, then shoulders down."""
    half = face.width / 2
    head_width, body_width = (
        max(0.0, min(face.x + half, x + r * size) - max(face.x - half, x - r * size)) for r in (0.6, 1.1)
    )
    top, bottom = face.y - half, face.y + 1.2 * half
    head_height = max(0.0, min(bottom, y + 0.7 * size) - max(top, y - 0.8 * size))
    body_height = max(0.0, bottom - max(top, y + 0.7 * size))
    return (head_width * head_height + body_width * body_height) / (face.width * 1.1 * face.width)


def annotate(
    outline: np.ndarray, width: int, height: int, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """xmin, ymin, xmax, ymax in pixels around a face outline (n, 2), by an annotator's unsteady hand."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    wobble = rng.normal(0, 1, (2, 2)) * (0.03 * (high - low) + 1)
    # Real annotators overshoot the edge of a photograph now and then, by a few pixels.
    slack = rng.integers(1, 6) if rng.random() < 0.3 else 0
    low = np.maximum(np.round(low + wobble[0]), -slack).astype(int)
    high = np.minimum(np.round(high + wobble[1]), np.array([width, height]) + slack).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def develop(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """What the camera does: exposure, white balance, and grain."""
    gain = rng.uniform(0.92, 1.18)
    tint = rng.normal(0, 0.02, 3)
    lift = rng.uniform(0, 15)
    levels = np.arange(256)[None, :] * (gain * (1 + tint))[:, None] + lift
    image = image.point(np.clip(levels, 0, 255).astype(np.uint8).ravel().tolist())
    reach = rng.integers(4, 18)
    grain = rng.integers(128 - reach, 129 + reach, (image.height, image.width), dtype=np.uint8)
    return ImageChops.add(image, Image.fromarray(grain).convert("RGB"), offset=-128)
