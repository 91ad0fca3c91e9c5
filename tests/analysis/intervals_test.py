"""The statistics against hand-computed tables, plain arithmetic and simulated coverage."""

import math
import random
import statistics

import pytest

from analysis.intervals import (Estimate, are_times, geometric_mean, median, noise_floor,
                                paired_ratio, sign_interval, tied, unpaired_ratio)

# Ranks k of the k-th smallest and largest value, from a table of the sign test at 95%.
SIGN_TEST_RANKS = {6: 1, 7: 1, 8: 1, 9: 2, 10: 2, 11: 2, 12: 3, 15: 4, 16: 4, 20: 6, 25: 8, 30: 10}


def coverage(count: int, k: int) -> float:
    """P(k <= successes <= count - k) for a fair coin, by counting."""
    return sum(math.comb(count, i) for i in range(k, count - k + 1)) / 2 ** count


@pytest.mark.parametrize("count", range(1, 6))
def test_fewer_than_six_values_have_no_interval(count):
    assert sign_interval(list(range(count))) is None


@pytest.mark.parametrize("count, k", SIGN_TEST_RANKS.items())
def test_interval_ends_are_the_order_statistics_of_the_table(count, k):
    values = list(range(1, count + 1))
    random.Random(count).shuffle(values)
    assert sign_interval(values) == (k, count + 1 - k)


@pytest.mark.parametrize("count", range(6, 60))
def test_interval_is_the_narrowest_that_covers_95_percent(count):
    k = sign_interval(list(range(1, count + 1)))[0]
    assert coverage(count, k) >= 0.95 > coverage(count, k + 1)


def test_coverage_quoted_in_the_documentation():
    assert coverage(6, 1) == 0.96875
    assert coverage(10, 2) == pytest.approx(0.978516, abs=1e-6)


def test_paired_ratio_cancels_what_is_common_to_a_round():
    drift = [1, 5, 2, 8, 3, 9, 4]
    estimate = paired_ratio([3 * value for value in drift], [2 * value for value in drift])
    assert estimate.ratio == pytest.approx(1.5)
    assert (estimate.lo, estimate.hi) == (pytest.approx(1.5), pytest.approx(1.5))
    assert estimate.count == 7


def test_paired_ratio_is_the_middle_of_the_round_ratios():
    estimate = paired_ratio([1, 2, 3, 4, 5, 6, 70], [1] * 7)
    assert estimate.ratio == pytest.approx(4)
    assert (estimate.lo, estimate.hi) == (pytest.approx(1), pytest.approx(70))


def test_paired_ratio_of_five_rounds_makes_no_claim():
    estimate = paired_ratio([2] * 5, [1] * 5)
    assert estimate == Estimate(2.0, None, None, 5)
    assert tied(estimate, 1.5) is None


def test_swapping_the_sides_inverts_ratio_and_interval():
    generator = random.Random(3)
    a = [generator.uniform(1, 2) for _ in range(13)]
    b = [generator.uniform(1, 2) for _ in range(13)]
    forth, back = paired_ratio(a, b), paired_ratio(b, a)
    assert forth.ratio == pytest.approx(1 / back.ratio)
    assert forth.lo == pytest.approx(1 / back.hi)


def test_paired_interval_covers_the_true_ratio_at_least_95_percent_of_the_time():
    generator = random.Random(11)
    trials, hits = 2000, 0
    for _ in range(trials):
        logs = [math.log(1.3) + generator.choice([0.02, 0.3]) * generator.gauss(0, 1)
                for _ in range(10)]
        estimate = paired_ratio([math.exp(value) for value in logs], [1] * 10)
        hits += estimate.lo <= 1.3 <= estimate.hi
    assert 0.965 <= hits / trials <= 0.99  # exactly 97.85%


def test_unpaired_ratio_divides_medians_and_opposite_ends():
    new, old = [10, 11, 12, 13, 14, 15], [5, 6, 7, 8, 9, 10]
    estimate = unpaired_ratio(new, old)
    assert estimate.ratio == pytest.approx(12.5 / 7.5)
    assert (estimate.lo, estimate.hi) == (pytest.approx(10 / 10), pytest.approx(15 / 5))


def test_unpaired_ratio_needs_six_rounds_on_both_sides():
    assert not unpaired_ratio([1] * 6, [1] * 5).decided
    assert not unpaired_ratio([1] * 5, [1] * 6).decided


