"""Backgrounds of photographs: drawn at half size and blurred, since the lens is focused on the people."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from stages.fetch_masks.pen import CLOTHES, fill_gradient, pick, shade


def draw_background(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """One of five scenes, softly out of focus, as an RGB image of the photograph's size."""
    scenes = (_draw_wall, _draw_windows, _draw_street, _draw_park, _draw_hall)
    image = Image.new("RGB", (width // 2 + 1, height // 2 + 1))
    scenes[rng.integers(len(scenes))](image, rng)
    image = image.filter(ImageFilter.BoxBlur(rng.uniform(0.5, 4)))
    return image.resize((width, height), Image.Resampling.BILINEAR)


def _draw_wall(image: Image.Image, rng: np.random.Generator) -> None:
    """A plain wall with light from above, the floor and perhaps posters."""
    width, height = image.size
    wall = pick([(206, 200, 190), (176, 190, 198), (196, 178, 156), (142, 150, 156), (188, 198, 182)], rng)
    fill_gradient(image, shade(wall, 1.1), shade(wall, 0.75), 0, height)
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(0, 4)):
        x, y = rng.uniform(0, width), rng.uniform(0, 0.4 * height)
        size = rng.uniform(0.1, 0.3) * width
        draw.rectangle((x, y, x + 0.7 * size, y + size), fill=pick(CLOTHES, rng, 25))
        draw.rectangle((x + size / 9, y + size / 7, x + 0.6 * size, y + size / 2), fill=pick(CLOTHES, rng))
    draw.rectangle((0, 0.76 * height, width, height), fill=shade(wall, rng.uniform(0.4, 0.65)))


def _draw_windows(image: Image.Image, rng: np.random.Generator) -> None:
    """A front of windows, some of them lit, and the pavement."""
    width, height = image.size
    stone = pick([(150, 130, 114), (170, 166, 160), (120, 126, 134), (164, 112, 92)], rng)
    fill_gradient(image, shade(stone, 1.1), shade(stone, 0.8), 0, height)
    draw = ImageDraw.Draw(image)
    step = rng.uniform(0.09, 0.2) * width
    for x in np.arange(rng.uniform(-step, 0), width, step):
        for y in np.arange(rng.uniform(-step, 0), 0.85 * height, 1.3 * step):
            glass = pick([(70, 88, 104), (52, 62, 74), (150, 176, 192), (224, 206, 150)], rng)
            draw.rectangle((x, y, x + 0.66 * step, y + 0.95 * step), fill=shade(stone, 1.25))
            draw.rectangle((x + 0.06 * step, y + 0.06 * step, x + 0.6 * step, y + 0.88 * step), fill=glass)
            draw.line((x + 0.33 * step, y, x + 0.33 * step, y + 0.9 * step), fill=shade(stone, 1.2), width=2)
    fill_gradient(image, (112, 110, 108), (144, 142, 138), round(0.76 * height), height)


def _draw_street(image: Image.Image, rng: np.random.Generator) -> None:
    """Sky, houses on both sides with signs, and the road."""
    width, height = image.size
    horizon = round(rng.uniform(0.4, 0.6) * height)
    sky = pick([(150, 188, 220), (196, 204, 210), (120, 140, 170)], rng)
    fill_gradient(image, sky, (226, 228, 226), 0, horizon)
    fill_gradient(image, (128, 126, 122), (88, 88, 90), horizon, height)
    draw = ImageDraw.Draw(image)
    facades = [(148, 120, 100), (176, 160, 140), (110, 116, 124), (186, 150, 120), (132, 92, 80)]
    x = 0.0
    while x < width:
        house = rng.uniform(0.08, 0.24) * width
        roof = horizon * (0.75 - 0.9 * abs(x + house / 2 - width / 2) / width - rng.uniform(0, 0.2))
        colour = pick(facades, rng)
        draw.rectangle((x, roof, x + house, 1.08 * horizon), fill=colour)
        for y in np.arange(roof + 0.05 * height, horizon - 0.1 * height, 0.08 * height):
            draw.rectangle((x + 0.2 * house, y, x + 0.8 * house, y + 0.04 * height), fill=shade(colour, 0.6))
        draw.rectangle((x, 0.9 * horizon, x + house, 0.97 * horizon), fill=pick(CLOTHES, rng, 20))
        x += house


def _draw_park(image: Image.Image, rng: np.random.Generator) -> None:
    """Sky, trees made of many leaves, and grass."""
    width, height = image.size
    horizon = round(rng.uniform(0.45, 0.65) * height)
    fill_gradient(image, (170, 204, 230), (232, 236, 232), 0, horizon)
    fill_gradient(image, (138, 164, 96), (92, 118, 66), horizon, height)
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(3, 9)):
        x, size = rng.uniform(0, width), rng.uniform(0.1, 0.22) * width
        draw.rectangle((x - 0.06 * size, horizon - size, x + 0.06 * size, 1.04 * horizon), fill=(92, 70, 54))
        for _ in range(40):
            cx, cy = rng.normal(x, 0.3 * size), rng.normal(horizon - 1.1 * size, 0.3 * size)
            radius = rng.uniform(0.08, 0.22) * size
            leaf = pick([(74, 110, 62), (96, 134, 74), (58, 92, 58), (124, 152, 84)], rng)
            draw.ellipse((cx - radius, cy - radius, cx + radius, cy + radius), fill=leaf)


def _draw_hall(image: Image.Image, rng: np.random.Generator) -> None:
    """A station or a shop: panels, lamps under the ceiling, a shining floor."""
    width, height = image.size
    floor = round(rng.uniform(0.55, 0.75) * height)
    panel = pick([(176, 182, 188), (130, 142, 156), (198, 186, 168), (92, 100, 110)], rng)
    fill_gradient(image, shade(panel, 0.9), panel, 0, floor)
    fill_gradient(image, shade(panel, 0.6), shade(panel, 1.0), floor, height)
    draw = ImageDraw.Draw(image)
    for x in np.arange(0, width, rng.uniform(0.08, 0.2) * width):
        draw.rectangle((x, 0.2 * height, x + 0.012 * width, floor), fill=shade(panel, 0.7))
        if rng.random() < 0.5:
            sign = pick(CLOTHES, rng, 20)
            draw.rectangle((x + 0.02 * width, 0.24 * height, x + 0.1 * width, 0.4 * height), fill=sign)
    for x in np.arange(rng.uniform(0, 0.1) * width, width, 0.17 * width):
        draw.ellipse((x, 0.05 * height, x + 0.09 * width, 0.09 * height), fill=(252, 250, 236))
