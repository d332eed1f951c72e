"""The events of an export as its manifest knows them: columns, numbers and hashes.

The columns are those of the fit, found by name whatever their order in the table, so
that a table of pandas, polars, pyarrow or NumPy is the same table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_consistent_length

from skhep_dnn._sklearn import _safe_indexing
from skhep_dnn._tables import plain_table, select_columns
from skhep_dnn._validation import check_event_weights, check_labels
from skhep_dnn.export._event_keys import Keys, column_words, event_keys, value_words
from skhep_dnn.export._seen_events import KnownBy

__all__ = [
    "EventTable",
    "TableHashes",
    "event_table",
    "labelled_hash",
    "labels_and_weights",
]


@dataclass(frozen=True)
class TableHashes:
    """What a table of events is recognised by.

    Attributes
    ----------
    in_order : str
        SHA-256 of the events as they stand: of the numbers, where there are some, and
        of the columns, one after another, as little-endian words of 64 bits.
    in_any_order : str
        SHA-256 of the sorted keys of the events, the same for any order of the rows.
    """

    in_order: str
    in_any_order: str


@dataclass(frozen=True, eq=False)
class EventTable:
    """Events with the columns of a model.

    Attributes
    ----------
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Columns of the model, in its order.
    inputs : list of int
        Positions of the columns that are no event numbers.
    numbers : ndarray of shape (n_samples, 2), dtype int64, or None
        Run and event numbers.
    """

    X: Any
    inputs: list[int]
    numbers: NDArray[np.int64] | None

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.X)

    def take(self, rows: NDArray[np.int64]) -> EventTable:
        """Return some of the events."""
        numbers = None if self.numbers is None else self.numbers[rows]
        return EventTable(_safe_indexing(self.X, rows), self.inputs, numbers)

    def beside(self, *, has_runs: bool) -> NDArray[np.int64] | None:
        """Return numbers that no column of the model has, as a prediction takes them.

        Parameters
        ----------
        has_runs : bool
            Whether it takes run and event numbers, or event numbers alone.

        Returns
        -------
        numbers : ndarray of shape (n_samples, 2) or (n_samples,), or None
        """
        if self.numbers is None or len(self.inputs) < self.X.shape[1]:
            return None
        return self.numbers if has_runs else self.numbers[:, 1]

    @cached_property
    def contents(self) -> Keys:
        """Key of what stands in the columns of each event."""
        return event_keys(self._column_words(), len(self))

    def known_as(self, known_by: KnownBy) -> NDArray[Any]:
        """Return what the events are known by.

        Parameters
        ----------
        known_by : {"numbers", "contents"}
            Which of both.

        Returns
        -------
        values : ndarray of shape (n_samples, 2) or (n_samples, 1)

        Raises
        ------
        ValueError
            If there are no numbers.
        """
        if known_by == "contents":
            return self.contents[:, np.newaxis]
        if self.numbers is None:
            msg = (
                "`event_number` must be passed where the events of the fit are known "
                "by their numbers, got None. Pass them, or a table with their columns."
            )
            raise ValueError(msg)
        return self.numbers

    @cached_property
    def keys(self) -> Keys:
        """Key of numbers and contents of each event."""
        return event_keys([*self._number_words(), self.contents], len(self))

    def hashes(self) -> TableHashes:
        """Return what the table is recognised by.

        Returns
        -------
        hashes : TableHashes
        """
        in_order = sha256()
        for words in [*self._number_words(), *self._column_words()]:
            in_order.update(words.astype("<u8").data)
        return TableHashes(in_order.hexdigest(), _hash_in_any_order(self.keys))

    def _number_words(self) -> list[Keys]:
        if self.numbers is None:
            return []
        return [np.ascontiguousarray(c).view(np.uint64) for c in self.numbers.T]

    def _column_words(self) -> Iterator[Keys]:
        return (column_words(self.X, position) for position in self.inputs)


def event_table(
    X: Any,
    event_number: ArrayLike | None,
    *,
    columns: Sequence[str],
    is_named: bool,
    number_columns: Sequence[str],
) -> EventTable:
    """Return events with the columns of a model, and their numbers.

    Parameters
    ----------
    X : DataFrame or array-like of shape (n_samples, n_columns)
        Events. Columns with names are found by them, and there may be others.
    event_number : array-like of shape (n_samples,) or (n_samples, 2), or None
        Event numbers, or run and event numbers, where no column has them.
    columns : sequence of str
        Names of the columns of the model, or their positions.
    is_named : bool
        Whether they are names.
    number_columns : sequence of str
        Those of the columns that have the event numbers, or the run and event numbers.

    Returns
    -------
    events : EventTable

    Raises
    ------
    ValueError
        If a column is missing, or numbers are given twice.
    """
    # The package of the folds loads torch, which the rest of this does not need.
    from skhep_dnn.model_selection._event_number import (  # noqa: PLC0415
        check_event_numbers,
    )

    table = _with_columns(plain_table(X), columns, is_named=is_named)
    hidden = [list(columns).index(name) for name in number_columns]
    inputs = [k for k in range(len(columns)) if k not in hidden]
    given: Any = event_number
    if hidden:
        if event_number is not None:
            msg = (
                "`event_number` must be given once, got both the columns "
                f"{list(number_columns)!r} and an argument. Leave out the argument."
            )
            raise ValueError(msg)
        given = select_columns(table, hidden)
    if given is None:
        return EventTable(table, inputs, None)
    numbers = check_event_numbers(given, "event_number")
    check_consistent_length(table, numbers.event)
    return EventTable(table, inputs, np.column_stack(numbers))


def labelled_hash(
    keys: Keys, labels: NDArray[Any], weights: NDArray[np.float64]
) -> str:
    """Return the SHA-256 of events with labels and weights, in any order.

    Parameters
    ----------
    keys : ndarray of shape (n_samples,), dtype uint64
        Keys of the events.
    labels : ndarray of shape (n_samples,)
        Their labels.
    weights : ndarray of shape (n_samples,)
        Their physics weights, which count as float32.

    Returns
    -------
    hash : str
    """
    words = [keys, value_words(labels, "`y`"), value_words(weights, "`sample_weight`")]
    return _hash_in_any_order(event_keys(words, len(keys)))


def _hash_in_any_order(keys: Keys) -> str:
    return sha256(np.sort(keys).astype("<u8").data).hexdigest()


def _with_columns(table: Any, columns: Sequence[str], *, is_named: bool) -> Any:
    """Return the columns of the model, in its order."""
    if is_named and isinstance(table, pd.DataFrame):
        missing = [name for name in columns if name not in table.columns]
        if missing:
            msg = (
                f"`X` must have the columns of the model, got none called "
                f"{missing[:20]!r}. Pass a table with them."
            )
            raise ValueError(msg)
        return table[list(columns)]
    if table.shape[1] != len(columns):
        msg = (
            f"`X` must have the {len(columns)} columns of the model, got "
            f"{table.shape[1]}. Pass these, in the order of the fit."
        )
        raise ValueError(msg)
    if isinstance(table, pd.DataFrame):  # whose names say nothing to the model
        return table.to_numpy()
    return table


def labels_and_weights(
    n_events: int, y: ArrayLike | None, sample_weight: ArrayLike | None
) -> tuple[NDArray[Any] | None, NDArray[np.float64]]:
    """Return the labels of events, if there are some, and their weights.

    Parameters
    ----------
    n_events : int
        Number of events.
    y : array-like of shape (n_events,) or None
        Labels.
    sample_weight : array-like of shape (n_events,) or None
        Physics weights; None counts every event once.

    Returns
    -------
    labels : ndarray of shape (n_events,) or None
    weights : ndarray of shape (n_events,)

    Raises
    ------
    ValueError
        If lengths differ, or a label or weight is undefined.
    """
    weights = check_event_weights(sample_weight, n_events)
    if y is None:
        return None, weights
    labels = check_labels(y)
    if len(labels) != n_events:
        msg = (
            f"`y` must have one label for each of the {n_events} events, got "
            f"{len(labels)}. Pass the labels of exactly the events in `X`."
        )
        raise ValueError(msg)
    return labels, weights
