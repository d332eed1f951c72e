"""Checks of event weights, labels and scores: check, convert, return.

Every function returns a clean float64 or boolean array or raises an error that says
what was expected, what came and how to mend it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import column_or_1d

from skhep_dnn._arrays import defined_array, native_order, refuse_mask
from skhep_dnn._messages import shown
from skhep_dnn.exceptions import WeightsError

__all__ = [
    "check_class_probabilities",
    "check_classes",
    "check_event_weights",
    "check_groups",
    "check_labels",
    "check_numbers",
    "check_pos_label",
    "check_scores",
    "check_signal",
    "check_signal_scores",
    "known_labels",
    "signal_labels",
]


def check_event_weights(
    sample_weight: ArrayLike | None, n_samples: int, name: str = "sample_weight"
) -> NDArray[np.float64]:
    """Return event weights as a float64 array; None counts every event once.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,) or None
        Physics weights; they may be negative, but not nan, infinite, masked or all
        zero.
    n_samples : int
        Number of events the weights belong to.
    name : str, default="sample_weight"
        Name of the argument in error messages.

    Returns
    -------
    weights : ndarray of shape (n_samples,), dtype float64

    Raises
    ------
    WeightsError
        If the length is wrong, a weight is not finite or all weights are zero.
    """
    if sample_weight is None:
        return np.ones(n_samples)
    weights = check_numbers(sample_weight, name, WeightsError)
    if n_samples == 0 and weights.size == 0:
        msg = f"`{name}` must belong to one event or more, got none. Pass events."
        raise WeightsError(msg)
    if weights.shape != (n_samples,):
        msg = (
            f"`{name}` must be one-dimensional with one weight for each of the "
            f"{n_samples} events, got the shape {weights.shape}. Pass the weights of "
            "exactly the events in `X`, in the same order."
        )
        raise WeightsError(msg)
    if not np.isfinite(weights).all():
        n_bad = int(np.count_nonzero(~np.isfinite(weights)))
        msg = (
            f"`{name}` must be finite, got {n_bad} nan or infinite weights. Drop "
            "these events or correct their weights."
        )
        raise WeightsError(msg)
    if not weights.any():
        msg = (
            f"`{name}` must contain a weight other than zero, got only zero weights "
            f"for {n_samples} events. Pass the weights of the events that count."
        )
        raise WeightsError(msg)
    return weights


def check_labels(y: ArrayLike | None, name: str = "y") -> NDArray[Any]:
    """Return labels as an array: one for each event, all of them defined.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels of any type.
    name : str, default="y"
        Name of the argument in error messages.

    Returns
    -------
    labels : ndarray of shape (n_samples,)
        In the byte order of the machine.

    Raises
    ------
    ValueError
        If the shape is another one, or a label is nan, None, NA or masked.

    Examples
    --------
    >>> from skhep_dnn._validation import check_labels
    >>> check_labels(["b", "s", "b"])
    array(['b', 's', 'b'], dtype='<U1')
    """
    if y is None:
        msg = f"`{name}` must be labels, got None. Pass one label for each event."
        raise ValueError(msg)
    labels = defined_array(y, name)
    if labels.ndim != 1:
        msg = (
            f"`{name}` must be one-dimensional, got the shape {labels.shape}. Pass "
            "one label for each event."
        )
        raise ValueError(msg)
    _refuse_undefined(labels, name, "label")
    return labels


def check_groups(groups: ArrayLike, name: str = "groups") -> NDArray[Any]:
    """Return the group of each event, all of them defined.

    Parameters
    ----------
    groups : array-like of shape (n_samples,) or (n_samples, 1)
        Groups of any type.
    name : str, default="groups"
        Name of the argument in error messages.

    Returns
    -------
    groups : ndarray of shape (n_samples,)
        In the byte order of the machine.

    Raises
    ------
    ValueError
        If the shape is another one, or a group is nan, None, NA or masked: events of
        unknown groups would become one group.
    """
    refuse_mask(groups, name)
    labels = native_order(column_or_1d(groups))
    _refuse_undefined(labels, name, "group")
    return labels


def _refuse_undefined(labels: NDArray[Any], name: str, what: str) -> None:
    if labels.dtype.kind not in "fcOmM":
        return
    n_undefined = int(np.count_nonzero(pd.isna(labels)))
    if n_undefined:
        msg = (
            f"`{name}` must have a {what} for each event, got {n_undefined} of "
            f"{len(labels)} undefined (nan, None or NA). Drop these events, or give "
            f"them a {what}."
        )
        raise ValueError(msg)


def known_labels(labels: NDArray[Any], name: str = "y") -> NDArray[Any]:
    """Return the different labels of events, sorted.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        As `check_labels` returns them.
    name : str, default="y"
        Name of the argument in error messages.

    Returns
    -------
    classes : ndarray of shape (n_classes,)

    Raises
    ------
    ValueError
        If they are of kinds that cannot be sorted together.
    """
    try:
        return np.unique(labels)
    except TypeError as error:
        msg = (
            f"`{name}` must hold labels of one kind, got a mixture that cannot be "
            f"sorted: {error}. Convert all of them to strings or to integers."
        )
        raise ValueError(msg) from error


def check_signal(
    y_true: ArrayLike, pos_label: object = None, name: str = "y_true"
) -> NDArray[np.bool_]:
    """Return which events are signal.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of any type, of two kinds, or of more with `pos_label`.
    pos_label : label or list of labels, default=None
        The label of the signal, or those of several signal classes; all others are
        background. None takes the larger one of two in sorted order, as
        scikit-learn's `classes_[1]`.
    name : str, default="y_true"
        Name of the argument in error messages.

    Returns
    -------
    is_signal : ndarray of shape (n_samples,), dtype bool

    Raises
    ------
    ValueError
        If there are more than two labels without `pos_label`, it is not among them, or
        there is no signal or no background.

    Examples
    --------
    >>> from skhep_dnn._validation import check_signal
    >>> check_signal(["W", "Z", "ggH", "VBF"], pos_label=["ggH", "VBF"])
    array([False, False,  True,  True])
    """
    labels = check_labels(y_true, name)
    if labels.dtype == np.bool_ and pos_label is None:
        return _both_classes(labels, name)
    return _signal_of(labels, known_labels(labels, name), pos_label, name)


def check_classes(
    y_true: ArrayLike, pos_label: object = None, name: str = "y_true"
) -> tuple[NDArray[np.bool_] | NDArray[np.intp], list[str]]:
    """Return the class of each event, of two classes or more, and their names.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of any type.
    pos_label : label or list of labels, default=None
        The label of the signal; None takes the larger one of two. Of more classes it
        changes nothing here, but must be one of them, or some.
    name : str, default="y_true"
        Name of the argument in error messages.

    Returns
    -------
    codes : ndarray of shape (n_samples,), dtype bool or intp
        Of two classes, which events are signal; of more, the position of each label
        among the sorted ones.
    names : list of str
        What messages call the classes, in the order of the codes.

    Raises
    ------
    ValueError
        If there are fewer than two labels, `pos_label` is not among them, or they are
        the values of a continuous quantity.

    Examples
    --------
    >>> from skhep_dnn._validation import check_classes
    >>> check_classes(["b", "s", "b"])
    (array([False,  True, False]), ['background', 'signal'])
    >>> check_classes(["Z", "W", "top"])
    (array([1, 0, 2]), ["class 'W'", "class 'Z'", "class 'top'"])
    """
    labels = check_labels(y_true, name)
    if labels.dtype == np.bool_:
        return check_signal(labels, pos_label, name), ["background", "signal"]
    classes = known_labels(labels, name)
    if len(classes) <= 2:
        is_signal = _signal_of(labels, classes, pos_label, name)
        return is_signal, ["background", "signal"]
    if pos_label is not None:
        signal_labels(classes, pos_label, name)
    if labels.dtype.kind == "f" and (classes != np.floor(classes)).any():
        msg = (
            f"`{name}` must be labels of classes, got {len(classes)} fractional "
            "numbers. Pass the class of each event, not a continuous quantity."
        )
        raise ValueError(msg)
    names = [f"class {shown(label)}" for label in classes.tolist()]
    return np.searchsorted(classes, labels), names


def _signal_of(
    labels: NDArray[Any], classes: NDArray[Any], pos_label: object, name: str
) -> NDArray[np.bool_]:
    signal = signal_labels(classes, pos_label, name)
    is_signal = labels == signal[0]
    for label in signal[1:]:
        is_signal |= labels == label
    return _both_classes(is_signal, name)


def _both_classes(is_signal: NDArray[np.bool_], name: str) -> NDArray[np.bool_]:
    if is_signal.all() or not is_signal.any():
        kind = "background" if is_signal.all() else "signal"
        msg = (
            f"`{name}` must contain signal and background events, got no {kind}. "
            "Pass events of both classes, or name the signal with `pos_label`."
        )
        raise ValueError(msg)
    return is_signal


def signal_labels(
    classes: ArrayLike, pos_label: object, name: str = "y_true"
) -> list[Any]:
    """Return the labels of the signal among those of all classes.

    Parameters
    ----------
    classes : array-like of shape (n_classes,)
        Known labels, sorted.
    pos_label : label, list of labels or None
        Those of the signal; None takes the larger one of two.
    name : str, default="y_true"
        Name of the argument with the labels in error messages.

    Returns
    -------
    labels : list

    Raises
    ------
    ValueError
        If a label is not known, or there are not two classes and `pos_label` is None.

    Examples
    --------
    >>> from skhep_dnn._validation import signal_labels
    >>> signal_labels(["VBF", "W", "Z", "ggH"], ("ggH", "VBF"))
    ['ggH', 'VBF']
    """
    known = np.asarray(classes).tolist()
    if pos_label is None:
        return [_larger_of_two(known, name)]
    labels = _as_labels(pos_label)
    if not labels:
        msg = (
            "`pos_label` must name a class at least, got none. Pass the label of the "
            "signal, or a list of labels."
        )
        raise ValueError(msg)
    return [check_pos_label(known, label) for label in labels]


def _larger_of_two(known: list[Any], name: str) -> object:
    if len(known) > 2:
        msg = (
            f"`pos_label` must name the signal among the {len(known)} classes of "
            f"`{name}`, got None for {shown(known[:5])}. Pass its label, or a list of "
            "labels: the other classes are then the background."
        )
        raise ValueError(msg)
    if len(known) < 2:
        msg = (
            f"`{name}` must contain signal and background events, got only "
            f"{shown(known)}. Pass events of both classes."
        )
        raise ValueError(msg)
    return known[1]


def _as_labels(pos_label: object) -> list[Any]:
    """Return one label or several as a list without repetitions."""
    if isinstance(pos_label, (set, frozenset)):
        return sorted(pos_label)
    if np.ndim(pos_label) == 0:  # type: ignore[arg-type]
        return [pos_label]
    return list(dict.fromkeys(np.asarray(pos_label).tolist()))


def check_pos_label(classes: ArrayLike, pos_label: object) -> object:
    """Return the label of the signal.

    Parameters
    ----------
    classes : array-like of shape (n_classes,)
        Known labels, sorted.
    pos_label : label or None
        The label; None takes the last one.

    Returns
    -------
    pos_label : label

    Raises
    ------
    ValueError
        If the label is not known.
    """
    known = np.asarray(classes).tolist()
    if pos_label is None:
        return known[-1]
    if pos_label not in known:
        msg = (
            f"`pos_label` must be one of the classes {shown(known)}, got "
            f"{shown(pos_label)}. Name the label of the signal."
        )
        raise ValueError(msg)
    return pos_label


def check_signal_scores(
    y_true: ArrayLike, y_score: ArrayLike, pos_label: object = None
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which events are signal, and a score of each that points to the signal.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes, or of more with `pos_label`.
    y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
        Scores; of more than two classes also `predict_proba`, with a column for each
        label in `y_true` in sorted order. The score is then the sum of the
        probabilities of the signal classes.
    pos_label : label or list of labels, default=None
        The label of the signal, or those of several signal classes; None takes the
        larger one of two.

    Returns
    -------
    is_signal : ndarray of shape (n_samples,), dtype bool
    scores : ndarray of shape (n_samples,), dtype float64

    Raises
    ------
    ValueError
        If labels or scores cannot be used.

    Examples
    --------
    >>> from skhep_dnn._validation import check_signal_scores
    >>> proba = [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.0, 0.25, 0.75]]
    >>> check_signal_scores(["W", "Z", "top"], proba, ["W", "Z"])
    (array([ True,  True, False]), array([0.75, 0.75, 0.25]))
    """
    is_signal = check_signal(y_true, pos_label)
    if np.ndim(y_score) != 2:
        return is_signal, check_scores(y_score, len(is_signal))
    classes = np.unique(np.asarray(y_true))
    if len(classes) == 2:
        return is_signal, check_scores(y_score, len(is_signal))
    proba = check_class_probabilities(y_score, len(is_signal), classes, "y_score")
    is_column = np.isin(classes, signal_labels(classes, pos_label))
    return is_signal, proba[:, is_column].sum(axis=1)


