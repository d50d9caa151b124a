"""The facts behind the page's sentences, on tables made by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from stages.train_cnn.cnn import build
from stages.write_report import findings, glance


def test_what_a_class_is_taken_for_is_counted_among_its_own_samples():
    """Others that are taken for it, or for the same class, do not count."""
    rows = [("none", "good")] * 2 + [("none", "bad")] * 3 + [("none", "none")] * 9
    rows += [("bad", "good")] * 7 + [("good", "none")] * 4
    crops = pd.DataFrame(rows, columns=["truth", "predicted"])
    assert findings.taken_for(crops, "none") == {"wrong": 5, "name": "bad", "count": 3}
    assert findings.taken_for(crops[crops.truth == crops.predicted], "none") == {"wrong": 0}


def results(**accuracy):
    """Results of the final network and the weighted one, with classes of 200, 50 and 10 training crops."""
    rows = [
        (run, split, name, accuracy[run][number] if split == "test" else 1.0, samples[number])
        for run in ("final", "weighted")
        for split, samples in (("train", (200, 50, 10)), ("test", (40, 20, 8)))
        for number, name in enumerate(("good", "bad", "none"))
    ]
    table = pd.DataFrame(rows, columns=["run", "split", "class", "accuracy", "samples"])
    scores = {"final": {"test_accuracy": 0.93}, "weighted": {"test_accuracy": 0.90}}
    return SimpleNamespace(class_accuracy={"cnn": table}, scores={"cnn": scores})


def test_the_rarest_class_is_that_of_the_training_set_with_its_intervals_and_the_cost():
    found = findings.rare_class(results(final=(0.99, 0.1, 0.25), weighted=(0.9, 0.9, 0.75)))
    assert (found["name"], found["meaning"], found["training"], found["all_training"]) == (
        "none", "worn wrongly", 10, 260,
    )  # fmt: skip
    assert (found["before"], found["after"], found["samples"]) == (0.25, 0.75, 8)
    assert found["before_interval"] == pytest.approx((0.0715, 0.5907), abs=1e-3)  # Wilson's, 2 of 8
    assert found["cost"] == pytest.approx(0.03)


def test_without_the_weighted_run_nothing_is_said_of_it():
    read = results(final=(1, 1, 1), weighted=(1, 1, 1))
    del read.scores["cnn"]["weighted"]
    assert findings.rare_class(read) is None


@pytest.mark.parametrize(
    "settings",
    [
        {"channels": [16, 32], "filter": 3, "stride": 1, "padding": 0, "head": [], "crops": "resized"},
        {"channels": [8, 16, 32], "filter": 5, "stride": 1, "padding": 2, "head": [20], "crops": "large"},
        {"channels": [4], "filter": 4, "stride": 3, "padding": 1, "head": [7, 5], "crops": "own_size"},
    ],
)
def test_the_layers_of_a_cnn_are_those_that_it_has(settings):
    side = 64 if settings["crops"] == "large" else 32
    layers = {key: value for key, value in settings.items() if key != "crops"}
    network = build(side, classes=3, **layers)
    sizes = []
    flow = torch.zeros(1, 3, side, side)
    for layer in network:
        flow = layer(flow)
        if isinstance(layer, torch.nn.MaxPool2d):
            sizes.append(flow.shape[-1])
    shown = glance.layers_of_cnn(settings, 32, 3)
    pooled = [layer[2] for layer in shown if len(layer) == 3]
    assert pooled == [f"pooled to {size} × {size}" for size in sizes]
    assert shown[0][0] == f"{side} × {side}" and shown[-1] == ["3", "classes"]
    assert [layer[0] for layer in shown[1 + len(sizes) : -1]] == [str(units) for units in settings["head"]]


def claim(where, report, ours, tolerance, verdict="passed"):
    return {
        "kind": "value", "where": where, "report": report, "ours": ours, "tolerance": tolerance,
        "verdict": verdict, "sentence": f"{report}",
    }  # fmt: skip


def test_a_dot_stands_as_many_tolerances_from_the_report_as_our_value_is():
    claims = pd.DataFrame(
        [
            claim("T1", 0.9, 0.92, 0.02),
            claim("T1", 0.9, 0.88, 0.02),
            claim("T2", 0.9, 0.5, 0.02, "failed"),
            claim("T2", 0.9, np.nan, 0.02, "not_comparable"),
            claim("T3", 0.9, 0.9, np.nan),
        ]
    )
    found = dict(glance.list_dots(claims))
    assert [dot.place for dot in found["T1"]] == [1, -1]
    assert [dot.place for dot in found["T2"]] == [-glance.FARTHEST] and "T3" not in found
    same = glance.list_dots(pd.DataFrame([claim("T1", 0.9, 0.9, 0.1)] * 3))
    rows = [dot.row for dot in same[0][1]]
    assert len(set(rows)) == 3, "dots in one place stand beside each other"
