"""Figures of merit equal the public functions and refuse what they cannot do."""

import dataclasses

import numpy as np
import pytest

from skhep_dnn.metrics import (
    FigureOfMerit,
    ams,
    asimov_significance,
    s_over_sqrt_b,
    s_over_sqrt_sb,
)

S, B = np.array([1.0, 5.0, -2.0]), np.array([10.0, 3.0, 7.0])
W2 = 0.5 * B


def test_kinds_are_the_public_functions():
    options = {"b_reg": 1.0, "sigma_b": 2.0, "rel_sigma_b": 0.1}
    for figure, expected in (
        (FigureOfMerit(), asimov_significance(S, B)),
        (FigureOfMerit("ams"), ams(S, B)),
        (FigureOfMerit("ams", b_reg=0.0), asimov_significance(S, B)),
        (FigureOfMerit("s_over_sqrt_b"), s_over_sqrt_b(S, B)),
        (FigureOfMerit("s_over_sqrt_sb"), s_over_sqrt_sb(S, B)),
        (FigureOfMerit(**options), asimov_significance(S, B, **options)),
        (FigureOfMerit(mc_stat=True), asimov_significance(S, B, sum_w2_b=W2)),
    ):
        np.testing.assert_allclose(figure(S, B, W2), expected, rtol=1e-15)


def test_long_arrays_are_evaluated_in_blocks():
    b = np.linspace(1, 2, 50_001)
    np.testing.assert_array_equal(FigureOfMerit()(b, b, b), asimov_significance(b, b))


def test_undefined_is_nan_without_a_warning():
    for kind in ("asimov", "s_over_sqrt_b", "s_over_sqrt_sb"):
        z = FigureOfMerit(kind)(np.array([1.0]), np.array([-2.0]), np.array([1.0]))
        assert np.isnan(z).all()


def test_is_frozen_and_comparable():
    figure = FigureOfMerit("ams")
    assert figure == FigureOfMerit("ams", b_reg=10.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        figure.b_reg = 0.0


def test_impossible_options_raise():
    with pytest.raises(ValueError, match=r"`kind` must be one of .* got 'z'"):
        FigureOfMerit("z")
    with pytest.raises(ValueError, match="`rel_sigma_b` must not be negative"):
        FigureOfMerit(rel_sigma_b=-0.1)
    for option in ({"sigma_b": 1.0}, {"b_reg": 1.0}, {"mc_stat": True}):
        with pytest.raises(ValueError, match=r"got 's_over_sqrt_b'. Leave these"):
            FigureOfMerit("s_over_sqrt_b", **option)
