"""Balanced log-loss: scikit-learn, limits, the law of signed weights."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.metrics import log_loss

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.metrics import balanced_log_loss, balanced_log_loss_from_logits


def test_positive_weights_give_what_scikit_learn_gives():
    rng = np.random.default_rng(0)
    y = rng.random(500) < 0.3
    proba = rng.random(500)
    weight = rng.exponential(size=500)
    balanced = weight / np.where(y, weight[y].sum(), weight[~y].sum())
    expected = log_loss(y, proba, sample_weight=balanced)
    assert balanced_log_loss(y, proba, weight) == pytest.approx(expected, rel=1e-12)


def test_a_coin_has_ln_2(toy_events):
    _, y, weight = toy_events
    coin = np.full(len(y), 0.5)
    assert balanced_log_loss(y, coin, weight) == pytest.approx(np.log(2), rel=1e-12)
    loss = balanced_log_loss_from_logits(y, np.zeros(len(y)), weight)
    assert loss == pytest.approx(np.log(2), rel=1e-12)


def test_logits_columns_and_labels_agree(toy_events):
    X, y, weight = toy_events
    z = X["a"].to_numpy()
    loss = pytest.approx(balanced_log_loss(y, expit(z), weight), rel=1e-12)
    assert balanced_log_loss_from_logits(y, z, weight) == loss
    columns = np.column_stack([expit(-z), expit(z)])
    assert balanced_log_loss(y, columns, weight) == loss
    assert balanced_log_loss(y, columns, weight, pos_label="b") == loss
    assert balanced_log_loss(y, expit(-z), weight, pos_label="b") == loss
    assert balanced_log_loss_from_logits(y, -z, weight, pos_label="b") == loss
    assert balanced_log_loss(y == "s", expit(z), 1e-6 * weight) == loss


def test_probabilities_of_0_and_1_are_clipped_as_in_scikit_learn():
    y, proba = [0, 1], [1.0, 1.0]
    assert balanced_log_loss(y, proba) == pytest.approx(log_loss(y, proba), rel=1e-12)
    assert balanced_log_loss_from_logits([0, 1], [900.0, 900.0]) == 450.0


def test_negative_event_subtracts_what_a_positive_one_adds():
    base = balanced_log_loss([0, 0, 1], [0.3, 0.1, 0.8], [1.0, 2.0, 1.0])
    more = balanced_log_loss(
        [0, 0, 0, 0, 1], [0.3, 0.1, 0.9, 0.9, 0.8], [1.0, 2.0, 5.0, -5.0, 1.0]
    )
    assert more == pytest.approx(base, rel=1e-12)


def test_signed_loss_prefers_the_true_density():
    """Background 1.5 N(0, 1) - 0.5 N(1, 0.5): the density is their difference."""
    rng = np.random.default_rng(4)
    n = 200_000
    x = np.concatenate(
        [rng.normal(2, 1, n), rng.normal(0, 1, n), rng.normal(1, 0.5, n)]
    )
    y = np.repeat([1, 0, 0], n)
    weight = np.repeat([1.0, 1.2, -0.2], n)
    signal, broad, narrow = (
        np.exp(-(((x - m) / s) ** 2) / 2) / s for m, s in [(2, 1), (0, 1), (1, 0.5)]
    )
    # At x = 1 the background density is above 0: 1.2 exp(-1/2) > 0.2 / 0.5.
    true = signal / (signal + 1.2 * broad - 0.2 * narrow)
    trained_on_abs = signal / (signal + (1.2 * broad + 0.2 * narrow) / 1.4)
    assert balanced_log_loss(y, true, weight) < (
        balanced_log_loss(y, trained_on_abs, weight) - 0.005
    )
    assert balanced_log_loss(y, true, abs(weight)) > (
        balanced_log_loss(y, trained_on_abs, abs(weight)) + 0.005
    )


@pytest.mark.parametrize(
    ("y_proba", "message"),
    [
        ([0.1, 0.2], r"must have the shape \(3,\) or \(3, 2\), got \(2,\)"),
        (np.zeros((3, 3)), r"got \(3, 3\)\. Pass `predict_proba\(X\)`"),
        ([0.1, 0.2, 1.5], r"from 0 to 1, got values from 0\.1 to 1\.5"),
        ([0.1, 0.2, np.nan], r"must be probabilities from 0 to 1, got values from nan"),
    ],
)
def test_wrong_probabilities_are_refused(y_proba, message):
    with pytest.raises(ValueError, match=message):
        balanced_log_loss([0, 1, 1], y_proba)


def test_infinite_logits_are_refused():
    with pytest.raises(ValueError, match=r"`y_logit` must be finite, got 1 infinite"):
        balanced_log_loss_from_logits([0, 1], [-np.inf, 0.0])


def test_class_sum_must_be_positive():
    with pytest.raises(WeightsError, match=r"got -1\.0 for the background"):
        balanced_log_loss([0, 1], [0.5, 0.5], [-1.0, 1.0])
    with pytest.raises(WeightsError, match=r"got -1\.0 for the signal"):
        balanced_log_loss_from_logits([0, 1], logit([0.5, 0.5]), [1.0, -1.0])
