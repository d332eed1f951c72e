"""Training weights from physics weights: order of the steps, identities, errors."""

import warnings

import numpy as np
import pandas as pd
import pytest

from skhep_dnn.exceptions import LowStatisticsWarning, WeightsError
from skhep_dnn.weights import (
    effective_sample_size,
    scale_to_yields,
    training_weights,
    validation_weights,
)

# Samples of six events, of which `training_weights` rightly warns.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)

Y = np.array(["b", "b", "b", "s", "s", "b"])
W = np.array([10.0, 30.0, -4.0, 0.2, 0.4, 0.0])


def class_sums(weights, y=Y):
    return [weights[y == label].sum() for label in np.unique(y)]


def test_effective_sample_size_of_equal_weights_is_their_number():
    assert effective_sample_size(np.full(7, 3.0)) == pytest.approx(7.0)
    assert effective_sample_size(np.zeros(3)) == 0.0
    assert effective_sample_size([]) == 0.0
    assert effective_sample_size([1e-200, 1e-200]) == pytest.approx(2.0)


@pytest.mark.parametrize("policy", ["keep", "zero", "abs"])
def test_balanced_classes_have_equal_sums_of_the_transformed_weights(policy):
    result = training_weights(Y, W, negative_weights=policy)
    background, signal = class_sums(result.weights)
    assert background == pytest.approx(signal)
    used = result.weights != 0
    assert np.abs(result.weights[used]).mean() == pytest.approx(1.0)


def test_policies_act_on_negative_weights_only():
    kept = training_weights(Y, W).weights
    zero = training_weights(Y, W, negative_weights="zero").weights
    absolute = training_weights(Y, W, negative_weights="abs").weights
    assert kept[2] < 0
    assert zero[2] == 0
    assert absolute[2] > 0
    for weights in (kept, zero, absolute):
        assert weights[5] == 0
        assert weights[1] / weights[0] == pytest.approx(3.0)


def test_error_policy_refuses_negative_weights():
    with pytest.raises(WeightsError, match=r"got 1 negative weights. Choose"):
        training_weights(Y, W, negative_weights="error")
    positive = np.abs(W)
    np.testing.assert_array_equal(
        training_weights(Y, positive, negative_weights="error").weights,
        training_weights(Y, positive).weights,
    )


@pytest.mark.parametrize("unit", [1e-12, 3.0, 1e9])
def test_the_unit_of_the_weights_does_not_matter(unit):
    options = {"max_weight": 1.5, "signal_weight": 2.0}
    np.testing.assert_allclose(
        training_weights(Y, unit * W, **options).weights,
        training_weights(Y, W, **options).weights,
        rtol=1e-12,
    )


def test_zero_weight_equals_absent():
    present = training_weights(Y, W, max_weight=1.2)
    absent = training_weights(Y[:5], W[:5], max_weight=1.2)
    np.testing.assert_array_equal(present.weights[:5], absent.weights)
    assert present.negative_fraction == absent.negative_fraction == 0.2


def test_cap_is_in_units_of_the_class_mean_and_keeps_the_class_sum():
    y = np.array(["b"] * 4 + ["s"] * 2)
    w = np.array([1.0, 1.0, 1.0, 9.0, 0.1, 0.3])
    capped = training_weights(y, w, max_weight=1.0, class_weight=None).weights
    # class means 3 and 0.2: clipped to (1, 1, 1, 3) and (0.1, 0.2), then rescaled
    expected = np.array([1, 1, 1, 3, 0.1 * 3 / 4, 0.2 * 3 / 4]) * 2
    expected[4:] = np.array([0.1, 0.2]) * 0.4 / 0.3
    expected *= 6 / np.abs(expected).sum()
    np.testing.assert_allclose(capped, expected)


def test_class_factors_are_those_of_events_that_are_not_capped():
    result = training_weights(Y, W, max_weight=1.5, signal_weight=2.0)
    uncapped = [0, 3, 4]
    codes = (Y == "s").astype(int)
    assert abs(result.weights[1] / W[1]) < result.class_factors[0]
    np.testing.assert_allclose(
        result.weights[uncapped], (result.class_factors[codes] * W)[uncapped]
    )


def test_cap_comes_before_the_class_balance():
    result = training_weights(Y, W, max_weight=1.0)
    assert class_sums(result.weights)[0] == pytest.approx(class_sums(result.weights)[1])


def test_signal_weight_multiplies_the_signal_after_the_balance():
    result = training_weights(Y, W, signal_weight=3.0)
    background, signal = class_sums(result.weights)
    assert signal == pytest.approx(3 * background)
    background, signal = class_sums(
        training_weights(Y, W, signal_weight=3.0, pos_label="b").weights
    )
    assert background == pytest.approx(3 * signal)


