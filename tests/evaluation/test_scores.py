"""Scores, tables and curves from runs made by hand, against scikit-learn and pencil."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, recall_score

from pipeline.common.runs import Run, read_run
from pipeline.common.storage import save_arrays
from pipeline.evaluation import curves, folds, scores, tables
from pipeline.evaluation.claims import report_tables
from pipeline.evaluation.intervals import wilson_interval
from pipeline.runtime.errors import InputError
from pipeline.runtime.settings import read_params
from tests.conftest import ROOT
from tests.evaluation.test_claims import CLAIMS
from tests.making import MASK_CLASSES


def make_run(**settings):
    """Two replicates: the first gave up its third epoch, the second stopped after its second."""
    curves = pd.DataFrame(
        {
            "replicate": [0, 0, 0, 1, 1],
            "epoch": [1, 2, 3, 1, 2],
            "kept": [1, 1, 0, 1, 1],
            "train_loss": [2.0, 1.0, 9.0, 2.0, 3.0],
            "train_accuracy": [0.5, 0.75, 0.1, 0.5, 0.25],
            "test_loss": [2.0, 1.5, 9.0, 2.0, 3.0],
            "test_accuracy": [0.4, 0.6, 0.1, 0.5, 0.2],
        }
    )
    predictions = {
        "train": [np.array([0, 1, 1, 2]), np.array([0, 0, 2, 2])],
        "test": [np.array([0, 1, 2]), np.array([2, 1, 2])],
    }
    truth = {"train": [np.array([0, 1, 2, 2])] * 2, "test": [np.array([0, 1, 2])] * 2}
    return Run({"batch_size": 4, "hidden": [3]} | settings, curves, predictions, truth)


def run_of(truth, *predictions, **settings):
    """A run of which only the test set is known: the true classes, and what each replicate predicts."""
    test = {"test": [np.array(each) for each in predictions]}
    return Run(settings, None, test, {"test": [np.array(truth)] * len(predictions)})


def test_mean_and_sample_deviation_over_replicates():
    summary = scores.mean_and_std(scores.scores_of_replicates(make_run()))
    assert summary["train_accuracy"] == 0.5
    assert summary["train_accuracy_std"] == pytest.approx(0.353553)
    one = scores.mean_and_std(scores.scores_of_replicates(make_run()).iloc[:1])
    assert one["train_loss"] == 1.0 and "train_loss_std" not in one


def test_class_accuracy_is_the_recall_of_each_class():
    run = make_run()
    table = scores.class_scores(run, ["bad", "good", "none"])
    for split, truth in run.truth.items():
        for replicate in (0, 1):
            expected = recall_score(truth[replicate], run.predictions[split][replicate], average=None)
            columns = [f"{split}_accuracy_{name}" for name in ("bad", "good", "none")]
            assert table.loc[replicate, columns].tolist() == pytest.approx(expected.tolist())


def test_a_table_shows_the_settings_in_which_its_rows_differ(tmp_path):
    runs = {"a": make_run(hidden=[3]), "b": make_run(hidden=[5])}
    metrics = {name: scores.mean_and_std(scores.scores_of_replicates(run)) for name, run in runs.items()}
    tables.write_tables(tmp_path / "tables", {"T1": ["a", "b"], "T2": ["b"]}, runs, metrics)
    table = pd.read_csv(tmp_path / "tables/T1.csv")
    assert table.run.tolist() == ["a", "b"]
    assert table.hidden.tolist() == ["[3]", "[5]"]
    assert "batch_size" not in table and table.test_accuracy.tolist() == pytest.approx([0.4, 0.4])
    assert "hidden" not in pd.read_csv(tmp_path / "tables/T2.csv")


def test_curves_are_means_over_the_replicates_that_reached_the_epoch(tmp_path):
    curves.write_curves(tmp_path / "curves", {"T1": ["a"]}, {"a": make_run()})
    curve = pd.read_csv(tmp_path / "curves/T1.csv").set_index("epoch")
    assert curve.train_loss.to_dict() == {1: 2.0, 2: 2.0, 3: 9.0}
    assert curve.train_loss_std[2] == pytest.approx(2**0.5, rel=1e-5)
    assert np.isnan(curve.train_loss_std[3])


def test_runs_in_no_table_stand_in_one_of_their_own():
    assert tables.others({"T1": ["b"]}, list("abc")) == {"others": ["a", "c"]}
    assert tables.others({"T1": list("abc")}, list("abc")) == {}


def test_a_run_has_one_colour_and_its_neighbours_others():
    params = read_params(ROOT / "params.yaml")
    for part in ("mlp", "cnn"):
        runs = list(params[part]["runs"])
        of_report = report_tables(CLAIMS, part, runs)
        shown = of_report | tables.others(of_report, runs)
        colours = curves.choose_colours(shown, runs)
        assert all(len({colours[run] for run in members}) == len(members) for members in shown.values())


def test_colours_come_again_where_there_are_too_few():
    runs = [f"r{number}" for number in range(2 * len(curves.COLOURS))]
    colours = curves.choose_colours({"T1": runs}, runs)
    assert sorted(colours.values()) == sorted(2 * curves.COLOURS)


def test_samples_and_class_accuracies_are_written(tmp_path):
    run, names = make_run(), ["bad", "good", "none"]
    by_class = {"a": scores.mean_and_std(scores.class_scores(run, names))}
    tables.write_class_accuracy(tmp_path, {"a": run}, by_class, names)
    tables.write_predictions(tmp_path / "predictions", run, names)
    samples = pd.read_csv(tmp_path / "predictions/train.csv", keep_default_na=False)
    assert samples.truth.tolist() == ["bad", "good", "none", "none"]
    assert samples.predicted.tolist() == ["bad", "good", "good", "none"]
    table = pd.read_csv(tmp_path / "class_accuracy.csv", keep_default_na=False)
    row = table[(table.split == "train") & (table["class"] == "none")].iloc[0]
    assert float(row.accuracy) == 0.75 and row.samples == 2


def test_a_confusion_has_a_row_for_classes_that_are_never_predicted(tmp_path):
    run = run_of([0, 0, 1, 2], [0, 0, 0, 2])
    tables.write_confusions(tmp_path / "confusion", {"mine": run}, MASK_CLASSES)
    table = pd.read_csv(tmp_path / "confusion/mine.csv", keep_default_na=False)
    table = table[table.split == "test"]
    counts = table.pivot(index="truth", columns="predicted", values="samples")
    expected = confusion_matrix([0, 0, 1, 2], [0, 0, 0, 2])
    np.testing.assert_array_equal(counts.loc[list(MASK_CLASSES), list(MASK_CLASSES)], expected)
    assert table.share.tolist() == [1, 0, 0, 1, 0, 0, 0, 0, 1]


def test_the_mean_recall_is_over_the_classes_that_have_samples():
    run = run_of([0, 1, 1], [0, 1, 2], [2, 1, 2])
    by_class = scores.class_scores(run, MASK_CLASSES)
    expected = [balanced_accuracy_score(*pair) for pair in run.samples("test")]
    assert by_class.recall.tolist() == pytest.approx(expected)


def test_a_run_that_was_never_trained_is_an_error(tmp_path):
    with pytest.raises(InputError, match="holds no trained run"):
        read_run(tmp_path)


def test_settings_survive_the_round_trip(tmp_path):
    run = make_run()
    (tmp_path / "settings.json").write_text(json.dumps(run.settings))
    run.curves.to_csv(tmp_path / "curves.csv", index=False)
    for replicate in (0, 1):
        arrays = {split: each[replicate] for split, each in run.predictions.items()}
        arrays |= {f"{split}_truth": each[replicate] for split, each in run.truth.items()}
        save_arrays(tmp_path / f"predictions_{replicate}.safetensors", arrays)
    again = read_run(tmp_path)
    assert again.settings == run.settings
    for name in ("predictions", "truth"):
        was, now = getattr(run, name), getattr(again, name)
        assert list(now) == ["train", "test"]
        assert all((a == b).all() for split in was for a, b in zip(was[split], now[split], strict=True))
    pd.testing.assert_frame_equal(again.final(), run.final())


def test_confusions_are_shares_of_all_samples():
    run = run_of([0, 0, 0, 1, 2], [0, 1, 1, 1, 2], [0, 0, 0, 2, 2])
    table = scores.confusion_shares(run, ["a", "b", "c"])
    assert table.test_confusion_a_b.tolist() == [0.4, 0.0]
    assert table.test_confusion_b_c.tolist() == [0.0, 0.2]
    assert table.sum(axis=1).tolist() == pytest.approx([1, 1])


def test_pairs_of_classes_whose_names_have_underscores_are_told_apart(tmp_path, monkeypatch):
    """k taken for s_k, and k_s taken for k, have the same name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plots/mlp").mkdir(parents=True)
    classes = ["k", "k_s", "s_k"]
    table = scores.confusion_shares(run_of([0, 0, 1, 2], [2, 2, 0, 2]), classes)
    assert table.columns.is_unique
    tables.write_replicates(tmp_path / "plots/mlp", {"final": table}, {"final": pd.DataFrame(index=[0])})
    read = tables.read_replicates("mlp", ["final"])
    shares = [read[f"mlp.final.{score}"].item() for score in scores.confusion_scores("test", classes)]
    np.testing.assert_array_equal(np.reshape(shares, (3, 3)), [[0, 0, 0.5], [0.25, 0, 0], [0, 0, 0.25]])


