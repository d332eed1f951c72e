import numpy as np
import pytest

from skhep_dnn.inspection._class_histograms import histogram_edges, matched_histograms


def matched(scored, train=(None, None, None), bins=10, transform=None):
    return matched_histograms(scored, train, bins, pos_label=None, transform=transform)


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


@pytest.mark.parametrize(
    ("scores", "low", "high"),
    [
        ([0.2, 0.9], 0.0, 1.0),
        ([3.0, 3.0], 2.5, 3.5),
        ([-np.inf, 2.0, 4.0, np.inf], 2.0, 4.0),
        ([np.inf], 0.0, 1.0),
    ],
)
def test_range_of_the_scores(scores, low, high):
    np.testing.assert_allclose(
        histogram_edges(2, np.array(scores))[[0, -1]], [low, high]
    )
