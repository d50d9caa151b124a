"""The hand-derived back-propagation against autograd, and the training around it."""

import json
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file
from sklearn.metrics import log_loss

from stages import train_mlp
from stages.compute import Compute
from stages.networks import mlp
from stages.replicates import Curve, Patience, run_replicates, write_run
from stages.seeds import generator
from stages.settings import InputError

SETTINGS = {
    "hidden": [8, 6],
    "activation": "sigmoid",
    "initial_weights": "normal",
    "initial_biases": "zeros",
    "initial_std": 1.0,
    "learning_rate": 0.5,
    "batch_size": 16,
    "epochs": 6,
    "early_stopping": "none",
    "patience": 10,
    "keep_best": False,
    "latents_every": 0,
}


@pytest.fixture
def digits(tmp_path):
    """300 noisy samples of ten 4x4 patterns, 200 of them for training."""
    rng = np.random.default_rng(5)
    labels = np.arange(300) % 10
    patterns = rng.integers(0, 256, (10, 4, 4))
    images = np.clip(patterns[labels] + rng.normal(0, 60, (300, 4, 4)), 0, 255).astype(np.uint8)
    path = tmp_path / "digits.npz"
    labels = labels.astype(np.uint8)
    np.savez(
        path,
        train_images=images[:200],
        train_labels=labels[:200],
        test_images=images[200:],
        test_labels=labels[200:],
    )
    return path


def train(digits, **changes):
    seed = changes.pop("seed", 0)
    replicate = changes.pop("replicate", 0)
    return train_together(digits, [replicate], seed=seed, **changes)[0]


def train_together(digits, replicates, seed=0, **changes):
    return mlp.train(digits, "test", seed, replicates, "cpu", **SETTINGS | changes)


def with_ones(rows):
    return torch.cat([rows, rows.new_ones(len(rows), 1)], dim=1)


def accuracies(result, split="train"):
    return [row[f"{split}_accuracy"] for row in result["curve"]]


def autograd_loss(layers, images, labels, activation):
    """The network once more, with separate biases and torch's own loss."""
    for index, layer in enumerate(layers):
        images = images @ layer[:-1] + layer[-1]
        if index < len(layers) - 1:
            images = getattr(torch, activation)(images)
    return torch.nn.functional.cross_entropy(images, labels)


