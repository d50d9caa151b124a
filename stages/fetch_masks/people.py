"""Drawn people, in face units: the origin is the middle of the face, the face is 1 wide, x grows to the right
and y downwards. The eyes are at y = -0.08, the tip of the nose at 0.2, the mouth at 0.36, the chin at 0.62.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from stages.fetch_masks.masks import MEDICAL_MASKS, draw_mask
from stages.fetch_masks.pen import CLOTHES, HAIRS, SKINS, Colour, Pen, mix, oval, pick, shade


class Place(NamedTuple):
    """Where a face is, in pixels of the photograph: its middle and its width."""

    x: float
    y: float
    width: float


def face_outline(jaw: float) -> np.ndarray:
    """Points (25, 2) from forehead to chin; the larger `jaw`, the narrower the chin."""
    points = oval(0, 0, 1, 1.24)
    points[:, 0] *= 1 - jaw * np.clip(points[:, 1] / 0.62, 0, 1) ** 2
    points[:, 1] = np.maximum(points[:, 1], -0.56)
    return points


def draw_person(image: Image.Image, label: str, place: Place, rng: np.random.Generator) -> np.ndarray:
    """Draw head, body and mask on the photograph; return the face's outline (n, 2) in its pixels."""
    detail = 2 if place.width > 50 else 4  # drawn larger, then shrunk: smooth edges
    roll, turn = rng.normal(0, 0.1), np.clip(rng.normal(0, 0.35), -0.9, 0.9)
    left, right = max(0, int(place.x - 1.5 * place.width)), min(image.width, int(place.x + 1.5 * place.width))
    top, bottom = int(place.y - 1.3 * place.width), min(image.height, int(place.y + 6.5 * place.width))
    # RGBa, with colours already multiplied by their opacity, can be shrunk and blurred without dark rims.
    canvas = Image.new("RGBa", ((right - left) * detail, (bottom - top) * detail))
    origin = ((place.x - left) * detail, (place.y - top) * detail)
    body = Pen(canvas, origin, place.width * detail, 0, 0)
    head = Pen(canvas, origin, place.width * detail, roll, 0)
    face = Pen(canvas, origin, place.width * detail, roll, turn)
    outline = _draw_figure(body, head, face, label, rng)
    patch = _light(canvas.reduce(detail), place.x - left, place.width, rng)
    image.paste(patch, (left, top), patch)
    return outline / detail + (left, top)


def _light(patch: Image.Image, middle: float, face_width: float, rng: np.random.Generator) -> Image.Image:
    """Light from one side, and a lens that does not hold everybody in focus."""
    side, strength = rng.normal(0, 0.12), rng.uniform(0.84, 1)
    across = np.clip((np.arange(patch.width) - middle) / face_width, -0.6, 0.6)
    light = np.full((1, patch.width, 4), 255, dtype=np.uint8)
    light[0, :, :3] = np.clip(255 * strength * (1 - 0.6 * abs(side) + side * across), 0, 255)[:, None]
    shades = Image.fromarray(light, "RGBa").resize(patch.size, Image.Resampling.NEAREST)
    # Far faces lose more to the lens: with their size alone they would be as easy as near ones.
    blur = float(min(4.0, rng.exponential(0.018) * face_width + rng.exponential(80 / face_width)))
    return ImageChops.multiply(patch, shades).filter(ImageFilter.BoxBlur(blur)).convert("RGBA")


