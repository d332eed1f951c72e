"""Significances of yields against closed forms, limits and arithmetic of 160 digits."""

import warnings

import mpmath
import numpy as np
import pytest

from skhep_dnn.exceptions import UndefinedSignificanceWarning
from skhep_dnn.metrics import (
    ams,
    asimov_significance,
    s_over_sqrt_b,
    s_over_sqrt_sb,
)
from skhep_dnn.metrics._significance import (
    broadcast_yields,
    check_defined,
    check_not_negative,
    ratio_to_root,
    regularise,
    significance_kernel,
)

BACKGROUNDS = [1e-3, 1.0, 37.3, 1e5]
S_OVER_B = [*10.0 ** np.arange(-12, 6.5, 0.5), -1e-9, -1e-3, -0.2, -0.5, -0.9, -0.99999]
V_OVER_B2 = [0.0, *10.0 ** np.arange(-14, 2.5, 2)]


def published(s, b, v=0.0):
    """Eq. (97) of arXiv:1007.1727, Eq. (20) of Cowan 2012, with 160 digits."""
    with mpmath.workdps(160):
        s, b, v = mpmath.mpf(s), mpmath.mpf(b), mpmath.mpf(v)
        n = s + b
        if v == 0:
            half = n * mpmath.log(1 + s / b) - s
        else:
            half = n * mpmath.log(n * (b + v) / (b * b + n * v))
            half -= b * b / v * mpmath.log(1 + v * s / (b * (b + v)))
        return mpmath.sign(s) * mpmath.sqrt(2 * half)


@pytest.mark.parametrize("b", BACKGROUNDS)
def test_agrees_with_arithmetic_of_160_digits(b):
    for ratio in S_OVER_B:
        for relative in V_OVER_B2:
            s, v = float(ratio * b), float(relative * b * b)
            z = float(asimov_significance(s, b, sum_w2_b=v))
            assert abs(z / published(s, b, v) - 1) < 1e-14, (s, v)


def test_no_overflow_of_a_vanishing_background():
    # 1 + x rounded to 0, and 0 * log(0) is nan.
    z = asimov_significance(197859862882.9, 5.288169150706334e-07, sigma_b=0.15074998)
    assert z == pytest.approx(3034.497, rel=1e-6)


