"""Scores, tables and curves from runs made by hand, against scikit-learn and pencil."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score

from pipeline.common.settings import InputError
from pipeline.evaluation import scores
from stages import evaluate_mlp, project_latents


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
    predictions = {"train": np.array([[0, 1, 1, 2], [0, 0, 2, 2]]), "test": np.array([[0, 1, 2], [2, 1, 2]])}
    return scores.Run({"batch_size": 4, "hidden": [3]} | settings, curves, predictions)


def test_a_run_ends_at_its_last_kept_epoch():
    table = evaluate_mlp.score(make_run())
    assert table.train_accuracy.tolist() == [0.75, 0.25]
    assert table.test_error.tolist() == pytest.approx([0.4, 0.8])
    assert table.train_loss.tolist() == [1.0, 3.0]
    assert table.reported_loss.tolist() == [0.25, 0.75]
    assert table.epochs.tolist() == [3, 2]


def test_mean_and_sample_deviation_over_replicates():
    summary = scores.mean_and_std(evaluate_mlp.score(make_run()))
    assert summary["train_accuracy"] == 0.5
    assert summary["train_accuracy_std"] == pytest.approx(0.353553)
    one = scores.mean_and_std(evaluate_mlp.score(make_run()).iloc[:1])
    assert one["train_loss"] == 1.0 and "train_loss_std" not in one


def test_class_accuracy_is_the_recall_of_each_class():
    truth = {"train": np.array([0, 1, 2, 2]), "test": np.array([0, 1, 2])}
    run = make_run()
    table = scores.class_accuracies(run, truth, ["bad", "good", "none"])
    for split, labels in truth.items():
        for replicate in (0, 1):
            expected = recall_score(labels, run.predictions[split][replicate], average=None)
            columns = [f"{split}_accuracy_{name}" for name in ("bad", "good", "none")]
            assert table.loc[replicate, columns].tolist() == pytest.approx(expected.tolist())


def test_a_table_shows_the_settings_in_which_its_rows_differ(tmp_path):
    runs = {"a": make_run(hidden=[3]), "b": make_run(hidden=[5])}
    metrics = {name: scores.mean_and_std(evaluate_mlp.score(run)) for name, run in runs.items()}
    scores.write_tables(tmp_path / "tables", {"T1": ["a", "b"], "T2": ["b"]}, runs, metrics)
    table = pd.read_csv(tmp_path / "tables/T1.csv")
    assert table.run.tolist() == ["a", "b"]
    assert table.hidden.tolist() == ["[3]", "[5]"]
    assert "batch_size" not in table and table.test_accuracy.tolist() == pytest.approx([0.4, 0.4])
    assert "hidden" not in pd.read_csv(tmp_path / "tables/T2.csv")


def test_curves_are_means_over_the_replicates_that_reached_the_epoch(tmp_path):
    scores.write_curves(tmp_path / "curves", {"T1": ["a"]}, {"a": make_run()})
    curve = pd.read_csv(tmp_path / "curves/T1.csv").set_index("epoch")
    assert curve.train_loss.to_dict() == {1: 2.0, 2: 2.0, 3: 9.0}
    assert curve.train_loss_std[2] == pytest.approx(2**0.5, rel=1e-5)
    assert np.isnan(curve.train_loss_std[3])


def test_runs_in_no_table_have_curves_too(tmp_path):
    runs = {name: make_run() for name in "abc"}
    scores.write_curves(tmp_path / "curves", {"T1": ["b"]}, runs)
    assert set(pd.read_csv(tmp_path / "curves/others.csv").run) == {"a", "c"}
    scores.write_curves(tmp_path / "again", {"T1": list("abc")}, runs)
    assert [path.name for path in (tmp_path / "again").iterdir()] == ["T1.csv"]


def test_samples_and_class_accuracies_are_written(tmp_path):
    truth = {"train": np.array([0, 1, 2, 2]), "test": np.array([0, 1, 2])}
    run, names = make_run(), ["bad", "good", "none"]
    by_class = {"a": scores.mean_and_std(scores.class_accuracies(run, truth, names))}
    scores.write_samples(tmp_path, by_class, run, truth, names)
    confusion = pd.read_csv(tmp_path / "confusion_train.csv", keep_default_na=False)
    assert confusion.truth.tolist() == ["bad", "good", "none", "none"]
    assert confusion.predicted.tolist() == ["bad", "good", "good", "none"]
    table = pd.read_csv(tmp_path / "class_accuracy.csv", keep_default_na=False)
    row = table[(table.split == "train") & (table["class"] == "none")].iloc[0]
    assert float(row.accuracy) == 0.75 and row.samples == 2


def test_a_table_of_unknown_runs_is_an_error(tmp_path):
    params = {"mlp": {"runs": {"a": {}}, "tables": {"T1": ["a", "b"]}}}
    with pytest.raises(InputError, match="mlp.tables.T1 names the run 'b'; the runs are a"):
        scores.read_runs(params, "mlp", tmp_path)


def test_a_run_that_was_never_trained_is_an_error(tmp_path):
    with pytest.raises(InputError, match="holds no trained run"):
        scores.read_runs({"mlp": {"runs": {"a": {}}, "tables": {}}}, "mlp", tmp_path)


def test_separation_tells_clusters_from_noise():
    rng = np.random.default_rng(0)
    digits = np.arange(400) % 10
    centres = np.stack([np.arange(10) * 10.0, np.zeros(10)], axis=1)
    clusters = project_latents.separation(centres[digits] + rng.normal(size=(400, 2)), digits)
    noise = project_latents.separation(rng.normal(size=(400, 2)), digits)
    assert clusters["knn_accuracy"] > 0.97 and clusters["silhouette"] > 0.5
    assert noise["knn_accuracy"] < 0.25 and noise["silhouette"] < 0


def test_pca_has_the_same_axes_at_every_epoch():
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(2, 50, 5)).astype(np.float32)
    latents[1] = latents[0] + 3.0
    points = project_latents.project("pca", latents, 0)
    shift = points[1] - points[0]
    assert points.shape == (2, 50, 2)
    np.testing.assert_allclose(shift, np.broadcast_to(shift[0], shift.shape), atol=1e-4)
    assert np.linalg.norm(shift[0]) == pytest.approx(3 * 5**0.5, rel=1e-2)


def test_latents_of_an_epoch_that_was_not_recorded_are_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models/mlp/a").mkdir(parents=True)
    np.savez("models/mlp/a/latents.npz", epoch=[10, 20], activations=np.zeros((1, 2, 4, 2)))
    assert project_latents.read_latents("a", [20]).shape == (1, 1, 4, 2)
    with pytest.raises(InputError, match=r"no latents of epoch \[30\]; it recorded \[10, 20\]"):
        project_latents.read_latents("a", [20, 30])
    with pytest.raises(InputError, match="latents_every above 0"):
        project_latents.read_latents("b", [20])


def test_settings_survive_the_round_trip(tmp_path):
    run = make_run()
    (tmp_path / "settings.json").write_text(json.dumps(run.settings))
    run.curves.to_csv(tmp_path / "curves.csv", index=False)
    np.savez(tmp_path / "predictions.npz", **run.predictions)
    again = scores.read_run(tmp_path)
    assert again.settings == run.settings
    pd.testing.assert_frame_equal(again.final(), run.final())


def test_the_table_of_the_final_network_must_be_there():
    run = scores.Run({}, None, {})
    assert scores.shown_run({"a": None, "b": run}, {"T7": ["b", "a"]}, "T7") is run
    with pytest.raises(InputError, match="params.yaml has no table T7; it names the run whose predictions"):
        scores.shown_run({"a": run}, {"T1": ["a"]}, "T7")
