"""Use a trained network on pictures.

    python -m tools.classify MODEL SOURCE [--csv] [--draw FOLDER] [--annotations csv] [--invalid-boxes skip]

MODEL is the folder of a run, such as models/mlp/final or what `dvc get` brings, of which replicate 0 is used,
or a weights file in it, such as models/mlp/final/replicate_1.safetensors. An MLP takes a picture of one
numeral, or a folder of them, of any size, dark on light or light on dark, or arrays as the pipeline reads
them. A CNN takes a picture of one face, a folder of them, or photographs with boxes in any format that the
pipeline reads. Prints the class and the probabilities of each; --csv prints them as CSV, --draw writes the
pictures with their boxes and classes into a folder. --annotations and --invalid-boxes take the values of the
settings of these names in params.yaml, under `crop_masks`.
"""

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.common.runs import name_of_weights
from pipeline.runtime.errors import InputError, shorten
from pipeline.sources.archives import PICTURES, Archive, Folder, file_names, read_file, suffix, with_suffix
from pipeline.sources.folders import open_source
from pipeline.sources.orientation import open_photograph
from pipeline.sources.pictures import open_drawing
from stages.crop_masks.annotations import FORMATS, holds_annotations, read_annotations
from stages.crop_masks.boxes import Area, Box, by_photograph, clip
from stages.crop_masks.crops import pool, resize
from stages.prepare_digits.arrays import Stored, to_grey, value_of_white
from stages.prepare_digits.formats import read_arrays
from stages.prepare_digits.sample import to_sample
from stages.write_report.colours import mask_colours
from stages.write_report.figures.photographs import Face, draw_photograph
from tools.networks import Network, load_network


class Item(NamedTuple):
    """One sample: its picture, its box there, and what the network takes of it."""

    picture: str
    box: Box | None  # None where the picture is the sample
    area: Area | None  # the part of the box within the picture
    pixels: np.ndarray


def open_pictures(source: Path, masks: bool) -> tuple[Archive, list[str]]:
    """A folder, an archive or a single picture, and the names of its pictures; `masks` as in open_source."""
    if source.is_file() and suffix(source.name) in PICTURES:
        return Folder(source.parent, [source.name]), [source.name]
    if not source.exists():
        raise InputError(f"there is no {source}")
    archive = open_source(source, masks)
    return archive, with_suffix(file_names(archive), PICTURES)


def numerals(source: Path, prepared: dict[str, Any]) -> Iterator[Item]:
    """The images in arrays, or the pictures, of a source, as an MLP takes them; `prepared` is how those that
    it was trained on were made.
    """
    archive, names = open_pictures(source, masks=False)
    if names:
        for name in names:
            pixels = np.asarray(open_drawing(read_file(archive, name), name))
            yield Item(name, None, None, to_sample(pixels))
        return
    found, _ = read_arrays(source)
    assert found is not None, "there are no pictures"
    white = white_of(found.sets, prepared["white"], source.name)
    for split, stored in found.sets.items():
        for row, image in enumerate(stored.images):
            yield Item(f"{split} {row}".strip(), None, None, to_sample(to_grey(image, white)))


def white_of(sets: dict[str, Stored], trained: int, name: str) -> int:
    """The value of white in arrays, for a network that was `trained` on those with that value: the same,
    unless there are larger ones. A few arrays may not reach it.
    """
    own, full = value_of_white(sets, name), (1, 255)
    if own == 1:
        return own
    return 255 if trained in full else max(own, trained)