@settings(max_examples=60)
@given(
    hidden=st.lists(st.integers(1, 7) | st.integers(mlp.WIDE, mlp.WIDE + 64), min_size=1, max_size=4),
    activation=st.sampled_from(["sigmoid", "tanh", "relu"]),
    samples=st.integers(1, 9),
    pixels=st.integers(1, 6),
    seed=st.integers(0, 2**32),
    stacked=st.booleans(),
)
def test_a_step_follows_the_gradient_of_autograd(hidden, activation, samples, pixels, seed, stacked):
    rng = np.random.default_rng(seed)
    start = mlp.starting_layers([pixels, *hidden, 10], "normal", "normal", 1.0, activation, [rng])
    before = [layer.double()[0] for layer in start]
    images = torch.from_numpy(rng.random((samples, pixels)))
    labels = torch.from_numpy(rng.integers(0, 10, samples))
    targets = torch.nn.functional.one_hot(labels, 10).double()

    expected = [layer.clone().requires_grad_() for layer in before]
    autograd_loss(expected, images, labels, activation).backward()

    one = (lambda tensor: tensor[None]) if stacked else (lambda tensor: tensor)  # a stack of one, or itself
    layers = [one(layer.clone()) for layer in before]
    mlp.sgd(layers, one(with_ones(images)), one(targets), samples, 0.1, activation)(samples)
    for was, now, reference in zip(before, layers, expected, strict=True):
        torch.testing.assert_close((one(was) - now) / 0.1, one(reference.grad), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_an_epoch_with_a_smaller_last_batch_is_torch_sgd(activation):
    rng = np.random.default_rng(1)
    start = mlp.starting_layers([5, 4, 3, 10], "normal", "normal", 0.5, activation, [rng, rng])
    layers = [layer.double() for layer in start]
    images = torch.from_numpy(rng.random((2, 10, 5)))  # each replicate has samples of its own
    labels = torch.from_numpy(rng.integers(0, 10, (2, 10)))
    references = [[layer[index].clone().requires_grad_() for layer in layers] for index in range(2)]
    for expected, samples, classes in zip(references, images, labels, strict=True):
        optimizer = torch.optim.SGD(expected, lr=0.3)
        for batch, truth in zip(samples.split(4), classes.split(4), strict=True):
            optimizer.zero_grad()
            autograd_loss(expected, batch, truth, activation).backward()
            optimizer.step()

    targets = torch.nn.functional.one_hot(labels, 10).double()
    inputs = torch.cat([images, images.new_ones(2, 10, 1)], dim=2)
    mlp.sgd(layers, inputs, targets, 4, 0.3, activation)(10)
    for index, expected in enumerate(references):
        for now, reference in zip(layers, expected, strict=True):
            torch.testing.assert_close(now[index], reference.detach(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("replicates", [(), (2,)])
def test_steps_in_torchscript_have_the_bits_of_python(activation, replicates):
    assert isinstance(mlp.compiled(), torch.jit.ScriptFunction) == (sys.version_info < (3, 14))
    rng = np.random.default_rng(6)
    inputs = with_ones(torch.from_numpy(rng.random((32, 20), np.float32))).expand(*replicates, -1, -1)
    targets = torch.eye(10)[rng.integers(0, 10, (*replicates, 32))]
    start = mlp.starting_layers([20, 18, 17, 10], "normal", "normal", 1.0, activation, [rng, rng])
    left = []
    for steps in (mlp.descend, mlp.compiled(), mlp.compiled()):  # TorchScript optimises after its first call
        layers = [layer.clone() if replicates else layer[0].clone() for layer in start]
        batches = mlp.mini_batches(inputs, targets, 16)
        steps(layers, mlp.hidden_layers(layers, 16), batches, 0.1 / 16, activation)
        left.append(layers)
    for python, *scripts in zip(*left, strict=True):
        assert all(torch.equal(python, script) for script in scripts)


def test_a_function_of_steps_takes_those_of_as_many_rows_as_it_is_told():
    """Fewer rows than were given: the epoch's last ones, in batches of 4 and one of 2."""
    rng = np.random.default_rng(7)
    inputs, targets = with_ones(torch.from_numpy(rng.random((12, 5)))), torch.eye(10)[torch.arange(12) % 10]
    start = [
        layer.double()[0] for layer in mlp.starting_layers([5, 4, 10], "normal", "zeros", 1.0, "tanh", [rng])
    ]
    left = []
    for rows in (12, 6):
        layers = [layer.clone() for layer in start]
        mlp.sgd(layers, inputs[:rows], targets[:rows].double(), 4, 0.3, "tanh")(6)
        left.append(layers)
    for some, others, before in zip(*left, start, strict=True):
        torch.testing.assert_close(some, others, rtol=0, atol=0)
        assert not torch.equal(some, before)


@pytest.mark.parametrize(
    ("columns", "apart"),
    [(10, 10), (255, 255), (256, 17 * 16), (512, 33 * 16), (513, 33 * 16), (529, 35 * 16)],
)
def test_wide_rows_begin_an_odd_number_of_cache_lines_apart(columns, apart):
    matrices = mlp.matrices(torch.empty, 2, 3, columns)
    assert matrices.shape == (2, 3, columns) and matrices.stride() == (3 * apart, apart, 1)


def test_the_step_worked_in_the_docstring():
    layers = [torch.zeros(2, 2)]
    mlp.sgd(layers, torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 0.0]]), 1, 1.0, "sigmoid")(1)
    torch.testing.assert_close(layers[0], torch.tensor([[0.5, -0.5], [0.5, -0.5]]))


