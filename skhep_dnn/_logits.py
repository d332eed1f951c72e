"""Logits: of a mean of probabilities, and what they say of an event.

Probabilities of members, snapshots and symmetric variants are averaged, never their
logits; but the mean is kept as a logit, which does not saturate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit, log_softmax, logsumexp
from sklearn.metrics import accuracy_score
from sklearn.utils import column_or_1d

from skhep_dnn._arrays import native_order, refuse_mask
from skhep_dnn._validation import check_event_weights
from skhep_dnn.exceptions import WeightsError

__all__ = [
    "combine_logits",
    "labels",
    "log_odds_of_mean",
    "log_of_mean",
    "log_probability",
    "log_probability_of_scores",
    "probabilities",
    "signal_logit",
    "signal_logit_of_logs",
    "weighted_accuracy",
]

LARGEST_LOGIT = 500.0  # e^-500 and its sums are float64 numbers of full precision


def combine_logits(
    logits: NDArray[np.float64], member_weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Logit of a weighted mean of probabilities, which never saturates.

    It is the difference of the logarithms of the mean of `sigmoid(z)` and of the mean
    of `sigmoid(-z)`, in double precision. With several classes it is that of each
    class against the rest.

    Parameters
    ----------
    logits : ndarray of shape (n_members, n_samples) or \
            (n_members, n_samples, n_classes)
        Logits of the members.
    member_weights : ndarray of shape (n_members,)
        Weights of the members; their sum is 1.

    Returns
    -------
    logit : ndarray of shape (n_samples,) or (n_samples, n_classes)

    Examples
    --------
    >>> combine_logits(np.array([[800.0], [800.0]]), np.array([0.5, 0.5]))
    array([800.])
    """
    used = member_weights > 0.0
    logits, weights = logits[used], member_weights[used]
    if logits.ndim == 3:
        return _against_the_rest(_log_mean(log_softmax(logits, axis=2), weights))
    if len(logits) == 1:
        return logits[0]
    z = np.clip(logits, -LARGEST_LOGIT, LARGEST_LOGIT)
    logit = np.log(_mean(expit(z), weights)) - np.log(_mean(expit(-z), weights))
    extreme = np.abs(logits).max(axis=0) > LARGEST_LOGIT
    if extreme.any():
        logit[extreme] = _of_extremes(logits[:, extreme], weights)
    return logit


