"""The statistics of the claims: intervals of shares, and the probability that a comparison holds.

Two to four replicates are few, which decides the method. A bootstrap of two values draws 0, 1 or 2 times
the first and no third, so it calls certain whatever both replicates say. A permutation test of two against
two cannot go below 1/6. Welch's t test uses the size of the spread, lets each run have its own, and pays
for few replicates with heavy tails: at one degree of freedom 0.9 takes a difference of three standard
errors. The probability here is one less its one-sided p-value, and is read as that of the order of the
two means.

What it leaves out: it takes replicates as normal, so two that happen to agree look surer than they are;
it takes the runs as independent, although their replicates share a seed, which where they vary together
makes it careful; and it is about these test samples, the same in every run. What few samples are worth
is told by their Wilson interval.
"""

import math

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
ROUNDING = 1e-12  # a figure at the very edge of a tolerance is inside, whatever the floats make of it


def wilson_interval(share: float, samples: int) -> tuple[float, float]:
    """The interval (95 %) of a share found among so many samples (Wilson, 1927).

    >>> wilson_interval(0.27, 22)       # 6 of 22
    (0.1315..., 0.4815...)
    """
    interval = stats.binomtest(round(share * samples), samples).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def probability_greater(high: np.ndarray, low: np.ndarray, by: float = 0.0) -> float:
    """The probability that mean(high) > mean(low) + by, from the replicates of each.

    nan with fewer than two replicates, which have no spread, or where a score is nan. Without any spread
    (counts, or scores at their limit) it is 0, 0.5 at a tie, or 1.
    """
    if min(len(high), len(low)) < 2:
        return math.nan
    gap = high.mean() - low.mean() - by
    errors = np.array([high.var(ddof=1) / len(high), low.var(ddof=1) / len(low)])
    if np.ptp(high) == 0 and np.ptp(low) == 0:
        return float(0.5 + 0.5 * np.sign(round(gap, 12)))
    freedom = errors.sum() ** 2 / (errors**2 / [len(high) - 1, len(low) - 1]).sum()
    return float(stats.t.cdf(gap / math.sqrt(errors.sum()), freedom))


def probability_alike(one: np.ndarray, other: np.ndarray, within: float) -> float:
    """The probability that the two means differ by less than `within`, either way."""
    above = probability_greater(one, other, -within)
    below = probability_greater(other, one, -within)
    return max(0.0, above + below - 1) if math.isfinite(above + below) else math.nan


def value_verdict(report: float, ours: float, tolerance: float | None, comparable: bool) -> str:
    """A figure passes if it lies within the tolerance of our mean, the edge included."""
    if tolerance is None or not comparable or not math.isfinite(ours):
        return "not_comparable"
    return "passed" if abs(report - ours) <= tolerance + ROUNDING else "failed"


def ordering_verdict(probabilities: list[float], required: float) -> str:
    """A claim passes if each of its comparisons reaches the required probability.

    No correction for their number: to be wrong, the claim must be wrong where its weakest comparison is,
    and that one is held to the full demand (the intersection-union test; Berger, 1982).
    """
    if not all(math.isfinite(each) for each in probabilities):
        return "not_comparable"
    return "passed" if min(probabilities) >= required else "failed"


def errors_verdict(report: int, legible: int) -> str:
    """A number of errors is contradicted by a matrix that shows more of them."""
    return "contradicted" if legible > report else "failed"
