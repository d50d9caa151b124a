"""What the page is made from: the results of all earlier stages, of random numbers."""

import json
import shutil
import zipfile
from io import BytesIO

import numpy as np
import pandas as pd
from PIL import Image
from ruamel.yaml import YAML

from pipeline.common.classes import DIGIT_CLASSES
from pipeline.common.crops import Crops
from pipeline.common.digits import Digits, save_digits
from pipeline.common.runs import Run
from pipeline.common.storage import save_arrays
from pipeline.evaluation.claims import read_claims, report_tables
from pipeline.evaluation.folds import write_folds
from pipeline.evaluation.scores import (
    class_scores,
    mean_and_std,
    scores_for_claims,
    scores_of_replicates,
)
from pipeline.evaluation.tables import write_plots, write_replicates
from pipeline.evaluation.verdicts import Finding, write_findings
from pipeline.runtime.settings import resolve_run
from stages.evaluate_mlp.__main__ import score
from tests.conftest import ROOT
from tests.making import MASK_CLASSES, put, save_crops

EVIL = 'images/<script>alert("1")</script>&\'.png'
EPOCHS = 3
SAMPLES = {"mlp": {"train": 60, "test": 40}, "cnn": {"train": 24, "test": 11}}


def write_workspace(folder, digit_classes=DIGIT_CLASSES):
    """A project in which every stage before has run, on numbers drawn at random."""
    rng = np.random.default_rng(0)
    for name in ("params.yaml", "claims.yaml"):
        shutil.copy(ROOT / name, folder)
    params = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")
    for part in ("digits", "masks"):
        (folder / "data/raw" / part).mkdir(parents=True)
        source = {
            "source": "synthetic",
            "title": "drawn",
            "address": None,
            "licence": "none",
            "sha256": "0" * 64,
        }
        (folder / "data/raw" / part / "source.json").write_text(json.dumps(source))
    write_digits(folder, rng, params, digit_classes)
    write_masks(folder, rng, params)
    write_networks(folder, rng, digit_classes)
    write_claims(folder)


def random_run(rng, part, settings, classes):
    """A run of two replicates as training leaves it, with errors at random."""
    curves = pd.DataFrame(
        {"replicate": np.repeat([0, 1], EPOCHS), "epoch": [*range(1, EPOCHS + 1)] * 2, "kept": 1}
    )
    for column in ("train_loss", "train_accuracy", "test_loss", "test_accuracy"):
        curves[column] = rng.uniform(0.1, 0.9, 2 * EPOCHS)
    predictions = {split: list(rng.integers(classes, size=(2, n))) for split, n in SAMPLES[part].items()}
    truth = {split: [np.arange(n) % classes] * 2 for split, n in SAMPLES[part].items()}
    return Run(settings, curves, predictions, truth)


def write_scores(folder, rng, params, part, classes):
    """plots/<part>/ and settings/<part>/, by the code that writes them in the pipeline."""
    settings = {name: resolve_run(params, part, name) for name in params[part]["runs"]}
    runs = {name: random_run(rng, part, each, len(classes)) for name, each in settings.items()}
    scores = {}
    for name, run in runs.items():
        if part == "mlp":
            scores[name] = score(run, classes)
        else:
            both = [scores_of_replicates(run), class_scores(run, classes)]
            scores[name] = pd.concat(both, axis="columns")
    means = {name: mean_and_std(table) for name, table in scores.items()}
    if part == "cnn":
        runs["final"].predictions["snapshot"] = runs["final"].truth["test"]
    plots = folder / "plots" / part
    plots.mkdir(parents=True)
    tables = report_tables(read_claims(folder / "claims.yaml"), part, runs)
    write_plots(plots, part, tables, runs, means, classes)
    write_replicates(plots, scores, {name: scores_for_claims(run, classes) for name, run in runs.items()})
    if part == "cnn":
        write_folds(plots, runs, classes)
    for name, run in runs.items():
        put(folder / f"settings/{part}/{name}.json", json.dumps({"settings": run.settings}).encode())


def write_digits(folder, rng, params, classes):
    """data/digits.safetensors, the scores of part 1, and the latents of F1 to F3."""
    labels = {split: np.arange(n) % len(classes) for split, n in SAMPLES["mlp"].items()}
    write_scores(folder, rng, params, "mlp", classes)
    images = rng.integers(256, size=(SAMPLES["mlp"]["test"], 28, 28), dtype=np.uint8)
    digits = {split: Digits(images, each.astype(np.uint8)) for split, each in labels.items()}
    save_digits(folder / "data/digits.safetensors", digits, classes)
    notes = {"layout": "arrays (.npz)", "split": "drawn", "notes": [], "sheets": 3}
    put(folder / "data/digits.json", json.dumps(notes).encode())
    for kind in ("latents", "separation"):
        (folder / "plots" / kind).mkdir()
    for figure in params["project_latents"]:
        points = pd.DataFrame(rng.random((2 * len(images), 2)), columns=["x", "y"])
        names = np.tile(np.array(classes)[labels["test"]], 2)
        points.assign(epoch=np.repeat([10, 20], len(images)), digit=names).to_csv(
            folder / f"plots/latents/{figure}.csv", index=False
        )
        separation = pd.DataFrame(
            {"replicate": 0, "epoch": [10, 20], "knn_accuracy": 0.5, "silhouette": -0.1}
        )
        separation.to_csv(folder / f"plots/separation/{figure}.csv", index=False)


