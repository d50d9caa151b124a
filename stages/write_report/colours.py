"""The colours of classes and text in every figure and on the page; those of runs are chosen by evaluate_*."""

from colorsys import hls_to_rgb
from itertools import cycle

from matplotlib.colors import to_hex

# Okabe and Ito, Color Universal Design, 2008: colour-blind readers can tell them apart. Their yellow can
# hardly be seen on white, and is darker here.
BLUE, VERMILLION, GREEN, PURPLE, ORANGE = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"
SKY, YELLOW, GREY, BROWN, VIOLET = "#56b4e9", "#9a9200", "#8a8a8a", "#7a5230", "#7f3fbf"
INK, PAPER = "#1b1b1f", "#ffffff"  # of text and axes, and behind them

# The colour of each digit on white, and on a dark page. In OKLab, where white and black are 100 apart, any
# two are at least 8 apart for readers blind to red, green or blue (Machado and others, 2009), and 13 for
# others. Each has a contrast of at least 3 to what is behind it.
DIGITS_IN_THE_DARK = {
    "#1e57fd": "#0187cd",
    "#8e0306": "#e74501",
    "#16765f": "#57ba93",
    "#720483": "#dc4ffb",
    "#8e5801": "#dfa017",
    "#2498c3": "#7cefff",
    "#484848": "#877c77",
    "#759101": "#d9fa43",
    "#ab8673": "#fecdb1",
    "#7b58ae": "#caa4f7",
}
# Those of more classes than ten: hues, each a golden section after the one before, so that neighbours differ.
HUES_IN_THE_DARK = {
    to_hex(hls_to_rgb(0.618 * number, 0.4, 0.75)): to_hex(hls_to_rgb(0.618 * number, 0.66, 0.75))
    for number in range(100)
}
MASK_COLOURS = {"bad": VERMILLION, "good": BLUE, "none": ORANGE}
OTHER_COLOURS = (GREEN, PURPLE, SKY, BROWN, VIOLET, YELLOW, GREY, VERMILLION, BLUE, ORANGE)

# What a figure's colours become on a page in dark mode, so that they stand out there too.
DARK_COLOURS = {
    INK: "#e6e6ea",
    PAPER: "#16161a",
    BLUE: "#4aa8e0",
    BROWN: "#c59a72",
    VIOLET: "#b38be8",
    YELLOW: "#f0e442",
    SKY: "#a8e1ff",
    **DIGITS_IN_THE_DARK,
    **HUES_IN_THE_DARK,
}


def digit_colours(classes: int) -> list[str]:
    """The colour of each of so many classes of part 1, on white."""
    return list(DIGITS_IN_THE_DARK if classes <= len(DIGITS_IN_THE_DARK) else HUES_IN_THE_DARK)[:classes]


def mask_colours(classes: list[str]) -> dict[str, str]:
    """The colour of each class of part 2; beyond ten classes of other names they are used again.

    >>> mask_colours(["bad", "visor"])
    {'bad': '#d55e00', 'visor': '#009e73'}
    """
    others = cycle(OTHER_COLOURS)
    return {name: MASK_COLOURS.get(name) or next(others) for name in classes}


def readable_on(colour: str) -> str:
    """Black or white, whichever has more contrast on a colour (relative luminance, WCAG 2).

    >>> readable_on(BLUE), readable_on(ORANGE)
    ('white', 'black')
    """
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.03928 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "white" if luminance < 0.179 else "black"
