"""What the page's script is given to look into: any two runs, the samples of a confusion matrix, and the
points of latent features at every epoch.
"""

import base64
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.common.crops import load_crops
from pipeline.common.runs import load_latents, run_folder
from pipeline.evaluation.measures import NAMES, score_name
from pipeline.evaluation.tables import MOST_IN_MATRIX
from pipeline.runtime.settings import section
from stages.write_report.changes import setting_text
from stages.write_report.contents import PARTS
from stages.write_report.figures.confusions import count_confusions
from stages.write_report.figures.galleries import spread
from stages.write_report.findings import MEANINGS
from stages.write_report.results import Results

SCORES = ("test_accuracy", "train_accuracy", "validation_accuracy", "recall", "train_loss", "epochs")
SCORE_NAMES = NAMES | {"recall": "mean recall of the classes, test"}
# The runs of each part that are compared at first, if there are both.
COMPARED = {"mlp": ("h512_256", "scaled"), "cnn": ("final", "weighted")}
CURVE_POINTS = 100  # of a run's curve, at most
CELL_SAMPLES = 12  # of a cell of a confusion matrix, at most
SPRITE_BYTES = 72_000  # of the samples of all cells of a matrix
SAMPLE_BYTES = 30  # of a sample in a sprite, at least: more than fit are not tried
SPRITE_COLUMNS = 20
LATENT_SAMPLES, LATENT_EPOCHS = 600, 24


class Question(NamedTuple):
    """Something to try: `run` is a new run of `part` that is `like` another but for a setting."""

    part: str
    run: str
    like: str
    setting: str
    asked: str
    expected: str

    @property
    def override(self) -> str:
        """What `dvc exp run -S` is given; ++ adds the run, or changes it."""
        return f"++{self.part}.runs.{self.run}={{like: {self.like}, {self.setting}}}"


QUESTIONS = (
    Question(
        "mlp",
        "custom_scaled",
        "custom",
        "initial_weights: scaled",
        "What if the initial weights are scaled to the number of inputs?",
        "Test accuracy rises by several points, and the gap to training accuracy narrows. With weights from "
        "N(0, 1) most sigmoid units start where their gradient is almost zero, so much of what was drawn at "
        "random stays in the network.",
    ),
    Question(
        "mlp",
        "custom_zeros",
        "custom",
        "initial_weights: zeros",
        "Can a network learn if all its weights start at zero?",
        "Hardly. All units of a layer get the same gradient at every step and stay copies of each other, so "
        "that the network is as good as one with a single unit in each hidden layer: better than guessing, "
        "and far from the other runs.",
    ),
    Question(
        "mlp",
        "custom_seeds",
        "custom",
        "seeds: 8",
        "Does ± shrink with more replicates?",
        "No. ± is how far single trainings lie apart, which does not depend on how many there are; two of "
        "them only estimate it badly. What shrinks is the uncertainty of the mean, with the square root of "
        "their number: eight replicates show differences that two cannot.",
    ),
    Question(
        "cnn",
        "custom_weighted",
        "custom",
        "sampler: weighted",
        "Who pays when the rare class is drawn as often as the others?",
        "Far more of the rarest class is found, and less of the largest; accuracy falls, since the largest "
        "class counts most in it. Look at both confusion matrices: the errors change sides.",
    ),
    Question(
        "cnn",
        "custom_stride",
        "custom",
        "stride: 2",
        "What does a stride of 2 take away?",
        "Each convolution looks at every second place only, so that 32 numbers reach the output layer "
        "instead of 1152. It trains faster, accuracy falls, and the rarest class is hardly found any more.",
    ),
)


def make_look_into(
    params: dict[str, Any], results: Results, trial: dict[str, Any], images: np.ndarray
) -> dict[str, Any]:
    """All that the page's script is given to look into; `images` (n, 28, 28) are the test set of digits."""
    classes = {"mlp": results.digit_classes, "cnn": results.mask_classes}
    runs = {part: describe_runs(part, params, results, classes[part]) for part in PARTS}
    return {
        "classes": classes,
        "matrix": {part: matrix_style(names) for part, names in classes.items()},
        "meanings": {name: MEANINGS[name] for name in results.mask_classes if name in MEANINGS},
        "compared": {part: choose_compared(part, list(runs[part])) for part in PARTS},
        "scores": {
            part: {score: SCORE_NAMES[score] for score in SCORES} | class_scores(part, classes[part])
            for part in PARTS
        },
        "defaults": {part: say_settings(section(params, f"{part}.defaults")) for part in PARTS},
        "runs": runs,
        "cells": make_cells(results, trial, images),
        "epochs": latent_epochs(params, results),
    }


