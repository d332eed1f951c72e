"""Which features rise and fall together, on weighted events.

Spearman's rank correlation with ranks that are sums of signed weights: the distribution
function of each feature, as the weighted events estimate it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, overload

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._validation import check_event_weights
from skhep_dnn.feature_selection._columns import numeric_columns
from skhep_dnn.weights._class_sums import to_unit_scale

__all__ = [
    "pairs_of_patterns",
    "rank_correlation",
    "weighted_ranks",
    "weighted_spearman",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@overload
def weighted_spearman(
    X: pd.DataFrame,
    sample_weight: ArrayLike | None = None,
    *,
    missing_values: float = float("nan"),
) -> pd.DataFrame: ...


@overload
def weighted_spearman(
    X: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    missing_values: float = float("nan"),
) -> FloatArray: ...


def weighted_spearman(
    X: Any,
    sample_weight: ArrayLike | None = None,
    *,
    missing_values: float = float("nan"),
) -> pd.DataFrame | FloatArray:
    r"""Spearman's rank correlation of each pair of features of weighted events.

    It finds any monotonic dependence, is not moved by outliers and does not change
    when a feature is transformed monotonically. Two features at 1 or -1 say the same to
    a tree, and nearly so to a network.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        Events. A pair is compared on the events in which both are defined.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones too; None counts every event once. Of signal and
        background together the larger yield decides: give each class the same sum,
        or correlate one class alone.
    missing_values : float, default=nan
        Value that marks an undefined entry besides nan, such as -999.

    Returns
    -------
    correlation : DataFrame or ndarray of shape (n_features, n_features)
        A DataFrame with the names of the columns if `X` is one. nan where the weights
        of the events in common do not sum to more than 0 or a feature has only one
        value in them.

    Raises
    ------
    ValueError
        If a column is not of numbers.
    WeightsError
        If the weights are unusable.

    See Also
    --------
    mutual_dependence : Finds dependences on several features, and others than
        monotonic ones.
    skhep_dnn.inspection.RankCorrelationDisplay : The figure.
    scipy.stats.spearmanr : Without weights.

    Notes
    -----
    The rank of event :math:`i` is the signed sum of the weights below it and half of
    those that tie with it,

    .. math:: r_i = \sum_{x_j < x_i} w_j + \frac{1}{2} \sum_{x_j = x_i} w_j

    and the correlation is Pearson's of these ranks with the signed weights. With equal
    weights that is scipy's; an event of weight k equals k events, and one of negative
    weight removes an equal event exactly. With many negative weights a fluctuation may
    bring the result beyond 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.feature_selection import weighted_spearman
    >>> x = np.arange(5.0)
    >>> X = np.column_stack([x, np.exp(x), [0.0, 3.0, 1.0, 4.0, 2.0]])
    >>> weighted_spearman(X, [1.0, 1.0, 1.0, 1.0, 1.0]).round(2)
    array([[1. , 1. , 0.5],
           [1. , 1. , 0.5],
           [0.5, 0.5, 1. ]])
    >>> weighted_spearman(X, [1.0, 0.0, 1.0, 0.0, 1.0]).round(2)
    array([[1., 1., 1.],
           [1., 1., 1.],
           [1., 1., 1.]])
    """
    columns, names = numeric_columns(X, missing_values)
    weights = check_event_weights(sample_weight, len(columns))
    correlation = rank_correlation(columns, weights)
    if isinstance(X, pd.DataFrame):
        return pd.DataFrame(correlation, index=names, columns=names)
    return correlation


def rank_correlation(columns: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the correlations of `weighted_spearman` of columns that are checked.

    Parameters
    ----------
    columns : ndarray of shape (n_samples, n_features)
        Numbers, nan where they are undefined.
    weights : ndarray of shape (n_samples,)
        Signed event weights, one of them not zero.

    Returns
    -------
    correlation : ndarray of shape (n_features, n_features)
    """
    return _by_pattern(columns, to_unit_scale(weights))


def weighted_ranks(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the weight below each event and half of that which ties with it.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        A feature, without nan.
    weights : ndarray of shape (n_samples,)
        Signed event weights.

    Returns
    -------
    ranks : ndarray of shape (n_samples,)
    """
    codes = np.unique(values, return_inverse=True)[1]
    tied = np.bincount(codes, weights)
    return (np.cumsum(tied) - 0.5 * tied)[codes]


def pairs_of_patterns(
    columns: FloatArray,
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], BoolArray]]:
    """Yield columns that are defined together, and the events in which both sets are.

    Parameters
    ----------
    columns : ndarray of shape (n_samples, n_features)
        Numbers, nan where they are undefined.

    Yields
    ------
    first, second : ndarray of int
        Positions of columns; each pair of sets comes once.
    rows : ndarray of shape (n_samples,), dtype bool
    """
    defined = ~np.isnan(columns)
    patterns, codes = np.unique(defined, axis=1, return_inverse=True)
    members = [np.flatnonzero(codes == k) for k in range(patterns.shape[1])]
    for k, first in enumerate(members):
        for m, second in enumerate(members[: k + 1]):
            yield first, second, patterns[:, k] & patterns[:, m]


def _by_pattern(columns: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the correlations, ranking once for columns that are defined together."""
    correlation = np.full((columns.shape[1],) * 2, np.nan)
    for first, second, rows in pairs_of_patterns(columns):
        block = _correlation(columns, first, second, rows, weights)
        correlation[np.ix_(first, second)] = block
        correlation[np.ix_(second, first)] = block.T
    correlation = (correlation + correlation.T) / 2.0  # to the last bit
    diagonal = np.diagonal(correlation)
    np.fill_diagonal(correlation, np.where(np.isnan(diagonal), np.nan, 1.0))
    return correlation


def _correlation(
    columns: FloatArray,
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    rows: BoolArray,
    weights: FloatArray,
) -> FloatArray:
    weight = weights[rows]
    if not weight.sum() > 0.0:
        return np.full((len(first), len(second)), np.nan)
    positions = np.union1d(first, second)
    ranks = {i: _standardised_ranks(columns[rows, i], weight) for i in positions}
    left = np.column_stack([ranks[i] for i in first])
    right = np.column_stack([ranks[i] for i in second])
    return (left.T * weight) @ right / weight.sum()


def _standardised_ranks(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return ranks of mean 0 and variance 1; nan if they do not vary."""
    ranks = weighted_ranks(values, weights)
    ranks -= np.average(ranks, weights=weights)
    variance = np.average(ranks**2, weights=weights)
    smallest = 1e-14 * np.abs(weights).sum() ** 2
    return ranks / np.sqrt(variance) if variance > smallest else ranks * np.nan
