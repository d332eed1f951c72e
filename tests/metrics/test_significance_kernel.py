"""The arithmetic behind the significances: nan in silence, one warning at the end.

The values themselves are tested through the public functions, in test_significance.py.
"""

import warnings

import numpy as np
import pytest

from skhep_dnn.exceptions import UndefinedSignificanceWarning
from skhep_dnn.metrics._significance_kernel import (
    broadcast_yields,
    check_defined,
    check_not_negative,
    ratio_to_root,
    regularise,
    significance_kernel,
)


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
