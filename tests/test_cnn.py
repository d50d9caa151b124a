"""The convolutional network against plain re-implementations, and the training around it."""

import copy
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file

from stages import train_cnn
from stages.networks import cnn
from stages.settings import InputError
from tools.quick import ROOT

SETTINGS = {
    "crops": "resized",
    "channels": [4, 6],
    "filter": 3,
    "stride": 1,
    "padding": 0,
    "head": [],
    "optimizer": "adam",
    "momentum": 0.9,
    "learning_rate": 0.003,
    "batch_size": 8,
    "epochs": 3,
    "sampler": "shuffle",
    "snapshot_epoch": 0,
}


@pytest.fixture
def crops(tmp_path):
    """150 noisy 16x16 crops, brighter by class; class 2 is rare, and each fifth crop is a test crop."""
    rng = np.random.default_rng(3)
    label = np.where(np.arange(150) % 15 == 0, 2, np.arange(150) % 2).astype(np.uint8)
    resized = np.clip(rng.normal(60 + 60 * label[:, None, None, None], 30, (150, 3, 16, 16)), 0, 255)
    pooled = rng.random((150, 3, 16, 16), np.float32)
    path = tmp_path / "crops.npz"
    test = np.arange(150) % 5 == 1
    np.savez(path, resized=resized.astype(np.uint8), pooled=pooled, label=label, test=test)
    return path


def train(crops_file, **changes):
    return cnn.train(crops_file, "test", changes.pop("seed", 0), [0], "cpu", **SETTINGS | changes)[0]


def test_the_network_is_two_convolutions_with_pooling_written_out_by_hand():
    torch.manual_seed(0)
    network = cnn.build(16, [4, 6], 3, 1, 0, [])
    image = torch.rand(1, 3, 16, 16, dtype=torch.float64)
    first, second, output = (network.double()[index] for index in (0, 3, 7))

    def convolve_and_pool(maps, layer):
        patches = maps.unfold(2, 3, 1).unfold(3, 3, 1)  # (1, maps, side, side, 3, 3)
        summed = torch.einsum("nchwij,ocij->nohw", patches, layer.weight) + layer.bias[:, None, None]
        side = summed.shape[-1] // 2 * 2
        quarters = summed.clamp(min=0)[..., :side, :side].unfold(2, 2, 2).unfold(3, 2, 2)
        return quarters.amax(dim=(-1, -2))

    maps = convolve_and_pool(convolve_and_pool(image, first), second)
    torch.testing.assert_close(network(image), maps.flatten(1) @ output.weight.T + output.bias)


@pytest.mark.parametrize(
    ("size", "filter", "stride", "padding", "units"),
    [
        (32, 3, 1, 0, 6 * 36),
        (32, 5, 1, 0, 6 * 25),
        (32, 3, 2, 0, 6),
        (48, 3, 1, 0, 600),
        (32, 3, 2, 1, 6 * 4),
    ],
)
def test_the_output_layer_fits_any_filter_stride_padding_and_size(size, filter, stride, padding, units):
    network = cnn.build(size, [4, 6], filter, stride, padding, [])
    assert network[-1].in_features == units
    assert network(torch.rand(2, 3, size, size)).shape == (2, 3)


def test_a_head_adds_hidden_layers():
    sizes = [
        layer.out_features
        for layer in cnn.build(32, [4, 6], 3, 1, 0, [20, 10])
        if hasattr(layer, "out_features")
    ]
    assert sizes == [20, 10, 3]


@pytest.mark.parametrize(("size", "filter", "stride"), [(8, 5, 2), (4, 5, 1), (6, 3, 1)])
def test_convolutions_that_leave_nothing_are_an_error(size, filter, stride):
    with pytest.raises(
        InputError, match=f"filter {filter} at stride {stride} leaves nothing of a crop of {size}x{size}"
    ):
        cnn.build(size, [4, 6], filter, stride, 0, [])


