"""The page: what its template is given, and how it is rendered, one HTML file with its pictures inside."""

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.common.digits import Digits
from pipeline.evaluation.claims import Claims, reported_values
from pipeline.evaluation.measures import measure_of
from pipeline.evaluation.tables import count_samples
from pipeline.runtime.settings import section
from stages.write_report.colours import DARK_COLOURS, digit_colours, mask_colours
from stages.write_report.contents import LEFT_OPEN, name_samples
from stages.write_report.figures.confusions import MOST_NUMBERED
from stages.write_report.figures.galleries import LIMIT
from stages.write_report.figures.rendering import Picture
from stages.write_report.figures.style import name_in_figures
from stages.write_report.findings import list_findings
from stages.write_report.glance import face_of_each_class, layers_of_cnn, layers_of_mlp, list_dots
from stages.write_report.look_into import QUESTIONS, make_look_into
from stages.write_report.results import Results
from stages.write_report.tables import (
    MARKS,
    confusion_cells,
    list_claims,
    list_figures,
    list_runs,
    list_sections,
    percent,
    say_p,
)
from stages.write_report.try_it import make_trial

TEMPLATES = Path(__file__).parent
# The sections of params.yaml that the page shows. The others say where the data are, which differs between
# machines, and how work is spread.
SHOWN_SECTIONS = ("prepare_digits", "crop_masks", "mlp", "cnn", "project_latents")
PACKAGES = ("dvc", "torch", "numpy", "scipy", "pandas", "pillow", "scikit-learn", "matplotlib", "jinja2")
SOURCES = {"mlp": "digits", "cnn": "masks"}


def kinds_of_data(results: Results, claims: Claims) -> dict[str, str]:
    """By part, whose its data are: the report's, synthetic, or one's own."""
    kinds: dict[str, str] = {}
    for part, source in SOURCES.items():
        samples = count_samples(results.class_accuracy[part])
        kinds[part] = claims.data[part].kind_of(results.sources[source]["source"], samples)
    return kinds


def other_data(kinds: dict[str, str], samples: str) -> dict[str, list[str]]:
    """Which data are not the report's: `synthetic` ones, and `own` ones, in words; `samples` of part 1."""
    names = {"mlp": samples, "cnn": "photographs"}
    return {
        kind: [name for part, name in names.items() if kinds[part] == kind] for kind in ("synthetic", "own")
    }


def count_trainings(results: Results) -> int:
    """How many networks were trained: the replicates of every run."""
    return sum(
        len(results.replicates[part][measure_of(part, run, "test_accuracy")])
        for part, runs in results.settings.items()
        for run in runs
    )


def provenance(params: dict[str, Any], results: Results, claims: Claims) -> dict[str, Any]:
    """Where the data are from, and which packages made the page; the same for every rerun."""
    kinds = kinds_of_data(results, claims)
    return {
        "profile": section(params, "profile"),
        "seed": section(params, "seed"),
        "sources": results.sources,
        "notes": results.notes,
        "kinds": kinds,
        **other_data(kinds, f"{name_samples(results.digit_classes)}s"),
        "versions": {name: version(name) for name in PACKAGES},
        "params": {name: section(params, name) for name in SHOWN_SECTIONS},
    }


def make_context(params: dict[str, Any], claims: Claims, results: Results, test: Digits) -> dict[str, Any]:
    """The variables of the template, pictures apart; `test` is the test set of digits."""
    final, finals, settings = results.finals["cnn"], results.finals, results.settings
    digit_classes = results.digit_classes
    trial = make_trial(results, test.images, test.labels)
    return {
        "marks": MARKS,
        "colours": mask_colours(results.mask_classes),
        "sections": list_sections(results),
        "left_open": LEFT_OPEN,
        **list_figures(results),
        "runs": list_runs(params, results),
        "f4": {split: confusion_cells(results.claims, split) for split in ("train", "test")},
        "claims": list_claims(results.claims, claims.probability),
        "required": claims.probability,
        "total": len(reported_values(claims)) + sum(each.kind != "ours" for each in claims.claims.values()),
        "reproduced": int(((results.claims.verdict == "passed") & (results.claims.kind != "ours")).sum()),
        "trainings": count_trainings(results),
        "samples": {part: sum(count_samples(results.class_accuracy[part]).values()) for part in SOURCES},
        "dots": list_dots(results.claims),
        "faces": face_of_each_class(results),
        "drawn": {
            "mlp": layers_of_mlp(settings["mlp"][finals["mlp"]], len(digit_classes)) if finals["mlp"] else [],
            "cnn": layers_of_cnn(
                settings["cnn"][finals["cnn"]], section(params, "crop_masks.side"), len(results.mask_classes)
            )
            if finals["cnn"]
            else [],
        },
        "epochs_of": {
            name: ", ".join(map(str, sorted(points.epoch.unique())))
            for name, points in results.latents.items()
        },
        "gallery": LIMIT,
        "in_cells": {
            part: f"{'counts, and ' if len(names) <= MOST_NUMBERED else ''}shares of the row"
            for part, names in (("mlp", digit_classes), ("cnn", results.mask_classes))
        },
        "trial": trial,
        "look_into": make_look_into(params, results, trial, test.images),
        "questions": QUESTIONS,
        "numeral": name_samples(digit_classes),
        "digit_classes": digit_classes,
        "digit_colours": [(each, DARK_COLOURS[each]) for each in digit_colours(len(digit_classes))],
        "names_in_figures": dict(zip(name_in_figures(digit_classes), digit_classes, strict=True)),
        "finals": results.finals,
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
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}  # in their own order
    filters: dict[str, Callable[..., str]] = {
        "percent": lambda *share: percent(*share).replace(" ", "\N{NO-BREAK SPACE}"),
        "points": points,
        "json": plain_json,
        "p": say_p,
    }
    environment.filters |= filters
    return environment.get_template("page.html").render(context, pictures=pictures, zip=zip)
