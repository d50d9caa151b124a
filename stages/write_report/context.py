"""The variables of the page's template."""

from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluation.claims import Claims, read_claims
from pipeline.runtime.settings import section
from stages.write_report.colours import mask_colours
from stages.write_report.contents import LEFT_OPEN
from stages.write_report.facts import facts
from stages.write_report.figures.galleries import LIMIT
from stages.write_report.results import Results
from stages.write_report.tables import (
    MARKS,
    confusion_cells,
    list_claims,
    list_figures,
    list_runs,
    list_sections,
)
from stages.write_report.try_it import make_trial

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


def other_data(results: Results, claims: Claims) -> dict[str, list[str]]:
    """Which data are not the report's: `synthetic` ones, and `own` ones, in words."""
    found: dict[str, list[str]] = {"synthetic": [], "own": []}
    for part, (source, name) in SAMPLES.items():
        kind = results.sources[source]["source"]
        if kind == "synthetic":
            found["synthetic"].append(name)
        elif not claims.data[part].is_same(kind, results.samples(part)):
            found["own"].append(name)
    return found


def provenance(params: dict[str, Any], results: Results, claims: Claims) -> dict[str, Any]:
    """Where the data are from, and which packages made the page; the same for every rerun."""
    return {
        "profile": section(params, "profile"),
        "seed": section(params, "seed"),
        "sources": results.sources,
        "notes": results.notes,
        **other_data(results, claims),
        "versions": {name: version(name) for name in PACKAGES},
        "params": {name: section(params, name) for name in SHOWN_SECTIONS},
    }


def make_context(
    params: dict[str, Any],
    results: Results,
    finals: dict[str, str | None],
    boxes: pd.DataFrame,
    images: np.ndarray,
    labels: np.ndarray,
) -> dict[str, Any]:
    """The variables of the template, pictures apart; images (n, 28, 28) and labels (n,) are the test set of
    digits.
    """
    claims = read_claims()
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
        "required": claims.probability,
        "gallery": LIMIT,
        "trial": make_trial(results, images, labels),
        "snapshot_epoch": snapshot,
        **facts(results, finals, boxes),
        **provenance(params, results, claims),
    }
