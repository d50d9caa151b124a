"""The training of an MLP against PyTorch's SGD: epochs, record, early stopping, and the files of a run."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pipeline.common.digits import Digits, load_digits, save_digits
from pipeline.common.paths import DIGITS
from pipeline.common.seeds import generator
from pipeline.common.storage import load_arrays
from pipeline.runtime.errors import InputError
from pipeline.runtime.progress import Progress
from pipeline.training.curve import Curve
from stages.train_mlp import __main__ as train_mlp
from stages.train_mlp import mlp
from stages.train_mlp import training as mlp_training
from stages.train_mlp.settings import MlpSettings
from tests.autograd import autograd_loss
from tests.making import files_in, put, put_run
from tests.small_trainings import MLP

SETTINGS = MLP | {
    "hidden": [8, 6],
    "initial_biases": "zeros",
    "learning_rate": 0.5,
    "batch_size": 16,
    "epochs": 6,
    "latents_every": 0,
    "seeds": 2,
}


@pytest.fixture
def digits(tmp_path):
    """300 noisy samples of ten 4x4 patterns, 200 of them for training."""
    rng = np.random.default_rng(5)
    labels = np.arange(300) % 10
    patterns = rng.integers(0, 256, (10, 4, 4))
    images = np.clip(patterns[labels] + rng.normal(0, 60, (300, 4, 4)), 0, 255).astype(np.uint8)
    path, labels = tmp_path / "digits.safetensors", labels.astype(np.uint8)
    sides = {"train": slice(200), "test": slice(200, None)}
    save_digits(path, {split: Digits(images[rows], labels[rows]) for split, rows in sides.items()})
    return path


def train(digits, seed=0, replicate=0, **changes):
    return mlp_training.train(digits, "mlp.runs.test", seed, MlpSettings(**SETTINGS | changes), replicate)


def accuracies(result, split="train"):
    return [row[f"{split}_accuracy"] for row in result.curve]


@pytest.mark.parametrize(
    ("activation", "weights", "biases", "batch_size", "momentum"),
    [
        ("tanh", "normal", "zeros", 3, 0.0),
        ("relu", "scaled", "zeros", 4, 0.0),
        ("sigmoid", "normal", "normal", 3, 0.9),
        ("tanh", "scaled", "zeros", 4, 0.9),
    ],
)
def test_a_training_is_torch_sgd_over_the_samples_as_they_were_shuffled(
    digits, activation, weights, biases, batch_size, momentum
):
    """In batches of 3, of which 200 samples leave one of 2, or of 4; more than are put in order at a time."""
    changes = {"activation": activation, "initial_weights": weights, "initial_biases": biases}
    changes |= {"initial_std": 0.3, "learning_rate": 0.05, "batch_size": batch_size, "momentum": momentum}
    changes |= {"epochs": 2, "latents_every": 1}
    result = train(digits, replicate=1, **changes)
    samples = load_digits(digits)
    images = {split: torch.from_numpy(samples[split].images).flatten(1) / 255.0 for split in samples}
    labels = {split: torch.from_numpy(samples[split].labels).long() for split in samples}
    start = mlp.initial_layers([16, 8, 6, 10], weights, biases, 0.3, activation, generator(0, "weights", 1))
    expected = [torch.from_numpy(layer).requires_grad_() for layer in start]
    optimizer = torch.optim.SGD(expected, lr=0.05, momentum=momentum, nesterov=momentum > 0)
    shuffling = generator(0, "shuffling", 1)
    for row in result.curve:
        for batch in torch.from_numpy(shuffling.permutation(200)).split(batch_size):
            optimizer.zero_grad()
            autograd_loss(expected, images["train"][batch], labels["train"][batch], activation).backward()
            optimizer.step()
        for split in images:
            loss = autograd_loss(expected, images[split], labels[split], activation)
            assert row[f"{split}_loss"] == pytest.approx(loss.item(), rel=1e-5)
        latents = images["test"]
        for layer in expected[:-1]:
            latents = getattr(torch, activation)(latents @ layer[:, :-1].T + layer[:, -1])
        np.testing.assert_allclose(result.latents[row["epoch"]], latents.detach(), rtol=1e-4, atol=1e-5)
    for index, layer in enumerate(expected):
        np.testing.assert_allclose(result.weights[f"layer_{index}"], layer.detach(), rtol=1e-4, atol=1e-5)


def test_training_learns_and_records_every_epoch(digits):
    result = train(digits, epochs=40)
    assert [row["epoch"] for row in result.curve] == list(range(1, 41))
    assert accuracies(result)[-1] > 0.9 > 0.3 > accuracies(result)[0]
    right = result.predictions["test"] == load_digits(digits)["test"].labels
    assert right.mean() == pytest.approx(accuracies(result, "test")[-1])


def test_keeping_the_best_never_ends_below_an_earlier_epoch(digits):
    restless = {"learning_rate": 8.0, "epochs": 30}
    result = train(digits, keep_best=True, **restless)
    kept = [row["train_accuracy"] for row in result.curve if row["kept"]]
    assert len(kept) < 30, "some epoch must have been taken back for this test to show anything"
    assert kept == sorted(set(kept)) and kept[-1] == max(accuracies(result))
    right = result.predictions["train"] == load_digits(digits)["train"].labels
    assert right.mean() == pytest.approx(kept[-1])
    without = train(digits, **restless)
    assert all(row["kept"] for row in without.curve)


def test_momentum_goes_back_with_the_weights(digits):
    """The epoch after one that was taken back begins where the kept one ended: two taken back are equal
    steps from the same weights but for the order of samples, so with all samples in one mini-batch, equal.
    """
    result = train(digits, keep_best=True, momentum=0.9, batch_size=200, learning_rate=8.0, epochs=60)
    rows = result.curve
    back = [row["epoch"] for row in rows if not row["kept"]]
    twice = next(epoch for epoch in back if epoch + 1 in back)
    assert rows[twice]["train_loss"] == pytest.approx(rows[twice - 1]["train_loss"], rel=1e-4)


def test_a_validation_set_that_is_cut_short_is_said(digits, capsys):
    assert len(train(digits, validation=150, epochs=1).truth["validation"]) == 66
    assert "mlp.runs.test #0 validation is a third of the training samples, 66" in capsys.readouterr().err
    train(digits, validation=60, epochs=1)
    assert "a third" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rule", "column", "sign"), [("accuracy", "train_accuracy", 1), ("loss", "train_loss", -1)]
)
def test_early_stopping_waits_for_its_patience(digits, capsys, rule, column, sign):
    result = train(digits, early_stopping=rule, patience=3, learning_rate=8.0, epochs=400)
    values = [sign * row[column] for row in result.curve]
    assert len(values) < 400
    assert max(values[-3:]) <= max(values[:-3])
    best_before = [max(values[:end]) for end in range(1, len(values))]
    waits = [max(values[end : end + 3]) <= best for end, best in enumerate(best_before, 1)]
    assert waits.index(True) == len(values) - 4, "it must stop the first time that the rule holds"
    assert (
        f"stops after epoch {len(values)}: training {rule} has not improved for 3 epochs"
        in capsys.readouterr().err
    )


def test_latents_are_recorded_every_n_epochs(digits):
    result = train(digits, latents_every=2)
    assert list(result.latents) == [2, 4, 6]
    assert result.latents[6].shape == (100, 6)
    assert not np.array_equal(result.latents[2], result.latents[6])


def test_latents_of_an_epoch_that_was_taken_back_are_those_of_the_weights_that_stayed(digits):
    result = train(digits, keep_best=True, learning_rate=8.0, epochs=30, latents_every=1)
    kept = [row["kept"] for row in result.curve]
    back = kept.index(0, kept.index(1)) + 1
    np.testing.assert_array_equal(result.latents[back], result.latents[back - 1])


def test_divergence_names_epoch_and_learning_rate(digits):
    with pytest.raises(InputError, match=r"mlp.runs.test #1: diverged in epoch \d+ at learning_rate 1e\+06"):
        train(digits, activation="relu", initial_std=1e6, learning_rate=1e6, replicate=1)


def test_a_batch_can_be_all_of_the_data_and_not_more(digits):
    assert len(train(digits, batch_size=200, epochs=1).curve) == 1
    with pytest.raises(InputError, match="batch_size is 201, but there are 200 training samples"):
        train(digits, batch_size=201)


def test_a_class_can_be_missing_from_the_training_samples(digits):
    samples = load_digits(digits)
    samples["train"].labels[samples["train"].labels == 9] = 8
    save_digits(digits, samples)
    assert accuracies(train(digits, epochs=60))[-1] > 0.9


def test_a_curve_has_a_row_for_each_epoch_and_ends_with_the_last_that_was_kept(capsys):
    curve = Curve("mlp.runs.mine", 2, 3, 0.1)
    scores = [
        {"train_loss": 1.0, "train_accuracy": a, "test_accuracy": b} for a, b in ((0.5, 0.4), (0.7, 0.6))
    ]
    curve.record(scores[0])
    curve.record(scores[1])
    curve.record(scores[0], kept=False)
    assert curve.close() == [
        {"replicate": 2, "epoch": 1, "kept": 1, **scores[0]},
        {"replicate": 2, "epoch": 2, "kept": 1, **scores[1]},
        {"replicate": 2, "epoch": 3, "kept": 0, **scores[0]},
    ]
    said = "mlp.runs.mine #2 3 epochs: training accuracy 0.7000, test accuracy 0.6000\n"
    assert capsys.readouterr().err == said, "and no bar, since this is no terminal"


def test_generators_do_not_move_each_other():
    assert generator(0, "weights").random() == generator(0, "weights").random()
    draws = {
        generator(*key).random()
        for key in [(0, "weights"), (0, "shuffling"), (1, "weights"), (0, "weights", 1)]
    }
    assert len(draws) == 4


def run_stage_in(folder, digits, monkeypatch, workers=1, seed=0, **run):
    """The files that the stage writes in `folder`."""
    put(folder / DIGITS, digits.read_bytes())
    put_run(folder, "mlp", SETTINGS, run, seed, workers=workers)
    monkeypatch.chdir(folder)
    train_mlp.main("mine")
    return files_in(folder / "models/mlp/mine")


def test_a_run_is_the_same_bytes_with_one_worker_and_two_but_not_with_another_seed(
    tmp_path, digits, monkeypatch
):
    one = run_stage_in(tmp_path / "one", digits, monkeypatch, workers=1, latents_every=3)
    two = run_stage_in(tmp_path / "two", digits, monkeypatch, workers=2, latents_every=3)
    other = run_stage_in(tmp_path / "other", digits, monkeypatch, seed=1, latents_every=3)
    names = ["curves.csv", "latents.safetensors", "predictions_0.safetensors", "predictions_1.safetensors"]
    names += ["replicate_0.safetensors", "replicate_1.safetensors", "settings.json"]
    assert sorted(one) == names
    assert one == two
    assert one["replicate_0.safetensors"] != one["replicate_1.safetensors"]
    assert all(one[name] != other[name] for name in one if name != "settings.json")


def test_a_run_leaves_what_its_replicates_do_alone(tmp_path, digits, monkeypatch):
    files = run_stage_in(tmp_path / "project", digits, monkeypatch, latents_every=3)
    alone = [train(digits, replicate=replicate, latents_every=3) for replicate in range(2)]
    rows = [row for result in alone for row in result.curve]
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    assert files["curves.csv"].decode() == "\n".join(lines) + "\n"
    assert json.loads(files["settings.json"]) == SETTINGS | {"latents_every": 3}
    for replicate, result in enumerate(alone):
        predictions = load_arrays(Path(f"models/mlp/mine/predictions_{replicate}.safetensors"))
        assert sorted(predictions) == ["test", "test_truth", "train", "train_truth"]
        for split in ("train", "test"):
            assert predictions[split].dtype == np.uint8
            assert (predictions[split] == result.predictions[split]).all()
            assert (predictions[f"{split}_truth"] == load_digits(digits)[split].labels).all()
        weights = load_arrays(Path(f"models/mlp/mine/replicate_{replicate}.safetensors"))
        assert sorted(weights) == sorted(result.weights)
        assert all((weights[name] == values).all() for name, values in result.weights.items())


def test_a_line_of_the_log_is_written_at_once(monkeypatch):
    """Other replicates write to the same log, whose lines would run into each other."""
    written = []
    log = SimpleNamespace(write=written.append, flush=lambda: None, isatty=lambda: False)
    monkeypatch.setattr(sys, "stderr", log)
    Progress("mlp.runs.mine #0", 1, 0.1, 0).say("1 epochs")
    assert [text for text in written if text] == ["mlp.runs.mine #0 1 epochs\n"]
