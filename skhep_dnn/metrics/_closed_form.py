"""The Monte Carlo error of a figure in closed form, at known yields of the classes.

A figure changes by its influence when an event is counted once more. The yield of each
class is known, so the weights of the class are scaled back, which takes the mean of the
class out of the influences; the squares of what is left sum to the variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.weights._class_sums import to_unit_scale

__all__ = [
    "ClosedForm",
    "Influence",
    "auc_influence",
    "closed_form",
    "mean_influence",
]

Codes = NDArray[np.bool_] | NDArray[np.intp]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Influence:
    """How a figure depends on the events, to first order.

    Attributes
    ----------
    by_count : ndarray of shape (n_samples,)
        Derivative of the figure by how often the event is counted, at 1.
    by_weight : ndarray of shape (n_samples,)
        Derivative by a factor on its weight, at 1. The same but for figures that look
        at squared weights: an event counted twice adds twice its square.
    """

    by_count: FloatArray
    by_weight: FloatArray

    @classmethod
    def of_sums(cls, contributions: FloatArray) -> Influence:
        """Return that of a figure that depends on sums of weights alone."""
        return cls(contributions, contributions)

    def minus(self, other: Influence) -> Influence:
        """Return that of the difference of two figures of the same events."""
        return Influence(
            self.by_count - other.by_count, self.by_weight - other.by_weight
        )


@dataclass(frozen=True)
class ClosedForm:
    """A Monte Carlo error, and how well it is known.

    Attributes
    ----------
    error : float
        That of the jackknife, which leaves each event out once; nan where a class has
        no positive sum of weights without one of its events.
    linear_error : float
        To first order: the root of the sum of the squared influences.
    degrees_of_freedom : float
        Of the error, from the fourth moments of the influences; small where a few
        heavy events decide.
    """

    error: float
    linear_error: float
    degrees_of_freedom: float


def closed_form(influence: Influence, codes: Codes, weights: FloatArray) -> ClosedForm:
    r"""Return the error of a figure at fixed yields of the classes.

    Parameters
    ----------
    influence : Influence
        Of the figure.
    codes : ndarray of shape (n_samples,), dtype bool or int
        Class of each event; the sum of weights of each is known.
    weights : ndarray of shape (n_samples,)
        Event weights; each class sums to more than 0.

    Returns
    -------
    closed_form : ClosedForm

    Notes
    -----
    With the shares :math:`u_i = w_i / W_c` and the derivatives :math:`g_i` by counts
    and :math:`h_i` by weights, the influence at fixed yields is

    .. math:: \varphi_i = g_i - u_i \sum_{j \in c} h_j , \qquad
              \psi_i = \frac{\varphi_i}{1 - u_i} ,

    and :math:`\psi_i` is, for a figure that is linear in the shares, what changes
    where the event is left out. The variance of the jackknife is
    :math:`\sum_c \frac{n_c - 1}{n_c} \sum_{i \in c} \psi_i^2`, with the number of
    events :math:`n_c` whose weight is not zero. With equal weights that is the
    textbook variance with :math:`n - 1`.
    """
    linear, variance, noise = 0.0, 0.0, 0.0
    for code in np.unique(codes):
        rows = np.flatnonzero((codes == code) & (weights != 0.0))
        shares = to_unit_scale(weights[rows])
        shares = shares / shares.sum()
        at_yield = influence.by_count[rows] - shares * influence.by_weight[rows].sum()
        linear += float(np.sum(at_yield**2))
        if not np.any(at_yield):  # a class that the figure does not look at
            continue
        n, others = len(rows), 1.0 - shares
        if n < 2 or not (others > 0.0).all():
            variance = np.nan
            continue
        squares = (n - 1) / n * (at_yield / others) ** 2
        variance += float(squares.sum())
        noise += float(np.sum(squares**2) - squares.sum() ** 2 / n)
    degrees = 2.0 * variance**2 / noise if noise > 0.0 else np.inf
    return ClosedForm(
        error=float(np.sqrt(variance)),
        linear_error=float(np.sqrt(linear)),
        degrees_of_freedom=max(float(degrees), 1.0) if variance > 0.0 else np.inf,
    )


def auc_influence(
    is_signal: NDArray[np.bool_], scores: FloatArray, weights: FloatArray
) -> FloatArray:
    """Return the influence of each event on the area under the ROC curve.

    The structural components of DeLong et al. (1988), weighted, with halves for ties.

    Parameters
    ----------
    is_signal : ndarray of shape (n_samples,), dtype bool
        Which events are signal.
    scores, weights : ndarray of shape (n_samples,)
        Scores without nan; weights of which each class sums to more than 0.

    Returns
    -------
    influence : ndarray of shape (n_samples,)
    """
    order = np.argsort(scores, kind="stable")
    ordered, signal = scores[order], is_signal[order]
    shares = to_unit_scale(weights[order] * np.stack([signal, ~signal]))
    shares /= shares.sum(axis=1, keepdims=True)
    left = np.searchsorted(ordered, ordered, side="left")
    right = np.searchsorted(ordered, ordered, side="right")
    cumulative = np.zeros((2, len(order) + 1))
    np.cumsum(shares, axis=1, out=cumulative[:, 1:])
    signal_below, background_below = (cumulative[:, left] + cumulative[:, right]) / 2
    auc = float(shares[0] @ background_below)
    placed = np.where(signal, background_below, 1.0 - signal_below)
    influence = np.empty(len(order))
    influence[order] = shares.sum(axis=0) * (placed - auc)
    return influence


def mean_influence(
    values: FloatArray, weights: FloatArray, codes: Codes | None = None
) -> FloatArray:
    """Return the influence of each event on the weighted mean of a value.

    Parameters
    ----------
    values, weights : ndarray of shape (n_samples,)
        A value of each event, and its weight.
    codes : ndarray of shape (n_samples,) or None, default=None
        With classes, the mean of the means of the classes.

    Returns
    -------
    influence : ndarray of shape (n_samples,)
    """
    if codes is None:
        codes = np.zeros(len(values), dtype=np.intp)
    influence = np.empty(len(values))
    classes = np.unique(codes)
    for code in classes:
        mask = codes == code
        shares = to_unit_scale(weights[mask])
        shares = shares / shares.sum()
        mean = shares @ values[mask]
        influence[mask] = shares * (values[mask] - mean) / len(classes)
    return influence
