"""Momenta of the toy events: one generator per physics process.

Every process starts from jets and a soft recoil, gives the opposite transverse momentum
to a resonance, lets it decay isotropically in its rest frame, and smears the missing
momentum. All directions are drawn without a preferred azimuth or side, so that the
density of the events does not change under a rotation about the beam axis nor under
a reflection in x, y or z.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.datasets._kinematics import (
    decay_momenta,
    pseudorapidity,
    wrapped_angle,
)

__all__ = ["SAMPLES", "Sample", "sample_momenta"]

FloatArray = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]

_TAU_MIN_PT, _LEP_MIN_PT, _JET_MIN_PT = 20.0, 26.0, 30.0  # GeV
_MAX_ETA, _JET_MAX_ETA = 2.5, 4.5
_SOFT_RECOIL = 8.0  # GeV along each axis
_CHUNK = 200_000


@dataclass(frozen=True)
class Sample:
    """One simulated sample: a process, its share of the events and of the yield.

    Attributes
    ----------
    process : str
        Name given to the events.
    label : str
        Class, "s" or "b".
    event_share, yield_share : float
        Share of the events and of the expected yield of its class.
    candidates : callable
        Draws candidate events; those outside the acceptance are dropped.
    jet_probabilities : tuple of float
        Of 0, 1, 2 and 3 jets.
    jet_pt : float
        Mean transverse momentum of a jet above the threshold, in GeV.
    forward_jets : bool
        Whether the first two jets fly to opposite ends, as in vector-boson fusion.
    mass, width : float
        Of the resonance, in GeV.
    weight_spread : float
        Standard deviation of the logarithm of the weights.
    """

    process: str
    label: str
    event_share: float
    yield_share: float
    candidates: Callable[[Sample, int, np.random.Generator], Columns]
    jet_probabilities: tuple[float, float, float, float]
    jet_pt: float
    forward_jets: bool = False
    mass: float = 125.0
    width: float = 0.004
    weight_spread: float = 0.0


def sample_momenta(sample: Sample, n_samples: int, rng: np.random.Generator) -> Columns:
    """Draw events of one process inside the acceptance.

    Parameters
    ----------
    sample : Sample
        The process.
    n_samples : int
        Number of events.
    rng : numpy.random.Generator
        Source of all random numbers.

    Returns
    -------
    columns : dict of str to ndarray of shape (n_samples,)
        The primitive features; nan for an undefined jet.
    """
    chunks: list[Columns] = []
    n_missing = n_samples
    while n_missing > 0 or not chunks:
        drawn = sample.candidates(sample, min(4 * n_missing + 50, _CHUNK), rng)
        accepted = np.flatnonzero(drawn.pop("accepted"))[:n_missing]
        chunks.append({name: values[accepted] for name, values in drawn.items()})
        n_missing -= len(accepted)
    return {name: np.concatenate([c[name] for c in chunks]) for name in chunks[0]}


def _tau_pair(sample: Sample, n: int, rng: np.random.Generator) -> Columns:
    jets = _jets(sample, n, rng)
    pair = _with_rapidity(sample, _recoil(jets, rng), rng)
    tau, lep = decay_momenta(*pair, *_isotropic(n, rng))
    visible_tau, kept_tau = _visible(tau, _TAU_MIN_PT, 0.4, rng)
    visible_lep, kept_lep = _visible(lep, _LEP_MIN_PT, 1.0, rng)
    invisible = tau + lep - visible_tau - visible_lep
    accepted = kept_tau & kept_lep
    return _event((visible_tau, visible_lep, invisible), jets, accepted, rng)


def _w_boson(sample: Sample, n: int, rng: np.random.Generator) -> Columns:
    jets = _jets(sample, n, rng)
    pt = _TAU_MIN_PT + rng.exponential(11.0, n)  # a jet taken for a tau
    phi = rng.uniform(-np.pi, np.pi, n)
    eta = _MAX_ETA * np.tanh(rng.normal(0.0, 0.8, n))
    fake_tau = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)])
    boson = _with_rapidity(sample, _recoil(jets, rng) - fake_tau[:2], rng)
    lep, neutrino = decay_momenta(*boson, *_isotropic(n, rng))
    accepted = _accepted(lep, _LEP_MIN_PT)
    return _event((fake_tau, lep, neutrino), jets, accepted, rng)


def _top_pair(sample: Sample, n: int, rng: np.random.Generator) -> Columns:
    jets = _jets(sample, n, rng)
    half = _recoil(jets, rng) / 2.0
    split = rng.normal(0.0, 50.0, (2, n))
    first = _with_rapidity(sample, half + split, rng)
    second = _with_rapidity(sample, half - split, rng)
    lep, neutrino = decay_momenta(*first, *_isotropic(n, rng))
    tau, tau_neutrino = decay_momenta(*second, *_isotropic(n, rng))
    visible_tau, kept_tau = _visible(tau, _TAU_MIN_PT, 0.4, rng)
    invisible = neutrino + tau_neutrino + tau - visible_tau
    accepted = kept_tau & _accepted(lep, _LEP_MIN_PT)
    return _event((visible_tau, lep, invisible), jets, accepted, rng)


# The jet multiplicities and the shares of the four signal samples (gluon fusion,
# vector-boson fusion, WH, ZH) follow the real file. It does not tell the background
# processes apart: their shares are plausible, and chosen for its jet multiplicities.
SAMPLES = (
    Sample("h->tautau", "s", 0.40, 0.88, _tau_pair, (0.56, 0.28, 0.12, 0.04), 40.0),
    Sample(
        "h->tautau", "s", 0.42, 0.075, _tau_pair, (0.1, 0.32, 0.48, 0.1), 50.0, True
    ),
    Sample("h->tautau", "s", 0.095, 0.03, _tau_pair, (0.15, 0.35, 0.37, 0.13), 45.0),
    Sample("h->tautau", "s", 0.085, 0.015, _tau_pair, (0.15, 0.35, 0.37, 0.13), 45.0),
    Sample(
        "z->tautau",
        "b",
        *(0.45, 0.60, _tau_pair, (0.7, 0.22, 0.06, 0.02), 35.0),
        mass=91.19,
        width=2.5,
        weight_spread=0.5,
    ),
    Sample(
        "w+jets",
        "b",
        *(0.32, 0.36, _w_boson, (0.72, 0.21, 0.05, 0.02), 30.0),
        mass=80.38,
        width=2.1,
        weight_spread=0.5,
    ),
    Sample(
        "ttbar",
        "b",
        *(0.23, 0.04, _top_pair, (0.05, 0.25, 0.42, 0.28), 45.0),
        mass=80.38,
        width=2.1,
        weight_spread=0.5,
    ),
)


def _jets(sample: Sample, n: int, rng: np.random.Generator) -> Columns:
    """Draw up to three jets, ordered by transverse momentum; absent ones are nan."""
    number = rng.choice(4, size=n, p=sample.jet_probabilities)
    pt = _JET_MIN_PT + rng.exponential(sample.jet_pt, (3, n))
    eta = _JET_MAX_ETA * np.tanh(rng.normal(0.0, 0.45, (3, n)))
    if sample.forward_jets:
        side = np.where(rng.random(n) < 0.5, -1.0, 1.0)
        height = np.abs(rng.normal(0.55, 0.25, (2, n)))
        eta[:2] = _JET_MAX_ETA * np.tanh(height) * np.stack([side, -side])
    phi = rng.uniform(-np.pi, np.pi, (3, n))
    phi[1] = phi[0] + np.pi + rng.normal(0.0, 1.0, n)
    absent = np.arange(3)[:, None] >= number
    pt[absent] = eta[absent] = phi[absent] = np.nan
    order = np.argsort(-pt, axis=0)  # nan last
    pt, eta, phi = (np.take_along_axis(a, order, axis=0) for a in (pt, eta, phi))
    return {"number": number, "pt": pt, "eta": eta, "phi": phi}


def _recoil(jets: Columns, rng: np.random.Generator) -> FloatArray:
    pt, phi = jets["pt"], jets["phi"]
    hard = np.stack([np.nansum(pt * np.cos(phi), 0), np.nansum(pt * np.sin(phi), 0)])
    return rng.normal(0.0, _SOFT_RECOIL, hard.shape) - hard


def _with_rapidity(
    sample: Sample, transverse: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    n = transverse.shape[1]
    # Breit-Wigner, cut five to six widths away from the peak
    mass = sample.mass + sample.width / 2.0 * np.tan(rng.uniform(-1.48, 1.48, n))
    transverse_mass = np.sqrt(mass**2 + (transverse**2).sum(axis=0))
    longitudinal = transverse_mass * np.sinh(rng.normal(0.0, 1.0, n))
    return mass, np.concatenate([transverse, longitudinal[None]])


def _isotropic(n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    return rng.uniform(-1.0, 1.0, n), rng.uniform(-np.pi, np.pi, n)


def _visible(
    tau: FloatArray, min_pt: float, power: float, rng: np.random.Generator
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Keep the visible part `x` of a tau, density (1 - x)**power above `min_pt`."""
    lowest = min_pt / np.hypot(tau[0], tau[1])
    accepted = _accepted(tau, 1.1 * min_pt)
    draw = rng.random(tau.shape[1]) ** (1.0 / (1.0 + power))
    fraction = 1.0 - np.where(accepted, 1.0 - lowest, 1.0) * draw
    return tau * fraction, accepted


