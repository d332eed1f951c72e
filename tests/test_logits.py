"""The logit of a mean of probabilities, in NumPy and in torch, and what it says."""

import mpmath
import numpy as np
import pytest
import torch
from scipy.special import expit, logit, logsumexp

from skhep_dnn._logits import (
    combine_logits,
    labels,
    log_odds_of_mean,
    log_probability,
    log_probability_of_scores,
    probabilities,
    weighted_accuracy,
)
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.neural_network._networks.network import mean_logit


def test_members_are_combined_as_the_mean_of_their_probabilities():
    rng = np.random.default_rng(3)
    z, weights = rng.normal(scale=3.0, size=(4, 50)), rng.dirichlet(np.ones(4))
    expected = logit(weights @ expit(z))
    np.testing.assert_allclose(combine_logits(z, weights), expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("logits", "weights", "expected"),
    [
        ([500.0, 500.0], [0.5, 0.5], 500.0),
        ([-500.0, -500.0], [0.3, 0.7], -500.0),
        ([800.0, -800.0], [0.75, 0.25], np.log(3.0)),
        ([800.0, 0.0], [0.5, 0.5], np.log(3.0)),
        ([900.0, 700.0], [0.5, 0.5], 700.0 + np.log(2.0)),
        ([12.0], [1.0], 12.0),
    ],
)
def test_combined_logits_have_the_limits_of_the_mean_probability(
    logits, weights, expected
):
    z = np.array(logits)[:, np.newaxis]
    assert combine_logits(z, np.array(weights)) == pytest.approx([expected], rel=1e-12)


def test_a_weight_of_one_gives_that_member_alone():
    z = np.array([[3.0, -50.0], [1.0, 700.0]])
    np.testing.assert_allclose(combine_logits(z, np.array([1.0, 0.0])), z[0])


def test_the_logit_of_a_class_is_its_distance_from_the_rest():
    z = np.array([[[800.0, -800.0, 0.0], [-800.0, -800.0, -799.0], [1.0, 2.0, 4.0]]])
    got = combine_logits(z, np.ones(1))
    for k in range(3):
        rest = logsumexp(np.delete(z[0], k, axis=1), axis=1)
        np.testing.assert_allclose(got[:, k], z[0, :, k] - rest, rtol=1e-11)
    assert got[0].tolist() == [800.0, -1600.0, -800.0]


def test_huge_logits_of_an_ensemble_stay_finite():
    z = np.array([[[800.0, -800.0, 0.0]], [[-800.0, 800.0, 0.0]]])
    got = combine_logits(z, np.array([0.5, 0.5]))
    # the mean probabilities are one half, one half and exp(-800)
    np.testing.assert_allclose(got, [[0.0, 0.0, -800.0]], atol=1e-12)
    got = combine_logits(z, np.array([0.75, 0.25]))
    np.testing.assert_allclose(got, [[np.log(3.0), -np.log(3.0), -800.0]], atol=1e-12)


def test_a_member_of_weight_zero_does_not_count():
    z = np.array([[[1.0, 2.0, 4.0]], [[np.nan, np.nan, np.nan]]])
    np.testing.assert_array_equal(
        combine_logits(z, np.array([1.0, 0.0])), combine_logits(z[:1], np.ones(1))
    )


def test_the_logit_of_a_mean():
    z = np.array([[-1.0, 3.0], [2.0, 3.0]])
    log_p = np.log(np.stack([expit(-z), expit(z)], axis=2))
    np.testing.assert_allclose(log_odds_of_mean(log_p), logit(expit(z).mean(axis=0)))
    p = np.array([[[0.2, 0.3, 0.5]], [[0.4, 0.4, 0.2]]])
    np.testing.assert_allclose(log_odds_of_mean(np.log(p)), logit(p.mean(axis=0)))


@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0])
def test_the_mean_of_torch_is_that_of_numpy(scale):
    z = np.random.default_rng(4).normal(scale=scale, size=(6, 3, 40))
    got = mean_logit([torch.from_numpy(variant) for variant in z]).numpy()
    assert got.shape == (3, 40)
    expected = [combine_logits(z[:, k], np.full(6, 1 / 6)) for k in range(3)]
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0])
def test_the_mean_of_torch_is_that_of_numpy_for_several_classes(scale):
    z = np.random.default_rng(4).normal(scale=scale, size=(6, 2, 40, 3))
    log_p = mean_logit([torch.from_numpy(variant) for variant in z])
    assert log_p.shape == (2, 40, 3)
    for k in range(2):
        got = combine_logits(log_p[k].numpy()[np.newaxis], np.ones(1))
        expected = combine_logits(z[:, k], np.full(6, 1 / 6))
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


