"""How contenders are measured in turn, and what a row of results says."""

import functools
import importlib.util
import statistics
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.teams import IN_TURN, SIDE_BY_SIDE, Contender, Team

OURS = "the pipeline"
# Losses may differ by this share: rounding alone makes 2 % in an epoch of mini-batches of one.
SAME_LOSS = 0.1
NEEDS = {"JAX jit + scan": "jax", "Keras on JAX": "keras"}


class Row(NamedTuple):
    """One contender in one case. `target` is what `ratio_to_ours` must reach."""

    case: str
    contender: str
    unit: str
    value: float  # the median over the repeats
    ratio_to_ours: float
    target: float | None
    met: str
    repeats: int
    spread: float  # largest less smallest, as a share of the median
    data: str = ""  # what it was measured on


class Setup(NamedTuple):
    """What every case gets."""

    workspace: Path
    repeats: int


def compare(
    case: str, unit: str, values: dict[str, list[float]], targets: Mapping[str, float | None]
) -> list[Row]:
    """Rows of contenders from the values of each repeat; each peer's target is in `targets`, or 1."""
    ours = statistics.median(values[OURS])
    rows = []
    for contender, measured in values.items():
        median = statistics.median(measured)
        ratio = median / ours
        target = None if contender == OURS else targets.get(contender, 1.0)
        met = "" if target is None else "yes" if ratio >= target else "no"
        spread = (max(measured) - min(measured)) / median
        rows.append(Row(case, contender, unit, median, ratio, target, met, len(measured), spread))
    return rows


def alternate(measures: dict[Any, Callable[[], float]], repeats: int) -> dict[Any, list[float]]:
    """The values of each measure, taken in turns."""
    values: dict[Any, list[float]] = {name: [] for name in measures}
    for _ in range(repeats):
        for name, measure in measures.items():
            values[name].append(measure())
    return values


def best_team(name: str, contender: Contender, task: Any) -> Team:
    """The contender's team in its better placement; the pipeline's is given."""
    best: Any = None  # seconds and team
    for placement in (SIDE_BY_SIDE,) if name == OURS else dict.fromkeys((SIDE_BY_SIDE, IN_TURN)):
        team = Team(contender, placement, pinned=name == OURS)
        team.prepare(task)
        seconds, _ = team.run()
        if best and best[0] <= seconds:
            team.close()
        else:
            if best:
                best[1].close()
            best = seconds, team
    return best[1]


def race(task: Any, contenders: dict[str, Contender], repeats: int) -> dict[str, list[float]]:
    """Seconds of each repeat of each contender, all held to the pipeline's training loss."""
    present = {name: c for name, c in contenders.items() if importlib.util.find_spec(NEEDS.get(name, "sys"))}
    for name in contenders.keys() - present.keys():
        print(f"  {name} is not installed, and left out", file=sys.stderr)
    teams = {name: best_team(name, contender, task) for name, contender in present.items()}
    expected = teams[OURS].run()[1]

    def timed(name: str) -> float:
        seconds, loss = teams[name].run()
        if abs(loss - expected) > SAME_LOSS * expected:
            raise RuntimeError(
                f"{name} arrives at a training loss of {loss:.4f}, the pipeline at {expected:.4f}"
            )
        return seconds / task.epochs

    values = alternate({name: functools.partial(timed, name) for name in teams}, repeats)
    print(f"  training loss {expected:.4f}; {', '.join(f'{n} {t.placement}' for n, t in teams.items())}")
    for team in teams.values():
        team.close()
    return values
