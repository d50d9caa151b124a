"""The statistics of the claims: the probability that a comparison holds, and the verdicts.

The method must work with two to four replicates. A bootstrap of two values calls everything certain on which
both agree, and a permutation test of two against two cannot go below 1/6. Welch's t test uses the size of
the spread, lets each run have its own, and has heavy tails for few replicates: at one degree of freedom a
probability of 0.9 needs a difference of three standard errors. The probability here is 1 - p for its
one-sided p-value, read as the probability that the two means have this order.

Its limits: it takes replicates as normal, so two that agree by chance look more certain than they are. It
takes runs as independent although their replicates share a seed; where these vary together, the test is
conservative. It is about these test samples, the same in every run; the Wilson interval of a share tells
how uncertain few samples are. How often each test passes what is true and what is false stands in
docs/trust.md.
"""

import math

import numpy as np
from scipy.special import stdtr  # Student's t; scipy.stats takes half a second to import

from pipeline.evaluation.claims import Pairs

ROUNDING = 1e-12  # a value at the very edge of a tolerance is inside, whatever floating point makes of it


def probability_greater(
    high: np.ndarray, low: np.ndarray, by: float = 0.0, paired: Pairs | None = None
) -> float:
    """The probability that mean(high) > mean(low) + by, from the replicates of each.

    Of `paired` replicates the differences are tested: of two scores of the same replicates, or of two runs in
    the same folds. nan with fewer than two replicates, which have no spread, where a score is nan, or where
    there are not as many of both. Without any spread (counts, or scores at their limit) it is 0, 0.5 at a
    tie, or 1.
    """
    if min(len(high), len(low)) < 2 or (paired and len(high) != len(low)):
        return math.nan
    spreads = [np.ptp(high - low)] if paired else [np.ptp(high), np.ptp(low)]
    if not any(spreads):
        return float(0.5 + 0.5 * np.sign(round(high.mean() - low.mean() - by, 12)))
    if paired:
        return probability_of_pairs(high - low - by, paired)
    shares = [values.var(ddof=1) / len(values) for values in (high, low)]
    each = [share**2 / (len(values) - 1) for share, values in zip(shares, (high, low), strict=True)]
    error, freedom = math.sqrt(sum(shares)), sum(shares) ** 2 / sum(each)
    return float(stdtr(freedom, (high.mean() - low.mean() - by) / error))


def probability_of_pairs(differences: np.ndarray, paired: Pairs) -> float:
    """The probability that the mean of n differences is above zero, by Student's t test.

    The trainings of two of n folds share most of their samples. Nadeau and Bengio (Machine Learning 52, 2003)
    therefore add the ratio of test to training samples, 1 / (n - 1), to the t test's 1 / n.
    """
    count = len(differences)
    variance = 1 / count + (1 / (count - 1) if paired == "folds" else 0)
    error = differences.std(ddof=1) * math.sqrt(variance)
    return float(stdtr(count - 1, differences.mean() / error))


def probability_alike(
    one: np.ndarray, other: np.ndarray, within: float, paired: Pairs | None = None
) -> float:
    """The probability that the two means differ by less than `within`, either way."""
    above = probability_greater(one, other, -within, paired)
    below = probability_greater(other, one, -within, paired)
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
