"""What the page says and draws of tables T15 and T16."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.folds import ALL, MEAN
from stages.write_report import left_open, tables
from stages.write_report.figures.steps import draw_remedies, draw_steps

RECALLS = {"cv_nothing": (0.9, 0.98, 0.2), "cv_weighted": (0.9, 0.88, 0.75), "mine": (0.96, 0.95, 0.8)}
SIZES = {"bad": 20, "good": 70, "none": 10}
STEPS = {"step_report": 0.87, "step_scaled": 0.96, "best": 0.98, "best_sheets": 0.95}


@pytest.fixture
def found():
    """Results of three remedies and three steps, as far as this chapter reads them."""
    rows = []
    for run, recalls in RECALLS.items():
        shares = dict(zip(SIZES, recalls, strict=True))
        rows += [(run, name, share, share - 0.1, share + 0.1, SIZES[name]) for name, share in shares.items()]
        accuracy = sum(share * SIZES[name] for name, share in shares.items()) / 100
        rows += [(run, ALL, accuracy, 0.5, 1.0, 100), (run, MEAN, np.mean(recalls), None, None, 100)]
    folds = pd.DataFrame(rows, columns=["run", "class", "recall", "low", "high", "samples"])
    steps = pd.DataFrame(
        {"run": list(STEPS), "test_accuracy": list(STEPS.values()), "test_accuracy_std": 0.001}
    )
    settings = {"hidden": [512, 256], "seeds": 3}
    return SimpleNamespace(
        folds=folds,
        tables={"mlp": {"T16": steps}, "cnn": {"T15": pd.DataFrame({"run": [*RECALLS, "in_no_folds"]})}},
        scores={"mlp": {run: {"test_accuracy": value} for run, value in STEPS.items()}},
        settings={"mlp": dict.fromkeys(STEPS, settings), "cnn": dict.fromkeys(RECALLS, {"folds": 5})},
    )


def test_the_best_remedy_is_that_of_the_best_mean_recall(found):
    facts = left_open.facts_of_remedies(found)
    assert (facts["rarest"], facts["samples"], facts["all"], facts["folds"]) == ("none", 10, 100, 5)
    assert facts["best"]["name"] == "mine" and facts["best"]["rarest"] == 0.8
    assert facts["best"]["mean"] == pytest.approx(0.9033, abs=1e-4)
    assert facts["sampler"]["name"] == "weighted sampler"
    assert facts["sampler"]["accuracy"] == pytest.approx(0.871)
    assert facts["first"]["rarest"] == 0.2


def test_the_steps_end_before_the_run_on_other_sheets(found):
    facts = left_open.facts_of_steps(found)
    assert facts["first"] == {"name": "chosen by training loss", "accuracy": 0.87}
    assert facts["last"]["accuracy"] == 0.98 and facts["sheets"] == {"test_accuracy": 0.95}
    assert facts["largest"] == {"name": "scaled weights, ReLU", "gain": pytest.approx(0.09)}


def test_without_two_runs_there_is_nothing_to_say(found):
    found.folds = found.folds[found.folds.run == "mine"]
    found.tables["mlp"]["T16"] = found.tables["mlp"]["T16"].iloc[2:]
    assert left_open.facts_of_remedies(found) is None and left_open.facts_of_steps(found) is None


def test_the_table_of_remedies_has_every_recall_with_its_interval(found):
    panel = tables.make_fold_panel(found.folds, left_open.remedies(found))
    assert panel.scores == ["mean recall", "accuracy", "recall of bad", "recall of good", "recall of none"]
    names = [panel.names[run] for run, _, _ in panel.rows]
    assert names == ["the final setting", "weighted sampler", "mine"]
    of_sampler = [cell.ours for cell in panel.rows[1][2]]
    assert of_sampler == [
        "0.843",
        "0.871 (0.50–1.00)",
        *[f"{x:.3f} ({x - 0.1:.2f}–{x + 0.1:.2f})" for x in RECALLS["cv_weighted"]],
    ]


def test_the_figures_show_every_value(found):
    names = left_open.remedies(found)
    (axes,) = draw_remedies(found.folds[found.folds.run.isin(names)], names).axes
    drawn = [float(x) for line in axes.lines if len(line.get_xdata()) == len(names) for x in line.get_xdata()]
    assert all(np.isclose(drawn, recall).any() for recall in found.folds.recall)
    figure = draw_steps(found.tables["mlp"]["T16"], left_open.steps(found))
    labels = [label.get_text() for label in figure.axes[0].child_axes[0].get_yticklabels()]
    assert labels == ["87.00%", "96.00%  +9.00", "98.00%  +2.00"]
