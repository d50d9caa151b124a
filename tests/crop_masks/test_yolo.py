"""YOLO's label files: boxes with points, polygons, classes as real numbers, files without a photograph."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from pipeline.runtime.errors import InputError
from stages.crop_masks.yolo import tell_points
from tests.crop_masks.conftest import NO_ANNOTATIONS
from tests.crop_masks.test_formats import LABELS, read, yolo
from tests.making import PHOTOGRAPH, Members, photograph, picture_bytes

# A box, and its landmarks as detectors of faces have them: eyes, nose, corners of the mouth.
FACE = "0.8 0.3 0.08 0.12"
LANDMARKS = "0.78 0.28 0.82 0.28 0.8 0.3 0.785 0.33 0.815 0.33"
CORNERS = (486, 115, 538, 173)  # on 640 x 480
LARGE = picture_bytes(photograph(640, 480))
LEFT_OUT = "YOLO lines have a box and {} points of it, which are left out; first: labels/a.txt line 1"

POLYGONS = "YOLO lines are polygons, of which the box around is taken; first: labels/a.txt line 1"


def labels(*lines: str, **more: str) -> Members:
    """A photograph with these lines for labels, and other files."""
    others: Members = {name.replace("_", "."): text for name, text in more.items()}
    return others | {"labels/a.txt": "\n".join(lines) + "\n", "images/a.png": LARGE}


def text(values: list[float]) -> str:
    return " ".join(f"{value:.6f}" for value in values)


VISIBLE = " ".join(f"{pair} 2" for pair in ("0.78 0.28", "0.82 0.28", "0.8 0.3", "0.785 0.33", "0.815 0.33"))
WITH_POINTS = {
    "the issue's": ([f"0 {FACE} {LANDMARKS}"], 1, 5),
    "x, y and visibility": ([f"0 {FACE} {VISIBLE}"], 1, 5),
    "an even count of them": ([f"0 {FACE} {VISIBLE.rsplit(' ', 3)[0]}"], 1, 4),
    "some points missing": ([f"0 {FACE} 0.78 0.28 -1 -1 0 0 0.785 0.33 0.815 0.33"], 1, 5),
    "a box whose points are all missing": ([f"0 {FACE} {LANDMARKS}", f"0 {FACE}" + " -1" * 10], 2, 5),
    "a box alone": ([f"0 {FACE} {LANDMARKS}", f"0 {FACE}"], 1, 5),
    "one of three with a point far away": (
        [f"0 {FACE} {LANDMARKS}"] * 2 + [f"0 {FACE} {LANDMARKS.replace('0.82', '0.1')}"],
        3,
        5,
    ),
}


@pytest.mark.parametrize("case", WITH_POINTS)
def test_a_box_with_points_in_it_is_that_box(case: str) -> None:
    lines, noted, points = WITH_POINTS[case]
    found = read(labels(*lines))
    assert [box.corners for box in found.boxes] == [CORNERS] * len(lines)
    assert found.notes == [f"{noted} {LEFT_OUT.format(points)}"]


@pytest.mark.parametrize("shape", ["[5, 2]", "[5, 3]"])
def test_points_that_a_data_yaml_states_are_left_out(shape: str) -> None:
    """Wherever they lie: 0.1 and so on is a polygon by itself."""
    points = LANDMARKS if shape == "[5, 2]" else VISIBLE
    lines = [f"1 {FACE} {points}", "0 0.5 0.5 0.5 0.5 " + " ".join(["0.1"] * len(points.split()))]
    found = read(labels(*lines, classes_txt="\n".join(LABELS), data_yaml=f"kpt_shape: {shape}\n"))
    assert [(box.label, box.corners) for box in found.boxes] == [
        ("with_mask", CORNERS),
        ("no_mask", (160, 120, 480, 360)),
    ]
    assert found.notes == [f"2 {LEFT_OUT.format(5)}"]


POINTS_FAULTS = {
    "too few, as stated": (
        labels(f"0 {FACE} {LANDMARKS}", f"0 {FACE} 0.1 0.1", data_yaml="kpt_shape: [5, 2]"),
        "labels/a.txt line 2: 6 numbers after the class; a box with 5 points has 14",
    ),
    "none, though stated": (
        labels(f"0 {FACE}", data_yaml="kpt_shape: [5, 2]"),
        "labels/a.txt line 1: 4 numbers after the class; a box with 5 points has 14",
    ),
    "fewer than the others": (
        labels(*[f"0 {FACE} {LANDMARKS}"] * 2, f"0 {FACE} 0.78 0.28 0.82 0.28"),
        "labels/a.txt line 3: 8 numbers after the class; a box with 5 points has 14",
    ),
    "words": (
        labels(f"0 {FACE} {LANDMARKS}", f"0 {FACE} {LANDMARKS.replace('0.815', 'x')}"),
        "labels/a.txt line 2: a point is 'x', not a number",
    ),
    "a count that is neither's": (
        labels("0 0.5 0.5 0.1 0.1 0.93"),
        "labels/a.txt line 1: 5 numbers after the class; a box has 4, a polygon 6, 8 or more; state points "
        "as `kpt_shape` in a data.yaml",
    ),
    "three numbers each, far from the box": (
        labels(f"0 {FACE} 0.1 0.1 2 0.2 0.1 2 0.2 0.2 2"),
        "labels/a.txt line 1: 13 numbers after the class; a box has 4, a polygon 6, 8 or more; state points "
        "as `kpt_shape` in a data.yaml",
    ),
    "no shape": (
        labels(f"0 {FACE} {LANDMARKS}", data_yaml="kpt_shape: 5"),
        "data.yaml: `kpt_shape` is 5; it must be [number of points, 2 or 3]",
    ),
    "four numbers each": (
        labels(f"0 {FACE} {LANDMARKS}", data_yaml="kpt_shape: [5, 4]"),
        "data.yaml: `kpt_shape` is [5, 4]; it must be [number of points, 2 or 3]",
    ),
    "no points": (
        labels(f"0 {FACE}", data_yaml="kpt_shape: [0, 2]"),
        "data.yaml: `kpt_shape` is [0, 2]; it must be [number of points, 2 or 3]",
    ),
    "two shapes": (
        labels(f"0 {FACE}", a_yaml="kpt_shape: [5, 2]", b_yaml="kpt_shape: [5, 3]"),
        "archive: a.yaml, b.yaml state kpt_shape differently; keep one of them",
    ),
}


@pytest.mark.parametrize("case", POINTS_FAULTS)
def test_points_that_do_not_fit_are_refused(case: str) -> None:
    members, message = POINTS_FAULTS[case]
    with pytest.raises(InputError) as error:
        read(members)
    assert str(error.value) == message


def ellipse(x: float, y: float, radius: float, start: int) -> list[float]:
    """Twelve corners around a face, the first at one of twelve angles."""
    angles = [(start + n) * math.pi / 6 for n in range(12)]
    return [each for a in angles for each in (x + radius * math.cos(a), y + 1.3 * radius * math.sin(a))]


def oriented_box(x: float, y: float, radius: float, start: int) -> list[float]:
    """The four corners of a box that is turned by 15 degrees, 30 and so on: YOLO's OBB."""
    a = start * math.pi / 12
    corners = [(-1, -0.7), (1, -0.7), (1, 0.7), (-1, 0.7)]
    turned = [(p * math.cos(a) - q * math.sin(a), p * math.sin(a) + q * math.cos(a)) for p, q in corners]
    return [each for p, q in turned for each in (x + radius * p, y + radius * q)]


