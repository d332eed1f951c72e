"""How do values of weighted events spread, where one class must not hide the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._messages import shown
from skhep_dnn._validation import check_event_weights, check_labels
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.inspection._binning import check_bins, quantiles

__all__ = [
    "DEEP_COLOR",
    "WIDE_COLOR",
    "event_shares",
    "inner_edges",
    "last_step",
]

FloatArray = NDArray[np.float64]

# Those of the paths of a network: none is a colour of signal or background.
DEEP_COLOR = "#009E73"
WIDE_COLOR = "#CC79A7"
_TAIL = 0.015  # share of the events that a range leaves out on either side
_MARGIN = 0.15  # unless it reaches less than this share of the range beyond


def event_shares(
    n_samples: int, y: ArrayLike | None, sample_weight: ArrayLike | None
) -> FloatArray:
    """Return weights that sum to 1, and to the same in each class if labels are given.

    Parameters
    ----------
    n_samples : int
        Number of events.
    y : array-like of shape (n_samples,) or None
        Their labels; None leaves the yields of the classes as they are.
    sample_weight : array-like of shape (n_samples,) or None
        Their weights, negative ones too; None counts every event once.

    Returns
    -------
    shares : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If there is not one label for each event.
    WeightsError
        If the weights are unusable or do not sum to more than 0 in each class.
    """
    weights = check_event_weights(sample_weight, n_samples)
    labels = np.zeros(n_samples, dtype=int) if y is None else check_labels(y)
    check_consistent_length(weights, labels)
    classes, codes = np.unique(labels, return_inverse=True)
    sums = np.bincount(codes, weights)
    for label, value in zip(classes.tolist(), sums.tolist(), strict=True):
        if value <= 0:
            of_class = "" if y is None else f" for class {shown(label)}"
            msg = (
                "`sample_weight` must sum to more than 0 in each class, got "
                f"{value!r}{of_class}. Use a larger sample, or check the signs of the "
                "weights."
            )
            raise WeightsError(msg)
    return weights / (sums[codes] * len(classes))


def inner_edges(
    bins: int | ArrayLike,
    columns: Sequence[FloatArray],
    shares: FloatArray,
    *,
    low: float | None = None,
) -> tuple[FloatArray, tuple[float, float]]:
    """Return edges of bins that show most events, and the range to show.

    Long tails get one more bin each, beyond the range: they would be a peak in the
    last bin, or leave no room for the others.

    Parameters
    ----------
    bins : int or array-like of shape (n_bins + 1,)
        Number of bins in the range, or all edges.
    columns : sequence of ndarray of shape (n_samples,)
        Values that are drawn together.
    shares : ndarray of shape (n_samples,)
        Weights; their sum is 1.
    low : float, default=None
        Lower end of the range; None leaves out the lower tail.

    Returns
    -------
    edges : ndarray
    ends : tuple of float
        The range to show.

    Raises
    ------
    ValueError
        If `bins` is not as described.
    """
    bins = check_bins(bins)
    if not isinstance(bins, int):
        return bins, (float(bins[0]), float(bins[-1]))
    inner = np.array([quantiles(x, shares, [_TAIL, 1.0 - _TAIL]) for x in columns])
    first = float(inner[:, 0].min()) if low is None else low
    last = float(inner[:, 1].max())
    smallest, largest = float(np.min(columns)), float(np.max(columns))
    margin = _MARGIN * (last - first)  # a short tail is shown
    first = smallest if first > smallest >= first - margin else first
    last = largest if last < largest <= last + margin else last
    if not first < last:
        first, last = first - 0.5, last + 0.5
    edges = np.linspace(first, last, bins + 1)
    lower = [smallest] if smallest < first else []
    upper = [largest] if largest > last else []
    return np.concatenate([lower, edges, upper]), (first, last)


def last_step(
    estimator: BaseEstimator, X: ArrayLike
) -> tuple[BaseEstimator, ArrayLike]:
    """Return the fitted last step of a pipeline and the events as it sees them.

    Parameters
    ----------
    estimator : estimator
        Fitted estimator, or a pipeline that ends with one; the last step may be a
        pipeline, too.
    X : array-like of shape (n_samples, n_features)
        Events as the pipeline sees them.

    Returns
    -------
    model : estimator
    X : array-like of shape (n_samples, n_features_of_the_last_step)

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    """
    check_is_fitted(estimator)
    while isinstance(estimator, Pipeline):
        if len(estimator) > 1:
            X = estimator[:-1].transform(X)
        estimator = estimator[-1]
    return estimator, X
