"""What the page needs to run networks itself: weights, samples, and points of latent features."""

import base64
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd

from pipeline.common.paths import MASKS_ARCHIVE
from pipeline.common.runs import SETTINGS_FILE, load_latents, name_of_predictions, name_of_weights, run_folder
from pipeline.common.storage import load_about, load_arrays, read_json
from pipeline.evaluation.measures import measure_of
from pipeline.sources.archives import open_archive
from pipeline.sources.orientation import open_photograph
from stages.write_report.colours import digit_colours, mask_colours
from stages.write_report.figures.latents import keep_apart
from stages.write_report.figures.photographs import scale_area
from stages.write_report.figures.rendering import WEBP_QUALITY
from stages.write_report.results import Results

# The networks of the page, each with a description; those that params.yaml does not have are left out.
NUMERALS = {"final": "the final network", "best_small": "[128, 64] at its best"}
FACES = {"final": "the final network", "weighted": "with the weighted sampler"}
PLANE = "latents_16_2"  # whose last two units are the plane of figure F1
BATCH_NORM_EPSILON = 1e-5  # of torch.nn.BatchNorm2d
FEW_FACES = 4
PHOTOGRAPH_SIDE = 480  # pixels of the longer side, so that it takes some 30 KB of the page
LABEL = 0.05  # of a name in the plane, as a share of its width
DISAGREEING = 10  # samples that the first network of NUMERALS has wrong and the second right


def encode(array: np.ndarray) -> dict[str, Any]:
    """An array as float16, or as bytes if it is uint8, for the page's script."""
    stored = array if array.dtype == np.uint8 else array.astype("<f2")
    return {"shape": array.shape, "data": base64.b64encode(stored.tobytes()).decode()}


def network(part: str, run: str) -> dict[str, Any]:
    """The first replicate of a run."""
    file = run_folder(part, run) / name_of_weights(0)
    arrays = merge_batch_norm(load_arrays(file))
    return {"about": load_about(file), "arrays": {name: encode(array) for name, array in arrays.items()}}


def merge_batch_norm(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights of a network without batch normalisation that gives the same: each convolution scaled and
    shifted as the normalisation after it does.
    """
    merged = dict(arrays)
    for norm in [int(name.split(".")[0]) for name in arrays if name.endswith("running_mean")]:
        of = {name.split(".")[1]: merged.pop(name) for name in arrays if name.startswith(f"{norm}.")}
        scale = of["weight"] / np.sqrt(of["running_var"] + BATCH_NORM_EPSILON)
        weights, biases = f"{norm - 1}.weight", f"{norm - 1}.bias"
        merged[weights] = arrays[weights] * scale[:, None, None, None]
        merged[biases] = (arrays[biases] - of["running_mean"]) * scale + of["bias"]
    return merged


def can_be_tried(settings: dict[str, Any]) -> bool:
    """Whether a run was tested on the test set of the data, and takes samples as the page makes them."""
    own_split = settings.get("folds") or settings.get("split") == "sheets"
    return not own_split and settings.get("crops") != "own_size"


def networks(part: str, titles: dict[str, str], results: Results) -> list[dict[str, Any]]:
    """The networks of a part that params.yaml has and that can be tried, with their runs, titles and
    accuracies on the test set.
    """
    return [
        {
            "run": run,
            "title": title,
            "accuracy": results.replicates[part][measure_of(part, run, "test_accuracy")][0],
            **network(part, run),
        }
        for run, title in titles.items()
        if run in results.settings[part] and can_be_tried(results.settings[part][run])
    ]


def choose_samples(labels: np.ndarray, runs: list[str]) -> list[int]:
    """The first test sample of each class, and some that only the second of two networks has right."""
    first: list[int] = np.unique(labels, return_index=True)[1].tolist()
    if len(runs) < 2:
        return first
    one, other = (load_arrays(run_folder("mlp", run) / name_of_predictions(0))["test"] for run in runs)
    disagreeing = np.setdiff1d(np.flatnonzero((one != labels) & (other == labels)), first)
    return first + disagreeing[:DISAGREEING].tolist()


def sample_photograph(crops: pd.DataFrame) -> dict[str, Any]:
    """A test photograph to try, small, as WebP, and the true class and the box of each face in its pixels. Of
    those with few faces it has the most classes, then the largest faces. `crops` are the test boxes.
    """
    sides = crops.assign(side=np.minimum(crops.right - crops.left, crops.bottom - crops.top))
    found = sides.groupby("photograph").agg(
        faces=("truth", "size"), classes=("truth", "nunique"), smallest=("side", "min")
    )
    found["crowd"] = found.faces > FEW_FACES
    order = found.sort_values(["crowd", "classes", "smallest"], ascending=[True, False, False], kind="stable")
    rows = crops[crops.photograph == order.index[0]]
    with open_archive(MASKS_ARCHIVE, MASKS_ARCHIVE.name) as archive:
        photograph = open_photograph(archive, order.index[0], turned=bool(rows.exif_rotated.any()))
    small = photograph.convert("RGB")
    small.thumbnail((PHOTOGRAPH_SIDE, PHOTOGRAPH_SIDE))
    webp = BytesIO()
    small.save(webp, "WEBP", quality=WEBP_QUALITY, method=4)
    boxes = [
        scale_area((r.left, r.top, r.right, r.bottom), photograph.size, small.size) for r in rows.itertuples()
    ]
    return {
        "data": base64.b64encode(webp.getvalue()).decode(),
        "faces": [{"label": label, "box": box} for label, box in zip(rows.truth, boxes, strict=True)],
    }


def plane(labels: np.ndarray, classes: list[str]) -> dict[str, Any] | None:
    """The network whose last hidden layer has two units, its points for the test set (n, 2), their range and
    classes, and the median of each class, but for those whose names would hide another.

    None if there is no such run, if its test set is its own, or if its last epoch was not recorded.
    """
    folder = run_folder("mlp", PLANE)
    latents = load_latents(folder)
    if latents is None:
        return None
    settings = read_json(folder / SETTINGS_FILE)
    recorded = latents.epoch[-1] == settings["epochs"]
    if not recorded or settings["hidden"][-1] != 2 or not can_be_tried(settings):
        return None
    points = latents.activations[0, -1]
    medians = {classes[n]: np.median(points[labels == n], axis=0) for n in np.unique(labels)}
    room = LABEL * np.ptp(points, axis=0)
    return {
        **network("mlp", PLANE),
        "points": encode(points),
        "low": points.min(axis=0).tolist(),
        "high": points.max(axis=0).tolist(),
        "medians": [[name, *place.tolist()] for name, place in keep_apart(medians, room).items()],
        "digits": encode(labels.astype(np.uint8)),
    }


def make_trial(results: Results, images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """All that the page's script is given; `images` (n, 28, 28) and `labels` are the test set of digits."""
    numerals, faces = networks("mlp", NUMERALS, results), networks("cnn", FACES, results)
    classes, chosen = results.digit_classes, choose_samples(labels, [each["run"] for each in numerals])
    return {
        "numerals": numerals,
        "faces": faces,
        "samples": [{"digit": classes[labels[n]], **encode(images[n])} for n in chosen],
        "photograph": sample_photograph(results.crops["test"]) if faces and results.crops else None,
        "plane": plane(labels, classes) if PLANE in results.settings["mlp"] else None,
        "colours": {"digits": digit_colours(len(classes)), "faces": mask_colours(results.mask_classes)},
    }
