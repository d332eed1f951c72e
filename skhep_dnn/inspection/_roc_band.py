"""How far may a ROC curve be off, at each signal efficiency.

By the events of the sample, from a bootstrap; or by the fold, from the curves of the
folds of a cross-validation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn.metrics import significance_scan, weighted_roc_auc, weighted_roc_curve
from skhep_dnn.metrics._replicas import poisson_replicas
from skhep_dnn.weights._class_sums import check_events

__all__ = ["FoldCurve", "RocBand", "bootstrap_band", "fold_band", "fold_curve"]

FloatArray = NDArray[np.float64]

_GRID_SIZE = 201


@dataclass(frozen=True, eq=False)
class RocBand:
    """Background efficiency at some signal efficiencies, with errors.

    Attributes
    ----------
    signal_efficiency : ndarray of shape (n_grid,)
        From 0 to 1, rising.
    background_efficiency : ndarray of shape (n_grid,)
        There; with negative weights it may leave the range from 0 to 1.
    error : ndarray of shape (n_grid,)
        Its error, or the spread of folds.
    n_eff : ndarray of shape (n_grid,)
        Numbers of effective background events selected there; of folds, in one.
    name : str
        What the error is, for a legend.
    """

    signal_efficiency: FloatArray
    background_efficiency: FloatArray
    error: FloatArray
    n_eff: FloatArray
    name: str


@dataclass(frozen=True, eq=False)
class FoldCurve:
    """ROC curve of the events of one fold.

    Attributes
    ----------
    background_efficiency : ndarray of shape (n_grid,)
        At the signal efficiencies of the grid.
    n_eff : ndarray of shape (n_grid,)
        Numbers of effective background events selected there.
    roc_auc : float
        Area under the curve.
    """

    background_efficiency: FloatArray
    n_eff: FloatArray
    roc_auc: float


def bootstrap_band(
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None,
    *,
    pos_label: object,
    n_replicas: int,
    random_state: int | np.random.RandomState | None,
) -> RocBand:
    """Return a curve with the spread of its bootstrap replicas.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.
    y_score : array-like of shape (n_samples,)
        Scores.
    sample_weight : array-like of shape (n_samples,) or None
        Physics weights; None counts every event once.
    pos_label : label or list of labels
        Label of the signal, or those of several signal classes.
    n_replicas : int
        Number of replicas, at least 2.
    random_state : int, RandomState instance or None
        Seed of the replicas.

    Returns
    -------
    band : RocBand
        The error is that of the background efficiency at a fixed signal efficiency, so
        that it contains the statistics of both classes.
    """
    nominal = fold_curve(y_true, y_score, sample_weight, pos_label=pos_label)
    is_signal, scores, weights = check_events(y_true, y_score, sample_weight, pos_label)
    order = np.argsort(-scores, kind="stable")
    is_signal, falling, weights = is_signal[order], scores[order], weights[order]
    last_of_tie = np.append(np.flatnonzero(np.diff(falling)), len(order) - 1)
    replicas = []
    for block in poisson_replicas(is_signal, weights, n_replicas, random_state):
        for row in block[np.isfinite(block).all(axis=1)]:
            signal = np.cumsum(row * is_signal)[last_of_tie]
            background = np.cumsum(row * ~is_signal)[last_of_tie]
            replicas.append(_at_grid(signal / signal[-1], background / background[-1]))
    return RocBand(
        _grid(),
        nominal.background_efficiency,
        np.std(replicas, axis=0, ddof=1),
        nominal.n_eff,
        r"bootstrap error (1$\,\sigma$)",
    )


def fold_curve(
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None,
    *,
    pos_label: object,
) -> FoldCurve:
    """Return the curve of the events of one fold; the arguments are the same.

    Parameters
    ----------
    y_true, y_score, sample_weight, pos_label
        As in `bootstrap_band`.

    Returns
    -------
    curve : FoldCurve
    """
    events = (y_true, y_score, sample_weight)
    background, signal, _ = weighted_roc_curve(*events, pos_label=pos_label)
    scan = significance_scan(*events, pos_label=pos_label)
    return FoldCurve(
        _at_grid(signal[1:], background[1:]),
        _at_grid(signal[1:], scan.n_eff_b),
        weighted_roc_auc(*events, pos_label=pos_label),
    )


def fold_band(curves: Sequence[FoldCurve]) -> RocBand:
    """Return the mean of the curves of folds with their spread.

    Parameters
    ----------
    curves : sequence of FoldCurve
        Two or more.

    Returns
    -------
    band : RocBand
        The error is the standard deviation of the folds, not that of their mean.
    """
    efficiencies = [curve.background_efficiency for curve in curves]
    return RocBand(
        _grid(),
        np.mean(efficiencies, axis=0),
        np.std(efficiencies, axis=0, ddof=1),
        np.mean([curve.n_eff for curve in curves], axis=0),
        rf"spread of {len(curves)} folds (1$\,\sigma$)",
    )


def _grid() -> FloatArray:
    return np.linspace(0.0, 1.0, _GRID_SIZE)


def _at_grid(signal_efficiency: FloatArray, values: FloatArray) -> FloatArray:
    """Return values, as a function of the signal efficiency, at those of the grid.

    A curve that steps back, with negative weights, is taken where it gets to a signal
    efficiency first.
    """
    rising = np.append(0.0, np.maximum.accumulate(signal_efficiency))
    return np.interp(_grid(), rising, np.append(0.0, values))