def matrix_style(classes: list[str]) -> str:
    """The CSS classes of a confusion matrix: of many classes it has small cells without numbers."""
    if len(classes) <= MOST_IN_MATRIX:
        return "matrix"
    return "matrix small tall" if max(map(len, classes)) > 1 else "matrix small"


def choose_compared(part: str, runs: list[str]) -> list[str]:
    """The two runs of a part that are compared at first."""
    return list(COMPARED[part]) if set(COMPARED[part]) <= set(runs) else [runs[0], runs[-1]]


def class_scores(part: str, classes: list[str]) -> dict[str, str]:
    """The test accuracy of each class of part 2, whose classes are of very different sizes."""
    if part == "mlp":
        return {}
    return {score_name("test", "accuracy", name): f"test accuracy of {name}" for name in classes}


def say_settings(settings: dict[str, Any]) -> dict[str, str]:
    return {key.replace("_", " "): setting_text(value) for key, value in settings.items()}


def describe_runs(
    part: str, params: dict[str, Any], results: Results, classes: list[str]
) -> dict[str, dict[str, Any]]:
    """By run: settings that are not the defaults, scores as [mean, deviation or None], curve, confusions.

    A run that claims.yaml has put into another table since its curve was written has none, and is left out.
    """
    defaults = say_settings(section(params, f"{part}.defaults"))
    curves = pd.concat(results.curves[part].values()).drop_duplicates(["run", "epoch"])
    described = {}
    with_curve = set(curves.run)
    for run, settings in results.settings[part].items():
        if run not in with_curve:
            continue
        scores = results.scores[part][run]
        described[run] = {
            "settings": {k: text for k, text in say_settings(settings).items() if text != defaults[k]},
            "scores": {
                score: [scores[score], scores.get(f"{score}_std")]
                for score in (*SCORES, *class_scores(part, classes))
                if score in scores
            },
            **thin_curve(curves[curves.run == run]),
            "confusion": row_shares(results.confusions[part][run]),
        }
    return described


