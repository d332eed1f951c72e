"""A column of fold numbers, one for each event, as what `cv` takes.

Analyses know the fold of an event from its number, such as ``df["event"] % 5``. Such a
column belongs to one table: it cannot follow the events into a part of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import PredefinedSplit

from skhep_dnn._sklearn import _num_samples

__all__ = ["FoldNumbers", "as_splitter"]

Index = NDArray[np.int64]


class FoldNumbers(PredefinedSplit):
    """Folds of given numbers, for a table of as many events and no other.

    Unlike `sklearn.model_selection.PredefinedSplit` it looks at the number of events,
    and is silent where groups are for others.

    Parameters
    ----------
    test_fold : ndarray of shape (n_samples,), dtype int
        Number of the fold that tests each event; -1 for one that is never tested and
        trains all models.

    Examples
    --------
    >>> folds = FoldNumbers(np.array([0, 1, 1, -1]))
    >>> for train, test in folds.split(np.zeros((4, 2))):
    ...     print(train, test)
    [1 2 3] [0]
    [0 3] [1 2]
    """

    def split(
        self,
        X: Any,
        y: Any = None,  # noqa: ARG002
        groups: Any = None,  # noqa: ARG002
    ) -> Iterator[tuple[Index, Index]]:
        """Yield the positions of the training and test events of each fold.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The events that have the numbers.
        y, groups : object
            Not used.

        Yields
        ------
        train, test : ndarray of int
            Positions of the events.

        Raises
        ------
        ValueError
            If there is another number of events.
        """
        if _num_samples(X) != len(self.test_fold):
            msg = (
                f"`cv` must have a fold number for each of the {_num_samples(X)} "
                f"events, got {len(self.test_fold)}. An array does not follow the "
                "events into the parts that a search or a cross-validation fits: pass "
                "their event numbers as `groups` with cv=EventNumberKFold(5), or name "
                'the column, as in cv=EventNumberKFold(5, column="event").'
            )
            raise ValueError(msg)
        for number in self.unique_folds:
            is_tested = self.test_fold == number
            yield np.flatnonzero(~is_tested), np.flatnonzero(is_tested)

    def take(self, rows: Index) -> FoldNumbers:
        """Return the folds of some of the events."""
        return FoldNumbers(self.test_fold[rows])


def as_splitter(cv: Any) -> Any:
    """Return a column of fold numbers as a splitter, and any other `cv` as it is.

    Parameters
    ----------
    cv : int, splitter, iterable or None
        Folds. Whole numbers in a one-dimensional array, column or sequence are those
        of the folds, one for each event; -1 marks an event that is never tested and
        trains all models.

    Returns
    -------
    cv : int, splitter, iterable or None

    Raises
    ------
    ValueError
        If a column holds something else than whole numbers from -1 on.

    Examples
    --------
    >>> as_splitter(np.array([101, 102, 103]) % 2)
    FoldNumbers(test_fold=array([1, 0, 1]))
    >>> as_splitter(5)
    5
    """
    if isinstance(cv, PredefinedSplit):
        return FoldNumbers(cv.test_fold)
    return FoldNumbers(_whole_numbers(cv)) if _is_column(cv) else cv


def _is_column(cv: Any) -> bool:
    """Return whether something is a sequence of single values, not of splits."""
    if cv is None or isinstance(cv, (Integral, str)) or hasattr(cv, "split"):
        return False
    if not hasattr(cv, "__len__") or len(cv) == 0 or getattr(cv, "ndim", 1) != 1:
        return False
    first = next(iter(cv))
    # A split of unequal parts has no dimension that NumPy knows.
    return not isinstance(first, (tuple, list)) and np.ndim(first) == 0


def _whole_numbers(cv: ArrayLike) -> NDArray[np.int64]:
    values = np.asarray(cv)
    numbers = np.full(len(values), np.nan)
    is_object = values.dtype.kind == "O"  # of nullable integers, say
    if values.dtype.kind in "iuf" or (is_object and _are_numbers(values)):
        numbers = values.astype(np.float64)
    is_whole = np.isfinite(numbers) & (numbers == np.round(numbers)) & (numbers >= -1.0)
    if not is_whole.all():
        wrong = values.tolist()[int(is_whole.argmin())]
        msg = (
            "`cv` must hold whole fold numbers from 0 on where it is a column, or -1 "
            f"for events that are never tested, got {wrong!r} in {values.dtype}. Pass "
            "such as df['event'] % 5."
        )
        raise ValueError(msg)
    return numbers.astype(np.int64)


def _are_numbers(values: NDArray[np.object_]) -> bool:
    return all(isinstance(v, Real) and not isinstance(v, bool) for v in values)
