"""The flat-signal transformation: flat, in order, and right with signed weights."""

import pickle

import numpy as np
import pytest
from scipy.stats import kstest

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.metrics import flat_signal_transform, weighted_roc_auc


def sample(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(["b", "s"], n)
    return y, rng.normal(size=2 * n) + 1.5 * (y == "s"), rng


def test_the_signal_is_flat_to_one_event_on_its_own_sample():
    y, score, _ = sample()
    flat = flat_signal_transform(y, score).transform(score[y == "s"])
    np.testing.assert_allclose(np.sort(flat), (np.arange(4000) + 0.5) / 4000)


def test_the_signal_of_another_sample_is_flat():
    y, score, _ = sample()
    new_y, new_score, _ = sample(seed=1)
    flat = flat_signal_transform(y, score).transform(new_score[new_y == "s"])
    # Both samples fluctuate.
    assert kstest(flat, "uniform").statistic < 1.63 * np.sqrt(2 / 4000)


def test_weighted_signal_is_flat_in_its_weights():
    y, score, rng = sample(20_000)
    w = rng.exponential(size=40_000) * (1.0 + (score > 1.0))
    flat = flat_signal_transform(y, score, w).transform(score)
    s = y == "s"
    content, _ = np.histogram(flat[s], bins=10, range=(0, 1), weights=w[s])
    np.testing.assert_allclose(content / w[s].sum(), 0.1, atol=1e-3)


def test_weight_two_is_the_event_twice_and_the_scale_does_not_matter():
    y, score = np.array([0, 1, 1, 1]), np.array([0.5, 0.1, 0.4, 0.8])
    grid = np.linspace(0, 1, 50)
    heavy = flat_signal_transform(y, score, [1, 1, 2, 1]).transform(grid)
    twice = flat_signal_transform([0, 1, 1, 1, 1], [0.5, 0.1, 0.4, 0.4, 0.8])
    np.testing.assert_allclose(heavy, twice.transform(grid))
    scaled = flat_signal_transform(y, score, [7, 7, 14, 7]).transform(grid)
    np.testing.assert_allclose(heavy, scaled)


def test_negative_weights_keep_the_order_and_the_range():
    y, score, rng = sample()
    w = np.where(rng.random(8000) < 0.3, -1.0, 1.0) * rng.exponential(size=8000)
    result = flat_signal_transform(y, score, w)
    assert (np.diff(result.share) >= 0).all()
    assert result.share.min() >= 0
    assert result.share.max() <= 1
    order = np.argsort(score)
    assert (np.diff(result.transform(score)[order]) >= 0).all()
    # It follows the density behind the weights, which is that of all signal events.
    s = score[y == "s"]
    assert (
        np.abs(result.transform(s) - (s.argsort().argsort() + 0.5) / 4000).max() < 0.1
    )


def test_ranking_stays():
    y, score, _ = sample()
    flat = flat_signal_transform(y, score)
    inside = (score > flat.scores[0]) & (score < flat.scores[-1])
    assert weighted_roc_auc(y[inside], flat.transform(score[inside])) == pytest.approx(
        weighted_roc_auc(y[inside], score[inside]), rel=1e-12
    )


def test_beyond_the_signal_and_infinite_scores():
    flat = flat_signal_transform([0, 1, 1, 1, 1], [0.0, -np.inf, 1.0, 2.0, np.inf])
    result = flat.transform([-np.inf, 0.0, 1.0, 1.5, 2.0, 3.0, np.inf])
    np.testing.assert_allclose(result, [0.125, 0.375, 0.375, 0.5, 0.625, 0.625, 0.875])
    finite = flat_signal_transform([0, 1, 1], [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(
        finite.transform([-np.inf, 0.5, 2.5]), [0.0, 0.0, 1.0]
    )


def test_what_cannot_be_used_is_refused():
    with pytest.raises(WeightsError, match="sum to more than 0 in each class"):
        flat_signal_transform([0, 1, 1], [0.0, 1.0, 2.0], [1.0, 1.0, -2.0])
    flat = flat_signal_transform([0, 1], [0.0, 1.0])
    with pytest.raises(ValueError, match="must not contain nan"):
        flat.transform([np.nan])


def test_it_can_be_pickled():
    y, score, _ = sample(100)
    flat = flat_signal_transform(y, score)
    copy = pickle.loads(pickle.dumps(flat))
    np.testing.assert_array_equal(copy.transform(score), flat.transform(score))