def test_evaluation_agrees_with_scikit_learn():
    rng = np.random.default_rng(2)
    layers = mlp.starting_layers([6, 5, 10], "normal", "zeros", 1.0, "sigmoid", [rng, rng])
    images, labels = torch.from_numpy(rng.random((1250, 6), np.float32)), torch.arange(1250) % 10
    latents = torch.empty(2, 1250, 5)
    losses, predicted = mlp.evaluate(layers, with_ones(images), labels, "sigmoid", latents)
    for index, (first, last) in enumerate(zip(*layers, strict=True)):
        hidden = torch.sigmoid(images @ first[:-1] + first[-1])
        probabilities = torch.softmax((hidden @ last[:-1] + last[-1]).double(), 1).numpy()
        expected = log_loss(labels, probabilities, labels=range(10))
        assert losses[index].item() == pytest.approx(expected, rel=1e-5)
        assert predicted[index].tolist() == probabilities.argmax(1).tolist()
        torch.testing.assert_close(latents[index], hidden)


@pytest.mark.parametrize(
    ("weights", "activation", "std"),
    [
        ("normal", "sigmoid", 0.3),
        ("scaled", "sigmoid", 1 / 20),
        ("scaled", "relu", 2**0.5 / 20),
        ("zeros", "tanh", 0),
    ],
)
def test_initial_weights_have_their_deviation(weights, activation, std):
    draws = [np.random.default_rng(0)]
    layer = mlp.starting_layers([400, 300], weights, "zeros", 0.3, activation, draws)[0][0]
    assert layer[:-1].std().item() == pytest.approx(std, rel=0.02)
    assert not layer[-1].any()


def test_initial_biases_can_be_normal():
    draws = [np.random.default_rng(0)]
    layer = mlp.starting_layers([3, 5000], "zeros", "normal", 0.3, "sigmoid", draws)[0][0]
    assert layer[-1].std().item() == pytest.approx(0.3, rel=0.05)
    assert not layer[:-1].any()


def test_initial_layers_are_the_single_precision_draws_of_each_replicate():
    seeds = (3, 4)
    draws = [np.random.default_rng(seed) for seed in seeds]
    layers = mlp.starting_layers([5, 4, 10], "normal", "normal", 0.3, "sigmoid", draws)
    for replicate, seed in enumerate(seeds):
        rng = np.random.default_rng(seed)
        for layer, (inputs, units) in zip(layers, [(5, 4), (4, 10)], strict=True):
            drawn = [rng.standard_normal(shape, np.float32) for shape in ((inputs, units), (1, units))]
            assert (layer[replicate].numpy() == np.concatenate(drawn) * np.float32(0.3)).all()


def test_buffers_have_the_shapes_that_a_step_needs():
    draws = [np.random.default_rng(0)] * 2
    layers = mlp.starting_layers([5, 4, 3, 10], "normal", "zeros", 1.0, "sigmoid", draws)
    expected = [[(7, 5), (7, 4), (5, 7), (7, 4), (3, 4)], [(7, 4), (7, 3), (4, 7), (7, 3), (10, 3)]]
    for replicates in ((2,), ()):
        given = layers if replicates else [layer[0] for layer in layers]
        shapes = [[tuple(view.shape) for view in buffer] for buffer in mlp.hidden_layers(given, 7)]
        assert shapes == [[(*replicates, *shape) for shape in buffer] for buffer in expected]