def check_class_probabilities(
    y_proba: ArrayLike, n_samples: int, classes: ArrayLike, name: str = "y_proba"
) -> NDArray[np.float64]:
    """Return probabilities of which there is a column for each class.

    Parameters
    ----------
    y_proba : array-like of shape (n_samples, n_classes)
        As `predict_proba` gives them.
    n_samples : int
        Number of events.
    classes : array-like of shape (n_classes,)
        Known labels, sorted.
    name : str, default="y_proba"
        Name of the argument in error messages.

    Returns
    -------
    y_proba : ndarray of shape (n_samples, n_classes), dtype float64

    Raises
    ------
    ValueError
        If the shape is another one, or a value is no probability.
    """
    proba = check_numbers(y_proba, name)
    expected = (n_samples, len(np.asarray(classes)))
    if proba.shape != expected or not ((proba >= 0) & (proba <= 1)).all():
        msg = (
            f"`{name}` must be probabilities from 0 to 1 of the shape {expected}, a "
            f"column for each of {shown(classes)}, or one score for each event where "
            f"one class is meant, got the shape {proba.shape} with values from "
            f"{float(proba.min()):.6g} to {float(proba.max()):.6g}. Pass "
            "`predict_proba(X)`, and events of all its classes."
        )
        raise ValueError(msg)
    return proba


