"""Events with labels, weights and groups: checked, split by event, copied.

Events are split before they are copied: a copy never gets to know another sample than
its original does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length

from skhep_dnn._sklearn import _safe_indexing
from skhep_dnn._tables import check_table
from skhep_dnn._validation import check_event_weights

__all__ = [
    "EventSample",
    "check_sample",
    "check_validation_sample",
    "copied",
    "hold_out",
]


@dataclass(frozen=True)
class EventSample:
    """Events and what belongs to them.

    Attributes
    ----------
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        Features.
    y : ndarray of shape (n_samples,)
        Labels.
    sample_weight : ndarray of shape (n_samples,)
        Physics weights.
    groups : ndarray of shape (n_samples,)
        Rows of one group stay on one side of a split; by default each event is one.
    """

    X: Any
    y: NDArray[Any]
    sample_weight: NDArray[np.float64]
    groups: NDArray[Any]

    def take(self, rows: NDArray[np.intp]) -> "EventSample":
        """Return some of the events."""
        return EventSample(
            _safe_indexing(self.X, rows),
            self.y[rows],
            self.sample_weight[rows],
            self.groups[rows],
        )


def check_sample(
    X: Any,
    y: ArrayLike | None,
    sample_weight: ArrayLike | None,
    groups: ArrayLike | None = None,
    *,
    suffix: str = "",
) -> EventSample:
    """Return events whose labels, weights and groups are checked.

    Parameters
    ----------
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        A checked table.
    y : array-like of shape (n_samples,) or None
        Labels.
    sample_weight : array-like of shape (n_samples,) or None
        Physics weights; None counts each event once.
    groups : array-like of shape (n_samples,) or None, default=None
        Groups; None takes each event as one.
    suffix : str, default=""
        Of the names of the arguments in messages, such as "_val".

    Returns
    -------
    sample : EventSample

    Raises
    ------
    ValueError
        If there are no labels, they are not those of classes, or lengths differ.
    WeightsError
        If the weights cannot be used.
    """
    if y is None:
        msg = (
            "This SymmetryAveragedClassifier estimator requires y to be passed, but "
            "the target y is None. Pass one label for each event."
        )
        raise ValueError(msg)
    labels = column_or_1d(y.to_numpy() if isinstance(y, pd.Series) else y, warn=True)
    assert_all_finite(labels, input_name=f"y{suffix}")
    check_classification_targets(labels)
    check_consistent_length(X, labels, groups)
    weights = check_event_weights(sample_weight, len(labels), f"sample_weight{suffix}")
    each = np.arange(len(labels)) if groups is None else column_or_1d(groups)
    return EventSample(X, labels, weights, each)


def check_validation_sample(
    model: BaseEstimator,
    sample: EventSample,
    X_val: ArrayLike | None,
    y_val: ArrayLike | None,
    sample_weight_val: ArrayLike | None,
) -> EventSample | None:
    """Return the validation sample that was passed, if there is one.

    Parameters
    ----------
    model : estimator
        Knows the columns.
    sample : EventSample
        The training events.
    X_val, y_val, sample_weight_val : array-like or None
        As passed to `fit`.

    Returns
    -------
    validation : EventSample or None

    Raises
    ------
    ValueError
        If a part is missing, or there are columns or labels that are not known.
    """
    if X_val is None and y_val is None and sample_weight_val is None:
        return None
    if X_val is None or y_val is None:
        missing = "X_val" if X_val is None else "y_val"
        msg = (
            f"A validation sample must have `X_val` and `y_val`, got no `{missing}`. "
            "Pass both, or none of them and no `sample_weight_val`."
        )
        raise ValueError(msg)
    table = check_table(model, X_val, reset=False)
    validation = check_sample(table, y_val, sample_weight_val, suffix="_val")
    known = np.unique(sample.y).tolist()
    unknown = sorted(set(validation.y.tolist()) - set(known))
    if unknown:
        msg = (
            f"`y_val` must hold the labels {known!r}, got {unknown[:5]!r}. Use the "
            "same labels as in `y`."
        )
        raise ValueError(msg)
    return validation


def hold_out(
    sample: EventSample, fraction: float, seed: int
) -> tuple[EventSample, EventSample]:
    """Split events at random, the same share of each class; groups as a whole.

    The class of a group is that of its first event.

    Parameters
    ----------
    sample : EventSample
        All events, none of them copied.
    fraction : float or int
        Share of the groups that is held out, or their number.
    seed : int
        Of the random split.

    Returns
    -------
    train, held_out : EventSample

    Raises
    ------
    ValueError
        If a class has too few events for both sides.
    """
    _, first, unit = np.unique(sample.groups, return_index=True, return_inverse=True)
    labels = sample.y[first]
    splitter = StratifiedShuffleSplit(1, test_size=fraction, random_state=seed)
    try:
        _, held = next(splitter.split(np.empty(len(labels)), labels))
    except ValueError as error:
        msg = (
            "`validation_fraction` must leave events of every class on both sides, got "
            f"{fraction!r} of {len(labels)} events or groups: {error} Pass more events "
            "or another fraction."
        )
        raise ValueError(msg) from error
    is_held = np.isin(unit, held)
    return sample.take(np.flatnonzero(~is_held)), sample.take(np.flatnonzero(is_held))


def copied(sample: EventSample, tables: Sequence[Any]) -> EventSample:
    """Return copies of events, one table after the other, with the same yields.

    Parameters
    ----------
    sample : EventSample
        The originals.
    tables : sequence of ndarray or pandas.DataFrame of shape (n_samples, n_features)
        The features of each set of copies.

    Returns
    -------
    copies : EventSample
        Each weight is divided by the number of copies; a copy is of the group of its
        original.
    """
    n_copies = len(tables)
    if isinstance(tables[0], pd.DataFrame):
        X = pd.concat(tables)
    else:
        X = np.concatenate(tables)
    return EventSample(
        X,
        np.tile(sample.y, n_copies),
        np.tile(sample.sample_weight / n_copies, n_copies),
        np.tile(sample.groups, n_copies),
    )
