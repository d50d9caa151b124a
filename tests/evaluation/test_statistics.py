"""The statistics of the claims, against published and hand-computed values."""

import math

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation import claims as schema
from pipeline.evaluation import statistics
from pipeline.evaluation.intervals import wilson_interval
from stages.check_claims import judge
from tests import claim_rates
from tests.conftest import ROOT
from tests.evaluation.test_claims import CLAIMS


def pair(mean, deviation):
    """Two replicates of that mean and sample deviation."""
    return np.array([mean - deviation / 2**0.5, mean + deviation / 2**0.5])


@pytest.mark.parametrize(
    ("right", "samples", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_are_those_of_newcombe_1998(right, samples, low, high):
    assert wilson_interval(right / samples, samples) == pytest.approx((low, high), abs=5e-5)


def test_a_rounded_share_is_the_count_that_it_came_from():
    assert wilson_interval(0.27, 22) == wilson_interval(6 / 22, 22)
    assert wilson_interval(float("nan"), 0) == (0, 1)


def test_the_probability_of_an_order_by_hand():
    # Each mean has the squared error 2 / 2, so t = 2 / sqrt(2); the t distribution with two degrees of
    # freedom is 1/2 + t / (2 sqrt(2 + t^2)).
    assert statistics.probability_greater(np.array([2.0, 4.0]), np.array([0.0, 2.0])) == pytest.approx(
        0.5 + 2**0.5 / 4
    )


def test_clear_tied_and_wrong_orders():
    low = pair(0.88, 0.002)
    assert statistics.probability_greater(pair(0.90, 0.002), low) > 0.98
    assert statistics.probability_greater(pair(0.88, 0.002), low) == pytest.approx(0.5)
    assert statistics.probability_greater(pair(0.86, 0.002), low) < 0.02
    assert statistics.probability_greater(pair(0.90, 0.002), low, by=0.02) == pytest.approx(0.5)
    assert 0.5 < statistics.probability_greater(pair(0.881, 0.002), low) < 0.9


def test_orders_without_any_spread_are_certain_or_tied():
    one, two = np.array([0.1, 0.1, 0.1]), np.array([0.3, 0.3])
    assert statistics.probability_greater(two, one) == 1
    assert statistics.probability_greater(one, one) == 0.5
    assert statistics.probability_greater(one, two) == 0
    assert statistics.probability_greater(two, one, by=0.2) == 0.5
    assert statistics.probability_greater(one + 3e-13, one) == 0.5, "so little is rounding"
    assert statistics.probability_greater(one + 3e-12, one) == 1


def test_folds_are_compared_in_pairs_and_corrected_by_hand():
    """Differences of 1 and 3: mean 2, deviation sqrt(2); of two folds the error is sqrt(2) sqrt(1/2 + 1), so
    t = 2 / sqrt(3), and with one degree of freedom the probability is 1/2 + arctan(t) / pi.
    """
    high, low = np.array([11.0, 103.0]), np.array([10.0, 100.0])
    expected = 0.5 + math.atan(2 / 3**0.5) / math.pi
    assert statistics.probability_greater(high, low, paired="folds") == pytest.approx(expected)
    assert statistics.probability_greater(high, low, by=2, paired="folds") == pytest.approx(0.5)
    assert statistics.probability_greater(high, low) < 0.6, "their spread hides it where they are no pairs"
    assert statistics.probability_greater(high + 1, high, paired="folds") == 1
    assert statistics.probability_alike(high, low, 100.0, paired="folds") > 0.98
    assert math.isnan(statistics.probability_greater(high, np.zeros(3), paired="folds"))


def test_runs_with_spreads_of_their_own_are_compared_by_welchs_test():
    high, low = np.array([0.91, 0.86, 0.95, 0.9]), np.array([0.85, 0.84])
    for by in (-0.1, 0, 0.02):
        expected = 1 - stats.ttest_ind(high - by, low, equal_var=False, alternative="greater").pvalue
        assert statistics.probability_greater(high, low, by) == pytest.approx(expected)


def test_scores_of_the_same_replicates_are_compared_by_a_paired_t_test():
    high, low = np.array([0.91, 0.86, 0.95]), np.array([0.90, 0.84, 0.92])
    expected = 1 - stats.ttest_rel(high, low, alternative="greater").pvalue
    assert statistics.probability_greater(high, low, paired="replicates") == pytest.approx(expected)
    assert statistics.probability_greater(high, low, paired="folds") < expected


def test_the_probability_of_a_likeness_by_hand():
    one = np.array([0.0, 2.0])  # against itself: t = sqrt(2) / sqrt(2) at either end
    within = statistics.probability_alike(one, one, 2**0.5)
    assert within == pytest.approx(2 * (0.5 + 1 / (2 * 3**0.5)) - 1)
    assert statistics.probability_alike(pair(0.93, 0.002), pair(0.82, 0.002), 0.03) < 0.01
    assert statistics.probability_alike(pair(0.82, 0.002), pair(0.93, 0.002), 0.03) < 0.01


def test_one_replicate_has_no_probability():
    for one in (np.array([0.9]), np.array([math.nan, 0.9])):
        assert math.isnan(statistics.probability_greater(one, pair(0.1, 0.1)))
        assert math.isnan(statistics.probability_alike(pair(0.1, 0.1), one, 0.03))
    assert statistics.ordering_verdict([1.0, math.nan], 0.9) == "not_comparable"


def test_an_order_is_as_sure_as_its_weakest_comparison():
    assert statistics.ordering_verdict([0.99, 0.9], 0.9) == "passed"
    assert statistics.ordering_verdict([0.99, 0.89], 0.9) == "failed"


@pytest.mark.parametrize(
    ("ours", "verdict"), [(0.925, "passed"), (0.875, "passed"), (0.9251, "failed"), (0.8749, "failed")]
)
def test_a_value_passes_up_to_the_edge_of_its_tolerance(ours, verdict):
    assert statistics.value_verdict(0.9, ours, 0.025, True) == verdict
    assert statistics.value_verdict(0.9, ours, 0.025, False) == "not_comparable"
    assert statistics.value_verdict(0.9, ours, None, True) == "not_comparable"
    assert statistics.value_verdict(0.9, math.nan, 0.025, True) == "not_comparable"
    assert statistics.value_verdict(statistics.ROUNDING, 0.0, 0.0, True) == "passed"


def test_tolerances_of_each_kind():
    figure = schema.table_values(CLAIMS.tables)[0]._replace(report=0.2)
    each = {"absolute": None, "relative": None, "beyond_wilson": None}
    assert judge.tolerance_of(figure._replace(**each | {"absolute": 0.01}), None) == 0.01
    assert judge.tolerance_of(figure._replace(**each | {"relative": 0.5}), None) == 0.1
    beyond = figure._replace(**each | {"beyond_wilson": 0.01})
    assert judge.tolerance_of(beyond, (0.1, 0.4)) == pytest.approx(0.16)
    assert judge.tolerance_of(beyond, None) is None


@pytest.mark.witness
def test_how_often_a_verdict_is_wrong_stands_in_the_docs():
    assert claim_rates.table() in (ROOT / "docs/trust.md").read_text()


@pytest.mark.parametrize("kind", claim_rates.KINDS)
def test_false_claims_pass_seldom_and_true_ones_more_often_with_more_replicates(kind, monkeypatch):
    monkeypatch.setattr(claim_rates, "SIMULATIONS", 200)
    simulated = claim_rates.KINDS[kind][0]
    assert max(claim_rates.rate(simulated, count, true=False) for count in (2, 4)) < 0.17
    few, many = (claim_rates.rate(simulated, count, true=True) for count in (2, 4))
    assert many > 0.8 and many >= few - 0.05
