"""The numbers and the turns that the page's sentences take, from the metrics alone."""

from math import hypot
from typing import Any, NamedTuple

import pandas as pd

from stages.figures.confusions import count_confusions, most_confused
from stages.figures.shares import wilson
from stages.report.results import CLASSES, Results

Metrics = dict[str, dict[str, float]]

MEANINGS = {"bad": "no mask", "good": "mask worn", "none": "mask worn wrongly"}
# What each change is, the runs before and after it, the part and the score that it is about.
CHANGES = [
    ("initial weights scaled to the inputs instead of N(0, 1)", "h512_256", "scaled", "mlp", "test_accuracy"),
    ("256 and 128 hidden units instead of 512 and 256", "h512_256", "h256_128", "mlp", "test_accuracy"),
    ("128 and 64 hidden units instead of 512 and 256", "h512_256", "h128_64", "mlp", "test_accuracy"),
    ("two hidden layers instead of three", "h512_256_128", "h512_256", "mlp", "test_accuracy"),
    ("learning rate 0.099 instead of 0.001", "rate_0_001", "h512_256", "mlp", "test_accuracy"),
    ("mini-batches of 8 instead of 32", "h512_256", "batch_8", "mlp", "test_accuracy"),
    ("up to 1,000 epochs instead of 120", "h512_256", "long", "mlp", "test_accuracy"),
    ("going back to the best weights (T6)", "h512_128", "final", "mlp", "test_accuracy"),
    ("stride 1 instead of 2", "stride_2", "adam", "cnn", "test_accuracy"),
    ("5x5 filters instead of 3x3", "adam", "filter_5", "cnn", "test_accuracy"),
    ("Adam instead of SGD", "sgd", "adam", "cnn", "test_accuracy"),
    ("crops pooled from their own size instead of resized", "sgd", "own_size", "cnn", "test_accuracy"),
    ("the weighted sampler, for the class none", "final", "weighted", "cnn", "test_accuracy_none"),
    ("the weighted sampler, for the class good", "final", "weighted", "cnn", "test_accuracy_good"),
    ("the weighted sampler, for all crops", "final", "weighted", "cnn", "test_accuracy"),
]


class Change(NamedTuple):
    """What a change of setting did to a score; `spread` is the deviation of `gain` over replicates."""

    name: str
    part: str
    before: float
    after: float
    gain: float
    spread: float

    @property
    def clear(self) -> bool:
        """Whether the gain is more than twice its spread."""
        return abs(self.gain) > 2 * self.spread


def changes(results: Results) -> list[Change]:
    """Every change of CHANGES, what helps most first."""
    found = []
    for name, before, after, part, score in CHANGES:
        metrics: Metrics = getattr(results, part)
        one, other = metrics[before], metrics[after]
        spread = hypot(one.get(f"{score}_std", 0.0), other.get(f"{score}_std", 0.0))
        found.append(Change(name, part, one[score], other[score], other[score] - one[score], spread))
    return sorted(found, key=lambda change: -change.gain)


def worst_class(accuracy: pd.DataFrame) -> dict[str, Any]:
    """Which class the network finds least often on the test set, and whether it is the smallest (C17).

    `accuracy` holds the rows of class_accuracy.csv of one run.
    """
    test = accuracy[accuracy.split == "test"].set_index("class")
    train = accuracy[accuracy.split == "train"].set_index("class")
    name, largest = test.accuracy.idxmin(), train.samples.idxmax()
    share, samples = test.accuracy[name], int(test.samples[name])
    low, high = wilson(share * samples, samples)
    return {
        "name": name, "meaning": MEANINGS[name], "accuracy": share, "samples": samples, "low": low,
        "high": high, "right": share * samples, "smallest": name == train.samples.idxmin(),
        "training": int(train.samples[name]), "largest": largest,
        "largest_training": int(train.samples[largest]), "largest_accuracy": test.accuracy[largest],
        "training_accuracy": train.accuracy[name],
    }  # fmt: skip


def taken_for(crops: pd.DataFrame, name: str) -> dict[str, Any]:
    """What the test crops of a class that are wrong were mostly taken for."""
    wrong = crops[(crops.truth == name) & (crops.predicted != name)]
    counts = wrong.predicted.value_counts()
    return {
        "wrong": len(wrong),
        "name": counts.idxmax() if len(wrong) else "",
        "count": int(counts.max() or 0) if len(wrong) else 0,
    }


