"""The colours of classes and text in every figure and on the page; those of runs are chosen by evaluate_*."""

import numpy as np

# Okabe and Ito, Color Universal Design, 2008: colour-blind readers can tell them apart.
BLUE, VERMILLION, GREEN, PURPLE, ORANGE = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"
SKY, YELLOW, GREY, BROWN, VIOLET = "#56b4e9", "#f0e442", "#8a8a8a", "#7a5230", "#7f3fbf"
INK, PAPER = "#1b1b1f", "#ffffff"  # of text and axes, and behind them

DIGIT_COLOURS = np.array([BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GREY, YELLOW, BROWN, VIOLET])
MASK_COLOURS = {"bad": VERMILLION, "good": BLUE, "none": ORANGE}

# What a figure's colours become on a page in dark mode, so that they stand out there too.
DARK_COLOURS = {INK: "#e6e6ea", PAPER: "#16161a", BLUE: "#4aa8e0", BROWN: "#c59a72", VIOLET: "#b38be8"}
