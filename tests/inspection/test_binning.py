import numpy as np
import pytest

from skhep_dnn.inspection._binning import check_bins, score_edges


def edges_of(*scores, bins=2, weights=None):
    classes = [np.asarray(values, dtype=float) for values in scores]
    weights = (
        [np.ones(len(values)) for values in classes] if weights is None else weights
    )
    return score_edges(bins, list(zip(classes, weights, strict=True)))


@pytest.mark.parametrize(
    ("scores", "low", "high"),
    [
        ([0.2, 0.9], 0.0, 1.0),
        ([3.0, 3.0], 2.5, 3.5),
        ([-np.inf, 2.0, 4.0, np.inf], 2.0, 4.0),
        ([np.inf], 0.0, 1.0),
    ],
)
def test_range_of_one_class(scores, low, high):
    np.testing.assert_allclose(edges_of(scores)[[0, -1]], [low, high])


@pytest.mark.parametrize("distance", [0.0, 2.0, 8.0])
def test_classes_of_equal_width_are_shown_whole_however_far_apart(distance):
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=2000), rng.normal(distance, size=2000)
    low, high = edges_of(first, second)[[0, -1]]
    assert (first < low).mean() < 0.01
    assert (second > high).mean() < 0.01


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_the_fullest_part_of_a_long_tail_is_shown(sign):
    rng = np.random.default_rng(0)
    narrow, tail = rng.normal(size=2000), sign * 30.0 * rng.exponential(size=2000)
    low, high = np.sort(sign * edges_of(narrow, tail)[[0, -1]])
    width = np.ptp(np.quantile(narrow, [0.005, 0.995]))
    assert low == pytest.approx((sign * narrow).min(), abs=0.5)
    assert high == pytest.approx(1.5 * width, rel=0.15)


def test_bins_follow_the_classes_with_the_same_total_weight():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=4000), rng.normal(1.0, 0.5, size=4000)
    scale = 1e-6  # of the weights of a class does not matter
    one, two = np.ones(4000), np.full(4000, scale)
    edges = edges_of(first, second, bins=20, weights=[one, two])
    np.testing.assert_allclose(edges, edges_of(first, second, bins=20), rtol=1e-12)
    np.testing.assert_allclose(
        edges, edges_of(first, second, bins=20, weights=[-one, two]), rtol=1e-12
    )
    position = (edges - edges[0]) / (edges[-1] - edges[0])
    inside = [x[(x >= edges[0]) & (x <= edges[-1])] for x in (first, second)]
    below = np.mean([[(x < edge).mean() for edge in edges] for x in inside], axis=0)
    steps = (position + below) / 2.0
    np.testing.assert_allclose(steps, np.linspace(0.0, 1.0, 21), atol=2e-3)
    assert np.diff(edges).max() <= 0.1001 * np.ptp(edges)


def test_ties_leave_fewer_bins_and_rising_edges():
    edges = edges_of(np.repeat([0.0, 5.0], 50), np.repeat([5.0, 9.0], 50), bins=10)
    assert (np.diff(edges) > 0.0).all()
    assert 3 <= len(edges) <= 11
    assert 5.0 in edges


def test_given_edges_are_kept():
    assert edges_of([1.0, 2.0], bins=[0.0, 5.0, 7.0]).tolist() == [0.0, 5.0, 7.0]
    assert check_bins(np.int64(3)) == 3
    with pytest.raises(ValueError, match="`bins` must be a number of at least 1"):
        check_bins(0.5)
    with pytest.raises(ValueError, match="must be at least two finite edges"):
        check_bins([0.0, np.inf])
