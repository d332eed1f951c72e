"""Which trial is chosen, from scores and replicas by hand."""

import numpy as np
import pytest

from skhep_dnn.model_selection import OvertrainingLimit
from skhep_dnn.model_selection._choice import choose_trial, paired_errors

RNG = np.random.default_rng(0)
COMMON = RNG.normal(size=1000)  # what all trials have in common fluctuates most
NOISE = RNG.normal(size=(4, 1000))
SCORES = np.array([0.90, 0.899, 0.85, np.nan])
REPLICAS = SCORES[:, None] + 0.05 * COMMON + 0.005 * NOISE
COMPLEXITY = np.array([1000.0, 50.0, 1.0, 0.0])


def test_best_is_the_largest_score():
    assert choose_trial("best", SCORES, REPLICAS, 0.0) == 0


def test_errors_are_those_of_the_differences():
    errors = paired_errors(REPLICAS[:3], 0, 0.0)
    assert errors[0] == 0.0
    np.testing.assert_allclose(errors[1:], 0.005 * np.sqrt(2), rtol=0.1)
    with_seeds = paired_errors(REPLICAS[:3], 0, 0.01**2)
    np.testing.assert_allclose(
        with_seeds[1:] ** 2 - errors[1:] ** 2, 2 * 0.01**2, rtol=1e-9
    )


def test_one_standard_error_takes_the_simplest_within_the_paired_error():
    # The error of each score, 0.05, would take trial 2, which is far worse.
    chosen = choose_trial("one_standard_error", SCORES, REPLICAS, 0.0, COMPLEXITY)
    assert chosen == 1
    wide = choose_trial("one_standard_error", SCORES, REPLICAS, 0.1**2, COMPLEXITY)
    assert wide == 2


def test_equally_simple_trials_go_by_the_score():
    equal = np.ones(4)
    assert choose_trial("one_standard_error", SCORES, REPLICAS, 0.0, equal) == 0


def test_score_minus_error_passes_over_a_trial_that_fluctuates():
    scores = np.array([0.90, 0.895, 0.89, 0.89])
    replicas = scores[:, None] + 0.05 * COMMON
    assert choose_trial("score_minus_error", scores, replicas, 0.0) == 0
    replicas[0] += 0.02 * NOISE[0]
    assert choose_trial("score_minus_error", scores, replicas, 0.0) == 1


@pytest.mark.parametrize(
    ("limit", "train", "test", "violation"),
    [
        (OvertrainingLimit(max_gap=0.02), [0.9, 0.9], [0.85, 0.85], 0.03),
        (OvertrainingLimit(max_ratio=1.1), [0.9, 0.9], [0.75, 0.75], 0.1),
        # Of a loss, negative as a score, the one of new events is the larger.
        (OvertrainingLimit(max_ratio=1.1), [-0.2, -0.2], [-0.25, -0.25], 0.15),
        (OvertrainingLimit(max_gap=0.02, n_errors=1.0), [0.9, 1.0], [0.8, 0.8], 0.08),
        (OvertrainingLimit(max_gap=0.2, max_ratio=1.5), [0.9], [0.8], -0.1),
    ],
)
def test_violation_of_a_condition_on_overtraining(limit, train, test, violation):
    found = limit.violation(np.array(train), np.array(test))
    assert found == pytest.approx(violation)


@pytest.mark.parametrize(
    "options",
    [{}, {"max_gap": -0.1}, {"max_ratio": 0.5}, {"max_gap": 1, "n_errors": -1}],
)
def test_conditions_that_make_no_sense(options):
    with pytest.raises(ValueError, match="must be"):
        OvertrainingLimit(**options)