@pytest.mark.parametrize(
    ("activation", "weights", "biases"),
    [("tanh", "normal", "zeros"), ("relu", "scaled", "zeros"), ("sigmoid", "normal", "normal")],
)
def test_a_training_is_torch_sgd_over_the_samples_as_they_were_shuffled(digits, activation, weights, biases):
    """In batches of 3: 200 samples are more than are put in order at a time, and leave a batch of 2."""
    changes = {"activation": activation, "initial_weights": weights, "initial_biases": biases}
    changes |= {"initial_std": 0.3, "learning_rate": 0.1, "batch_size": 3, "epochs": 2, "latents_every": 1}
    result = train(digits, replicate=1, **changes)
    with np.load(digits) as arrays:
        images = {s: torch.from_numpy(arrays[f"{s}_images"]).flatten(1) / 255.0 for s in ("train", "test")}
        labels = {s: torch.from_numpy(arrays[f"{s}_labels"]).long() for s in images}
    draws = [generator(0, "weights", 1)]
    start = mlp.starting_layers([16, 8, 6, 10], weights, biases, 0.3, activation, draws)
    expected = [layer[0].requires_grad_() for layer in start]
    optimizer = torch.optim.SGD(expected, lr=0.1)
    shuffling = generator(0, "shuffling", 1)
    for row in result["curve"]:
        for batch in torch.from_numpy(shuffling.permutation(200)).split(3):
            optimizer.zero_grad()
            autograd_loss(expected, images["train"][batch], labels["train"][batch], activation).backward()
            optimizer.step()
        for split in images:
            loss = autograd_loss(expected, images[split], labels[split], activation)
            assert row[f"{split}_loss"] == pytest.approx(loss.item(), rel=1e-5)
        latents = images["test"]
        for layer in expected[:-1]:
            latents = getattr(torch, activation)(latents @ layer[:-1] + layer[-1])
        np.testing.assert_allclose(result["latents"][row["epoch"]], latents.detach(), rtol=1e-4, atol=1e-5)
    for index, layer in enumerate(expected):
        np.testing.assert_allclose(result["weights"][f"layer_{index}"], layer.detach(), rtol=1e-4, atol=1e-5)


def test_training_learns_and_records_every_epoch(digits):
    result = train(digits, epochs=40)
    assert [row["epoch"] for row in result["curve"]] == list(range(1, 41))
    assert accuracies(result)[-1] > 0.9 > 0.3 > accuracies(result)[0]
    with np.load(digits) as arrays:
        assert (result["test"] == arrays["test_labels"]).mean() == pytest.approx(
            accuracies(result, "test")[-1]
        )


def test_keeping_the_best_never_ends_below_an_earlier_epoch(digits):
    restless = {"learning_rate": 8.0, "epochs": 30}
    result = train(digits, keep_best=True, **restless)
    kept = [row["train_accuracy"] for row in result["curve"] if row["kept"]]
    assert len(kept) < 30, "some epoch must have been taken back for this test to show anything"
    assert kept == sorted(set(kept)) and kept[-1] == max(accuracies(result))
    with np.load(digits) as arrays:
        assert (result["train"] == arrays["train_labels"]).mean() == pytest.approx(kept[-1])
    without = train(digits, **restless)
    assert all(row["kept"] for row in without["curve"])


@pytest.mark.parametrize(
    ("rule", "column", "sign"), [("accuracy", "train_accuracy", 1), ("loss", "train_loss", -1)]
)
def test_early_stopping_waits_for_its_patience(digits, capsys, rule, column, sign):
    result = train(digits, early_stopping=rule, patience=3, learning_rate=8.0, epochs=400)
    values = [sign * row[column] for row in result["curve"]]
    assert len(values) < 400
    assert max(values[-3:]) <= max(values[:-3])
    best_before = [max(values[:end]) for end in range(1, len(values))]
    waits = [max(values[end : end + 3]) <= best for end, best in enumerate(best_before, 1)]
    assert waits.index(True) == len(values) - 4, "it must stop the first time that the rule holds"
    assert (
        f"stops after epoch {len(values)}: training {rule} has not improved for 3 epochs"
        in capsys.readouterr().err
    )


def test_patience_counts_epochs_without_a_better_score():
    waited, seen = Patience(), []
    for accuracy, loss in [(0.5, 2.0), (0.5, 1.9), (0.4, 1.9), (0.6, 2.5), (0.55, 1.8)]:
        waited.see(accuracy, loss)
        seen.append((waited.epochs["accuracy"], waited.epochs["loss"]))
    assert seen == [(0, 0), (1, 0), (2, 1), (0, 2), (1, 0)]