def test_scores_of_replicates_are_read_as_they_were_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plots/mlp").mkdir(parents=True)
    table = pd.DataFrame({"train_loss": np.random.default_rng(0).random(2) / 3})
    epochs = pd.DataFrame({"epochs": [3, 4]})
    scored, for_claims = {"none": table, "007": table + 1}, {"none": epochs, "007": epochs}
    tables.write_replicates(tmp_path / "plots/mlp", scored, for_claims)
    read = tables.read_replicates("mlp", ["none", "007"])
    assert set(read) == {"mlp.none.train_loss", "mlp.none.epochs", "mlp.007.train_loss", "mlp.007.epochs"}
    assert (read["mlp.007.train_loss"] == table.train_loss + 1).all()


def test_a_run_that_is_not_asked_for_is_not_read_and_one_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plots/cnn").mkdir(parents=True)
    scored = {name: pd.DataFrame({"recall": [0.5, 0.7]}) for name in ("final", "gone")}
    tables.write_replicates(tmp_path / "plots/cnn", scored, {name: pd.DataFrame() for name in scored})
    assert set(tables.read_replicates("cnn", ["final"])) == {"cnn.final.recall"}
    said = "plots/cnn/replicates.csv has no row of the run mine, new; `dvc repro evaluate_cnn` makes it"
    with pytest.raises(InputError, match=re.escape(said)):
        tables.read_replicates("cnn", ["new", "final", "mine"])


