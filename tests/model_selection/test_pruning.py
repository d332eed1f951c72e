"""When a trial is given up: the paired test by hand and on toys, the median by hand."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.utils import get_tags

from skhep_dnn.metrics import balanced_log_loss
from skhep_dnn.model_selection import KeptPredictions
from skhep_dnn.model_selection._folds import Events, FoldResult
from skhep_dnn.model_selection._pruning import (
    MedianRule,
    PairedTest,
    event_losses,
    fold_losses,
    medians_of,
)

CLASSES = np.array([0, 1])
TAGS = get_tags(LogisticRegression())


def fold_of(logits, rows):
    p = 1.0 / (1.0 + np.exp(-logits))
    kept = KeptPredictions(
        {"predict_proba": np.column_stack([1.0 - p, p])}, CLASSES, TAGS
    )
    return FoldResult(rows, kept, {"score": 0.0}, {}, 0.0, 0.0)


def sample(rng, n, *, separation=1.0):
    y = np.repeat([0, 1], n // 2)
    w = rng.exponential(size=n)
    logits = separation * (2 * y - 1) + rng.normal(size=n)
    events = Events(np.zeros((n, 1)), y, {}, {"sample_weight": w})
    return events, y, w, logits


def test_weighted_losses_sum_to_the_balanced_loss():
    events, y, w, logits = sample(np.random.default_rng(0), 200)
    result = fold_of(logits, np.arange(200))
    _, losses, weights = event_losses(result, events)
    loss = balanced_log_loss(y, 1.0 / (1.0 + np.exp(-logits)), w)
    assert weights @ losses == pytest.approx(loss, rel=1e-12)
    assert fold_losses([result], events, 200).sum() == pytest.approx(loss, rel=1e-12)


def test_the_test_is_that_of_the_formula():
    rng = np.random.default_rng(1)
    events, _, _, logits = sample(rng, 300)
    rows = np.arange(300)
    best = fold_of(logits, rows)
    other = fold_of(logits + 0.3 * rng.normal(size=300), rows)
    reference = fold_losses([best], events, 300)
    codes, losses, weights = event_losses(other, events)
    excess = weights * losses - reference
    variance = sum(
        (codes == c).sum() * excess[codes == c].var() for c in np.unique(codes)
    )
    for seed_variance in (0.0, 0.01**2):
        error = np.sqrt(variance + 2.0 * seed_variance)
        level = norm.sf(excess.sum() / error)
        for n_looks in (1, 2, 5):
            test = PairedTest(reference, seed_variance, n_looks)
            assert test.gives_up([other], events) == (level < 0.05 / n_looks)


def test_equal_trials_are_given_up_as_rarely_as_the_level_says():
    rng = np.random.default_rng(2)
    given_up, n_toys = 0, 1000
    for _ in range(n_toys):
        events, _, _, logits = sample(rng, 200)
        folds = np.array_split(rng.permutation(200), 3)
        noise = rng.normal(size=(2, 200))  # of two trials that are equally good
        best, other = (
            [fold_of((logits + x)[rows], rows) for rows in folds] for x in noise
        )
        test = PairedTest(fold_losses(best, events, 200), 0.0, 2)
        given_up += any(test.gives_up(other[:k], events) for k in (1, 2))
    # Losses have a tail to the right, which makes the test of a small fold inexact.
    assert 0.02 * n_toys < given_up < 0.065 * n_toys


def test_a_worse_trial_is_given_up():
    rng = np.random.default_rng(3)
    events, _, _, logits = sample(rng, 400)
    rows = np.arange(400)
    reference = fold_losses([fold_of(logits, rows)], events, 400)
    worse = fold_of(logits + 3.0 * rng.normal(size=400), rows)
    assert PairedTest(reference, 0.0, 2).gives_up([worse], events)
    assert not PairedTest(reference, 1.0, 2).gives_up([worse], events)


def test_events_that_the_best_trial_has_not_tested_decide_nothing():
    rng = np.random.default_rng(4)
    events, _, _, logits = sample(rng, 100)
    rows = np.arange(100)
    test = PairedTest(np.full(100, np.nan), 0.0, 2)
    assert not test.gives_up([fold_of(logits, rows)], events)


def test_losses_of_a_regression_are_squares():
    kept = KeptPredictions({"predict": np.array([1.0, 2.0])}, None, TAGS)
    kept._tags.estimator_type = "regressor"
    result = FoldResult(np.array([0, 1]), kept, {}, {}, 0.0, 0.0)
    events = Events(np.zeros((2, 1)), np.array([2.0, 4.0]), {}, {})
    _, losses, weights = event_losses(result, events)
    np.testing.assert_array_equal(losses, [1.0, 4.0])
    np.testing.assert_array_equal(weights, [0.5, 0.5])
    kept._tags.estimator_type = "classifier"


def test_medians_are_those_of_the_means_so_far():
    scores = [[1.0, 3.0], [2.0, 2.0], [3.0, 5.0], [4.0, 0.0], [5.0, 5.0]]
    assert medians_of(scores[:4]) == ()
    assert medians_of(scores) == (3.0, 2.0)
    rule = MedianRule("score", (3.0,))
    results = [FoldResult(np.arange(2), None, {"score": 2.9}, {}, 0.0, 0.0)]
    assert rule.gives_up(results, None)
    assert not rule.gives_up(results * 2, None)
    assert not MedianRule("score", ()).gives_up(results, None)
