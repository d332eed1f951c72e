import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.feature_selection._scored_samples import make_samples

RNG = np.random.RandomState


@pytest.fixture
def events():
    rng = np.random.default_rng(0)
    y = np.where(rng.random(300) < 0.3, "s", "b")
    X = pd.DataFrame(rng.normal(size=(300, 2)), columns=["a", "b"], index=range(5, 305))
    return X, y, np.where(y == "s", 0.1, 3.0) * rng.exponential(size=300)


def test_all_events_are_taken_as_they_are(events):
    X, y, weight = events
    (sample,) = make_samples([LogisticRegression()], X, y, weight, None, None, RNG(0))
    assert sample.X is X
    np.testing.assert_allclose(sample.weights, weight, rtol=1e-14)
    (sample,) = make_samples([LogisticRegression()], X, y, None, None, None, RNG(0))
    assert sample.weights is None


@pytest.mark.parametrize("part", ["indices", "max_events"])
def test_a_part_has_the_yields_of_all(events, part):
    X, y, weight = events
    folds = [np.arange(0, 300, 2), np.arange(1, 300, 2)]
    indices, max_events = (folds, None) if part == "indices" else (None, 100)
    samples = make_samples(
        [LogisticRegression()] * 2, X, y, weight, indices, max_events, RNG(0)
    )
    for k, sample in enumerate(samples):
        rows = X.index.get_indexer(sample.X.index)
        if part == "indices":
            np.testing.assert_array_equal(rows, folds[k])
        assert len(rows) == (150 if part == "indices" else 100)
        np.testing.assert_array_equal(sample.y, y[rows])
        for label in ("s", "b"):
            assert sample.weights[sample.y == label].sum() == pytest.approx(
                weight[y == label].sum()
            )
            ratio = sample.weights / weight[rows]
            assert np.ptp(ratio[sample.y == label]) == pytest.approx(0.0, abs=1e-9)


def test_a_regressor_has_no_classes(events):
    X, _, weight = events
    y = X["a"] + 1.0
    (sample,) = make_samples([LinearRegression()], X, y, weight, None, 100, RNG(0))
    rows = X.index.get_indexer(sample.X.index)
    np.testing.assert_array_equal(sample.weights, weight[rows])
    np.testing.assert_allclose(
        sample.donor_weights, weight[rows] / weight[rows].sum(), rtol=1e-12
    )


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([[0, 1]], r"each of the 2 estimators, got 1\. Pass one"),
        ([[0, 1], [0, 300]], r"rows from 0 to 299, got"),
        ([[0, 1], [0, 0]], r"different rows"),
        ([[0, 1], np.ones(300, dtype=bool)], r"not a mask"),
    ],
)
def test_wrong_indices(events, indices, message):
    X, y, weight = events
    with pytest.raises(ValueError, match=message):
        make_samples([LogisticRegression()] * 2, X, y, weight, indices, None, RNG(0))


def test_wrong_labels_and_weights(events):
    X, y, weight = events
    with pytest.raises(ValueError, match=r"`y` must have one label .* \(299,\)\. Pass"):
        make_samples([LogisticRegression()], X, y[1:], weight, None, None, RNG(0))
    with pytest.raises(WeightsError, match="sum to more than"):
        make_samples([LogisticRegression()], X, y, -weight, None, None, RNG(0))
