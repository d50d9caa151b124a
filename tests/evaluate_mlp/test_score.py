"""The scores of part 1."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.common.digits import Digits, save_digits
from pipeline.common.paths import DIGITS
from pipeline.runtime.settings import read_params
from stages.evaluate_mlp import __main__ as evaluate_mlp
from stages.evaluate_mlp.__main__ import score
from tests.check_claims.test_check_claims import write_run
from tests.evaluation.test_scores import make_run


def test_a_run_ends_at_its_last_kept_epoch():
    table = score(make_run(), ["0", "1", "2"])
    assert table.train_accuracy.tolist() == [0.75, 0.25]
    assert table.test_error.tolist() == pytest.approx([0.4, 0.8])
    assert table.train_loss.tolist() == [1.0, 3.0]
    assert table.reported_loss.tolist() == [0.25, 0.75]
    assert table.epochs.tolist() == [3, 2]


@pytest.mark.parametrize(
    "classes", [["no", "yes"], [chr(ord("A") + number) for number in range(26)]], ids=["2", "26"]
)
def test_classes_have_the_names_that_the_data_give_them(project, classes):
    """Each run is right but for the first training sample and the first two of the test set, which are taken
    for class 2, or for the last of two.
    """
    folder = project({})
    labels = {"train": np.arange(60) % len(classes), "test": np.arange(40) % len(classes)}
    none = np.zeros((1, 28, 28), np.uint8)
    splits = {split: Digits(none, each[:1].astype(np.uint8)) for split, each in labels.items()}
    (folder / DIGITS).parent.mkdir(parents=True, exist_ok=True)
    save_digits(folder / DIGITS, splits, classes)
    for run in read_params()["mlp"]["runs"]:
        write_run(folder / "models/mlp" / run, labels, 32)
    evaluate_mlp.main()
    taken_for = classes[min(2, len(classes) - 1)]
    table = pd.read_csv("plots/mlp/class_accuracy.csv", dtype={"class": str})
    test = table[(table.run == "final") & (table.split == "test")].set_index("class")
    assert test.index.tolist() == classes and test.samples.sum() == 40
    wrong = test[test.accuracy < 1]
    assert set(wrong.index) == set(classes[:2]) - {taken_for}
    replicates = pd.read_csv("plots/mlp/replicates.csv")
    pair = f"test_confusion_{classes[0]}_{taken_for}"
    assert replicates[pair].tolist() == [1 / 40] * len(replicates)
    assert sum(name.startswith("test_confusion_") for name in replicates) == len(classes) ** 2
    predictions = pd.read_csv("plots/mlp/predictions/test.csv")
    assert predictions.truth.tolist() == [classes[label] for label in labels["test"]]
    assert predictions.predicted[0] == taken_for
    assert (Path("plots/mlp/confusion/final.csv").exists()) == (len(classes) <= 20)
    assert json.loads(Path("metrics/mlp/final.json").read_text())["epochs"] == 1
