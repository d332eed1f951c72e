"""Which features depend linearly on each other, on weighted events, with errors."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._validation import check_event_weights
from skhep_dnn.feature_selection._columns import numeric_columns
from skhep_dnn.feature_selection._rank_correlation import pairs_of_patterns
from skhep_dnn.weights._class_sums import to_unit_scale

__all__ = ["linear_correlation", "weighted_correlation"]

FloatArray = NDArray[np.float64]

_NO_VARIANCE = 1e-14  # of the mean square, below which a variance is rounding


@overload
def weighted_correlation(
    X: pd.DataFrame,
    sample_weight: ArrayLike | None = None,
    *,
    missing_values: float = float("nan"),
) -> tuple[pd.DataFrame, pd.DataFrame]: ...


@overload
def weighted_correlation(
    X: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    missing_values: float = float("nan"),
) -> tuple[FloatArray, FloatArray]: ...


def weighted_correlation(
    X: Any,
    sample_weight: ArrayLike | None = None,
    *,
    missing_values: float = float("nan"),
) -> tuple[pd.DataFrame, pd.DataFrame] | tuple[FloatArray, FloatArray]:
    r"""Linear correlation of each pair of features of weighted events, with errors.

    Pearson's coefficient, which a few events in a tail can move:
    `weighted_spearman` finds any monotonic dependence.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        Events. A pair is compared on the events in which both are defined.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones too; None counts every event once. Of signal and
        background together the larger yield decides: correlate one class alone.
    missing_values : float, default=nan
        Value that marks an undefined entry besides nan, such as -999.

    Returns
    -------
    correlation, error : DataFrame or ndarray of shape (n_features, n_features)
        DataFrames with the names of the columns if `X` is one. nan where the weights
        of the events in common do not sum to more than 0 or the weighted variance of a
        feature is not above 0.

    Raises
    ------
    ValueError
        If a column is not of numbers.
    WeightsError
        If the weights are unusable.

    See Also
    --------
    weighted_spearman : Of ranks.
    skhep_dnn.inspection.CorrelationDisplay : The figure.

    Notes
    -----
    With weighted means of 0 and variances of 1, and the sum of the weights :math:`W`,

    .. math:: r = \frac{1}{W} \sum_i w_i x_i y_i , \qquad
              \sigma_r^2 = \frac{1}{W^2} \sum_i w_i^2
              \left( x_i y_i - \frac{r}{2} (x_i^2 + y_i^2) \right)^2 ,

    to first order in the fluctuations of all sums. For Gaussian features of equal
    weight that is :math:`(1 - r^2)^2 / n`. All sums take the signs of the weights: an
    event of negative weight removes an equal event. With many of them a fluctuation may
    bring the result beyond 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.feature_selection import weighted_correlation
    >>> x, y = np.random.default_rng(0).normal(size=(2, 4000))
    >>> X = np.column_stack([x, 0.6 * x + 0.8 * y])
    >>> correlation, error = weighted_correlation(X)
    >>> correlation.round(2), error.round(3)
    (array([[1. , 0.6],
           [0.6, 1. ]]), array([[0.  , 0.01],
           [0.01, 0.  ]]))
    """
    columns, names = numeric_columns(X, missing_values)
    weights = check_event_weights(sample_weight, len(columns))
    tables = linear_correlation(columns, weights)
    if isinstance(X, pd.DataFrame):
        correlation, error = (
            pd.DataFrame(table, index=names, columns=names) for table in tables
        )
        return correlation, error
    return tables


def linear_correlation(
    columns: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return what `weighted_correlation` does of columns that are checked.

    Parameters
    ----------
    columns : ndarray of shape (n_samples, n_features)
        Numbers, nan where they are undefined.
    weights : ndarray of shape (n_samples,)
        Signed event weights, one of them not zero.

    Returns
    -------
    correlation, error : ndarray of shape (n_features, n_features)
    """
    weights = to_unit_scale(weights)
    correlation, error = np.full((2, *(columns.shape[1],) * 2), np.nan)
    for first, second, rows in pairs_of_patterns(columns):
        blocks = _correlation(columns, first, second, rows, weights)
        for table, block in zip((correlation, error), blocks, strict=True):
            table[np.ix_(first, second)] = block
            table[np.ix_(second, first)] = block.T
    for table, value in ((correlation, 1.0), (error, 0.0)):
        table[:] = (table + table.T) / 2.0  # to the last bit
        diagonal = np.diagonal(table)
        np.fill_diagonal(table, np.where(np.isnan(diagonal), np.nan, value))
    return correlation, error


def _correlation(
    columns: FloatArray,
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    rows: NDArray[np.bool_],
    weights: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    weight = weights[rows]
    total = weight.sum()
    if not total > 0.0:
        undefined = np.full((len(first), len(second)), np.nan)
        return undefined, undefined
    x, y = (
        _standardised(columns[np.ix_(rows, own)], weight) for own in (first, second)
    )
    r = (x.T * weight) @ y / total
    # The square of the influence of an event, multiplied out into sums over events.
    w2 = np.square(weight)
    x2, y2 = np.square(x), np.square(y)
    squares = (x2.T * w2) @ y2
    mixed = ((x2 * x).T * w2) @ y + (x.T * w2) @ (y2 * y)
    fourth = (w2 @ np.square(x2))[:, np.newaxis] + w2 @ np.square(y2) + 2.0 * squares
    variance = squares - r * mixed + 0.25 * r**2 * fourth
    return r, np.sqrt(np.maximum(variance, 0.0)) / total


def _standardised(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return columns of mean 0 and variance 1; nan if they do not vary."""
    scale = np.abs(values).max(axis=0, initial=0.0)
    values = values / np.where(scale > 0.0, scale, 1.0)
    values -= np.average(values, axis=0, weights=weights)
    variance = np.average(np.square(values), axis=0, weights=weights)
    sizes = np.abs(weights).sum() / weights.sum()
    variance[~(variance > _NO_VARIANCE * sizes)] = np.nan
    return np.asarray(values / np.sqrt(variance))
