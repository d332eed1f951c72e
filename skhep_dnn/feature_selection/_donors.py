"""Whose values does an event get when a feature is permuted.

Donors are drawn in proportion to their weight, so that the permuted feature keeps its
weighted distribution. A plain permutation keeps that of the *simulated* events, which
depends on how many of each process were simulated: an event of weight 2 and two equal
events of weight 1 would give different results.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["donor_rows", "donor_weights"]

FloatArray = NDArray[np.float64]


def donor_weights(weights: FloatArray, labels: NDArray[Any] | None) -> FloatArray:
    """Return what the donors are drawn in proportion to.

    Parameters
    ----------
    weights : ndarray of shape (n_samples,)
        Event weights; of a negative one the absolute value counts.
    labels : ndarray of shape (n_samples,) or None
        Labels of classes, each of which gives as many donors; None for no classes.

    Returns
    -------
    weights : ndarray of shape (n_samples,)
        Not negative; the sum of each class is 1.
    """
    absolute = np.abs(weights)
    if labels is None:
        return absolute / absolute.sum()
    codes = np.unique(labels, return_inverse=True)[1]
    return absolute / np.bincount(codes, absolute)[codes]


def donor_rows(weights: FloatArray, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the row whose values each event gets.

    Systematic sampling: an event with the share p of the weights is drawn either
    floor(n p) or ceil(n p) times, and the donors are then shuffled. With equal weights
    that is a permutation.

    Parameters
    ----------
    weights : ndarray of shape (n_samples,)
        Weights of the donors, not negative, with a sum above 0.
    rng : numpy Generator
        Source of the random numbers.

    Returns
    -------
    rows : ndarray of shape (n_samples,)
    """
    n_samples = len(weights)
    edges = np.cumsum(weights)
    steps = (rng.random() + np.arange(n_samples)) * (edges[-1] / n_samples)
    last = int(np.flatnonzero(weights)[-1])
    rows = np.minimum(np.searchsorted(edges, steps, side="right"), last)
    return rng.permutation(rows)
