"""The convolutional network against plain re-implementations, and the training around it."""

import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.common.crops import Crops, load_crops
from pipeline.common.paths import CROP_ARRAYS
from pipeline.common.storage import load_arrays
from pipeline.runtime.errors import InputError
from stages.train_cnn import __main__ as train_cnn
from stages.train_cnn import cnn
from stages.train_cnn import training as cnn_training
from stages.train_cnn.settings import CnnSettings
from tests.conftest import ROOT
from tests.making import MASK_CLASSES, files_in, put, put_run, save_crops
from tests.small_trainings import CNN

SETTINGS = CNN | {
    "channels": [4, 6],
    "optimizer": "adam",
    "learning_rate": 0.003,
    "epochs": 3,
    "snapshot_epoch": 0,
    "seeds": 2,
}


@pytest.fixture
def crops(tmp_path):
    """150 noisy 16x16 crops, brighter by class; class 2 is rare, and each fifth crop is a test crop."""
    rng = np.random.default_rng(3)
    label = np.where(np.arange(150) % 15 == 0, 2, np.arange(150) % 2).astype(np.uint8)
    resized = np.clip(rng.normal(60 + 60 * label[:, None, None, None], 30, (150, 3, 16, 16)), 0, 255)
    pooled = rng.random((150, 3, 16, 16), np.float32)
    path = tmp_path / "crops.safetensors"
    resized, number = resized.astype(np.uint8), np.arange(150)
    large = resized.repeat(2, axis=2).repeat(2, axis=3)
    save_crops(path, Crops(resized, large, pooled, label, number % 5 == 1, number // 3, [*MASK_CLASSES]))
    return path


def train(crops_file, seed=0, replicate=0, **changes):
    return cnn_training.train(crops_file, "cnn.runs.test", seed, CnnSettings(**SETTINGS | changes), replicate)


def test_the_network_is_two_convolutions_with_pooling_written_out_by_hand():
    torch.manual_seed(0)
    network = cnn.build(16, [4, 6], 3, 1, 0, [], 3)
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
    network = cnn.build(size, [4, 6], filter, stride, padding, [], 3)
    assert network[-1].in_features == units
    assert network(torch.rand(2, 3, size, size)).shape == (2, 3)


def test_a_head_adds_hidden_layers():
    linear = [
        each for each in cnn.build(32, [4, 6], 3, 1, 0, [20, 10], 3) if isinstance(each, torch.nn.Linear)
    ]
    assert [layer.out_features for layer in linear] == [20, 10, 3]


def test_shuffling_takes_every_crop_once_and_weights_balance_the_classes():
    labels = torch.tensor([0] * 900 + [1] * 90 + [2] * 10)
    shuffling = torch.Generator().manual_seed(0)
    assert sorted(cnn.order_of_epoch(labels, "shuffle", shuffling).tolist()) == list(range(1000))
    drawn = torch.cat([labels[cnn.order_of_epoch(labels, "weighted", shuffling)] for _ in range(20)])
    assert (torch.bincount(drawn) / len(drawn)).tolist() == pytest.approx([1 / 3] * 3, abs=0.02)


def test_splits_and_both_kinds_of_crops(crops):
    loaded = load_crops(crops)
    resized, pooled = (
        cnn.to_samples(loaded, loaded.rows(), method, "cpu") for method in ("resized", "own_size")
    )
    expected = loaded.resized[loaded.test] / np.float32(255)
    np.testing.assert_array_equal(resized["test"].images(torch.arange(30)).numpy(), expected)
    chosen = torch.tensor([7, 7, 0])
    expected = loaded.pooled[~loaded.test][chosen]
    np.testing.assert_array_equal(pooled["train"].images(chosen).numpy(), expected)
    np.testing.assert_array_equal(pooled["test"].labels.numpy(), loaded.label[loaded.test])


@pytest.mark.parametrize(("optimizer", "momentum"), [("adam", 0.0), ("sgd", 0.0), ("sgd", 0.9)])
def test_an_epoch_is_the_optimiser_on_the_mean_gradient_of_each_mini_batch(optimizer, momentum):
    """In double precision, by the formulas of Adam (Kingma and Ba, 2015) and of SGD with momentum."""
    torch.manual_seed(0)
    images, labels, order = torch.rand(40, 3, 16, 16).double(), torch.randint(3, (40,)), torch.randperm(40)
    network = cnn.build(16, [4, 6], 3, 1, 0, [5], 3).double()
    expected = [parameter.detach().clone() for parameter in network.parameters()]
    reference = cnn.build(16, [4, 6], 3, 1, 0, [5], 3).double()
    rate, first, second = 0.01, [0.0] * len(expected), [0.0] * len(expected)
    for step, batch in enumerate(order.split(16), start=1):
        with torch.no_grad():
            for parameter, value in zip(reference.parameters(), expected, strict=True):
                parameter.copy_(value)
        probabilities = torch.softmax(reference(images[batch]), dim=1)
        loss = -torch.log(probabilities[torch.arange(len(batch)), labels[batch]]).mean()
        for index, slope in enumerate(torch.autograd.grad(loss, list(reference.parameters()))):
            if optimizer == "sgd":
                first[index] = momentum * first[index] + slope
                expected[index] = expected[index] - rate * first[index]
            else:
                first[index] = 0.9 * first[index] + 0.1 * slope
                second[index] = 0.999 * second[index] + 0.001 * slope**2
                mean, square = first[index] / (1 - 0.9**step), second[index] / (1 - 0.999**step)
                expected[index] = expected[index] - rate * mean / (square.sqrt() + 1e-8)
    changes = {"optimizer": optimizer, "momentum": momentum, "learning_rate": rate}
    updates = cnn.build_optimizer(network, CnnSettings(**SETTINGS | changes))
    samples = cnn.Samples(images.numpy(), np.arange(40), labels)
    cnn.train_epoch(network, updates, torch.nn.CrossEntropyLoss(), samples, order, 16)
    for parameter, value in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.detach(), value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_training_learns_with_both_optimizers(crops, optimizer):
    result = train(crops, optimizer=optimizer, learning_rate=0.01, epochs=8)
    accuracy = [row["train_accuracy"] for row in result.curve]
    assert len(accuracy) == 8 and accuracy[-1] > 0.9
    truth = result.truth["test"]
    assert (result.predictions["test"] == truth).mean() == pytest.approx(result.curve[-1]["test_accuracy"])


def test_own_size_changes_the_training(crops):
    assert train(crops, crops="own_size", batch_size=1).curve != train(crops, batch_size=1).curve


def test_the_snapshot_is_the_network_of_its_epoch(crops):
    result, shorter = train(crops, snapshot_epoch=2), train(crops, epochs=2)
    for name, weights in shorter.weights.items():
        np.testing.assert_array_equal(result.snapshot[name], weights)
    np.testing.assert_array_equal(result.predictions["snapshot"], shorter.predictions["test"])
    assert not np.array_equal(result.weights["0.weight"], result.snapshot["0.weight"])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_repeats_itself_and_agrees_with_the_processor(crops):
    on_gpu, again = train(crops, device="cuda"), train(crops, device="cuda")
    for name, weights in train(crops).weights.items():
        np.testing.assert_array_equal(on_gpu.weights[name], again.weights[name])
        np.testing.assert_allclose(on_gpu.weights[name], weights, rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_an_error(crops):
    with pytest.raises(InputError, match="cnn.runs.test: device is cuda, but PyTorch finds no CUDA device"):
        train(crops, device="cuda")


def run_stage_in(folder, crops, monkeypatch, workers=1, seed=0, **run):
    """The files that the stage writes in `folder`."""
    put(folder / CROP_ARRAYS, crops.read_bytes())
    put_run(folder, "cnn", SETTINGS, run, seed, workers=workers)
    monkeypatch.chdir(folder)
    train_cnn.main("mine")
    return files_in(folder / "models/cnn/mine")


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
    folder = Path("models/cnn/mine")
    weights = load_arrays(folder / "replicate_1.safetensors")
    network = cnn.build(16, [4, 6], 3, 1, 0, [], 3)
    network.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
    loaded = load_crops(crops)
    scores, _ = cnn.score(network, cnn.to_samples(loaded, loaded.rows(), "resized", "cpu"), classes=3)
    recorded = pd.read_csv(folder / "curves.csv").query("replicate == 1").iloc[-1]
    assert scores == pytest.approx(recorded[list(scores)].to_dict())


# Scores 256 crops three times, and prints the page faults of the last: pages that Linux had to bring.
FAULTS = """
import resource, pipeline, numpy, torch
from stages.train_cnn import cnn
pixels = numpy.zeros((256, 3, 32, 32), numpy.uint8)
splits = {"test": cnn.Samples(pixels, numpy.arange(256), torch.zeros(256, dtype=torch.long))}
network = cnn.build(32, [32, 32], 3, 1, 0, [], 3)
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    cnn.score(network, splits, 3)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is one of glibc")
def test_an_evaluation_keeps_the_memory_of_its_mini_batches():
    """Without pipeline.common.numerics.MEMORY, 11,000 pages of 4 KiB; with it under 200."""
    finished = subprocess.run(
        [sys.executable, "-c", FAULTS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(finished.stdout) < 2000
