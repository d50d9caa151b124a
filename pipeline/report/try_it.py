"""What the page needs to run networks itself: weights, samples, and points of latent features."""

import base64
from typing import Any

import numpy as np

from pipeline.common.classes import DIGIT_CLASSES
from pipeline.common.runs import LATENTS, SETTINGS, name_of_predictions, run_folder
from pipeline.common.storage import load_about, load_arrays, read_json
from pipeline.report.colours import DIGIT_COLOURS, mask_colours
from pipeline.report.results import Results

# The networks of the page, each with what it is; those that params.yaml does not have are left out.
NUMERALS = {"final": "the report's final network", "best_small": "[128, 64] at its best"}
FACES = {"final": "the report's final network", "weighted": "with the weighted sampler"}
PLANE = "latents_16_2"  # whose last two units are the plane of figure F1
DISAGREEING = 10  # samples that the first network of NUMERALS has wrong and the second right


def encode(array: np.ndarray) -> dict[str, Any]:
    """An array as float16, or as bytes if it is uint8, for the page's script."""
    stored = array if array.dtype == np.uint8 else array.astype("<f2")
    return {"shape": array.shape, "data": base64.b64encode(stored.tobytes()).decode()}


def network(part: str, run: str) -> dict[str, Any]:
    """The first replicate of a run."""
    file = run_folder(part, run) / "replicate_0.safetensors"
    arrays = {name: encode(array) for name, array in load_arrays(file).items()}
    return {"about": load_about(file), "arrays": arrays}


def networks(part: str, titles: dict[str, str], results: Results) -> list[dict[str, Any]]:
    """The networks of a part that there are, with their runs, titles and accuracies on the test set."""
    return [
        {
            "run": run,
            "title": title,
            "accuracy": results.scores[part][run]["test_accuracy"],
            **network(part, run),
        }
        for run, title in titles.items()
        if run in results.settings[part]
    ]


def choose_samples(labels: np.ndarray, runs: list[str]) -> list[int]:
    """The first test sample of each class, and some that only the second of two networks has right."""
    first = [int(np.flatnonzero(labels == digit)[0]) for digit in range(len(DIGIT_CLASSES))]
    if len(runs) < 2:
        return first
    one, other = (load_arrays(run_folder("mlp", run) / name_of_predictions(0))["test"] for run in runs)
    return first + np.flatnonzero((one != labels) & (other == labels))[:DISAGREEING].tolist()


def plane(labels: np.ndarray) -> dict[str, Any] | None:
    """The network of two last units, and what it makes of the test set: points (n, 2), their classes, and the
    median of each class.

    None where there is no such run, or where it has not recorded its last epoch.
    """
    folder = run_folder("mlp", PLANE)
    if not (folder / LATENTS).is_file():
        return None
    settings, latents = read_json(folder / SETTINGS), load_arrays(folder / LATENTS)
    if latents["epoch"][-1] != settings["epochs"] or settings["hidden"][-1] != 2:
        return None
    points = latents["activations"][0, -1]
    medians = [
        [digit, *np.median(points[labels == digit], axis=0).tolist()] for digit in np.unique(labels).tolist()
    ]
    return {
        **network("mlp", PLANE),
        "points": encode(points),
        "medians": medians,
        "digits": encode(labels.astype(np.uint8)),
    }


def make_trial(results: Results, images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """All that the page's script is given; `images` (n, 28, 28) and `labels` are the test set of digits."""
    numerals, faces = networks("mlp", NUMERALS, results), networks("cnn", FACES, results)
    chosen = choose_samples(labels, [each["run"] for each in numerals])
    return {
        "numerals": numerals,
        "faces": faces,
        "samples": [{"digit": int(labels[n]), **encode(images[n])} for n in chosen],
        "plane": plane(labels),
        "colours": {"digits": list(DIGIT_COLOURS), "faces": mask_colours(results.mask_classes)},
    }
