"""Linear correlations with errors: numpy, closed forms, toys, undefined entries."""

import numpy as np
import pandas as pd
import pytest

from skhep_dnn.feature_selection import weighted_correlation


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    x, y, z = rng.normal(size=(3, 800))
    X = pd.DataFrame({"x": x, "mixed": 0.6 * x + 0.8 * y, "other": z})
    return X, rng.exponential(size=800) * np.where(rng.random(800) < 0.1, -1.0, 1.0)


def test_equal_weights_are_numpys(table):
    X, _ = table
    correlation, error = weighted_correlation(X)
    np.testing.assert_allclose(correlation, np.corrcoef(X.T))
    assert correlation.columns.tolist() == list(X)
    assert error.loc["x", "mixed"] == pytest.approx((1 - 0.6**2) / 800**0.5, rel=0.1)
    assert error.loc["x", "x"] == 0.0
    as_array = weighted_correlation(X.to_numpy())
    np.testing.assert_array_equal(as_array[0], correlation)


def test_signed_weights_by_brute_force(table):
    X, weight = table
    correlation, error = weighted_correlation(X, weight)
    means = np.average(X, axis=0, weights=weight)
    z = X.to_numpy() - means
    z /= np.sqrt(np.average(z**2, axis=0, weights=weight))
    for i in range(3):
        for j in range(3):
            r = np.average(z[:, i] * z[:, j], weights=weight)
            influence = z[:, i] * z[:, j] - r / 2 * (z[:, i] ** 2 + z[:, j] ** 2)
            expected = np.sqrt(np.sum((weight * influence) ** 2)) / weight.sum()
            assert correlation.iloc[i, j] == pytest.approx(r)
            assert error.iloc[i, j] == pytest.approx(expected, abs=1e-9)


def test_the_error_is_the_spread_of_samples():
    rng = np.random.default_rng(1)
    values, errors = [], []
    for _ in range(500):
        x, y = rng.normal(size=(2, 500))
        weight = rng.exponential(size=500) * np.where(rng.random(500) < 0.1, -1, 1)
        found = weighted_correlation(np.column_stack([x, x + y]), weight)
        values.append(found[0][0, 1])
        errors.append(found[1][0, 1])
    assert np.mean(values) == pytest.approx(0.5**0.5, abs=0.01)
    assert np.std(values) == pytest.approx(np.mean(errors), rel=0.1)


def test_weights_scale_copies_and_removed_events(table):
    X, weight = table
    r, error = weighted_correlation(X, weight)
    for found in weighted_correlation(X, 1e-9 * weight)[0], r:
        np.testing.assert_allclose(found, r)
    doubled = weighted_correlation(pd.concat([X, X]), np.r_[weight, weight])
    np.testing.assert_allclose(doubled[0], r)
    np.testing.assert_allclose(doubled[1], error / 2**0.5, atol=1e-12)
    gone = weighted_correlation(pd.concat([X, X[:50]]), np.r_[weight, -weight[:50]])
    np.testing.assert_allclose(gone[0], weighted_correlation(X[50:], weight[50:])[0])


def test_undefined_entries_and_columns_without_a_variance(table):
    X, weight = table
    holes = X.copy()
    holes.loc[:300, "other"] = np.nan
    marked = holes.fillna(-999.0)
    holes["constant"] = marked["constant"] = 1e6 + 0.1
    r, _ = weighted_correlation(holes, weight)
    again, _ = weighted_correlation(marked, weight, missing_values=-999.0)
    np.testing.assert_array_equal(again, r)
    assert r["constant"].isna().all()
    rest, _ = weighted_correlation(X[301:], weight[301:])
    assert r.loc["x", "other"] == pytest.approx(rest.loc["x", "other"])
    assert r.loc["x", "mixed"] == pytest.approx(
        weighted_correlation(X, weight)[0].loc["x", "mixed"]
    )
    assert weighted_correlation(X, -abs(weight))[0].isna().all(axis=None)
