"""The colours of classes, runs and text in every figure and on the page."""

import numpy as np

# Okabe and Ito, Color Universal Design, 2008: colour-blind readers can tell them apart.
BLUE, VERMILLION, GREEN, PURPLE, ORANGE = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"
SKY, YELLOW, GREY = "#56b4e9", "#f0e442", "#8a8a8a"
INK = "#1b1b1f"  # of text and axes; on the page it follows the reader's light or dark mode

SERIES_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GREY)
DIGIT_COLOURS = np.array([BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GREY, YELLOW, "#7a5230", "#7f3fbf"])
MASK_COLOURS = {"bad": VERMILLION, "good": BLUE, "none": ORANGE}
