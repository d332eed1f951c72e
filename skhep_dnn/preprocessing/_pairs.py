"""Quantities of objects and of their pairs that no rotation or reflection changes.

One formula each, on arrays of all events. Objects have no mass; one without a
pseudorapidity, such as the missing momentum, is known in the transverse plane only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Collinear", "PolarMomentum", "collinear_taus", "pair_quantities"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PolarMomentum:
    """The momenta of one object in all events; nan where it is undefined.

    Attributes
    ----------
    name : str
        What the object is called.
    pt : ndarray of shape (n_samples,)
        Transverse momentum.
    eta : ndarray of shape (n_samples,) or None
        Pseudorapidity; None of an object in the transverse plane.
    phi : ndarray of shape (n_samples,)
        Azimuth, in rad.
    """

    name: str
    pt: Floats
    eta: Floats | None
    phi: Floats


@dataclass(frozen=True)
class Collinear:
    """A pair that decayed with neutrinos along its visible products.

    Attributes
    ----------
    fractions : tuple of ndarray of shape (n_samples,)
        Visible share of the momentum of each; nan where the two and the missing
        momentum leave no solution.
    mass : ndarray of shape (n_samples,)
        Mass of the pair; nan where a fraction is not positive.
    """

    fractions: tuple[Floats, Floats]
    mass: Floats


def pair_quantities(a: PolarMomentum, b: PolarMomentum) -> Iterator[tuple[str, Floats]]:
    """Yield name and values of what two objects have in common.

    Parameters
    ----------
    a, b : PolarMomentum
        Two objects.

    Yields
    ------
    name : str
        "dphi", and "deta", "dr" and "mass" of two objects with
        pseudorapidities, else "transverse_mass".
    values : ndarray of shape (n_samples,)
    """
    delta_phi = _distance(a.phi, b.phi)
    yield "dphi", delta_phi
    if a.eta is None or b.eta is None:
        yield "transverse_mass", _mass(a.pt, b.pt, np.ones_like(a.pt), delta_phi)
        return
    delta_eta = np.abs(a.eta - b.eta)
    yield "deta", delta_eta
    yield "dr", np.hypot(delta_eta, delta_phi)
    yield "mass", _mass(a.pt, b.pt, np.cosh(delta_eta), delta_phi)


def collinear_taus(
    a: PolarMomentum, b: PolarMomentum, missing: PolarMomentum
) -> Collinear:
    """Return shares and mass if the neutrinos fly along the visible decay products.

    Parameters
    ----------
    a, b : PolarMomentum
        Visible decay products of the two.
    missing : PolarMomentum
        Missing transverse momentum.

    Returns
    -------
    collinear : Collinear
    """
    # The missing momentum is r_a times that of a plus r_b times that of b.
    with np.errstate(divide="ignore", invalid="ignore"):
        area = np.sin(b.phi - a.phi)
        r_a = missing.pt * np.sin(b.phi - missing.phi) / (a.pt * area)
        r_b = missing.pt * np.sin(missing.phi - a.phi) / (b.pt * area)
        fractions = [_finite(1.0 / (1.0 + _finite(r))) for r in (r_a, r_b)]
        product = fractions[0] * fractions[1]
        visible = dict(pair_quantities(a, b))["mass"]
        mass = _finite(visible / np.sqrt(product))
    positive = (fractions[0] > 0.0) & (fractions[1] > 0.0)
    return Collinear((fractions[0], fractions[1]), np.where(positive, mass, np.nan))


def _distance(phi_a: Floats, phi_b: Floats) -> Floats:
    """Return the angle between two azimuths, in [0, pi]."""
    turn = np.abs(phi_a - phi_b) % (2.0 * math.pi)
    return np.minimum(turn, 2.0 * math.pi - turn)


def _mass(pt_a: Floats, pt_b: Floats, cosh: Floats, delta_phi: Floats) -> Floats:
    # cosh - cos of equal directions is 0 up to rounding.
    return np.sqrt(2.0 * pt_a * pt_b * np.maximum(cosh - np.cos(delta_phi), 0.0))


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)
