"""The uncertainty of a share that was found among few samples."""

import math

from scipy.special import ndtri  # scipy.stats, which has the interval too, takes half a second to import

QUANTILE = float(ndtri(0.975))  # of the normal distribution, for an interval of 95 %


def wilson_interval(share: float, samples: int) -> tuple[float, float]:
    """The interval (95 %) of a share found among so many samples (Wilson, 1927); all of 0 to 1 among none.

    >>> wilson_interval(0.27, 22)       # 6 of 22
    (0.1315..., 0.4815...)
    """
    if not samples:
        return 0.0, 1.0
    found, squared = round(share * samples), QUANTILE**2
    centre = found + squared / 2
    half = QUANTILE * math.sqrt(found * (samples - found) / samples + squared / 4)
    low, high = (centre - half) / (samples + squared), (centre + half) / (samples + squared)
    return (low if found else 0.0), (high if found < samples else 1.0)
