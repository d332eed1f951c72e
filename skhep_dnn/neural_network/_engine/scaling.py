"""Scaling of the inputs of each member, from its own training events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.neural_network._engine.data import Group
from skhep_dnn.neural_network._networks.layers import InputTransform

__all__ = ["learn_scaling", "weighted_statistics"]

ROWS = 4096  # of a block: temporary arrays stay in the cache
EPSILON = float(np.finfo(np.float32).eps)


def learn_scaling(
    inputs: InputTransform,
    group: Group,
    known: Sequence[NDArray[np.bool_]],
) -> None:
    """Set each member's scaling from its own training events.

    Of a masked column nothing is learnt, not even its scale.

    Parameters
    ----------
    inputs : InputTransform
        The first layer of the members.
    group : Group
        Events, and those of each member with their weights.
    known : sequence of ndarray of bool of shape (n_numeric,)
        For each member the columns whose scaling it brings along.

    Raises
    ------
    ValueError
        If a column that a member sees holds values that are infinite or too large.
    """
    n_numeric = inputs.n_numeric
    for k, member in enumerate(group.members):
        to_learn = ~known[k]
        if member.inputs is not None:
            to_learn &= member.inputs[:n_numeric]
        columns = np.flatnonzero(to_learn)
        if len(columns) == 0:
            continue
        mean, scale = weighted_statistics(
            group.events.X,
            member.rows,
            np.abs(member.weights),
            inputs.missing_values,
            columns,
        )
        broken = ~(np.isfinite(mean) & np.isfinite(scale))
        if broken.any():
            msg = (
                "`X` must hold finite numbers where they are defined, got infinite or "
                f"too large ones in column {columns[broken][0]} for member "
                f"{group.first + k}. Correct them, or replace them by nan."
            )
            raise ValueError(msg)
        inputs.set_statistics(k, columns, mean, scale)


def weighted_statistics(
    X: NDArray[np.float32],
    index: NDArray[np.int64],
    weights: NDArray[np.float64],
    missing_values: float,
    columns: NDArray[np.intp] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weighted mean and standard deviation of the defined values of each column.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Inputs; nan and `missing_values` are undefined.
    index : ndarray of shape (n_events,)
        Rows that count.
    weights : ndarray of shape (n_events,)
        Their weights, not negative.
    missing_values : float
        Value that marks an undefined entry besides nan.
    columns : ndarray of int or None, default=None
        Positions of the columns that count; None for all.

    Returns
    -------
    mean, scale : ndarray of shape (n_columns,)
        0 and 1 for a column without defined values, scale 1 for a constant one.
    """
    # Not as products of matrices, whose bits depend on the number of BLAS threads.
    if columns is None:
        columns = np.arange(X.shape[1])
    total, sums, squares = np.zeros((3, len(columns)))
    # Two passes: a variance from sums of squares loses its digits where the mean is
    # large against the spread, as of a mass or a run number.
    for x, w in _defined(X, index, weights, missing_values, columns):
        total += w.sum(axis=0)
        sums += np.einsum("ij,ij->j", w, x)
    total[total <= 0.0] = 1.0
    mean = sums / total
    for x, w in _defined(X, index, weights, missing_values, columns):
        deviation = x - mean
        squares += np.einsum("ij,ij,ij->j", w, deviation, deviation)
    scale = np.sqrt(squares / total)
    constant = scale <= 10.0 * EPSILON * np.abs(mean)
    return mean, np.where(constant, 1.0, scale)


def _defined(
    X: NDArray[np.float32],
    index: NDArray[np.int64],
    weights: NDArray[np.float64],
    missing_values: float,
    columns: NDArray[np.intp],
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield blocks of values and weights, both zero where a value is undefined."""
    for first in range(0, len(index), ROWS):
        part = slice(first, first + ROWS)
        # All columns of a few rows, then some of them: copies stay as small as a block.
        x = X[index[part]].take(columns, axis=1).astype(np.float64)
        defined = ~(np.isnan(x) | (x == np.float32(missing_values)))
        x[~defined] = 0.0
        yield x, defined * weights[part, np.newaxis]