def check_scores(
    y_score: ArrayLike, n_samples: int, name: str = "y_score"
) -> NDArray[np.float64]:
    """Return classifier scores as a float64 array, one for each event.

    Parameters
    ----------
    y_score : array-like of shape (n_samples,)
        Values of `decision_function(X)` or of one column of `predict_proba(X)`.
    n_samples : int
        Number of events.
    name : str, default="y_score"
        Name of the argument in error messages.

    Returns
    -------
    scores : ndarray of shape (n_samples,), dtype float64

    Raises
    ------
    ValueError
        If the shape is wrong or a score is nan or masked (infinite scores are legal:
        they are ranked first or last).
    """
    scores = check_numbers(y_score, name)
    if scores.ndim == 2:
        msg = (
            f"`{name}` must be one-dimensional, got the shape {scores.shape}. Pass "
            "`decision_function(X)` or the signal's column of `predict_proba(X)`."
        )
        raise ValueError(msg)
    if scores.shape != (n_samples,):
        msg = (
            f"`{name}` must have one score for each of the {n_samples} events, got "
            f"the shape {scores.shape}. Score the same events as `y_true` has."
        )
        raise ValueError(msg)
    if np.isnan(scores).any():
        msg = (
            f"`{name}` must not contain nan, got {int(np.isnan(scores).sum())}. Check "
            "the classifier's input for undefined values."
        )
        raise ValueError(msg)
    return scores


def check_numbers(
    values: ArrayLike, name: str, error: type[ValueError] = ValueError
) -> NDArray[np.float64]:
    """Return numbers as a float64 array, of which none may be masked.

    Parameters
    ----------
    values : array-like
        Of any shape.
    name : str
        Name of the argument in error messages.
    error : type, default=ValueError
        Class of the error.

    Returns
    -------
    values : ndarray of dtype float64

    Raises
    ------
    ValueError
        If they are no real numbers, or one is masked.
    """
    refuse_mask(values, name, error)
    given = np.asarray(values)
    if given.dtype.kind == "c":
        msg = f"`{name}` must be real numbers, got {given.dtype}. Take the real parts."
        raise error(msg)
    try:
        return given.astype(np.float64, copy=False)
    except (TypeError, ValueError) as reason:
        msg = f"`{name}` must be real numbers, got: {reason}. Convert them."
        raise error(msg) from reason
