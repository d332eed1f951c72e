"""Is a column what it seems: has it a value that stands apart, is its spread lost.

Both are looked for in a sample of the events, so that they cost next to nothing, and
then in all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skhep_dnn._told_columns import Finding
from skhep_dnn.exceptions import UndeclaredMissingValueWarning

__all__ = ["drawn_rows", "is_lost_in_float32", "marked_columns", "values_apart"]

FloatArray = NDArray[np.floating[Any]]

# Events in which a column is looked at first; all if there are not more.
N_DRAWN = 20_000
MIN_SHARE = 0.01  # of the entries that a value that stands apart has
MAX_DISCRETE = 10  # values of a column of which none is a mark
CENTRAL = (0.01, 0.99)  # quantiles between which the bulk of the values lies
MAX_ROUNDING = 0.01  # of the range of the bulk


def drawn_rows(n_samples: int) -> NDArray[np.int64] | slice:
    """Return rows that stand for all, the same ones in each call.

    Parameters
    ----------
    n_samples : int
        Number of events.

    Returns
    -------
    rows : ndarray of int, or slice
        Drawn at random, sorted; all if they are not many.
    """
    if n_samples <= N_DRAWN:
        return slice(None)
    # With a fixed stride every row could be of one class.
    rows = np.random.default_rng(0).integers(n_samples, size=N_DRAWN)
    return np.sort(rows)


def values_apart(values: FloatArray, *, is_part: bool = False) -> list[float]:
    """Return the values at the edges of a column that may mark undefined entries.

    Such a value has more than one entry and more than 1 % of them, and a distance to
    the next one that is larger than the range of the bulk of the others, from the
    quantile of 1 % to that of 99 %. The others have more than ten different values.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        A column, nan where it is undefined.
    is_part : bool, default=False
        Whether these are some of the events, in which the conditions are met
        approximately where they are met by all.

    Returns
    -------
    values : list of float
        None, one or two.

    Examples
    --------
    >>> import numpy as np
    >>> values_apart(np.append(np.linspace(20.0, 200.0, 90), [-999.0] * 10))
    [-999.0]
    >>> values_apart(np.append(np.linspace(20.0, 200.0, 90), [0.0] * 10))
    []
    """
    slack = 0.5 if is_part else 1.0
    defined = values[np.isfinite(values)].astype(np.float64)
    if not len(defined):
        return []
    enough = max(slack * MIN_SHARE * len(values), 1.0)  # once is no repetition
    edges = [float(defined.min()), float(defined.max())]
    edges = [edge for edge in edges if np.count_nonzero(defined == edge) > enough]
    # Two marks, one at each end, can hide each other.
    if len(edges) == 2 and _are_apart(defined, edges, slack):
        return edges
    return [edge for edge in edges if _are_apart(defined, [edge], slack)]


def _are_apart(defined: FloatArray, edges: list[float], slack: float) -> bool:
    """Return whether all other values lie together, far from these."""
    rest = defined[(defined != edges[0]) & (defined != edges[-1])]
    if not any(len(np.unique(part)) > MAX_DISCRETE for part in (rest[:1000], rest)):
        return False
    low, high = np.quantile(rest, CENTRAL)
    gaps = [max(rest.min() - edge, edge - rest.max()) for edge in edges]
    return bool(high > low and min(gaps) > slack * (high - low))


def marked_columns(columns: Iterable[tuple[str, FloatArray]]) -> list[Finding]:
    """Return the values that stand apart in some columns, to be told.

    Parameters
    ----------
    columns : iterable of (str, ndarray of shape (n_samples,))
        What messages call them, and the values, nan where they are undefined.

    Returns
    -------
    findings : list of Finding
    """
    return [
        Finding(UndeclaredMissingValueWarning, name, f"{value:.6g}")
        for name, values in columns
        if values_apart(values[drawn_rows(len(values))], is_part=True)
        for value in values_apart(values)
    ]


def is_lost_in_float32(values: NDArray[Any]) -> bool:
    """Return whether float32 keeps the values of a column apart no more.

    Either the rounding error is above 1 % of the range of the bulk of the values, or
    whole numbers become less than half as many different ones.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        A column of any type of numbers, nan where it is undefined.

    Returns
    -------
    is_lost : bool

    Examples
    --------
    >>> import numpy as np
    >>> seconds = np.linspace(-50.0, 50.0, 1000)
    >>> is_lost_in_float32(1.7e9 + seconds), is_lost_in_float32(seconds)
    (True, False)
    """
    defined = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    exact = defined.astype(np.float64)
    if not len(exact):
        return False
    low, high = np.quantile(exact, CENTRAL)
    inner = exact[(exact >= low) & (exact <= high)]
    if not len(inner):  # of two or three values, all at the edges
        return False
    error = inner.astype(np.float32).astype(np.float64) - inner
    if np.sqrt(np.mean(error**2)) > MAX_ROUNDING * (high - low):
        return bool(high > low)
    if (exact != np.floor(exact)).any():
        return False
    n_given = len(np.unique(defined))
    return len(np.unique(defined.astype(np.float32))) < 0.5 * n_given
