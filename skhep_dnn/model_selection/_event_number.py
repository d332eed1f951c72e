"""Run and event numbers: whole numbers that stay exact, and the fold they give.

The fold of an event must come out the same in Python, in C++ and in an ONNX graph. So
it is computed by additions, multiplications and remainders of integers that never leave
the 64 bits of a signed integer.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skhep_dnn._arrays import defined_array
from skhep_dnn._tables import native_events, table_column

__all__ = ["EventNumbers", "check_event_numbers", "event_hash"]

Integers = NDArray[np.int64]

LARGEST = 2**63 - 1

# The two largest primes below 2**31. Two numbers below P * Q (more than 2**61) with
# the same remainders of both are the same number.
P = 2_147_483_647
Q = 2_147_483_629

# Digits of pi, nine for each round: 3.14159265 358979323 ...
ROUND_CONSTANTS = (
    314_159_265,
    358_979_323,
    846_264_338,
    327_950_288,
    419_716_939,
    937_510_582,
)


class EventNumbers(NamedTuple):
    """Numbers of the run and of the event in it, one of each for every event.

    Attributes
    ----------
    run, event : ndarray of shape (n_samples,), dtype int64
        From 0 to 2**63 - 1; the run is 0 where only event numbers are known.
    """

    run: Integers
    event: Integers

    def labels(self) -> Integers:
        """Return one integer an event, equal where both numbers are equal."""
        if not len(self.run) or (self.run == self.run[0]).all():
            return self.event
        pairs = np.column_stack([self.run, self.event])
        return np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)


def check_event_numbers(values: Any, name: str) -> EventNumbers:
    """Return event numbers, or run and event numbers, as exact integers.

    Parameters
    ----------
    values : array-like of shape (n_samples,), (n_samples, 1) or (n_samples, 2)
        Event numbers, or a column of run numbers and one of event numbers. Floats are
        taken if they are whole and small enough to have lost no digit.
    name : str
        What messages call them.

    Returns
    -------
    numbers : EventNumbers

    Raises
    ------
    TypeError
        If they are no numbers.
    ValueError
        If there are more columns, a number is not whole, is negative or above
        2**63 - 1, or is a float that may have lost digits.

    Examples
    --------
    >>> from skhep_dnn.model_selection._event_number import check_event_numbers
    >>> check_event_numbers([[3, 17], [3, 18]], "groups").event
    array([17, 18])
    """
    columns = _columns(values, name)
    event = _exact(columns[-1], name)
    run = _exact(columns[0], name) if len(columns) == 2 else np.zeros_like(event)
    return EventNumbers(run, event)


def event_hash(numbers: EventNumbers, salt: int = 0) -> Integers:
    """Return a number from 0 to 2**31 - 2 that looks random, the same everywhere.

    Four rounds take in the remainders of both numbers, two more mix. A round maps `h`
    to ``(h + word + constant) ** 5`` modulo P, which is a permutation of the remainders
    since 5 has no common divisor with P - 1. Every product is below 2**62.

    Parameters
    ----------
    numbers : EventNumbers
        Run and event numbers.
    salt : int, default=0
        Where `h` starts, from 0 to P - 1.

    Returns
    -------
    hashes : ndarray of shape (n_samples,), dtype int64

    Examples
    --------
    >>> from skhep_dnn.model_selection._event_number import (
    ...     check_event_numbers,
    ...     event_hash,
    ... )
    >>> event_hash(check_event_numbers([0, 1], "groups"))
    array([284234017, 861404553])
    """
    run, event = numbers
    h = np.full(len(event), salt, dtype=np.int64)
    nothing = np.zeros_like(event)
    words = (run % P, run % Q, event % P, event % Q, nothing, nothing)
    for word, constant in zip(words, ROUND_CONSTANTS, strict=True):
        x = (h + word + constant) % P
        fourth = x * x % P
        fourth = fourth * fourth % P
        h = fourth * x % P
    return h


def _columns(values: Any, name: str) -> list[NDArray[Any]]:
    """Return the columns, each with the dtype it came with."""
    if isinstance(values, pd.DataFrame):
        values = native_events(values)
        columns = [table_column(values, k) for k in range(values.shape[1])]
    else:
        array = defined_array(values, name)
        columns = [array] if array.ndim == 1 else list(array.T)
    if not 1 <= len(columns) <= 2 or columns[0].ndim != 1:
        msg = (
            f"`{name}` must be event numbers, or two columns of run and event numbers, "
            f"got the shape {np.shape(values)}. Pass them as (n_samples,) or "
            "(n_samples, 2)."
        )
        raise ValueError(msg)
    return columns


def _exact(column: NDArray[Any], name: str) -> Integers:
    kind = column.dtype.kind
    if kind == "O":
        return _exact_of_objects(column, name)
    if kind not in "iuf":
        _refuse_kind(f"{column.dtype}", name)
    if kind == "f":
        _check_floats(column, name)
    if len(column) and (column.min() < 0 or column.max() > LARGEST):
        _refuse_value(column[(column < 0) | (column > LARGEST)][0].item(), name)
    return column.astype(np.int64)


def _exact_of_objects(column: NDArray[Any], name: str) -> Integers:
    for value in column.tolist():
        if not isinstance(value, Integral) or isinstance(value, bool):
            _refuse_kind(repr(value), name)
        if not 0 <= value <= LARGEST:
            _refuse_value(value, name)
    return column.astype(np.int64)


def _check_floats(column: NDArray[np.floating[Any]], name: str) -> None:
    """Refuse what is not whole, and what other whole numbers may have become."""
    whole = np.isfinite(column) & (column == np.floor(column))
    if not whole.all():
        _refuse_value(column[~whole][0].item(), name)
    limit = 2.0 ** (np.finfo(column.dtype).nmant + 1)
    if len(column) and column.max() >= limit:
        msg = (
            f"`{name}` must be integers where they are {limit:.0f} or larger, got "
            f"{column.max():.0f} as {column.dtype}, which has lost digits: events "
            "would get the fold of another number. Keep the column as int64, in a "
            "DataFrame, or pass it beside the table."
        )
        raise ValueError(msg)


def _refuse_kind(got: str, name: str) -> None:
    msg = (
        f"`{name}` must be whole numbers, got {got}. Pass the run and event numbers as "
        "integers."
    )
    raise TypeError(msg)


def _refuse_value(value: Any, name: str) -> None:
    msg = (
        f"`{name}` must be whole numbers from 0 to {LARGEST}, got {value!r}. Pass the "
        "run and event numbers of the experiment as they are."
    )
    raise ValueError(msg)
