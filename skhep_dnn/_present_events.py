"""Which events are there: those of a class that has no weight are as good as absent.

What fits in folds must leave them out before it splits, as if they had not been passed.
Folds that count the events that were passed are translated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_classifier

from skhep_dnn._fold_numbers import FoldNumbers
from skhep_dnn._messages import shown
from skhep_dnn._sklearn import _check_method_params, _safe_indexing
from skhep_dnn.exceptions import WeightsError

__all__ = ["events_of_weighted_classes", "found", "splits_of_present", "taken"]

Index = NDArray[np.integer[Any]]
Present = NDArray[np.bool_]


def events_of_weighted_classes(
    estimator: Any, y: Any, sample_weight: ArrayLike | None, n_samples: int
) -> Present:
    """Return which events are of a class with a weight other than zero.

    Parameters
    ----------
    estimator : estimator
        What is fitted; only for a classifier a label is a class.
    y : array-like of shape (n_samples,) or None
        Labels.
    sample_weight : array-like of shape (n_samples,) or None
        Physics weights.
    n_samples : int
        Number of events.

    Returns
    -------
    present : ndarray of shape (n_samples,), dtype bool

    Raises
    ------
    WeightsError
        If of several classes only one has a weight.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhep_dnn._present_events import events_of_weighted_classes
    >>> y, w = ["b", "s", "s", "c"], [1.0, 0.0, 2.0, 0.0]
    >>> events_of_weighted_classes(LogisticRegression(), y, w, 4).tolist()
    [True, True, True, False]
    """
    labels = np.asarray(y)
    if sample_weight is None or labels.ndim != 1 or not is_classifier(estimator):
        return np.ones(n_samples, dtype=np.bool_)
    classes, codes = np.unique(labels, return_inverse=True)
    weighted = codes[np.asarray(sample_weight) != 0.0]
    has_weight = np.bincount(weighted, minlength=len(classes)) > 0
    if len(classes) > 1 and has_weight.sum() == 1:
        msg = (
            "`sample_weight` must have weights other than zero in two classes or "
            f"more, got them in class {shown(classes[has_weight][0])} only. Pass "
            "events of another class that count."
        )
        raise WeightsError(msg)
    return np.asarray(has_weight[codes])


def taken(
    present: Present, X: Any, y: Any, params: Mapping[str, Any]
) -> tuple[Any, Any, dict[str, Any]]:
    """Return the present events, with what is passed for them; all without a copy."""
    if present.all():
        return X, y, dict(params)
    rows = np.flatnonzero(present)
    of_rows = _check_method_params(X, params=params, indices=rows)
    return _safe_indexing(X, rows), _safe_indexing(y, rows), of_rows


def found(present: Present, passed: ArrayLike) -> NDArray[np.int64]:
    """Return where the present ones of some events that were passed lie among these."""
    index = np.asarray(passed)
    if index.dtype.kind == "b":
        index = np.flatnonzero(index)
    return (np.cumsum(present) - 1)[index[present[index]]]


def splits_of_present(
    splitter: Any, cv: Any, present: Present, X: Any, y: Any, **params: Any
) -> list[tuple[Index, Index]]:
    """Return the folds of the present events.

    Parameters
    ----------
    splitter : splitter
        What `check_cv` makes of `cv`.
    cv : int, splitter, iterable or None
        Iterables and fold numbers count the events that were passed.
    present : ndarray of shape (n_passed,), dtype bool
        Which of those that were passed are there.
    X, y
        The present events.
    **params : dict
        Further arguments of `split`, such as groups.

    Returns
    -------
    splits : list of (train, test)
        Positions among the present events.
    """
    has_numbers = isinstance(splitter, FoldNumbers)  # one for each that was passed
    splits = list(splitter.split(present if has_numbers else X, y, **params))
    if present.all() or not (has_numbers or np.iterable(cv)):
        return splits
    return [(found(present, train), found(present, test)) for train, test in splits]
