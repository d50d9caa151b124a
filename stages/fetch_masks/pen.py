"""Colours, and a pen that draws shapes in face units on a canvas."""

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

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


def pick(colours: list[Colour], rng: np.random.Generator, spread: float = 10) -> Colour:
    """One of `colours`, each channel moved a little."""
    moved = np.array(colours[rng.integers(len(colours))]) + rng.normal(0, spread, 3)
    red, green, blue = np.clip(moved, 0, 255).astype(int).tolist()
    return red, green, blue


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (a factor below 1) or lighter."""
    red, green, blue = (min(255, max(0, round(channel * factor))) for channel in colour)
    return red, green, blue


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """The colour `one` with a share, 0 to 1, of the colour `other`."""
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(one, other, strict=True))
    return red, green, blue


def fill_gradient(image: Image.Image, top: Colour, bottom: Colour, from_y: int, to_y: int) -> None:
    """Fill the rows from_y to to_y, going from the colour `top` to the colour `bottom`."""
    share = np.linspace(0, 1, max(1, to_y - from_y))[:, None]
    rows = (np.array(top) * (1 - share) + np.array(bottom) * share).astype(np.uint8)
    image.paste(Image.fromarray(rows[:, None].repeat(image.width, axis=1)), (0, from_y))


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


def oval(x: float, y: float, width: float, height: float, start: float = 0, end: float = 360) -> np.ndarray:
    """Points (25, 2) on an oval, clockwise from `start` to `end` degrees, 0 being to the right."""
    angles = np.radians(start + (end - start) * np.linspace(0, 1, 25))
    return np.stack([x + width / 2 * np.cos(angles), y + height / 2 * np.sin(angles)], axis=1)
