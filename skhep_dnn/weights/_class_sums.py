"""What do the weights of each class sum to, and what are they at the full yields.

A sum of signed weights can be 0 or less by fluctuation; then no share, efficiency or
scale of the class is defined.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._validation import check_event_weights, check_scores, check_signal
from skhep_dnn.exceptions import WeightsError

__all__ = [
    "check_class_sums",
    "check_class_weights",
    "check_events",
    "check_yield",
    "scale_classes",
]


def check_class_sums(
    is_signal: NDArray[np.bool_], weights: NDArray[np.float64]
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
    sums = float(weights[is_signal].sum()), float(weights[~is_signal].sum())
    for name, value in zip(("signal", "background"), sums, strict=True):
        if value <= 0:
            msg = (
                "`sample_weight` must sum to more than 0 in each class, got "
                f"{value!r} for the {name}. Use a larger sample, or check the signs "
                "of the weights and which events were selected."
            )
            raise WeightsError(msg)
    return sums


def check_class_weights(
    is_signal: NDArray[np.bool_], sample_weight: ArrayLike | None
) -> NDArray[np.float64]:
    """Return event weights of which each class sums to more than 0.

    Parameters
    ----------
    is_signal : ndarray of shape (n_samples,), dtype bool
        Which events are signal.
    sample_weight : array-like of shape (n_samples,) or None
        Weights of the user; None counts every event once.

    Returns
    -------
    weights : ndarray of shape (n_samples,)

    Raises
    ------
    WeightsError
        If the weights are unusable or a class does not sum to more than 0.
    """
    weights = check_event_weights(sample_weight, len(is_signal))
    check_class_sums(is_signal, weights)
    return weights


def check_events(
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None,
    pos_label: object,
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Return which events are signal, their scores and their weights, all usable.

    Parameters
    ----------
    y_true, y_score : array-like of shape (n_samples,)
        Labels of two classes and scores.
    sample_weight : array-like of shape (n_samples,) or None
        Weights of the user; None counts every event once.
    pos_label : label or None
        The label of the signal; None takes the larger one.

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
    is_signal = check_signal(y_true, pos_label)
    scores = check_scores(y_score, len(is_signal))
    return is_signal, scores, check_class_weights(is_signal, sample_weight)


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


def scale_classes(
    is_signal: NDArray[np.bool_],
    weights: NDArray[np.float64],
    signal_yield: float | None,
    background_yield: float | None,
) -> NDArray[np.float64]:
    """Return weights of which each class sums to its expected yield.

    Parameters
    ----------
    is_signal : ndarray of shape (n_samples,), dtype bool
        Which events are signal.
    weights : ndarray of shape (n_samples,)
        Signed event weights.
    signal_yield, background_yield : float or None
        Expected yields, in events, above 0; None leaves the weights of the class.

    Returns
    -------
    scaled : ndarray of shape (n_samples,)

    Raises
    ------
    WeightsError
        If a class does not sum to more than 0.
    """
    signal_sum, background_sum = check_class_sums(is_signal, weights)
    signal_scale = 1.0 if signal_yield is None else signal_yield / signal_sum
    background_scale = (
        1.0 if background_yield is None else background_yield / background_sum
    )
    return weights * np.where(is_signal, signal_scale, background_scale)