def test_class_weight_dict_and_none():
    ratio = training_weights(Y, W, class_weight=None).weights[:5] / W[:5]
    np.testing.assert_allclose(ratio, ratio[0])
    result = training_weights(Y, W, class_weight={"s": 5.0, "b": 1.0})
    plain = training_weights(Y, W, class_weight=None)
    quotient = result.class_factors / plain.class_factors
    assert quotient[1] / quotient[0] == pytest.approx(5.0)


def test_a_small_number_of_effective_events_warns_and_does_not_stop():
    w = np.ones(40)
    y = np.repeat(["b", "s"], 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        training_weights(y, w)
    w[0] = 1e3
    with pytest.warns(LowStatisticsWarning, match=r"Class 'b' has 1.0 eff") as record:
        result = training_weights(y, w)
    assert result.largest_share > 0.9
    assert record[0].filename == __file__


@pytest.mark.parametrize("function", [training_weights, validation_weights])
def test_a_class_without_events_is_an_error(function):
    with pytest.raises(WeightsError, match=r"two classes or more.* \['s'\]. Pass"):
        function(["s", "s"], [1.0, 2.0])


def test_result_reads_like_a_report():
    result = training_weights(Y, W)
    np.testing.assert_allclose(result.class_yields, [36.0, 0.6])
    assert result.largest_share == pytest.approx(30 / 44)
    assert result.class_n_eff[0] == pytest.approx(36**2 / (100 + 900 + 16))
    np.testing.assert_array_equal(result.used, W != 0)
    text = str(result)
    assert "5 of 6 events" in text
    assert "negative 20.0%" in text
    assert repr(result) == f"<{text}>"
    assert list(result.to_frame().columns) == ["yield", "n_eff", "factor"]


def test_multiclass_sums_are_equal():
    y = np.array([0, 1, 2, 2])
    result = training_weights(y, [1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(class_sums(result.weights, y), 4 / 3)


def test_validation_weights_are_signed_and_balanced():
    weights = validation_weights(Y, W)
    np.testing.assert_allclose(class_sums(weights), 0.5)
    assert weights[2] < 0
    with pytest.raises(WeightsError, match=r"more than zero .* for class 'b'"):
        validation_weights(Y, np.where(Y == "b", -1.0, 1.0))


@pytest.mark.parametrize("kind", [dict, pd.Series])
def test_a_part_of_the_events_is_scaled_to_the_yields_of_all(kind):
    yields = kind({"s": 3.0, "b": 72.0})
    np.testing.assert_allclose(class_sums(scale_to_yields(Y, W, yields)), [72.0, 3.0])
    np.testing.assert_allclose(scale_to_yields(Y, W, yields)[:3], 2 * W[:3])


def test_the_yield_of_a_class_without_events_is_not_lost_in_silence():
    with pytest.raises(WeightsError, match=r"class in `yields`.* got none of \['s'"):
        scale_to_yields(Y[:3], W[:3], pd.Series({"s": 3.0, "b": 72.0}))


@pytest.mark.parametrize("yields", [{"b": 1.0}, {"b": 1.0, "s": 0.0}, {0: 1.0}])
def test_yields_must_be_given_for_each_class(yields):
    with pytest.raises(ValueError, match=r"for each of the classes \['b', 's'\], got"):
        scale_to_yields(Y, W, yields)


def test_nothing_passed_in_is_changed():
    y, w = Y.copy(), W.copy()
    training_weights(y, w, negative_weights="abs", max_weight=1.0, signal_weight=2.0)
    np.testing.assert_array_equal(y, Y)
    np.testing.assert_array_equal(w, W)


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        (W[:3], {}, r"one weight for each of the 6 events, got the shape \(3,\)"),
        (np.full(6, np.nan), {}, r"must be finite, got 6"),
        (["x"] * 6, {}, "must be real numbers"),
        (np.zeros(6), {}, "only zero weights for 6 events"),
        (np.where(Y == "s", 0.0, 1.0), {}, r"two classes or more, got .* \['b'\]"),
        (np.where(Y == "s", -1.0, 1.0), {}, r"got -2 for class 's'"),
        (np.where(Y == "s", -1.0, 1.0), {"negative_weights": "zero"}, "class 's'"),
        (W, {"negative_weights": "drop"}, "must be \"keep\".*got 'drop'"),
        (W, {"max_weight": 0.0}, "`max_weight` must be positive"),
        (W, {"signal_weight": -1.0}, "`signal_weight` must be positive"),
        (W, {"class_weight": {"s": 1.0}}, "one factor for each of the classes"),
        (W, {"class_weight": {"s": 1.0, "b": 0.0}}, "must be positive and finite"),
        (W, {"class_weight": "even"}, "must be \"balanced\".*got 'even'"),
        (W, {"pos_label": "x"}, "must be one of the classes"),
    ],
)
def test_bad_input_gets_a_clear_error(weights, options, message):
    with pytest.raises(ValueError, match=message):
        training_weights(Y, weights, **options)
