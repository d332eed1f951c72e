"""Scaling of the inputs of each member, from its own training events."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from skhep_dnn.neural_network._engine.data import Group
from skhep_dnn.neural_network._networks.layers import InputTransform

__all__ = ["learn_scaling", "weighted_statistics"]

ROWS = 4096  # of a block: temporary arrays stay in the cache
EPSILON = float(np.finfo(np.float32).eps)


def learn_scaling(inputs: InputTransform, n_numeric: int, group: Group) -> None:
    """Set each member's scaling from its own training events.

    Of a masked column nothing is learnt, not even its scale.

    Parameters
    ----------
    inputs : InputTransform
        The first layer of the members.
    n_numeric : int
        Number of numeric columns, which come first.
    group : Group
        Events, and those of each member with their weights.
    """
    numbers = group.events.X[:, :n_numeric]
    for k, member in enumerate(group.members):
        if member.start is not None:
            continue  # it brings its own
        mean, scale = np.zeros(n_numeric), np.ones(n_numeric)
        seen = slice(None) if member.inputs is None else member.inputs[:n_numeric]
        mean[seen], scale[seen] = weighted_statistics(
            numbers[:, seen], member.rows, np.abs(member.weights), inputs.missing_values
        )
        inputs.set_statistics(k, torch.from_numpy(mean), torch.from_numpy(scale))


def weighted_statistics(
    X: NDArray[np.float32],
    index: NDArray[np.int64],
    weights: NDArray[np.float64],
    missing_values: float,
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

    Returns
    -------
    mean, scale : ndarray of shape (n_features,)
        0 and 1 for a column without defined values, scale 1 for a constant one.
    """
    # Not as products of matrices, whose bits depend on the number of BLAS threads.
    total, sums, squares = np.zeros((3, X.shape[1]))
    # Two passes: a variance from sums of squares loses its digits where the mean is
    # large against the spread, as of a mass or a run number.
    for x, w in _defined(X, index, weights, missing_values):
        total += w.sum(axis=0)
        sums += np.einsum("ij,ij->j", w, x)
    total[total <= 0.0] = 1.0
    mean = sums / total
    for x, w in _defined(X, index, weights, missing_values):
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
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield blocks of values and weights, both zero where a value is undefined."""
    for first in range(0, len(index), ROWS):
        part = slice(first, first + ROWS)
        x = X[index[part]].astype(np.float64)
        defined = ~(np.isnan(x) | (x == np.float32(missing_values)))
        x[~defined] = 0.0
        yield x, defined * weights[part, np.newaxis]