@pytest.mark.parametrize(
    ("path", "stage"),
    [
        ("data/boxes.csv", "crop_masks"),
        ("plots/mlp/runs.csv", "evaluate_mlp"),
        ("plots/cnn/tables/T9.csv", "evaluate_cnn"),
        ("plots/latents/mine.csv", "project_latents"),
        ("plots/separation/mine.csv", "project_latents"),
        ("/home/mlp/plots/claims/claims.csv", "check_claims"),
    ],
)
def test_a_table_that_is_missing_is_said_with_its_stage(tmp_path, monkeypatch, path, stage):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"^{path} is missing; `dvc repro {stage}` makes it$"):
        tables.read_csv(Path(path))


def test_a_class_without_samples_has_no_score_and_is_named(capsys):
    run, whole = run_of([0, 1, 1], [0, 1, 2], [2, 1, 2]), run_of([0, 1, 2], [0, 1, 2])
    by_class = scores.class_scores(run, MASK_CLASSES)
    assert by_class.test_accuracy_none.isna().all()
    assert "test_accuracy_none" not in scores.mean_and_std(by_class)
    scores.say_missing_classes("cnn", {"a": run, "b": run}, MASK_CLASSES)
    assert "cnn: no test sample is of class none, so there is no score for it" in capsys.readouterr().err
    scores.say_missing_classes("cnn", {"a": run, "b": whole}, MASK_CLASSES)
    assert "cnn: no test sample of a is of class none, so there" in capsys.readouterr().err


def test_folds_are_pooled_over_all_samples_and_have_wilson_intervals(tmp_path):
    """Two folds of other sizes: of class 0 three in four are found, of class 1 one in two."""
    truth = [np.array([0, 0, 1, 0]), np.array([0, 1])]
    predicted = [np.array([0, 1, 1, 0]), np.array([0, 0])]
    run = Run({"folds": 2}, None, {"test": predicted}, {"test": truth})
    folds.write_folds(tmp_path, {"a": run, "b": run_of([0], [0], folds=0)}, ["x", "y", "z"])
    table = pd.read_csv(tmp_path / "folds.csv").set_index("class")
    assert set(table.run) == {"a"}
    expected = {"x": 0.75, "y": 0.5, "all": 4 / 6, "mean": 0.625}
    assert table.recall.dropna().to_dict() == pytest.approx(expected, abs=1e-5)
    assert table.samples.to_dict() == {"x": 4, "y": 2, "z": 0, "all": 6, "mean": 6}
    bounds = [wilson_interval(0.75, 4), wilson_interval(0.5, 2), wilson_interval(4 / 6, 6)]
    np.testing.assert_allclose(table.loc[["x", "y", "all"], ["low", "high"]], bounds, atol=1e-5)