def _accepted(momentum: FloatArray, min_pt: float) -> NDArray[np.bool_]:
    central = np.abs(pseudorapidity(*momentum)) < _MAX_ETA
    return (np.hypot(momentum[0], momentum[1]) > min_pt) & central


def _event(
    momenta: tuple[FloatArray, FloatArray, FloatArray],
    jets: Columns,
    accepted: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Columns:
    """Name the momenta of tau, lepton, neutrinos and jets; smear the missing one."""
    tau, lep, invisible = momenta
    n = tau.shape[1]
    tau_pt, lep_pt = np.hypot(tau[0], tau[1]), np.hypot(lep[0], lep[1])
    jet_all_pt = np.nansum(jets["pt"], axis=0)
    sum_et = 0.8 * (tau_pt + lep_pt + jet_all_pt) + rng.gamma(4.0, 20.0, n)
    met = invisible[:2] + 0.5 * np.sqrt(sum_et) * rng.normal(size=(2, n))
    columns = {
        "PRI_tau_pt": tau_pt,
        "PRI_tau_eta": pseudorapidity(*tau),
        "PRI_tau_phi": wrapped_angle(np.arctan2(tau[1], tau[0])),
        "PRI_lep_pt": lep_pt,
        "PRI_lep_eta": pseudorapidity(*lep),
        "PRI_lep_phi": wrapped_angle(np.arctan2(lep[1], lep[0])),
        "PRI_met": np.hypot(met[0], met[1]),
        "PRI_met_phi": wrapped_angle(np.arctan2(met[1], met[0])),
        "PRI_met_sumet": sum_et,
        "PRI_jet_num": jets["number"],
    }
    for index, jet in enumerate(("leading", "subleading")):
        columns[f"PRI_jet_{jet}_pt"] = jets["pt"][index]
        columns[f"PRI_jet_{jet}_eta"] = jets["eta"][index]
        columns[f"PRI_jet_{jet}_phi"] = wrapped_angle(jets["phi"][index])
    columns["PRI_jet_all_pt"] = jet_all_pt
    columns["accepted"] = accepted
    return columns
