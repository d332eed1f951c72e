"""What do the weights of each class sum to, and what are they at the full yields.

A sum of signed weights can be 0 or less by fluctuation; then no share, efficiency or
scale of the class is defined. The first functions know any number of classes by their
codes, the others signal and background.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._messages import shown
from skhep_dnn._validation import check_event_weights, check_signal_scores
from skhep_dnn.exceptions import WeightsError

__all__ = [
    "check_class_sums",
    "check_class_weights",
    "check_events",
    "check_no_class_missing",
    "check_sums",
    "check_yield",
    "positive_class_sums",
    "rescaled",
    "scale_classes",
    "sums_by_class",
    "to_unit_scale",
]

FloatArray = NDArray[np.float64]


def sums_by_class(
    values: FloatArray, codes: NDArray[np.intp], n_classes: int
) -> FloatArray:
    """Return the sum of values of each class."""
    sums = np.bincount(codes, weights=values, minlength=n_classes)
    return sums.astype(np.float64)


def positive_class_sums(
    weights: FloatArray, codes: NDArray[np.intp], classes: NDArray[Any]
) -> FloatArray:
    """Return the sum of weights of each class, which must be positive."""
    check_no_class_missing(codes, classes)
    sums = sums_by_class(weights, codes, len(classes))
    for label, total in zip(classes.tolist(), sums.tolist(), strict=True):
        if not total > 0.0:
            msg = (
                "`sample_weight` must sum to more than zero in every class, got "
                f"{total:.6g} for class {shown(label)}. Use more events of this class, "
                'or for training negative_weights="zero" or "abs".'
            )
            raise WeightsError(msg)
    return sums


def check_no_class_missing(codes: NDArray[np.intp], classes: NDArray[Any]) -> None:
    """Refuse events among which there are none of some class."""
    counts = np.bincount(codes, minlength=len(classes))
    for label, count in zip(classes.tolist(), counts.tolist(), strict=True):
        if count == 0:
            msg = (
                f"There must be events of every class of {shown(classes)}, got none "
                f"with a weight other than zero of class {shown(label)}. Pass events "
                "of it, use folds and parts that have all classes, or drop the class."
            )
            raise WeightsError(msg)


def rescaled(
    weights: FloatArray, codes: NDArray[np.intp], full_sums: FloatArray
) -> FloatArray:
    """Return weights of which each class sums to its full yield.

    Parameters
    ----------
    weights : ndarray of shape (n_samples,)
        Signed event weights of a part of the events. The sum of each class must not be
        0, which is not checked here: `positive_class_sums` does.
    codes : ndarray of shape (n_samples,)
        Class of each event, as a position in `full_sums`.
    full_sums : ndarray of shape (n_classes,)
        Full yield of each class, in events; nan, not known, leaves its weights.

    Returns
    -------
    rescaled : ndarray of shape (n_samples,)

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.weights._class_sums import rescaled
    >>> rescaled(
    ...     np.array([1.0, 3.0, 2.0]), np.array([0, 0, 1]), np.array([8.0, np.nan])
    ... )
    array([2., 6., 2.])
    """
    own = sums_by_class(weights, codes, len(full_sums))
    factors = np.where(np.isnan(full_sums), 1.0, full_sums / own)
    return weights * factors[codes]


def to_unit_scale(weights: FloatArray) -> FloatArray:
    """Return weights times the power of two that brings the largest one near 1.

    Products and squares of weights of 1e160 or 1e-170 leave the range of float64. What
    does not depend on the scale of the weights is computed from these instead, to the
    same bits, since a power of two rounds nothing.

    Parameters
    ----------
    weights : ndarray of shape (..., n_samples)
        Finite weights; each row has its own scale.

    Returns
    -------
    scaled : ndarray of shape (..., n_samples)
        The largest magnitude of each row is in [0.5, 1); a row of zeros stays.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.weights._class_sums import to_unit_scale
    >>> to_unit_scale(np.array([-6.0, 1.0, 2.0]))
    array([-0.75 ,  0.125,  0.25 ])
    """
    largest = np.abs(weights).max(axis=-1, keepdims=True, initial=0.0)
    scaled: FloatArray = np.ldexp(weights, -np.frexp(largest)[1])
    return scaled


def scale_classes(
    is_signal: NDArray[np.bool_],
    weights: FloatArray,
    signal_yield: float | None,
    background_yield: float | None,
) -> FloatArray:
    """Return weights of which signal and background sum to their expected yields.

    Parameters
    ----------
    is_signal : ndarray of shape (n_samples,), dtype bool
        Which events are signal.
    weights : ndarray of shape (n_samples,)
        Signed event weights.
    signal_yield, background_yield : float or None
        Expected yields, in events; None leaves the weights of the class.

    Returns
    -------
    scaled : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If a yield is not above 0 and finite.
    WeightsError
        If a class with a yield does not sum to more than 0.
    """
    codes = is_signal.astype(np.intp)
    own, full = sums_by_class(weights, codes, 2).tolist(), np.full(2, np.nan)
    yields = {"background": background_yield, "signal": signal_yield}
    for code, (name, value) in enumerate(yields.items()):
        if value is not None:
            _check_sum(own[code], name)
            full[code] = check_yield(value, f"{name}_yield")
    return rescaled(weights, codes, full)


def check_events(
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None,
    pos_label: object,
) -> tuple[NDArray[np.bool_], FloatArray, FloatArray]:
    """Return which events are signal, their scores and their weights, all usable.

    Parameters
    ----------
    y_true, y_score
        Labels and scores, as in `check_signal_scores`.
    sample_weight : array-like of shape (n_samples,) or None
        Weights of the user; None counts every event once.
    pos_label : label, list of labels or None
        Those of the signal; None takes the larger one of two.

    Returns
    -------
    is_signal, scores, weights : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If labels or scores are unusable.
    WeightsError
        If the weights are unusable or a class does not sum to more than 0.
    """
    is_signal, scores = check_signal_scores(y_true, y_score, pos_label)
    return is_signal, scores, check_class_weights(is_signal, sample_weight)


def check_class_weights(
    codes: NDArray[np.bool_] | NDArray[np.intp],
    sample_weight: ArrayLike | None,
    names: Sequence[str] = ("background", "signal"),
) -> FloatArray:
    """Return event weights of which each class sums to more than 0.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,), dtype bool or int
        Which events are signal, or the class of each as a position in `names`.
    sample_weight : array-like of shape (n_samples,) or None
        Weights of the user; None counts every event once.
    names : sequence of str, default=("background", "signal")
        What messages call the classes.

    Returns
    -------
    weights : ndarray of shape (n_samples,)

    Raises
    ------
    WeightsError
        If the weights are unusable or a class does not sum to more than 0.
    """
    weights = check_event_weights(sample_weight, len(codes))
    sums = sums_by_class(weights, codes.astype(np.intp), len(names)).tolist()
    for value, name in zip(reversed(sums), reversed(names), strict=True):
        _check_sum(value, name)
    return weights


def check_class_sums(
    is_signal: NDArray[np.bool_], weights: FloatArray
) -> tuple[float, float]:
    """Return the sums of the signal and of the background weights, both above 0.

    Parameters
    ----------
    is_signal : ndarray of shape (n_samples,), dtype bool
        Which events are signal.
    weights : ndarray of shape (n_samples,)
        Signed event weights.

    Returns
    -------
    signal_sum, background_sum : float
        Yields of the two classes, in events.

    Raises
    ------
    WeightsError
        If a class does not sum to more than 0.
    """
    background, signal = sums_by_class(weights, is_signal.astype(np.intp), 2).tolist()
    check_sums(signal, background)
    return signal, background


def check_sums(signal_sum: float, background_sum: float) -> None:
    """Raise a WeightsError if signal or background do not sum to more than 0."""
    _check_sum(signal_sum, "signal")
    _check_sum(background_sum, "background")


def _check_sum(value: float, name: str) -> None:
    if not value > 0:
        msg = (
            f"`sample_weight` must sum to more than 0 in each class, got {value!r} for "
            f"the {name}. Use a larger sample, or check the signs of the weights and "
            "which events were selected."
        )
        raise WeightsError(msg)


def check_yield(value: float, name: str) -> float:
    """Return an expected yield, which is above 0 and finite.

    Parameters
    ----------
    value : float
        The yield, in events.
    name : str
        Name of the argument in the error message.

    Returns
    -------
    value : float

    Raises
    ------
    ValueError
        If the yield is not above 0 and finite.
    """
    if not 0 < value < np.inf:
        msg = (
            f"`{name}` must be above 0 and finite, got {value!r}. Pass the yield of "
            "the whole sample in events, or None."
        )
        raise ValueError(msg)
    return value
