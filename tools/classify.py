"""Use a trained network on pictures.

    python -m tools.classify MODEL SOURCE [--csv] [--draw FOLDER]

MODEL is the folder of a run, as models/mlp/final or what `dvc get` brings, or a weights' file in it. An MLP
takes a picture of one numeral, or a folder of them, of any size, ink on paper or paper on ink. A CNN takes a
picture that is a face, a folder of them, or photographs with boxes in any format that the pipeline reads.
Prints the class and the probabilities of each; --csv prints them as CSV, --draw writes the pictures with
their boxes and classes into a folder.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.common.settings import InputError
from pipeline.digits.drawing import to_sample
from pipeline.masks import geometry
from pipeline.masks.annotations import FORMATS, read_annotations
from pipeline.masks.boxes import Box, by_photograph
from pipeline.masks.dataset import DataSet
from pipeline.masks.orientation import turn
from pipeline.report.colours import mask_colours
from pipeline.report.figures.photographs import Face, draw_photograph
from pipeline.sources.archives import PICTURES, Archive, Folder, file_names, read_file, suffix, with_suffix
from pipeline.sources.folders import open_source
from pipeline.sources.pictures import open_drawing, open_picture
from pipeline.training.networks import Network, load_network


class Item(NamedTuple):
    """One sample: its photograph or picture, its box there, and what the network takes of it."""

    picture: str
    box: geometry.Area | None  # left, top, right, bottom; None where the picture is the sample
    pixels: np.ndarray


def open_pictures(source: Path) -> tuple[Archive, list[str]]:
    """A folder, an archive or a single picture, and the names of its pictures."""
    if source.is_file() and suffix(source.name) in PICTURES:
        return Folder(source.parent, [source.name]), [source.name]
    if not source.exists():
        raise InputError(f"there is no {source}")
    archive = open_source(source)
    return archive, with_suffix(file_names(archive), PICTURES)


def numerals(source: Path) -> Iterator[Item]:
    """The pictures of a source, as an MLP takes them."""
    archive, names = open_pictures(source)
    for name in names:
        yield Item(name, None, to_sample(open_drawing(read_file(archive, name), name)))


def faces(source: Path, about: dict[str, object]) -> Iterator[Item]:
    """The boxes of a source with annotations, or else its pictures, as a CNN takes them."""
    archive, names = open_pictures(source)
    side, cut = int(str(about["side"])), geometry.pool if about["crops"] == "own_size" else geometry.resize
    data = DataSet(archive)
    if any(form.find(data) for form in FORMATS.values()):
        for group in by_photograph(read_annotations(archive).boxes):
            photograph = open_boxed(archive, group[0])
            for box in group:
                area = geometry.clip(box.corners, *photograph.size)
                assert area is not None, "read_annotations leaves no box outside of its photograph"
                yield Item(box.photograph, area, cut(photograph.crop(area), side))
        return
    for name in names:
        yield Item(name, None, cut(open_picture(read_file(archive, name), name), side))


def open_boxed(archive: Archive, box: Box) -> Image.Image:
    """A photograph as its boxes were drawn on it."""
    stored = open_picture(read_file(archive, box.photograph), box.photograph)
    return turn(stored) if box.turned else stored


def classify(network: Network, items: list[Item]) -> pd.DataFrame:
    """A row for each sample: picture, box, class, and the probability of each class."""
    probabilities = network.probabilities(np.stack([item.pixels for item in items]))
    table = pd.DataFrame({"picture": [item.picture for item in items]})
    if any(item.box for item in items):
        table["box"] = [" ".join(map(str, item.box or ())) for item in items]
    table["class"] = np.array(network.classes)[probabilities.argmax(axis=1)]
    return table.join(pd.DataFrame(probabilities, columns=network.classes))


def draw(source: Path, items: list[Item], table: pd.DataFrame, classes: list[str], folder: Path) -> int:
    """Write each picture with its boxes, or a box around it, into a folder; how many there are."""
    archive, _ = open_pictures(source)
    colours = mask_colours(classes)
    turned = {}
    if "box" in table:
        turned = {box.photograph: box for box in read_annotations(archive).boxes}
    names = list(dict.fromkeys(table.picture))
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        picture = (
            open_boxed(archive, turned[name])
            if name in turned
            else open_picture(read_file(archive, name), name)
        )
        shown = []
        for row, item in zip(table.to_dict("records"), items, strict=True):
            if item.picture == name:
                found = str(row["class"])
                shown.append(
                    Face(
                        item.box or (0, 0, *picture.size),
                        f"{found} {row[found]:.0%}",
                        colours.get(found, "#0072b2"),
                    )
                )
        draw_photograph(picture, shown).save(folder / f"{number:05}_{Path(name).stem}.jpg", quality=90)
    return len(names)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser("python -m tools.classify", description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path, help="a run's folder, as models/mlp/final, or a weights' file")
    parser.add_argument("source", type=Path, help="a picture, or a folder or zip of pictures")
    parser.add_argument("--csv", action="store_true", help="print CSV, with all digits")
    parser.add_argument(
        "--draw", type=Path, metavar="FOLDER", help="write the pictures with boxes and classes"
    )
    given = parser.parse_args(arguments)
    try:
        network = load_network(given.model)
        of_mlp = network.about["kind"] == "mlp"
        items = list(numerals(given.source) if of_mlp else faces(given.source, network.about))
        if not items:
            raise InputError(f"{given.source} holds no picture")
        table = classify(network, items)
        print(
            table.to_csv(index=False) if given.csv else table.to_string(index=False, float_format="%.3f"),
            end="" if given.csv else "\n",
        )
        if given.draw:
            count = draw(given.source, items, table, network.classes, given.draw)
            print(f"{count} pictures are in {given.draw}", file=sys.stderr)
    except InputError as error:
        sys.exit(f"classify: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