def test_the_mean_of_one_is_itself():
    z = torch.randn(2, 5)
    assert mean_logit([z]) is z


def test_both_forms_of_the_mean_agree():
    z = np.random.default_rng(5).normal(scale=300.0, size=(4, 30))
    log_p = np.stack([-np.logaddexp(0, z), -np.logaddexp(0, -z)], axis=2)
    np.testing.assert_allclose(
        log_odds_of_mean(log_p), combine_logits(z, np.full(4, 0.25)), rtol=1e-12
    )


def test_a_probability_of_zero_has_an_infinite_logit():
    log_p = np.array([[[-np.inf, 0.0], [0.0, -np.inf]]] * 2)
    assert log_odds_of_mean(log_p).tolist() == [np.inf, -np.inf]


def test_probabilities_and_labels():
    z, classes = np.array([-2.0, 0.0, 3.0]), np.array(["b", "s"])
    np.testing.assert_allclose(probabilities(z), np.stack([expit(-z), expit(z)], 1))
    assert labels(z, classes).tolist() == ["b", "b", "s"]
    many = np.array([[0.0, 1.0, -1.0], [2.0, 1.0, 3.0]])
    assert labels(many, np.array([5, 6, 7])).tolist() == [6, 7]


def test_accuracy_is_a_ratio_of_signed_sums():
    y, got, w = ["s", "b", "b"], ["s", "s", "b"], [2.0, -1.0, 3.0]
    assert weighted_accuracy(y, got, w) == pytest.approx(5.0 / 4.0)
    assert weighted_accuracy(y, got, None) == pytest.approx(2.0 / 3.0)
    with pytest.raises(WeightsError, match="must sum to more than zero, got -1"):
        weighted_accuracy(y, got, [1.0, -1.0, -1.0])


TAILS = [-1e4, -800.0, -745.2, -60.0, -37.0, -1.0, 0.0, 0.5, 30.0, 37.5, 300.0, 709.0]


def exact_log_probabilities(scores, weights):
    """Logarithms of mean softmaxes, in 400 digits: of (n_members, n_classes)."""
    with mpmath.workdps(400):
        total = [mpmath.mpf(0)] * len(scores[0])
        for member, weight in zip(scores, weights, strict=True):
            powers = [mpmath.exp(mpmath.mpf(float(z))) for z in member]
            whole = mpmath.fsum(powers)
            total = [
                t + mpmath.mpf(float(weight)) * p / whole
                for t, p in zip(total, powers, strict=True)
            ]
        whole = mpmath.fsum(total)  # weights are rounded
        return [float(mpmath.log(t / whole)) for t in total]


@pytest.mark.parametrize("z", TAILS)
def test_logarithms_of_probabilities_are_exact_in_the_tails(z):
    got = log_probability(np.array([z, -z]))
    expected = exact_log_probabilities([[0.0, z]], [1.0])
    np.testing.assert_allclose(got[0], expected, rtol=1e-14)
    np.testing.assert_allclose(got[1], expected[::-1], rtol=1e-14)


@pytest.mark.parametrize("weights", [[1.0], [0.25, 0.75], [0.2, 0.3, 0.5]])
def test_logarithms_of_mean_probabilities_are_exact_in_the_tails(weights):
    rng = np.random.default_rng(5)
    for spread in (1.0, 30.0, 400.0):
        z = rng.normal(scale=spread, size=(len(weights), 6))
        got = log_probability(combine_logits(z, np.array(weights)))
        for k in range(6):
            members = [[0.0, value] for value in z[:, k]]
            expected = exact_log_probabilities(members, weights)
            # A logit of about 0 is a difference, known to 1e-16 and not to a share.
            np.testing.assert_allclose(got[k], expected, rtol=1e-12)


@pytest.mark.parametrize("weights", [[1.0], [0.25, 0.75]])
def test_logarithms_of_many_classes_are_exact_in_the_tails(weights):
    rng = np.random.default_rng(6)
    for spread in (1.0, 30.0, 400.0):
        z = rng.normal(scale=spread, size=(len(weights), 6, 4))
        got = log_probability(combine_logits(z, np.array(weights)))
        for k in range(6):
            expected = exact_log_probabilities(z[:, k], weights)
            np.testing.assert_allclose(got[k], expected, rtol=1e-11)


def test_logarithms_of_scores_keep_what_is_left_to_one():
    scores = np.array([[50.0, 0.0, 1.0], [3.0, 3.0, -900.0], [0.0, 800.0, -800.0]])
    got = log_probability_of_scores(scores + 7.0)  # up to a constant
    for k in range(3):
        expected = exact_log_probabilities([scores[k]], [1.0])
        np.testing.assert_allclose(got[k], expected, rtol=1e-12)
    assert got[0, 0] < 0.0
