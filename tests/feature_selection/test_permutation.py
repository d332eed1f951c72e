from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config

from skhep_dnn.feature_selection._donors import donor_weights
from skhep_dnn.feature_selection._permutation import permuted_scores, permuted_tables
from skhep_dnn.feature_selection._scored_samples import ScoredSample

DONORS = [np.array([2, 0, 1]), np.array([1, 1, 0])]


def test_columns_of_an_array_are_taken_together():
    X = np.arange(12.0).reshape(3, 4)
    before = X.copy()
    for table, rows in zip(permuted_tables(X, [1, 3], DONORS), DONORS, strict=True):
        np.testing.assert_array_equal(table[:, [1, 3]], X[rows][:, [1, 3]])
        np.testing.assert_array_equal(table[:, [0, 2]], X[:, [0, 2]])
    np.testing.assert_array_equal(X, before)


def test_columns_of_a_frame_keep_kind_index_and_neighbours():
    X = pd.DataFrame(
        {
            "pt": [1.0, 2.0, 3.0],
            "kind": pd.Categorical(["e", "mu", "e"]),
            "n": pd.array([1, None, 3], dtype="Int64"),
            "eta": np.array([4, 5, 6], dtype=np.float32),
        },
        index=[10, 11, 12],
    )
    before = X.copy()
    tables = permuted_tables(X, [1, 2], DONORS)
    for table, rows in zip(tables, DONORS, strict=True):
        expected = X.copy()
        for name in ("kind", "n"):
            expected[name] = X[name].array.take(rows)
        pd.testing.assert_frame_equal(table, expected)
        assert np.shares_memory(table["pt"].to_numpy(), X["pt"].to_numpy())
    pd.testing.assert_frame_equal(X, before)


def weighted_mean(estimator, X, y, sample_weight=None):
    """Score of a "model" that weighs the columns by itself."""
    return np.average(X @ estimator.copy() * y, weights=sample_weight)


@pytest.fixture
def samples():
    rng = np.random.default_rng(0)
    weights = rng.exponential(size=50)
    return [
        ScoredSample(
            coefficients,
            rng.normal(size=(50, 3)),
            rng.normal(size=50),
            weights,
            donor_weights(weights, None),
        )
        for coefficients in (np.array([1.0, 0.0, 2.0]), np.array([0.0, 1.0, 1.0]))
    ]


def test_scores_of_all_groups_estimators_and_repeats(samples):
    seeds = np.arange(6).reshape(2, 3)
    baseline, permuted = permuted_scores(
        samples, [[0], [1], [0, 2]], weighted_mean, seeds
    )
    assert permuted.shape == (3, 2, 3, 1)
    for sample, value in zip(samples, baseline[:, 0], strict=True):
        assert value == weighted_mean(
            sample.estimator, sample.X, sample.y, sample.weights
        )
    # A column that the model ignores, and all that it looks at.
    np.testing.assert_array_equal(permuted[1, 0, :, 0], baseline[0, 0])
    assert (np.abs(permuted[[0, 2], 0] - baseline[0, 0]) > 1e-3).all()


def test_scores_without_each_block(samples):
    weights = samples[0].weights * (np.arange(50) % 5 != np.arange(5)[:, np.newaxis])
    parted = [replace(sample, jackknife=weights) for sample in samples]
    seeds = np.arange(2).reshape(2, 1)
    whole = permuted_scores(samples, [[1]], weighted_mean, seeds)
    baseline, permuted = permuted_scores(parted, [[1]], weighted_mean, seeds)
    np.testing.assert_array_equal(permuted[..., :1], whole[1])
    for sample, values in zip(parted, baseline, strict=True):
        expected = [
            weighted_mean(sample.estimator, sample.X, sample.y, w) for w in weights
        ]
        np.testing.assert_array_equal(values[1:], expected)


def test_result_does_not_depend_on_the_number_of_jobs(samples):
    seeds = np.arange(6).reshape(2, 3)
    groups = [[0], [1], [0, 2]]
    alone = permuted_scores(samples, groups, weighted_mean, seeds)
    with parallel_config("threading"):
        for n_jobs in (2, 3, 8):
            several = permuted_scores(samples, groups, weighted_mean, seeds, n_jobs)
            for one, other in zip(alone, several, strict=True):
                np.testing.assert_array_equal(one, other)
