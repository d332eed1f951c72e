import numpy as np
import pytest

from skhep_dnn.feature_selection._donors import donor_rows, donor_weights


@pytest.mark.parametrize("value", [1.0, 0.1, 1e-300])
def test_equal_weights_give_a_permutation(value):
    rows = donor_rows(np.full(1000, value), np.random.default_rng(0))
    assert sorted(rows) == list(range(1000))
    assert (rows != np.arange(1000)).mean() > 0.9


def test_each_donor_is_drawn_as_often_as_its_weight_says():
    weights = np.random.default_rng(1).exponential(size=500)
    weights[[0, 7, -1]] = 0.0
    expected = 500 * weights / weights.sum()
    for seed in range(20):
        drawn = np.bincount(donor_rows(weights, np.random.default_rng(seed)), None, 500)
        assert (drawn >= np.floor(expected) - 1e-9).all()
        assert (drawn <= np.ceil(expected) + 1e-9).all()


def test_mean_number_of_draws_is_the_weight():
    weights = np.array([0.3, 2.0, 0.0, 1.7])
    rng = np.random.default_rng(2)
    drawn = [np.bincount(donor_rows(weights, rng), None, 4) for _ in range(4000)]
    np.testing.assert_allclose(np.mean(drawn, axis=0), weights, atol=0.03)


def test_classes_give_as_many_donors():
    labels = np.array(["s", "b", "b", "b"])
    weights = donor_weights(np.array([0.1, 5.0, -3.0, 2.0]), labels)
    np.testing.assert_allclose(weights, [1.0, 0.5, 0.3, 0.2])
    np.testing.assert_allclose(donor_weights(np.array([-1.0, 3.0]), None), [0.25, 0.75])
