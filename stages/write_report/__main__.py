"""Write the report's page: every table, figure and claim with its verdict, in one file that works offline.

    python -m stages.write_report

Reads claims.yaml, plots/, models/, settings/, the digits, crops and photographs; writes report/index.html,
and its figures as files of their own in report/figures/. Figures are kept in .cache/, and drawn again only
where their data changed.
"""

import zipfile

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.common.digits import load_digits
from pipeline.common.paths import BOXES, MASKS_ARCHIVE, REPORT
from pipeline.evaluation.layout import final_run
from pipeline.evaluation.tables import read_csv
from pipeline.runtime.compute import Compute
from pipeline.runtime.files import whole_folder
from pipeline.runtime.process import run_stage
from pipeline.runtime.settings import check, read_params, section
from pipeline.sources.archives import open_archive, read_file
from pipeline.sources.orientation import turn
from pipeline.sources.pictures import open_picture
from stages.write_report.colours import mask_colours
from stages.write_report.contents import PARTS
from stages.write_report.context import make_context
from stages.write_report.figures.photographs import Face, draw_photograph
from stages.write_report.figures.plans import (
    choose_photographs,
    plan_crops,
    plan_latents,
    plan_samples,
    plan_tables,
)
from stages.write_report.figures.rendering import Plans, draw_pictures
from stages.write_report.page import render_page
from stages.write_report.results import Results, read_results


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


def plan_figures(
    results: Results, finals: dict[str, str | None], images: np.ndarray
) -> tuple[Plans, dict[str, str]]:
    """Every figure, and the photographs of F7 by figure; those of a final network only if there is one.

    `images` are the test set of digits, (n, 28, 28).
    """
    plans = plan_tables(results, finals["cnn"]) | plan_latents(results)
    photographs: dict[str, str] = {}
    if finals["mlp"]:
        plans |= plan_samples(results.digits, images)
    if finals["cnn"]:
        plans |= plan_crops(results.crops, results.mask_classes)
        test = results.crops["test"]
        early = test.assign(predicted=test.get("snapshot", test.predicted))
        shown, photographs = plan_photographs(early, mask_colours(results.mask_classes))
        plans |= shown
    return plans, photographs


def main() -> None:
    params = read_params()
    compute = check(Compute, section(params, "compute"), "compute")
    results = read_results(params)
    finals = {part: final_run(part, section(params, f"{part}.tables")) for part in PARTS}
    test = load_digits()["test"]
    plans, photographs = plan_figures(results, finals, test.images)
    with whole_folder(REPORT) as folder:
        pictures = draw_pictures(plans, compute)
        context = make_context(params, results, finals, read_csv(BOXES), test.images, test.labels)
        page = render_page(context | {"photographs": photographs}, pictures)
        (folder / "figures").mkdir()
        for name, picture in pictures.items():
            for suffix, data in picture.files.items():
                (folder / f"figures/{name}.{suffix}").write_bytes(data)
        (folder / "index.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    run_stage(main)
