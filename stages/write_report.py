"""Write the report's page: every table, figure and claim with its verdict, in one file that works offline.

    python -m stages.write_report

Reads claims.yaml, metrics/, plots/, the digits, crops and photographs, and what the networks of F1 and F7
predicted; writes report/index.html, and its figures as files of their own in report/figures/.
"""

import platform
import zipfile
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.claims.schema import read_claims
from pipeline.common.classes import MASK_CLASSES
from pipeline.common.compute import Compute
from pipeline.common.files import whole_folder
from pipeline.common.paths import MASKS_ARCHIVE, REPORT
from pipeline.common.process import run_stage
from pipeline.common.settings import check, read_params, section
from pipeline.digits.prepared import load_digits
from pipeline.masks.orientation import turn
from pipeline.report.colours import MASK_COLOURS
from pipeline.report.contents import PARTS, TITLES
from pipeline.report.facts import facts
from pipeline.report.figures.galleries import LIMIT
from pipeline.report.figures.photographs import Face, render_photograph
from pipeline.report.figures.plans import (
    choose_photographs,
    plan_crops,
    plan_latents,
    plan_samples,
    plan_tables,
)
from pipeline.report.figures.shares import SPLIT_TITLES
from pipeline.report.figures.style import Picture, render
from pipeline.report.page import render_page
from pipeline.report.results import Results, read_results, read_snapshot
from pipeline.report.tables import MARKS, confusion_cells, list_claims, make_panels
from pipeline.sources.archives import open_archive, read_file
from pipeline.sources.pictures import open_picture

# The sections of params.yaml that the page shows. The others say where the data are, which differs between
# machines, and how work is spread.
PARAMS = ("seed", "prepare_digits", "crop_masks", "mlp", "cnn", "project_latents")
PACKAGES = (
    "dvc",
    "torch",
    "numpy",
    "scipy",
    "pandas",
    "pillow",
    "scikit-learn",
    "matplotlib",
    "jinja2",
)


def draw_photographs(crops: pd.DataFrame) -> tuple[dict[str, Picture], dict[str, str]]:
    """Figure F7, and the name of each photograph; `crops` are the test boxes with their predictions."""
    pictures, names = {}, {}
    with open_archive(MASKS_ARCHIVE, MASKS_ARCHIVE.name) as archive:
        for index, name in enumerate(choose_photographs(crops), start=1):
            rows = crops[crops.photograph == name]
            faces = [
                Face((r.left, r.top, r.right, r.bottom), r.truth, r.predicted) for r in rows.itertuples()
            ]
            pictures[f"F7_{index}"] = render_photograph(open_photograph(archive, name, rows), faces)
            names[f"F7_{index}"] = name
    return pictures, names


def open_photograph(archive: zipfile.ZipFile, name: str, rows: pd.DataFrame) -> Image.Image:
    """The photograph as crop_masks cut it: turned as its EXIF says if its boxes were drawn on it so."""
    stored = open_picture(read_file(archive, name), name)
    return turn(stored) if rows.exif_rotated.any() else stored


def provenance(params: dict[str, Any], results: Results) -> dict[str, Any]:
    """Where the data are from, and which software made the page; the same for every rerun."""
    python = ".".join(platform.python_version_tuple()[:2])  # the patch release changes no result
    versions = {"python": python} | {name: version(name) for name in PACKAGES}
    synthetic = {"digits": "numerals", "masks": "photographs"}
    return {
        "sources": results.sources,
        "synthetic": [
            synthetic[part] for part, each in results.sources.items() if each["source"] == "synthetic"
        ],
        "versions": versions,
        "params": {name: section(params, name) for name in PARAMS},
    }


def make_context(params: dict[str, Any], results: Results) -> dict[str, Any]:
    """The variables of the template, pictures apart."""
    accuracy = results.class_accuracy
    final = accuracy[(accuracy.run == "final") & (accuracy.split == "test")]
    samples = final.set_index("class").samples
    tables = results.tables.items()
    return {
        "marks": MARKS,
        "titles": TITLES,
        "part_1": list(PARTS["mlp"]),
        "colours": MASK_COLOURS,
        "panels": {name: make_panels(name, rows, results.claims, samples) for name, rows in tables},
        "f4": {name: confusion_cells(results.claims, split) for split, name in SPLIT_TITLES.items()},
        "claims": list_claims(results.claims),
        "other_curves": sorted(set(results.curves) - set(TITLES)),
        "required": read_claims().probability,
        "gallery": LIMIT,
        **facts(results),
        **provenance(params, results),
    }


def main() -> None:
    params = read_params()
    compute = check(Compute, section(params, "compute"), "compute")
    results = read_results(params)
    images, labels = load_digits()["test"]
    epoch, predicted = read_snapshot("final")
    early = results.crops["test"].assign(predicted=np.array(MASK_CLASSES)[predicted])

    plans = plan_tables(results) | plan_latents(results.separation, labels)
    plans |= plan_samples(results.digits, images) | plan_crops(results.crops)
    with whole_folder(REPORT) as folder:
        pictures = dict(zip(plans, compute.each(render, plans.values(), len(plans)), strict=True))
        photographs, names = draw_photographs(early)
        pictures |= photographs
        context = make_context(params, results) | {"photographs": names, "snapshot_epoch": epoch}
        (folder / "figures").mkdir()
        for name, picture in pictures.items():
            for suffix, data in picture.files.items():
                (folder / f"figures/{name}.{suffix}").write_bytes(data)
        (folder / "index.html").write_text(render_page(context, pictures), encoding="utf-8")


if __name__ == "__main__":
    run_stage(main)
