"""Event weights of the toy generators, and the checks of their parameters."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from skhep_dnn.exceptions import WeightsError

__all__ = [
    "NegativePattern",
    "ToyWeights",
    "check_fraction",
    "check_integer",
    "check_pattern",
    "check_positive",
    "class_counts",
    "class_weights",
    "make_generator",
]

NegativePattern = Literal["flat", "phase_space"]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ToyWeights:
    """Signed weights of the events of one class, and what they stand for.

    Attributes
    ----------
    signed : ndarray of shape (n_samples,)
        Weights with drawn signs, in events.
    true : ndarray of shape (n_samples,)
        Positive weights of the same sum: the expected weight at each point.
    p_negative : ndarray of shape (n_samples,)
        Probability of the negative sign.
    """

    signed: FloatArray
    true: FloatArray
    p_negative: FloatArray


def make_generator(
    random_state: int | np.random.RandomState | None,
) -> np.random.Generator:
    """Return a fast generator seeded from scikit-learn's `random_state`.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        As everywhere in scikit-learn; an instance moves on with each call.

    Returns
    -------
    rng : numpy.random.Generator
    """
    seeds = check_random_state(random_state).randint(2**31 - 1, size=4)
    return np.random.default_rng(seeds)


def class_counts(n_samples: int, signal_fraction: float) -> dict[str, int]:
    """Return the number of events per class, at least one of each.

    Parameters
    ----------
    n_samples : int
        Number of events, at least 2.
    signal_fraction : float
        Fraction of the events that is signal.

    Returns
    -------
    counts : dict of str to int
        Of the classes "s" and "b".
    """
    check_integer("n_samples", n_samples, minimum=2)
    check_fraction("signal_fraction", signal_fraction, low=0.0, high=1.0)
    n_signal = min(max(round(n_samples * signal_fraction), 1), n_samples - 1)
    return {"s": n_signal, "b": n_samples - n_signal}


def class_weights(
    relative: FloatArray,
    class_yield: float,
    negative_fraction: float,
    rng: np.random.Generator,
    label: str,
    *,
    place: FloatArray | None = None,
) -> ToyWeights:
    """Return the weights of one class: signs drawn, sum equal to the yield.

    Without `place` the signs are independent of everything else: they change no
    distribution, only its statistical error. With it the probability p of a negative
    sign depends on the place of an event, and so does `|w|`, which grows by
    1 / (1 - 2 p): the expected weight at each point is the same as without signs.

    Parameters
    ----------
    relative : ndarray of shape (n_samples,)
        Positive relative weights.
    class_yield : float
        Sum of the weights returned, in events.
    negative_fraction : float
        Fraction of the events with a negative weight.
    rng : numpy.random.Generator
        Source of the signs.
    label : str
        Name of the class in error messages.
    place : ndarray of shape (n_samples,), default=None
        Place of each event, see `negative_probability`.

    Returns
    -------
    weights : ToyWeights

    Raises
    ------
    WeightsError
        If the negative weights outweigh the positive ones.
    """
    signed = relative.copy()
    if place is None:
        p_negative = np.full(len(relative), negative_fraction, dtype=np.float64)
        n_negative = round(negative_fraction * len(relative))
        signed[rng.permutation(len(relative))[:n_negative]] *= -1.0
    else:
        p_negative = negative_probability(place, negative_fraction)
        signed /= 1.0 - 2.0 * p_negative
        signed[rng.random(len(relative)) < p_negative] *= -1.0
    total = signed.sum()
    if not total > 0.0:
        msg = (
            f"The weights of class {label!r} must sum to more than 0, got "
            f"{total:.3g} with `negative_fraction={negative_fraction!r}` for "
            f"{len(relative)} events. Make more events or a smaller fraction negative."
        )
        raise WeightsError(msg)
    return ToyWeights(
        signed * (class_yield / total),
        relative * (class_yield / relative.sum()),
        p_negative,
    )


def negative_probability(place: FloatArray, negative_fraction: float) -> FloatArray:
    """Return a probability of the negative sign that depends on phase space.

    It rises with the place of an event from a fifth of the fraction to nine fifths of
    it; with a fraction above a quarter less far, since at one half weights diverge.

    Parameters
    ----------
    place : ndarray of shape (n_samples,)
        Where each event is, from 0 to 1; its mean over a class should be one half.
    negative_fraction : float
        The probability in the middle, less than 0.5.

    Returns
    -------
    p_negative : ndarray of shape (n_samples,)
    """
    swing = 0.8 * min(negative_fraction, 0.5 - negative_fraction)
    return negative_fraction + swing * (2.0 * place - 1.0)


def check_integer(name: str, value: object, minimum: int) -> None:
    """Raise unless a value is an integer of at least a minimum.

    Parameters
    ----------
    name : str
        Name of the parameter.
    value : object
        Its value.
    minimum : int
        Smallest value allowed.

    Raises
    ------
    TypeError
        If the value is not an integer.
    ValueError
        If it is smaller.
    """
    if not isinstance(value, Integral) or isinstance(value, bool):
        msg = (
            f"`{name}` must be an integer of at least {minimum}, got {value!r}. Pass a "
            "whole number."
        )
        raise TypeError(msg)
    if int(value) < minimum:
        msg = f"`{name}` must be at least {minimum}, got {value!r}. Pass a larger one."
        raise ValueError(msg)


def check_positive(name: str, value: object, *, or_zero: bool = False) -> None:
    """Raise unless a value is a finite number above (or at) zero.

    Parameters
    ----------
    name : str
        Name of the parameter.
    value : object
        Its value.
    or_zero : bool, default=False
        Whether zero is allowed.

    Raises
    ------
    TypeError
        If the value is not a number.
    ValueError
        If it is not positive or not finite.
    """
    number = _real(name, value)
    if not np.isfinite(number) or number < 0.0 or (number == 0.0 and not or_zero):
        kind = "zero or a positive" if or_zero else "a positive"
        msg = f"`{name}` must be {kind} finite number, got {value!r}. Correct it."
        raise ValueError(msg)


def check_fraction(name: str, value: object, low: float, high: float) -> None:
    """Raise unless a value lies in a half-open range.

    Parameters
    ----------
    name : str
        Name of the parameter.
    value : object
        Its value.
    low, high : float
        Limits; the lower one belongs to the range, the upper one does not.

    Raises
    ------
    TypeError
        If the value is not a number.
    ValueError
        If it lies outside.
    """
    number = _real(name, value)
    if not low <= number < high:
        msg = (
            f"`{name}` must be at least {low} and less than {high}, got {value!r}. "
            "Pass a fraction in this range."
        )
        raise ValueError(msg)


def check_pattern(value: object) -> None:
    """Raise unless a pattern of negative signs has a known name.

    Parameters
    ----------
    value : object
        Its name.

    Raises
    ------
    ValueError
        If there is no such pattern.
    """
    if value not in {"flat", "phase_space"}:
        msg = (
            f'`negative_pattern` must be "flat" or "phase_space", got {value!r}. '
            "Choose one of them."
        )
        raise ValueError(msg)


def _real(name: str, value: object) -> float:
    if not isinstance(value, Real) or isinstance(value, bool):
        msg = f"`{name}` must be a number, got {value!r}. Pass an int or a float."
        raise TypeError(msg)
    return float(value)
