"""The formulas of boosting against closed forms and brute force."""

import numpy as np
import pytest
from scipy.special import expit, log_softmax, softmax
from sklearn.tree import DecisionTreeClassifier

from skhep_dnn.ensemble._boosting_steps import (
    as_logit,
    balanced_magnitudes,
    bounded,
    error_rate,
    log_loss_of_scores,
    raised_factors,
    residual_factors,
    search_step,
    vote_weight,
)
from skhep_dnn.metrics import balanced_log_loss_from_logits
from skhep_dnn.weights import validation_weights


def test_magnitudes_have_equal_sums_whatever_the_signs_and_the_unit():
    rng = np.random.default_rng(0)
    codes, w = rng.integers(0, 3, 100), rng.normal(size=100)
    magnitudes = balanced_magnitudes(codes, w, 3)
    np.testing.assert_allclose(np.bincount(codes, magnitudes), 1 / 3)
    np.testing.assert_allclose(balanced_magnitudes(codes, -7.0 * w, 3), magnitudes)


def test_the_error_rate_is_a_share_of_the_boosted_events():
    rng = np.random.default_rng(1)
    missed, magnitudes = rng.random(50) < 0.3, rng.random(50)
    factors = rng.uniform(0.5, 3.0, 50)
    total = sum(m * b for m, b in zip(magnitudes, factors, strict=True))
    wrong = sum(m * b for m, b, x in zip(magnitudes, factors, missed, strict=True) if x)
    assert error_rate(missed, magnitudes, factors) == pytest.approx(wrong / total)
    assert error_rate(missed, magnitudes, 5.0 * factors) == pytest.approx(wrong / total)
    assert error_rate(np.ones(50, bool), magnitudes, factors) == 1.0


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_one_vote_is_the_log_odds_of_its_error_rate(n_classes):
    # softmax of a single vote: probability 1 - e of the named class.
    error = 0.2
    scores = np.zeros((1, n_classes))
    scores[0, 1] = vote_weight(error, n_classes)
    assert softmax(scores, axis=1)[0, 1] == pytest.approx(1.0 - error)
    chance = 1.0 - 1.0 / n_classes
    assert vote_weight(chance, n_classes) == pytest.approx(0.0, abs=1e-12)
    assert np.isfinite(vote_weight(0.0, n_classes))


def test_after_a_vote_its_classifier_is_as_good_as_chance():
    # The property that defines AdaBoost (Freund and Schapire): on the new weights the
    # last classifier of two classes has an error rate of one half.
    rng = np.random.default_rng(2)
    missed, magnitudes = rng.random(200) < 0.2, rng.random(200)
    factors = rng.uniform(0.5, 2.0, 200)
    error = error_rate(missed, magnitudes, factors)
    by = np.exp(vote_weight(error, 2))
    raised = raised_factors(factors, missed, by, magnitudes)
    assert error_rate(missed, magnitudes, raised) == pytest.approx(0.5)
    assert magnitudes @ raised == pytest.approx(magnitudes.sum())
    ratio = raised / factors
    assert ratio[missed].mean() / ratio[~missed].mean() == pytest.approx(by)


def test_factors_stay_finite_for_ever():
    factors, missed = np.ones(4), np.array([True, False, False, False])
    for _ in range(5000):
        factors = raised_factors(factors, missed, 10.0, np.full(4, 0.25))
    assert np.isfinite(factors).all()
    assert factors[0] == pytest.approx(4.0)


def test_residual_factors_of_two_classes_are_the_gradient_of_the_log_loss():
    rng = np.random.default_rng(3)
    scores, codes = rng.normal(size=(100, 2)), rng.integers(0, 2, 100)
    p = expit(scores[:, 1] - scores[:, 0])
    np.testing.assert_allclose(residual_factors(scores, codes), np.abs(codes - p))
    shifted = scores + rng.normal(size=(100, 1))
    np.testing.assert_allclose(residual_factors(shifted, codes), np.abs(codes - p))


@pytest.mark.parametrize("n_classes", [2, 4])
def test_a_classifier_with_residual_factors_learns_what_the_scores_lack(n_classes):
    # Ten cells with known counts, and scores that know nothing of them: a tree that
    # ends in these cells has their exact probabilities.
    rng = np.random.default_rng(4)
    cell = np.repeat(np.arange(10), 200)
    codes = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, 2000)])
    codes = codes[:2000]
    log_p = rng.normal(size=(10, n_classes))[cell]
    tree = DecisionTreeClassifier(random_state=0)
    tree.fit(cell[:, None], codes, sample_weight=residual_factors(log_p, codes))
    learnt = log_p + np.log(tree.predict_proba(cell[:, None]))
    counts = np.zeros((10, n_classes))
    np.add.at(counts, (cell, codes), 1.0)
    truth = counts / counts.sum(1, keepdims=True)
    np.testing.assert_allclose(softmax(learnt, axis=1), truth[cell], rtol=1e-10)


def test_no_factor_is_zero():
    scores = np.array([[-1e4, 0.0], [0.0, -1e4]])
    factors = residual_factors(scores, np.array([1, 0]))
    assert (factors > 0.0).all()


def test_corrections_are_bounded_and_equal_in_the_bounds():
    log_p = log_softmax(np.array([[2.0, 1.0], [300.0, 0.0]]), axis=1)
    correction = bounded(log_p, 10.0)
    assert as_logit(correction)[0] == pytest.approx(-1.0)
    assert as_logit(correction)[1] == -10.0


def test_the_loss_is_the_balanced_log_loss():
    rng = np.random.default_rng(5)
    codes, logit = rng.integers(0, 2, 300), rng.normal(size=300)
    w = rng.normal(1.0, 1.0, size=300)
    scores = np.column_stack([np.zeros(300), logit]) + rng.normal(size=(300, 1))
    loss = log_loss_of_scores(scores, codes, validation_weights(codes, w))
    assert loss == pytest.approx(balanced_log_loss_from_logits(codes, logit, w))


def test_the_step_is_that_of_the_lowest_loss():
    rng = np.random.default_rng(6)
    codes = rng.integers(0, 2, 500)
    correction = np.column_stack([np.zeros(500), rng.normal(size=500) + codes - 0.5])
    weights, start = np.full(500, 1 / 500), np.zeros((500, 2))
    step = search_step(start, correction, codes, weights, 5.0)
    grid = np.linspace(0.0, 5.0, 20_001)
    losses = [log_loss_of_scores(g * correction, codes, weights) for g in grid[::20]]
    assert step == pytest.approx(grid[::20][int(np.argmin(losses))], abs=6e-3)
    # A gradient that vanishes is the other sign of a minimum.
    p = expit(step * correction[:, 1])
    assert weights @ ((p - codes) * correction[:, 1]) == pytest.approx(0.0, abs=1e-5)


def test_a_step_ends_at_its_bounds():
    codes, weights = np.array([0, 1]), np.full(2, 0.5)
    right = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert search_step(np.zeros((2, 2)), right, codes, weights, 1.5) == 1.5
    assert search_step(np.zeros((2, 2)), -right, codes, weights, 1.5) == 0.0
    # With a negative weight the loss falls for ever; the bound holds.
    signed = np.array([1.5, -0.5])
    assert search_step(np.zeros((2, 2)), right * [1, -1], codes, signed, 1.5) == 1.5


def test_the_decision_function_of_several_classes_is_against_the_rest():
    p = np.array([[0.2, 0.3, 0.5]])
    expected = np.log(p / (1.0 - p))
    np.testing.assert_allclose(as_logit(np.log(p) + 3.0), expected, atol=1e-12)
