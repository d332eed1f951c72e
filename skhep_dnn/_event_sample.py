"""Events with labels, weights and groups: checked, and split by event or by group."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length

from skhep_dnn._sklearn import _safe_indexing
from skhep_dnn._validation import check_event_weights
from skhep_dnn.exceptions import MissingWeightsError, WeightsError

__all__ = [
    "VALIDATION_WEIGHTS_ARE_MISSING",
    "EventSample",
    "Targets",
    "check_event_sample",
    "check_two_classes",
    "has_validation_sample",
    "hold_out",
]

Index = NDArray[np.int64]

VALIDATION_WEIGHTS_ARE_MISSING = (
    "`sample_weight_val` must come with `X_val` where the training events have "
    "`sample_weight`, got None: each validation event would count once, whatever it "
    "weighs. Pass the weights of the validation events, or numpy.ones(len(y_val)) if "
    "that is meant."
)


@dataclass(frozen=True)
class Targets:
    """Classes and physics weights of a sample.

    Attributes
    ----------
    codes : ndarray of shape (n_samples,)
        Position of each event's class in `classes`.
    classes : ndarray of shape (n_classes,)
        Class labels.
    sample_weight : ndarray of shape (n_samples,)
        Physics weights.
    """

    codes: NDArray[np.intp]
    classes: NDArray[Any]
    sample_weight: NDArray[np.float64]

    def take(self, index: Index) -> Targets:
        """Return some of the events."""
        return Targets(self.codes[index], self.classes, self.sample_weight[index])


@dataclass(frozen=True)
class EventSample:
    """Events and what belongs to them, checked.

    Attributes
    ----------
    X : ndarray or pandas.DataFrame of shape (n_samples, n_features)
        The events as they were given.
    targets : Targets
        Their classes and weights.
    groups : ndarray of shape (n_samples,) or None
        Events of one group stay on one side of a split; None: each is on its own.
    is_weighted : bool
        Whether weights were passed.
    """

    X: Any
    targets: Targets
    groups: NDArray[Any] | None
    is_weighted: bool

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.targets.codes)

    @property
    def y(self) -> NDArray[Any]:
        """Labels of the events."""
        return self.targets.classes[self.targets.codes]

    @property
    def sample_weight(self) -> NDArray[np.float64]:
        """Physics weights of the events."""
        return self.targets.sample_weight

    def take(self, rows: Index) -> EventSample:
        """Return some of the events."""
        groups = None if self.groups is None else self.groups[rows]
        X = _safe_indexing(self.X, rows)
        return EventSample(X, self.targets.take(rows), groups, self.is_weighted)


def check_event_sample(
    X: Any,
    y: ArrayLike | None,
    sample_weight: ArrayLike | None,
    groups: ArrayLike | None = None,
    *,
    estimator: str,
    classes: NDArray[Any] | None = None,
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
        Events of one group stay together where the sample is split.
    estimator : str
        Name of the class that wants to know, for messages.
    classes : ndarray of shape (n_classes,), default=None
        The classes that are known; None takes those of `y`.
    suffix : str, default=""
        Of the names of the arguments in messages, such as "_val".

    Returns
    -------
    sample : EventSample

    Raises
    ------
    ValueError
        If there are no labels, they are not those of classes or not known, or lengths
        differ.
    WeightsError
        If the weights cannot be used.
    """
    if y is None:
        msg = (
            f"This {estimator} estimator requires y to be passed, but the target y is "
            "None. Pass one label for each event."
        )
        raise ValueError(msg)
    if isinstance(y, pd.Series):  # of nullable integers, which become floats otherwise
        y = y.to_numpy()
    labels = column_or_1d(y, warn=True)
    assert_all_finite(labels, input_name=f"y{suffix}")
    check_classification_targets(labels)
    got, codes = np.unique(labels, return_inverse=True)
    if classes is not None:
        codes = _codes_of_known(got, classes, f"y{suffix}")[codes]
    check_consistent_length(X, codes)
    weights = check_event_weights(sample_weight, len(codes), f"sample_weight{suffix}")
    labels_of_groups = None if groups is None else column_or_1d(groups)
    check_consistent_length(X, labels_of_groups)
    return EventSample(
        X=X,
        targets=Targets(codes, got if classes is None else classes, weights),
        groups=labels_of_groups,
        is_weighted=sample_weight is not None,
    )


