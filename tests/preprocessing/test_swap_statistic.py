"""The test by swaps: exact, for any weights, and sensitive where it must be."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from skhep_dnn.preprocessing._swap_statistic import swap_test


def result(change, weights=None, n=199, seed=0):
    weights = np.ones(len(change)) if weights is None else weights
    rng = np.random.RandomState(seed)
    return swap_test([("part", change)], weights, n, rng)


def test_one_feature_is_the_sign_test():
    rng = np.random.default_rng(0)
    change, weights = rng.normal(0.15, 1.0, size=(300, 1)), rng.exponential(size=300)
    z = (weights @ change) / np.sqrt(weights**2 @ change**2)
    expected = 2.0 * norm.sf(abs(z[0]))
    test = result(change, weights, n=20_000)
    error = np.sqrt(expected * (1.0 - expected) / 20_000)
    assert test.p_value == pytest.approx(expected, abs=5.0 * error + 2e-3)


@pytest.mark.parametrize("negative", [False, True])
def test_false_positives(negative):
    rng = np.random.default_rng(1)
    p_values = []
    for seed in range(300):
        weights = rng.lognormal(size=100)
        weights[:20] *= -1.0 if negative else 1.0
        parts = [(str(k), rng.standard_t(3, size=(100, k))) for k in (1, 4, 20)]
        p_values.append(swap_test(parts, weights, 99, np.random.RandomState(seed)))
    rejected = sum(test.p_value <= 0.05 for test in p_values)
    low, high = binom.ppf([0.001, 0.999], 300, 0.05)
    assert low <= rejected <= high
    median = np.median([test.p_value for test in p_values])
    assert 0.4 < median < 0.6


def test_effect_is_the_squared_mean_over_the_mean_square():
    rng = np.random.default_rng(2)
    change = rng.normal(0.5, 1.0, size=(20_000, 3))
    weights = rng.exponential(size=20_000)
    test = result(change, weights)
    assert test.p_value == 1 / 200
    assert test.effect == pytest.approx(0.25 / 1.25, abs=4.0 * test.error)
    assert 0.0 < test.error < 0.02


@pytest.mark.parametrize("mean", [0.0, 0.1, 0.5])
def test_error_of_the_effect(mean):
    rng = np.random.default_rng(3)
    tests = [result(rng.normal(mean, 1.0, size=(400, 2)), seed=i) for i in range(200)]
    effects = np.array([test.effect for test in tests])
    error = np.mean([test.error for test in tests])
    assert effects.std() == pytest.approx(error, rel=0.35)
    assert effects.mean() == pytest.approx(mean**2 / (1.0 + mean**2), abs=0.01)


def test_scales_do_not_matter():
    rng = np.random.default_rng(4)
    change, weights = rng.normal(size=(100, 3)), rng.normal(size=100)
    one = result(change, weights)
    other = result(change * [1e-3, 1.0, 1e2], 7.0 * weights)
    assert other.p_value == one.p_value
    assert other.effect == pytest.approx(one.effect, rel=1e-4)


def test_the_part_that_deviates_is_named():
    rng = np.random.default_rng(5)
    parts = [("a", rng.normal(size=(300, 5))), ("b", rng.normal(0.4, 1.0, (300, 1)))]
    test = swap_test(parts, np.ones(300), 199, np.random.RandomState(0))
    assert (test.part, test.p_value) == ("b", 1 / 200)


def test_nothing_changes():
    assert result(np.zeros((10, 2))) == (1.0, "none", 0.0, 0.0)
    assert swap_test([], np.ones(3), 9, np.random.RandomState(0)).p_value == 1.0