def test_latents_are_recorded_every_n_epochs(digits):
    result = train(digits, latents_every=2)
    assert list(result["latents"]) == [2, 4, 6]
    assert result["latents"][6].shape == (100, 6)
    assert not np.array_equal(result["latents"][2], result["latents"][6])


@pytest.mark.parametrize(
    "changes",
    [
        {"latents_every": 2},
        {"early_stopping": "accuracy", "patience": 2, "learning_rate": 4.0, "epochs": 60},
        {"keep_best": True, "learning_rate": 4.0, "epochs": 20},
    ],
)
def test_replicates_trained_together_as_on_a_gpu_are_those_trained_alone(digits, changes):
    together = train_together(digits, [0, 1, 2], **changes)
    alone = [train(digits, replicate=replicate, **changes) for replicate in range(3)]
    if "early_stopping" in changes:
        lengths = {len(result["curve"]) for result in alone}
        assert len(lengths) > 1, "they must stop at different epochs for this test to show anything"
    for one, other in zip(together, alone, strict=True):
        assert [row["kept"] for row in one["curve"]] == [row["kept"] for row in other["curve"]]
        for name, weights in other["weights"].items():  # products may be rounded in another order
            np.testing.assert_allclose(one["weights"][name], weights, rtol=1e-3, atol=1e-4)
        assert one["curve"][-1]["train_loss"] == pytest.approx(other["curve"][-1]["train_loss"], rel=1e-3)
        np.testing.assert_array_equal(one["test"], other["test"])
        assert list(one["latents"]) == list(other["latents"])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_agrees_with_the_processor(digits):
    alone = train(digits, epochs=3, latents_every=1)
    on_gpu = mlp.train(digits, "test", 0, [0, 1], "cuda", **SETTINGS | {"epochs": 3, "latents_every": 1})[0]
    for name, weights in alone["weights"].items():
        np.testing.assert_allclose(on_gpu["weights"][name], weights, rtol=1e-3, atol=1e-4)
    for epoch, latents in alone["latents"].items():
        np.testing.assert_allclose(on_gpu["latents"][epoch], latents, rtol=1e-3, atol=1e-4)


def test_divergence_names_epoch_and_learning_rate(digits):
    with pytest.raises(
        InputError, match=r"mlp.runs.test, replicate 1: diverged in epoch \d+ at learning_rate 1e\+30"
    ):
        train(digits, activation="relu", learning_rate=1e30, replicate=1)


def test_a_batch_can_be_all_of_the_data_and_not_more(digits):
    assert len(train(digits, batch_size=200, epochs=1)["curve"]) == 1
    with pytest.raises(InputError, match="batch_size is 201, but there are 200 training samples"):
        train(digits, batch_size=201)


def test_a_class_can_be_missing_from_the_training_samples(digits):
    with np.load(digits) as arrays:
        prepared = dict(arrays)
    prepared["train_labels"][prepared["train_labels"] == 9] = 8
    np.savez(digits, **prepared)
    assert accuracies(train(digits, epochs=40))[-1] > 0.9


def test_a_training_keeps_to_one_thread(digits):
    torch.set_num_threads(2)
    train(digits, epochs=1)
    assert torch.get_num_threads() == 1


def test_a_curve_has_a_row_for_each_epoch_and_ends_with_the_last_that_was_kept(capsys):
    curve = Curve("mlp.runs.mine", 2, 3, 0.1)
    scores = [
        {"train_loss": 1.0, "train_accuracy": a, "test_accuracy": b} for a, b in ((0.5, 0.4), (0.7, 0.6))
    ]
    curve.record(1, scores[0])
    curve.record(2, scores[1])
    curve.record(3, scores[0], kept=False)
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


def write_project(folder, digits, workers=1, seed=0, **run):
    """A folder in which the stage can run."""
    (folder / "data").mkdir(parents=True)
    (folder / "data/digits.npz").write_bytes(digits.read_bytes())
    params = {
        "seed": seed,
        "compute": {"workers": workers},
        "mlp": {"defaults": SETTINGS | {"seeds": 2}, "runs": {"mine": run}},
    }
    (folder / "params.yaml").write_text(json.dumps(params))
    return folder


