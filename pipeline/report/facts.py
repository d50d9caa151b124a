"""The facts that the page's sentences state, computed from the results."""

from typing import Any

import pandas as pd

from pipeline.common.classes import MASK_CLASSES
from pipeline.report.changes import list_changes
from pipeline.report.figures.confusions import count_confusions, most_confused
from pipeline.report.figures.shares import interval
from pipeline.report.results import Results

MEANINGS = {"bad": "no mask", "good": "mask worn", "none": "mask worn wrongly"}


def worst_class(accuracy: pd.DataFrame) -> dict[str, Any]:
    """Which class the network finds least often on the test set, and whether it is the smallest (C17).

    `accuracy` holds the rows of class_accuracy.csv of one run.
    """
    test = accuracy[accuracy.split == "test"].set_index("class")
    train = accuracy[accuracy.split == "train"].set_index("class")
    name, largest = test.accuracy.idxmin(), train.samples.idxmax()
    share, samples = test.accuracy[name], int(test.samples[name])
    low, high = interval(share, samples)
    return {
        "name": name,
        "meaning": MEANINGS[name],
        "accuracy": share,
        "samples": samples,
        "low": low,
        "high": high,
        "right": share * samples,
        "smallest": name == train.samples.idxmin(),
        "training": int(train.samples[name]),
        "largest": largest,
        "largest_training": int(train.samples[largest]),
        "largest_accuracy": test.accuracy[largest],
        "training_accuracy": train.accuracy[name],
    }


def taken_for(crops: pd.DataFrame, name: str) -> dict[str, Any]:
    """How many test crops of a class are wrong, and what most of them were taken for."""
    wrong = crops.predicted[(crops.truth == name) & (crops.predicted != name)]
    if wrong.empty:
        return {"wrong": 0}
    counts = wrong.value_counts()
    return {"wrong": len(wrong), "name": counts.idxmax(), "count": int(counts.max())}


def model_choice(table: pd.DataFrame) -> dict[str, Any]:
    """Table T2: the width that has the lowest training loss, and its rank on the test set (C2, C3)."""
    rows = table.sort_values("test_accuracy", ascending=False).reset_index(drop=True)
    chosen = int(rows.train_loss.idxmin())
    return {
        "chosen": rows.hidden[chosen],
        "accuracy": rows.test_accuracy[chosen],
        "rank": chosen + 1,
        "runs": len(rows),
        "best": rows.hidden[0],
        "best_accuracy": rows.test_accuracy[0],
    }


def batch_losses(table: pd.DataFrame) -> dict[str, Any]:
    """Table T4: the batch with the lowest reported loss, and the one with the lowest plain mean (C5)."""
    reported, plain = table.loc[table.reported_loss.idxmin()], table.loc[table.train_loss.idxmin()]
    return {
        "reported": int(reported.batch_size),
        "reported_loss": reported.reported_loss,
        "plain": int(plain.batch_size),
        "plain_loss": plain.train_loss,
        "reported_plain_loss": reported.train_loss,
    }


def drawn_test_set(run: dict[str, float]) -> dict[str, float]:
    """Table T14: a test set drawn through the sampler has a third of each class, so that its expected
    accuracy is the mean over classes; and the accuracy on the test set as it is.
    """
    drawn = sum(run[f"test_accuracy_{name}"] for name in MASK_CLASSES) / len(MASK_CLASSES)
    return {"drawn": drawn, "as_it_is": run["test_accuracy"]}


def overfitting(run: dict[str, float]) -> dict[str, float]:
    """Accuracy on both sets, and the gap between them."""
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
        "truth": truth,
        "predicted": predicted,
        "count": int(counts.loc[truth, predicted]),
        "errors": errors,
        "samples": len(digits),
    }


def count_errors(samples: pd.DataFrame) -> dict[str, int]:
    """How many samples are classified wrongly, and how many rightly."""
    wrong = int((samples.truth != samples.predicted).sum())
    return {"wrong": wrong, "right": len(samples) - wrong}


def conclusions(claims: pd.DataFrame) -> dict[str, int]:
    """How many of the report's claims in words were judged, and hold."""
    judged = claims[(claims.kind != "value") & claims.verdict.isin(["passed", "failed"])]
    return {"judged": len(judged), "passed": int((judged.verdict == "passed").sum())}


def facts(results: Results) -> dict[str, Any]:
    """Everything that the page's sentences say, by the name that the template has for it."""
    final = results.class_accuracy[results.class_accuracy.run == "final"]
    worst = worst_class(final)
    boxes = pd.concat(results.crops.values())
    return {
        "worst": worst,
        "taken_for": taken_for(results.crops["test"], worst["name"]),
        "changes": list_changes(results.metrics, results.settings),
        "choice": model_choice(results.tables["T2"]),
        "batches": batch_losses(results.tables["T4"]),
        "sampler": drawn_test_set(results.metrics["cnn"]["weighted"]),
        "unscaled": overfitting(results.metrics["mlp"]["h512_256"]),
        "scaled": overfitting(results.metrics["mlp"]["scaled"]),
        "final_cnn": overfitting(results.metrics["cnn"]["final"]),
        "majority": majority(results.crops["test"]),
        "confusion": confusion(results.digits["test"]),
        "conclusions": conclusions(results.claims),
        "settings": results.settings["mlp"],
        "verdicts": results.claims.verdict.value_counts().to_dict(),
        "crops": {split: count_errors(rows) for split, rows in results.crops.items()},
        "boxes": {
            "count": len(boxes),
            "photographs": boxes.photograph.nunique(),
            "clipped": int(boxes.clipped.sum()),
            "turned": int(boxes.exif_rotated.sum()),
        },
    }