def log_of_mean(log_p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the plain mean of probabilities, from their logarithms.

    Parameters
    ----------
    log_p : ndarray of shape (n_members, ...)
        Logarithms of probabilities; -inf of 0.

    Returns
    -------
    log_mean : ndarray of shape (...)

    Examples
    --------
    >>> log_of_mean(np.array([[-900.0, -np.inf], [-900.0, -np.inf]]))
    array([-900.,  -inf])
    """
    return _log_mean(log_p, np.full(len(log_p), 1.0 / len(log_p)))


def log_odds_of_mean(log_p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logit of the plain mean of probabilities, from their logarithms.

    Parameters
    ----------
    log_p : ndarray of shape (n_members, n_samples, n_classes)
        Logarithms of probabilities.

    Returns
    -------
    logit : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Of two classes that of the second one.

    Examples
    --------
    >>> log_odds_of_mean(np.array([[[-900.0, 0.0]], [[-900.0, 0.0]]]))
    array([900.])
    """
    log_mean = log_of_mean(log_p)
    if log_mean.shape[1] == 2:
        return log_mean[:, 1] - log_mean[:, 0]
    return _against_the_rest(log_mean)


def probabilities(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of each class from its logit.

    Parameters
    ----------
    logit : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Of the second class, or of each class against the rest.

    Returns
    -------
    probability : ndarray of shape (n_samples, n_classes)
    """
    if logit.ndim == 1:
        return np.column_stack([expit(-logit), expit(logit)])
    return expit(logit)


def signal_logit(
    probability: NDArray[np.float64], is_signal: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Logit of the sum of the probabilities of some classes.

    It does not saturate at 1: what the others have is summed on its own.

    Parameters
    ----------
    probability : ndarray of shape (n_samples, n_classes)
        Probability of each class.
    is_signal : ndarray of shape (n_classes,), dtype bool
        Which classes are summed.

    Returns
    -------
    logit : ndarray of shape (n_samples,)
        Infinite where the others, or these, have a probability of 0.

    Examples
    --------
    >>> p = np.array([[0.25, 0.25, 0.5], [1.0, 1e-20, 1e-20]])
    >>> signal_logit(p, np.array([True, True, False])).round(2)
    array([ 0.  , 46.05])
    """
    signal = probability[:, is_signal].sum(axis=1)
    with np.errstate(divide="ignore"):
        return np.log(signal) - np.log(probability[:, ~is_signal].sum(axis=1))


def signal_logit_of_logs(
    log_p: NDArray[np.float64], is_signal: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Logit of the sum of the probabilities of some classes, from their logarithms.

    Parameters
    ----------
    log_p : ndarray of shape (n_samples, n_classes)
        Logarithm of the probability of each class.
    is_signal : ndarray of shape (n_classes,), dtype bool
        Which classes are summed.

    Returns
    -------
    logit : ndarray of shape (n_samples,)

    Examples
    --------
    >>> log_p = np.array([[-900.0, 0.0, -900.0]])
    >>> signal_logit_of_logs(log_p, np.array([False, True, False])).round(2)
    array([899.31])
    """
    signal = logsumexp(log_p[:, is_signal], axis=1)
    return np.asarray(signal - logsumexp(log_p[:, ~is_signal], axis=1))


def log_probability(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the probability of each class, from its logit.

    It is exact where the probability is rounded to 0 or 1: below -745 a probability is
    0 in double precision, above 37 it is 1.

    Parameters
    ----------
    logit : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Of the second class, or of each class against the rest.

    Returns
    -------
    log_p : ndarray of shape (n_samples, n_classes)

    Examples
    --------
    >>> log_probability(np.array([-50.0]))
    array([[-1.92874985e-22, -5.00000000e+01]])
    """
    if logit.ndim == 1:
        return np.asarray(log_expit(np.column_stack([-logit, logit])))
    return np.asarray(log_expit(logit))


def log_probability_of_scores(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the softmax of scores.

    `scipy.special.log_softmax` is 0 for a class whose probability is 1 in double
    precision; the logit against the rest keeps what is left to 1.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_classes)
        Logarithms of probabilities, up to a constant for each event.

    Returns
    -------
    log_p : ndarray of shape (n_samples, n_classes)

    Examples
    --------
    >>> log_probability_of_scores(np.array([[50.0, 0.0, 0.0]])) * np.exp(50.0)
    array([[-2.00000000e+00, -2.59235276e+23, -2.59235276e+23]])
    """
    return log_probability(_against_the_rest(scores))


def labels(y_score: NDArray[np.float64], classes: NDArray[Any]) -> NDArray[Any]:
    """Most probable class of each event.

    Parameters
    ----------
    y_score : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Logits, or another decision function.
    classes : ndarray of shape (n_classes,)
        Class labels.

    Returns
    -------
    labels : ndarray of shape (n_samples,)
    """
    if y_score.ndim == 1:
        return classes[(y_score > 0.0).astype(np.intp)]
    return classes[y_score.argmax(axis=1)]


def weighted_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None
) -> float:
    """Sum of the weights of events that are classified right over the sum of all.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        True and predicted labels.
    sample_weight : array-like of shape (n_samples,) or None
        Physics weights, negative ones as they are; None counts each event once.

    Returns
    -------
    accuracy : float

    Raises
    ------
    WeightsError
        If the weights do not sum to more than zero.
    """
    refuse_mask(y_true, "y")
    known = native_order(column_or_1d(y_true))
    weights = check_event_weights(sample_weight, len(known))
    total = float(weights.sum())
    if not total > 0.0:
        msg = (
            f"`sample_weight` must sum to more than zero, got {total:.6g}. Score "
            "a sample whose positive weights outweigh the negative ones."
        )
        raise WeightsError(msg)
    return float(accuracy_score(known, y_pred, sample_weight=weights))


def _mean(
    values: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a weighted mean, added up in one order for any number of events.

    A sum of NumPy over one axis has another order for a single event.
    """
    mean = weights[0] * values[0]
    for weight, value in zip(weights[1:], values[1:], strict=True):
        mean += weight * value
    return mean


def _log_mean(
    logs: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the logarithm of a weighted mean of what has these logarithms."""
    largest = logs.max(axis=0)
    largest = np.where(np.isfinite(largest), largest, 0.0)  # all may be of 0
    with np.errstate(divide="ignore"):
        return np.asarray(largest + np.log(_mean(np.exp(logs - largest), weights)))


def _of_extremes(
    logits: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Combine logits of which some probability is too small for a float64."""
    signal = _log_mean(log_expit(logits), weights)
    return signal - _log_mean(log_expit(-logits), weights)


def _against_the_rest(log_p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logit of each class from the logarithms of all probabilities.

    A constant that is added to those of an event does not matter.
    """
    others = [np.delete(log_p, k, axis=1) for k in range(log_p.shape[1])]
    return log_p - np.stack([logsumexp(rest, axis=1) for rest in others], axis=1)