def files_of_run(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "models/mlp/mine").iterdir())}


def test_a_run_is_the_same_bytes_with_one_worker_and_two_but_not_with_another_seed(
    tmp_path, digits, monkeypatch
):
    results = []
    for name, workers, seed in (("one", 1, 0), ("two", 2, 0), ("other", 1, 1)):
        monkeypatch.chdir(write_project(tmp_path / name, digits, workers, seed, latents_every=3))
        train_mlp.main("mine")
        results.append(files_of_run(tmp_path / name))
    one, two, other = results
    assert sorted(one) == [
        "curves.csv",
        "latents.npz",
        "predictions.npz",
        "replicate_0.safetensors",
        "replicate_1.safetensors",
        "settings.json",
    ]
    assert one == two
    assert one["replicate_0.safetensors"] != one["replicate_1.safetensors"]
    assert all(one[name] != other[name] for name in one if name != "settings.json")


def test_a_run_leaves_what_its_replicates_do_alone(tmp_path, digits, monkeypatch):
    folder = write_project(tmp_path / "project", digits, latents_every=3)
    monkeypatch.chdir(folder)
    train_mlp.main("mine")
    alone = [train(digits, replicate=replicate, latents_every=3) for replicate in range(2)]
    rows = [row for result in alone for row in result["curve"]]
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    files = files_of_run(folder)
    assert files["curves.csv"].decode() == "\n".join(lines) + "\n"
    assert json.loads(files["settings.json"]) == SETTINGS | {"seeds": 2, "latents_every": 3}
    with np.load(folder / "models/mlp/mine/predictions.npz") as predictions:
        assert sorted(predictions) == ["test", "train"]
        for split in predictions:
            assert predictions[split].dtype == np.uint8
            assert (predictions[split] == np.stack([result[split] for result in alone])).all()
    for replicate, result in enumerate(alone):
        weights = load_file(folder / f"models/mlp/mine/replicate_{replicate}.safetensors")
        assert sorted(weights) == sorted(result["weights"])
        assert all((weights[name] == values).all() for name, values in result["weights"].items())


def test_one_replicate_of_one_epoch_is_a_run_too(tmp_path):
    arrays = {"train": np.arange(3), "test": np.arange(2), "snapshot_test": np.arange(2) + 5}
    curve = [{"replicate": 0, "epoch": 1}]
    write_run(tmp_path, {}, [{"curve": curve, "weights": {}, "latents": np.arange(4), **arrays}])
    assert (tmp_path / "curves.csv").read_text() == "replicate,epoch\n0,1\n"
    with np.load(tmp_path / "predictions.npz") as predictions:
        assert {name: values.tolist() for name, values in predictions.items()} == {
            name: [values.tolist()] for name, values in arrays.items()
        }


def test_a_gpu_is_given_all_replicates_at_once(monkeypatch):
    monkeypatch.setattr(Compute, "on_gpu", lambda compute: True)
    assert run_replicates(lambda replicates, device: [replicates, device], 3, Compute()) == [
        [0, 1, 2],
        "cuda",
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"hiden": [3]}, "`mlp.runs.mine.hiden` is not a setting"),
        ({"hidden": []}, "`mlp.runs.mine.hidden` is []"),
        ({"hidden": [0]}, "`mlp.runs.mine.hidden.0` is 0"),
        ({"learning_rate": "fast"}, "`mlp.runs.mine.learning_rate` is 'fast'"),
        ({"epochs": 0}, "`mlp.runs.mine.epochs` is 0"),
        ({"activation": "softplus"}, "'sigmoid', 'tanh' or 'relu'"),
    ],
)
def test_wrong_settings_are_named(tmp_path, digits, monkeypatch, wrong, message):
    monkeypatch.chdir(write_project(tmp_path / "project", digits, **wrong))
    with pytest.raises(InputError) as error:
        train_mlp.main("mine")
    assert message in str(error.value)
    assert not (tmp_path / "project/models").exists()
