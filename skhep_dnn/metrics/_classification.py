"""Log-loss with signed physics weights: how good probabilities are.

The balanced log-loss is, with the weighted AUC, the stable figure by which models are
ranked and hyper-parameters searched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._validation import (
    check_classes,
    check_numbers,
    check_scores,
    check_signal,
)
from skhep_dnn.weights._class_sums import check_class_weights

__all__ = [
    "balanced_log_loss",
    "balanced_log_loss_from_logits",
    "log_loss_of_weights",
    "logit_losses",
    "probability_losses",
]

Codes = NDArray[np.bool_] | NDArray[np.intp]
FloatArray = NDArray[np.float64]

_EPS = float(np.finfo(np.float64).eps)


def balanced_log_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    pos_label: object = None,
) -> float:
    r"""Log-loss with signed physics weights and all classes of equal total weight.

    The mean of the classes' weighted mean losses. It takes the weights as they are,
    negative ones included: with :math:`|w|` it would prefer a model that was trained
    on :math:`|w|` to the true density.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two or more classes.
    y_proba : array-like of shape (n_samples,) or (n_samples, n_classes)
        Columns of `predict_proba`, one for each label in `y_true` in sorted order; of
        two classes also the probability of the signal alone. The probabilities are
        those of the balanced problem, in which all classes have the same yield.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    pos_label : label, default=None
        Label of the signal, of two classes only; None takes the larger one.

    Returns
    -------
    loss : float
        Natural logarithm units; ln 2 for a coin, ln `n_classes` for equal
        probabilities. Below 0 only by fluctuation, with negative weights.

    Raises
    ------
    ValueError
        If a probability is nan or outside the range from 0 to 1, a shape is wrong, or
        there is `pos_label` with more than two classes.
    WeightsError
        If the weights of a class do not sum to more than 0.

    See Also
    --------
    balanced_log_loss_from_logits : The same from `decision_function`, without a clip.

    Notes
    -----
    .. math:: L = - \frac{1}{2 W_S} \sum_{i \in S} w_i \ln p_i
                  - \frac{1}{2 W_B} \sum_{j \in B} w_j \ln (1 - p_j)

    with the signed sums :math:`W_S` and :math:`W_B`, and for :math:`K` classes

    .. math:: L = - \frac{1}{K} \sum_{c=1}^{K} \frac{1}{W_c}
                  \sum_{i \in c} w_i \ln p_{ic} .

    Probabilities are clipped to [eps, 1 - eps] with the eps of float64, as in
    `sklearn.metrics.log_loss`, so that a loss is at most 36.04 for one event. Each
    event takes the column of its own class, whatever the others sum to.

    Examples
    --------
    >>> from skhep_dnn.metrics import balanced_log_loss
    >>> y, w = ["b", "b", "s"], [100.0, -20.0, 1.0]
    >>> round(balanced_log_loss(y, [0.5, 0.5, 0.5], w), 4)
    0.6931
    >>> round(balanced_log_loss(y, [0.1, 0.4, 0.8], w), 4)
    0.1136
    >>> proba = [[0.5, 0.25, 0.25], [0.2, 0.6, 0.2], [0.1, 0.1, 0.8]]
    >>> round(balanced_log_loss(["W", "Z", "top"], proba, [3.0, 2.0, 1.0]), 4)
    0.4757
    """
    codes, names = check_classes(y_true, pos_label)
    losses = _losses(y_true, y_proba, codes, names)
    weights = check_class_weights(codes, sample_weight, names)
    return float(log_loss_of_weights(codes, losses)(weights))


def balanced_log_loss_from_logits(
    y_true: ArrayLike,
    y_logit: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    pos_label: object = None,
) -> float:
    """Balanced log-loss of a decision function that is the logit of the probability.

    Prefer it where probabilities saturate: nothing is rounded to 0 or 1 and nothing is
    clipped.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes.
    y_logit : array-like of shape (n_samples,)
        ``ln(p / (1 - p))`` of the probability of the signal, finite.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    pos_label : label, default=None
        Label of the signal; None takes the larger one.

    Returns
    -------
    loss : float
        Natural logarithm units; ln 2 for a coin.

    Raises
    ------
    ValueError
        If a logit is not finite or a shape is wrong.
    WeightsError
        If the weights of a class do not sum to more than 0.

    See Also
    --------
    balanced_log_loss : The same from probabilities, and the formula.

    Examples
    --------
    >>> from skhep_dnn.metrics import balanced_log_loss_from_logits
    >>> balanced_log_loss_from_logits(["s", "b"], [-60.0, -60.0])
    30.0
    """
    is_signal, losses = logit_losses(y_true, y_logit, pos_label)
    weights = check_class_weights(is_signal, sample_weight)
    return float(log_loss_of_weights(is_signal, losses)(weights))


def probability_losses(
    y_true: ArrayLike, y_proba: ArrayLike, pos_label: object = None
) -> tuple[Codes, FloatArray]:
    """Return the class of each event, and the loss of each from its probability.

    The balanced log-loss as a sum over events: `log_loss_of_weights` of what is
    returned here is the same number, and the losses of two classifiers can be
    compared event by event.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two or more classes.
    y_proba : array-like of shape (n_samples,) or (n_samples, n_classes)
        As in `balanced_log_loss`.
    pos_label : label, default=None
        Label of the signal, of two classes only.

    Returns
    -------
    codes : ndarray of shape (n_samples,), dtype bool or intp
        Of two classes, which events are signal; of more, the position of each label
        among the sorted ones.
    losses : ndarray of shape (n_samples,)
        Natural logarithm units.
    """
    codes, names = check_classes(y_true, pos_label)
    return codes, _losses(y_true, y_proba, codes, names)


def logit_losses(
    y_true: ArrayLike, y_logit: ArrayLike, pos_label: object
) -> tuple[NDArray[np.bool_], FloatArray]:
    """Return which events are signal, and the loss of each from its logit."""
    is_signal = check_signal(y_true, pos_label)
    logits = check_scores(y_logit, len(is_signal), "y_logit")
    if not np.isfinite(logits).all():
        msg = (
            "`y_logit` must be finite, got "
            f"{int(np.count_nonzero(~np.isfinite(logits)))} infinite values. Pass the "
            "probabilities to `balanced_log_loss`, which clips them."
        )
        raise ValueError(msg)
    return is_signal, np.logaddexp(0.0, np.where(is_signal, -logits, logits))


def log_loss_of_weights(
    codes: Codes, losses: FloatArray
) -> Callable[[FloatArray], FloatArray]:
    """Return the balanced mean of the events' losses as a function of the weights.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,), dtype bool or int
        Which events are signal, or the class of each.
    losses : ndarray of shape (n_samples,)
        Loss of each event.

    Returns
    -------
    log_loss : callable
        Takes weights of shape (..., n_samples), returns losses of shape (...).
    """
    masks = [codes == code for code in np.unique(codes)[::-1]]
    columns = np.column_stack([x for mask in masks for x in (mask * losses, mask)])

    def log_loss(weights: FloatArray) -> FloatArray:
        sums = weights @ columns
        means = sums[..., 0::2] / sums[..., 1::2]
        mean: FloatArray = means.sum(axis=-1) / len(masks)
        return mean

    return log_loss


def _losses(
    y_true: ArrayLike, y_proba: ArrayLike, codes: Codes, names: Sequence[str]
) -> FloatArray:
    """Return the loss of each event from the probability given for its own class."""
    proba = _check_probabilities(y_proba, len(codes), names)
    if proba.ndim == 1:
        own = np.where(codes, proba, 1.0 - proba)
    elif len(names) == 2:
        labels = np.asarray(y_true)
        own = np.where(labels == np.unique(labels)[1], proba[:, 1], proba[:, 0])
    else:
        own = proba[np.arange(len(codes)), codes]
    return -np.log(np.clip(own, _EPS, 1.0 - _EPS))


def _check_probabilities(
    y_proba: ArrayLike, n_samples: int, names: Sequence[str]
) -> FloatArray:
    proba = check_numbers(y_proba, "y_proba")
    _check_shape(proba.shape, n_samples, names)
    if not ((proba >= 0) & (proba <= 1)).all():
        msg = (
            "`y_proba` must be probabilities from 0 to 1, got values from "
            f"{float(proba.min())!r} to {float(proba.max())!r}. Pass "
            "`predict_proba(X)`, or logits to `balanced_log_loss_from_logits`."
        )
        raise ValueError(msg)
    return proba


def _check_shape(shape: tuple[int, ...], n_samples: int, names: Sequence[str]) -> None:
    n_classes = len(names)
    columns = (n_samples, n_classes)
    if n_classes > 2 and shape != columns:
        msg = (
            f"`y_proba` must have the shape {columns}, a column for each of "
            f"{', '.join(names)} in `y_true`, got {shape}. Pass `predict_proba(X)` of "
            "these events by a classifier of these classes, and events of all of them."
        )
        raise ValueError(msg)
    if n_classes == 2 and shape not in {(n_samples,), columns}:
        msg = (
            f"`y_proba` must have the shape ({n_samples},) or {columns}, got {shape}. "
            "Pass `predict_proba(X)` of the events in `y_true`, or its column of the "
            "signal; with more columns, events of all classes."
        )
        raise ValueError(msg)
