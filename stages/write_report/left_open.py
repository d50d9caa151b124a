"""What the report left open: the tables T15 and T16, which are ours."""

from typing import Any

import pandas as pd

from pipeline.evaluation.folds import ALL, MEAN
from stages.write_report.results import Results

# The rows of both tables, in words; a run that a user adds goes by its own name.
RUN_NAMES = {
    "cv_nothing": "the final setting",
    "cv_weighted": "weighted sampler",
    "cv_repeated": "rare classes repeated",
    "cv_reduced": "large classes reduced",
    "cv_class_weights": "class weights in the loss",
    "cv_augmented": "augmentation",
    "cv_both": "augmentation and sampler",
    "cv_larger": "larger network",
    "step_report": "chosen by training loss",
    "step_validation": "chosen by validation",
    "step_scaled": "scaled weights, ReLU",
    "step_momentum": "Nesterov momentum",
    "step_cycle": "learning rate in a cycle",
    "step_affine": "affine augmentation",
    "best": "all training samples",
    "best_sheets": "the same, on unseen sheets",
}
SHEETS = "best_sheets"  # the run of T16 that is trained like the last step, and tested on unseen sheets


# What others state for the same data, with their source; their splits of the numerals are their own.
KNOWN_BEST = (
    (
        "TibetanMNIST: test accuracy 0.9946 of a fully connected network with dropout, validation accuracy "
        "0.9829 of a CNN",
        "github.com/yanqiangmiffy/tibetan-mnist",
    ),
    (
        "Medical Masks, the same 394 test boxes: recalls 0.965, 0.955 and 0.50 of a CNN on crops of 64 x 64 "
        "pixels (good, and the other two); with class weights 0.901, 0.989 and 0.682",
        "github.com/yuhung1206/Detection-of-Mask-Wearing-using-CNN",
    ),
)


def name_rows(runs: list[str]) -> dict[str, str]:
    """The runs of a table with their names in words."""
    return {run: RUN_NAMES.get(run, run) for run in runs}


def steps(results: Results) -> dict[str, str]:
    """The runs of T16 that follow on each other; none if there are fewer than two."""
    table = results.tables["mlp"].get("T16")
    runs = [] if table is None else [run for run in table.run if run != SHEETS]
    return name_rows(runs) if len(runs) > 1 else {}


def remedies(results: Results) -> dict[str, str]:
    """The runs of T15 that are in folds; none if there are fewer than two."""
    table, in_folds = results.tables["cnn"].get("T15"), set(results.folds.run)
    runs = [] if table is None else [run for run in table.run if run in in_folds]
    return name_rows(runs) if len(runs) > 1 else {}


def facts_of_remedies(results: Results) -> dict[str, Any] | None:
    """The remedy with the best mean recall, beside the first and the weighted sampler: by run the recall of
    the rarest class, the mean recall and the accuracy.
    """
    names = remedies(results)
    if not names:
        return None
    pooled = results.folds[results.folds.run.isin(names)]
    table = pooled.pivot(index="run", columns="class", values="recall")
    classes = pooled[~pooled["class"].isin([ALL, MEAN])].drop_duplicates("class")
    rarest = classes.loc[classes.samples.idxmin()]
    best = table[MEAN].idxmax()
    shown = {"first": next(iter(names)), "sampler": "cv_weighted", "best": best}
    return {
        "rarest": rarest["class"],
        "samples": int(rarest.samples),
        "count": len(names) - 1,
        "all": int(pooled.samples.max()),
        "folds": results.settings["cnn"][best]["folds"],
        **{key: row_of(table, run, names, rarest["class"]) for key, run in shown.items() if run in names},
    }


def row_of(table: pd.DataFrame, run: str, names: dict[str, str], rarest: str) -> dict[str, Any]:
    row = table.loc[run]
    return {"run": run, "name": names[run], "rarest": row[rarest], "mean": row[MEAN], "accuracy": row[ALL]}


def facts_of_steps(results: Results) -> dict[str, Any] | None:
    """The first step and the last, with the one that adds most, and the last on sheets not seen."""
    names = steps(results)
    if not names:
        return None
    scores = {run: results.scores["mlp"][run]["test_accuracy"] for run in names}
    runs = list(names)
    gains = {run: scores[run] - scores[before] for before, run in zip(runs, runs[1:], strict=False)}
    largest = max(gains, key=lambda run: gains[run])
    last = results.scores["mlp"][runs[-1]]
    return {
        "first": {"name": names[runs[0]], "accuracy": scores[runs[0]]},
        "last": {
            "name": names[runs[-1]],
            "accuracy": scores[runs[-1]],
            "std": last.get("test_accuracy_std"),
        },
        "largest": {"name": names[largest], "gain": gains[largest]},
        "sheets": results.scores["mlp"].get(SHEETS),
        "hidden": results.settings["mlp"][runs[-1]]["hidden"],
        "seeds": results.settings["mlp"][runs[-1]]["seeds"],
    }


def facts_left_open(results: Results) -> dict[str, Any]:
    return {
        "remedies": facts_of_remedies(results),
        "steps": facts_of_steps(results),
        "known_best": KNOWN_BEST,
    }
