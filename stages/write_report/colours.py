"""The colours of classes and text in every figure and on the page; those of runs are chosen by evaluate_*."""

from itertools import cycle

import numpy as np

# Okabe and Ito, Color Universal Design, 2008: colour-blind readers can tell them apart. Their yellow can
# hardly be seen on white, and is darker here.
BLUE, VERMILLION, GREEN, PURPLE, ORANGE = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"
SKY, YELLOW, GREY, BROWN, VIOLET = "#56b4e9", "#9a9200", "#8a8a8a", "#7a5230", "#7f3fbf"
INK, PAPER = "#1b1b1f", "#ffffff"  # of text and axes, and behind them

DIGIT_COLOURS = np.array([BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GREY, YELLOW, BROWN, VIOLET])
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
}


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
