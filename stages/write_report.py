"""The report again: every table, figure and claim with its verdict, on one page that needs no network.

    python -m stages.write_report

Reads claims.yaml, metrics/, plots/, the digits, crops and photographs, and what the networks of F1 and F7
left; writes report/index.html, and its figures as files of their own in report/figures/.
"""

import platform
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.claims.schema import read_claims
from pipeline.common.compute import Compute
from pipeline.common.files import whole_folder
from pipeline.common.settings import check, read_params, run_stage, section
from pipeline.report.figures.confusions import count_confusions, draw_confusions, most_confused
from pipeline.report.figures.curves import draw_curves
from pipeline.report.figures.galleries import LIMIT, draw_gallery, spread
from pipeline.report.figures.latents import draw_all_epochs, draw_latents
from pipeline.report.figures.look import CLASS_COLOURS, Picture, render
from pipeline.report.figures.photographs import Face, render_photograph
from pipeline.report.figures.shares import (
    SPLITS,
    draw_class_sizes,
    draw_errors_by_size,
    draw_sampler,
    draw_widths,
    errors_by_size,
)
from pipeline.report.page import render_page
from pipeline.report.prose import facts
from pipeline.report.results import CLASSES, TABLES, Results, read_csv, read_results, read_snapshot
from pipeline.report.tables import MARKS, confusion_cells, list_claims, make_panels
from pipeline.sources.archives import open_archive, read_file
from pipeline.sources.pictures import open_picture, turn

Plans = dict[str, tuple[Any, ...]]  # figure: what draws it, and from what

REPORT = Path("report")
DIGITS = Path("data/digits.npz")
CROPS = Path("data/crops")
PHOTOGRAPHS = Path("data/raw/masks/masks.zip")
LATENTS = Path("plots/latents")
MODELS = Path("models")

TITLES = {
    "T1": "number of hidden layers",
    "T2": "hidden units",
    "T3": "learning rate",
    "T4": "mini-batch size",
    "T5": "number of epochs",
    "T6": "keep the best weights",
    "T7": "final setting",
    "T8": "initial weights",
    "F1": "two units before the output",
    "F2": "PCA of 15 units",
    "F3": "t-SNE of 15 units",
    "F4": "confusion matrices",
    "F5": "the most confused pair",
    "T9": "stride",
    "T10": "filter",
    "T11": "optimiser",
    "T12": "final setting",
    "T13": "accuracy of each class",
    "T14": "class imbalance",
    "F6": "right and wrong crops",
    "F7": "whole photographs",
}
PART_1 = [*TABLES["mlp"], "F1", "F2", "F3", "F4", "F5"]
SHOWN_PHOTOGRAPHS = 6
CROWD = 16  # faces in a photograph
CROP_SIDE = 96  # of a crop in a gallery, pixels
# What params.yaml holds beside these is where the data are, which differs between machines and is told by
# the sources, and how the work is spread out.
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


def plan_tables(results: Results) -> Plans:
    """Learning curves of every table, and what compares runs: T2 by width, T14 by class, C17."""
    plans = {f"{name}_curves": (draw_curves, curves) for name, curves in results.curves.items()}
    reported = {
        run: float(results.claims.report[key])
        for run in results.tables["T2"].run
        if (key := f"T2.{run}.test_accuracy") in results.claims.index
    }
    scaled = results.metrics["mlp"]["scaled"]["test_accuracy"]
    accuracy = results.class_accuracy
    return plans | {
        "widths": (draw_widths, results.tables["T2"], pd.Series(reported, dtype=float), scaled),
        "sampler": (draw_sampler, accuracy, "final", "weighted"),
        "class_size": (draw_class_sizes, accuracy[accuracy.run == "final"]),
    }


def plan_latents(separation: pd.DataFrame, digits: np.ndarray) -> Plans:
    """F1, F2 and F3, and F1 at every recorded epoch; `digits` are the classes of the test set."""
    plans: Plans = {}
    for (figure, run), scores in separation.groupby(["figure", "run"]):
        points = read_csv(LATENTS / f"{figure}_{run}.csv")
        plans[f"{figure}_{run}"] = (draw_latents, points, scores, figure != "F3")
        if figure == "F1":
            with np.load(MODELS / "mlp" / run / "latents.npz", allow_pickle=False) as arrays:
                activations, epochs = arrays["activations"][0], arrays["epoch"].tolist()
            plans[f"F1_all_{run}"] = (draw_all_epochs, activations, epochs, digits)
    return plans


