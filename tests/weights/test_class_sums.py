"""Weights of the classes: their sums, and their scale at given yields."""

import numpy as np
import pytest

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.weights._class_sums import (
    check_class_sums,
    check_class_weights,
    check_events,
    check_yield,
    scale_classes,
)

IS_SIGNAL = np.array([True, False, False, True])
WEIGHTS = np.array([1.0, 3.0, -1.0, 4.0])


def test_sums_of_the_classes():
    assert check_class_sums(IS_SIGNAL, WEIGHTS) == (5.0, 2.0)
    assert check_class_weights(IS_SIGNAL, WEIGHTS.tolist()).tolist() == WEIGHTS.tolist()
    assert check_class_weights(IS_SIGNAL, None).tolist() == [1.0, 1.0, 1.0, 1.0]


def test_labels_scores_and_weights_of_the_same_events():
    is_signal, scores, weights = check_events(["s", "b"], [1, 2], None, "b")
    assert is_signal.tolist() == [False, True]
    assert scores.tolist() == [1.0, 2.0]
    assert weights.tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="each of the 2 events"):
        check_events([0, 1], [1, 2, 3], None, None)
    with pytest.raises(WeightsError, match="in each class"):
        check_events([0, 1], [1, 2], [-1.0, 1.0], None)


@pytest.mark.parametrize("check", [check_class_sums, check_class_weights])
def test_a_class_without_a_positive_sum_is_refused(check):
    with pytest.raises(WeightsError, match=r"in each class, got -2\.0 for the backgro"):
        check(IS_SIGNAL, np.array([1.0, -3.0, 1.0, 4.0]))
    with pytest.raises(WeightsError, match=r"got 0\.0 for the signal\. Use a larger"):
        check(IS_SIGNAL, np.array([1.0, 3.0, 1.0, -1.0]))


def test_a_yield_is_positive_and_finite():
    assert check_yield(0.5, "signal_yield") == 0.5
    for value in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match=r"`signal_yield` must be above 0 and fin"):
            check_yield(value, "signal_yield")


def test_each_class_is_scaled_to_its_yield_and_the_input_left():
    before = WEIGHTS.copy()
    assert scale_classes(IS_SIGNAL, WEIGHTS, 10.0, None).tolist() == [2, 3, -1, 8]
    assert scale_classes(IS_SIGNAL, WEIGHTS, None, 1.0).tolist() == [1, 1.5, -0.5, 4]
    assert np.array_equal(WEIGHTS, before)
