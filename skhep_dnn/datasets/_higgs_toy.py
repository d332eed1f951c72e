"""Toy events in the format of the HiggsML challenge.

Momenta are drawn process by process, the derived features are computed from them, and
each process gets its share of the expected yields.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import Bunch

from skhep_dnn.datasets._kinematics import collinear_mass, derived_features
from skhep_dnn.datasets._layout import FEATURES, PRIMITIVE, events_bunch
from skhep_dnn.datasets._processes import SAMPLES, sample_momenta
from skhep_dnn.datasets._toy_weights import (
    NegativePattern,
    check_fraction,
    check_pattern,
    check_positive,
    class_counts,
    class_weights,
    make_generator,
)

__all__ = ["make_higgs_events"]

_DESCR = """\
Toy events in the format of the HiggsML challenge: Higgs bosons that decay to two taus
against Z bosons that decay to two taus, W bosons with a jet taken for a tau, and pairs
of top quarks. Parametrised kinematics, no detector simulation; for tests and teaching.
"""
_FIRST_EVENT_ID = 100_000
_MIDDLE_PT = {"s": 39.0, "b": 22.0}  # GeV, where x / (x + middle) has the mean one half


def make_higgs_events(
    n_samples: int = 10_000,
    *,
    random_state: int | np.random.RandomState | None = None,
    signal_fraction: float = 0.34,
    signal_yield: float = 691.99,
    background_yield: float = 410_999.85,
    negative_fraction: float = 0.0,
    negative_pattern: NegativePattern = "flat",
) -> Bunch:
    r"""Make toy events with the columns, weights and yields of the HiggsML data.

    A resonance of 125 GeV that decays to a lepton and a hadronic tau, with 0 to 3 jets
    and missing momentum, against Z bosons, W bosons with a misidentified jet and pairs
    of top quarks. Use it wherever real events would be too many or not at hand. The
    density of the events is exactly invariant under rotations in azimuth and under
    reflections in x, y and z, and the derived features are computed from the momenta.

    Parameters
    ----------
    n_samples : int, default=10_000
        Number of events, at least 2.
    random_state : int, RandomState instance or None, default=None
        Source of all random numbers; an int gives the same events at each call.
    signal_fraction : float, default=0.34
        Fraction of the events (not of the yield) that is signal.
    signal_yield : float, default=691.99
        Sum of the signal weights, in events.
    background_yield : float, default=410_999.85
        Sum of the background weights, in events.
    negative_fraction : float, default=0.0
        Fraction of the events of each class with a negative weight, less than 0.5. The
        yields are kept.
    negative_pattern : {"flat", "phase_space"}, default="flat"
        "flat" draws the signs independently of the features, so that only the
        statistical errors change. With "phase_space" the probability of a negative
        sign rises with "DER_pt_h", see Notes, as it does in samples of next-to-leading
        order, and `negative_fraction` is its mean to a hundredth.

    Returns
    -------
    bunch : Bunch
        The entries of `fetch_higgsml`, `weight_true`, `p_negative` and `process`:

        frame : DataFrame of shape (n_samples, 34)
            "EventId", the features, "Weight", "Label" and "process".
        data : DataFrame of shape (n_samples, 30)
            The features; nan where undefined, angles in rad, the others in GeV.
        target : ndarray of shape (n_samples,)
            Labels "s" and "b".
        sample_weight : ndarray of shape (n_samples,)
            Physics weights, in events.
        weight_true : ndarray of shape (n_samples,)
            Positive weights of the same yields: the expected weight at each point, to
            judge by what was trained on `sample_weight`.
        p_negative : ndarray of shape (n_samples,)
            Probability with which the sign of the weight was drawn negative.
        event_number : ndarray of shape (n_samples,)
            Unique numbers.
        process : ndarray of shape (n_samples,)
            "h->tautau", "z->tautau", "w+jets" or "ttbar".
        weight_name, feature_names, primitive, derived, momenta, categorical
            Names of columns, as in `fetch_higgsml`.
        share, class_share, n_events_full, DESCR
            As in `fetch_higgsml`; nothing is missing here.

    Raises
    ------
    TypeError
        If a parameter is not a number.
    ValueError
        If a parameter is out of range or there is no such pattern.
    WeightsError
        If the negative weights of a class outweigh the positive ones.

    See Also
    --------
    fetch_higgsml : The real simulated events of the challenge.
    make_gaussian_events : Events with a known optimal score.

    Notes
    -----
    `DER_mass_MMC` is a stand-in for the likelihood-based mass of the challenge: the
    neutrinos are taken to fly along the visible decay products. It is undefined in
    about 15 % of the events. Signal events have four different weights, one per
    production mode, background weights a log-normal tail. A small gradient-boosted
    tree reaches a balanced weighted AUC of about 0.92, as it does on the real events.

    With `negative_pattern="phase_space"`, the fraction :math:`F` and the transverse
    momentum :math:`p_\mathrm T` of lepton, tau and missing momentum together,
    "DER_pt_h", a sign is negative with the probability

    .. math:: p = F + 0.8 \min(F, \tfrac12 - F) \, (2 u - 1), \qquad
        u = p_\mathrm T / (p_\mathrm T + m),

    with :math:`m` = 39 GeV for the signal and 22 GeV for the background, and the weight
    is :math:`\pm w_\text{true} / (1 - 2 p)`, of which the mean is
    :math:`w_\text{true}`. The sum over the class is scaled to its yield.

    Examples
    --------
    >>> from skhep_dnn.datasets import make_higgs_events
    >>> events = make_higgs_events(1_000, random_state=0)
    >>> events.data.shape
    (1000, 30)
    >>> round(float(events.sample_weight[events.target == "s"].sum()), 2)
    691.99
    """
    counts = class_counts(n_samples, signal_fraction)
    yields = {"s": signal_yield, "b": background_yield}
    check_positive("signal_yield", signal_yield)
    check_positive("background_yield", background_yield)
    check_fraction("negative_fraction", negative_fraction, low=0.0, high=0.5)
    check_pattern(negative_pattern)
    rng = make_generator(random_state)
    classes = [
        _class_events(
            label,
            counts[label],
            yields[label],
            negative_fraction,
            negative_pattern,
            rng,
        )
        for label in ("s", "b")
    ]
    frame, truth = _frame(pd.concat(classes, ignore_index=True), rng)
    return events_bunch(
        frame,
        weight_name="Weight",
        weight_true=truth["weight_true"].to_numpy(),
        p_negative=truth["p_negative"].to_numpy(),
        process=np.asarray(frame["process"], dtype=np.str_),
        share=1.0,
        class_share={"s": 1.0, "b": 1.0},
        n_events_full=len(frame),
        DESCR=_DESCR,
    )


def _class_events(
    label: str,
    n_samples: int,
    class_yield: float,
    negative_fraction: float,
    negative_pattern: NegativePattern,
    rng: np.random.Generator,
) -> pd.DataFrame:
    samples = [sample for sample in SAMPLES if sample.label == label]
    shares = np.array([sample.event_share for sample in samples])
    parts = []
    for sample, n in zip(samples, _split(n_samples, shares), strict=True):
        relative = np.exp(sample.weight_spread * rng.standard_normal(n))
        part = pd.DataFrame(sample_momenta(sample, n, rng))
        # each process has its expected yield exactly
        part["Weight"] = relative * (sample.yield_share / max(relative.sum(), 1e-300))
        parts.append(part.assign(Label=label, process=sample.process))
    events = pd.concat(parts, ignore_index=True)
    place = None
    if negative_pattern == "phase_space":
        pt = derived_features(events[list(PRIMITIVE)])["DER_pt_h"].to_numpy()
        place = pt / (pt + _MIDDLE_PT[label])
    weights = class_weights(
        events["Weight"].to_numpy(),
        class_yield,
        negative_fraction,
        rng,
        label,
        place=place,
    )
    return events.assign(
        Weight=weights.signed, weight_true=weights.true, p_negative=weights.p_negative
    )


def _split(n_samples: int, shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return whole numbers in the given proportions that sum to `n_samples`."""
    edges = np.rint(n_samples * np.cumsum(shares) / shares.sum()).astype(np.int64)
    return np.diff(edges, prepend=0)


def _frame(
    events: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the events in any order, and what their weights stand for."""
    events = events.iloc[rng.permutation(len(events))].reset_index(drop=True)
    primitive = events[list(PRIMITIVE)]
    derived = derived_features(primitive)
    derived["DER_mass_MMC"] = collinear_mass(primitive)
    event_id = pd.Series(np.arange(len(events)) + _FIRST_EVENT_ID, name="EventId")
    frame = pd.concat([event_id, derived, events], axis=1)
    names = ["EventId", *FEATURES, "Weight", "Label", "process"]
    return frame[names], frame[["weight_true", "p_negative"]]
