"""What helps, and by how much: two runs that differ in a setting, side by side."""

from math import hypot
from typing import Any, NamedTuple

import numpy as np

from stages.write_report.results import Runs

# What is compared in "What helps": the part, the runs before and after a change, and the score.
CHANGES = [
    ("mlp", "h512_256", "scaled", "test_accuracy"),
    ("mlp", "h512_256", "h256_128", "test_accuracy"),
    ("mlp", "h512_256", "h128_64", "test_accuracy"),
    ("mlp", "h512_256_128", "h512_256", "test_accuracy"),
    ("mlp", "rate_0_001", "h512_256", "test_accuracy"),
    ("mlp", "h512_256", "batch_8", "test_accuracy"),
    ("mlp", "h512_256", "long", "test_accuracy"),
    ("mlp", "h512_128", "final", "test_accuracy"),
    ("cnn", "stride_2", "adam", "test_accuracy"),
    ("cnn", "stride_2", "stride_2_padded", "test_accuracy"),
    ("cnn", "adam", "filter_5", "test_accuracy"),
    ("cnn", "sgd", "adam", "test_accuracy"),
    ("cnn", "sgd", "own_size", "test_accuracy"),
    ("cnn", "final", "weighted", "test_accuracy_none"),
    ("cnn", "final", "weighted", "test_accuracy_good"),
    ("cnn", "final", "weighted", "test_accuracy"),
]
SAMPLES = {"mlp": "numerals", "cnn": "masks"}
NO_CHANGE = ("snapshot_epoch", "latents_every")  # settings that no score depends on


class Change(NamedTuple):
    """What a change of setting did to the accuracy on some `samples`; `spread` is the deviation of `gain`
    over replicates.
    """

    name: str
    samples: str
    before: float
    after: float
    gain: float
    spread: float

    @property
    def clear(self) -> bool:
        """Whether the gain is more than twice its spread."""
        return abs(self.gain) > 2 * self.spread


def list_changes(scores: Runs, settings: Runs) -> list[Change]:
    """The changes between runs that there are, what helps most first."""
    found = []
    for part, before, after, score in CHANGES:
        if not {before, after} <= settings[part].keys():
            continue
        one, other = scores[part][before], scores[part][after]
        name = name_change(settings[part][before], settings[part][after])
        if not name or score not in one or score not in other:
            continue
        spread = hypot(one.get(f"{score}_std", 0.0), other.get(f"{score}_std", 0.0))
        samples = SAMPLES[part] + score.removeprefix("test_accuracy").replace("_", ", ")
        found.append(Change(name, samples, one[score], other[score], other[score] - one[score], spread))
    return sorted(found, key=lambda change: -change.gain)


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
