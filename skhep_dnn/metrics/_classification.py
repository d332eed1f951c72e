"""Log-loss and accuracy with signed physics weights: how good probabilities are.

The balanced log-loss is, with the weighted AUC, the stable figure by which models are
ranked and hyper-parameters searched. Of more than two classes each figure is that of
all of them, or with `pos_label` of some against the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_expit, logsumexp

from skhep_dnn import _logits
from skhep_dnn._validation import (
    check_classes,
    check_event_weights,
    check_labels,
    check_numbers,
    check_scores,
    check_signal,
    known_labels,
    signal_labels,
)
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.weights._class_sums import check_class_weights

__all__ = [
    "Codes",
    "balanced_log_loss",
    "balanced_log_loss_from_logits",
    "log_loss_of_weights",
    "logit_losses",
    "mean_loss_of_weights",
    "probability_losses",
    "weighted_accuracy",
    "weighted_log_loss",
]

Codes = NDArray[np.bool_] | NDArray[np.intp]
FloatArray = NDArray[np.float64]


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
        two classes, or with `pos_label`, also the probability of the signal alone. The
        probabilities are those of the balanced problem, in which all classes have the
        same yield.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    pos_label : label or list of labels, default=None
        Label of the signal; None takes the larger one of two. Of more classes None
        takes the loss of all; with a label, or some, it is the loss of telling them
        from the others, of which each class still has the same total weight.

    Returns
    -------
    loss : float
        Natural logarithm units; ln 2 for a coin, ln `n_classes` for equal
        probabilities. Below 0 only by fluctuation, with negative weights.

    Raises
    ------
    ValueError
        If a probability is nan or outside the range from 0 to 1, a shape is wrong, or
        `pos_label` is not among the labels.
    WeightsError
        If the weights of a class do not sum to more than 0.

    See Also
    --------
    balanced_log_loss_from_logits : The same from `decision_function`, without a clip.
    weighted_log_loss : The same at the yields that the weights have.

    Notes
    -----
    .. math:: L = - \frac{1}{2 W_S} \sum_{i \in S} w_i \ln p_i
                  - \frac{1}{2 W_B} \sum_{j \in B} w_j \ln (1 - p_j)

    with the signed sums :math:`W_S` and :math:`W_B`, and for :math:`K` classes

    .. math:: L = - \frac{1}{K} \sum_{c=1}^{K} \frac{1}{W_c}
                  \sum_{i \in c} w_i \ln p_{ic} .

    Probabilities are clipped to [eps, 1 - eps], as in `sklearn.metrics.log_loss`, with
    the eps of the dtype of `y_proba`: a loss is at most 36.04 for one event, of float32
    15.94. Each event takes the column of its own class, whatever the others sum to.

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
    losses = _losses(y_true, y_proba, codes, names, pos_label)
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
        Labels of two classes or more.
    y_logit : array-like of shape (n_samples,) or (n_samples, n_classes)
        ``ln(p / (1 - p))`` of the probability of the signal, finite; of more than two
        classes a column for each, in sorted order of the labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    pos_label : label or list of labels, default=None
        As in `balanced_log_loss`.

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
    codes, names = check_classes(y_true, pos_label)
    _, losses = logit_losses(y_true, y_logit, pos_label)
    weights = check_class_weights(codes, sample_weight, names)
    return float(log_loss_of_weights(codes, losses)(weights))


def weighted_log_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    pos_label: object = None,
) -> float:
    r"""Log-loss with signed physics weights, at the yields that they have.

    `sklearn.metrics.log_loss` for signed weights and for one class against the others.
    A class of large yield decides it: prefer `balanced_log_loss` to rank models, and
    take this one for probabilities on the physical prior.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two or more classes.
    y_proba : array-like of shape (n_samples,) or (n_samples, n_classes)
        As in `balanced_log_loss`, but on the prior of the weights: see
        `skhep_dnn.weights.to_physical_prior`.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    pos_label : label or list of labels, default=None
        Label of the signal; None takes the larger one of two. Of more classes None
        takes the loss of all, a label that of telling the signal from the others.

    Returns
    -------
    loss : float
        :math:`- \sum_i w_i \ln p_i / \sum_i w_i` with the probability given to the own
        class of each event, in natural logarithm units.

    Raises
    ------
    ValueError
        If a probability is nan or outside the range from 0 to 1, or a shape is wrong.
    WeightsError
        If the weights do not sum to more than 0.

    See Also
    --------
    balanced_log_loss : The same with all classes of equal total weight.

    Examples
    --------
    >>> from skhep_dnn.metrics import weighted_log_loss
    >>> proba = [[0.5, 0.25, 0.25], [0.2, 0.6, 0.2], [0.1, 0.1, 0.8]]
    >>> round(weighted_log_loss(["W", "Z", "top"], proba, [3.0, 2.0, -1.0]), 4)
    0.7195
    """
    codes, losses = probability_losses(y_true, y_proba, pos_label)
    weights = check_event_weights(sample_weight, len(codes))
    total = float(weights.sum())
    if not total > 0.0:
        msg = (
            f"`sample_weight` must sum to more than zero, got {total:.6g}. Score "
            "a sample whose positive weights outweigh the negative ones."
        )
        raise WeightsError(msg)
    return float(mean_loss_of_weights(losses)(weights))


def weighted_accuracy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    pos_label: object = None,
) -> float:
    """Sum of the weights of events that are classified right over the sum of all.

    `sklearn.metrics.accuracy_score` for signed weights. It follows the class of the
    largest yield; `confusion_by_yields` says what becomes of each class.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        True and predicted labels, of two classes or more.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones as they are; None counts each event once.
    pos_label : label or list of labels, default=None
        Where given, all that counts is whether an event is rightly taken for signal,
        one of these labels, or rightly not.

    Returns
    -------
    accuracy : float
        From 0 to 1; with negative weights a sample may fluctuate outside.

    Raises
    ------
    ValueError
        If the shapes differ or a label of the signal is not in `y_true`.
    WeightsError
        If the weights do not sum to more than zero.

    Examples
    --------
    >>> from skhep_dnn.metrics import weighted_accuracy
    >>> y_true, y_pred = ["W", "Z", "top", "W"], ["W", "W", "top", "top"]
    >>> weighted_accuracy(y_true, y_pred, [4.0, 2.0, 3.0, -1.0])
    0.875
    >>> weighted_accuracy(y_true, y_pred, [4.0, 2.0, 3.0, -1.0], pos_label=["W", "Z"])
    1.125
    """
    known, predicted = check_labels(y_true, "y_true"), check_labels(y_pred, "y_pred")
    classes = known_labels(known, "y_true")
    if pos_label is not None:
        signal = signal_labels(classes, pos_label)
        known, predicted = np.isin(known, signal), np.isin(predicted, signal)
    return _logits.weighted_accuracy(known, predicted, sample_weight)


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
    pos_label : label or list of labels, default=None
        As in `balanced_log_loss`.

    Returns
    -------
    codes : ndarray of shape (n_samples,), dtype bool or intp
        Of two classes, which events are signal; of more, the position of each label
        among the sorted ones.
    losses : ndarray of shape (n_samples,)
        Natural logarithm units.
    """
    codes, names = check_classes(y_true, pos_label)
    return codes, _losses(y_true, y_proba, codes, names, pos_label)