def write_masks(folder, rng, params):
    """Photographs and their boxes, crops, and the scores of part 2."""
    rows = []
    for split, n in SAMPLES["cnn"].items():
        for index in range(n):
            label = MASK_CLASSES[index % 3]
            rows.append((split, EVIL, label, 5, 5, 5 + 4 * index, 40, 0, 0, f"{split}/{label}/{index}.png"))
    columns = [
        "split",
        "photograph",
        "label",
        "left",
        "top",
        "right",
        "bottom",
        "clipped",
        "exif_rotated",
        "crop",
    ]
    boxes = pd.DataFrame(rows, columns=columns).assign(right=lambda table: table.right + 5)
    boxes.to_csv(folder / "data/boxes.csv", index=False)
    notes = {"layout": "CSV: x.csv", "split": "as published", "notes": [f"odd: {EVIL}"], "skipped": 4}
    put(folder / "data/boxes.json", json.dumps(notes).encode())
    shape = (len(boxes), 3, 32, 32)
    crops = Crops(
        resized=np.random.default_rng(1).integers(256, size=shape, dtype=np.uint8),
        large=np.zeros((len(boxes), 3, 64, 64), np.uint8),
        pooled=np.zeros(shape, np.float32),
        label=boxes.label.map(MASK_CLASSES.index).to_numpy(np.uint8),
        test=(boxes.split == "test").to_numpy(),
        photograph=np.zeros(len(boxes), np.int32),
        classes=list(MASK_CLASSES),
    )
    save_crops(folder / "data/crops.safetensors", crops)
    photograph = BytesIO()
    Image.new("RGB", (200, 100), "teal").save(photograph, "PNG")
    with zipfile.ZipFile(folder / "data/raw/masks/masks.zip", "w") as archive:
        archive.writestr(EVIL, photograph.getvalue())
    write_scores(folder, rng, params, "cnn", MASK_CLASSES)


def write_networks(folder, rng, classes):
    """models/, as far as the page takes networks from there: weights, predictions and latents at random."""

    def settings(part, run):
        return json.loads((folder / f"settings/{part}/{run}.json").read_text())["settings"]

    for run in ("final", "best_small", "latents_16_2"):
        (folder / "models/mlp" / run).mkdir(parents=True)
        sizes = [784, *settings("mlp", run)["hidden"], len(classes)]
        layers = {
            f"layer_{n}": rng.normal(size=(units, sizes[n] + 1)).astype(np.float32)
            for n, units in enumerate(sizes[1:])
        }
        about = {"kind": "mlp", "activation": "sigmoid", "classes": list(classes), "side": 28}
        save_arrays(folder / f"models/mlp/{run}/replicate_0.safetensors", layers, about)
        predictions = rng.integers(len(classes), size=SAMPLES["mlp"]["test"]).astype(np.uint8)
        save_arrays(folder / f"models/mlp/{run}/predictions_0.safetensors", {"test": predictions})
    latents = {"epoch": np.array([10, 120]), "activations": rng.random((2, 2, SAMPLES["mlp"]["test"], 2))}
    for run in ("latents_16_2", "latents_32_16_2"):
        (folder / "models/mlp" / run).mkdir(exist_ok=True)
        save_arrays(folder / f"models/mlp/{run}/latents.safetensors", latents)
    put(
        folder / "models/mlp/latents_16_2/settings.json",
        json.dumps(settings("mlp", "latents_16_2")).encode(),
    )
    for run in ("final", "weighted"):
        (folder / "models/cnn" / run).mkdir(parents=True)
        shapes = {"0": (16, 3, 3, 3), "3": (32, 16, 3, 3), "7": (3, 1152)}
        weights = {f"{n}.weight": rng.normal(size=shape) for n, shape in shapes.items()}
        weights |= {f"{n}.bias": rng.normal(size=shape[0]) for n, shape in shapes.items()}
        about = settings("cnn", run) | {"kind": "cnn", "side": 32, "classes": list(MASK_CLASSES)}
        save_arrays(folder / f"models/cnn/{run}/replicate_0.safetensors", weights, about)


def write_claims(folder):
    """A verdict of each kind."""
    rows = [
        ("T1.h64_32.test_accuracy", "T1", "value", "", 0.9018, 0.9, 0.025, None, "passed", ["ours"]),
        ("T9.adam.test_accuracy_none", "T9", "value", "", 0.27, 0.9, 0.1, None, "failed", ["ours"]),
        (
            "T3.rate_0_01.reported_loss",
            "T3",
            "value",
            "",
            0.00194,
            0.9,
            None,
            None,
            "not_comparable",
            ["ours"],
        ),
        ("F4.test.3.2", "F4", "value", "", 0.0177, 0.02, 0.01, None, "passed", ["ours"]),
        ("C1", "T1", "ordering", "Two <b>layers</b>", None, 0.02, 0, 0.97, "passed", ["a 0.9 > b 0.8", "c"]),
        ("C11", "F2 and F3", "ordering", "Separation", None, 0.02, 0, 0.4, "failed", ["a 0.9 > b 0.8"]),
        ("C13", "F4", "contradicted", "120 errors", 120, 669, None, None, "contradicted", ["sum 669"]),
    ]
    names = ("id", "where", "kind", "sentence", "report", "ours", "tolerance", "probability", "verdict")
    (folder / "plots/claims").mkdir()
    findings = [Finding(**dict(zip((*names, "evidence"), row, strict=True))) for row in rows]
    write_findings(folder / "plots/claims/claims.csv", findings)