@pytest.mark.parametrize(
    "names", [(), ("sigma_b",), ("rel_sigma_b",), ("sum_w2_b", "b_reg")]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_agrees_over_twenty_four_orders_of_magnitude(names, sign):
    rng = np.random.default_rng(7)
    for s, b, *options in (10 ** rng.uniform(-12, 12, (400, 4))).tolist():
        given = dict(zip(names, options, strict=False))
        b_plus = b + given.get("b_reg", 0.0)
        s_signed = s if sign > 0 else -b_plus * s / (1.0 + s)
        v = given.get("sum_w2_b", 0.0) + given.get("sigma_b", 0.0) ** 2
        v += (given.get("rel_sigma_b", 0.0) * b) ** 2
        if s_signed <= -b_plus:
            continue  # no event left, by rounding
        z = float(asimov_significance(s_signed, b, **given))
        exact = published(s_signed, b_plus, v)
        assert abs(z / exact - 1) < 2e-14, (s_signed, b, given)


def test_closed_forms():
    s, b = np.array([1.0, 10.0, 300.0]), np.array([2.0, 100.0, 50.0])
    expected = np.sqrt(2 * ((s + b) * np.log(1 + s / b) - s))
    np.testing.assert_allclose(asimov_significance(s, b), expected, rtol=1e-13)
    np.testing.assert_allclose(ams(s, b), asimov_significance(s, b + 10), rtol=1e-15)
    np.testing.assert_array_equal(ams(s, b, b_reg=0.0), asimov_significance(s, b))
    np.testing.assert_allclose(s_over_sqrt_b(s, b), s / np.sqrt(b), rtol=1e-15)
    np.testing.assert_allclose(s_over_sqrt_sb(s, b), s / np.sqrt(s + b), rtol=1e-15)


def test_published_number_with_uncertainty():
    # README of github.com/cranmer/fast-asimov-utils: 50 over 100 +- 7 gives 3.72.
    assert round(float(asimov_significance(50, 100, sigma_b=7)), 2) == 3.72


@pytest.mark.parametrize("sigma_b", [0.0, 1e-4, 3.0, 50.0])
def test_small_signal_tends_to_gaussian_limit(sigma_b):
    z = asimov_significance(1e-7, 100.0, sigma_b=sigma_b)
    assert z == pytest.approx(1e-7 / np.sqrt(100 + sigma_b**2), rel=1e-9)


@pytest.mark.parametrize("rel_sigma_b", [1e-6, 1e-12, 1e-160])
def test_small_uncertainty_tends_to_the_known_background(rel_sigma_b):
    z = asimov_significance([0.1, 10.0, 1e3], 100.0, rel_sigma_b=rel_sigma_b)
    np.testing.assert_allclose(z, asimov_significance([0.1, 10.0, 1e3], 100.0), 1e-9)


def test_significance_falls_with_the_uncertainty():
    z = asimov_significance(20.0, 100.0, sigma_b=np.linspace(0, 30, 100))
    assert (np.diff(z) < 0).all()


def test_uncertainties_add_in_quadrature_and_work_with_b_reg():
    s, b = 20.0, 80.0
    v = 3.0**2 + (0.1 * b) ** 2 + 5.0
    z = asimov_significance(
        s, b, sigma_b=3.0, rel_sigma_b=0.1, sum_w2_b=5.0, b_reg=10.0
    )
    # `rel_sigma_b` multiplies b alone; everywhere else b is b + b_reg.
    assert z == pytest.approx(float(published(s, b + 10.0, v)), rel=1e-14)
    assert z < ams(s, b)


@pytest.mark.parametrize("sigma_b", [0.0, 2.0])
def test_negative_signal_takes_minus_the_root(sigma_b):
    z = asimov_significance(-5.0, 10.0, sigma_b=sigma_b)
    assert z == pytest.approx(float(published(-5, 10, sigma_b**2)), rel=1e-14)
    assert z < 0


def test_negative_signal_number():
    # sqrt(2 * (5 * ln(1/2) + 5)) = 1.7517 by hand.
    assert round(float(asimov_significance(-5.0, 10.0)), 3) == -1.752


@pytest.mark.parametrize("sigma_b", [0.0, 1.0])
@pytest.mark.parametrize(
    ("s", "b", "b_reg"),
    [
        (-10.0, 10.0, 0.0),
        (-11.0, 10.0, 0.0),
        (1.0, -1e-3, 0.0),
        (1.0, -1.0, 10.0),
        (1.0, 0.0, 0.0),
        (-10.0, 0.0, 10.0),
        (np.nan, 10.0, 0.0),
        (1.0, np.nan, 0.0),
    ],
)
def test_undefined_is_nan_with_a_warning(s, b, b_reg, sigma_b):
    with pytest.warns(UndefinedSignificanceWarning, match="positive") as record:
        z = asimov_significance(s, b, b_reg=b_reg, sigma_b=sigma_b)
    assert np.isnan(z)
    assert len(record) == 1
    assert record[0].filename == __file__
    with pytest.warns(UndefinedSignificanceWarning, match="set `b_reg`"):
        assert np.isnan(ams(s, b, b_reg=b_reg))


def test_one_warning_per_call_and_finite_points_stay():
    with pytest.warns(UndefinedSignificanceWarning, match="2 of 3 points") as record:
        z = asimov_significance(1.0, [0.0, 100.0, -1.0], sigma_b=[1.0, 0.0, 1.0])
    assert len(record) == 1
    np.testing.assert_array_equal(np.isnan(z), [True, False, True])


def test_no_background_is_finite_with_b_reg():
    assert ams(5.0, 0.0) == asimov_significance(5.0, 10.0)
    assert np.isfinite(asimov_significance(5.0, 0.0, b_reg=1.0, sigma_b=2.0))
    assert asimov_significance(0.0, 10.0) == 0.0


@pytest.mark.parametrize("function", [s_over_sqrt_b, s_over_sqrt_sb])
def test_ratios_are_nan_without_background(function):
    with pytest.warns(UndefinedSignificanceWarning) as record:
        z = function([-1.0, 1.0, -2.0], [0.0, -1.0, 9.0])
    assert len(record) == 1
    assert record[0].filename == __file__
    np.testing.assert_array_equal(np.isnan(z), [True, True, False])
    assert z[2] < 0


def test_signal_without_background_has_a_ratio_to_the_total():
    assert s_over_sqrt_sb(4.0, 0.0) == 2.0


def test_scalars_give_float64_and_arrays_broadcast():
    for function in (ams, asimov_significance, s_over_sqrt_b, s_over_sqrt_sb):
        assert isinstance(function(1, 10), np.float64)
        assert function(np.ones((3, 1)), [1, 2]).shape == (3, 2)
    assert asimov_significance(1, 10, sigma_b=[1, 2]).shape == (2,)


def test_arguments_are_not_changed():
    s, b = np.array([1.0, -20.0]), np.array([0.0, 10.0])
    with pytest.warns(UndefinedSignificanceWarning):
        asimov_significance(s, b)
    np.testing.assert_array_equal(s, [1.0, -20.0])
    np.testing.assert_array_equal(b, [0.0, 10.0])


@pytest.mark.parametrize("name", ["sigma_b", "rel_sigma_b", "sum_w2_b", "b_reg"])
def test_negative_options_raise(name):
    with pytest.raises(ValueError, match=f"`{name}` must not be negative, got -1.0"):
        asimov_significance(1.0, 10.0, **{name: -1.0})


def test_negative_b_reg_of_ams_raises():
    with pytest.raises(ValueError, match="`b_reg` must not be negative"):
        ams(1.0, 10.0, b_reg=-1.0)


# What the formulas share: nan in silence, one warning at the end.


def test_undefined_yields_are_nan_in_silence():
    s, b = np.array([1.0, 1.0, -3.0, np.nan]), np.array([-1.0, 0.0, 2.0, 1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for variance in (0.0, 1.0):
            v = np.full(4, variance)
            assert np.isnan(significance_kernel(s, regularise(b, 0.0), v)).all()
        assert np.isnan(ratio_to_root(s, b, b > 0)).tolist() == [
            True,
            True,
            False,
            True,
        ]


def test_regularised_background():
    assert regularise(np.array([0.0, 2.0, -1.0]), 3.0)[:2].tolist() == [3.0, 5.0]
    assert np.isnan(regularise(np.array([-1.0]), 3.0)).all()


def test_variances_add_and_are_broadcast():
    s, b, v = broadcast_yields(
        [1.0, 2.0], 10.0, sigma_b=3.0, rel_sigma_b=0.4, b_reg=5.0, sum_w2_b=[0.0, 1.0]
    )
    assert s.shape == b.shape == v.shape == (2,)
    assert v.tolist() == [25.0, 26.0]


def test_one_warning_tells_the_number_of_undefined_values():
    with pytest.warns(UndefinedSignificanceWarning, match="got 2 of 3 points") as seen:
        check_defined(np.array([np.nan, 1.0, np.nan]))
    assert len(seen) == 1
    assert isinstance(check_defined(np.array(1.0)), np.float64)


def test_the_smallest_value_is_named():
    with pytest.raises(ValueError, match=r"`b_reg` must not be negative, got -2\.0"):
        check_not_negative(sigma_b=0.0, b_reg=[1.0, -2.0, -1.0])
