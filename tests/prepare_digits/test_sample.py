"""One picture of a numeral as a sample: paper of any shade, ink anywhere, dust."""

import numpy as np
import pytest
from PIL import Image

from stages.prepare_digits.sample import INK, is_on_light, to_sample

SIZES = [(200, 300), (31, 20), (28, 29), (400, 100), (3000, 4000)]  # height, width


def drawing(size: tuple[int, int], paper: int, ink: int) -> np.ndarray:
    """A solid block of ink off the centre, twice as high as wide in a square picture."""
    height, width = size
    pixels = np.full(size, paper, np.uint8)
    pixels[height // 4 : height * 3 // 4, width // 4 : width // 2] = ink
    return pixels


@pytest.mark.parametrize(("paper", "ink"), [(0, 255), (255, 0), (190, 60), (110, 0), (140, 255)])
@pytest.mark.parametrize("size", SIZES)
def test_the_ink_is_white_centred_and_of_one_length(size: tuple[int, int], paper: int, ink: int) -> None:
    sample = to_sample(drawing(size, paper, ink))
    rows, columns = np.nonzero(sample > 64)
    assert sample.shape == (28, 28) and sample[0, 0] == 0 and sample.max() == 255
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == INK
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert height / width == pytest.approx(2 * size[0] / size[1], rel=0.15)
    for places in (rows, columns):
        assert abs(places.min() + places.max() - 27) <= 1


def test_a_sample_of_the_data_keeps_its_place_and_size() -> None:
    sample = np.zeros((28, 28), np.uint8)
    sample[3:9, 1:5] = np.random.default_rng(0).integers(100, 200, (6, 4))
    assert (to_sample(sample) == sample).all() and (to_sample(255 - sample) == sample).all()


def test_ink_may_fill_the_border_or_most_of_a_picture() -> None:
    """As 13 numerals of TibetanMNIST do, and one of them."""
    ring = np.full((28, 28), 255, np.uint8)
    ring[3:25, 3:25] = 0
    ring[:5, :5] = ring[:5, -5:] = ring[-5:, :5] = ring[-5:, -5:] = 0
    solid = np.full((28, 28), 255, np.uint8)
    solid[:4, :4] = solid[:4, -4:] = solid[-4:, :4] = solid[-4:, -4:] = 0
    solid[8:20, 11:17] = 0
    for sample in (ring, solid):
        assert (to_sample(sample) == sample).all(), "white on black already"
    assert np.median(np.concatenate([ring[0], ring[-1], ring[:, 0], ring[:, -1]])) == 255
    assert solid.mean() > 127


@pytest.mark.parametrize("size", [(64, 64), (350, 350)])
def test_dust_is_not_taken_for_ink(size: tuple[int, int]) -> None:
    clean = drawing(size, 210, 30)
    dusty = clean.copy()
    side = size[0]
    for row, column in ((2, 2), (side - 3, side - 4), (5, side - 6)):
        dusty[row : row + max(1, side // 200), column : column + max(1, side // 200)] = 30
    assert np.abs(to_sample(dusty).astype(int) - to_sample(clean)).max() <= 16


@pytest.mark.parametrize("value", [0, 100, 200, 255])
def test_empty_paper_is_black(value: int) -> None:
    paper = np.full((90, 70), value, np.uint8)
    assert not to_sample(paper).any()
    noise = np.random.default_rng(0).integers(-3, 4, paper.shape)
    assert not to_sample((paper.astype(int) + noise).clip(0, 255).astype(np.uint8)).any()


def test_a_single_line_of_one_pixel_is_ink() -> None:
    line = np.zeros((40, 40), np.uint8)
    line[5:30, 20] = 255
    rows, columns = np.nonzero(to_sample(line))
    assert np.ptp(rows) + 1 == INK and np.ptp(columns) == 0


@pytest.mark.parametrize("number", range(0, 60, 7))
def test_a_picture_and_its_negative_are_one_sample(number: int) -> None:
    rng = np.random.default_rng(number)
    pixels = np.asarray(Image.fromarray(rng.integers(0, 2, (5, 4), np.uint8) * 200).resize((80, 100)))
    pixels = np.pad(pixels, 30) + np.uint8(20)
    assert not is_on_light(pixels) and is_on_light(255 - pixels)
    assert (to_sample(255 - pixels) == to_sample(pixels)).all()
