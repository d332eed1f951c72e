r"""The derived features of the HiggsML challenge as functions of the momenta.

All particles are massless, as in the file, where only transverse momentum,
pseudorapidity and azimuth are given. Angles enter as differences, so that a rotation
about the beam axis or a reflection of the whole event changes nothing.

References
----------
.. [1] C. Adam-Bourdarios, G. Cowan, C. Germain, I. Guyon, B. Kégl, D. Rousseau,
   "Learning to discover: the Higgs boson machine learning challenge", CERN Open Data
   Portal, record 329 (2014), description of the features.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = [
    "collinear_mass",
    "decay_momenta",
    "derived_features",
    "pseudorapidity",
    "wrapped_angle",
]

FloatArray = NDArray[np.float64]
Momentum = tuple[FloatArray, FloatArray, FloatArray]  # pt, eta, phi

# A neutrino momentum typical for the decay of a tau, relative to its visible momentum,
# and the freedom to depart from it.
_TAU_INVISIBLE, _TAU_SPREAD = 0.4, 0.5
_LEP_INVISIBLE, _LEP_SPREAD = 0.55, 0.6
_MET_RESOLUTION = 7.0  # GeV along each axis
_MAX_MISFIT = 35.0  # leaves about 15 % of the events without a mass


def wrapped_angle(phi: FloatArray) -> FloatArray:
    """Return angles moved into [-pi, pi).

    Parameters
    ----------
    phi : ndarray
        Angles, in rad.

    Returns
    -------
    wrapped : ndarray
        The same directions in [-pi, pi).
    """
    wrapped = np.mod(phi + np.pi, 2.0 * np.pi) - np.pi
    # Rounding can put an angle just below -pi exactly on the excluded end.
    return np.where(wrapped >= np.pi, -np.pi, wrapped)


def pseudorapidity(px: FloatArray, py: FloatArray, pz: FloatArray) -> FloatArray:
    """Return the pseudorapidity of momenta with a transverse part.

    Parameters
    ----------
    px, py, pz : ndarray
        Momentum components, in GeV.

    Returns
    -------
    eta : ndarray
    """
    return np.arcsinh(pz / np.hypot(px, py))


def decay_momenta(
    mass: FloatArray,
    momentum: FloatArray,
    cos_theta: FloatArray,
    phi: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    r"""Return the momenta of two massless particles into which another one decays.

    Parameters
    ----------
    mass : ndarray of shape (n_samples,)
        Mass of the parent, in GeV.
    momentum : ndarray of shape (3, n_samples)
        Momentum of the parent in the laboratory, in GeV.
    cos_theta, phi : ndarray of shape (n_samples,)
        Direction of the first daughter in the rest frame of the parent.

    Returns
    -------
    first, second : ndarray of shape (3, n_samples)
        Momenta of the daughters in the laboratory, in GeV.

    Notes
    -----
    With :math:`\mathbf p^*` of length :math:`m/2` the Lorentz boost reads
    :math:`\mathbf p = \mathbf p^* + \mathbf P\,(\mathbf P \cdot \mathbf p^* /
    (m (E + m)) + 1/2)`.
    """
    sin_theta = np.sqrt(1.0 - cos_theta**2)
    rest = (mass / 2.0) * np.stack(
        [sin_theta * np.cos(phi), sin_theta * np.sin(phi), cos_theta]
    )
    energy = np.sqrt(mass**2 + (momentum**2).sum(axis=0))
    factor = (momentum * rest).sum(axis=0) / (mass * (energy + mass)) + 0.5
    first = rest + factor * momentum
    return first, momentum - first


def derived_features(data: pd.DataFrame) -> pd.DataFrame:
    """Compute the derived features, the MMC mass excepted, from the momenta.

    Parameters
    ----------
    data : DataFrame of shape (n_samples, n_columns)
        The primitive features; undefined jets are nan.

    Returns
    -------
    derived : DataFrame of shape (n_samples, 12)
        The columns in the order of the file; nan where a jet is undefined.

    Notes
    -----
    In the file of the challenge `DER_mass_jet_jet` is larger by 1.7 % on average and
    `DER_mass_vis` by 0.02 GeV: there jets and taus had a mass that is not given.
    """
    column = {name: data[name].to_numpy(dtype=np.float64) for name in data.columns}
    tau, lep, met = (_momentum(column, name) for name in ("tau", "lep", "met"))
    jet1, jet2 = (_momentum(column, f"jet_{name}leading") for name in ("", "sub"))
    derived = {
        "DER_mass_transverse_met_lep": _transverse_mass(lep, met),
        "DER_mass_vis": _pair_mass(tau, lep),
        "DER_pt_h": _total_pt(tau, lep, met),
        "DER_deltaeta_jet_jet": np.abs(jet1[1] - jet2[1]),
        "DER_mass_jet_jet": _pair_mass(jet1, jet2),
        "DER_prodeta_jet_jet": jet1[1] * jet2[1],
        "DER_deltar_tau_lep": np.hypot(tau[1] - lep[1], wrapped_angle(tau[2] - lep[2])),
        "DER_pt_tot": _total_pt(tau, lep, met, jet1, jet2),
        "DER_sum_pt": tau[0] + lep[0] + column["PRI_jet_all_pt"],
        "DER_pt_ratio_lep_tau": lep[0] / tau[0],
        "DER_met_phi_centrality": _phi_centrality(met[2], lep[2], tau[2]),
        "DER_lep_eta_centrality": _eta_centrality(lep[1], jet1[1], jet2[1]),
    }
    return pd.DataFrame(derived, index=data.index)


def collinear_mass(data: pd.DataFrame) -> FloatArray:
    r"""Estimate the mass of a pair of taus: a stand-in for the MMC mass.

    The neutrinos are taken to fly along the visible decay products, with momenta
    :math:`a` and :math:`b` that best explain the missing momentum and stay close to
    typical values; the mass is that of the lengthened momenta.

    Parameters
    ----------
    data : DataFrame of shape (n_samples, n_columns)
        The primitive features.

    Returns
    -------
    mass : ndarray of shape (n_samples,)
        In GeV; nan where the missing momentum does not fit to a pair of taus.

    Notes
    -----
    Minimises :math:`|\mathbf E - a \mathbf u_\tau - b \mathbf u_\ell|^2 / \sigma^2 +
    (a - a_0)^2 / \sigma_a^2 + (b - b_0)^2 / \sigma_b^2`, two linear equations.
    """
    column = {name: data[name].to_numpy(dtype=np.float64) for name in data.columns}
    tau, lep, met = (_momentum(column, name) for name in ("tau", "lep", "met"))
    cos_tau_lep = np.cos(tau[2] - lep[2])
    met_tau = met[0] * np.cos(met[2] - tau[2])
    met_lep = met[0] * np.cos(met[2] - lep[2])
    rigid_tau = (_MET_RESOLUTION / (_TAU_SPREAD * tau[0])) ** 2
    rigid_lep = (_MET_RESOLUTION / (_LEP_SPREAD * lep[0])) ** 2
    side_tau = met_tau + rigid_tau * _TAU_INVISIBLE * tau[0]
    side_lep = met_lep + rigid_lep * _LEP_INVISIBLE * lep[0]
    determinant = (1.0 + rigid_tau) * (1.0 + rigid_lep) - cos_tau_lep**2
    a = (side_tau * (1.0 + rigid_lep) - side_lep * cos_tau_lep) / determinant
    b = (side_lep * (1.0 + rigid_tau) - side_tau * cos_tau_lep) / determinant
    a, b = np.maximum(a, 0.0), np.maximum(b, 0.0)
    residual2 = (
        met[0] ** 2
        + a**2
        + b**2
        - 2.0 * (a * met_tau + b * met_lep - a * b * cos_tau_lep)
    )
    misfit = (
        residual2 / _MET_RESOLUTION**2
        + ((a / tau[0] - _TAU_INVISIBLE) / _TAU_SPREAD) ** 2
        + ((b / lep[0] - _LEP_INVISIBLE) / _LEP_SPREAD) ** 2
    )
    mass = _pair_mass(tau, lep) * np.sqrt((1.0 + a / tau[0]) * (1.0 + b / lep[0]))
    return np.where(misfit > _MAX_MISFIT, np.nan, mass)


def _momentum(column: dict[str, FloatArray], particle: str) -> Momentum:
    if particle == "met":  # it has no pseudorapidity
        pt, phi = column["PRI_met"], column["PRI_met_phi"]
        return pt, np.full_like(pt, np.nan), phi
    pt, eta, phi = (column[f"PRI_{particle}_{name}"] for name in ("pt", "eta", "phi"))
    return pt, eta, phi


def _pair_mass(one: Momentum, two: Momentum) -> FloatArray:
    # 2 pt1 pt2 (cosh(deta) - cos(dphi)) without the cancellation at small angles.
    half_angles = (
        np.sinh((one[1] - two[1]) / 2.0) ** 2 + np.sin((one[2] - two[2]) / 2.0) ** 2
    )
    return 2.0 * np.sqrt(one[0] * two[0] * half_angles)


def _transverse_mass(one: Momentum, two: Momentum) -> FloatArray:
    return 2.0 * np.sqrt(one[0] * two[0]) * np.abs(np.sin((one[2] - two[2]) / 2.0))


def _total_pt(*momenta: Momentum) -> FloatArray:
    px = np.sum([np.nan_to_num(pt * np.cos(phi)) for pt, _, phi in momenta], axis=0)
    py = np.sum([np.nan_to_num(pt * np.sin(phi)) for pt, _, phi in momenta], axis=0)
    return np.hypot(px, py)


def _phi_centrality(
    phi: FloatArray, phi_lep: FloatArray, phi_tau: FloatArray
) -> FloatArray:
    side = np.sign(np.sin(phi_tau - phi_lep))
    from_lep = np.sin(phi - phi_lep) * side
    to_tau = np.sin(phi_tau - phi) * side
    length = np.hypot(from_lep, to_tau)
    # nan where lepton and tau are exactly back to back or parallel
    return np.divide(
        from_lep + to_tau, length, out=np.full_like(length, np.nan), where=length > 0
    )


def _eta_centrality(
    eta: FloatArray, eta_jet1: FloatArray, eta_jet2: FloatArray
) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):  # jets at the same place: 0
        ratio = (2.0 * eta - eta_jet1 - eta_jet2) / (eta_jet1 - eta_jet2)
    return np.exp(-(ratio**2))
