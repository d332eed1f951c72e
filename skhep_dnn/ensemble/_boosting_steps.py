r"""The formulas of boosting: errors, votes, factors, residuals and steps.

Scores of events have one column for each class and are logarithms of probabilities up
to a constant for each event; their softmax is the probability, and the difference of
two columns the logit of two classes. Boost factors are positive and never touch the
physics weights.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, softmax

from skhep_dnn._logits import log_odds_of_mean
from skhep_dnn.weights._class_sums import sums_by_class

__all__ = [
    "LARGEST_CORRECTION",
    "LARGEST_START",
    "as_logit",
    "balanced_magnitudes",
    "bounded",
    "error_rate",
    "log_loss_of_scores",
    "raised_factors",
    "residual_factors",
    "search_step",
    "vote_weight",
]

FloatArray = NDArray[np.float64]
Codes = NDArray[np.intp]

LARGEST_CORRECTION = 10.0  # of a logit, by one classifier before its weight
LARGEST_START = 20.0  # logit of the classifier that boosting starts from
_SMALLEST_ERROR = 1e-6  # whose vote is still a number
_POINTS = 41  # at which a step is tried before the best one is refined


def balanced_magnitudes(
    codes: Codes, sample_weight: FloatArray, n_classes: int
) -> FloatArray:
    """Return `|w|`, scaled so that each class has the same sum, all together 1.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Position of each event's class.
    sample_weight : ndarray of shape (n_samples,)
        Physics weights, not all zero in any class.
    n_classes : int
        Number of classes.

    Returns
    -------
    magnitudes : ndarray of shape (n_samples,)

    Examples
    --------
    >>> balanced_magnitudes(np.array([0, 0, 1]), np.array([3.0, -1.0, 0.1]), 2)
    array([0.375, 0.125, 0.5  ])
    """
    magnitude = np.abs(sample_weight)
    return magnitude / (n_classes * sums_by_class(magnitude, codes, n_classes)[codes])


def error_rate(
    is_missed: NDArray[np.bool_], magnitudes: FloatArray, factors: FloatArray
) -> float:
    r"""Return :math:`\sum |w| b\, [\hat y \ne y] / \sum |w| b`, from 0 to 1.

    Parameters
    ----------
    is_missed : ndarray of bool of shape (n_samples,)
        Which events are classified wrongly.
    magnitudes : ndarray of shape (n_samples,)
        Class-balanced `|w|`.
    factors : ndarray of shape (n_samples,)
        Boost factors b.

    Returns
    -------
    error : float

    Examples
    --------
    >>> missed = np.array([True, False, False])
    >>> error_rate(missed, np.array([0.25, 0.25, 0.5]), np.array([2.0, 1.0, 1.0]))
    0.4
    """
    boosted = magnitudes * factors
    return float(boosted[is_missed].sum() / boosted.sum())


def vote_weight(error: float, n_classes: int) -> float:
    r"""Return the vote of SAMME, :math:`\ln \frac{1 - e}{e} + \ln (K - 1)`.

    Parameters
    ----------
    error : float
        Error rate; below 1e-6 it counts as 1e-6, so that no vote is infinite.
    n_classes : int
        Number of classes K.

    Returns
    -------
    vote : float
        Positive where the classifier is better than chance.

    References
    ----------
    .. [1] J. Zhu, H. Zou, S. Rosset, T. Hastie, "Multi-class AdaBoost", Statistics
       and Its Interface 2 (2009) 349, Algorithm 2.

    Examples
    --------
    >>> vote_weight(0.5, 2)
    0.0
    """
    e = np.clip(error, _SMALLEST_ERROR, 1.0 - _SMALLEST_ERROR)
    return float(np.log((1.0 - e) / e) + np.log(n_classes - 1.0))


def raised_factors(
    factors: FloatArray,
    is_missed: NDArray[np.bool_],
    by: float,
    magnitudes: FloatArray,
) -> FloatArray:
    """Return boost factors, raised for some events.

    Only ratios matter. The factors are scaled so that the sum of `|w| b` stays that of
    `|w|`, and so no number of iterations makes them infinite.

    Parameters
    ----------
    factors : ndarray of shape (n_samples,)
        Boost factors so far.
    is_missed : ndarray of bool of shape (n_samples,)
        Events whose factor is raised.
    by : float
        By how much, above 0.
    magnitudes : ndarray of shape (n_samples,)
        Class-balanced `|w|`.

    Returns
    -------
    factors : ndarray of shape (n_samples,)

    Examples
    --------
    >>> magnitudes = np.array([0.25, 0.25, 0.5])
    >>> raised_factors(np.ones(3), np.array([True, False, False]), 2.0, magnitudes)
    array([1.6, 0.8, 0.8])
    """
    raised = np.where(is_missed, by * factors, factors)
    return raised * (magnitudes.sum() / (magnitudes * raised).sum())


def residual_factors(scores: FloatArray, codes: Codes) -> FloatArray:
    r"""Return the factors with which a classifier learns what scores lack.

    :math:`b_i = \frac{1 / p_{y_i}}{\sum_c 1 / p_c}`, the softmax of the negative
    scores at the true class; of two classes it is :math:`|y_i - p_i|`. Events of class
    c then have the density :math:`P_c / p_c`, up to a factor that all classes share,
    where P is the true probability: a classifier that estimates it has the
    log-probabilities :math:`\ln P_c - \ln p_c`, which is what the scores lack.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_classes)
        Logarithms of probabilities, up to a constant for each event.
    codes : ndarray of shape (n_samples,)
        Position of each event's class.

    Returns
    -------
    factors : ndarray of shape (n_samples,)
        Above 0, below 1.

    Examples
    --------
    >>> scores = np.log([[0.9, 0.1], [0.9, 0.1]])
    >>> residual_factors(scores, np.array([0, 1])).round(3)
    array([0.1, 0.9])
    """
    tiny = float(np.finfo(np.float64).tiny)
    own = softmax(-scores, axis=1)[np.arange(len(codes)), codes]
    return np.maximum(own, tiny)


def bounded(log_p: FloatArray, largest: float) -> FloatArray:
    """Return logarithms of probabilities, none of which is far below another.

    A tree says 0 where it has seen no event of a class, and no later correction could
    make up for the logarithm of that.

    Parameters
    ----------
    log_p : ndarray of shape (n_samples, n_classes)
        Logarithms of probabilities.
    largest : float
        Largest distance from the largest one of an event.

    Returns
    -------
    bounded : ndarray of shape (n_samples, n_classes)
        From minus `largest` to 0.

    Examples
    --------
    >>> bounded(np.array([[-700.0, 0.0], [-2.0, -0.2]]), 10.0)
    array([[-10. ,   0. ],
           [ -1.8,   0. ]])
    """
    return np.maximum(log_p - log_p.max(axis=1, keepdims=True), -largest)


def log_loss_of_scores(
    scores: FloatArray, codes: Codes, sample_weight: FloatArray
) -> float:
    """Return the sum of weight times log-loss, with signed weights as they are.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_classes)
        Logarithms of probabilities, up to a constant for each event.
    codes : ndarray of shape (n_samples,)
        Position of each event's class.
    sample_weight : ndarray of shape (n_samples,)
        Weights; those of a balanced log-loss sum to 1, and to the same in each class.

    Returns
    -------
    loss : float

    Examples
    --------
    >>> round(log_loss_of_scores(np.zeros((1, 2)), np.array([1]), np.ones(1)), 4)
    0.6931
    """
    own = scores[np.arange(len(codes)), codes]
    return float(sample_weight @ (logsumexp(scores, axis=1) - own))


def search_step(
    scores: FloatArray,
    correction: FloatArray,
    codes: Codes,
    sample_weight: FloatArray,
    max_step: float,
) -> float:
    """Return the step along a correction, from 0 to `max_step`, of the lowest loss.

    With negative weights the loss need not be convex, and not be bounded: the best of
    41 steps is refined between its neighbours, and none is beyond the bound.

    Parameters
    ----------
    scores, correction : ndarray of shape (n_samples, n_classes)
        Where to start, and which way.
    codes : ndarray of shape (n_samples,)
        Position of each event's class.
    sample_weight : ndarray of shape (n_samples,)
        Signed weights of the loss.
    max_step : float
        Largest step.

    Returns
    -------
    step : float
        0.0 where no step lowers the loss.

    Examples
    --------
    The best logit of three signal events and one of background is ln 3:

    >>> scores, correction = np.zeros((4, 2)), np.tile([0.0, 1.0], (4, 1))
    >>> codes, weights = np.array([0, 1, 1, 1]), np.full(4, 0.25)
    >>> round(search_step(scores, correction, codes, weights, 2.0), 3)
    1.099
    """

    def loss(step: float) -> float:
        return log_loss_of_scores(scores + step * correction, codes, sample_weight)

    steps = np.linspace(0.0, max_step, _POINTS)
    losses = [loss(step) for step in steps]
    best = int(np.argmin(losses))
    low, high = steps[max(best - 1, 0)], steps[min(best + 1, _POINTS - 1)]
    found = minimize_scalar(loss, bounds=(low, high), method="bounded")
    # The ends are steps, too, which the refinement never quite reaches.
    return float(found.x if found.fun < losses[best] else steps[best])


def as_logit(scores: FloatArray) -> FloatArray:
    """Return the decision function of scores.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_classes)
        Logarithms of probabilities, up to a constant for each event.

    Returns
    -------
    logit : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Of two classes that of the second one, else of each against the rest.

    Examples
    --------
    >>> as_logit(np.array([[1.0, 3.0]]))
    array([2.])
    """
    if scores.shape[1] == 2:
        return scores[:, 1] - scores[:, 0]
    log_p = scores - logsumexp(scores, axis=1, keepdims=True)
    return log_odds_of_mean(log_p[np.newaxis])
