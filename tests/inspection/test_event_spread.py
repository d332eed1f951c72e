import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.inspection._binning import quantiles
from skhep_dnn.inspection._event_spread import (
    event_shares,
    inner_edges,
    last_step,
)


def test_shares_sum_to_one_and_are_equal_in_each_class(scored):
    y, _, weight = scored
    np.testing.assert_allclose(
        event_shares(len(y), None, weight), weight / weight.sum(), rtol=1e-12
    )
    shares = event_shares(len(y), y, weight)
    for label in ("s", "b"):
        assert shares[y == label].sum() == pytest.approx(0.5)
        ratio = shares[y == label] / weight[y == label]
        np.testing.assert_allclose(ratio, ratio[0])
    np.testing.assert_allclose(event_shares(4, None, None), 0.25)


@pytest.mark.parametrize(
    ("y", "weight", "error", "message"),
    [
        (None, [1.0, -2.0, 0.5], WeightsError, "in each class, got -0.5. Use"),
        (["b", "s", "s"], [1, 1, -1], WeightsError, "got 0.0 for class 's'"),
        (["b", "s"], None, ValueError, "inconsistent numbers of samples"),
        (None, [1.0], WeightsError, "one weight for each of the 3 events"),
    ],
)
def test_events_that_cannot_be_shared(y, weight, error, message):
    with pytest.raises(error, match=re.escape(message)):
        event_shares(3, y, weight)


def test_quantiles_of_whole_weights_are_those_of_copies():
    rng = np.random.default_rng(0)
    values, weight = rng.normal(size=50), rng.integers(0, 4, size=50)
    copies = np.repeat(values, weight)
    probabilities = [0.05, 0.25, 0.5, 0.75, 0.95]
    np.testing.assert_array_equal(
        quantiles(values, weight / weight.sum(), probabilities),
        np.quantile(copies, probabilities, method="inverted_cdf"),
    )


def test_quantiles_with_negative_weights_are_the_first():
    # the sum is 0.6, 0.4, 1.0
    shares = np.array([0.6, -0.2, 0.6])
    assert quantiles(np.array([1.0, 2.0, 3.0]), shares, [0.5, 0.7]).tolist() == [1, 3]


def test_tails_have_bins_of_their_own_beyond_the_range():
    rng = np.random.default_rng(0)
    columns = [rng.normal(size=1000), rng.standard_t(df=2, size=1000)]
    shares = np.full(1000, 1e-3)
    edges, ends = inner_edges(10, columns, shares)
    assert len(edges) == 13
    assert ends == (edges[1], edges[-2])
    assert (edges[0], edges[-1]) == (np.min(columns), np.max(columns))
    np.testing.assert_allclose(np.diff(edges[1:-1]), (ends[1] - ends[0]) / 10)
    outside = (columns[1] < ends[0]).mean(), (columns[1] > ends[1]).mean()
    assert outside == pytest.approx((0.015, 0.015), abs=2e-3)


def test_ranges_without_tails_and_given_edges():
    columns, shares = [np.array([1.0, 2.0, 3.0])], np.full(3, 1 / 3)
    edges, ends = inner_edges(3, columns, shares, low=0.0)
    assert (edges.tolist(), ends) == ([0.0, 1.0, 2.0, 3.0], (0.0, 3.0))
    edges, ends = inner_edges([1, 2, 9], columns, shares)
    assert (edges.tolist(), ends) == ([1, 2, 9], (1, 9))
    # a minimum that many events have nearly reached
    many = np.append(np.linspace(0.0, 1.0, 999), -1e-3)
    edges, ends = inner_edges(2, [many], np.full(1000, 1e-3))
    assert ends == (-1e-3, 1.0)
    edges, ends = inner_edges(2, [np.zeros(3)], shares)
    assert (edges.tolist(), ends) == ([-0.5, 0.0, 0.5], (-0.5, 0.5))


def test_last_step_of_a_pipeline_sees_what_the_others_made(toy_events):
    X, y, _ = toy_events
    with pytest.raises(NotFittedError):
        last_step(LogisticRegression(), X)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    model, events = last_step(pipeline, X)
    assert model is pipeline[-1]
    np.testing.assert_array_equal(events, pipeline[0].transform(X))
    assert last_step(model, X)[1] is X
    alone = make_pipeline(LogisticRegression()).fit(X, y)
    assert last_step(alone, X)[1] is X


def test_last_step_of_nested_pipelines_sees_what_all_others_made(toy_events):
    X, y, _ = toy_events
    inner = make_pipeline(MinMaxScaler(), make_pipeline(LogisticRegression()))
    pipeline = make_pipeline(StandardScaler(), inner).fit(X, y)
    model, events = last_step(pipeline, X)
    assert model is inner[-1][-1]
    expected = inner[0].transform(pipeline[0].transform(X))
    np.testing.assert_array_equal(events, expected)
    with pytest.raises(NotFittedError):
        last_step(clone(pipeline), X)
