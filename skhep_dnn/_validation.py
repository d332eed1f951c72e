"""Checks of event weights, labels and scores: check, convert, return.

Every function returns a clean float64 or boolean array or raises an error that says
what was expected, what came and how to mend it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._messages import shown
from skhep_dnn.exceptions import WeightsError

__all__ = [
    "check_classes",
    "check_event_weights",
    "check_pos_label",
    "check_scores",
    "check_signal",
]


def check_event_weights(
    sample_weight: ArrayLike | None, n_samples: int, name: str = "sample_weight"
) -> NDArray[np.float64]:
    """Return event weights as a float64 array; None counts every event once.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,) or None
        Physics weights; they may be negative, but not nan, infinite or all zero.
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
    try:
        weights = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError) as error:
        msg = f"`{name}` must be numbers, one for each event. Got {error}."
        raise WeightsError(msg) from error
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


def check_signal(
    y_true: ArrayLike, pos_label: object = None, name: str = "y_true"
) -> NDArray[np.bool_]:
    """Return which events are signal.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Two kinds of labels of any type.
    pos_label : label, default=None
        The label of the signal; None takes the larger one in sorted order, as
        scikit-learn's `classes_[1]`.
    name : str, default="y_true"
        Name of the argument in error messages.

    Returns
    -------
    is_signal : ndarray of shape (n_samples,), dtype bool

    Raises
    ------
    ValueError
        If there are not exactly two labels or `pos_label` is not one of them.
    """
    labels = _one_dimensional(y_true, name)
    if labels.dtype == np.bool_ and pos_label is None:
        return _both_classes(labels, name)
    return _signal_of(labels, np.unique(labels), pos_label, name)


def check_classes(
    y_true: ArrayLike, pos_label: object = None, name: str = "y_true"
) -> tuple[NDArray[np.bool_] | NDArray[np.intp], list[str]]:
    """Return the class of each event, of two classes or more, and their names.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of any type.
    pos_label : label, default=None
        The label of the signal, of two classes only; None takes the larger one.
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
        If there are fewer than two labels, or more than two and `pos_label`, or the
        labels are the values of a continuous quantity.

    Examples
    --------
    >>> from skhep_dnn._validation import check_classes
    >>> check_classes(["b", "s", "b"])
    (array([False,  True, False]), ['background', 'signal'])
    >>> check_classes(["Z", "W", "top"])
    (array([1, 0, 2]), ["class 'W'", "class 'Z'", "class 'top'"])
    """
    labels = _one_dimensional(y_true, name)
    if labels.dtype == np.bool_:
        return check_signal(labels, pos_label, name), ["background", "signal"]
    classes = np.unique(labels)
    if len(classes) <= 2:
        is_signal = _signal_of(labels, classes, pos_label, name)
        return is_signal, ["background", "signal"]
    if pos_label is not None:
        msg = (
            "`pos_label` must be None with more than two classes, got "
            f"{shown(pos_label)} for the {len(classes)} classes of `{name}`. Leave it "
            "out, or reduce the labels to signal and background."
        )
        raise ValueError(msg)
    if labels.dtype.kind == "f" and (classes != np.floor(classes)).any():
        msg = (
            f"`{name}` must be labels of classes, got {len(classes)} fractional "
            "numbers. Pass the class of each event, not a continuous quantity."
        )
        raise ValueError(msg)
    names = [f"class {shown(label)}" for label in classes.tolist()]
    return np.searchsorted(classes, labels), names


def _one_dimensional(y_true: ArrayLike, name: str) -> NDArray[Any]:
    labels: NDArray[Any] = np.asarray(y_true)
    if labels.ndim != 1:
        msg = (
            f"`{name}` must be one-dimensional, got the shape {labels.shape}. Pass "
            "one label for each event."
        )
        raise ValueError(msg)
    return labels


def _signal_of(
    labels: NDArray[Any], classes: NDArray[Any], pos_label: object, name: str
) -> NDArray[np.bool_]:
    is_signal = labels == _signal_label(classes, pos_label, name)
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


def _signal_label(classes: NDArray[Any], pos_label: object, name: str) -> object:
    if len(classes) > 2:
        msg = (
            f"`{name}` must have two kinds of labels, got {len(classes)}: "
            f"{shown(classes[:5])}. Reduce the labels to signal and background."
        )
        raise ValueError(msg)
    if pos_label is None:
        if len(classes) < 2:
            msg = (
                f"`{name}` must contain signal and background events, got only "
                f"{shown(classes)}. Pass events of both classes."
            )
            raise ValueError(msg)
        return classes[1]
    return check_pos_label(classes, pos_label)


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
        If the shape is wrong or a score is nan (infinite scores are legal: they are
        ranked first or last).
    """
    scores = np.asarray(y_score, dtype=np.float64)
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