def _draw_figure(body: Pen, head: Pen, face: Pen, label: str, rng: np.random.Generator) -> np.ndarray:
    """One person from back to front; returns the canvas pixels (n, 2) of the face's outline."""
    skin, hair, cloth = pick(SKINS, rng, 6), pick(HAIRS, rng, 6), pick(CLOTHES, rng, 12)
    outline = face_outline(rng.uniform(0.08, 0.34))
    style = rng.choice(["short", "short", "parted", "bob", "long", "bun", "bald", "cap", "scarf"])
    wears = pick(CLOTHES, rng, 15) if style in ("cap", "scarf") else hair
    _draw_back_hair(head, style, wears)
    _draw_body(body, skin, cloth, rng)
    _draw_collar(body, cloth, rng)
    for side in (-1, 1):
        if side * face.turn < 0.3:  # the ear on the far side is out of sight
            head.fill(oval(side * 0.5, 0.03, 0.14, 0.27), shade(skin, 0.9))
    head.fill(outline, skin)
    _draw_features(face, skin, hair, rng)
    if style not in ("bob", "long", "bun", "scarf") and rng.random() < 0.13:
        _draw_beard(face, outline, hair)
    _draw_hair(head, style, wears)
    if rng.random() < 0.25:
        _draw_glasses(face, rng)
    draw_mask(face, head, label, skin, rng)
    if rng.random() < 0.04:
        _draw_hand(head, shade(skin, 0.95), cloth, rng)
    return head.pixels(outline)


def _draw_body(body: Pen, skin: Colour, cloth: Colour, rng: np.random.Generator) -> None:
    """Legs, torso with arms, and the neck in the shadow of the chin."""
    trousers, broad = pick(CLOTHES[:4], rng), rng.uniform(0.9, 1.15)
    for side in (-1, 1):
        body.fill([(side * 0.04, 3.2), (side * 0.75, 3.2), (side * 0.62, 6.5), (side * 0.2, 6.5)], trousers)
        body.fill(oval(side * (broad - 0.17), 2.25, 0.42, 2.6), shade(cloth, 0.88))
    shoulders = np.concatenate([oval(0, 1.35, 2 * broad, 1.2, 180, 360), [(0.78, 3.5), (-0.78, 3.5)]])
    body.fill(shoulders, cloth)
    body.fill([(-0.27, 0.3), (0.27, 0.3), (0.3, 0.85), (0, 1.0), (-0.3, 0.85)], shade(skin, 0.78))


def _draw_collar(body: Pen, cloth: Colour, rng: np.random.Generator) -> None:
    """A shirt, a roll neck, a scarf or a jacket: near the chin some of them look like a mask."""
    kind = rng.choice(["round", "shirt", "roll neck", "scarf", "jacket"])
    other = pick([*CLOTHES, *MEDICAL_MASKS], rng, 12)
    if kind == "shirt":
        for side in (-1, 1):
            wing = [(side * 0.26, 0.66), (side * 0.36, 0.86), (side * 0.16, 1.12), (0, 0.98)]
            body.fill(wing, shade(cloth, 1.15))
    if kind == "roll neck":
        body.fill([(-0.3, 0.56), (0.3, 0.56), (0.34, 0.9), (0, 1.0), (-0.34, 0.9)], shade(cloth, 0.92))
    if kind == "scarf":
        body.fill(oval(0, 0.78, 0.92, 0.52), other)
        body.stroke(oval(0, 0.68, 0.8, 0.4, 20, 160), shade(other, 0.82), 0.03)
        body.fill([(0.1, 0.85), (0.36, 0.85), (0.4, 1.9), (0.14, 1.9)], shade(other, 0.92))
    if kind == "jacket":
        body.fill([(-0.26, 0.82), (0.26, 0.82), (0, 1.9)], other)
        body.stroke([(0, 1.8), (0, 3.4)], shade(cloth, 0.7), 0.03)


