"""How well scores rank signal above background, whatever the signs of the weights.

The weighted ROC curve and its area are functions of signed sums of weights. Both are
defined for negative event weights, which scikit-learn's `roc_auc_score` refuses, and
both equal scikit-learn's where all weights are positive.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._messages import shown
from skhep_dnn._validation import (
    check_classes,
    check_labels,
    check_numbers,
    known_labels,
)
from skhep_dnn.metrics._closed_form import auc_influence
from skhep_dnn.weights._class_sums import (
    check_class_weights,
    check_events,
    to_unit_scale,
)

__all__ = [
    "auc_of_weights",
    "multi_class_auc_influence",
    "multi_class_auc_of_weights",
    "prepare_multi_class_auc",
    "weighted_roc_auc",
    "weighted_roc_curve",
]

FloatArray = NDArray[np.float64]


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
        Labels of two classes, or of more with `pos_label`.
    y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
        Scores; events with a score at or above a threshold are selected, so that
        events with equal scores are selected together. Of more than two classes also
        `predict_proba`, of which the sum over the signal classes is the score.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    pos_label : label or list of labels, default=None
        Label of the signal, or of several signal classes, against all others; None
        takes the larger one of two.

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
    multi_class: Literal["raise", "ovr", "ovo"] = "raise",
    average: Literal["macro", "weighted"] = "macro",
) -> float:
    r"""Area under the weighted ROC curve, defined for negative weights.

    The signed share of pairs of a signal and a background event in which the signal
    event has the higher score. Prefer it to a significance for ranking models: it
    uses all events and needs no cut. Of more than two classes it is that of one class,
    or some, against the others, by `pos_label`, or an average, by `multi_class`.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes or more.
    y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
        Scores; only their order matters. Of more than two classes a column for each
        label in `y_true` in sorted order, as in `predict_proba`, or with `pos_label`
        also the score of the signal alone. With `pos_label` the sum of the
        probabilities of the signal classes is the score.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    pos_label : label or list of labels, default=None
        Label of the signal, or of several signal classes, against all others; None
        takes the larger one of two.
    multi_class : {"raise", "ovr", "ovo"}, default="raise"
        What becomes of more than two classes without `pos_label`: "ovr" takes the mean
        over the classes of the area of each against the rest, "ovo" that over the pairs
        of classes, in which the shares of the others do not matter [2]_. "raise" asks
        for a choice.
    average : {"macro", "weighted"}, default="macro"
        Whether classes, or pairs, count alike or in proportion to their yields.

    Returns
    -------
    auc : float
        1 for perfect order, 0.5 for none. With negative weights a sample may
        fluctuate outside the range from 0 to 1; the value is not clipped.

    Raises
    ------
    ValueError
        If labels or scores cannot be used, or there are more than two classes and
        neither `pos_label` nor `multi_class`, or both.
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

    With :math:`K` classes, of yields :math:`W_c`, and :math:`A_{c}` the area of the
    scores of class :math:`c` for events of :math:`c` against all others, "ovr" is the
    mean of :math:`A_c`, weighted by :math:`W_c` with "weighted". With
    :math:`A_{c|d}` the area of the same scores for events of :math:`c` against those of
    :math:`d`, "ovo" is

    .. math:: \frac{2}{K (K - 1)} \sum_{c < d} \frac{A_{c|d} + A_{d|c}}{2} ,

    in which a pair has the weight :math:`W_c + W_d` with "weighted". For positive
    weights "ovr" equals `sklearn.metrics.roc_auc_score`, and so does "ovo" without
    weights, with which scikit-learn does not compute it.

    References
    ----------
    .. [1] J. A. Hanley, B. J. McNeil, "The meaning and use of the area under a
       receiver operating characteristic (ROC) curve", Radiology 143 (1982) 29.
    .. [2] D. J. Hand, R. J. Till, "A simple generalisation of the area under the ROC
       curve for multiple class classification problems", Machine Learning 45 (2001)
       171.

    Examples
    --------
    >>> from skhep_dnn.metrics import weighted_roc_auc
    >>> weighted_roc_auc(["b", "s", "b", "s"], [0.1, 0.2, 0.3, 0.4], [1, 1, 3, 1])
    0.625
    >>> weighted_roc_auc(["b", "s", "b", "s"], [0.1, 0.2, 0.3, 0.4], [3, 1, -1, 1])
    1.25

    Of three classes:

    >>> y, w = ["W", "W", "Z", "top"], [2.0, -1.0, 1.0, 1.0]
    >>> proba = [[0.5, 0.3, 0.2], [0.3, 0.3, 0.4], [0.4, 0.5, 0.1], [0.2, 0.2, 0.6]]
    >>> weighted_roc_auc(y, proba, w, pos_label="W")
    1.5
    >>> round(weighted_roc_auc(y, proba, w, multi_class="ovo"), 4)
    1.1667
    """
    if _needs_average(y_true, pos_label, multi_class, average):
        codes, scores, weights = _check_scores_of_classes(
            y_true, y_score, sample_weight
        )
        of_weights = multi_class_auc_of_weights(
            codes, scores, multi_class=multi_class, average=average
        )
        return float(of_weights(weights))
    is_signal, scores, weights = check_events(y_true, y_score, sample_weight, pos_label)
    return float(auc_of_weights(is_signal, scores)(weights))


def _needs_average(
    y_true: ArrayLike, pos_label: object, multi_class: str, average: str
) -> bool:
    """Return whether an average over more than two classes is asked for."""
    if multi_class not in {"raise", "ovr", "ovo"}:
        msg = (
            "`multi_class` must be 'raise', 'ovr' or 'ovo', got "
            f"{multi_class!r}. Choose one of them."
        )
        raise ValueError(msg)
    if average not in {"macro", "weighted"}:
        msg = (
            f"`average` must be 'macro' or 'weighted', got {average!r}. For the area "
            "of each class name them by `pos_label`, one by one."
        )
        raise ValueError(msg)
    if pos_label is not None:
        if multi_class != "raise":
            msg = (
                "`multi_class` must be left out with `pos_label`, which names the "
                f"signal against all others, got {multi_class!r} and "
                f"{shown(pos_label)}. Leave out one of them."
            )
            raise ValueError(msg)
        return False
    classes = known_labels(check_labels(y_true, "y_true"), "y_true")
    if len(classes) > 2 and multi_class == "raise":
        msg = (
            "`multi_class` or `pos_label` must be given for more than two classes, got "
            f"{shown(classes[:5])}. Take multi_class='ovr' or 'ovo' for an "
            "average, or name the signal by `pos_label`."
        )
        raise ValueError(msg)
    return len(classes) > 2


def _check_scores_of_classes(
    y_true: ArrayLike, y_score: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[NDArray[np.intp], FloatArray, FloatArray]:
    """Return numbers of classes, a column of scores for each, and weights."""
    codes, names = check_classes(y_true)
    scores = check_numbers(y_score, "y_score")
    expected = (len(codes), len(names))
    if scores.shape != expected or np.isnan(scores).any():
        what = "nan" if scores.shape == expected else f"the shape {scores.shape}"
        msg = (
            f"`y_score` must have the shape {expected} without nan, a column for each "
            f"of {', '.join(names)} in `y_true`, got {what}. Pass `predict_proba(X)` "
            "of these events, and events of all its classes."
        )
        raise ValueError(msg)
    weights = check_class_weights(codes, sample_weight, names)
    return codes.astype(np.intp, copy=False), scores, weights


def prepare_multi_class_auc(
    y_true: ArrayLike, y_score: ArrayLike, *, multi_class: str, average: str
) -> Callable[[FloatArray], FloatArray]:
    """Return an average area of labels and scores as a function of the weights."""
    codes, scores, _ = _check_scores_of_classes(y_true, y_score, None)
    return multi_class_auc_of_weights(
        codes, scores, multi_class=multi_class, average=average
    )


def multi_class_auc_of_weights(
    codes: NDArray[np.intp], scores: FloatArray, *, multi_class: str, average: str
) -> Callable[[FloatArray], FloatArray]:
    """Return an average area over classes or pairs as a function of the weights.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Class of each event, as a column of the scores.
    scores : ndarray of shape (n_samples, n_classes)
        Scores without nan.
    multi_class : {"ovr", "ovo"}
        Each class against the rest, or each pair of classes.
    average : {"macro", "weighted"}
        Equal shares, or shares in proportion to the yields.

    Returns
    -------
    auc : callable
        Takes weights of shape (..., n_samples), returns areas of shape (...).
    """
    parts = _areas_of(codes, scores.shape[1], multi_class)
    areas = [
        (rows, auc_of_weights(codes[rows] == c, scores[rows, c])) for c, rows in parts
    ]
    indicator = _members_of(parts, codes, multi_class)

    def auc(weights: FloatArray) -> FloatArray:
        values = np.stack([area(weights[..., rows]) for rows, area in areas], axis=-1)
        if average == "macro":
            return np.asarray(values.mean(axis=-1))
        yields = weights @ indicator
        return np.asarray((values * yields).sum(axis=-1) / yields.sum(axis=-1))

    return auc


def _areas_of(
    codes: NDArray[np.intp], n_classes: int, multi_class: str
) -> list[tuple[int, NDArray[np.bool_]]]:
    """Return the signal and the events of each area that an average is of."""
    if multi_class == "ovr":
        return [(c, np.ones(len(codes), dtype=bool)) for c in range(n_classes)]
    pairs = permutations(range(n_classes), 2)
    return [(c, (codes == c) | (codes == d)) for c, d in pairs]


def _members_of(
    parts: list[tuple[int, NDArray[np.bool_]]],
    codes: NDArray[np.intp],
    multi_class: str,
) -> FloatArray:
    """Return which events weigh an area in an average: of its class, or its pair."""
    members = [codes == c if multi_class == "ovr" else rows for c, rows in parts]
    return np.column_stack(members).astype(np.float64)


def multi_class_auc_influence(
    y_true: ArrayLike,
    y_score: ArrayLike,
    weights: FloatArray,
    *,
    multi_class: str,
    average: str,
) -> FloatArray:
    """Return the influence of each event on an average area, at fixed yields.

    Parameters
    ----------
    y_true, y_score
        As in `weighted_roc_auc`.
    weights : ndarray of shape (n_samples,)
        Event weights; each class sums to more than 0.
    multi_class : {"ovr", "ovo"}
        Each class against the rest, or each pair of classes.
    average : {"macro", "weighted"}
        Equal shares, or shares in proportion to the yields, which are known.

    Returns
    -------
    influence : ndarray of shape (n_samples,)
    """
    codes, scores, _ = _check_scores_of_classes(y_true, y_score, weights)
    parts = _areas_of(codes, scores.shape[1], multi_class)
    shares = np.ones(len(parts))
    if average == "weighted":
        shares = weights @ _members_of(parts, codes, multi_class)
    influence = np.zeros(len(codes))
    for share, (c, rows) in zip(shares / shares.sum(), parts, strict=True):
        influence[rows] += share * auc_influence(
            codes[rows] == c, scores[rows, c], weights[rows]
        )
    return influence


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
