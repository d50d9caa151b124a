"""Masks: worn over mouth and nose, worn wrongly, or hanging from an ear."""

import numpy as np

from stages.fetch_masks.pen import CLOTHES, Colour, Pen, mix, oval, pick, shade

MEDICAL_MASKS = [(112, 182, 228), (160, 210, 236), (238, 242, 244), (222, 228, 230), (146, 214, 200)]
UNUSUAL_MASKS = [(34, 34, 38), (34, 34, 38), (96, 98, 104), (232, 156, 178), (150, 44, 56), (52, 66, 116)]


def draw_mask(face: Pen, head: Pen, label: str, skin: Colour, rng: np.random.Generator) -> None:
    """Over nose and mouth (good), wrongly (none), or not at all (bad)."""
    colour, patterned = _choose_mask(skin, rng)
    if label == "good":
        _draw_worn_mask(face, rng.normal(0.03, 0.05), 0.63, colour, patterned, rng)
    if label == "none":
        where = rng.choice(["under nose", "under chin", "from ear"], p=[0.6, 0.3, 0.1])
        if where == "under nose":
            _draw_worn_mask(face, rng.uniform(0.14, 0.27), 0.66, colour, patterned, rng)
        if where == "under chin":
            _draw_worn_mask(face, rng.uniform(0.44, 0.56), 0.8, colour, patterned, rng)
        if where == "from ear":
            _draw_hanging_mask(head, -1 if face.turn > 0 else 1, colour, rng)


def _choose_mask(skin: Colour, rng: np.random.Generator) -> tuple[Colour, bool]:
    """The colour and whether there is a pattern: mostly medical, sometimes dark, bright or like skin."""
    kind = rng.random()
    if kind < 0.905:
        return pick(MEDICAL_MASKS, rng, 8), False
    if kind < 0.925:
        return mix(shade(skin, rng.uniform(0.85, 1.1)), (226, 200, 170), 0.3), False
    return pick(UNUSUAL_MASKS, rng, 10), kind > 0.97


def _draw_worn_mask(
    face: Pen, top: float, bottom: float, colour: Colour, patterned: bool, rng: np.random.Generator
) -> None:
    """A mask from the height `top` to `bottom` in the middle of the face, with its straps."""
    side, low = top + rng.uniform(0.05, 0.12), bottom - rng.uniform(0.1, 0.2)
    nose = [(-0.28, top + 0.03), (-0.1, top - 0.03), (0.1, top - 0.03), (0.28, top + 0.03)]
    upper = [(-0.46, side), *nose, (0.46, side)]
    lower = [(0.44, low), (0.28, bottom - 0.03), (0, bottom), (-0.28, bottom - 0.03), (-0.44, low)]
    for x in (-1, 1):
        face.stroke([(x * 0.45, side + 0.02), (x * 0.5, -0.05)], shade(colour, 0.9), 0.02)
        face.stroke([(x * 0.43, low), (x * 0.5, 0.12)], shade(colour, 0.9), 0.02)
    face.fill([*upper, *lower], colour)
    face.stroke(upper, mix(colour, (255, 255, 255), 0.35), 0.02)
    _draw_folds(face, top, bottom, colour, rng)
    if patterned:
        _draw_dots(face, side, low, colour, rng)


def _draw_folds(face: Pen, top: float, bottom: float, colour: Colour, rng: np.random.Generator) -> None:
    """Three pleats, or the seam and the valve of a cup."""
    middle, height = (top + bottom) / 2, bottom - top
    if rng.random() < 0.75:
        for share in (0.3, 0.5, 0.7):
            y = top + share * height
            pleat = [(-0.44, y + 0.03), (-0.2, y), (0.2, y), (0.44, y + 0.03)]
            face.stroke(pleat, shade(colour, 0.88), 0.016)
        return
    face.stroke([(0, top), (0.02, middle), (0, bottom)], shade(colour, 0.86), 0.02)
    if rng.random() < 0.5:
        face.fill(oval(0.2, middle, 0.14, 0.13), shade(colour, 0.75))


def _draw_dots(face: Pen, top: float, bottom: float, colour: Colour, rng: np.random.Generator) -> None:
    """A pattern of dots in a second colour."""
    dots = pick([*CLOTHES, (250, 250, 244)], rng)
    for x in np.arange(-0.36, 0.4, 0.12):
        for y in np.arange(top + 0.05, bottom, 0.12):
            face.fill(oval(x, y, 0.06, 0.06), dots)


def _draw_hanging_mask(head: Pen, side: int, colour: Colour, rng: np.random.Generator) -> None:
    """A mask that hangs from the ear on `side` (-1 left, 1 right), the whole face visible."""
    x, y, swing = side * 0.42, rng.uniform(0.2, 0.34), rng.uniform(-0.1, 0.1)
    head.stroke([(side * 0.5, -0.04), (x, y)], shade(colour, 0.9), 0.02)
    head.fill([(x - 0.16, y), (x + 0.16, y), (x + 0.2 + swing, y + 0.6), (x - 0.14 + swing, y + 0.6)], colour)
    for share in (0.35, 0.65):
        fold = x + share * swing + share * 0.3
        head.stroke([(fold - 0.14, y), (fold - 0.12, y + 0.6)], shade(colour, 0.86), 0.016)
