import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata, spearmanr

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.feature_selection import weighted_spearman
from skhep_dnn.feature_selection._rank_correlation import weighted_ranks


@pytest.fixture(name="X")
def columns():
    """Continuous, correlated, tied and independent columns."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 4))
    x[:, 1] = np.exp(x[:, 0] + 0.5 * x[:, 1])
    x[:, 2] = np.round(x[:, 0] - x[:, 2])
    return x


def test_unit_weights_equal_scipy(X):
    expected = spearmanr(X).statistic
    np.testing.assert_allclose(weighted_spearman(X), expected, atol=1e-13)
    np.testing.assert_allclose(
        weighted_spearman(X, np.full(400, 1e-200)), expected, atol=1e-13
    )
    np.testing.assert_allclose(
        weighted_ranks(X[:, 2], np.ones(400)), rankdata(X[:, 2]) - 0.5
    )


def test_integer_weights_equal_copies(X):
    counts = np.random.default_rng(1).integers(0, 4, size=400)
    np.testing.assert_allclose(
        weighted_spearman(X, counts),
        spearmanr(np.repeat(X, counts, axis=0)).statistic,
        atol=1e-13,
    )


def test_a_negative_weight_removes_an_equal_event(X):
    extra = np.random.default_rng(2).normal(size=(150, 4))
    weight = np.repeat([1.0, 2.0, -2.0], [400, 150, 150])
    np.testing.assert_allclose(
        weighted_spearman(np.vstack([X, extra, extra]), weight),
        weighted_spearman(X),
        atol=1e-12,
    )


def test_gaussian_closed_form():
    # Kruskal: the rank correlation of a Gaussian pair is 6 / pi * arcsin(rho / 2).
    rng = np.random.default_rng(3)
    rho, n_events = 0.6, 50_000
    x, noise = rng.normal(size=(2, n_events))
    y = rho * x + np.sqrt(1 - rho**2) * noise
    weight = rng.choice([-1.0, 1.0, 2.0], size=n_events, p=[0.2, 0.5, 0.3])
    value = weighted_spearman(np.column_stack([x, y]), weight)[0, 1]
    n_eff = weight.sum() ** 2 / (weight**2).sum()
    expected = 6 / np.pi * np.arcsin(rho / 2)
    assert value == pytest.approx(expected, abs=4 / np.sqrt(n_eff))


@pytest.mark.parametrize("missing", [np.nan, -999.0])
def test_missing_values_are_left_out_of_their_pairs(X, missing):
    rng = np.random.default_rng(4)
    weight = rng.exponential(size=400)
    X[:200:3, 0] = missing
    X[100:300:2, 2] = missing
    X[100:300:2, 3] = missing
    found = weighted_spearman(X, weight, missing_values=missing)
    for i in range(4):
        for j in range(i):
            pair = X[:, [i, j]]
            both = ~(np.isnan(pair) | (pair == missing)).any(axis=1)
            alone = weighted_spearman(pair[both], weight[both])[0, 1]
            assert found[i, j] == pytest.approx(alone, abs=1e-13)
            assert found[i, j] == found[j, i]
    np.testing.assert_array_equal(np.diagonal(found), 1.0)


def test_a_frame_gives_a_frame_and_is_not_changed(X):
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame.loc[0, "a"] = -999.0
    before = frame.copy()
    found = weighted_spearman(frame, missing_values=-999.0)
    assert list(found.index) == list(found.columns) == list("abcd")
    pd.testing.assert_frame_equal(frame, before)


def test_undefined_correlations_are_nan(X):
    X[:, 3] = 7.0
    X[:200, 1], X[200:, 2] = np.nan, np.nan  # nothing in common
    found = weighted_spearman(X)
    assert np.isnan(found[3]).all()
    assert np.isnan(found[1, 2])
    assert np.isfinite(found[0, [0, 1, 2]]).all()
    weight = np.where(np.arange(400) < 200, -1.0, 2.0)
    assert np.isnan(weighted_spearman(X, weight)[0, 2])  # defined where it is negative


def test_wrong_weights_are_refused(X):
    with pytest.raises(WeightsError, match="one weight for each of the 400 events"):
        weighted_spearman(X, np.ones(3))
