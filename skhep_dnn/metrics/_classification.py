"""Log-loss with signed physics weights: how good probabilities are.

The balanced log-loss is, with the weighted AUC, the stable figure by which models are
ranked and hyper-parameters searched.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._validation import check_scores, check_signal
from skhep_dnn.weights._class_sums import check_class_weights

__all__ = [
    "balanced_log_loss",
    "balanced_log_loss_from_logits",
    "log_loss_of_weights",
    "logit_losses",
    "probability_losses",
]

_EPS = float(np.finfo(np.float64).eps)


def balanced_log_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    pos_label: object = None,
) -> float:
    r"""Log-loss with signed physics weights and both classes of equal total weight.

    The mean of the two classes' weighted mean losses. It takes the weights as they
    are, negative ones included: with :math:`|w|` it would prefer a model that was
    trained on :math:`|w|` to the true density.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes.
    y_proba : array-like of shape (n_samples,) or (n_samples, 2)
        Probability of the signal, or the two columns of `predict_proba` in the sorted
        order of the labels. The probability is that of the balanced problem, in which
        both classes have the same yield.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    pos_label : label, default=None
        Label of the signal; None takes the larger one.

    Returns
    -------
    loss : float
        Natural logarithm units; ln 2 for a coin. Below 0 only by fluctuation, with
        negative weights.

    Raises
    ------
    ValueError
        If a probability is nan or outside the range from 0 to 1, or a shape is wrong.
    WeightsError
        If the weights of a class do not sum to more than 0.

    See Also
    --------
    balanced_log_loss_from_logits : The same from `decision_function`, without a clip.

    Notes
    -----
    .. math:: L = - \frac{1}{2 W_S} \sum_{i \in S} w_i \ln p_i
                  - \frac{1}{2 W_B} \sum_{j \in B} w_j \ln (1 - p_j)

    with the signed sums :math:`W_S` and :math:`W_B`. Probabilities are clipped to
    [eps, 1 - eps] with the eps of float64, as in `sklearn.metrics.log_loss`, so that
    a loss is at most 36.04 for one event. With two columns each event takes the
    column of its own class.

    Examples
    --------
    >>> from skhep_dnn.metrics import balanced_log_loss
    >>> y, w = ["b", "b", "s"], [100.0, -20.0, 1.0]
    >>> round(balanced_log_loss(y, [0.5, 0.5, 0.5], w), 4)
    0.6931
    >>> round(balanced_log_loss(y, [0.1, 0.4, 0.8], w), 4)
    0.1136
    """
    is_signal, losses = probability_losses(y_true, y_proba, pos_label)
    return _balanced_mean(is_signal, losses, sample_weight)


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
    return _balanced_mean(is_signal, losses, sample_weight)


def probability_losses(
    y_true: ArrayLike, y_proba: ArrayLike, pos_label: object
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which events are signal, and the loss of each from its probability."""
    is_signal = check_signal(y_true, pos_label)
    own = _own_class_probability(y_true, y_proba, is_signal)
    return is_signal, -np.log(np.clip(own, _EPS, 1.0 - _EPS))


def logit_losses(
    y_true: ArrayLike, y_logit: ArrayLike, pos_label: object
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
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
    is_signal: NDArray[np.bool_], losses: NDArray[np.float64]
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return the balanced mean of the events' losses as a function of the weights.

    Parameters
    ----------
    is_signal : ndarray of shape (n_samples,), dtype bool
        Which events are signal.
    losses : ndarray of shape (n_samples,)
        Loss of each event.

    Returns
    -------
    log_loss : callable
        Takes weights of shape (..., n_samples), returns losses of shape (...).
    """
    columns = np.column_stack(
        [is_signal * losses, is_signal, ~is_signal * losses, ~is_signal]
    )

    def log_loss(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        signal, signal_sum, background, background_sum = np.moveaxis(
            weights @ columns, -1, 0
        )
        return (signal / signal_sum + background / background_sum) / 2

    return log_loss


def _balanced_mean(
    is_signal: NDArray[np.bool_],
    losses: NDArray[np.float64],
    sample_weight: ArrayLike | None,
) -> float:
    weights = check_class_weights(is_signal, sample_weight)
    return float(log_loss_of_weights(is_signal, losses)(weights))


def _own_class_probability(
    y_true: ArrayLike, y_proba: ArrayLike, is_signal: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the probability that each event was given for its own class."""
    proba = np.asarray(y_proba, dtype=np.float64)
    if proba.shape not in {(len(is_signal),), (len(is_signal), 2)}:
        msg = (
            f"`y_proba` must have the shape ({len(is_signal)},) or "
            f"({len(is_signal)}, 2), got {proba.shape}. Pass `predict_proba(X)` of "
            "the events in `y_true`, or its column of the signal."
        )
        raise ValueError(msg)
    if not ((proba >= 0) & (proba <= 1)).all():
        msg = (
            "`y_proba` must be probabilities from 0 to 1, got values from "
            f"{float(proba.min())!r} to {float(proba.max())!r}. Pass "
            "`predict_proba(X)`, or logits to `balanced_log_loss_from_logits`."
        )
        raise ValueError(msg)
    if proba.ndim == 1:
        return np.where(is_signal, proba, 1.0 - proba)
    labels = np.asarray(y_true)
    return np.where(labels == np.unique(labels)[1], proba[:, 1], proba[:, 0])
