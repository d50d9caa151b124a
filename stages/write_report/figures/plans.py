"""Plan the figures: for each that there is, the function that draws it and its arguments."""

from typing import Any

import numpy as np
import pandas as pd

from pipeline.common.classes import SPLITS
from pipeline.common.paths import MASKS_ARCHIVE
from pipeline.evaluation.claims import value_id
from pipeline.sources.archives import open_archive
from pipeline.sources.orientation import open_photograph
from stages.write_report.colours import mask_colours
from stages.write_report.contents import LEFT_OPEN
from stages.write_report.figures.confusions import count_confusions, draw_confusions, most_confused
from stages.write_report.figures.curves import draw_curves
from stages.write_report.figures.galleries import draw_gallery, spread
from stages.write_report.figures.latents import draw_latents
from stages.write_report.figures.photographs import Face, cut_faces, draw_photograph
from stages.write_report.figures.rendering import Plans
from stages.write_report.figures.shares import (
    draw_class_sizes,
    draw_errors_by_size,
    draw_sampler,
    draw_widths,
    errors_by_size,
)
from stages.write_report.figures.steps import draw_remedies, draw_steps
from stages.write_report.figures.style import name_in_figures
from stages.write_report.left_open import remedies, steps
from stages.write_report.results import Results, mean_confusion

SHOWN_PHOTOGRAPHS = 4
CROWD = 16  # faces in a photograph above which their labels hide them
CROP_SIDE = 96  # of a crop in a gallery, pixels


def plan_figures(results: Results, images: np.ndarray) -> tuple[Plans, dict[str, str]]:
    """Every figure, and the photographs of F7 by figure; those of a final network only if there is one.

    `images` are the test set of digits, (n, 28, 28).
    """
    plans = plan_tables(results) | plan_latents(results)
    photographs: dict[str, str] = {}
    if results.finals["mlp"]:
        plans |= plan_samples(results, results.finals["mlp"], images)
    if results.finals["cnn"]:
        plans |= plan_crops(results.crops, results.mask_classes)
        test = results.crops["test"]
        early = test.assign(predicted=test.get("snapshot", test.predicted))
        shown, photographs = plan_photographs(early, mask_colours(results.mask_classes))
        plans |= shown
    return plans, photographs


def plan_tables(results: Results) -> Plans:
    """Learning curves of the report's tables, once for tables of the same runs, and what compares runs: T2
    by width, T14 by class, C17.
    """
    plans: Plans = {}
    for part, tables in results.curves.items():
        drawn: list[pd.DataFrame] = []
        for name, curves in tables.items():
            if name not in LEFT_OPEN and not any(curves.equals(other) for other in drawn):
                plans[f"{part}_{name}_curves"] = (draw_curves, curves)
                drawn.append(curves)
    if (widths := plan_widths(results)) is not None:
        plans["widths"] = widths
    accuracy = results.class_accuracy["cnn"]
    if {"final", "weighted"} <= set(accuracy.run):
        rows = accuracy[accuracy.run.isin(["final", "weighted"])]
        plans["sampler"] = (draw_sampler, rows, "final", "weighted")
    if final := results.finals["cnn"]:
        plans["class_size"] = (draw_class_sizes, accuracy[accuracy.run == final])
    return plans | plan_left_open(results)


def plan_left_open(results: Results) -> Plans:
    """T15 and T16 at a glance, where there are at least two of their runs."""
    plans: Plans = {}
    if names := remedies(results):
        plans["remedies"] = (draw_remedies, results.folds[results.folds.run.isin(names)], names)
    if names := steps(results):
        plans["steps"] = (draw_steps, results.tables["mlp"]["T16"], names)
    return plans


def plan_widths(results: Results) -> tuple[Any, ...] | None:
    """Table T2 by width, with the report's values; None where the table or the scaled network is missing."""
    table, scaled = results.tables["mlp"].get("T2"), results.scores["mlp"].get("scaled")
    if table is None or scaled is None or "hidden" not in table:
        return None
    reported = {
        run: float(results.claims.report[key])
        for run in table.run
        if (key := value_id("T2", run, "test_accuracy")) in results.claims.index
    }
    return draw_widths, table, pd.Series(reported, dtype=float), scaled["test_accuracy"]


def plan_latents(results: Results) -> Plans:
    """F1, F2 and F3; epochs placed by t-SNE have no axes in common."""
    plans: Plans = {}
    names = short_names(results)
    for figure, points in results.latents.items():
        same_axes, named = results.methods[figure] != "tsne", points.assign(digit=points.digit.map(names))
        plans[figure] = (draw_latents, named, results.separation[figure], same_axes, list(names.values()))
    return plans


def short_names(results: Results) -> dict[str, str]:
    """The classes of part 1, and what they are called in figures."""
    return dict(zip(results.digit_classes, name_in_figures(results.digit_classes), strict=True))


def plan_samples(results: Results, final: str, images: np.ndarray) -> Plans:
    """F4 and F5 of the final MLP; `images` are the test set, (n, 28, 28)."""
    names = short_names(results)
    matrices = [count_confusions(results.digits[split], list(names)) for split in SPLITS]
    truth, predicted = most_confused(mean_confusion(results, final))
    samples = results.digits["test"]
    pair = np.flatnonzero((samples.truth == truth) & (samples.predicted == predicted))
    shown = pair[spread(len(pair))]
    titles = ([names[each]] * len(shown) for each in (truth, predicted))
    return {
        "F4_mlp": (draw_confusions, *(each.rename(index=names, columns=names) for each in matrices)),
        "F5_confused": (draw_gallery, images[shown], *titles),
    }


def plan_crops(crops: dict[str, pd.DataFrame], classes: list[str]) -> Plans:
    """F6, the confusions of the final CNN, and its errors by crop size (C19)."""
    right = {split: rows.truth == rows.predicted for split, rows in crops.items()}
    by_size = [errors_by_size(crops[split], ~right[split].to_numpy()) for split in SPLITS]
    matrices = [count_confusions(crops[split], classes) for split in SPLITS]
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
    crops = cut_faces(shown)
    for crop in crops:
        crop.thumbnail((CROP_SIDE, CROP_SIDE))
    return draw_gallery, crops, shown.truth, shown.predicted


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
            photograph = open_photograph(archive, name, turned=bool(rows.exif_rotated.any()))
            plans[f"F7_{index}"] = (draw_photograph, photograph, faces)
            names[f"F7_{index}"] = name
    return plans, names


def choose_photographs(crops: pd.DataFrame) -> list[str]:
    """The test photographs that show most: those with most different pairs of truth and prediction, before
    those with so many faces that their labels would hide them.
    """
    photographs = (crops.truth + " " + crops.predicted).groupby(crops.photograph).agg(["nunique", "size"])
    photographs["crowd"] = photographs["size"] > CROWD
    order = photographs.sort_values(["crowd", "nunique"], ascending=[True, False], kind="stable")
    return order.index[:SHOWN_PHOTOGRAPHS].tolist()