def plan_samples(digits: dict[str, pd.DataFrame], images: np.ndarray) -> Plans:
    """F4 and F5 of the final MLP; `images` are the test set, (n, 28, 28)."""
    training, test = (count_confusions(digits[split]) for split in ("train", "test"))
    truth, predicted = most_confused(test)
    samples = digits["test"]
    pair = np.flatnonzero((samples.truth == truth) & (samples.predicted == predicted))
    shown = pair[spread(len(pair))]
    return {
        "F4_mlp": (draw_confusions, training, test),
        "F5_confused": (draw_gallery, images[shown], [truth] * len(shown), [predicted] * len(shown)),
    }


def plan_crops(crops: dict[str, pd.DataFrame]) -> Plans:
    """F6, the confusions of the final CNN, and its errors by crop size (C19)."""
    right = {split: rows.truth == rows.predicted for split, rows in crops.items()}
    by_size = [errors_by_size(crops[split], ~right[split].to_numpy()) for split in ("train", "test")]
    matrices = [count_confusions(crops[split]) for split in ("train", "test")]
    return {
        "F4_cnn": (draw_confusions, *matrices),
        "crop_size": (draw_errors_by_size, *by_size),
        "F6_right": plan_gallery(crops["test"][right["test"]]),
        "F6_wrong_train": plan_gallery(crops["train"][~right["train"]]),
        "F6_wrong_test": plan_gallery(crops["test"][~right["test"]]),
    }


def plan_gallery(rows: pd.DataFrame) -> tuple[Any, ...]:
    """A gallery of crops, evenly spread over the rows."""
    shown = rows.iloc[spread(len(rows))]
    crops = []
    for name in shown.crop:
        with Image.open(CROPS / name) as crop:
            crop.thumbnail((CROP_SIDE, CROP_SIDE))
            crops.append(crop.copy())
    return draw_gallery, crops, shown.truth, shown.predicted


def choose_photographs(crops: pd.DataFrame) -> list[str]:
    """The test photographs that show most: those with most different pairs of truth and prediction, before
    those with so many faces that their labels would hide them.
    """
    photographs = (crops.truth + " " + crops.predicted).groupby(crops.photograph).agg(["nunique", "size"])
    photographs["crowd"] = photographs["size"] > CROWD
    order = photographs.sort_values(["crowd", "nunique"], ascending=[True, False], kind="stable")
    return order.index[:SHOWN_PHOTOGRAPHS].tolist()


def draw_photographs(crops: pd.DataFrame) -> tuple[dict[str, Picture], dict[str, str]]:
    """Figure F7, and the name of each photograph; `crops` are the test boxes with their predictions."""
    pictures, names = {}, {}
    with open_archive(PHOTOGRAPHS, PHOTOGRAPHS.name) as archive:
        for index, name in enumerate(choose_photographs(crops), start=1):
            rows = crops[crops.photograph == name]
            faces = [
                Face((r.left, r.top, r.right, r.bottom), r.truth, r.predicted) for r in rows.itertuples()
            ]
            pictures[f"F7_{index}"] = render_photograph(open_photograph(archive, name, rows), faces)
            names[f"F7_{index}"] = name
    return pictures, names


def open_photograph(archive: zipfile.ZipFile, name: str, rows: pd.DataFrame) -> Image.Image:
    """The photograph as crop_masks cut it: turned as its EXIF says where its boxes were."""
    stored = open_picture(read_file(archive, name), name)
    return turn(stored) if rows.exif_rotated.any() else stored


def provenance(params: dict[str, Any], results: Results) -> dict[str, Any]:
    """Where the data are from, and what made the page: nothing that another rerun would say otherwise."""
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
    """What the template knows beside its pictures."""
    accuracy = results.class_accuracy
    final = accuracy[(accuracy.run == "final") & (accuracy.split == "test")]
    samples = final.set_index("class").samples
    tables = results.tables.items()
    return {
        "marks": MARKS,
        "titles": TITLES,
        "part_1": PART_1,
        "colours": CLASS_COLOURS,
        "panels": {name: make_panels(name, rows, results.claims, samples) for name, rows in tables},
        "f4": {name: confusion_cells(results.claims, split) for split, name in SPLITS.items()},
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
    results = read_results(Path("."), params)
    with np.load(DIGITS, allow_pickle=False) as arrays:
        images, labels = arrays["test_images"], arrays["test_labels"]
    epoch, predicted = read_snapshot(MODELS / "cnn/final")
    early = results.crops["test"].assign(predicted=np.array(CLASSES)[predicted])

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