def check_two_classes(classes: NDArray[Any], name: str = "y") -> None:
    """Refuse events of one class, from which nothing can be told apart."""
    if len(classes) < 2:
        msg = (
            f"`{name}` must contain two classes or more, got one class: "
            f"{classes.tolist()!r}. Pass events of signal and background."
        )
        raise WeightsError(msg)


def has_validation_sample(
    X_val: ArrayLike | None,
    y_val: ArrayLike | None,
    sample_weight_val: ArrayLike | None,
    *,
    is_weighted: bool,
) -> bool:
    """Whether an explicit validation sample was passed, which must then be whole.

    Parameters
    ----------
    X_val, y_val, sample_weight_val : array-like or None
        Events, labels and weights of the sample. Weights of it alone are allowed: the
        training then counts each event once, and is judged by physics weights.
    is_weighted : bool
        Whether the training events have weights.

    Returns
    -------
    has_sample : bool

    Raises
    ------
    ValueError
        If `X_val` or `y_val` is missing while another part is there.
    MissingWeightsError
        If the training events have weights and those of the sample have none.
    """
    if X_val is None and y_val is None:
        if sample_weight_val is not None:
            msg = (
                "`sample_weight_val` must come with `X_val` and `y_val`, got it "
                "alone. Pass all three."
            )
            raise ValueError(msg)
        return False
    if X_val is None or y_val is None:
        missing = "X_val" if X_val is None else "y_val"
        msg = f"`{missing}` must not be None when the other is given. Pass both."
        raise ValueError(msg)
    if is_weighted and sample_weight_val is None:
        raise MissingWeightsError(VALIDATION_WEIGHTS_ARE_MISSING)
    return True


def hold_out(
    strata: NDArray[Any],
    groups: NDArray[Any] | None,
    fraction: float,
    seed: int,
) -> tuple[Index, Index]:
    """Split events at random, the same share of each stratum; groups as a whole.

    The stratum of a group is that of its first event.

    Parameters
    ----------
    strata : ndarray of shape (n_samples,)
        Stratum of each event, such as its class.
    groups : ndarray of shape (n_samples,) or None
        Group of each event; None: each is on its own.
    fraction : float or int
        Share of the events, or of the groups, that is held out, at least one of each
        stratum; an int is their number.
    seed : int
        Of the random split.

    Returns
    -------
    train, held_out : ndarray of int
        Positions of the events, sorted.

    Raises
    ------
    ValueError
        If a stratum has too few events for both sides.
    """
    units = np.arange(len(strata))
    labels = strata
    if groups is not None:
        _, first, units = np.unique(groups, return_index=True, return_inverse=True)
        labels = strata[first]
    n_held = fraction
    if not isinstance(fraction, Integral):
        n_held = max(round(fraction * len(labels)), len(np.unique(labels)))
    splitter = StratifiedShuffleSplit(1, test_size=n_held, random_state=seed)
    try:
        _, held = next(splitter.split(np.empty(len(labels)), labels))
    except ValueError as error:
        what = "events" if groups is None else "groups"
        msg = (
            f"`validation_fraction` must leave {what} of every class on both sides, "
            f"got {fraction!r} of {len(labels)} {what}: {error} Pass more {what} or "
            "set validation_fraction=None."
        )
        raise ValueError(msg) from error
    is_held = np.zeros(len(labels), dtype=np.bool_)
    is_held[held] = True
    return np.flatnonzero(~is_held[units]), np.flatnonzero(is_held[units])


def _codes_of_known(
    got: NDArray[Any], classes: NDArray[Any], name: str
) -> NDArray[np.intp]:
    known = {label: code for code, label in enumerate(classes.tolist())}
    unknown = [label for label in got.tolist() if label not in known]
    if unknown:
        msg = (
            f"`{name}` must hold the labels {classes.tolist()!r}, got {unknown[:5]!r}. "
            "Use the same labels as in `y`."
        )
        raise ValueError(msg)
    return np.array([known[label] for label in got.tolist()], dtype=np.intp)
