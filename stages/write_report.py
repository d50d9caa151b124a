"""Write the report's page: every table, figure and claim with its verdict, in one file that works offline.

    python -m stages.write_report

Reads claims.yaml, plots/, settings/, the digits, crops and photographs; writes report/index.html, and its
figures as files of their own in report/figures/. Figures are kept in .cache/, and drawn again only where
their data changed.
"""

import zipfile
from importlib.metadata import version
from typing import Any

import pandas as pd
from PIL import Image

from pipeline.claims.schema import read_claims
from pipeline.common.compute import Compute
from pipeline.common.files import whole_folder
from pipeline.common.paths import BOXES, MASKS_ARCHIVE, REPORT
from pipeline.common.process import run_stage
from pipeline.common.settings import check, final_run, read_params, section
from pipeline.digits.prepared import load_digits
from pipeline.evaluation.tables import read_csv
from pipeline.masks.orientation import turn
from pipeline.report.colours import mask_colours
from pipeline.report.contents import LEFT_OPEN, PARTS
from pipeline.report.facts import facts
from pipeline.report.figures.galleries import LIMIT
from pipeline.report.figures.photographs import Face, draw_photograph
from pipeline.report.figures.plans import (
    choose_photographs,
    plan_crops,
    plan_latents,
    plan_samples,
    plan_tables,
)
from pipeline.report.figures.rendering import Plans, draw_pictures
from pipeline.report.page import render_page
from pipeline.report.results import Results, read_results
from pipeline.report.tables import MARKS, confusion_cells, list_claims, list_figures, list_runs, list_sections
from pipeline.report.try_it import make_trial
from pipeline.sources.archives import open_archive, read_file
from pipeline.sources.pictures import open_picture

# The sections of params.yaml that the page shows. The others say where the data are, which differs between
# machines, and how work is spread.
SHOWN_SECTIONS = ("prepare_digits", "crop_masks", "mlp", "cnn", "project_latents")
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
SAMPLES = {"mlp": ("digits", "numerals"), "cnn": ("masks", "photographs")}


def plan_photographs(crops: pd.DataFrame, colours: dict[str, str]) -> tuple[Plans, dict[str, str]]:
    """F7, and the name of each photograph; `crops` are the test boxes, `predicted` as the figure shows it."""
    plans: Plans = {}
    names = {}
    with open_archive(MASKS_ARCHIVE, MASKS_ARCHIVE.name) as archive:
        for index, name in enumerate(choose_photographs(crops), start=1):
            rows = crops[crops.photograph == name]
            faces = [
                Face((r.left, r.top, r.right, r.bottom), f"{r.truth} → {r.predicted}", colours[r.predicted])
                for r in rows.itertuples()
            ]
            plans[f"F7_{index}"] = (draw_photograph, open_photograph(archive, name, rows), faces)
            names[f"F7_{index}"] = name
    return plans, names


def open_photograph(archive: zipfile.ZipFile, name: str, rows: pd.DataFrame) -> Image.Image:
    """The photograph as crop_masks cut it: turned as its EXIF says if its boxes were drawn on it so."""
    stored = open_picture(read_file(archive, name), name)
    return turn(stored) if rows.exif_rotated.any() else stored


def plan_figures(results: Results, finals: dict[str, str | None]) -> tuple[Plans, dict[str, str]]:
    """Every figure, and the photographs of F7 by figure; those of a final network only if there is one."""
    plans = plan_tables(results, finals["cnn"]) | plan_latents(results)
    photographs: dict[str, str] = {}
    if finals["mlp"]:
        plans |= plan_samples(results.digits, load_digits()["test"].images)
    if finals["cnn"]:
        plans |= plan_crops(results.crops, results.mask_classes)
        test = results.crops["test"]
        early = test.assign(predicted=test.get("snapshot", test.predicted))
        shown, photographs = plan_photographs(early, mask_colours(results.mask_classes))
        plans |= shown
    return plans, photographs


def other_data(results: Results) -> dict[str, list[str]]:
    """Which data are not the report's: `synthetic` ones, and `own` ones, in words."""
    claims = read_claims()
    found: dict[str, list[str]] = {"synthetic": [], "own": []}
    for part, (source, name) in SAMPLES.items():
        kind = results.sources[source]["source"]
        if kind == "synthetic":
            found["synthetic"].append(name)
        elif not claims.data[part].is_same(kind, results.samples(part)):
            found["own"].append(name)
    return found


def provenance(params: dict[str, Any], results: Results) -> dict[str, Any]:
    """Where the data are from, and which packages made the page; the same for every rerun."""
    return {
        "profile": section(params, "profile"),
        "seed": section(params, "seed"),
        "sources": results.sources,
        "notes": results.notes,
        **other_data(results),
        "versions": {name: version(name) for name in PACKAGES},
        "params": {name: section(params, name) for name in SHOWN_SECTIONS},
    }


def make_context(
    params: dict[str, Any], results: Results, finals: dict[str, str | None], boxes: pd.DataFrame
) -> dict[str, Any]:
    """The variables of the template, pictures apart."""
    test = load_digits()["test"]
    snapshot = results.settings["cnn"][finals["cnn"]]["snapshot_epoch"] if finals["cnn"] else 0
    return {
        "marks": MARKS,
        "colours": mask_colours(results.mask_classes),
        "sections": list_sections(results),
        "left_open": LEFT_OPEN,
        **list_figures(results, finals),
        "runs": list_runs(params, results),
        "f4": {split: confusion_cells(results.claims, split) for split in ("train", "test")},
        "claims": list_claims(results.claims),
        "required": read_claims().probability,
        "gallery": LIMIT,
        "trial": make_trial(results, test.images, test.labels),
        "snapshot_epoch": snapshot,
        **facts(results, finals, boxes),
        **provenance(params, results),
    }


def main() -> None:
    params = read_params()
    compute = check(Compute, section(params, "compute"), "compute")
    results = read_results(params)
    finals = {part: final_run(part, section(params, f"{part}.tables")) for part in PARTS}
    plans, photographs = plan_figures(results, finals)
    with whole_folder(REPORT) as folder:
        pictures = draw_pictures(plans, compute)
        context = make_context(params, results, finals, read_csv(BOXES)) | {"photographs": photographs}
        (folder / "figures").mkdir()
        for name, picture in pictures.items():
            for suffix, data in picture.files.items():
                (folder / f"figures/{name}.{suffix}").write_bytes(data)
        (folder / "index.html").write_text(render_page(context, pictures), encoding="utf-8")


if __name__ == "__main__":
    run_stage(main)
