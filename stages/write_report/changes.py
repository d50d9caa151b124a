"""What helps, and by how much: two runs that differ in a setting, side by side."""

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipeline.evaluation.intervals import wilson_interval
from pipeline.evaluation.measures import measure_of, score_name
from pipeline.evaluation.statistics import probability_greater
from stages.write_report.contents import name_samples
from stages.write_report.results import Results

# What is compared in "What helps": the part, the runs before and after a change, and the class on whose test
# samples, if not on all of them.
CHANGES: list[tuple[str, ...]] = [
    ("mlp", "h512_256", "scaled"),
    ("mlp", "h512_256", "h256_128"),
    ("mlp", "h512_256", "h128_64"),
    ("mlp", "h512_256_128", "h512_256"),
    ("mlp", "rate_0_001", "h512_256"),
    ("mlp", "h512_256", "batch_8"),
    ("mlp", "h512_256", "long"),
    ("mlp", "h512_128", "final"),
    ("cnn", "stride_2", "adam"),
    ("cnn", "stride_2", "stride_2_padded"),
    ("cnn", "adam", "filter_5"),
    ("cnn", "sgd", "adam"),
    ("cnn", "sgd", "own_size"),
    ("cnn", "final", "weighted", "none"),
    ("cnn", "final", "weighted", "good"),
    ("cnn", "final", "weighted"),
]
NO_CHANGE = ("snapshot_epoch", "latents_every")  # settings that no score depends on
FEW = 100  # samples, of which a share is shown with its interval


class Change(NamedTuple):
    """What a change of setting did to the accuracy on some `samples`.

    `probability` is that of the gain, or of the loss where it is one, judged as the claims are. `intervals`
    are the 95 % intervals of both shares where the samples are FEW.
    """

    name: str
    samples: str
    before: float
    after: float
    probability: float
    intervals: list[tuple[float, float]]

    @property
    def gain(self) -> float:
        return self.after - self.before


def list_changes(results: Results) -> list[Change]:
    """The changes between runs that there are, what helps most first."""
    names = {"mlp": f"{name_samples(results.digit_classes)}s", "cnn": "masks"}
    found = []
    for part, before, after, *of_class in CHANGES:
        settings = results.settings[part]
        if not {before, after} <= settings.keys():
            continue
        score, name = (
            score_name("test", "accuracy", *of_class),
            name_change(settings[before], settings[after]),
        )
        one, other = (results.replicates[part].get(measure_of(part, run, score)) for run in (before, after))
        if not name or one is None or other is None or math.isnan(one.mean() + other.mean()):
            continue
        high, low = (other, one) if other.mean() >= one.mean() else (one, other)
        count = count_samples(results.class_accuracy[part], after, of_class)
        few = count < FEW
        found.append(
            Change(
                name,
                ", ".join([names[part], *of_class]) + (f" ({count} samples)" if few else ""),
                one.mean(),
                other.mean(),
                probability_greater(high, low),
                [wilson_interval(each.mean(), count) for each in (one, other)] if few else [],
            )
        )
    return sorted(found, key=lambda change: -change.gain)


def count_samples(accuracy: pd.DataFrame, run: str, of_class: list[str]) -> int:
    """The test samples of a run, or those of a class."""
    rows = accuracy[(accuracy.run == run) & (accuracy.split == "test")]
    return int(rows.samples[rows["class"].isin(of_class) if of_class else slice(None)].sum())


def name_change(before: dict[str, Any], after: dict[str, Any]) -> str:
    """The settings in which two runs differ.

    >>> name_change({"stride": 2, "filter": 3}, {"stride": 1, "filter": 3})
    'stride 1 instead of 2'
    """
    keys = [key for key in before if before[key] != after[key] and key not in NO_CHANGE]
    return ", ".join(
        f"{key.replace('_', ' ')} {setting_text(after[key])} instead of {setting_text(before[key])}"
        for key in keys
    )


def name_settings(defaults: dict[str, Any], settings: dict[str, Any]) -> str:
    """The settings of a run that are not the defaults.

    >>> name_settings({"stride": 1, "filter": 3}, {"stride": 2, "filter": 3})
    'stride 2'
    """
    return ", ".join(
        f"{key.replace('_', ' ')} {setting_text(value)}"
        for key, value in settings.items()
        if value != defaults[key]
    )


def setting_text(value: Any) -> str:
    """A setting as text, true and false as on and off."""
    return ("on" if value else "off") if isinstance(value, bool | np.bool_) else str(value)
