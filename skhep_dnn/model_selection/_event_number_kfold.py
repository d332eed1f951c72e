"""Folds from the numbers of the events, that every event has for ever.

A fold from the position of a row changes with the order of the rows, with a selection
and with each added sample. A fold from the run and event number does not: simulated or
recorded, varied or not, an event has one fold, in training as in the final analysis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import indexable
from sklearn.utils.validation import check_consistent_length

from skhep_dnn._tables import column_position, plain_table, select_columns
from skhep_dnn._validation import check_event_weights, check_labels
from skhep_dnn.model_selection._event_number import (
    EventNumbers,
    P,
    check_event_numbers,
    event_hash,
)
from skhep_dnn.weights import effective_sample_size

__all__ = [
    "EventNumberKFold",
    "Number",
    "fold_report",
    "number_positions",
    "numbers_of_columns",
]

Number = int | str | Sequence[int | str]
Folds = NDArray[np.int64]


class EventNumberKFold(BaseCrossValidator):
    """Deterministic folds from the run and event numbers of the events.

    Copies of one event, such as its systematic variations, have one number and are
    never on both sides of a split; an event stays in its fold whatever the order of the
    rows, whatever is selected, and whatever is added. New events have a fold, too: that
    of the model that scores them. The fold is an integer hash of the numbers, so that
    it has nothing to do with how they were given out; a few lines of C++ repeat it.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    column : int or str, or sequence of them, default=None
        Column of `X` with the event numbers, by name or by position, or the two of run
        and event numbers, in this order. None takes the numbers from `groups`.
    rule : {"hash", "modulo"}, default="hash"
        "modulo" takes the remainder of the event number alone, whatever the run. It is
        what many analyses have; numbers with a pattern, such as even ones only, then
        make unequal or empty folds.
    salt : int, default=0
        Another number, from 0 to 2147483646, gives other folds. Folds inside of folds
        need another one: the events of a training sample lack those of one fold.

    See Also
    --------
    skhep_dnn.ensemble.CrossFitClassifier : One model for each fold, and each event to
        the model that its number selects.
    sklearn.model_selection.GroupKFold : Folds by groups, which depend on the sample.

    Notes
    -----
    With ``P = 2147483647`` and ``Q = 2147483629``, the two largest primes below 2^31,
    and the constants 314159265, 358979323, 846264338, 327950288, 419716939, 937510582:

    1. ``h = salt``;
    2. for each of the six words ``run % P, run % Q, event % P, event % Q, 0, 0`` and
       the constant ``c`` of the same place: ``x = (h + word + c) % P`` and
       ``h = x**5 % P``, computed as ``y = x * x % P``, ``h = y * y % P * x % P``;
    3. ``fold = h % n_splits``.

    The run is 0 where there are event numbers alone. Numbers are whole, from 0 to
    2^63 - 1; every product is below 2^62. :doc:`/guides/event_number_folds` has test
    vectors and the rule in C++.

    Folds are not stratified: the shares of the classes, and above all of their weights,
    vary by chance. `report` shows by how much.

    Examples
    --------
    >>> import pandas as pd
    >>> from skhep_dnn.model_selection import EventNumberKFold
    >>> X = pd.DataFrame({"EventId": [7, 2, 3, 4, 5, 6], "mass": 125.0})
    >>> folds = EventNumberKFold(2, column="EventId")
    >>> folds.fold_numbers(X)
    array([0, 1, 1, 0, 1, 0])
    >>> folds.fold_numbers(X[X["EventId"] > 4])
    array([0, 1, 0])
    >>> for train, test in folds.split(X):
    ...     print(train, test)
    [1 2 4] [0 3 5]
    [0 3 5] [1 2 4]
    """

    __metadata_request__split: ClassVar = {"groups": True}

    def __init__(
        self,
        n_splits: int = 5,
        column: Number | None = None,
        *,
        rule: Literal["hash", "modulo"] = "hash",
        salt: int = 0,
    ) -> None:
        _check_options(n_splits, rule, salt)
        self.n_splits = n_splits
        self.column = column
        self.rule = rule
        self.salt = salt

    def split(
        self, X: Any, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> Iterator[tuple[Folds, Folds]]:
        """Yield positions of the training and the test events of each fold.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,), default=None
            Not used.
        groups : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Event numbers, or run and event numbers; not used if there is a `column`.

        Yields
        ------
        train, test : ndarray of int
            Sorted positions.

        Raises
        ------
        TypeError
            If the numbers are no numbers.
        ValueError
            If there are no numbers, they are not whole or out of range, or no event is
            in some fold.
        """
        X, _, groups = indexable(X, y, groups)
        folds = self.fold_numbers(X, groups)
        counts = np.bincount(folds, minlength=self.n_splits)
        if not counts.all():
            msg = (
                f"The events must be of all {self.n_splits} folds, got none of fold "
                f"{int(np.argmin(counts))} among {len(folds)} events. Take fewer "
                "folds, another `salt` where these events are a part of other folds, "
                'or rule="hash".'
            )
            raise ValueError(msg)
        for k in range(self.n_splits):
            yield np.flatnonzero(folds != k), np.flatnonzero(folds == k)

    def get_n_splits(
        self, X: object = None, y: object = None, groups: object = None
    ) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : object, default=None
            Not used.

        Returns
        -------
        n_splits : int
        """
        del X, y, groups
        return self.n_splits

    def fold_numbers(self, X: Any = None, groups: ArrayLike | None = None) -> Folds:
        """Return the fold of each event, of the sample or of any other.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features), default=None
            Events, where a `column` has the numbers.
        groups : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Event numbers, or run and event numbers, where there is no `column`.

        Returns
        -------
        folds : ndarray of shape (n_samples,), dtype int64
            From 0 to ``n_splits - 1``.

        Raises
        ------
        TypeError
            If the numbers are no numbers.
        ValueError
            If there are no numbers, or they are not whole or out of range.
        """
        numbers = self._numbers(X, groups)
        if self.rule == "modulo":
            return numbers.event % self.n_splits
        return event_hash(numbers, self.salt) % self.n_splits

    def report(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> pd.DataFrame:
        """Return yield and effective number of events by fold and class.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, in events; None counts every event once.
        groups : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Event numbers, or run and event numbers, where there is no `column`.

        Returns
        -------
        report : DataFrame
            One row for each fold and class, with the columns "fold", "class",
            "n_events", "yield" and "n_eff", of the events of the fold.

        Examples
        --------
        >>> from skhep_dnn.model_selection import EventNumberKFold
        >>> folds = EventNumberKFold(2)
        >>> folds.report(None, ["b", "s", "b"], [2.0, 0.5, 1.0], groups=[2, 4, 7])
           fold class  n_events  yield  n_eff
        0     0     b         1    1.0    1.0
        1     0     s         1    0.5    1.0
        2     1     b         1    2.0    1.0
        3     1     s         0    0.0    0.0
        """
        return fold_report(
            self.fold_numbers(X, groups), y, sample_weight, n_folds=self.n_splits
        )

    def _numbers(self, X: Any, groups: ArrayLike | None) -> EventNumbers:
        if self.column is not None:
            if X is None:
                msg = (
                    f"`X` must be the events with the column {self.column!r}, got "
                    "None. Pass the table."
                )
                raise ValueError(msg)
            return numbers_of_columns(plain_table(X), self.column, "column")
        if groups is None:
            msg = (
                "`groups` must be the event numbers where `column` is None, got None. "
                "Pass them, or name the column of `X` that has them."
            )
            raise ValueError(msg)
        return check_event_numbers(groups, "groups")


def number_positions(X: Any, column: Number, parameter: str) -> list[int]:
    """Return the positions of the columns of numbers: of events, or of run and event.

    Parameters
    ----------
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events.
    column : int or str, or sequence of them
        One column, or the two of run and event numbers.
    parameter : str
        Name of the parameter that gives them.

    Returns
    -------
    positions : list of int
        One or two, in the order given.

    Raises
    ------
    TypeError
        If a column is neither a name nor a position.
    ValueError
        If there is no such column, or not one or two.
    """
    names = [str(name) for name in X.columns] if isinstance(X, pd.DataFrame) else None
    given = [column] if isinstance(column, (str, Integral)) else list(column)  # type: ignore[arg-type]
    if not 1 <= len(given) <= 2:
        msg = (
            f"`{parameter}` must be one column, of event numbers, or two, of run and "
            f'event numbers, got {column!r}. Pass such as "EventId" or '
            '["run", "event"].'
        )
        raise ValueError(msg)
    return [column_position(c, names, X.shape[1], parameter) for c in given]


def numbers_of_columns(X: Any, column: Number, parameter: str) -> EventNumbers:
    """Return the numbers that stand in columns of a table.

    Parameters
    ----------
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Events.
    column : int or str, or sequence of them
        One column, or the two of run and event numbers.
    parameter : str
        Name of the parameter that gives them.

    Returns
    -------
    numbers : EventNumbers
    """
    table = select_columns(X, number_positions(X, column, parameter))
    return check_event_numbers(table, f"X[{column!r}]")


def fold_report(
    folds: NDArray[np.integer[Any]],
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    *,
    n_folds: int,
) -> pd.DataFrame:
    """Return yield and effective number of events by fold and class.

    Parameters
    ----------
    folds : ndarray of shape (n_samples,), dtype int
        Fold of each event.
    y : array-like of shape (n_samples,)
        Labels.
    sample_weight : array-like of shape (n_samples,) or None
        Physics weights; None counts each event once.
    n_folds : int
        Number of folds.

    Returns
    -------
    report : DataFrame
    """
    labels = check_labels(y)
    check_consistent_length(folds, labels)
    weights = check_event_weights(sample_weight, len(labels))
    rows = []
    for k in range(n_folds):
        for label in np.unique(labels).tolist():
            own = weights[(folds == k) & (labels == label)]
            n_eff = effective_sample_size(own)
            rows.append((k, label, len(own), float(own.sum()), n_eff))
    return pd.DataFrame(rows, columns=["fold", "class", "n_events", "yield", "n_eff"])


def _check_options(n_splits: object, rule: object, salt: object) -> None:
    if not isinstance(n_splits, Integral) or isinstance(n_splits, bool) or n_splits < 2:
        remedy = "Pass 5, say."
        if isinstance(n_splits, str | list | tuple):
            remedy = f"Pass columns by their keyword, `column={n_splits!r}`."
        msg = (
            f"`n_splits` must be a whole number of at least 2, got {n_splits!r}. "
            f"{remedy}"
        )
        raise ValueError(msg)
    if rule not in ("hash", "modulo"):
        msg = f"`rule` must be 'hash' or 'modulo', got {rule!r}. Choose one."
        raise ValueError(msg)
    is_whole = isinstance(salt, Integral) and not isinstance(salt, bool)
    if not is_whole or not 0 <= int(salt) < P:  # type: ignore[call-overload]
        msg = (
            f"`salt` must be a whole number from 0 to {P - 1}, got {salt!r}. Pass "
            "another one."
        )
        raise ValueError(msg)
    if rule == "modulo" and salt != 0:
        msg = (
            f"`salt` must be 0 with rule='modulo', which has none, got {salt!r}. Leave "
            'it out, or take rule="hash".'
        )
        raise ValueError(msg)
