import numpy as np
import pytest

from skhep_dnn.inspection import WeightedHistogram
from skhep_dnn.inspection._histogram import (
    matched_histograms,
    weighted_histogram,
    yield_with_error,
)


def matched(scored, train=(None, None, None), bins=10, transform=None):
    return matched_histograms(scored, train, bins, pos_label=None, transform=transform)


def test_histogram_is_exported_and_scales():
    histogram = WeightedHistogram(
        np.array([0.0, 1.0]), np.array([2.0]), np.array([0.5]), 16
    )
    scaled = histogram.scaled_to(4.0)
    assert (scaled.content[0], scaled.error[0], scaled.n_events) == (4.0, 1.0, 16)


def test_a_training_sample_has_the_edges_and_the_yields_of_the_test_sample(scored):
    y, score, weight = scored
    signal, background, signal_train, background_train = matched(
        scored, (y[:900], score[:900] + 0.1, weight[:900])
    )
    for test, train in ((signal, signal_train), (background, background_train)):
        np.testing.assert_array_equal(test.edges, train.edges)
        assert train.sum_w == pytest.approx(test.sum_w)
        assert train.n_events < test.n_events
    assert signal.edges is not matched(scored)[0].edges
    assert matched(scored)[2:] == (None, None)


def test_scores_are_transformed_before_they_are_binned(scored):
    y, score, weight = scored
    edges = [-1.0, 0.0, 1.0]
    transformed = matched(scored, bins=edges, transform=np.tanh)[0]
    direct = matched((y, np.tanh(score), weight), bins=edges)[0]
    np.testing.assert_array_equal(transformed.content, direct.content)


def test_events_outside_are_counted_on_their_side():
    scores, weights = (
        np.array([-np.inf, 0.2, 1.0, 7.0, 9.0]),
        np.array([1.0, -2.0, 3.0, 4.0, 3.0]),
    )
    histogram = weighted_histogram(scores, weights, np.array([0.0, 0.5, 1.0]))
    assert histogram.content.tolist() == [-2.0, 3.0]
    assert histogram.error.tolist() == [2.0, 3.0]
    assert histogram.flow == (1.0, 7.0)
    assert histogram.flow_error == (1.0, 5.0)
    assert (histogram.sum_w, histogram.n_events) == (9.0, 5)
    assert histogram.sum_w_error == pytest.approx(np.sqrt(39.0))
    assert histogram.scaled_to(18.0).flow == (2.0, 14.0)
    assert histogram.scaled_to(18.0).flow_error == (2.0, 10.0)
    assert histogram.flow_share == (1.0 / 9.0, 7.0 / 9.0)


@pytest.mark.parametrize(
    ("sum_w", "error", "text"),
    [
        (12345.6, 78.9, "12 346 ± 79"),
        (12345.6, 789.0, "12 350 ± 790"),
        (0.1234, 0.0123, "0.123 ± 0.012"),
    ],
)
def test_yields_have_two_digits_of_their_error(sum_w, error, text):
    assert yield_with_error(sum_w, error) == text
