"""Choices of a cut from a significance scan.

Each function takes a scan and returns the working point it chooses. None quotes a
performance: choose the cut on one sample, quote the significance at it on another.
What ranks cuts by their significance leaves out those with few effective background
events first: there the significance fluctuates most, and a ranking finds upward
fluctuations.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skhep_dnn._warnings import warn_caller
from skhep_dnn.exceptions import UndefinedSignificanceWarning
from skhep_dnn.metrics._scan import SignificanceScan, WorkingPoint

__all__ = [
    "MIN_N_EFF",
    "check_min_n_eff",
    "position_of_maximum",
    "threshold_at_efficiency",
    "threshold_at_maximum",
    "threshold_top_fraction",
]

# Effective background events with which a significance is trusted: at a fixed cut it is
# then too large by 3 / (8 * 25), which is 1.5 per cent.
MIN_N_EFF = 25.0

# Efficiencies are ratios of sums: equality with a target is up to rounding.
_ROUNDING = 1e-12


def threshold_at_maximum(
    scan: SignificanceScan,
    *,
    min_n_eff: float = MIN_N_EFF,
    min_signal_efficiency: float = 0.0,
) -> WorkingPoint:
    """Choose the threshold with the largest significance.

    Thresholds that select too few effective background events or too little signal, or
    have an undefined significance, are left out before ranking. Of equal maxima the
    highest threshold is taken.

    Parameters
    ----------
    scan : SignificanceScan
        The scan of the sample on which the cut is chosen.
    min_n_eff : float, default=25.0
        Smallest number of effective background events. At a fixed cut the significance
        is too large by the factor `1 + 3 / (8 n_eff)` on average, 1.5 per cent at 25;
        at the maximum of a scan it is too large by far more. 0 admits all.
    min_signal_efficiency : float, default=0.0
        Smallest signal efficiency, between 0 and 1; 0.25 with the kind
        "s_over_sqrt_sb" is a rule of searches for tH production.

    Returns
    -------
    point : WorkingPoint
        All nan, with `n_selected` 0, if no threshold is admissible.

    Raises
    ------
    ValueError
        If `min_n_eff` is negative or `min_signal_efficiency` is not in [0, 1].

    Warns
    -----
    UndefinedSignificanceWarning
        If no threshold is admissible.

    See Also
    --------
    significance_scan : Compute the scan.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics import significance_scan, threshold_at_maximum
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 5000)
    >>> scan = significance_scan(y, rng.normal(2.0 * y), np.where(y, 0.01, 1.0))
    >>> point = threshold_at_maximum(scan)
    >>> point.n_eff_b >= 25
    True
    """
    check_min_n_eff(min_n_eff)
    if not 0 <= min_signal_efficiency <= 1:
        msg = (
            "`min_signal_efficiency` must be between 0 and 1, got "
            f"{min_signal_efficiency!r}. Pass a fraction of the signal, such as 0.25."
        )
        raise ValueError(msg)
    best = position_of_maximum(scan, min_n_eff, min_signal_efficiency)
    if best is None:
        return _no_threshold("`min_n_eff` or `min_signal_efficiency`")
    return scan.at(float(scan.threshold[best]))


def check_min_n_eff(min_n_eff: float) -> None:
    """Raise a ValueError if the number of effective events is negative."""
    if not min_n_eff >= 0:
        msg = (
            f"`min_n_eff` must be at least 0, got {min_n_eff!r}. Pass a number of "
            "effective background events; 0 admits all thresholds."
        )
        raise ValueError(msg)


def position_of_maximum(
    scan: SignificanceScan, min_n_eff: float, min_signal_efficiency: float = 0.0
) -> int | None:
    """Return where in a scan the largest significance stands that is admissible.

    Parameters
    ----------
    scan : SignificanceScan
        The scan.
    min_n_eff : float
        Smallest number of effective background events; 0 admits all thresholds, those
        without background too if their significance is defined.
    min_signal_efficiency : float, default=0.0
        Smallest signal efficiency.

    Returns
    -------
    position : int or None
        The first of equal maxima; None if no threshold is admissible.
    """
    admissible = np.isfinite(scan.z) & (scan.n_eff_b >= min_n_eff)
    if min_signal_efficiency > 0:
        enough = min_signal_efficiency * (1 - _ROUNDING)
        admissible &= scan.signal_efficiency >= enough
    if not admissible.any():
        return None
    return int(np.argmax(np.where(admissible, scan.z, -np.inf)))


def threshold_at_efficiency(
    scan: SignificanceScan,
    *,
    signal: float | None = None,
    background: float | None = None,
) -> WorkingPoint:
    """Choose the threshold with a given signal or background efficiency.

    With `signal`, the highest threshold at which the signal efficiency reaches the
    target; with `background`, the lowest threshold at which the background efficiency
    does not exceed it. With negative weights efficiencies are not monotone, and the
    same words hold: `signal` takes the first crossing from above, `background` the last
    one, so that at higher thresholds the target may be exceeded. No significance is
    ranked, so nothing is left out: whether the background has enough events is in
    `n_eff_b` of the point.

    Parameters
    ----------
    scan : SignificanceScan
        The scan of the sample on which the cut is chosen.
    signal : float or None, default=None
        Signal efficiency to reach, above 0 and at most 1.
    background : float or None, default=None
        Background efficiency not to exceed, above 0 and at most 1.

    Returns
    -------
    point : WorkingPoint
        All nan, with `n_selected` 0, if even the highest threshold selects too much
        background.

    Raises
    ------
    ValueError
        If not exactly one target is given or it is not in (0, 1].

    Warns
    -----
    UndefinedSignificanceWarning
        If no threshold is admissible.

    See Also
    --------
    significance_scan : Compute the scan.

    Notes
    -----
    Efficiencies equal a target up to a relative rounding error of 1e-12.

    Examples
    --------
    >>> from skhep_dnn.metrics import significance_scan, threshold_at_efficiency
    >>> scan = significance_scan([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9])
    >>> threshold_at_efficiency(scan, signal=1.0).threshold
    0.4
    >>> threshold_at_efficiency(scan, background=0.5).threshold
    0.4
    """
    if signal is not None and background is None:
        _check_fraction("signal", signal)
        reached = scan.signal_efficiency >= signal * (1 - _ROUNDING)
        chosen = np.flatnonzero(reached)[:1]
    elif background is not None and signal is None:
        _check_fraction("background", background)
        kept = scan.background_efficiency <= background * (1 + _ROUNDING)
        chosen = np.flatnonzero(kept)[-1:]
    else:
        msg = (
            "`signal` or `background` must be given, and not both, got "
            f"signal={signal!r} and background={background!r}. Choose one efficiency."
        )
        raise ValueError(msg)
    if not len(chosen):
        return _no_threshold("`background`")
    return scan.at(float(scan.threshold[chosen[0]]))


def threshold_top_fraction(
    scan: SignificanceScan,
    *,
    fraction: float = 0.1,
    min_score: float | None = None,
    min_n_eff: float = MIN_N_EFF,
) -> WorkingPoint:
    """Choose the mean score of the events with the largest significances.

    The rule of the HiggsML study [1]_, steadier than the one maximum: each event is
    given the significance of a cut at its own score; the top `fraction` of the events
    by significance is taken, counted unweighted, and the cut is the mean of their
    scores. Here cuts that leave few effective background events are left out before
    ranking. The study did not: its own rule is ``min_n_eff=0, min_score=0.9`` on
    probabilities, with the kind "ams".

    Parameters
    ----------
    scan : SignificanceScan
        The scan of the sample on which the cut is chosen.
    fraction : float, default=0.1
        Fraction of the events to average over, above 0 and at most 1. At least one
        event is taken; events whose significance ties with the last one taken are
        taken too.
    min_score : float or None, default=None
        Only events with at least this score are ranked; 0.9, on probabilities, in the
        study. None ranks all.
    min_n_eff : float, default=25.0
        Smallest number of effective background events above the score of an event that
        is ranked, and above the cut; 0 ranks all.

    Returns
    -------
    point : WorkingPoint
        All nan, with `n_selected` 0, if no event is left to rank.

    Raises
    ------
    ValueError
        If `fraction` is not in (0, 1], `min_score` is nan, `min_n_eff` is negative, or
        an infinite score is among those averaged.

    Warns
    -----
    UndefinedSignificanceWarning
        If no event with a score of at least `min_score` has a defined significance and
        enough effective background events above it.

    See Also
    --------
    significance_scan : Compute the scan.

    Notes
    -----
    Events at whose score the significance is undefined, or with fewer than `min_n_eff`
    effective background events above, are left out before the fraction is taken. The
    number of effective events may rise and fall with the score. If it is too small at
    the mean of the scores, the cut is the highest of the ranked scores below the mean.

    On toys the rule without a smallest number promises more than it keeps, as the
    maximum does; see :ref:`masked-cuts`.

    References
    ----------
    .. [1] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427, Sec. 2.1.2.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.metrics import significance_scan, threshold_top_fraction
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 5000)
    >>> scan = significance_scan(y, rng.normal(2.0 * y), np.where(y, 0.01, 1.0))
    >>> point = threshold_top_fraction(scan, min_score=1.0)
    >>> point.threshold > 1.0, point.n_eff_b >= 25
    (True, True)
    >>> threshold_top_fraction(scan, min_n_eff=0).n_eff_b < 25
    True
    """
    _check_fraction("fraction", fraction)
    check_min_n_eff(min_n_eff)
    candidates = np.isfinite(scan.z) & (scan.n_eff_b >= min_n_eff)
    if min_score is not None:
        if np.isnan(min_score):
            msg = "`min_score` must be a number, got nan. Pass a score or None."
            raise ValueError(msg)
        candidates &= scan.threshold >= min_score
    if not candidates.any():
        return _no_threshold("`min_n_eff` or `min_score`")
    n_events = np.diff(scan.n_selected, prepend=0)[candidates]
    top = _top_events(scan.z[candidates], n_events, fraction)
    scores = scan.threshold[candidates][top]
    if not np.isfinite(scores).all():
        msg = (
            "`scan` must have finite scores where they are averaged, got an infinite "
            "one. Clip the scores before the scan."
        )
        raise ValueError(msg)
    point = scan.at(float(np.average(scores, weights=n_events[top])))
    if point.n_eff_b < min_n_eff:
        return scan.at(float(scores[scores <= point.threshold].max()))
    return point


def _top_events(
    z: NDArray[np.float64], n_events: NDArray[np.int64], fraction: float
) -> NDArray[np.bool_]:
    """Return which distinct scores hold the top fraction of the events by z."""
    order = np.argsort(-z)
    counted = np.cumsum(n_events[order])
    n_top = max(1, round(fraction * int(counted[-1])))
    return z >= z[order[np.searchsorted(counted, n_top)]]


def _check_fraction(name: str, value: float) -> None:
    if not 0 < value <= 1:
        msg = (
            f"`{name}` must be above 0 and at most 1, got {value!r}. Pass a fraction, "
            "such as 0.1."
        )
        raise ValueError(msg)


def _no_threshold(loosen: str) -> WorkingPoint:
    """Warn and return an undefined working point."""
    msg = (
        "`scan` must have an admissible threshold with a defined significance, got "
        f"none: the working point is nan. Loosen {loosen}, or scan more events."
    )
    warn_caller(msg, UndefinedSignificanceWarning)
    nan = float("nan")
    return WorkingPoint(nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, n_selected=0)
