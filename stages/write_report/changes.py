"""What helps, and by how much: two runs that differ in a setting, side by side."""

from math import hypot
from typing import Any, NamedTuple

import numpy as np

from pipeline.evaluation.measures import score_name
from stages.write_report.results import Runs

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
    for part, before, after, *of_class in CHANGES:
        if not {before, after} <= settings[part].keys():
            continue
        score = score_name("test", "accuracy", *of_class)
        one, other = scores[part][before], scores[part][after]
        name = name_change(settings[part][before], settings[part][after])
        if not name or score not in one or score not in other:
            continue
        spread = hypot(one.get(f"{score}_std", 0.0), other.get(f"{score}_std", 0.0))
        samples = ", ".join([SAMPLES[part], *of_class])
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
