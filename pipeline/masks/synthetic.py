"""Photographs of drawn people with and without masks, so that the pipeline runs without a download.

The archive has the layout of the Medical Masks Dataset: `train.csv`, `test.csv` and `images/*.jpg`,
with the report's number of boxes in each class (part 2, table T9). Persons are drawn in face units:
the origin is the middle of the face, the face is 1 wide, x grows to the right and y grows downwards.
In these units the eyes are at y = -0.08, the tip of the nose at 0.2, the mouth at 0.36, the chin at 0.62.
"""

import csv
import io
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from pipeline.common.compute import Compute
from pipeline.common.files import whole_file
from pipeline.common.seeds import generator
from pipeline.common.settings import InputError

COLUMNS = ("filename", "width", "height", "label", "xmin", "ymin", "xmax", "ymax")
REPORT_PHOTOGRAPHS = 674
REPORT_BOXES = {
    "train": {"bad": 578, "good": 2846, "none": 104},
    "test": {"bad": 89, "good": 283, "none": 22},
}
FEWEST_PHOTOGRAPHS = 10
MOST_FACES = 25  # in one photograph
GROUND = 0.8  # nobody's feet are higher up than this share of the photograph

Colour = tuple[int, int, int]

SKINS = [
    (244, 206, 176), (236, 192, 158), (226, 178, 142), (214, 164, 126), (198, 146, 108),
    (176, 124, 88), (150, 102, 72), (118, 78, 54), (88, 58, 42),
]  # fmt: skip
HAIRS = [
    (24, 20, 20), (34, 26, 22), (20, 20, 26), (58, 38, 26), (92, 62, 38), (134, 92, 50), (196, 160, 96),
    (128, 52, 30), (150, 148, 146), (214, 212, 208),
]  # fmt: skip
CLOTHES = [
    (32, 36, 44), (52, 58, 70), (38, 54, 92), (74, 110, 156), (150, 182, 206), (226, 226, 222),
    (190, 188, 180), (128, 42, 46), (196, 78, 60), (216, 158, 64), (70, 104, 76), (150, 168, 122),
    (116, 80, 116), (222, 170, 174), (120, 96, 74), (60, 120, 124),
]  # fmt: skip
MEDICAL_MASKS = [(112, 182, 228), (160, 210, 236), (238, 242, 244), (222, 228, 230), (146, 214, 200)]
UNUSUAL_MASKS = [(34, 34, 38), (34, 34, 38), (96, 98, 104), (232, 156, 178), (150, 44, 56), (52, 66, 116)]


class Photograph(NamedTuple):
    """What is decided before anything is drawn: where the photograph goes and who is on it."""

    filename: str
    split: str
    labels: tuple[str, ...]


class Place(NamedTuple):
    """Where a face is, in pixels of the photograph: its middle and its width."""

    x: float
    y: float
    width: float


def write_masks(path: Path, photographs: int, seed: int, compute: Compute) -> None:
    """Write the data set as one zip; equal photographs and seed are equal bytes, whatever `compute` says."""
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


def plan_photographs(photographs: int, seed: int) -> list[Photograph]:
    """Deal the boxes of each split to its photographs, very unevenly; every tenth one is for testing."""
    if photographs < FEWEST_PHOTOGRAPHS:
        raise InputError(
            f"{photographs} synthetic photographs are too few: ask for {FEWEST_PHOTOGRAPHS} or more, "
            "so that training and test data hold every class"
        )
    random = generator(seed, "synthetic masks plan")
    is_test = random.permutation(photographs) < round(photographs / 10)
    dealt = {
        "train": _deal(count_boxes(photographs)["train"], int((~is_test).sum()), random),
        "test": _deal(count_boxes(photographs)["test"], int(is_test.sum()), random),
    }
    splits = ["test" if test else "train" for test in is_test]
    return [Photograph(f"{i:05d}.jpg", split, dealt[split].pop()) for i, split in enumerate(splits)]


def count_boxes(photographs: int) -> dict[str, dict[str, int]]:
    """The report's number of boxes of each split and class, in proportion, but never less than 2."""
    scale = photographs / REPORT_PHOTOGRAPHS
    return {
        split: {label: max(2, round(boxes * scale)) for label, boxes in classes.items()}
        for split, classes in REPORT_BOXES.items()
    }