def logit_losses(
    y_true: ArrayLike, y_logit: ArrayLike, pos_label: object
) -> tuple[Codes, FloatArray]:
    """Return the class of each event, and the loss of each from its logit."""
    codes, names = check_classes(y_true, pos_label)
    logits = check_numbers(y_logit, "y_logit")
    if len(names) == 2 or (pos_label is not None and logits.ndim == 1):
        is_signal = check_signal(y_true, pos_label)
        logits = check_scores(y_logit, len(is_signal), "y_logit")
        _check_finite(logits)
        return codes, np.logaddexp(0.0, np.where(is_signal, -logits, logits))
    if logits.shape != (len(codes), len(names)):
        msg = (
            f"`y_logit` must have the shape {(len(codes), len(names))}, a column for "
            f"each of {', '.join(names)} in `y_true`, got {logits.shape}. Pass the "
            "logit of each class against the others."
        )
        raise ValueError(msg)
    _check_finite(logits)
    log_p = log_expit(logits)
    if pos_label is None:
        return codes, -log_p[np.arange(len(codes)), codes]
    in_signal = _signal_columns(y_true, pos_label)
    signal = logsumexp(log_p[:, in_signal], axis=1)
    others = logsumexp(log_p[:, ~in_signal], axis=1)
    return codes, -np.where(in_signal[codes.astype(np.intp)], signal, others)


