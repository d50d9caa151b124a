"""What is seen at a glance: every value of the report, a face of each class, the layers of a network."""

from base64 import b64encode
from collections import Counter
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from pipeline.common.digits import SIDE
from stages.write_report.figures.photographs import cut_faces
from stages.write_report.findings import MEANINGS
from stages.write_report.results import Results
from stages.write_report.tables import verdict_words

FARTHEST = 2.8  # tolerances between two values, beyond which a dot stands at the edge
FACE = 44  # pixels


class Dot(NamedTuple):
    """A value of the report in the figure of all: `place` is ours less the report's in tolerances, at most
    FARTHEST; dots in one place stand beside each other in `row`.
    """

    place: float
    row: float
    verdict: str
    title: str


def list_dots(claims: pd.DataFrame) -> list[tuple[str, list[Dot]]]:
    """The values of each table and figure that have a tolerance."""
    rows = claims[(claims.kind == "value") & (claims.tolerance > 0) & claims.ours.notna()]
    found = []
    for where, of_table in rows.groupby("where", sort=False):
        dots, taken = [], Counter[float]()
        for _, row in of_table.iterrows():
            away = (row.ours - row.report) / row.tolerance
            place = round(float(np.clip(away, -FARTHEST, FARTHEST)), 1)
            beside, taken[place] = taken[place], taken[place] + 1
            title = f"{row.sentence}; ours {row.ours:.4g}: {verdict_words(row.verdict)}"
            dots.append(
                Dot(place, (1 if beside % 2 else -1) * min((beside + 1) // 2 * 3, 8), row.verdict, title)
            )
        found.append((str(where), dots))
    return found


def face_of_each_class(results: Results) -> dict[str, dict[str, str]]:
    """By class of part 2 its meaning, and as a small picture the first test crop of it that the final network
    has right, or else the first.
    """
    faces = {}
    for name in results.mask_classes:
        rows = results.boxes[(results.boxes.label == name) & (results.boxes.split == "test")]
        shown = results.crops.get("test")
        if shown is not None and (right := shown[(shown.truth == name) & (shown.predicted == name)]).size:
            rows = right
        faces[name] = {
            "meaning": MEANINGS.get(name, ""),
            "uri": small_picture(cut_faces(rows.iloc[:1])[0]) if len(rows) else "",
        }
    return faces


def small_picture(crop: Image.Image) -> str:
    """A crop as a square JPEG in a data: address."""
    file = BytesIO()
    ImageOps.fit(crop, (FACE, FACE)).save(file, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}"


def layers_of_mlp(settings: dict[str, Any], classes: int) -> list[list[str]]:
    """The layers of an MLP, each in a few words."""
    hidden = [[f"{units}", f"{settings['activation']} units"] for units in settings["hidden"]]
    return [[f"{SIDE} × {SIDE}", "pixels"], *hidden, [str(classes), "classes"]]


def layers_of_cnn(settings: dict[str, Any], side: int, classes: int) -> list[list[str]]:
    """The layers of a CNN: what goes in, each convolution with pooling, and what is left of its maps."""
    side = 2 * side if settings["crops"] == "large" else side
    layers, size = [[f"{side} × {side}", "pixels, RGB"]], side
    filters = f"{settings['filter']} × {settings['filter']}"
    for maps in settings["channels"]:
        size = ((size + 2 * settings["padding"] - settings["filter"]) // settings["stride"] + 1) // 2
        layers.append([f"{maps} filters", f"{filters}, ReLU", f"pooled to {size} × {size}"])
    layers += [[str(units), "ReLU units"] for units in settings["head"]]
    return [*layers, [str(classes), "classes"]]