def _deal(counts: dict[str, int], photographs: int, random: np.random.Generator) -> list[tuple[str, ...]]:
    """The labels on each photograph: at least one, at most `MOST_FACES`, few on most of them."""
    labels = random.permutation(np.repeat(list(counts), list(counts.values()))).tolist()
    weights = np.exp(random.normal(0, 1.1, photographs))
    sizes = np.ones(photographs, dtype=int)
    for _ in range(len(labels) - photographs):
        room = weights * (sizes < MOST_FACES)
        sizes[random.choice(photographs, p=room / room.sum())] += 1
    ends = np.cumsum(sizes)
    return [tuple(labels[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def _store(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a file with a fixed date and without compression, so that its bytes depend on nothing else."""
    archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), content)


def _csv(rows: list[tuple]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    return text.getvalue().encode()


# One photograph


def draw_photograph(photograph: Photograph, seed: int, index: int) -> tuple[bytes, list[tuple]]:
    """The JPEG file and the CSV rows of one photograph, from a generator of its own."""
    random = generator(seed, "synthetic masks", index)
    width, height = _choose_size(len(photograph.labels), random)
    image = draw_background(width, height, random)
    places = place_faces(len(photograph.labels), width, height, random)
    rows = []
    for label, place in zip(photograph.labels, places, strict=True):
        outline = draw_person(image, label, place, random)
        box = annotate(outline, width, height, random)
        rows.append((photograph.filename, width, height, label, *box))
    file = io.BytesIO()
    develop(image, random).save(file, "JPEG", quality=88)
    return file.getvalue(), rows


def _choose_size(faces: int, random: np.random.Generator) -> tuple[int, int]:
    """Width and height in pixels; a crowd gets a large photograph, two of seven stand upright."""
    ratio = random.choice([4 / 3, 3 / 2, 3 / 2, 16 / 9, 5 / 4, 3 / 4, 4 / 5])
    long_side = random.uniform(750 if faces > 8 else 400, 1100)
    width, height = (long_side, long_side / ratio) if ratio > 1 else (long_side * ratio, long_side)
    return round(width), min(800, round(height))


def place_faces(faces: int, width: int, height: int, random: np.random.Generator) -> list[Place]:
    """Places from far to near: far faces are small and high up, and nearer people do not hide them."""
    typical = 0.36 * np.sqrt(width * height / faces)
    largest = min(350.0, 0.5 * height)
    sizes = np.sort(np.clip(typical * np.exp(random.normal(0, 0.5, faces)), 14, largest))
    places: list[Place] = []
    for rank, size in enumerate(sizes):
        low = 0.2 + 0.45 * (rank + 0.5) / faces
        places.append(_find_room(size, low, places, width, height, random))
    return places


def _find_room(
    size: float, low: float, others: list[Place], width: int, height: int, random: np.random.Generator
) -> Place:
    """The first of 40 random places where the person hides no other face, or else the best of them."""
    best, least = Place(0, 0, size), np.inf
    for _ in range(40):
        x = random.uniform(0.35 * size, width - 0.35 * size)
        highest = max(0.7 * size, GROUND * height - 6.4 * size)  # feet on the ground
        y = np.clip(height * random.normal(low, 0.12), highest, height - 0.65 * size)
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
    columns = [
        max(0.0, min(face.x + half, x + r * size) - max(face.x - half, x - r * size)) for r in (0.6, 1.1)
    ]
    top, bottom = face.y - half, face.y + 1.2 * half
    behind_head = max(0.0, min(bottom, y + 0.7 * size) - max(top, y - 0.8 * size))
    behind_body = max(0.0, bottom - max(top, y + 0.7 * size))
    return (columns[0] * behind_head + columns[1] * behind_body) / (face.width * 1.1 * face.width)


def annotate(
    outline: np.ndarray, width: int, height: int, random: np.random.Generator
) -> tuple[int, int, int, int]:
    """xmin, ymin, xmax, ymax in pixels around a face outline (n, 2), by an annotator's unsteady hand."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    wobble = random.normal(0, 1, (2, 2)) * (0.03 * (high - low) + 1)
    # Real annotators overshoot the edge of a photograph now and then, by a few pixels.
    slack = random.integers(1, 6) if random.random() < 0.3 else 0
    low = np.maximum(np.round(low + wobble[0]), -slack).astype(int)
    high = np.minimum(np.round(high + wobble[1]), np.array([width, height]) + slack).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def develop(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """What the camera does: exposure, white balance, and grain."""
    gain = random.uniform(0.92, 1.18)
    tint = random.normal(0, 0.02, 3)
    lift = random.uniform(0, 15)
    levels = np.arange(256)[None, :] * (gain * (1 + tint))[:, None] + lift
    image = image.point(np.clip(levels, 0, 255).astype(np.uint8).ravel().tolist())
    reach = random.integers(4, 18)
    grain = random.integers(128 - reach, 129 + reach, (image.height, image.width), dtype=np.uint8)
    return ImageChops.add(image, Image.fromarray(grain).convert("RGB"), offset=-128)


# Backgrounds: drawn at half size and blurred, since the lens is on the people


def draw_background(width: int, height: int, random: np.random.Generator) -> Image.Image:
    """One of five scenes, softly out of focus, as an RGB image of the photograph's size."""
    scene = _SCENES[random.integers(len(_SCENES))]
    image = Image.new("RGB", (width // 2 + 1, height // 2 + 1))
    scene(image, random)
    image = image.filter(ImageFilter.BoxBlur(random.uniform(0.5, 4)))
    return image.resize((width, height), Image.Resampling.BILINEAR)


def _pick(colours: list[Colour], random: np.random.Generator, spread: float = 10) -> Colour:
    """One of `colours`, each channel moved a little."""
    moved = np.array(colours[random.integers(len(colours))]) + random.normal(0, spread, 3)
    red, green, blue = np.clip(moved, 0, 255).astype(int).tolist()
    return red, green, blue


def _shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (a factor below 1) or lighter."""
    red, green, blue = (min(255, max(0, round(channel * factor))) for channel in colour)
    return red, green, blue


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    """The colour `one` with a share, 0 to 1, of the colour `other`."""
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _fill_gradient(image: Image.Image, top: Colour, bottom: Colour, from_y: int, to_y: int) -> None:
    """Fill the rows from_y to to_y, going from the colour `top` to the colour `bottom`."""
    share = np.linspace(0, 1, max(1, to_y - from_y))[:, None]
    rows = (np.array(top) * (1 - share) + np.array(bottom) * share).astype(np.uint8)
    image.paste(
        Image.fromarray(rows[:, None, :]).resize((image.width, len(rows)), Image.Resampling.NEAREST),
        (0, from_y),
    )


def _draw_wall(image: Image.Image, random: np.random.Generator) -> None:
    """A plain wall with light from above, the floor and perhaps posters."""
    width, height = image.size
    wall = _pick(
        [(206, 200, 190), (176, 190, 198), (196, 178, 156), (142, 150, 156), (188, 198, 182)], random
    )
    _fill_gradient(image, _shade(wall, 1.1), _shade(wall, 0.75), 0, height)
    draw = ImageDraw.Draw(image)
    for _ in range(random.integers(0, 4)):
        x, y, size = (
            random.uniform(0, width),
            random.uniform(0, 0.4 * height),
            random.uniform(0.1, 0.3) * width,
        )
        draw.rectangle((x, y, x + 0.7 * size, y + size), fill=_pick(CLOTHES, random, 25))
        draw.rectangle(
            (x + size / 9, y + size / 7, x + 0.6 * size, y + size / 2), fill=_pick(CLOTHES, random)
        )
    draw.rectangle((0, 0.76 * height, width, height), fill=_shade(wall, random.uniform(0.4, 0.65)))


def _draw_windows(image: Image.Image, random: np.random.Generator) -> None:
    """A front of windows, some of them lit, and the pavement."""
    width, height = image.size
    stone = _pick([(150, 130, 114), (170, 166, 160), (120, 126, 134), (164, 112, 92)], random)
    _fill_gradient(image, _shade(stone, 1.1), _shade(stone, 0.8), 0, height)
    draw = ImageDraw.Draw(image)
    step = random.uniform(0.09, 0.2) * width
    for x in np.arange(random.uniform(-step, 0), width, step):
        for y in np.arange(random.uniform(-step, 0), 0.85 * height, 1.3 * step):
            glass = _pick([(70, 88, 104), (52, 62, 74), (150, 176, 192), (224, 206, 150)], random)
            draw.rectangle((x, y, x + 0.66 * step, y + 0.95 * step), fill=_shade(stone, 1.25))
            draw.rectangle((x + 0.06 * step, y + 0.06 * step, x + 0.6 * step, y + 0.88 * step), fill=glass)
            draw.line((x + 0.33 * step, y, x + 0.33 * step, y + 0.9 * step), fill=_shade(stone, 1.2), width=2)
    _fill_gradient(image, (112, 110, 108), (144, 142, 138), round(0.76 * height), height)


def _draw_street(image: Image.Image, random: np.random.Generator) -> None:
    """Sky, houses on both sides with signs, and the road."""
    width, height = image.size
    horizon = round(random.uniform(0.4, 0.6) * height)
    _fill_gradient(
        image, _pick([(150, 188, 220), (196, 204, 210), (120, 140, 170)], random), (226, 228, 226), 0, horizon
    )
    _fill_gradient(image, (128, 126, 122), (88, 88, 90), horizon, height)
    draw = ImageDraw.Draw(image)
    x = 0.0
    while x < width:
        house = random.uniform(0.08, 0.24) * width
        roof = horizon * (0.75 - 0.9 * abs(x + house / 2 - width / 2) / width - random.uniform(0, 0.2))
        colour = _pick(
            [(148, 120, 100), (176, 160, 140), (110, 116, 124), (186, 150, 120), (132, 92, 80)], random
        )
        draw.rectangle((x, roof, x + house, 1.08 * horizon), fill=colour)
        for y in np.arange(roof + 0.05 * height, horizon - 0.1 * height, 0.08 * height):
            draw.rectangle((x + 0.2 * house, y, x + 0.8 * house, y + 0.04 * height), fill=_shade(colour, 0.6))
        draw.rectangle((x, 0.9 * horizon, x + house, 0.97 * horizon), fill=_pick(CLOTHES, random, 20))
        x += house


def _draw_park(image: Image.Image, random: np.random.Generator) -> None:
    """Sky, trees made of many leaves, and grass."""
    width, height = image.size
    horizon = round(random.uniform(0.45, 0.65) * height)
    _fill_gradient(image, (170, 204, 230), (232, 236, 232), 0, horizon)
    _fill_gradient(image, (138, 164, 96), (92, 118, 66), horizon, height)
    draw = ImageDraw.Draw(image)
    for _ in range(random.integers(3, 9)):
        x, size = random.uniform(0, width), random.uniform(0.1, 0.22) * width
        draw.rectangle((x - 0.06 * size, horizon - size, x + 0.06 * size, 1.04 * horizon), fill=(92, 70, 54))
        for _ in range(40):
            cx, cy = random.normal(x, 0.3 * size), random.normal(horizon - 1.1 * size, 0.3 * size)
            radius = random.uniform(0.08, 0.22) * size
            leaf = _pick([(74, 110, 62), (96, 134, 74), (58, 92, 58), (124, 152, 84)], random)
            draw.ellipse((cx - radius, cy - radius, cx + radius, cy + radius), fill=leaf)


def _draw_hall(image: Image.Image, random: np.random.Generator) -> None:
    """A station or a shop: panels, lamps under the ceiling, a shining floor."""
    width, height = image.size
    floor = round(random.uniform(0.55, 0.75) * height)
    panel = _pick([(176, 182, 188), (130, 142, 156), (198, 186, 168), (92, 100, 110)], random)
    _fill_gradient(image, _shade(panel, 0.9), panel, 0, floor)
    _fill_gradient(image, _shade(panel, 0.6), _shade(panel, 1.0), floor, height)
    draw = ImageDraw.Draw(image)
    for x in np.arange(0, width, random.uniform(0.08, 0.2) * width):
        draw.rectangle((x, 0.2 * height, x + 0.012 * width, floor), fill=_shade(panel, 0.7))
        if random.random() < 0.5:
            sign = _pick(CLOTHES, random, 20)
            draw.rectangle((x + 0.02 * width, 0.24 * height, x + 0.1 * width, 0.4 * height), fill=sign)
    for x in np.arange(random.uniform(0, 0.1) * width, width, 0.17 * width):
        draw.ellipse((x, 0.05 * height, x + 0.09 * width, 0.09 * height), fill=(252, 250, 236))


_SCENES = (_draw_wall, _draw_windows, _draw_street, _draw_park, _draw_hall)


# People


class Pen:
    """Draws shapes given in face units on a canvas: `roll` tilts them, `turn` wraps them round the head."""

    def __init__(
        self, canvas: Image.Image, origin: tuple[float, float], scale: float, roll: float, turn: float
    ):
        self.draw = ImageDraw.Draw(canvas)
        self.origin = np.array(origin)
        self.scale = scale  # canvas pixels in one face width
        self.roll = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
        self.turn = turn  # radians, positive to the viewer's right

    def pixels(self, points: ArrayLike) -> np.ndarray:
        """Canvas pixels (n, 2) of points (n, 2) in face units; the head is a cylinder of radius 0.5."""
        points = np.array(points, dtype=float)
        if self.turn:
            angles = np.arcsin(np.clip(2 * points[:, 0], -1, 1)) + self.turn
            points[:, 0] = np.sin(np.clip(angles, -np.pi / 2, np.pi / 2)) / 2
        return points @ self.roll * self.scale + self.origin

    def fill(self, points: ArrayLike, colour: Colour) -> None:
        self.draw.polygon(self.pixels(points).ravel().tolist(), fill=colour)

    def stroke(self, points: ArrayLike, colour: Colour, width: float) -> None:
        thickness = max(1, round(width * self.scale))
        self.draw.line(self.pixels(points).ravel().tolist(), fill=colour, width=thickness)


_STEPS = np.linspace(0, 1, 25)


def oval(x: float, y: float, width: float, height: float, start: float = 0, end: float = 360) -> np.ndarray:
    """Points (25, 2) on an oval, clockwise from `start` to `end` degrees, 0 being to the right."""
    angles = np.radians(start + (end - start) * _STEPS)
    return np.stack([x + width / 2 * np.cos(angles), y + height / 2 * np.sin(angles)], axis=1)


def face_outline(jaw: float) -> np.ndarray:
    """Points (25, 2) from forehead to chin; the larger `jaw`, the narrower the chin."""
    points = oval(0, 0, 1, 1.24)
    points[:, 0] *= 1 - jaw * np.clip(points[:, 1] / 0.62, 0, 1) ** 2
    points[:, 1] = np.maximum(points[:, 1], -0.56)
    return points


def draw_person(image: Image.Image, label: str, place: Place, random: np.random.Generator) -> np.ndarray:
    """Draw head, body and mask on the photograph; return the face's outline (n, 2) in its pixels."""
    detail = 2 if place.width > 50 else 4  # drawn larger, then shrunk: smooth edges
    roll, turn = random.normal(0, 0.1), np.clip(random.normal(0, 0.35), -0.9, 0.9)
    left, right = max(0, int(place.x - 1.5 * place.width)), min(image.width, int(place.x + 1.5 * place.width))
    top, bottom = int(place.y - 1.3 * place.width), min(image.height, int(place.y + 6.5 * place.width))
    # RGBa, with colours already multiplied by their opacity, can be shrunk and blurred without dark rims.
    canvas = Image.new("RGBa", ((right - left) * detail, (bottom - top) * detail))
    origin = ((place.x - left) * detail, (place.y - top) * detail)
    body = Pen(canvas, origin, place.width * detail, 0, 0)
    head = Pen(canvas, origin, place.width * detail, roll, 0)
    face = Pen(canvas, origin, place.width * detail, roll, turn)
    outline = _draw_figure(body, head, face, label, random)
    patch = _light(canvas.reduce(detail), place.x - left, place.width, random)
    image.paste(patch, (left, top), patch)
    return outline / detail + (left, top)


def _light(patch: Image.Image, middle: float, face_width: float, random: np.random.Generator) -> Image.Image:
    """Light from one side, and a lens that does not hold everybody in focus."""
    side, strength = random.normal(0, 0.12), random.uniform(0.84, 1)
    across = np.clip((np.arange(patch.width) - middle) / face_width, -0.6, 0.6)
    light = np.full((1, patch.width, 4), 255, dtype=np.uint8)
    light[0, :, :3] = np.clip(255 * strength * (1 - 0.6 * abs(side) + side * across), 0, 255)[:, None]
    shades = Image.fromarray(light, "RGBa").resize(patch.size, Image.Resampling.NEAREST)
    # Far faces lose more to the lens: with their size alone they would be as easy as near ones.
    blur = float(min(4.0, random.exponential(0.018) * face_width + random.exponential(80 / face_width)))
    return ImageChops.multiply(patch, shades).filter(ImageFilter.BoxBlur(blur)).convert("RGBA")


def _draw_figure(body: Pen, head: Pen, face: Pen, label: str, random: np.random.Generator) -> np.ndarray:
    """One person from back to front; returns the canvas pixels (n, 2) of the face's outline."""
    skin, hair, cloth = _pick(SKINS, random, 6), _pick(HAIRS, random, 6), _pick(CLOTHES, random, 12)
    outline = face_outline(random.uniform(0.08, 0.34))
    style = random.choice(["short", "short", "parted", "bob", "long", "bun", "bald", "cap", "scarf"])
    wears = _pick(CLOTHES, random, 15) if style in ("cap", "scarf") else hair
    _draw_back_hair(head, style, wears)
    _draw_body(body, skin, cloth, random)
    _draw_collar(body, cloth, random)
    for side in (-1, 1):
        if side * face.turn < 0.3:  # the ear on the far side is out of sight
            head.fill(oval(side * 0.5, 0.03, 0.14, 0.27), _shade(skin, 0.9))
    head.fill(outline, skin)
    _draw_features(face, skin, hair, random)
    if style not in ("bob", "long", "bun", "scarf") and random.random() < 0.13:
        _draw_beard(face, outline, hair)
    _draw_hair(head, style, wears)
    if random.random() < 0.25:
        _draw_glasses(face, random)
    _draw_mask(face, head, label, skin, random)
    if random.random() < 0.04:
        _draw_hand(head, _shade(skin, 0.95), cloth, random)
    return head.pixels(outline)


def _draw_body(body: Pen, skin: Colour, cloth: Colour, random: np.random.Generator) -> None:
    """Legs, torso with arms, and the neck in the shadow of the chin."""
    trousers, broad = _pick(CLOTHES[:4], random), random.uniform(0.9, 1.15)
    for side in (-1, 1):
        body.fill([(side * 0.04, 3.2), (side * 0.75, 3.2), (side * 0.62, 6.5), (side * 0.2, 6.5)], trousers)
        body.fill(oval(side * (broad - 0.17), 2.25, 0.42, 2.6), _shade(cloth, 0.88))
    shoulders = np.concatenate([oval(0, 1.35, 2 * broad, 1.2, 180, 360), [(0.78, 3.5), (-0.78, 3.5)]])
    body.fill(shoulders, cloth)
    body.fill([(-0.27, 0.3), (0.27, 0.3), (0.3, 0.85), (0, 1.0), (-0.3, 0.85)], _shade(skin, 0.78))


def _draw_collar(body: Pen, cloth: Colour, random: np.random.Generator) -> None:
    """A shirt, a roll neck, a scarf or a jacket: near the chin some of them look like a mask."""
    kind = random.choice(["round", "shirt", "roll neck", "scarf", "jacket"])
    other = _pick([*CLOTHES, *MEDICAL_MASKS], random, 12)
    if kind == "shirt":
        for side in (-1, 1):
            body.fill(
                [(side * 0.26, 0.66), (side * 0.36, 0.86), (side * 0.16, 1.12), (0, 0.98)],
                _shade(cloth, 1.15),
            )
    if kind == "roll neck":
        body.fill([(-0.3, 0.56), (0.3, 0.56), (0.34, 0.9), (0, 1.0), (-0.34, 0.9)], _shade(cloth, 0.92))
    if kind == "scarf":
        body.fill(oval(0, 0.78, 0.92, 0.52), other)
        body.stroke(oval(0, 0.68, 0.8, 0.4, 20, 160), _shade(other, 0.82), 0.03)
        body.fill([(0.1, 0.85), (0.36, 0.85), (0.4, 1.9), (0.14, 1.9)], _shade(other, 0.92))
    if kind == "jacket":
        body.fill([(-0.26, 0.82), (0.26, 0.82), (0, 1.9)], other)
        body.stroke([(0, 1.8), (0, 3.4)], _shade(cloth, 0.7), 0.03)


def _draw_features(face: Pen, skin: Colour, hair: Colour, random: np.random.Generator) -> None:
    """Cheeks, eyes, brows, nose and mouth."""
    blush, open_eye = _mix(skin, (206, 92, 84), random.uniform(0.04, 0.16)), random.uniform(0.04, 0.085)
    iris = _pick([(48, 34, 28), (48, 34, 28), (84, 108, 128), (92, 106, 70)], random, 6)
    for side in (-1, 1):
        face.fill(oval(side * 0.27, 0.2, 0.24, 0.2), blush)
        face.fill(oval(side * 0.2, -0.08, 0.19, 0.08 + open_eye), _shade(skin, 0.86))
        face.fill(oval(side * 0.2, -0.08, 0.16, open_eye), (240, 238, 234))
        face.fill(oval(side * 0.2, -0.08, 0.075, min(0.075, 1.1 * open_eye)), iris)
        face.stroke(oval(side * 0.2, -0.07, 0.17, 0.1, 200, 340), _shade(hair, 0.7), 0.018)
        face.stroke(oval(side * 0.2, -0.13, 0.24, 0.14, 205, 335), _mix(hair, skin, 0.25), 0.035)
    face.fill([(-0.02, -0.08), (0.05, -0.06), (0.1, 0.19), (0.03, 0.23), (-0.1, 0.2)], _shade(skin, 0.92))
    face.fill(oval(-0.015, 0.17, 0.1, 0.09), _shade(skin, 1.07))
    for side in (-1, 1):
        face.fill(oval(side * 0.055, 0.215, 0.05, 0.028), _shade(skin, 0.55))
    lips, smile = (
        _mix(_shade(skin, 0.8), (170, 60, 66), random.uniform(0.25, 0.6)),
        random.uniform(0.05, 0.16),
    )
    face.fill(oval(0, 0.36, random.uniform(0.24, 0.34), random.uniform(0.05, 0.09)), lips)
    face.stroke(oval(0, 0.35, 0.3, smile, 15, 165), _shade(lips, 0.6), 0.016)
    face.stroke(oval(0, 0.47, 0.16, 0.05, 20, 160), _shade(skin, 0.88), 0.02)


def _draw_beard(face: Pen, outline: np.ndarray, hair: Colour) -> None:
    """A full beard: without a mask it looks like a dark one."""
    jaw = outline[outline[:, 1] > 0.1]
    face.fill(np.concatenate([jaw, oval(0, 0.3, 0.66, 0.22, 180, 360)]), hair)
    face.fill(oval(0, 0.37, 0.24, 0.07), (150, 84, 80))


def _draw_back_hair(head: Pen, style: str, colour: Colour) -> None:
    """What is seen of hair or headscarf behind the face and the neck."""
    dark = _shade(colour, 0.85)
    if style == "bob":
        head.fill(oval(0, 0.0, 1.3, 1.5), dark)
    if style == "long":
        head.fill(oval(0, -0.02, 1.26, 1.5), dark)
        head.fill([(-0.62, 0), (0.62, 0), (0.7, 1.35), (-0.7, 1.35)], dark)
    if style == "bun":
        head.fill(oval(0.1, -0.8, 0.42, 0.38), dark)
    if style == "scarf":
        head.fill(oval(0, 0.08, 1.4, 1.75), colour)


def _draw_hair(head: Pen, style: str, colour: Colour) -> None:
    """Hair, cap or headscarf over the forehead."""
    crown = oval(0, -0.1, 1.12, 1.36, 178, 362)
    hairline = {
        "short": oval(0, -0.06, 0.86, 0.62, 355, 185),
        "parted": np.array(
            [(0.47, -0.1), (0.4, -0.3), (0.1, -0.5), (-0.2, -0.36), (-0.42, -0.2), (-0.48, -0.05)]
        ),
        "bob": np.array([(0.44, 0.1), (0.4, -0.26), (0.0, -0.3), (-0.4, -0.26), (-0.44, 0.1)]),
        "long": np.array([(0.45, 0.2), (0.36, -0.22), (0.06, -0.5), (-0.36, -0.22), (-0.45, 0.2)]),
        "bun": oval(0, -0.05, 0.88, 0.8, 358, 182),
        "bald": oval(0, -0.1, 1.02, 1.2, 360, 180),
        "cap": np.array([(0.52, -0.28), (0.3, -0.36), (0, -0.38), (-0.3, -0.36), (-0.52, -0.28)]),
        "scarf": oval(0, -0.02, 0.9, 0.94, 360, 180),
    }[style]
    if style == "bald":
        return
    head.fill(np.concatenate([crown, hairline]), colour)
    head.stroke(oval(0.05, -0.16, 0.9, 1.05, 215, 285), _mix(colour, (255, 255, 255), 0.14), 0.05)
    if style == "cap":
        head.fill(oval(0, -0.32, 1.1, 0.2), _shade(colour, 0.75))


def _draw_glasses(face: Pen, random: np.random.Generator) -> None:
    """Spectacles or, one time in four, sunglasses."""
    frame = _pick([(30, 30, 34), (90, 62, 40), (150, 150, 156)], random)
    dark = random.random() < 0.25
    for side in (-1, 1):
        if dark:
            face.fill(oval(side * 0.21, -0.06, 0.32, 0.26), (38, 38, 44))
        face.stroke(oval(side * 0.21, -0.06, 0.32, 0.26), frame, 0.022)
        face.stroke([(side * 0.37, -0.09), (side * 0.5, -0.1)], frame, 0.022)
    face.stroke([(-0.05, -0.08), (0.05, -0.08)], frame, 0.022)


def _draw_hand(head: Pen, skin: Colour, sleeve: Colour, random: np.random.Generator) -> None:
    """A hand lifted to the mouth or the cheek."""
    x, y = random.uniform(-0.3, 0.3), random.uniform(0.3, 0.55)
    head.stroke([(x + 0.1, y + 0.2), (x + 0.5, y + 1.6)], sleeve, 0.36)
    head.fill(oval(x, y + 0.12, 0.36, 0.42), skin)
    for finger in range(4):
        base = x - 0.13 + 0.09 * finger
        head.stroke([(base, y), (base - 0.03, y - 0.24)], _shade(skin, 0.94 + 0.03 * (finger % 2)), 0.075)


# Masks


def _draw_mask(face: Pen, head: Pen, label: str, skin: Colour, random: np.random.Generator) -> None:
    """Over nose and mouth (good), wrongly (none), or not at all (bad)."""
    colour, patterned = _choose_mask(skin, random)
    if label == "good":
        _draw_worn_mask(face, random.normal(0.03, 0.05), 0.63, colour, patterned, random)
    if label == "none":
        where = random.choice(["under nose", "under chin", "from ear"], p=[0.6, 0.3, 0.1])
        if where == "under nose":
            _draw_worn_mask(face, random.uniform(0.14, 0.27), 0.66, colour, patterned, random)
        if where == "under chin":
            _draw_worn_mask(face, random.uniform(0.44, 0.56), 0.8, colour, patterned, random)
        if where == "from ear":
            _draw_hanging_mask(head, -1 if face.turn > 0 else 1, colour, random)


def _choose_mask(skin: Colour, random: np.random.Generator) -> tuple[Colour, bool]:
    """The colour and whether there is a pattern: mostly medical, sometimes dark, bright or like skin."""
    kind = random.random()
    if kind < 0.905:
        return _pick(MEDICAL_MASKS, random, 8), False
    if kind < 0.925:
        return _mix(_shade(skin, random.uniform(0.85, 1.1)), (226, 200, 170), 0.3), False
    return _pick(UNUSUAL_MASKS, random, 10), kind > 0.97


def _draw_worn_mask(
    face: Pen, top: float, bottom: float, colour: Colour, patterned: bool, random: np.random.Generator
) -> None:
    """A mask from the height `top` to `bottom` in the middle of the face, with its straps."""
    side, low = top + random.uniform(0.05, 0.12), bottom - random.uniform(0.1, 0.2)
    upper = [
        (-0.46, side),
        (-0.28, top + 0.03),
        (-0.1, top - 0.03),
        (0.1, top - 0.03),
        (0.28, top + 0.03),
        (0.46, side),
    ]
    lower = [(0.44, low), (0.28, bottom - 0.03), (0, bottom), (-0.28, bottom - 0.03), (-0.44, low)]
    for x in (-1, 1):
        face.stroke([(x * 0.45, side + 0.02), (x * 0.5, -0.05)], _shade(colour, 0.9), 0.02)
        face.stroke([(x * 0.43, low), (x * 0.5, 0.12)], _shade(colour, 0.9), 0.02)
    face.fill([*upper, *lower], colour)
    face.stroke(upper, _mix(colour, (255, 255, 255), 0.35), 0.02)
    _draw_folds(face, top, bottom, colour, random)
    if patterned:
        _draw_dots(face, side, low, colour, random)


def _draw_folds(face: Pen, top: float, bottom: float, colour: Colour, random: np.random.Generator) -> None:
    """Three pleats, or the seam and the valve of a cup."""
    middle, height = (top + bottom) / 2, bottom - top
    if random.random() < 0.75:
        for share in (0.3, 0.5, 0.7):
            y = top + share * height
            face.stroke(
                [(-0.44, y + 0.03), (-0.2, y), (0.2, y), (0.44, y + 0.03)], _shade(colour, 0.88), 0.016
            )
        return
    face.stroke([(0, top), (0.02, middle), (0, bottom)], _shade(colour, 0.86), 0.02)
    if random.random() < 0.5:
        face.fill(oval(0.2, middle, 0.14, 0.13), _shade(colour, 0.75))


def _draw_dots(face: Pen, top: float, bottom: float, colour: Colour, random: np.random.Generator) -> None:
    """A pattern of dots in a second colour."""
    dots = _pick([*CLOTHES, (250, 250, 244)], random)
    for x in np.arange(-0.36, 0.4, 0.12):
        for y in np.arange(top + 0.05, bottom, 0.12):
            face.fill(oval(x, y, 0.06, 0.06), dots)


def _draw_hanging_mask(head: Pen, side: int, colour: Colour, random: np.random.Generator) -> None:
    """A mask that hangs from the ear on `side` (-1 left, 1 right), the whole face visible."""
    x, y, swing = side * 0.42, random.uniform(0.2, 0.34), random.uniform(-0.1, 0.1)
    head.stroke([(side * 0.5, -0.04), (x, y)], _shade(colour, 0.9), 0.02)
    head.fill([(x - 0.16, y), (x + 0.16, y), (x + 0.2 + swing, y + 0.6), (x - 0.14 + swing, y + 0.6)], colour)
    for share in (0.35, 0.65):
        shift = share * swing
        head.stroke(
            [(x + shift + share * 0.3 - 0.14, y), (x + shift + share * 0.3 - 0.12, y + 0.6)],
            _shade(colour, 0.86),
            0.016,
        )