def test_unpaired_lower_end_is_wrong_at_most_5_percent_of_the_time():
    generator = random.Random(12)
    trials, wrong = 2000, 0
    for _ in range(trials):
        new = [1.1 * math.exp(generator.gauss(0, 0.2)) for _ in range(8)]
        old = [math.exp(generator.gauss(0, 0.2)) for _ in range(8)]
        wrong += unpaired_ratio(new, old).lo > 1.1
    assert wrong / trials <= 0.05


@pytest.mark.parametrize("estimate, floor, expected", [
    (Estimate(1.10, 0.99, 1.20, 10), 1.0, True),
    (Estimate(1.10, 1.05, 1.20, 10), 1.0, False),
    (Estimate(1.10, 1.05, 1.20, 10), 1.11, True),
    (Estimate(0.90, 0.85, 0.95, 10), 1.0, False),
    (Estimate(0.90, 0.85, 0.95, 10), 1.12, True),
])
def test_tied_when_the_interval_spans_1_or_the_ratio_is_below_the_floor(estimate, floor, expected):
    assert tied(estimate, floor) is expected


def test_geometric_mean_of_few_cases_has_their_range():
    mean = geometric_mean([Estimate(ratio, None, None, 3) for ratio in (1.0, 2.0, 4.0)])
    assert mean.ratio == pytest.approx(2.0)
    assert (mean.lo, mean.hi, mean.count) == (pytest.approx(1.0), pytest.approx(4.0), 3)


def test_geometric_mean_of_one_case_keeps_its_interval():
    assert geometric_mean([Estimate(2, 1.5, 2.5, 12)]) == Estimate(2, 1.5, 2.5, 1)
    assert not geometric_mean([Estimate(2, None, None, 4)]).decided


def test_geometric_mean_of_six_or_more_cases_has_the_interval_of_student():
    estimates = [Estimate(ratio, None, None, 9) for ratio in (1, 1, 2, 2, 4, 4, 8, 8)]
    mean = geometric_mean(estimates)
    assert mean.ratio == pytest.approx(2 ** 1.5) and mean.count == 8
    # Logarithms to base 2: mean 1.5, variance 10/7; 2.3646 is the table's t for 7 degrees.
    reach = 2.3646 * math.sqrt(10 / 7 / 8)
    assert math.log2(mean.lo) == pytest.approx(1.5 - reach, abs=1e-4)
    assert math.log2(mean.hi) == pytest.approx(1.5 + reach, abs=1e-4)


def test_geometric_mean_gets_its_interval_at_six_cases():
    ratios = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    five, six = (geometric_mean([Estimate(ratio, None, None, 9) for ratio in ratios[:count]])
                 for count in (5, 6))
    assert (five.lo, five.hi) == (pytest.approx(1.0), pytest.approx(5.0))
    logs = [math.log(ratio) for ratio in ratios]
    reach = 2.5706 * statistics.stdev(logs) / math.sqrt(6)  # the table's t for 5 degrees
    assert six.lo == pytest.approx(math.exp(statistics.fmean(logs) - reach), rel=1e-4)
    assert six.hi == pytest.approx(math.exp(statistics.fmean(logs) + reach), rel=1e-4)


def test_geometric_mean_of_equal_cases_is_certain():
    mean = geometric_mean([Estimate(1.5, None, None, 9)] * 6)
    assert (mean.lo, mean.hi) == (pytest.approx(1.5), pytest.approx(1.5))


def test_geometric_mean_covers_the_true_ratio_95_percent_of_the_time():
    generator = random.Random(13)
    trials, hits = 2000, 0
    for _ in range(trials):
        mean = geometric_mean([Estimate(1.3 * math.exp(generator.gauss(0, 0.3)), None, None, 9)
                               for _ in range(8)])
        hits += mean.lo <= 1.3 <= mean.hi
    assert 0.935 <= hits / trials <= 0.965


def test_noise_floor_is_the_nearest_rank_percentile_of_the_spread():
    twins = [Estimate(1 + index / 1000, None, None, 9) for index in range(1, 20)]
    twins.append(Estimate(1 / 1.5, None, None, 9))
    assert noise_floor(twins) == pytest.approx(1.019)
    assert noise_floor(twins[:10]) == pytest.approx(1.010)
    assert noise_floor(twins[-1:]) == pytest.approx(1.5)
    assert noise_floor([]) == 1.0


def test_median_of_an_even_count_is_the_middle_of_the_two():
    assert median([4, 1, 3, 2]) == 2.5


@pytest.mark.parametrize("value, expected", [
    ([1, 2.5], True), ([], True), ("12", False), ([0], False), ([-1], False), ([None], False),
    ([True], False), ([math.inf], False), ([math.nan], False)])
def test_are_times(value, expected):
    assert are_times(value) is expected
