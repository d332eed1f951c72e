"""Formulas of pairs: against four-vectors, and momenta that are known."""

import math

import numpy as np
import pytest

from skhep_dnn.preprocessing._pairs import (
    PolarMomentum,
    collinear_taus,
    pair_quantities,
)


def momentum(pt, eta, phi):
    arrays = [None if v is None else np.atleast_1d(float(v)) for v in (pt, eta, phi)]
    return PolarMomentum("any", *arrays)


def four_vector(pt, eta, phi):
    return np.array(
        [
            pt * math.cosh(eta),
            pt * math.cos(phi),
            pt * math.sin(phi),
            pt * math.sinh(eta),
        ]
    )


def invariant_mass(*vectors):
    energy, *p = np.sum(vectors, axis=0)
    return math.sqrt(max(energy**2 - sum(x**2 for x in p), 0.0))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((30.0, 1.2, 3.0), (50.0, -0.4, -3.0)),
        ((20.0, 0.0, 0.0), (20.0, 0.0, math.pi)),
        ((5.0, 2.0, 6.0), (500.0, 1.9, 0.1)),
    ],
)
def test_mass_is_that_of_the_four_vectors(a, b):
    found = dict(pair_quantities(momentum(*a), momentum(*b)))
    expected = invariant_mass(four_vector(*a), four_vector(*b))
    assert found["mass"][0] == pytest.approx(expected, rel=1e-9)
    turn = math.remainder(a[2] - b[2], 2.0 * math.pi)
    assert found["dphi"][0] == pytest.approx(abs(turn))
    assert found["deta"][0] == pytest.approx(abs(a[1] - b[1]))
    assert found["dr"][0] == pytest.approx(math.hypot(a[1] - b[1], turn))


def test_transverse_mass_is_the_mass_in_the_transverse_plane():
    found = dict(pair_quantities(momentum(40.0, 1.5, 1.0), momentum(30.0, None, -2.0)))
    expected = invariant_mass(four_vector(40.0, 0.0, 1.0), four_vector(30.0, 0.0, -2.0))
    assert list(found) == ["dphi", "transverse_mass"]
    assert found["transverse_mass"][0] == pytest.approx(expected)


def test_equal_directions_have_no_mass():
    same = momentum(40.0, 1.5, 1.0)
    assert dict(pair_quantities(same, same))["mass"][0] == 0.0


def test_collinear_mass_is_that_of_the_resonance():
    taus = [(60.0, 0.7, 0.4), (45.0, -0.3, 2.9)]
    shares = (0.4, 0.7)
    visible = [
        momentum(x * pt, eta, phi)
        for x, (pt, eta, phi) in zip(shares, taus, strict=True)
    ]
    unseen = [
        (1.0 - x) * four_vector(*tau)[1:3] for x, tau in zip(shares, taus, strict=True)
    ]
    px, py = np.sum(unseen, axis=0)
    missing = momentum(math.hypot(px, py), None, math.atan2(py, px))
    found = collinear_taus(*visible, missing)
    assert [x[0] for x in found.fractions] == pytest.approx(list(shares))
    resonance = invariant_mass(*(four_vector(*tau) for tau in taus))
    assert found.mass[0] == pytest.approx(resonance)


def test_without_a_solution_the_mass_is_undefined():
    one, other = momentum(50.0, 0.0, 0.0), momentum(40.0, 0.0, 2.0)
    away = momentum(70.0, None, -2.0)  # opposite to the second: a negative share
    found = collinear_taus(one, other, away)
    assert min(x[0] for x in found.fractions) < 0.0
    assert np.isnan(found.mass[0])
    found = collinear_taus(one, one, away)  # no area between them
    assert all(np.isnan(x[0]) for x in (*found.fractions, found.mass))