def _draw_features(face: Pen, skin: Colour, hair: Colour, rng: np.random.Generator) -> None:
    """Cheeks, eyes, brows, nose and mouth."""
    blush, open_eye = mix(skin, (206, 92, 84), rng.uniform(0.04, 0.16)), rng.uniform(0.04, 0.085)
    iris = pick([(48, 34, 28), (48, 34, 28), (84, 108, 128), (92, 106, 70)], rng, 6)
    for side in (-1, 1):
        face.fill(oval(side * 0.27, 0.2, 0.24, 0.2), blush)
        face.fill(oval(side * 0.2, -0.08, 0.19, 0.08 + open_eye), shade(skin, 0.86))
        face.fill(oval(side * 0.2, -0.08, 0.16, open_eye), (240, 238, 234))
        face.fill(oval(side * 0.2, -0.08, 0.075, min(0.075, 1.1 * open_eye)), iris)
        face.stroke(oval(side * 0.2, -0.07, 0.17, 0.1, 200, 340), shade(hair, 0.7), 0.018)
        face.stroke(oval(side * 0.2, -0.13, 0.24, 0.14, 205, 335), mix(hair, skin, 0.25), 0.035)
    face.fill([(-0.02, -0.08), (0.05, -0.06), (0.1, 0.19), (0.03, 0.23), (-0.1, 0.2)], shade(skin, 0.92))
    face.fill(oval(-0.015, 0.17, 0.1, 0.09), shade(skin, 1.07))
    for side in (-1, 1):
        face.fill(oval(side * 0.055, 0.215, 0.05, 0.028), shade(skin, 0.55))
    lips = mix(shade(skin, 0.8), (170, 60, 66), rng.uniform(0.25, 0.6))
    smile = rng.uniform(0.05, 0.16)
    face.fill(oval(0, 0.36, rng.uniform(0.24, 0.34), rng.uniform(0.05, 0.09)), lips)
    face.stroke(oval(0, 0.35, 0.3, smile, 15, 165), shade(lips, 0.6), 0.016)
    face.stroke(oval(0, 0.47, 0.16, 0.05, 20, 160), shade(skin, 0.88), 0.02)


def _draw_beard(face: Pen, outline: np.ndarray, hair: Colour) -> None:
    """A full beard: without a mask it looks like a dark one."""
    jaw = outline[outline[:, 1] > 0.1]
    face.fill(np.concatenate([jaw, oval(0, 0.3, 0.66, 0.22, 180, 360)]), hair)
    face.fill(oval(0, 0.37, 0.24, 0.07), (150, 84, 80))


def _draw_back_hair(head: Pen, style: str, colour: Colour) -> None:
    """What is seen of hair or headscarf behind the face and the neck."""
    dark = shade(colour, 0.85)
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
    head.stroke(oval(0.05, -0.16, 0.9, 1.05, 215, 285), mix(colour, (255, 255, 255), 0.14), 0.05)
    if style == "cap":
        head.fill(oval(0, -0.32, 1.1, 0.2), shade(colour, 0.75))


def _draw_glasses(face: Pen, rng: np.random.Generator) -> None:
    """Spectacles or, one time in four, sunglasses."""
    frame = pick([(30, 30, 34), (90, 62, 40), (150, 150, 156)], rng)
    dark = rng.random() < 0.25
    for side in (-1, 1):
        if dark:
            face.fill(oval(side * 0.21, -0.06, 0.32, 0.26), (38, 38, 44))
        face.stroke(oval(side * 0.21, -0.06, 0.32, 0.26), frame, 0.022)
        face.stroke([(side * 0.37, -0.09), (side * 0.5, -0.1)], frame, 0.022)
    face.stroke([(-0.05, -0.08), (0.05, -0.08)], frame, 0.022)


def _draw_hand(head: Pen, skin: Colour, sleeve: Colour, rng: np.random.Generator) -> None:
    """A hand lifted to the mouth or the cheek."""
    x, y = rng.uniform(-0.3, 0.3), rng.uniform(0.3, 0.55)
    head.stroke([(x + 0.1, y + 0.2), (x + 0.5, y + 1.6)], sleeve, 0.36)
    head.fill(oval(x, y + 0.12, 0.36, 0.42), skin)
    for finger in range(4):
        base = x - 0.13 + 0.09 * finger
        head.stroke([(base, y), (base - 0.03, y - 0.24)], shade(skin, 0.94 + 0.03 * (finger % 2)), 0.075)
