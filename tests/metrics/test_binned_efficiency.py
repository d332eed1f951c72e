"""Efficiencies in bins: brute force, negative weights, flatness of flat cuts."""

import itertools

import numpy as np
import pytest
from scipy.stats import chi2_contingency, kstest

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.metrics import binned_efficiency

EDGES = np.linspace(0.0, 1.0, 6)


@pytest.fixture
def events():
    rng = np.random.default_rng(2)
    x, selected = rng.random(4000), rng.random(4000) < 0.3
    weight = rng.exponential(size=4000) * np.where(rng.random(4000) < 0.1, -1.0, 1.0)
    return x, selected, weight


def test_each_bin_is_a_part_over_its_whole(events):
    x, selected, weight = events
    found = binned_efficiency(x, selected, weight, edges=EDGES)
    for k, (low, high) in enumerate(itertools.pairwise(EDGES)):
        own = (x >= low) & (x < high)
        passed = own & selected
        e = weight[passed].sum() / weight[own].sum()
        rest = np.square(weight[own & ~selected]).sum()
        variance = (1 - e) ** 2 * np.square(weight[passed]).sum() + e**2 * rest
        assert found.efficiency[k] == pytest.approx(e)
        assert found.error[k] == pytest.approx(np.sqrt(variance) / weight[own].sum())
        n_eff = weight[own].sum() ** 2 / np.square(weight[own]).sum()
        assert found.n_eff[k] == pytest.approx(n_eff)
    assert found.total == pytest.approx(weight[selected].sum() / weight.sum())
    frame = found.to_frame()
    assert frame["efficiency"].tolist() == found.efficiency.tolist()
    assert frame["upper_edge"].tolist() == EDGES[1:].tolist()


def test_the_error_is_the_spread_of_samples_also_with_negative_weights():
    rng = np.random.default_rng(0)
    values, errors = [], []
    for _ in range(600):
        n = 400
        selected = rng.random(n) < 0.25
        weight = rng.exponential(size=n) * np.where(rng.random(n) < 0.1, -1.0, 1.0)
        found = binned_efficiency(
            rng.random(n), selected, weight, edges=[0.0, 0.5, 1.0]
        )
        values.append(found.efficiency[0])
        errors.append(found.error[0])
    assert np.std(values) == pytest.approx(np.mean(errors), rel=0.1)


def test_counts_have_the_binomial_error_wilsons_interval_and_pearsons_chi2(events):
    x, selected, _ = events
    found = binned_efficiency(x, selected, edges=EDGES)
    bins = np.digitize(x, EDGES[1:-1])
    n, k = np.bincount(bins), np.bincount(bins, selected)
    e = k / n
    np.testing.assert_allclose(found.error, np.sqrt(e * (1 - e) / n))
    # The ends of Wilson's interval are where |e - p| is one standard deviation of p.
    for end in (found.low, found.high):
        np.testing.assert_allclose(np.abs(e - end), np.sqrt(end * (1 - end) / n))
    pearson = chi2_contingency(np.array([k, n - k]), correction=False)
    assert found.chi2 == pytest.approx(pearson.statistic)
    assert found.p_value == pytest.approx(pearson.pvalue)
    assert found.n_dof == 4


def test_nothing_and_all_have_an_interval():
    x = np.repeat([0.5, 1.5], 4)
    found = binned_efficiency(x, x > 1.0, edges=[0.0, 1.0, 2.0])
    assert found.efficiency.tolist() == [0.0, 1.0]
    # n / (n + 1) and 1 / (n + 1), of Wilson's interval of one standard deviation
    np.testing.assert_allclose(found.high, [0.2, 1.0])
    np.testing.assert_allclose(found.low, [0.0, 0.8])


@pytest.mark.parametrize("kind", ["counts", "weights of what passes", "negative"])
def test_p_values_of_a_flat_efficiency_are_uniform(kind):
    rng = np.random.default_rng(1)
    p_values = []
    for _ in range(400):
        selected = rng.random(2000) < 0.1
        weight = np.ones(2000)
        if kind != "counts":
            weight = rng.exponential(size=2000) * np.where(selected, 3.0, 1.0)
        if kind == "negative":
            weight[rng.random(2000) < 0.1] *= -1.0
        found = binned_efficiency(rng.random(2000), selected, weight, edges=EDGES)
        p_values.append(found.p_value)
    assert kstest(p_values, "uniform").pvalue > 0.01


def test_the_spread_is_that_of_the_efficiency_without_the_noise():
    rng = np.random.default_rng(3)
    spreads, errors = [], []
    for _ in range(300):
        x = rng.random(5000)
        selected = rng.random(5000) < 0.2 * (1.0 + 0.6 * (x - 0.5))
        found = binned_efficiency(x, selected, edges=np.linspace(0.0, 1.0, 9))
        spreads.append(found.spread)
        errors.append(found.spread_error)
    centres = np.linspace(1 / 16, 15 / 16, 8)
    truth = 0.6 * np.sqrt(np.mean((centres - 0.5) ** 2))
    assert np.mean(spreads) == pytest.approx(truth, rel=0.05)
    assert np.std(spreads) == pytest.approx(np.mean(errors), rel=0.15)


def test_scale_and_copies_of_weights(events):
    x, selected, weight = events
    found = binned_efficiency(x, selected, weight, edges=EDGES)
    scaled = binned_efficiency(x, selected, 1e-6 * weight, edges=EDGES)
    np.testing.assert_allclose(scaled.error, found.error)
    assert scaled.chi2 == pytest.approx(found.chi2)
    two = binned_efficiency(
        np.r_[x, x], np.r_[selected, selected], np.r_[weight, weight], edges=EDGES
    )
    np.testing.assert_allclose(two.efficiency, found.efficiency)
    np.testing.assert_allclose(two.n_eff, 2.0 * found.n_eff)


def test_what_has_no_bin_does_not_count():
    x = [0.5, 0.5, np.nan, 3.0, 2.0]
    found = binned_efficiency(
        x, np.array([True, False, True, True, True]), edges=[0.0, 1.0, 2.0]
    )
    assert found.efficiency.tolist() == [0.5, 1.0]
    empty = binned_efficiency([0.5], np.array([True]), edges=[0.0, 1.0, 2.0])
    assert np.isnan(empty.efficiency[1])
    assert empty.n_dof == 0
    assert np.isnan(empty.p_value)
    signed = binned_efficiency(
        [0.5, 0.5, 0.5], np.array([True, True, False]), [2.0, 1.0, -1.0], edges=[0, 1]
    )
    assert signed.efficiency[0] == 1.5
    assert signed.high[0] == pytest.approx(1.5 + signed.error[0])


def test_errors():
    yes = np.array([True, False])
    with pytest.raises(ValueError, match="`selected` must say of each event"):
        binned_efficiency([1.0, 2.0], [1, 0], edges=[0, 3])
    with pytest.raises(ValueError, match="`edges` must be two increasing numbers"):
        binned_efficiency([1.0, 2.0], yes, edges=[3, 0])
    with pytest.raises(WeightsError, match="sum to more than 0 for the events in the"):
        binned_efficiency([1.0, 2.0], yes, [1.0, -1.0], edges=[0, 3])
