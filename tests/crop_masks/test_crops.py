"""Cutting: crops by hand and against a plain re-implementation, PyTorch and torchvision; their files."""

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms

from stages.crop_masks import crops
from stages.crop_masks.boxes import Box, clip
from stages.crop_masks.crops import pool, resize
from tests.making import gradient


@pytest.mark.parametrize(
    ("box", "area"),
    [
        ((0, 0, 20, 25), (0, 0, 20, 25)),
        ((3, 4, 5, 6), (3, 4, 5, 6)),
        ((-5, 2, 10, 30), (0, 2, 10, 25)),
        ((-100, -100, 100, 100), (0, 0, 20, 25)),
        ((19, 24, 20, 25), (19, 24, 20, 25)),
        ((20, 0, 30, 5), None),
        ((0, 25, 5, 30), None),
        ((-9, 0, 0, 5), None),
        ((0, -9, 5, 0), None),
    ],
)
def test_clip_by_hand_in_a_photograph_20_wide_and_25_high(
    box: tuple[int, int, int, int], area: tuple[int, int, int, int] | None
) -> None:
    assert clip(box, 20, 25) == area


coordinates = st.integers(-12, 24)


@given(st.tuples(coordinates, coordinates, coordinates, coordinates), st.integers(1, 12), st.integers(1, 12))
def test_a_crop_holds_the_pixels_of_the_photograph_that_lie_in_the_box(
    box: tuple[int, int, int, int], width: int, height: int
) -> None:
    left, top, right, bottom = box
    pixels = gradient(width, height)
    # Plainly: look at every pixel and ask whether it is in the box.
    inside = [
        [pixels[y, x].tolist() for x in range(width) if left <= x < right]
        for y in range(height)
        if top <= y < bottom
    ]
    area = clip(box, width, height)
    if not any(inside):
        assert area is None
    else:
        assert np.asarray(Image.fromarray(pixels).crop(area)).tolist() == inside


@pytest.mark.parametrize(("height", "width"), [(64, 64), (64, 96), (5, 7), (1, 1), (33, 100)])
def test_pooling_takes_the_mean_of_each_of_the_cells(height: int, width: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    pooled = pool(Image.fromarray(pixels), 32)
    assert pooled.dtype == np.float32 and pooled.shape == (3, 32, 32)
    for row, column in [(0, 0), (7, 30), (31, 31)]:
        rows = slice(row * height // 32, -(-(row + 1) * height // 32))
        columns = slice(column * width // 32, -(-(column + 1) * width // 32))
        mean = pixels[rows, columns].mean(axis=(0, 1)) / 255
        assert pooled[:, row, column] == pytest.approx(mean, abs=1e-6)


@given(st.integers(1, 90), st.integers(1, 90), st.integers(2, 40), st.integers(0, 9))  # 1: PyTorch's mean
@example(400, 300, 32, 0)
@example(1, 1, 32, 0)
def test_pooling_has_the_bytes_of_pytorch(height, width, side, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    expected = torch.nn.AdaptiveAvgPool2d(side)(torch.from_numpy(pixels).permute(2, 0, 1).float() / 255)
    assert pool(Image.fromarray(pixels), side).tobytes() == expected.numpy().tobytes()


def test_resizing_keeps_colours_and_sides_apart() -> None:
    pixels = np.zeros((10, 40, 3), np.uint8)
    pixels[:5, :, 0] = 200  # upper half red
    pixels[:, 20:, 2] = 100  # right half blue
    resized = resize(Image.fromarray(pixels), 8)
    assert resized.dtype == np.uint8 and resized.shape == (3, 8, 8)
    assert resized[:, 0, 0].tolist() == [200, 0, 0]
    assert resized[:, 7, 7].tolist() == [0, 0, 100]


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (50, 3), (8, 8), (8, 9), (33, 71), (640, 480)])
def test_resizing_is_that_of_torchvision(size):
    crop = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8))
    expected = np.asarray(transforms.Resize((8, 8))(crop))
    assert np.array_equal(resize(crop, 8), expected.transpose(2, 0, 1))


def test_batches_hold_each_photograph_once_with_the_number_of_its_first_crop() -> None:
    names = [f"{n % 40}.png" for n in range(100)]  # 20 photographs with three boxes, 20 with two
    label = names[39]  # a text that comes before, as something else
    boxes = [Box("train", name, label, "x.csv", (0, 0, n + 1, 1), None, n) for n, name in enumerate(names)]
    batches = crops.batches(boxes)
    assert [len(batch) for batch in batches] == [16, 16, 8]
    numbered = [
        (first + n, box) for batch in batches for first, group in batch for n, box in enumerate(group)
    ]
    assert [number for number, _ in numbered] == list(range(100))
    assert [group[0].photograph for batch in batches for _, group in batch] == names[:40]
    assert [box.photograph for _, box in numbered[:7]] == ["0.png"] * 3 + ["1.png"] * 3 + ["2.png"]
    assert sorted(box.corners for _, box in numbered) == [box.corners for box in boxes]


@pytest.mark.parametrize(
    ("photograph", "stem"),
    [
        ("images/a.b.jpg", "a_b"),
        ("IMG_9-Z.png", "IMG_9-Z"),
        ("x/<b>\n'\"&ü.png", "_b_"),
        ("..png", "_"),
        ("a" * 300 + ".png", "a" * 80),
    ],
)
def test_file_names_are_safe_everywhere(photograph: str, stem: str) -> None:
    assert crops.safe_stem(photograph).rstrip("_") == stem.rstrip("_")