def triangle(x: float, y: float, radius: float, start: int) -> list[float]:
    """Three corners, the second far from the others."""
    angles = [start * math.pi / 6 + angle for angle in (0, math.pi, 0.1)]
    return [each for a in angles for each in (x + radius * math.cos(a), y + radius * math.sin(a))]


def notched(x: float, y: float, radius: float, start: int) -> list[float]:
    """A square with a notch to its middle, which comes first, and so far off that no box is as small."""
    del x, y, radius, start
    return [0.5, 0.5, 0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.1, 0.9]


def crescent(x: float, y: float, radius: float, start: int) -> list[float]:
    """Half a ring, its middle not in it, from one of the outer corners."""
    outer = [(math.cos(n * math.pi / 11), math.sin(n * math.pi / 11)) for n in range(12)]
    inner = [(0.6 * p, 0.6 * q) for p, q in reversed(outer)]
    corners = outer[start:] + inner + outer[:start]
    return [each for p, q in corners for each in (x + radius * p, y + radius * q)]


@pytest.mark.parametrize("draw", [ellipse, oriented_box, triangle, notched, crescent])
@pytest.mark.parametrize("faces", [[(0.5, 0.5, 0.3)], [(0.3, 0.3, 0.1), (0.6, 0.55, 0.05), (0.85, 0.4, 0.1)]])
def test_polygons_and_oriented_boxes_are_no_boxes_with_points(
    draw: Callable[..., list[float]], faces: list[tuple[float, float, float]]
) -> None:
    """Whichever corner comes first; the box beside them is one too."""
    for start in range(12):
        drawn = [draw(*face, start) for face in faces]
        found = read(labels(*[f"0 {text(values)}" for values in drawn], "0 0.5 0.5 0.25 0.5"))
        around = [
            (min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2])) for values in drawn
        ]
        expected = [tuple(np.round(np.multiply(box, (640, 480, 640, 480)), 2)) for box in around]
        for box, right in zip(found.boxes, [*expected, (240, 120, 400, 360)], strict=True):
            assert box.corners == pytest.approx(right, abs=0.51)
        assert found.notes == [f"{len(faces)} {POLYGONS}"]


