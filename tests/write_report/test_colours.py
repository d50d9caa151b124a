"""The colours of digits are told apart, on white and on a dark page, by colour-blind readers too."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import ImageColor

from stages.write_report.colours import DARK_COLOURS, INK, PAPER, digit_colours
from stages.write_report.figures import rendering
from stages.write_report.figures.latents import draw_latents

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # WCAG 2
# Linear RGB as it is seen, by Machado, Oliveira and Fernandes (2009), severity 1; OKLab by Ottosson (2020).
SEEN = {
    "all": np.eye(3),
    "no red": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
CONES = np.array(
    [
        [0.41222147, 0.53633254, 0.05144599],
        [0.2119035, 0.68069955, 0.10739696],
        [0.08830246, 0.28171884, 0.6299787],
    ]
)
OKLAB = np.array(
    [
        [0.21045426, 0.79361779, -0.00407205],
        [1.9779985, -2.42859221, 0.45059371],
        [0.02590404, 0.78277177, -0.80867577],
    ]
)


def linear(colours: list[str]) -> np.ndarray:
    shares = np.array([ImageColor.getrgb(colour) for colour in colours]) / 255
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def on_page(dark: bool) -> tuple[list[str], list[str]]:
    """The colours of digits, and those behind them: the page, and the panel of page.css."""
    light = digit_colours(10)
    if dark:
        return [DARK_COLOURS[colour] for colour in light], [DARK_COLOURS[PAPER], "#202026"]
    return light, [PAPER, "#f5f5f7"]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("reader", "least"), [("all", 13), ("no red", 8), ("no green", 8), ("no blue", 8)])
def test_any_two_digits_have_colours_that_are_told_apart(dark: bool, reader: str, least: float) -> None:
    seen = np.clip(linear(on_page(dark)[0]) @ np.transpose(SEEN[reader]), 0, 1)
    places = 100 * np.cbrt(seen @ CONES.T) @ OKLAB.T
    apart = np.linalg.norm(places[:, None] - places, axis=2)[np.triu_indices(len(places), 1)]
    assert len(apart) == 45 and apart.min() >= least


@pytest.mark.parametrize("dark", [False, True])
def test_dots_stand_out_from_what_is_behind_them(dark: bool) -> None:
    dots, behind = (linear(colours) @ LUMINANCE + 0.05 for colours in on_page(dark))
    ratios = dots[:, None] / behind
    assert np.maximum(ratios, 1 / ratios).min() >= 3


def test_points_drawn_as_pixels_are_there_for_dark_pages_too() -> None:
    points = pd.DataFrame({"epoch": 1, "x": range(10), "y": range(10), "digit": list("0123456789")})
    separation = pd.DataFrame({"epoch": [1], "knn_accuracy": [0.5], "silhouette": [-0.5]})
    picture = rendering.render("", draw_latents, points, separation, True, list("0123456789"))
    images = re.findall(r"<g class='(\w+)'><image[^>]*?(base64,[^']*)'", picture.uri)
    assert [each for each, _ in images] == ["light", "dark"] and images[0][1] != images[1][1]
    assert picture.files["svg"].count(b"<image") == 1, "the file of its own is for white paper"
    assert rendering.adapt_svg(f'<style type="text/css"/><a b="{INK}"/>').count("--c") == 1
