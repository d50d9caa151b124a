"""The statistics of the claims: intervals of shares, and the probability that a comparison holds.

The method has to do with two to four replicates. A bootstrap of two values calls everything certain on which
both agree, and a permutation test of two against two cannot go below 1/6. Welch's t test uses the size of
the spread, lets each run have its own, and has heavy tails for few replicates: at one degree of freedom a
probability of 0.9 needs a difference of three standard errors. The probability here is one less its
one-sided p-value, read as the probability of the order of the two means.

Its limits: it takes replicates as normal, so two that agree by chance look more certain than they are. It
takes runs as independent although their replicates share a seed; where these vary together, the test is
conservative. It is about these test samples, the same in every run; the Wilson interval of a share tells
how uncertain few samples are.
"""

import math
import warnings

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
ROUNDING = 1e-12  # a value at the very edge of a tolerance is inside, whatever floating point makes of it


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
    if np.ptp(high) == 0 and np.ptp(low) == 0:
        return float(0.5 + 0.5 * np.sign(round(high.mean() - low.mean() - by, 12)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # SciPy warns where one of the runs has no spread
        test = stats.ttest_ind(high - by, low, equal_var=False, alternative="greater")
    return 1 - float(test.pvalue)


def probability_alike(one: np.ndarray, other: np.ndarray, within: float) -> float:
    """The probability that the two means differ by less than `within`, either way."""
    above = probability_greater(one, other, -within)
    below = probability_greater(other, one, -within)
    return max(0.0, above + below - 1) if math.isfinite(above + below) else math.nan


def value_verdict(report: float, ours: float, tolerance: float | None, comparable: bool) -> str:
    """A value passes if it lies within the tolerance of our mean, the edge included."""
    if tolerance is None or not comparable or not math.isfinite(ours):
        return "not_comparable"
    return "passed" if abs(report - ours) <= tolerance + ROUNDING else "failed"


def ordering_verdict(probabilities: list[float], required: float) -> str:
    """A claim passes if each of its comparisons reaches the required probability.

    No correction for their number is needed, since the weakest comparison alone must reach it (the
    intersection-union test; Berger, 1982).
    """
    if not all(math.isfinite(each) for each in probabilities):
        return "not_comparable"
    return "passed" if min(probabilities) >= required else "failed"


def errors_verdict(report: int, legible: int) -> str:
    """A number of errors is contradicted by a matrix that shows more of them."""
    return "contradicted" if legible > report else "failed"
