r"""Event-weight arithmetic: from physics weights to training weights.

The *physics* weight of an event (cross-section times luminosity times corrections) is
what yields, significances and validation losses are made of; it may be negative. The
*training* weight is derived from it, in one declared order: events of weight zero are
dropped, the policy for negative weights is applied, weights are capped, the classes
balanced, the signal scaled, and one constant makes the mean :math:`|w|` equal to one.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._validation import check_event_weights, check_pos_label
from skhep_dnn.exceptions import LowStatisticsWarning, WeightsError

__all__ = [
    "ClassWeight",
    "NegativeWeights",
    "TrainingWeights",
    "effective_sample_size",
    "scale_to_yields",
    "training_weights",
    "validation_weights",
]

NegativeWeights = Literal["keep", "zero", "abs", "error"]
ClassWeight = Literal["balanced"] | Mapping[Any, float] | None
FloatArray = NDArray[np.float64]
LOW_N_EFF = 10.0


def effective_sample_size(sample_weight: ArrayLike) -> float:
    r"""Number of unit-weight events with the same relative statistical error.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,)
        Event weights; they may be negative.

    Returns
    -------
    n_eff : float
        :math:`(\sum w)^2 / \sum w^2`; 0 when all weights are zero or none is given.

    Examples
    --------
    >>> effective_sample_size([1.0, 1.0, 1.0])
    3.0
    >>> effective_sample_size([1.0, 0.0, 0.0])
    1.0
    """
    weights = np.asarray(sample_weight, dtype=np.float64)
    largest = np.abs(weights).max(initial=0.0)
    if largest == 0.0:
        return 0.0
    scaled = weights / largest  # squares of 1e-200 would vanish otherwise
    return float(scaled.sum() ** 2 / np.square(scaled).sum())


def scale_to_yields(
    y: ArrayLike, sample_weight: ArrayLike | None, yields: Mapping[Any, float]
) -> FloatArray:
    """Physics weights of a part of the events, scaled per class to the yields of all.

    A significance belongs to the whole sample: scale the weights of a test sample or
    a fold before one is computed.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Class labels of the part.
    sample_weight : array-like of shape (n_samples,) or None
        Its physics weights; None counts each event once.
    yields : mapping of label to float
        Full expected yield of each class, in events; a Series will do.

    Returns
    -------
    weights : ndarray of shape (n_samples,)

    Raises
    ------
    WeightsError
        If a class in `yields` has no events, or the weights of a class do not sum to
        more than zero.
    ValueError
        If a class has no yield, or one that is not positive and finite.

    See Also
    --------
    skhep_dnn.metrics.significance_scan : Takes the yields as options.

    Examples
    --------
    >>> scale_to_yields(["s", "b", "b"], [0.1, 3.0, 1.0], {"s": 5.0, "b": 400.0})
    array([  5., 300., 100.])
    """
    labels: NDArray[Any] = np.asarray(y)
    physics = check_event_weights(sample_weight, len(labels))
    classes, codes = np.unique(labels, return_inverse=True)
    sums = _positive_class_sums(physics, codes, classes)
    missing = [label for label in classes.tolist() if label not in yields]
    full = np.array([yields[label] for label in classes.tolist() if not missing])
    if missing or not (np.isfinite(full) & (full > 0.0)).all():
        msg = (
            f"`yields` must have a positive, finite yield for each of the classes "
            f"{classes.tolist()!r}, got {dict(yields)!r}. Add or correct yields."
        )
        raise ValueError(msg)
    absent = [label for label in dict(yields) if label not in classes.tolist()]
    if absent:
        msg = (
            f"`y` must have events of each class in `yields`, got none of {absent!r}: "
            "their yield would be lost. Take a larger part, or leave out the class."
        )
        raise WeightsError(msg)
    return physics * (full / sums)[codes]


@dataclass(frozen=True)
class TrainingWeights:
    """Training weights of one sample and the figures that tell how healthy they are.

    Attributes
    ----------
    weights : ndarray of shape (n_samples,)
        Training weights, in the order of the events; zero for an event that is not
        trained on. The mean of `|w|` over the others is 1.
    classes : ndarray of shape (n_classes,)
        Class labels, sorted.
    class_yields : ndarray of shape (n_classes,)
        Sum of the physics weights of each class, in events.
    class_n_eff : ndarray of shape (n_classes,)
        Effective number of events of each class, from its training weights.
    class_factors : ndarray of shape (n_classes,)
        Training weight over physics weight of an event that is neither negative nor
        capped.
    n_eff : float
        Effective number of events of the whole sample, from the training weights.
    negative_fraction : float
        Share of the events with a negative physics weight, among those not zero.
    largest_share : float
        Largest share that one event has in the sum of `|w|` of its class.

    See Also
    --------
    training_weights : Computes this.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.weights import training_weights
    >>> y, w = np.repeat(["s", "b", "b"], 20), np.repeat([0.1, 3.0, -1.0], 20)
    >>> training_weights(y, w, negative_weights="zero")
    <training weights of 40 of 60 events: n_eff = 40.0, negative 33.3%, largest share
    of one event in its class 5.0%
           yield  n_eff    factor
    class
    b       40.0   20.0  0.333333
    s        2.0   20.0  10.000000>
    """

    weights: FloatArray
    classes: NDArray[Any]
    class_yields: FloatArray
    class_n_eff: FloatArray
    class_factors: FloatArray
    n_eff: float
    negative_fraction: float
    largest_share: float

    @property
    def used(self) -> NDArray[np.bool_]:
        """Which events are trained on, of shape (n_samples,)."""
        return self.weights != 0.0

    def to_frame(self) -> pd.DataFrame:
        """Return yield, effective events and factor, one row for each class.

        Returns
        -------
        frame : DataFrame of shape (n_classes, 3)
            With the columns "yield", "n_eff" and "factor".
        """
        columns = {
            "yield": self.class_yields,
            "n_eff": self.class_n_eff,
            "factor": self.class_factors,
        }
        return pd.DataFrame(columns, index=pd.Index(self.classes, name="class"))

    def __str__(self) -> str:
        """Return the figures as a small table."""
        return (
            f"training weights of {np.count_nonzero(self.used)} of "
            f"{len(self.weights)} events: n_eff = {self.n_eff:.1f}, negative "
            f"{self.negative_fraction:.1%}, largest share of one event in its class "
            f"{self.largest_share:.1%}\n{self.to_frame().to_string()}"
        )

    def __repr__(self) -> str:
        """Return the same text as `str`."""
        return f"<{self}>"


def training_weights(
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    negative_weights: NegativeWeights = "keep",
    max_weight: float | None = None,
    class_weight: ClassWeight = "balanced",
    signal_weight: float = 1.0,
    pos_label: object = None,
) -> TrainingWeights:
    """Training weights of a sample from its physics weights.

    The steps, in this order: events of weight zero are dropped; `negative_weights`;
    `max_weight`; `class_weight`; `signal_weight`; one constant so that the mean of
    `|w|` is 1. The unit of the physics weights therefore does not matter.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Class labels of any kind.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, in events; None counts each event once.
    negative_weights : {"keep", "zero", "abs", "error"}, default="keep"
        What becomes of a negative weight in training: kept, set to zero (the event is
        out of training, not out of validation), made positive, or refused.
    max_weight : float, default=None
        Largest `|w|`, in units of the mean `|w|` of the event's class; the class is
        then scaled so that its sum is what it was before. None: no cap.
    class_weight : "balanced", dict or None, default="balanced"
        "balanced" gives all classes the same sum of transformed weights (signed
        under "keep"); a dict maps each class to a factor; None leaves them.
    signal_weight : float, default=1.0
        Additional factor on the signal class.
    pos_label : label, default=None
        The signal class; None takes the last one in sorted order.

    Returns
    -------
    result : TrainingWeights

    Raises
    ------
    WeightsError
        If a weight is negative under "error", a class has no events of non-zero
        weight, or a class whose sum is needed has a sum that is not positive.
    ValueError
        If an option is out of range or names a class that does not exist.

    Warns
    -----
    LowStatisticsWarning
        If a class has fewer than 10 effective events.

    Examples
    --------
    >>> y = np.repeat(["s", "b", "b"], 10)
    >>> result = training_weights(y, np.repeat([0.1, 3.0, 1.0], 10))
    >>> result.weights[::10]
    array([1.5 , 1.125, 0.375])
    >>> result.class_yields
    array([40., 1.])
    """
    labels: NDArray[Any] = np.asarray(y)
    physics = check_event_weights(sample_weight, len(labels))
    classes, codes = np.unique(labels, return_inverse=True)
    _check_more_than_one_class(classes)
    result = _training_weights(
        codes,
        classes,
        physics,
        negative_weights=negative_weights,
        max_weight=max_weight,
        class_weight=class_weight,
        signal_weight=signal_weight,
        pos_label=pos_label,
    )
    poorest = int(result.class_n_eff.argmin())
    if result.class_n_eff[poorest] < LOW_N_EFF:
        msg = (
            f"Class {classes.tolist()[poorest]!r} has "
            f"{result.class_n_eff[poorest]:.1f} effective events: a training will be "
            "noisy. Use more events or `max_weight`."
        )
        warnings.warn(msg, LowStatisticsWarning, stacklevel=2)
    return result


def _training_weights(
    codes: NDArray[np.intp],
    classes: NDArray[Any],
    physics: FloatArray,
    *,
    negative_weights: NegativeWeights = "keep",
    max_weight: float | None = None,
    class_weight: ClassWeight = "balanced",
    signal_weight: float = 1.0,
    pos_label: object = None,
) -> TrainingWeights:
    """Do what `training_weights` does for codes of known classes, without warning."""
    signal = classes.tolist().index(check_pos_label(classes, pos_label))
    _check_factors(max_weight, signal_weight)
    weights = _apply_policy(physics, negative_weights)
    _check_classes_have_events(weights, codes, classes)
    factors = np.ones(len(classes))
    if max_weight is not None:
        weights, factors = _cap(weights, codes, classes, max_weight)
    balance = _class_factors(weights, codes, classes, class_weight)
    balance[signal] *= signal_weight
    weights = weights * balance[codes]
    constant = np.count_nonzero(weights) / np.abs(weights).sum()
    factors = factors * balance * constant
    return _describe(weights * constant, physics, codes, classes, factors)


def validation_weights(
    y: ArrayLike, sample_weight: ArrayLike | None = None
) -> FloatArray:
    """Physics weights scaled so that each class sums to the same; their sum is 1.

    These make the *balanced log-loss*: signed weights, no policy, no cap, no
    `signal_weight`.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Class labels of any kind.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights; None counts each event once.

    Returns
    -------
    weights : ndarray of shape (n_samples,)

    Raises
    ------
    WeightsError
        If the weights of a class do not sum to more than zero.

    Examples
    --------
    >>> validation_weights(["s", "b", "b"], [0.1, 3.0, 1.0])
    array([0.5  , 0.375, 0.125])
    """
    labels: NDArray[Any] = np.asarray(y)
    physics = check_event_weights(sample_weight, len(labels))
    classes, codes = np.unique(labels, return_inverse=True)
    _check_more_than_one_class(classes)
    return _validation_weights(codes, classes, physics)


def _validation_weights(
    codes: NDArray[np.intp], classes: NDArray[Any], physics: FloatArray
) -> FloatArray:
    """Do what `validation_weights` does for codes of known classes."""
    sums = _positive_class_sums(physics, codes, classes)
    return physics / (len(classes) * sums[codes])


def _check_more_than_one_class(classes: NDArray[Any]) -> None:
    if len(classes) < 2:
        msg = (
            "`y` must contain events of two classes or more, got the classes "
            f"{classes.tolist()!r}. Pass events of signal and background."
        )
        raise WeightsError(msg)


def _check_factors(max_weight: float | None, signal_weight: float) -> None:
    for name, value in (("max_weight", max_weight), ("signal_weight", signal_weight)):
        if value is not None and not 0.0 < value < np.inf:
            msg = f"`{name}` must be positive and finite, got {value!r}. Change it."
            raise ValueError(msg)


def _apply_policy(physics: FloatArray, negative_weights: NegativeWeights) -> FloatArray:
    if negative_weights == "keep":
        return physics
    if negative_weights == "zero":
        return np.maximum(physics, 0.0)
    if negative_weights == "abs":
        return np.abs(physics)
    if negative_weights == "error":
        n_negative = int(np.count_nonzero(physics < 0.0))
        if n_negative:
            msg = (
                "`sample_weight` must not be negative with "
                f"negative_weights='error', got {n_negative} negative weights. "
                'Choose "keep", "zero" or "abs".'
            )
            raise WeightsError(msg)
        return physics
    msg = (
        '`negative_weights` must be "keep", "zero", "abs" or "error", got '
        f"{negative_weights!r}. Choose one of them."
    )
    raise ValueError(msg)


def _check_classes_have_events(
    weights: FloatArray, codes: NDArray[np.intp], classes: NDArray[Any]
) -> None:
    counts = np.bincount(codes[weights != 0.0], minlength=len(classes))
    for label, count in zip(classes.tolist(), counts, strict=True):
        if count == 0:
            msg = (
                f"`sample_weight` must leave events in every class, got class "
                f"{label!r} with only zero weights (after the negative-weight "
                "policy). Drop the class or give its events a weight."
            )
            raise WeightsError(msg)


def _positive_class_sums(
    weights: FloatArray, codes: NDArray[np.intp], classes: NDArray[Any]
) -> FloatArray:
    sums = _sums_by_class(weights, codes, len(classes))
    for label, total in zip(classes.tolist(), sums.tolist(), strict=True):
        if not total > 0.0:
            msg = (
                "`sample_weight` must sum to more than zero in every class, got "
                f"{total:.6g} for class {label!r}. Use more events of this class, "
                'or for training negative_weights="zero" or "abs".'
            )
            raise WeightsError(msg)
    return sums


def _cap(
    weights: FloatArray,
    codes: NDArray[np.intp],
    classes: NDArray[Any],
    max_weight: float,
) -> tuple[FloatArray, FloatArray]:
    """Return capped weights and the factor by which each class regains its sum."""
    used = weights != 0.0
    n_used = np.bincount(codes[used], minlength=len(classes))
    mean = _sums_by_class(np.abs(weights), codes, len(classes)) / n_used
    limit = (max_weight * mean)[codes]
    capped = np.clip(weights, -limit, limit)
    before = _positive_class_sums(weights, codes, classes)
    after = _positive_class_sums(capped, codes, classes)
    factors = before / after
    return capped * factors[codes], factors


def _class_factors(
    weights: FloatArray,
    codes: NDArray[np.intp],
    classes: NDArray[Any],
    class_weight: ClassWeight,
) -> FloatArray:
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, Mapping):
        return _factors_from_mapping(classes, class_weight)
    if class_weight == "balanced":
        return 1.0 / _positive_class_sums(weights, codes, classes)
    msg = (
        '`class_weight` must be "balanced", a dict of factors or None, got '
        f"{class_weight!r}. Choose one of them."
    )
    raise ValueError(msg)


def _factors_from_mapping(
    classes: NDArray[Any], class_weight: Mapping[Any, float]
) -> FloatArray:
    labels = classes.tolist()
    if set(class_weight) != set(labels):
        msg = (
            f"`class_weight` must have one factor for each of the classes {labels!r}, "
            f"got {dict(class_weight)!r}. Add or remove classes."
        )
        raise ValueError(msg)
    factors = np.array([class_weight[label] for label in labels], dtype=np.float64)
    if not (np.isfinite(factors) & (factors > 0.0)).all():
        msg = (
            "The factors in `class_weight` must be positive and finite, got "
            f"{dict(class_weight)!r}. Change them."
        )
        raise ValueError(msg)
    return factors


def _describe(
    weights: FloatArray,
    physics: FloatArray,
    codes: NDArray[np.intp],
    classes: NDArray[Any],
    factors: FloatArray,
) -> TrainingWeights:
    n_classes = len(classes)
    magnitude = np.abs(weights)
    share = magnitude / _sums_by_class(magnitude, codes, n_classes)[codes]
    return TrainingWeights(
        weights=weights,
        classes=classes,
        class_yields=_sums_by_class(physics, codes, n_classes),
        class_n_eff=np.array(
            [effective_sample_size(weights[codes == code]) for code in range(n_classes)]
        ),
        class_factors=factors,
        n_eff=effective_sample_size(weights),
        negative_fraction=float(
            np.count_nonzero(physics < 0.0) / np.count_nonzero(physics)
        ),
        largest_share=float(share.max()),
    )


def _sums_by_class(
    values: FloatArray, codes: NDArray[np.intp], n_classes: int
) -> FloatArray:
    sums = np.bincount(codes, weights=values, minlength=n_classes)
    return sums.astype(np.float64)
