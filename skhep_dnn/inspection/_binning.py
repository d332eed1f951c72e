"""In which bins does a score show what matters, when one class has a long tail.

The scores of a background may reach ten times as far as those of the signal, and bins
of equal width over all of them would leave the signal a few. So the range and the bins
follow the weighted quantiles of the classes, each with the same total weight.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["check_bins", "quantiles", "score_edges"]

FloatArray = NDArray[np.float64]
Events = tuple[FloatArray, FloatArray]

_OUTERMOST = 0.005  # share of a class that a range leaves out on either side
_TAIL = 1.5  # widths of the narrowest class that are shown of another one
_MARGIN = 0.15  # a range reaches the last score if that is so near, in its widths
_SMALLEST = 0.02  # width of the narrowest class, in units of the whole range


def check_bins(bins: int | ArrayLike) -> int | FloatArray:
    """Return the number of bins, or their edges.

    Parameters
    ----------
    bins : int or array-like of shape (n_bins + 1,)
        Of the user.

    Returns
    -------
    bins : int or ndarray of shape (n_bins + 1,)

    Raises
    ------
    ValueError
        If it is neither a number of at least 1 nor rising, finite edges.
    """
    if np.ndim(bins) == 0:
        if not (isinstance(bins, int | np.integer) and bins >= 1):
            msg = (
                f"`bins` must be a number of at least 1 or edges, got {bins!r}. Pass "
                "25, or the edges of the bins."
            )
            raise ValueError(msg)
        return int(bins)
    edges = np.asarray(bins, dtype=np.float64)
    if len(edges) < 2 or not (np.isfinite(edges).all() and (np.diff(edges) > 0).all()):
        msg = (
            "`bins` must be at least two finite edges in increasing order, got "
            f"{edges.tolist()!r}. Sort them and drop what occurs twice."
        )
        raise ValueError(msg)
    return edges


def quantiles(
    values: FloatArray, shares: FloatArray, probabilities: Sequence[float]
) -> FloatArray:
    """Return the smallest values up to which given shares of the weights have come.

    With negative weights the sum can fall again; the first time counts.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Of each event.
    shares : ndarray of shape (n_samples,)
        Weights; their sum is 1.
    probabilities : sequence of float
        From 0 to 1, exclusive.

    Returns
    -------
    quantiles : ndarray of shape (n_probabilities,)

    Examples
    --------
    >>> quantiles(np.array([3.0, 1.0, 2.0]), np.array([0.2, 0.2, 0.6]), [0.1, 0.5])
    array([1., 2.])
    """
    order = np.argsort(values)
    reached = np.cumsum(shares[order])
    # a sum of roundings may end just below 1
    first = [int(np.argmax(reached >= p - 1e-12)) for p in probabilities]
    return values[order][first]


def score_edges(bins: int | ArrayLike, classes: Sequence[Events]) -> FloatArray:
    """Return edges of bins that show where the scores of all classes are.

    Parameters
    ----------
    bins : int or array-like of shape (n_bins + 1,)
        The edges, or the number of bins.
    classes : sequence of (scores, weights)
        Events of each class. Only the sizes of the weights count.

    Returns
    -------
    edges : ndarray
        Those given; or from 0 to 1 if all scores lie there, else over the range where
        the classes are. The bins are narrow where there are many events: their edges
        stand at equal steps of the mean of two rising functions, the position in the
        range and the share of the weights below. Scores that tie leave fewer bins.

    Raises
    ------
    ValueError
        If `bins` is not as described.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> background, signal = -30.0 * rng.exponential(size=1000), rng.normal(size=1000)
    >>> edges = score_edges(10, [(background, np.ones(1000)), (signal, np.ones(1000))])
    >>> bool(background.min() < 10 * edges[0]), bool(np.diff(edges).max() < 3.0)
    (True, True)
    """
    bins = check_bins(bins)
    if not isinstance(bins, int):
        return bins
    finite = [_finite(*events) for events in classes]
    filled = [events for events in finite if len(events[0])]
    if not filled:
        return np.linspace(0.0, 1.0, bins + 1)
    low, high = _range(filled)
    scores = np.concatenate([scores for scores, _ in filled])
    shares = np.concatenate([shares for _, shares in filled])
    inside = (scores >= low) & (scores <= high)
    order = np.argsort(scores[inside])
    rising = np.concatenate([[low], scores[inside][order], [high]])
    below = np.concatenate([[0.0], np.cumsum(shares[inside][order])])
    below = np.append(below / below[-1], 1.0)
    position = (rising - low) / (high - low)
    edges = np.interp(np.linspace(0.0, 1.0, bins + 1), (position + below) / 2, rising)
    edges[[0, -1]] = low, high
    distinct = np.diff(edges, prepend=-np.inf) > 1e-9 * (high - low)
    return edges[distinct]


def _finite(scores: FloatArray, weights: FloatArray) -> Events:
    """Return the finite scores of a class, and the shares of their weights."""
    kept = np.isfinite(scores) & (weights != 0)
    shares = np.abs(weights[kept])
    return scores[kept], shares / max(shares.sum(), np.finfo(float).tiny)


def _range(classes: Sequence[Events]) -> tuple[float, float]:
    """Return the ends of a range that shows what is wide around what is narrow."""
    smallest = min(float(scores.min()) for scores, _ in classes)
    largest = max(float(scores.max()) for scores, _ in classes)
    if smallest >= 0.0 and largest <= 1.0:
        return 0.0, 1.0
    ends = np.array(
        [quantiles(*events, [_OUTERMOST, 1.0 - _OUTERMOST]) for events in classes]
    )
    whole = float(ends[:, 1].max() - ends[:, 0].min())
    narrowest = max(float(np.diff(ends).min()), _SMALLEST * whole)
    shown = np.array(
        [
            own
            if own[1] - own[0] <= _TAIL * narrowest
            else _fullest_window(*events, _TAIL * narrowest)
            for events, own in zip(classes, ends, strict=True)
        ]
    )
    low, high = float(shown[:, 0].min()), float(shown[:, 1].max())
    margin = _MARGIN * (high - low)
    low = smallest if low - smallest <= margin else low
    high = largest if largest - high <= margin else high
    return (low, high) if low < high else (low - 0.5, low + 0.5)


def _fullest_window(
    scores: FloatArray, shares: FloatArray, width: float
) -> tuple[float, float]:
    """Return the ends of the window of a width that holds most of a class."""
    order = np.argsort(scores)
    rising = scores[order]
    reached = np.concatenate([[0.0], np.cumsum(shares[order])])
    stop = np.searchsorted(rising, rising + width, side="right")
    start = int(np.argmax(reached[stop] - reached[:-1]))
    return float(rising[start]), float(rising[start]) + width
