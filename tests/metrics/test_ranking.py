"""Weighted ROC curve and area: brute force, scikit-learn, negative weights."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.metrics import weighted_roc_auc, weighted_roc_curve


@pytest.fixture(params=["positive", "negative", "with zeros"])
def tied_events(request):
    rng = np.random.default_rng(3)
    y = np.where(np.arange(120) % 3 == 0, "s", "b")
    score = rng.integers(12, size=120) + 3 * (y == "s") + 0.0
    weight = rng.exponential(size=120)
    if request.param == "negative":
        weight[rng.choice(120, 15, replace=False)] *= -1
    if request.param == "with zeros":
        weight[::7] = 0
    return y, score, weight


def brute_force_auc(y, score, weight):
    total = norm = 0.0
    for x_i, w_i in zip(score[y == "s"], weight[y == "s"], strict=True):
        for x_j, w_j in zip(score[y == "b"], weight[y == "b"], strict=True):
            total += w_i * w_j * (1.0 if x_i > x_j else 0.5 if x_i == x_j else 0.0)
            norm += w_i * w_j
    return total / norm


def test_auc_is_the_signed_sum_over_pairs(tied_events):
    expected = brute_force_auc(*tied_events)
    assert weighted_roc_auc(*tied_events) == pytest.approx(expected, abs=1e-13)


def test_auc_is_the_integral_of_the_curve(tied_events):
    background, signal, _ = weighted_roc_curve(*tied_events)
    integral = np.trapezoid(signal, background)
    assert weighted_roc_auc(*tied_events) == pytest.approx(integral, abs=1e-13)


def test_curve_counts_the_selected_weights(tied_events):
    y, score, weight = tied_events
    background, signal, thresholds = weighted_roc_curve(y, score, weight)
    assert thresholds[0] == np.inf
    assert np.array_equal(thresholds[1:], np.unique(score[weight != 0])[::-1])
    for threshold, *efficiencies in zip(thresholds, background, signal, strict=True):
        for label, efficiency in zip("bs", efficiencies, strict=True):
            selected = weight[(y == label) & (score >= threshold)].sum()
            expected = selected / weight[y == label].sum()
            assert efficiency == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_positive_weights_give_what_scikit_learn_gives(tied, weighted):
    rng = np.random.default_rng(0)
    y = rng.random(2000) < 0.3
    score = rng.normal(size=2000) + y
    score = score.round(1) if tied else score
    weight = rng.exponential(size=2000) ** 3 if weighted else None
    expected = roc_auc_score(y, score, sample_weight=weight)
    assert weighted_roc_auc(y, score, weight) == pytest.approx(expected, abs=1e-12)
    curve = roc_curve(y, score, sample_weight=weight, drop_intermediate=False)
    for ours, theirs in zip(weighted_roc_curve(y, score, weight), curve, strict=True):
        assert np.allclose(ours, theirs, rtol=0, atol=1e-12)


def test_negative_weights_may_leave_the_unit_square_unclipped():
    y, score, weight = ["b", "s", "b", "s"], [0.1, 0.2, 0.3, 0.4], [3, 1, -1, 1]
    background, _, _ = weighted_roc_curve(y, score, weight)
    assert background.min() == -0.5
    assert weighted_roc_auc(y, score, weight) == 1.25


def test_events_that_cancel_change_nothing():
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1], 50)
    score = rng.normal(size=100)
    doubled = np.tile(y, 2)[:110], np.append(score, score[:10])
    weight = np.append(np.ones(100), -np.ones(10))
    expected = weighted_roc_auc(y[10:], score[10:])
    assert weighted_roc_auc(*doubled, weight) == pytest.approx(expected, abs=1e-13)


def test_weight_two_is_the_event_twice(tied_events):
    y, score, weight = tied_events
    twice = np.append(weight[:30], weight)
    doubled = weighted_roc_auc(
        np.append(y[:30], y), np.append(score[:30], score), twice
    )
    heavy = np.append(2 * weight[:30], weight[30:])
    assert weighted_roc_auc(y, score, heavy) == pytest.approx(doubled, abs=1e-13)


def test_symmetries(tied_events):
    y, score, weight = tied_events
    auc = weighted_roc_auc(y, score, weight)
    approx = pytest.approx(auc, abs=1e-13)
    assert weighted_roc_auc(y, np.exp(score / 9), 1e-5 * weight) == approx
    assert weighted_roc_auc(y[::-1], score[::-1], weight[::-1]) == approx
    assert 1 - weighted_roc_auc(y, -score, weight) == approx
    assert 1 - weighted_roc_auc(y, score, weight, pos_label="b") == approx
    infinite = np.where(score == score.max(), np.inf, score)
    assert weighted_roc_auc(y, infinite, weight) == approx


@pytest.mark.parametrize("function", [weighted_roc_auc, weighted_roc_curve])
def test_class_sum_must_be_positive(function):
    with pytest.raises(WeightsError, match=r"more than 0 .* got -1\.0 for the backgr"):
        function([0, 0, 1], [1, 2, 3], [1.0, -2.0, 1.0])
    with pytest.raises(WeightsError, match=r"got 0\.0 for the signal\. Use a larger"):
        function([0, 1, 1], [1, 2, 3], [1.0, -2.0, 2.0])


def test_no_events_are_refused():
    with pytest.raises(ValueError, match=r"background events, got only \[\]"):
        weighted_roc_auc([], [])


def test_inputs_are_not_changed(tied_events):
    copies = [np.array(x) for x in tied_events]
    weighted_roc_auc(*tied_events)
    weighted_roc_curve(*tied_events)
    assert all(map(np.array_equal, copies, tied_events))


def test_events_of_weight_zero_are_absent():
    y, score = ["b", "s", "b", "s", "b"], [0.1, 0.2, 0.3, 0.4, 0.5]
    curve = weighted_roc_curve(y, score, [1.0, 1.0, 0.0, 2.0, 0.0])
    absent = weighted_roc_curve(["b", "s", "s"], [0.1, 0.2, 0.4], [1.0, 1.0, 2.0])
    for column, expected in zip(curve, absent, strict=True):
        assert column.tolist() == expected.tolist()


@pytest.mark.parametrize("scale", [1e-290, 1e-165, 1e155, 1e290])
def test_no_scale_of_the_weights_is_too_large_or_too_small(tied_events, scale):
    y, score, weight = tied_events
    auc = weighted_roc_auc(y, score, weight)
    assert weighted_roc_auc(y, score, scale * weight) == pytest.approx(auc, rel=1e-12)
    # Signal and background may be far apart as well.
    apart = np.where(y == "s", scale, 1.0) * weight
    assert weighted_roc_auc(y, score, apart) == pytest.approx(auc, rel=1e-12)
    powers = np.ldexp(weight, 500)
    assert weighted_roc_auc(y, score, powers) == auc
