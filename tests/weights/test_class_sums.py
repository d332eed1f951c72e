"""Weights of the classes: their sums, and their scale at given yields."""

import numpy as np
import pytest

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.weights._class_sums import (
    check_class_sums,
    check_class_weights,
    check_events,
    check_sums,
    check_yield,
    positive_class_sums,
    rescaled,
    scale_classes,
    sums_by_class,
    to_unit_scale,
)

IS_SIGNAL = np.array([True, False, False, True])
WEIGHTS = np.array([1.0, 3.0, -1.0, 4.0])


def test_sums_of_any_number_of_classes():
    codes = np.array([0, 2, 2, 0])
    assert sums_by_class(WEIGHTS, codes, 4).tolist() == [5.0, 0.0, 2.0, 0.0]
    assert sums_by_class(np.array([]), np.array([], dtype=int), 2).tolist() == [0, 0]
    codes = np.array([0, 1, 1, 0])
    assert positive_class_sums(WEIGHTS, codes, np.array(["s", "b"])).tolist() == [5, 2]
    with pytest.raises(WeightsError, match=r"got none .* of class 'top'"):
        positive_class_sums(WEIGHTS, codes, np.array(["s", "b", "top"]))


def test_classes_are_rescaled_to_full_yields_where_these_are_known():
    rng = np.random.default_rng(0)
    codes, weights = rng.integers(0, 3, 500), rng.normal(1.0, 2.0, 500)
    before = weights.copy()
    full = np.array([10.0, np.nan, 3e5])
    result = rescaled(weights, codes, full)
    own = sums_by_class(weights, codes, 3)
    assert sums_by_class(result, codes, 3) == pytest.approx([10.0, own[1], 3e5])
    assert np.array_equal(result[codes == 1], weights[codes == 1])
    known = np.array([10.0, 20.0, 3e5])
    expected = weights * (known / own)[codes]  # to the last bit
    assert np.array_equal(rescaled(weights, codes, known), expected)
    assert np.array_equal(weights, before)


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


def test_only_a_class_with_a_yield_needs_a_positive_sum():
    weights = np.array([1.0, -3.0, 1.0, 4.0])
    assert scale_classes(IS_SIGNAL, weights, 10.0, None).tolist() == [2, -3, 1, 8]
    with pytest.raises(WeightsError, match=r"got -2\.0 for the background"):
        scale_classes(IS_SIGNAL, weights, None, 1.0)
    with pytest.raises(ValueError, match="`signal_yield` must be above 0"):
        scale_classes(IS_SIGNAL, weights, -1.0, None)


def test_sums_that_are_known_are_checked_alike():
    check_sums(5.0, 2.0)
    with pytest.raises(WeightsError, match=r"got 0\.0 for the signal"):
        check_sums(0.0, 2.0)
    with pytest.raises(WeightsError, match="got nan for the background"):
        check_sums(5.0, float("nan"))


def test_unit_scale_is_a_power_of_two_for_each_row():
    rows = np.array([[3.0, -5.0, 0.1], [0.0, 0.0, 0.0], [1e-300, 1e-310, 0.0]])
    scaled = to_unit_scale(rows)
    assert scaled[0].tolist() == (rows[0] / 8).tolist()
    assert not scaled[1].any()
    assert 0.5 <= scaled[2].max() < 1.0
    assert scaled[2, 1] == pytest.approx(1e-10 * scaled[2, 0])
    assert to_unit_scale(np.empty(0)).shape == (0,)
