"""The uncertainty of a share that was found among few samples."""

from scipy import stats

CONFIDENCE = 0.95


def wilson_interval(share: float, samples: int) -> tuple[float, float]:
    """The interval (95 %) of a share found among so many samples (Wilson, 1927); all of 0 to 1 among none.

    >>> wilson_interval(0.27, 22)       # 6 of 22
    (0.1315..., 0.4815...)
    """
    if not samples:
        return 0.0, 1.0
    interval = stats.binomtest(round(share * samples), samples).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)
