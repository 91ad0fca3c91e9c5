"""All statistics of the analysis: ratios of times, their intervals, ties, and geometric means.

A ratio is a quotient of two times and has no unit. Intervals of a case rest on order statistics of
the sign test, so they assume independent rounds and nothing about the distribution of times.
Nothing is resampled: every number follows from its input alone.
"""

import functools
import math
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple, Optional

import numpy
import scipy.stats

CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """A ratio, its 95% interval, and the rounds or cases behind it; no interval is no claim."""

    ratio: float
    lo: Optional[float]
    hi: Optional[float]
    count: int

    @property
    def decided(self) -> bool:
        """Whether there is an interval, so that a claim can be made at all."""
        return self.lo is not None


@functools.lru_cache(maxsize=None)
def sign_test_rank(count: int) -> int:
    """Largest k with 2 * P(Binomial(count, 1/2) < k) <= 5%; 0 when there is none (count < 6)."""
    k = 0
    while 2 * scipy.stats.binom.cdf(k, count, 0.5) <= 1 - CONFIDENCE:
        k += 1
    return k


def sign_interval(values: Sequence[float]) -> Optional[tuple[float, float]]:
    """Interval of the median with coverage of at least 95%, in the unit of the values.

    The k-th smallest and k-th largest value, with k of the sign test (Conover, Practical
    Nonparametric Statistics, section 3.2): the extremes of 6 values cover 96.875%, the 2nd and
    9th of 10 cover 97.85%. None for fewer than 6 values, where not even the extremes reach 95%.
    """
    k = sign_test_rank(len(values))
    if k == 0:
        return None
    ordered = sorted(values)
    return ordered[k - 1], ordered[-k]


def are_times(values: Any) -> bool:
    """Whether this is a list of positive finite numbers, as every list of samples must be."""
    return isinstance(values, list) and all(
        isinstance(value, (int, float)) and not isinstance(value, bool)
        and 0 < value < math.inf for value in values)


def median(values: Sequence[float]) -> float:
    """Median, in the unit of the values; there must be at least one."""
    return float(numpy.median(values))


def paired_ratio(times: Sequence[float], reference: Sequence[float]) -> Estimate:
    """Ratio times / reference of two backends measured in the same rounds of a case.

    exp of the median log ratio per round with its sign-test interval. Rounds that only one of
    them has are left out; there must be a common one.
    """
    logs = [math.log(a / b) for a, b in zip(times, reference)]
    interval = sign_interval(logs)
    lo, hi = (math.exp(end) for end in interval) if interval else (None, None)
    return Estimate(math.exp(median(logs)), lo, hi, len(logs))


def unpaired_ratio(new: Sequence[float], old: Sequence[float]) -> Estimate:
    """Ratio of the medians of two independent runs, new / old.

    The interval divides the ends of the two sign-test intervals of the medians. One of its ends
    is wrong only when at least one median lies beyond the end used for it, which happens with
    probability 2.5% at most for either: so each end, and with it the one-sided claim "slower
    than the threshold", holds with at least 95%, without resampling. Needs 6 rounds in both runs.
    """
    ratio = median(new) / median(old)
    new_interval, old_interval = sign_interval(new), sign_interval(old)
    count = min(len(new), len(old))
    if new_interval is None or old_interval is None:
        return Estimate(ratio, None, None, count)
    return Estimate(ratio, new_interval[0] / old_interval[1], new_interval[1] / old_interval[0],
                    count)


def tied(estimate: Estimate, floor: float) -> Optional[bool]:
    """Whether the two sides cannot be told apart; None when there is no interval to tell from.

    Tied when the interval spans 1, or the ratio is within the noise floor (a ratio >= 1).
    """
    if not estimate.decided:
        return None
    return estimate.lo <= 1 <= estimate.hi or max(estimate.ratio, 1 / estimate.ratio) < floor


def geometric_mean(estimates: Sequence[Estimate]) -> Estimate:
    """Geometric mean of the ratios of matched cases, with an interval over the cases.

    From 6 cases on Student's t interval of the mean log ratio at 95%: exp(m -+ t * s / sqrt(n)),
    with t the 0.975 quantile at n - 1 degrees of freedom and s the sample standard deviation of
    the logs. For 2 to 5 cases, too few to judge their spread by, the smallest and largest ratio;
    for one case its own interval. The count of the result is the number of cases; there must be
    at least one.
    """
    if len(estimates) == 1:
        return estimates[0]._replace(count=1)
    logs = [math.log(estimate.ratio) for estimate in estimates]
    mean = statistics.fmean(logs)
    ends = min(logs), max(logs)
    if len(logs) >= 6:
        reach = student_quantile(len(logs)) * statistics.stdev(logs, mean) / math.sqrt(len(logs))
        ends = mean - reach, mean + reach
    return Estimate(math.exp(mean), math.exp(ends[0]), math.exp(ends[1]), len(logs))


@functools.lru_cache(maxsize=None)
def student_quantile(count: int) -> float:
    """The 0.975 quantile of Student's t at count - 1 degrees of freedom; count is 2 or more."""
    return float(scipy.stats.t.ppf((1 + CONFIDENCE) / 2, count - 1))


def noise_floor(twins: Sequence[Estimate]) -> float:
    """Ratio below which a difference is not claimed, from one backend measured twice (A/A).

    The 95th percentile (nearest rank) over cases of max(ratio, 1 / ratio), as `normbench run`
    computes it: what 19 of 20 comparisons without a difference stay within. 1.0, no floor at
    all, without A/A comparisons.
    """
    spreads = sorted(max(twin.ratio, 1 / twin.ratio) for twin in twins)
    return spreads[math.ceil(CONFIDENCE * len(spreads)) - 1] if spreads else 1.0
