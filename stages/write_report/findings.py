"""What was found: the facts that the page's sentences state, computed from the results."""

from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluation.intervals import wilson_interval
from pipeline.evaluation.tables import MOST_IN_MATRIX, count_samples
from stages.write_report.changes import list_changes
from stages.write_report.figures.confusions import most_confused
from stages.write_report.left_open import facts_left_open
from stages.write_report.results import Results, mean_confusion

HARDEST = 10  # of many classes, that the page lists
MEANINGS = {"bad": "no mask", "good": "mask worn", "none": "worn wrongly"}


def worst_class(accuracy: pd.DataFrame) -> dict[str, Any]:
    """Which class the network finds least often on the test set, and whether it is the smallest (C17).

    `accuracy` holds the rows of class_accuracy.csv of one run.
    """
    test = accuracy[accuracy.split == "test"].set_index("class")
    train = accuracy[accuracy.split == "train"].set_index("class")
    name, largest = test.accuracy.idxmin(), train.samples.idxmax()
    share, samples = test.accuracy[name], int(test.samples[name])
    low, high = wilson_interval(share, samples)
    return {
        "name": name,
        "meaning": MEANINGS.get(name, ""),
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


def model_choice(tables: dict[str, pd.DataFrame]) -> dict[str, Any] | None:
    """Table T2: the width that has the lowest training loss, and its rank on the test set (C2, C3)."""
    table = tables.get("T2")
    if table is None or "hidden" not in table:
        return None
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


def batch_losses(tables: dict[str, pd.DataFrame]) -> dict[str, Any] | None:
    """Table T4: the batch with the lowest reported loss, and the one with the lowest plain mean (C5)."""
    table = tables.get("T4")
    if table is None or "batch_size" not in table:
        return None
    reported, plain = table.loc[table.reported_loss.idxmin()], table.loc[table.train_loss.idxmin()]
    return {
        "reported": int(reported.batch_size),
        "reported_loss": reported.reported_loss,
        "plain": int(plain.batch_size),
        "plain_loss": plain.train_loss,
        "reported_plain_loss": reported.train_loss,
    }


def drawn_test_set(run: dict[str, float] | None) -> dict[str, float] | None:
    """Table T14: accuracy expected on a test set drawn with the weighted sampler, which has as many of each
    class and so is the mean recall, and accuracy on the test set as it is.
    """
    return run and {"drawn": run["recall"], "as_it_is": run["test_accuracy"]}


def overfitting(run: dict[str, float] | None) -> dict[str, float] | None:
    """Accuracy on both sets, and the gap between them."""
    return run and {
        "train": run["train_accuracy"],
        "test": run["test_accuracy"],
        "gap": run["train_accuracy"] - run["test_accuracy"],
    }


def majority(crops: pd.DataFrame) -> dict[str, Any]:
    """The accuracy of saying the most frequent class of the test set every time."""
    shares = crops.truth.value_counts(normalize=True)
    return {"name": shares.idxmax(), "share": shares.max()}


def confusion(results: Results, final: str) -> dict[str, Any]:
    """Claim C12: the most frequent error of the final MLP on the test set, on average over replicates.

    `count` is how often the first replicate makes it.
    """
    shares, digits = mean_confusion(results, final), results.digits["test"]
    truth, predicted = most_confused(shares)
    return {
        "truth": truth,
        "predicted": predicted,
        "share": shares.loc[truth, predicted],
        "error": 1 - np.trace(shares),
        "count": int(((digits.truth == truth) & (digits.predicted == predicted)).sum()),
        "samples": len(digits),
    }


def hardest_classes(results: Results, final: str) -> list[dict[str, Any]]:
    """The classes of part 1 that the final network finds least often, and what they are most taken for, means
    over replicates; none where a matrix shows all of them.
    """
    shares = mean_confusion(results, final)
    if len(shares) <= MOST_IN_MATRIX:
        return []
    rows = shares.div(shares.sum(axis=1), axis=0)
    accuracy = pd.Series(np.diag(rows), rows.index)
    wrong = rows.mask(np.eye(len(rows), dtype=bool), 0)
    samples = count_samples(results.class_accuracy["mlp"], "test")
    return [
        {
            "name": name,
            "accuracy": accuracy[name],
            "samples": samples[name],
            "taken_for": wrong.loc[name].idxmax(),
            "share": wrong.loc[name].max(),
        }
        for name in accuracy.sort_values(kind="stable").index[:HARDEST]
    ]


def count_errors(samples: pd.DataFrame) -> dict[str, int]:
    """How many samples are classified wrongly, and how many rightly."""
    wrong = int((samples.truth != samples.predicted).sum())
    return {"wrong": wrong, "right": len(samples) - wrong}


def rare_class(results: Results) -> dict[str, Any] | None:
    """Table T14: what the weighted sampler does to the accuracy of the rarest class, with Wilson intervals,
    and what it costs in all.
    """
    if not {"final", "weighted"} <= results.scores["cnn"].keys():
        return None
    accuracy = results.class_accuracy["cnn"].set_index(["run", "split"])
    train = accuracy.loc[("final", "train")].set_index("class").samples
    name = str(train[train > 0].idxmin())
    rows = {run: accuracy.loc[(run, "test")].set_index("class").loc[name] for run in ("final", "weighted")}
    samples = int(rows["final"].samples)
    if not samples:
        return None
    before, after = (float(row.accuracy) for row in rows.values())
    of_all = [results.scores["cnn"][run]["test_accuracy"] for run in rows]
    return {
        "name": name,
        "meaning": MEANINGS.get(name, ""),
        "samples": samples,
        "training": int(train[name]),
        "all_training": int(train.sum()),
        "before": before,
        "after": after,
        "before_interval": wilson_interval(before, samples),
        "after_interval": wilson_interval(after, samples),
        "cost": of_all[0] - of_all[1],
    }


def conclusions(claims: pd.DataFrame) -> dict[str, int]:
    """How many of the report's claims in words were judged, and hold."""
    judged = claims[~claims.kind.isin(["value", "ours"]) & claims.verdict.isin(["passed", "failed"])]
    return {"judged": len(judged), "passed": int((judged.verdict == "passed").sum())}


def values_of_part_1(claims: pd.DataFrame) -> dict[str, int]:
    """How many values of tables T1 to T4 were compared with ours, and agree."""
    of_tables = (claims.kind == "value") & claims["where"].isin(["T1", "T2", "T3", "T4"])
    judged = claims[of_tables & claims.verdict.isin(["passed", "failed"])]
    return {"judged": len(judged), "passed": int((judged.verdict == "passed").sum())}


def facts_of_final_cnn(results: Results, final: str) -> dict[str, Any]:
    """What is said of the final network of part 2 and its errors."""
    accuracy = results.class_accuracy["cnn"]
    accuracy = accuracy[accuracy.run == final]
    worst = worst_class(accuracy)
    return {
        "worst": worst,
        "taken_for": taken_for(results.crops["test"], worst["name"]),
        "final_cnn": overfitting(results.scores["cnn"][final]),
        "majority": majority(results.crops["test"]),
        "crops": {split: count_errors(rows) for split, rows in results.crops.items()},
    }


def list_findings(results: Results) -> dict[str, Any]:
    """Everything that the page's sentences say, by the name that the template has for it; None where its runs
    or tables are not there.
    """
    mlp, cnn, boxes = results.scores["mlp"], results.scores["cnn"], results.boxes
    of_cnn = dict.fromkeys(("worst", "taken_for", "final_cnn", "majority", "crops"))
    final = results.finals["cnn"]
    return {
        **(facts_of_final_cnn(results, final) if final else of_cnn),
        "changes": list_changes(results),
        "choice": model_choice(results.tables["mlp"]),
        "batches": batch_losses(results.tables["mlp"]),
        "sampler": drawn_test_set(cnn.get("weighted")),
        "unscaled": overfitting(mlp.get("h512_256")),
        "scaled": overfitting(mlp.get("scaled")),
        "widest": results.settings["mlp"].get("h512_256", {}).get("hidden"),
        "rare": rare_class(results),
        "confusion": confusion(results, results.finals["mlp"]) if results.finals["mlp"] else None,
        "hardest": hardest_classes(results, results.finals["mlp"]) if results.finals["mlp"] else [],
        "conclusions": conclusions(results.claims),
        "values": values_of_part_1(results.claims),
        **facts_left_open(results),
        "verdicts": results.claims.verdict.value_counts().to_dict(),
        "boxes": {
            "count": len(boxes),
            "photographs": boxes.photograph.nunique(),
            "clipped": int(boxes.clipped.sum()),
            "turned": int(boxes.exif_rotated.sum()),
        },
    }