def _signal_columns(y_true: ArrayLike, pos_label: object) -> NDArray[np.bool_]:
    """Return which columns of probabilities are those of the signal."""
    classes = np.unique(np.asarray(y_true))
    return np.isin(classes, signal_labels(classes, pos_label))


def _check_finite(logits: FloatArray) -> None:
    if not np.isfinite(logits).all():
        msg = (
            "`y_logit` must be finite, got "
            f"{int(np.count_nonzero(~np.isfinite(logits)))} infinite values. Pass the "
            "probabilities to `balanced_log_loss`, which clips them."
        )
        raise ValueError(msg)


def mean_loss_of_weights(losses: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """Return the mean of the events' losses as a function of the weights.

    Parameters
    ----------
    losses : ndarray of shape (n_samples,)
        Loss of each event.

    Returns
    -------
    log_loss : callable
        Takes weights of shape (..., n_samples), returns losses of shape (...).
    """

    def log_loss(weights: FloatArray) -> FloatArray:
        return np.asarray(weights @ losses / weights.sum(axis=-1))

    return log_loss


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
    y_true: ArrayLike,
    y_proba: ArrayLike,
    codes: Codes,
    names: Sequence[str],
    pos_label: object,
) -> FloatArray:
    """Return the loss of each event from the probability given for its own class."""
    of_signal = len(names) == 2 or pos_label is not None
    proba = _check_probabilities(y_proba, len(codes), names, of_signal=of_signal)
    if proba.ndim == 1:
        is_signal = codes if len(names) == 2 else check_signal(y_true, pos_label)
        own = np.where(is_signal, proba, 1.0 - proba)
    elif len(names) == 2:
        labels = np.asarray(y_true)
        own = np.where(labels == np.unique(labels)[1], proba[:, 1], proba[:, 0])
    elif pos_label is not None:
        in_signal = _signal_columns(y_true, pos_label)
        signal, others = proba[:, in_signal].sum(1), proba[:, ~in_signal].sum(1)
        own = np.where(in_signal[codes.astype(np.intp)], signal, others)
    else:
        own = proba[np.arange(len(codes)), codes]
    eps = _rounding(y_proba)
    return -np.log(np.clip(own, eps, 1.0 - eps))


def _rounding(y_proba: ArrayLike) -> float:
    """Return the eps of the dtype of probabilities, at least that of float64."""
    dtype = np.asarray(y_proba).dtype
    eps = np.finfo(dtype if dtype.kind == "f" else np.float64).eps
    return max(float(eps), float(np.finfo(np.float64).eps))


def _check_probabilities(
    y_proba: ArrayLike, n_samples: int, names: Sequence[str], *, of_signal: bool
) -> FloatArray:
    proba = check_numbers(y_proba, "y_proba")
    _check_shape(proba.shape, n_samples, names, of_signal=of_signal)
    if not ((proba >= 0) & (proba <= 1)).all():
        msg = (
            "`y_proba` must be probabilities from 0 to 1, got values from "
            f"{float(proba.min())!r} to {float(proba.max())!r}. Pass "
            "`predict_proba(X)`, or logits to `balanced_log_loss_from_logits`."
        )
        raise ValueError(msg)
    return proba


def _check_shape(
    shape: tuple[int, ...], n_samples: int, names: Sequence[str], *, of_signal: bool
) -> None:
    n_classes = len(names)
    columns = (n_samples, n_classes)
    if of_signal and shape == (n_samples,):
        return
    if n_classes > 2 and shape != columns:
        msg = (
            f"`y_proba` must have the shape {columns}, a column for each of "
            f"{', '.join(names)} in `y_true`, got {shape}. Pass `predict_proba(X)` of "
            "these events by a classifier of these classes, and events of all of them."
        )
        raise ValueError(msg)
    if n_classes == 2 and shape != columns:
        msg = (
            f"`y_proba` must have the shape ({n_samples},) or {columns}, got {shape}. "
            "Pass `predict_proba(X)` of the events in `y_true`, or its column of the "
            "signal; with more columns, events of all classes."
        )
        raise ValueError(msg)
