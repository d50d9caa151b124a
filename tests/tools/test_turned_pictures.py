"""Photographs that a camera stored lying on their side, as tools.classify sees and draws them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.crop_masks.crops import resize
from tests.making import HEADER, TURNED_RIGHT, exif, photograph, picture_bytes, put
from tools.classify import draw, faces

ABOUT = {"crops": "resized", "side": 16}
STORED = photograph(60, 40)
SEEN = STORED.transpose(Image.Transpose.ROTATE_270)


@pytest.mark.parametrize(
    ("row", "seen", "area"),
    [
        ("", SEEN, None),  # the whole picture is the face
        ("a.png,,,good,5,10,30,50\n", SEEN, (5, 10, 30, 50)),
        ("a.png,40,60,good,5,10,30,50\n", SEEN, (5, 10, 30, 50)),
        ("a.png,60,40,good,5,10,50,30\n", STORED, (5, 10, 50, 30)),
    ],
    ids=["whole", "no size", "as turned", "as stored"],
)
def test_a_face_is_cut_and_drawn_where_the_pipeline_cuts_it(
    tmp_path: Path, row: str, seen: Image.Image, area: tuple[int, int, int, int] | None
) -> None:
    put(tmp_path / "faces/a.png", picture_bytes(STORED, exif=exif(TURNED_RIGHT)))
    if row:
        put(tmp_path / "faces/boxes.csv", (HEADER + row).encode())
    (item,) = faces(tmp_path / "faces", ABOUT, "auto", skip_invalid=False)
    assert item.area == area
    assert np.array_equal(item.pixels, resize(seen.crop(area) if area else seen, 16))
    table = pd.DataFrame({"picture": ["a.png"], "class": ["good"], "good": [0.9], "bad": [0.1]})
    assert draw(tmp_path / "faces", [item], table, ["good", "bad"], tmp_path / "out") == 1
    width, height = Image.open(tmp_path / "out/00000_a.jpg").size
    assert (width > height) == (seen.width > seen.height)