def faces(source: Path, about: dict[str, Any], wanted: str, skip_invalid: bool) -> Iterator[Item]:
    """The boxes of a source with annotations, or else its pictures, as a CNN takes them.

    `wanted` and `skip_invalid` are as in read_annotations().
    """
    archive, names = open_pictures(source, masks=True)
    cut = partial(pool if about["crops"] == "own_size" else resize, side=about["side"])
    if wanted != "folders" and holds_annotations(archive):
        read = read_annotations(archive, wanted, skip_invalid)
        for note in read.notes:
            print(f"classify: {note}", file=sys.stderr)
        for group in by_photograph(read.boxes):
            photograph = open_photograph(archive, group[0].photograph, group[0].turned)
            for box in group:
                area = clip(box.corners, *photograph.size)
                assert area is not None, "read_annotations leaves no box outside of its photograph"
                yield Item(box.photograph, box, area, cut(photograph.crop(area)))
        return
    for name in names:
        yield Item(name, None, None, cut(open_photograph(archive, name, turned=True)))


def classify(network: Network, items: list[Item]) -> pd.DataFrame:
    """A row for each sample: picture, box, class, and the probability of each class in the last columns."""
    probabilities = network.probabilities(np.stack([item.pixels for item in items]))
    table = pd.DataFrame({"picture": [item.picture for item in items]})
    if any(item.area for item in items):
        table["box"] = [" ".join(map(str, item.area or ())) for item in items]
    table["class"] = np.array(network.classes)[probabilities.argmax(axis=1)]
    names = [f"{name} (class)" if name in table else name for name in network.classes]
    return table.join(pd.DataFrame(probabilities, columns=names))


def draw(source: Path, items: list[Item], table: pd.DataFrame, classes: list[str], folder: Path) -> int:
    """Write each picture with its boxes, or framed where it has none, into a folder; return how many."""
    archive, _ = open_pictures(source, masks=True)
    colours = mask_colours(classes)
    folder.mkdir(parents=True, exist_ok=True)
    probability = table.iloc[:, -len(classes) :].max(axis=1)
    pictures = table.groupby("picture", sort=False)
    for number, (name, rows) in enumerate(pictures):
        box = items[rows.index[0]].box
        picture = open_photograph(archive, str(name), turned=box is None or box.turned)
        shown = [
            Face(
                items[at].area or (0, 0, *picture.size),
                f"{row['class']} {probability[at]:.0%}",
                colours[row["class"]],
            )
            for at, row in rows.iterrows()
        ]
        draw_photograph(picture, shown).save(folder / f"{number:05}_{Path(str(name)).stem}.jpg", quality=90)
    return len(pictures)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser("python -m tools.classify", description=__doc__.split("\n")[0])
    parser.add_argument(
        "model", type=Path, help="a run's folder, of which replicate 0 is used, or a weights file"
    )
    parser.add_argument("source", type=Path, help="a picture, or a folder or archive of pictures")
    parser.add_argument("--csv", action="store_true", help="print CSV, in full precision")
    parser.add_argument(
        "--draw", type=Path, metavar="FOLDER", help="write the pictures with boxes and classes"
    )
    parser.add_argument("--annotations", choices=["auto", *FORMATS], default="auto", help="their format")
    parser.add_argument(
        "--invalid-boxes", choices=["error", "skip"], default="error", help="or leave them out"
    )
    given = parser.parse_args(arguments)
    reading = given.annotations, given.invalid_boxes == "skip"
    try:
        network = load_network(given.model)
        if given.model.is_dir():
            print(f"classify: uses {given.model / name_of_weights(0)}", file=sys.stderr)
        of_mlp = network.about["kind"] == "mlp"
        items = list(
            numerals(given.source, network.about["prepared"])
            if of_mlp
            else faces(given.source, network.about, *reading)
        )
        if not items:
            raise InputError(f"{given.source} holds no picture")
        table = classify(network, items)
        as_text = table.to_string(index=False, float_format="%.3f") + "\n"
        print(table.to_csv(index=False) if given.csv else as_text, end="")
        if given.draw:
            count = draw(given.source, items, table, network.classes, given.draw)
            print(f"{count} pictures are in {given.draw}", file=sys.stderr)
    except (InputError, OSError) as error:
        sys.exit(shorten(f"classify: {error}"))


if __name__ == "__main__":
    main(sys.argv[1:])
