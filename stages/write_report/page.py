"""The page: what its template is given, and how it is rendered, one HTML file with its pictures inside."""

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.common.digits import Digits
from pipeline.evaluation.claims import Claims
from pipeline.evaluation.tables import count_samples
from pipeline.runtime.settings import section
from stages.write_report.colours import mask_colours
from stages.write_report.contents import LEFT_OPEN
from stages.write_report.figures.galleries import LIMIT
from stages.write_report.figures.rendering import Picture
from stages.write_report.findings import list_findings
from stages.write_report.results import Results
from stages.write_report.tables import (
    MARKS,
    confusion_cells,
    list_claims,
    list_figures,
    list_runs,
    list_sections,
    percent,
)
from stages.write_report.try_it import make_trial

TEMPLATES = Path(__file__).parent
# The sections of params.yaml that the page shows. The others say where the data are, which differs between
# machines, and how work is spread.
SHOWN_SECTIONS = ("prepare_digits", "crop_masks", "mlp", "cnn", "project_latents")
PACKAGES = ("dvc", "torch", "numpy", "scipy", "pandas", "pillow", "scikit-learn", "matplotlib", "jinja2")
SAMPLES = {"mlp": ("digits", "numerals"), "cnn": ("masks", "photographs")}


def other_data(results: Results, claims: Claims) -> dict[str, list[str]]:
    """Which data are not the report's: `synthetic` ones, and `own` ones, in words."""
    found: dict[str, list[str]] = {"report": [], "synthetic": [], "own": []}
    for part, (source, name) in SAMPLES.items():
        samples = count_samples(results.class_accuracy[part])
        found[claims.data[part].kind_of(results.sources[source]["source"], samples)].append(name)
    return {kind: found[kind] for kind in ("synthetic", "own")}


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


def make_context(params: dict[str, Any], claims: Claims, results: Results, test: Digits) -> dict[str, Any]:
    """The variables of the template, pictures apart; `test` is the test set of digits."""
    final = results.finals["cnn"]
    return {
        "marks": MARKS,
        "colours": mask_colours(results.mask_classes),
        "sections": list_sections(results),
        "left_open": LEFT_OPEN,
        **list_figures(results),
        "runs": list_runs(params, results),
        "f4": {split: confusion_cells(results.claims, split) for split in ("train", "test")},
        "claims": list_claims(results.claims),
        "required": claims.probability,
        "gallery": LIMIT,
        "trial": make_trial(results, test.images, test.labels),
        "snapshot_epoch": results.settings["cnn"][final]["snapshot_epoch"] if final else 0,
        **list_findings(results),
        **provenance(params, results, claims),
    }


def points(value: float) -> str:
    """A difference of two shares in percentage points, with its sign."""
    return f"{100 * value:+.1f}".replace("-", "−")


def plain_json(value: Any) -> str:
    return json.dumps(value, indent=1)


def render_page(context: dict[str, Any], pictures: dict[str, Picture]) -> str:
    """The page; every name and text from the data is escaped, a name missing in the context is an error."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., str]] = {"percent": percent, "points": points, "json": plain_json}
    environment.filters |= filters
    return environment.get_template("page.html").render(context, pictures=pictures, zip=zip)