def thin_curve(curve: pd.DataFrame) -> dict[str, Any]:
    """Training and test accuracy in 1/10000, at every `every`-th epoch from the first, and at the `last`."""
    every = -(-len(curve) // CURVE_POINTS)
    kept = curve.iloc[[*range(0, len(curve) - 1, every), len(curve) - 1]]
    return {
        "every": every,
        "last": int(curve.epoch.iloc[-1]),
        **{
            split: (10_000 * kept[f"{split}_accuracy"]).round().astype(int).tolist()
            for split in ("train", "test")
        },
    }


def row_shares(confusion: np.ndarray) -> list[dict[str, int]]:
    """A confusion matrix in 1/1000 of each row, so of the test samples of a truth: by the number of the
    predicted class those that are not 0, since of a hundred classes nearly all are.
    """
    sums = confusion.sum(axis=1, keepdims=True)
    shares = np.divide(confusion, sums, out=np.zeros_like(confusion), where=sums > 0)
    thousandths = (1000 * shares).round().astype(int).tolist()
    return [{str(predicted): share for predicted, share in enumerate(row) if share} for row in thousandths]


def make_cells(results: Results, trial: dict[str, Any], images: np.ndarray) -> dict[str, dict[str, Any]]:
    """By part, the confusion matrix of the final network's first replicate, and samples of its cells: of
    those parts whose final network is the first that the page runs, on samples of one size.
    """
    cells = {}
    if results.finals["mlp"] and results.finals["mlp"] in run_names(trial["numerals"])[:1]:
        cells["mlp"] = cells_of(results.digits["test"], results.digit_classes, images)
    faces = run_names(trial["faces"])
    resized = all(results.settings["cnn"][run]["crops"] == "resized" for run in faces)
    if results.finals["cnn"] and results.finals["cnn"] in faces[:1] and resized:
        crops = load_crops()
        pixels = crops.resized[crops.test].transpose(0, 2, 3, 1)
        cells["cnn"] = cells_of(results.crops["test"], results.mask_classes, pixels)
    return cells


def run_names(networks: list[dict[str, Any]]) -> list[str]:
    return [network["run"] for network in networks]


def cells_of(samples: pd.DataFrame, classes: list[str], pixels: np.ndarray) -> dict[str, Any]:
    """The counts of a confusion matrix, and `chosen`: truth and prediction of each sample in the sprite, in
    the order of cells; `pixels` (n, side, side) or (n, side, side, 3) are those of all `samples`.

    Each cell has as many samples, evenly spread, as fit into SPRITE_BYTES; one, where these do not fit.
    """
    truth, predicted = (samples[name].map(classes.index).to_numpy() for name in ("truth", "predicted"))
    pairs = [
        np.flatnonzero((truth == t) & (predicted == p))
        for t in range(len(classes))
        for p in range(len(classes))
    ]
    for limit in range(CELL_SAMPLES, 0, -1):
        rows = np.concatenate([cell[spread(len(cell), limit)] for cell in pairs])
        if limit > 1 and len(rows) * SAMPLE_BYTES > SPRITE_BYTES:
            continue
        if len(sprite := make_sprite(pixels[rows])) <= SPRITE_BYTES:
            break
    return {
        "counts": count_confusions(samples, classes).to_numpy().tolist(),
        "side": pixels.shape[1],
        "columns": SPRITE_COLUMNS,
        "chosen": np.stack([truth[rows], predicted[rows]], axis=1).tolist(),
        "sprite": f"data:image/webp;base64,{base64.b64encode(sprite).decode()}",
    }


def make_sprite(pixels: np.ndarray) -> bytes:
    """Samples in rows of SPRITE_COLUMNS, as a WebP that keeps every value: the networks read them from it."""
    rows = -(-len(pixels) // SPRITE_COLUMNS)
    side, blank = pixels.shape[1], rows * SPRITE_COLUMNS - len(pixels)
    padded = np.concatenate([pixels, np.zeros((blank, *pixels.shape[1:]), np.uint8)])
    grid = padded.reshape(rows, SPRITE_COLUMNS, side, side, -1).swapaxes(1, 2)
    picture = Image.fromarray(grid.reshape(rows * side, SPRITE_COLUMNS * side, -1).squeeze()).convert("RGB")
    webp = BytesIO()
    picture.save(webp, "WEBP", lossless=True, method=6)
    return webp.getvalue()


def latent_epochs(params: dict[str, Any], results: Results) -> dict[str, dict[str, Any]]:
    """By figure of two units: the epochs that its run recorded, and the points of some test samples at each.

    Points are bytes (epochs, samples, 2) that span the range of all epochs; digits are bytes (samples,).
    """
    found = {}
    for figure, settings in section(params, "project_latents").items():
        latents = load_latents(run_folder("mlp", settings["run"]))
        if settings["method"] != "units" or latents is None:
            continue
        points, trained = results.latents[figure], results.settings["mlp"][settings["run"]]
        names = points.digit[points.epoch == points.epoch.iloc[0]]
        digits = names.map(results.digit_classes.index).to_numpy(np.uint8)
        epochs, samples = spread(len(latents.epoch), LATENT_EPOCHS), spread(len(digits), LATENT_SAMPLES)
        chosen = latents.activations[0][np.ix_(epochs, samples)]
        low, high = chosen.min(axis=(0, 1)), chosen.max(axis=(0, 1))
        scaled = 255 * (chosen - low) / np.maximum(high - low, 1e-9)
        found[figure] = {
            "epochs": latents.epoch[epochs].tolist(),
            "last": trained["epochs"],
            "hidden": setting_text(trained["hidden"]),
            "all": len(digits),
            "digits": base64.b64encode(digits[samples].tobytes()).decode(),
            "points": base64.b64encode(scaled.round().astype(np.uint8).tobytes()).decode(),
        }
    return found
