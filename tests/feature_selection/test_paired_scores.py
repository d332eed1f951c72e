"""Errors and trials-corrected p-values of differences, against brute force."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from skhep_dnn.feature_selection._paired_scores import (
    PairedDifference,
    ScoredTraining,
    ScoringRules,
    compare,
    covariance_of,
    seed_variance,
    trials_p_values,
)
from skhep_dnn.feature_selection._subset_training import Training
from skhep_dnn.metrics import paired_bootstrap
from skhep_dnn.model_selection._folds import Events
from skhep_dnn.model_selection._scoring import as_scoring


def rules_of(y, w, splits, scoring=None, n_replicas=400):
    model = LogisticRegression()
    scorers = as_scoring(scoring, model, is_weighted=True)
    X = np.zeros((len(y), 1))
    return ScoringRules(
        events=Events(X, y, {}, {"sample_weight": w}),
        splits=splits,
        scoring=scorers.for_sample(y, w),
        is_log_loss=scoring is None,
        estimator=model,
        n_replicas=n_replicas,
    )


def training_of(proba, splits):
    both = np.column_stack([1 - proba, proba])
    logits = np.log(proba / (1 - proba))
    responses = [
        {"decision_function": logits[test], "predict_proba": both[test]}
        for _, test in splits
    ]
    return Training(responses, np.array(["b", "s"]), 1.0)


@pytest.fixture
def sample():
    rng = np.random.default_rng(3)
    y = np.where(rng.random(1200) < 0.3, "s", "b")
    w = rng.exponential(size=1200) * np.where(rng.random(1200) < 0.1, -0.5, 1.0)
    z = (y == "s") + rng.normal(size=1200)
    one = 1 / (1 + np.exp(-z))
    other = 1 / (1 + np.exp(-(z + 0.3 * rng.normal(size=1200))))
    rows = rng.permutation(1200)
    splits = [(np.setdiff1d(rows, part), part) for part in np.array_split(rows, 3)]
    return y, w, one, other, splits


@pytest.mark.parametrize("scoring", [None, "roc_auc"])
def test_difference_and_error_are_those_of_the_paired_bootstrap(sample, scoring):
    y, w, one, other, splits = sample
    rules = rules_of(y, w, splits, scoring)
    found = [rules.score(training_of(p, splits)) for p in (one, other)]
    difference = compare(found[:1], found[1:], 0.0)
    name = scoring or "balanced_log_loss"
    expected = paired_bootstrap(name, y, one, other, w, n_replicas=400, random_state=0)
    sign = 1.0 if scoring else -1.0
    assert difference.value == pytest.approx(sign * expected.difference, abs=1e-12)
    # the error of 400 replicas is known to 3.5 per cent
    assert difference.error == pytest.approx(expected.error, rel=0.11)


def test_passes_of_a_repeated_cross_validation_are_averaged(sample):
    y, w, one, other, splits = sample
    once = rules_of(y, w, splits).score(training_of(one, splits))
    twice = rules_of(y, w, splits * 2)
    same = twice.score(training_of(one, splits * 2))
    assert same.score == pytest.approx(once.score)
    np.testing.assert_allclose(same.fluctuation, once.fluctuation)
    mixed = training_of(one, splits).responses + training_of(other, splits).responses
    both = twice.score(Training(mixed, np.array(["b", "s"]), 0.0))
    second = rules_of(y, w, splits).score(training_of(other, splits))
    assert both.score == pytest.approx((once.score + second.score) / 2)
    mean = (once.fluctuation + second.fluctuation) / 2
    np.testing.assert_allclose(both.fluctuation, mean)


def test_the_error_of_equal_weights_is_that_of_the_mean():
    rng = np.random.default_rng(0)
    y = np.repeat(["b", "s"], 500)
    splits = [(np.arange(1000), np.arange(1000))]
    rules = rules_of(y, np.full(1000, 7.0), splits)
    one, other = rng.uniform(0.1, 0.9, size=(2, 1000))
    found = [rules.score(training_of(p, splits)) for p in (one, other)]
    losses = [-np.log(np.where(y == "s", p, 1 - p)) for p in (one, other)]
    delta = losses[1] - losses[0]
    difference = compare(found[:1], found[1:], 0.0)
    assert difference.value == pytest.approx(delta.mean())
    parts = [delta[y == label].var() / 500 / 4 for label in ("b", "s")]
    assert difference.error == pytest.approx(np.sqrt(sum(parts)))


def test_seeds_add_twice_the_variance_of_one_and_less_with_many():
    def scored(*scores):
        return [ScoredTraining(score, np.zeros(4)) for score in scores]

    one = compare(scored(0.3), scored(0.1, 0.2, 0.3), 0.01)
    assert one.value == pytest.approx(0.2)  # the same seed alone
    assert one.error == pytest.approx(np.sqrt(0.02))
    three = compare(scored(0.3, 0.4, 0.5), scored(0.1, 0.2, 0.3), 0.01)
    assert three.value == pytest.approx(0.2)
    assert three.error == pytest.approx(np.sqrt(0.02 / 3))


def test_the_variance_of_the_seeds_is_what_a_difference_has():
    assert seed_variance([[1.0]]) == seed_variance([[1.0], [2.0]]) == 0.0
    assert seed_variance([[1.0, 2.0, 3.0]]) == pytest.approx(1.0)
    # common to all: half of the first, as there are two
    assert seed_variance([[1.0, 2.0, 3.0], [5.0, 6.0, 7.0]]) == pytest.approx(0.5)
    rng = np.random.default_rng(0)
    common = 10.0 * rng.normal(size=3)
    sets = rng.normal(size=(3000, 1)) + common + 0.1 * rng.normal(size=(3000, 3))
    differences = sets[::2] - sets[1::2]
    expected = differences.var(axis=1, ddof=1).mean() / 2
    assert expected == pytest.approx(0.01, rel=0.1)
    assert seed_variance(sets) == pytest.approx(
        expected + sets[0].var(ddof=1) / 3000, rel=0.1
    )
    # of seeds that have nothing in common each set tells the same
    apart = [seed_variance(rng.normal(size=(5, 3))) for _ in range(2000)]
    assert np.mean(apart) == pytest.approx(1.0, abs=0.05)


def test_replicas_without_a_score_are_left_out():
    table = np.array([[1.0, np.nan, -1.0], [2.0, 5.0, 0.0]])
    expected = table[:, [0, 2]] @ table[:, [0, 2]].T * 1.5
    np.testing.assert_allclose(covariance_of(table), expected)
    assert np.isnan(covariance_of([np.array([np.nan])])).all()
    p_values, luck = trials_p_values([PairedDifference(0.1, np.array([np.nan]), 0.0)])
    assert np.isnan(p_values).all()
    assert np.isnan(luck)


def independent(pulls, variance=0.0):
    basis = np.eye(len(pulls))
    return [PairedDifference(p, b, variance) for p, b in zip(pulls, basis, strict=True)]


def test_p_values_of_independent_candidates_are_those_of_sidak():
    pulls = [2.5, 1.0, 0.0, -1.0, -9.0]
    p_values, luck = trials_p_values(independent(pulls))
    expected = 1 - norm.cdf(pulls) ** 5
    np.testing.assert_allclose(p_values, expected, atol=0.011)
    # the mean of the largest of four normal numbers: the fifth is certainly missed
    assert luck == pytest.approx(1.029, abs=0.02)


def test_candidates_that_are_one_have_one_trial():
    same = [PairedDifference(1.0, np.array([1.0]), 0.0)] * 5
    p_values, luck = trials_p_values(same)
    np.testing.assert_allclose(p_values, norm.sf(1.0), atol=0.01)
    assert luck == pytest.approx(0.0, abs=0.02)


def test_the_seed_of_the_baseline_is_common_to_all_candidates():
    # the variance of the events is next to nothing: all correlations are 1/2
    few = [PairedDifference(1.0, np.array([1e-9]), 0.02) for _ in range(8)]
    p_values, _ = trials_p_values(few)
    rng = np.random.default_rng(1)
    draws = (rng.normal(size=(100_000, 8)) + rng.normal(size=(100_000, 1))) / np.sqrt(2)
    expected = np.mean(draws.max(axis=1) >= 1.0 / np.sqrt(0.02))
    np.testing.assert_allclose(p_values, expected, atol=0.011)


def test_differences_of_zero_are_no_luck():
    nothing = [PairedDifference(0.0, np.zeros(3), 0.0)] * 2
    p_values, luck = trials_p_values(nothing)
    assert (p_values == 1.0).all()
    assert luck == 0.0


def test_p_values_are_uniform_where_nothing_matters():
    rng = np.random.default_rng(2)
    found = []
    for _ in range(200):
        fluctuations = rng.normal(size=(4, 6))
        covariance = fluctuations @ fluctuations.T
        values = rng.multivariate_normal(np.zeros(4), covariance)
        differences = [
            PairedDifference(v, f, 0.0)
            for v, f in zip(values, fluctuations, strict=True)
        ]
        p_values, _ = trials_p_values(differences)
        found.append(p_values[np.argmax(values / np.sqrt(np.diag(covariance)))])
    counts = np.histogram(found, bins=4, range=(0, 1))[0]
    assert ((counts - 50) ** 2 / 50).sum() < 16.3  # 0.1 per cent of samples are above
