"""The remedies of table T15: folds, samplers, class weights, augmentation, and the larger network."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from pipeline.common.crops import Crops, load_crops
from pipeline.runtime.errors import InputError
from pipeline.training.schedule import learning_rate
from stages.train_cnn import cnn
from stages.train_cnn.augmentation import augment
from stages.train_cnn.folds import rows_of_fold
from stages.train_cnn.settings import CnnSettings
from tests.train_cnn.test_cnn import SETTINGS, crops, train  # noqa: F401, the fixture

LABELS = torch.tensor([0] * 7 + [1] * 30 + [2] * 3)


def make_crops(labels, photographs):
    label, photograph = np.array(labels, np.uint8), np.array(photographs, np.int32)
    pixels = np.zeros((len(label), 3, 4, 4), np.uint8)
    return Crops(pixels, pixels, pixels / np.float32(255), label, label > 9, photograph, list("abc"))


def test_folds_hold_every_crop_once_and_photographs_whole_and_spread_the_classes():
    rng = np.random.default_rng(0)
    photographs = np.repeat(np.arange(120), rng.integers(1, 9, 120))
    labels = rng.choice(3, len(photographs), p=[0.2, 0.7, 0.1])
    sides = [rows_of_fold(make_crops(labels, photographs), 5, k, np.random.default_rng(1)) for k in range(5)]
    assert (np.sum([rows["test"] for rows in sides], axis=0) == 1).all()
    for rows in sides:
        assert (rows["train"] != rows["test"]).all()
        assert not set(photographs[rows["train"]]) & set(photographs[rows["test"]])
        for label in range(3):
            share = (labels[rows["test"]] == label).sum() / (labels == label).sum()
            assert 0.1 < share < 0.3
    again = rows_of_fold(make_crops(labels, photographs), 5, 0, np.random.default_rng(1))
    other = rows_of_fold(make_crops(labels, photographs), 5, 0, np.random.default_rng(2))
    assert (again["test"] == sides[0]["test"]).all() and (other["test"] != sides[0]["test"]).any()


def test_too_few_photographs_for_the_folds_are_an_error():
    with pytest.raises(InputError, match="the photographs cannot be put into 5 folds"):
        rows_of_fold(make_crops([0, 1, 2], [0, 1, 2]), 5, 0, np.random.default_rng(0))


def test_a_replicate_of_a_run_in_folds_is_tested_on_its_fold(crops):  # noqa: F811
    loaded = load_crops(crops)
    results = [train(crops, folds=3, replicate=fold, epochs=1) for fold in range(3)]
    assert sum(len(result.predictions["test"]) for result in results) == len(loaded.label)
    for result in results:
        assert len(result.truth["train"]) + len(result.truth["test"]) == len(loaded.label)
        right = (result.predictions["test"] == result.truth["test"]).mean()
        assert right == pytest.approx(result.curve[-1]["test_accuracy"])
    assert CnnSettings(**SETTINGS | {"folds": 3}).replicates == 3
    assert CnnSettings(**SETTINGS).replicates == SETTINGS["seeds"]


@pytest.mark.parametrize(("sampler", "size"), [("repeated", 30), ("reduced", 3)])
def test_a_balanced_epoch_has_as_many_of_each_class_and_each_crop_as_often(sampler, size):
    shuffling = torch.Generator().manual_seed(0)
    orders = [cnn.order_of_epoch(LABELS, sampler, shuffling) for _ in range(2)]
    for order in orders:
        assert torch.bincount(LABELS[order]).tolist() == [size] * 3
        for label in range(3):
            times = torch.bincount(order, minlength=len(LABELS))[label == LABELS]
            assert times.max() - times.min() <= 1
        assert LABELS[order].diff().count_nonzero() > 2, "and not class by class"
    assert not torch.equal(*orders)


def test_class_weights_are_those_of_scikit_learn():
    weights = cnn.weigh_classes(LABELS, 3)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=LABELS.numpy())
    torch.testing.assert_close(weights, torch.from_numpy(expected).float())
    assert cnn.weigh_classes(torch.tensor([0, 0, 2]), 3)[[0, 2]].tolist() == [0.75, 1.5]
    assert torch.isfinite(cnn.weigh_classes(torch.tensor([0, 0, 2]), 3)).all(), "also of an absent class"


def test_the_loss_weighs_classes_and_smooths_labels():
    logits, about = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)), {"classes": list("abc")}
    settings = CnnSettings(**SETTINGS | {"class_weights": True, "label_smoothing": 0.3})
    found = cnn.build_loss(LABELS, about, settings)(logits, LABELS)
    weights, targets = cnn.weigh_classes(LABELS, 3), torch.eye(3)[LABELS] * 0.7 + 0.1
    per_crop = -(targets * weights * logits.log_softmax(1)).sum(1)
    torch.testing.assert_close(found, per_crop.sum() / weights[LABELS].sum())


def test_an_augmented_crop_is_like_the_crop_and_never_twice_the_same():
    torch.manual_seed(0)
    side = torch.linspace(0, 1, 32)
    images = torch.stack([side.expand(3, 32, 32)] * 60).contiguous(memory_format=torch.channels_last)
    changed = augment(images)
    assert changed.shape == images.shape and changed.dtype == images.dtype
    assert changed.min() >= 0 and changed.max() <= 1
    assert len({image.numpy().tobytes() for image in changed}) == 60
    rising = changed[..., 28].mean(dim=(1, 2)) > changed[..., 4].mean(dim=(1, 2))
    assert 10 < rising.sum() < 50, "about half are mirrored"
    torch.manual_seed(0)
    assert torch.equal(augment(images), changed)


def test_training_with_every_remedy_learns(crops):  # noqa: F811
    remedies = {"sampler": "repeated", "augmentation": "random", "label_smoothing": 0.05, "batch_norm": True}
    larger = {"crops": "large", "channels": [4, 6, 8], "padding": 1, "schedule": "cycle"}
    result = train(crops, learning_rate=0.01, epochs=6, **remedies, **larger)
    assert result.curve[-1]["train_accuracy"] > 0.9
    names = [name for name in result.weights if "running" in name]
    assert len(names) == 6, "what batch normalisation has averaged is kept"


def test_a_cycle_rises_and_falls():
    settings = CnnSettings(**SETTINGS | {"epochs": 10, "learning_rate": 0.8, "schedule": "cycle"})
    rates = [learning_rate(settings, epoch) for epoch in range(1, 11)]
    assert rates == pytest.approx([0.8 / 3, 1.6 / 3, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    one_epoch = CnnSettings(**SETTINGS | {"epochs": 1, "schedule": "cycle"})
    assert learning_rate(one_epoch, 1) == SETTINGS["learning_rate"]
    assert learning_rate(CnnSettings(**SETTINGS), 2) == SETTINGS["learning_rate"]