def test_shuffling_takes_every_crop_once_and_weights_balance_the_classes():
    labels = torch.tensor([0] * 900 + [1] * 90 + [2] * 10)
    shuffling = torch.Generator().manual_seed(0)
    assert sorted(cnn.order_of_epoch(labels, "shuffle", shuffling).tolist()) == list(range(1000))
    drawn = torch.cat([labels[cnn.order_of_epoch(labels, "weighted", shuffling)] for _ in range(20)])
    assert (torch.bincount(drawn) / len(drawn)).tolist() == pytest.approx([1 / 3] * 3, abs=0.02)


def test_splits_and_both_kinds_of_crops(crops):
    resized, pooled = (cnn.load_crops(crops, kind, "cpu") for kind in ("resized", "own_size"))
    with np.load(crops) as arrays:
        np.testing.assert_array_equal(
            resized["test"].images.numpy(), arrays["resized"][arrays["test"]] / np.float32(255)
        )
        np.testing.assert_array_equal(pooled["train"].images.numpy(), arrays["pooled"][~arrays["test"]])
        np.testing.assert_array_equal(pooled["test"].labels.numpy(), arrays["label"][arrays["test"]])


@pytest.mark.parametrize("batch", [1, 16])
@pytest.mark.parametrize(
    ("filter", "stride", "padding", "head"), [(3, 1, 0, []), (5, 1, 0, []), (3, 2, 1, []), (3, 1, 1, [7, 5])]
)
def test_gradients_are_those_of_autograd_bit_for_bit(filter, stride, padding, head, batch):
    torch.manual_seed(0)
    images = torch.rand(batch, 3, 32, 32).contiguous(memory_format=cnn.LAYOUT)
    labels = torch.randint(3, (batch,))
    network = cnn.build(32, [4, 6], filter, stride, padding, head)
    loss = torch.nn.functional.cross_entropy(network(images), labels)
    expected = torch.autograd.grad(loss, list(network.parameters()))
    with torch.inference_mode():
        found = cnn.gradients(network, images, labels)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)
        assert other.any()


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize(("optimizer", "made"), [("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)])
def test_the_optimizer_is_that_of_pytorch_bit_for_bit(optimizer, made, momentum):
    torch.manual_seed(0)
    images, labels = torch.rand(40, 3, 16, 16), torch.randint(3, (40,))
    ours = cnn.build(16, [4, 6], 3, 1, 0, [5])
    theirs = copy.deepcopy(ours)
    start = copy.deepcopy(ours)
    step = cnn.build_optimizer(list(ours.parameters()), optimizer, 0.01, momentum)
    settings = {} if optimizer == "adam" else {"momentum": momentum}
    reference = made(theirs.parameters(), 0.01, **settings)
    for _ in range(3):
        cnn.train_batches(ours, step, images, labels, 16)
        for batch, truth in zip(images.split(16), labels.split(16), strict=True):
            reference.zero_grad()
            torch.nn.functional.cross_entropy(theirs(batch), truth).backward()
            reference.step()
    for one, other, before in zip(ours.parameters(), theirs.parameters(), start.parameters(), strict=True):
        assert torch.equal(one, other)
        assert not torch.equal(one, before)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_training_does_not_import_pytorchs_compiler(crops, optimizer):
    code = (
        "import sys; from pathlib import Path; from tests.test_cnn import train; "
        "train(Path(sys.argv[1]), optimizer=sys.argv[2]); print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, crops, optimizer],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert done.stdout == "False\n"


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_training_learns_with_both_optimizers(crops, optimizer):
    result = train(crops, optimizer=optimizer, learning_rate=0.01, epochs=8)
    accuracy = [row["train_accuracy"] for row in result["curve"]]
    assert len(accuracy) == 8 and accuracy[-1] > 0.9
    with np.load(crops) as arrays:
        truth = arrays["label"][arrays["test"]]
    assert (result["test"] == truth).mean() == pytest.approx(result["curve"][-1]["test_accuracy"])


def test_momentum_and_own_size_change_the_training(crops):
    base = train(crops, optimizer="sgd")["curve"]
    assert train(crops, optimizer="sgd", momentum=0.0)["curve"] != base
    assert train(crops, optimizer="sgd", crops="own_size", batch_size=1)["curve"] != base


def test_the_snapshot_is_the_network_of_its_epoch(crops):
    result, shorter = train(crops, snapshot_epoch=2), train(crops, epochs=2)
    for name, weights in shorter["weights"].items():
        np.testing.assert_array_equal(result["snapshot"][name], weights)
    np.testing.assert_array_equal(result["snapshot_test"], shorter["test"])
    assert not np.array_equal(result["weights"]["0.weight"], result["snapshot"]["0.weight"])


def test_replicates_trained_in_turn_as_on_a_gpu_are_those_trained_alone(crops):
    in_turn = cnn.train(crops, "test", 0, [1, 0], "cpu", **SETTINGS)
    assert in_turn[1]["curve"] == train(crops)["curve"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_agrees_with_the_processor(crops):
    on_gpu = cnn.train(crops, "test", 0, [0], "cuda", **SETTINGS)[0]
    for name, weights in train(crops)["weights"].items():
        np.testing.assert_allclose(on_gpu["weights"][name], weights, rtol=1e-3, atol=1e-4)


def test_divergence_names_epoch_and_learning_rate(crops):
    with pytest.raises(
        InputError, match=r"cnn.runs.test, replicate 0: diverged in epoch \d+ at learning_rate 1e\+20"
    ):
        train(crops, optimizer="sgd", learning_rate=1e20)


def run_stage_in(folder, crops, monkeypatch, workers=1, seed=0, **run):
    """The files that the stage writes in `folder`."""
    (folder / "data").mkdir(parents=True)
    (folder / "data/crops.npz").write_bytes(crops.read_bytes())
    cnn_params = {"defaults": SETTINGS | {"seeds": 2}, "runs": {"mine": run}}
    (folder / "params.yaml").write_text(
        json.dumps({"seed": seed, "compute": {"workers": workers}, "cnn": cnn_params})
    )
    monkeypatch.chdir(folder)
    train_cnn.main("mine")
    return {path.name: path.read_bytes() for path in sorted((folder / "models/cnn/mine").iterdir())}


def test_a_run_is_the_same_bytes_with_one_worker_and_two_but_not_with_another_seed(
    tmp_path, crops, monkeypatch
):
    one = run_stage_in(tmp_path / "one", crops, monkeypatch, workers=1, snapshot_epoch=1)
    two = run_stage_in(tmp_path / "two", crops, monkeypatch, workers=2, snapshot_epoch=1)
    other = run_stage_in(tmp_path / "other", crops, monkeypatch, seed=1, snapshot_epoch=1)
    assert one == two
    assert {"snapshot_0.safetensors", "snapshot_1.safetensors", "replicate_1.safetensors"} < set(one)
    assert all(one[name] != other[name] for name in one if name != "settings.json")


def test_the_weights_on_disk_score_what_the_run_recorded(tmp_path, crops, monkeypatch):
    run_stage_in(tmp_path / "project", crops, monkeypatch)
    folder = tmp_path / "project/models/cnn/mine"
    weights = {
        name: torch.from_numpy(values)
        for name, values in load_file(folder / "replicate_1.safetensors").items()
    }
    network = cnn.build(16, [4, 6], 3, 1, 0, [])
    network.load_state_dict(weights)
    scores, _ = cnn.score(network, cnn.load_crops(crops, "resized", "cpu"))
    recorded = pd.read_csv(folder / "curves.csv").query("replicate == 1").iloc[-1]
    assert scores == pytest.approx(recorded[list(scores)].to_dict())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"snapshot_epoch": 4}, "snapshot_epoch 4 is past the last epoch, 3"),
        ({"optimizer": "adamw"}, "'adam' or 'sgd'"),
        ({"momentum": 1.0}, "`cnn.runs.mine.momentum` is 1.0"),
        ({"channels": [4]}, "`cnn.runs.mine.channels` is [4]"),
    ],
)
def test_wrong_settings_are_named(tmp_path, crops, monkeypatch, wrong, message):
    with pytest.raises(InputError) as error:
        run_stage_in(tmp_path / "project", crops, monkeypatch, **wrong)
    assert message in str(error.value)
    assert not (tmp_path / "project/models").exists()