def drawn_face(rng: np.random.Generator, closeup: bool) -> list[float]:
    """A box and five landmarks with the spread that hand-drawn ones have."""
    width = rng.uniform(0.3, 0.6) if closeup else rng.uniform(0.02, 0.2)
    height = min(0.9, width * rng.uniform(1, 1.4))
    x, y = (0.5, 0.5) if closeup else (rng.uniform(width / 2, 1 - width / 2) for _ in range(2))
    marks = np.array([[-0.2, -0.08], [0.2, -0.08], [0, 0.08], [-0.17, 0.28], [0.17, 0.28]])
    marks = (marks + rng.normal(0, 0.03, (5, 2))) * (width, height) + (x, y)
    return [x, y, width, height, *marks.ravel()]


def drawn_polygon(rng: np.random.Generator, closeup: bool) -> list[float]:
    """The outline of a face, of 5 to 30 corners, any of them first."""
    count = int(rng.integers(5, 30))
    radius = 0.3 if closeup else rng.uniform(0.02, 0.2)
    x, y = (0.5, 0.5) if closeup else rng.uniform(radius, 1 - radius, 2)
    angles = np.sort(rng.uniform(0, 2 * np.pi, count))
    away = radius * rng.uniform(0.7, 1, count)
    return np.stack([x + away * np.cos(angles), y + away * np.sin(angles)], axis=-1).ravel().tolist()


@pytest.mark.parametrize("closeup", [False, True])
def test_most_lines_of_either_kind_are_told_by_themselves(closeup: bool) -> None:
    rng = np.random.default_rng(0)
    faces = [tell_points(drawn_face(rng, closeup)) for _ in range(400)]
    polygons = [tell_points(drawn_polygon(rng, closeup)) for _ in range(400)]
    assert faces.count((5, 2)) > 320 and polygons.count(None) > 320


SHARES = {
    "0 -0.5 0.5 1.5 1": (-800, 0, 160, 480),
    "0 1.5 0.5 1.5 1": (480, 0, 1440, 480),
    "0 -0.501 0.5 1.5 1": None,
    "0 1.501 0.5 1.5 1": None,
    "0 0.5 0.5 1.501 1": None,
    "0 0.5 -0.501 1 1.5": None,
    "0 -0.5 0 0.5 0 0.5 1.5": (-320, 0, 320, 720),
    "0 -0.501 0 0.5 0 0.5 1.5": None,
}


@pytest.mark.parametrize("line", SHARES)
def test_a_share_may_be_half_a_photograph_outside(line: str) -> None:
    """It is the same for polygons; anything further is taken for pixels."""
    if corners := SHARES[line]:
        assert [box.corners for box in read(labels(line)).boxes] == [corners]
    else:
        with pytest.raises(
            InputError, match="^labels/a.txt line 1: .* are no shares of width and height, from"
        ):
            read(labels(line))


