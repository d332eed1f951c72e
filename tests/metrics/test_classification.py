"""Balanced log-loss: scikit-learn, limits, the law of signed weights."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from sklearn.metrics import log_loss

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.metrics import balanced_log_loss, balanced_log_loss_from_logits
from skhep_dnn.metrics._classification import log_loss_of_weights, probability_losses


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


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("n_columns", [1, 2, 3])
def test_the_clip_follows_the_dtype_as_in_scikit_learn(dtype, n_columns):
    y = [0, 1] if n_columns < 3 else [0, 1, 2]
    proba = np.zeros((len(y), max(n_columns, 2)))
    proba[:, 0] = 1.0
    proba = proba.astype(dtype)
    given = proba[:, 1] if n_columns == 1 else proba
    expected = float(log_loss(y, proba, labels=y))
    # scikit-learn adds up in the given dtype.
    rtol = 10 * float(np.finfo(dtype).eps)
    assert balanced_log_loss(y, given) == pytest.approx(expected, rel=rtol)
    largest = -np.log(float(np.finfo(dtype).eps)) * (1 - 1 / len(y))
    assert balanced_log_loss(y, given) == pytest.approx(largest, rel=rtol)


def test_whole_numbers_and_long_floats_are_clipped_as_float64():
    for dtype in (int, np.longdouble):
        loss = balanced_log_loss([0, 1], np.ones(2, dtype=dtype))
        assert loss == balanced_log_loss([0, 1], np.ones(2))


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


# Several classes.


@pytest.fixture
def three_classes():
    rng = np.random.default_rng(5)
    y = rng.choice(["W", "Z", "top"], size=300, p=[0.5, 0.3, 0.2])
    proba = rng.dirichlet(np.ones(3), size=300)
    weight = rng.exponential(size=300) * np.where(rng.random(300) < 0.1, -1.0, 1.0)
    return y, proba, weight


def test_several_classes_have_the_mean_of_their_mean_losses(three_classes):
    y, proba, weight = three_classes
    means = [
        np.average(-np.log(proba[y == label, k]), weights=weight[y == label])
        for k, label in enumerate(["W", "Z", "top"])
    ]
    assert balanced_log_loss(y, proba, weight) == pytest.approx(np.mean(means))
    positive = abs(weight)
    sums = {label: positive[y == label].sum() for label in np.unique(y)}
    balanced = positive / np.array([sums[label] for label in y])
    expected = log_loss(y, proba, sample_weight=balanced)
    assert balanced_log_loss(y, proba, positive) == pytest.approx(expected, rel=1e-12)
    equal = np.full((300, 3), 1 / 3)
    assert balanced_log_loss(y, equal, weight) == pytest.approx(np.log(3), rel=1e-12)


def test_labels_of_several_classes_may_be_of_any_type(three_classes):
    y, proba, weight = three_classes
    loss = balanced_log_loss(y, proba, weight)
    codes = np.unique(y, return_inverse=True)[1]
    for labels in (codes, 5.0 * codes - 1, pd.Series(y), y.tolist()):
        assert balanced_log_loss(labels, proba, weight) == loss


def test_integer_codes_of_two_classes_give_the_same_loss(three_classes):
    y, proba, weight = three_classes
    pair = np.isin(y, ["W", "Z"])
    two = proba[pair][:, :2]
    loss = balanced_log_loss(y[pair], two, weight[pair])
    codes, losses = probability_losses(y[pair], two)
    by_code = log_loss_of_weights(codes.astype(int), losses)(weight[pair])
    assert float(by_code) == loss


def two_classes_by_hand(is_signal, losses, weight):
    """The balanced mean as one product of a matrix, written out."""
    columns = [is_signal * losses, is_signal, ~is_signal * losses, ~is_signal]
    s, sum_s, b, sum_b = np.moveaxis(weight @ np.column_stack(columns), -1, 0)
    return (s / sum_s + b / sum_b) / 2


def test_two_classes_have_the_bits_of_signal_and_background(toy_events):
    X, y, weight = toy_events
    proba = expit(X["a"].to_numpy())
    is_signal, losses = probability_losses(y, proba)
    assert is_signal.dtype == bool
    expected = two_classes_by_hand(is_signal, losses, weight)
    assert balanced_log_loss(y, proba, weight) == expected
    block = np.random.default_rng(0).poisson(1.0, (20, len(y))) * weight
    found = log_loss_of_weights(is_signal, losses)(block)
    assert np.array_equal(found, two_classes_by_hand(is_signal, losses, block))


def test_losses_of_events_are_what_the_loss_is_the_mean_of(three_classes):
    y, proba, weight = three_classes
    codes, losses = probability_losses(y, proba)
    assert np.array_equal(np.unique(y)[codes], y)
    assert np.allclose(losses, -np.log(proba[np.arange(300), codes]), rtol=1e-12)
    loss = log_loss_of_weights(codes, losses)
    assert float(loss(weight)) == balanced_log_loss(y, proba, weight)
    block = np.vstack([weight, 2 * weight, abs(weight)])
    expected = [balanced_log_loss(y, proba, w) for w in block]
    assert np.allclose(loss(block), expected, rtol=1e-12)


def test_wrong_input_of_several_classes_is_refused(three_classes):
    y, proba, weight = three_classes
    for wrong in (proba[:, 0], proba[:, :2], np.column_stack([proba, proba[:, 0]])):
        message = r"shape \(300, 3\), a column for each of class 'W', .*got \(300.*Pass"
        with pytest.raises(ValueError, match=message):
            balanced_log_loss(y, wrong, weight)
    two = y != "top"
    with pytest.raises(ValueError, match=r"or \(\d+, 2\), got .*events of all classes"):
        balanced_log_loss(y[two], proba[two], weight[two])
    with pytest.raises(ValueError, match=r"`pos_label` must be one of .* got 'H'\."):
        balanced_log_loss(y, proba, weight, pos_label="H")
    with pytest.raises(WeightsError, match=r"got -\d.* for the class 'Z'\. Use a"):
        balanced_log_loss(y, proba, np.where(y == "Z", -1.0, 1.0))
    with pytest.raises(ValueError, match=r"labels of classes, got 300 fractional"):
        balanced_log_loss(proba[:, 0], proba, weight)
