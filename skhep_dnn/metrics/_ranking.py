"""How well scores rank signal above background, whatever the signs of the weights.

The weighted ROC curve and its area are functions of signed sums of weights. Both are
defined for negative event weights, which scikit-learn's `roc_auc_score` refuses, and
both equal scikit-learn's where all weights are positive.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn.weights._class_sums import check_events, to_unit_scale

__all__ = [
    "auc_of_weights",
    "weighted_roc_auc",
    "weighted_roc_curve",
]


def weighted_roc_curve(
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    pos_label: object = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Weighted ROC curve that is defined for negative weights.

    An efficiency is the signed sum of the weights of the selected events of a class
    over the signed sum of all its weights. Nothing is clipped: with negative weights
    a curve may step back and may leave the range from 0 to 1. Order and conventions
    are those of `sklearn.metrics.roc_curve` with ``drop_intermediate=False``.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes.
    y_score : array-like of shape (n_samples,)
        Scores; events with a score at or above a threshold are selected, so that
        events with equal scores are selected together.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    pos_label : label, default=None
        Label of the signal; None takes the larger one.

    Returns
    -------
    background_efficiency : ndarray of shape (n_thresholds,)
        Selected over total background weight; starts at 0 and ends at 1.
    signal_efficiency : ndarray of shape (n_thresholds,)
        Selected over total signal weight; starts at 0 and ends at 1.
    thresholds : ndarray of shape (n_thresholds,)
        Infinity, then the distinct scores of events of non-zero weight, in falling
        order.

    Raises
    ------
    WeightsError
        If the weights of a class do not sum to more than 0.

    See Also
    --------
    weighted_roc_auc : The area under this curve.

    Examples
    --------
    >>> from skhep_dnn.metrics import weighted_roc_curve
    >>> background, signal, thresholds = weighted_roc_curve(
    ...     ["b", "b", "s", "b", "s"], [0.1, 0.3, 0.3, 0.6, 0.8], [2, 1, 3, -1, 1]
    ... )
    >>> print(background)
    [ 0.   0.  -0.5  0.   1. ]
    >>> print(signal)
    [0.   0.25 0.25 1.   1.  ]
    >>> print(thresholds)
    [inf 0.8 0.6 0.3 0.1]
    """
    is_signal, scores, weights = check_events(y_true, y_score, sample_weight, pos_label)
    counts = weights != 0.0
    is_signal, scores, weights = is_signal[counts], scores[counts], weights[counts]
    order = np.argsort(scores, kind="stable")[::-1]
    falling = scores[order]
    last_of_tie = np.append(np.flatnonzero(falling[:-1] != falling[1:]), len(order) - 1)
    signal = np.cumsum(np.where(is_signal, weights, 0.0)[order])[last_of_tie]
    background = np.cumsum(np.where(is_signal, 0.0, weights)[order])[last_of_tie]
    return (
        np.append(0.0, background / background[-1]),
        np.append(0.0, signal / signal[-1]),
        np.append(np.inf, falling[last_of_tie]),
    )


def weighted_roc_auc(
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    pos_label: object = None,
) -> float:
    r"""Area under the weighted ROC curve, defined for negative weights.

    The signed share of pairs of a signal and a background event in which the signal
    event has the higher score. Prefer it to a significance for ranking models: it
    uses all events and needs no cut.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes.
    y_score : array-like of shape (n_samples,)
        Scores; only their order matters.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    pos_label : label, default=None
        Label of the signal; None takes the larger one.

    Returns
    -------
    auc : float
        1 for perfect order, 0.5 for none. With negative weights a sample may
        fluctuate outside the range from 0 to 1; the value is not clipped.

    Raises
    ------
    WeightsError
        If the weights of a class do not sum to more than 0.

    See Also
    --------
    weighted_roc_curve : The curve of which this is the trapezoidal integral.

    Notes
    -----
    The Mann-Whitney statistic [1]_ with signed weights,

    .. math:: \mathrm{AUC} = \frac{1}{W_S W_B} \sum_{i \in S} \sum_{j \in B} w_i w_j
              \left[ 1(x_i > x_j) + \tfrac{1}{2} 1(x_i = x_j) \right] ,

    where :math:`W_S` and :math:`W_B` are the signed sums of the weights. It is the
    ratio of unbiased estimates of the same quantities of the true densities, which a
    sum with :math:`|w|` is not: an event of negative weight subtracts what an event
    of positive weight adds at the same place.

    References
    ----------
    .. [1] J. A. Hanley, B. J. McNeil, "The meaning and use of the area under a
       receiver operating characteristic (ROC) curve", Radiology 143 (1982) 29.

    Examples
    --------
    >>> from skhep_dnn.metrics import weighted_roc_auc
    >>> weighted_roc_auc(["b", "s", "b", "s"], [0.1, 0.2, 0.3, 0.4], [1, 1, 3, 1])
    0.625
    >>> weighted_roc_auc(["b", "s", "b", "s"], [0.1, 0.2, 0.3, 0.4], [3, 1, -1, 1])
    1.25
    """
    is_signal, scores, weights = check_events(y_true, y_score, sample_weight, pos_label)
    return float(auc_of_weights(is_signal, scores)(weights))


def auc_of_weights(
    is_signal: NDArray[np.bool_], scores: NDArray[np.float64]
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return the area as a function of the weights; the scores are sorted once.

    Parameters
    ----------
    is_signal : ndarray of shape (n_samples,), dtype bool
        Which events are signal.
    scores : ndarray of shape (n_samples,)
        Scores without nan.

    Returns
    -------
    auc : callable
        Takes weights of shape (..., n_samples), returns areas of shape (...).
    """
    signal = np.flatnonzero(is_signal)
    background = np.flatnonzero(~is_signal)
    background = background[np.argsort(scores[background], kind="stable")]
    signal = signal[np.argsort(scores[signal], kind="stable")]
    n_below = np.searchsorted(scores[background], scores[signal], side="left")
    n_not_above = np.searchsorted(scores[background], scores[signal], side="right")
    tied = bool((n_below != n_not_above).any())

    def auc(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        signal_weights = to_unit_scale(weights[..., signal])
        background_weights = to_unit_scale(weights[..., background])
        background_sum = np.zeros((*weights.shape[:-1], len(background) + 1))
        np.cumsum(background_weights, axis=-1, out=background_sum[..., 1:])
        below = background_sum[..., n_below]
        if tied:
            below = (below + background_sum[..., n_not_above]) / 2
        pairs = np.einsum("...i,...i->...", signal_weights, below)
        return pairs / (signal_weights.sum(axis=-1) * background_sum[..., -1])

    return auc