def model_choice(table: pd.DataFrame) -> dict[str, Any]:
    """Table T2: the width that has the lowest training loss, and its rank on the test set (C2, C3)."""
    rows = table.sort_values("test_accuracy", ascending=False).reset_index(drop=True)
    chosen = int(rows.train_loss.idxmin())
    return {
        "chosen": rows.hidden[chosen], "accuracy": rows.test_accuracy[chosen], "rank": chosen + 1,
        "runs": len(rows), "worst": chosen == len(rows) - 1, "best": rows.hidden[0],
        "best_accuracy": rows.test_accuracy[0],
    }  # fmt: skip


def batch_losses(table: pd.DataFrame) -> dict[str, Any]:
    """Table T4: the batch with the lowest reported loss, and the one with the lowest plain mean (C5)."""
    reported, plain = table.loc[table.reported_loss.idxmin()], table.loc[table.train_loss.idxmin()]
    return {
        "reported": int(reported.batch_size), "reported_loss": reported.reported_loss,
        "plain": int(plain.batch_size), "plain_loss": plain.train_loss,
        "reported_plain_loss": reported.train_loss,
    }  # fmt: skip


def drawn_test_set(run: dict[str, float]) -> dict[str, float]:
    """Table T14: a test set drawn through the sampler has a third of each class, so that its expected
    accuracy is the mean over classes; and the accuracy on the test set as it is.
    """
    drawn = sum(run[f"test_accuracy_{name}"] for name in CLASSES) / len(CLASSES)
    return {"drawn": drawn, "as_it_is": run["test_accuracy"]}


def overfitting(run: dict[str, float]) -> dict[str, float]:
    return {
        "train": run["train_accuracy"],
        "test": run["test_accuracy"],
        "gap": run["train_accuracy"] - run["test_accuracy"],
    }


def majority(crops: pd.DataFrame) -> dict[str, Any]:
    """The accuracy of saying the most frequent class of the test set every time."""
    shares = crops.truth.value_counts(normalize=True)
    return {"name": shares.idxmax(), "share": shares.max()}


def confusion(digits: pd.DataFrame) -> dict[str, Any]:
    """Claim C12: the most frequent confusion of the final MLP on the test set."""
    counts = count_confusions(digits)
    truth, predicted = most_confused(counts)
    errors = int((digits.truth != digits.predicted).sum())
    return {
        "truth": truth, "predicted": predicted, "count": int(counts.loc[truth, predicted]), "errors": errors,
        "samples": len(digits),
    }  # fmt: skip


def orderings(claims: pd.DataFrame) -> dict[str, int]:
    """How many of the report's orderings were judged, and hold."""
    judged = claims[(claims.kind == "ordering") & claims.verdict.isin(["passed", "failed"])]
    return {"judged": len(judged), "passed": int((judged.verdict == "passed").sum())}


def facts(results: Results) -> dict[str, Any]:
    """Everything that the page's sentences say, by the name that the template has for it."""
    final = results.class_accuracy[results.class_accuracy.run == "final"]
    worst = worst_class(final)
    boxes = pd.concat(results.crops.values())
    return {
        "worst": worst,
        "taken_for": taken_for(results.crops["test"], worst["name"]),
        "changes": changes(results),
        "choice": model_choice(results.tables["T2"]),
        "batches": batch_losses(results.tables["T4"]),
        "sampler": drawn_test_set(results.cnn["weighted"]),
        "unscaled": overfitting(results.mlp["h512_256"]),
        "scaled": overfitting(results.mlp["scaled"]),
        "final_cnn": overfitting(results.cnn["final"]),
        "majority": majority(results.crops["test"]),
        "confusion": confusion(results.digits["test"]),
        "orderings": orderings(results.claims),
        "verdicts": results.claims.verdict.value_counts().to_dict(),
        "boxes": {
            "count": len(boxes), "photographs": boxes.photograph.nunique(),
            "clipped": int(boxes.clipped.sum()), "turned": int(boxes.exif_rotated.sum()),
        },
    }  # fmt: skip