def test_a_width_below_zero_is_no_box() -> None:
    with pytest.raises(
        InputError, match=r"^labels/a.txt line 1: the box from \(384, 192\) to \(256, 288\) has"
    ):
        read(labels("0 0.5 0.5 -0.2 0.2"))


@pytest.mark.parametrize("number", ["1", "1.0", "1.000000e+00", "1.000000000000000000e+00", "01", "+1"])
def test_a_class_may_be_written_as_a_real_number(number: str) -> None:
    found = read(labels(f"{number} 5.0e-01 5.0e-01 2.5e-01 5.0e-01", classes_txt="\n".join(LABELS)))
    assert [(box.label, box.corners) for box in found.boxes] == [("with_mask", (240, 120, 400, 360))]


@pytest.mark.parametrize("number", ["1.5", "1_0", "nan", "inf"])
def test_what_is_no_number_of_a_class_stays_as_it_is(number: str) -> None:
    found = read(labels("0 0.5 0.5 0.25 0.5", f"{number} 0.5 0.5 0.25 0.5"))
    assert [box.label for box in found.boxes] == ["0", number]


@pytest.mark.parametrize("start", ["\ufeff", "\ufeff\r\n", "\n\n", "  "])
def test_labels_are_found_behind_a_byte_order_mark_and_empty_lines(start: str) -> None:
    members: Members = {"labels/a.txt": f"{start}0 0.5 0.5 0.25 0.5\r\n", "images/a.png": LARGE}
    (box,) = read(members).boxes
    assert (box.label, box.corners) == ("0", (240, 120, 400, 360))


HELPERS: Members = {
    "classes.txt": "no_mask\nwith_mask\n",
    "README.txt": "1 photograph in all, of 2 classes\n",
    "README.dataset.txt": "0.1 of this and 0.2 of that\n",
    "requirements.txt": "numpy==2.4.6\n",
    "train.txt": "images/a.png\nimages/b.png\n",
    "LICENSE.txt": "",
    "matrix.txt": "1 0 0 0 0\n0 1 0 0 0\n",
    "ones.txt": "1 1 1 1 1\n",
    "weights.txt": "3 0.5 0.25 0 0.25\n",
    "pixels.txt": "0 120.5 33 50 60\n",
    "results.txt": "0/2 1.9G 0.04 0.03 0.02 0.1 9 640\n",
    "empty/labels.txt": "\n",
}


def test_label_files_without_a_photograph_are_faults_and_other_texts_are_not() -> None:
    good = yolo("labels/{name}.txt", "images/{name}.png") | HELPERS
    assert len(read(good).boxes) == 5
    lost: Members = {f"labels/lost_{n:02}.txt": "0.0 0.5 0.5 0.25 0.5\n" for n in range(24)}
    with pytest.raises(InputError) as error:
        read(good | lost)
    lines = str(error.value).split("\n  ")
    assert lines == [
        "24 faults:",
        *[f"labels/lost_{n:02}.txt: there is no photograph 'lost_{n:02}' in the archive" for n in range(20)],
        "and 4 more",
    ]


def test_a_data_set_without_its_photographs_says_so() -> None:
    with pytest.raises(InputError) as error:
        read({"labels/a.txt": "\ufeff0 0.5 0.5 0.25 0.5\n", "labels/b.txt": "0 0.5 0.5 0.25 0.5\n"})
    assert str(error.value) == (
        f"archive {NO_ANNOTATIONS}2 .txt (labels/a.txt, ...). 2 text files hold boxes as YOLO has them, and "
        "no photograph has their name; first: labels/a.txt"
    )


def test_of_two_photographs_the_one_with_the_very_name_is_taken() -> None:
    members: Members = dict.fromkeys(["my face.png", "my%20face.png", "MY FACE.png"], PHOTOGRAPH)
    for name in members:
        found = read(members | {name.replace(".png", ".txt"): "0 0.5 0.5 0.25 0.5\n"})
        assert [box.photograph for box in found.boxes] == [name]
