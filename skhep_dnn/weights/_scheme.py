r"""How physics weights become training weights: learnt once, applied to any events.

The steps are those of `skhep_dnn.weights`: policy for negative weights, cap, class
balance, signal factor, one constant. What a step needs to know of the whole sample is
learnt from it and stays as it is, so that a later part of the events gets the same
factors; the factor of the signal and the constant follow from the learnt sums.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from skhep_dnn._messages import shown
from skhep_dnn._validation import signal_labels
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.weights._class_sums import (
    check_no_class_missing,
    positive_class_sums,
    sums_by_class,
)

__all__ = [
    "CANCELLING_KEY",
    "CANNOT_REFINE",
    "ClassWeight",
    "NegativeWeights",
    "WeightScheme",
    "balanced_weights",
    "cancelling_message",
    "scheme_so_far",
    "weight_scheme",
    "with_mean_sign",
]

NegativeWeights = Literal["keep", "zero", "abs", "error", "refine"]
ClassWeight = Literal["balanced"] | Mapping[Any, float] | None
FloatArray = NDArray[np.float64]

CANCELLING_KEY = "kept weights that cancel"  # under which estimators warn once
LEAST_SHARE = 0.8  # of sum w in sum |w|, below which kept weights make noise
_CANCELLING = (
    'With negative_weights="keep" the weights of a class must sum to 0.8 of the sum of '
    "|w| or more, got {found}: gradients cancel, and what is left of them is noise. "
    'Set negative_weights="refine" of the classifier, or pass the positive weights '
    "`skhep_dnn.neural_network.refined_weights(X, y, sample_weight)` of the training "
    "events."
)
CANNOT_REFINE = (
    'Negative weights with negative_weights="refine" must come with the features of '
    "all events that are trained on, as they do in `fit`, got {got} without. Use `fit` "
    "of the classifier, or pass the positive weights "
    "`skhep_dnn.neural_network.refined_weights(X, y, sample_weight)` of the training "
    "events."
)


@dataclass(frozen=True)
class WeightScheme:
    """The factors that turn physics weights into training weights.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Class labels.
    negative_weights : {"keep", "zero", "abs", "error", "refine"}
        What becomes of a negative weight; with "refine" the weights have been refined
        before, and none is left.
    limits : ndarray of shape (n_classes,) or None
        Largest `|w|` of an event of each class.
    class_factors : ndarray of shape (n_classes,)
        Factors of the cap and of the class balance.
    counts : ndarray of shape (n_classes,)
        Number of events with a weight in each class of the sample.
    sums : ndarray of shape (n_classes,)
        Their sum of `|w|` with all factors but those of signal and constant.
    """

    classes: NDArray[Any]
    negative_weights: NegativeWeights
    limits: FloatArray | None
    class_factors: FloatArray
    counts: NDArray[np.int64]
    sums: FloatArray

    @property
    def is_complete(self) -> bool:
        """Whether there were events of all classes."""
        return bool(self.counts.all())

    def factors(self, signal_weight: float, pos_label: object) -> FloatArray:
        """Return the whole factor of each class, the constant included."""
        _check_positive("signal_weight", signal_weight)
        # The constant makes the mean of `|w|` one over the sample that the scheme was
        # learnt from. It is one number for a whole fit: a batch of signed weights can
        # sum to zero or less, so nothing is ever normalised by a batch.
        signal = np.ones(len(self.classes))
        if signal_weight != 1.0 or pos_label is not None:
            signal[_signal_codes(self.classes, pos_label)] = signal_weight
        constant = self.counts.sum() / (self.sums * signal).sum()
        return self.class_factors * signal * constant

    def weights(
        self,
        codes: NDArray[np.intp],
        physics: FloatArray,
        *,
        signal_weight: float = 1.0,
        pos_label: object = None,
    ) -> FloatArray:
        """Return the training weights of events of known classes."""
        weights = _apply_policy(physics, self.negative_weights)
        # The limits are those of the sample that was learnt from: the same event gets
        # the same weight in whatever part of the events it comes.
        if self.limits is not None:
            limit = self.limits[codes]
            weights = np.clip(weights, -limit, limit)
        return weights * self.factors(signal_weight, pos_label)[codes]


def weight_scheme(
    codes: NDArray[np.intp],
    classes: NDArray[Any],
    physics: FloatArray,
    *,
    negative_weights: NegativeWeights = "keep",
    max_weight: float | None = None,
    class_weight: ClassWeight = "balanced",
) -> WeightScheme:
    """Learn the scheme of a sample; see `skhep_dnn.weights.training_weights`.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Position of each event's class in `classes`.
    classes : ndarray of shape (n_classes,)
        Class labels.
    physics : ndarray of shape (n_samples,)
        Physics weights, in events.
    negative_weights : {"keep", "zero", "abs", "error", "refine"}, default="keep"
        What becomes of a negative weight; "refine" refuses it, since what refines it
        comes before.
    max_weight : float, default=None
        Largest `|w|`, in units of the mean `|w|` of the event's class.
    class_weight : "balanced", dict or None, default="balanced"
        Equal sums of the classes, factors, or neither.

    Returns
    -------
    scheme : WeightScheme

    Raises
    ------
    WeightsError
        If the policy is "error" or "refine" and a weight negative, a class has no
        events of non-zero weight, or a sum that is needed is not positive.
    ValueError
        If an option is out of range or names a class that does not exist.
    """
    weights = _apply_policy(physics, negative_weights)
    counts = _event_counts(weights, codes, classes)
    limits, factors = None, np.ones(len(classes))
    if max_weight is not None:
        _check_positive("max_weight", max_weight)
        # Relative to the mean `|w|` of the class, so that neither the unit of the
        # weights nor the yield of the class matters.
        sums = sums_by_class(np.abs(weights), codes, len(classes))
        limits = max_weight * sums / counts
        capped = np.clip(weights, -limits[codes], limits[codes])
        # A cap takes yield from the class; the factor gives it back to all its events,
        # which matters where the classes are not balanced afterwards.
        before = positive_class_sums(weights, codes, classes)
        factors = before / positive_class_sums(capped, codes, classes)
        weights = capped * factors[codes]
    # Balanced by signed sums, which are yields; the constant, of `|w|`, comes last,
    # when the factor of the signal is known.
    balance = _class_factors(weights, codes, classes, class_weight)
    sums = sums_by_class(np.abs(weights), codes, len(classes)) * balance
    return WeightScheme(
        classes, negative_weights, limits, factors * balance, counts, sums
    )


def scheme_so_far(
    codes: NDArray[np.intp],
    classes: NDArray[Any],
    physics: FloatArray,
    *,
    negative_weights: NegativeWeights = "keep",
    max_weight: float | None = None,
    class_weight: ClassWeight = "balanced",
) -> WeightScheme:
    """Learn the scheme of a sample in which some classes may not have come yet.

    Their events, if there are any that a policy for negative weights takes out, get
    the weight 0. With events of all classes it is `weight_scheme`, to the bit.

    Parameters
    ----------
    codes, classes, physics, negative_weights, max_weight, class_weight
        As in `weight_scheme`.

    Returns
    -------
    scheme : WeightScheme
        With the count 0 for each class that has not come.

    Raises
    ------
    WeightsError, ValueError
        As from `weight_scheme`; or if all weights are taken out.
    """
    weights = _apply_policy(physics, negative_weights)
    has_come = np.bincount(codes[weights != 0.0], minlength=len(classes)) > 0
    if not has_come.any():
        msg = (
            "`sample_weight` must leave events to train on, got none whose training "
            "weight is not zero. Pass a larger part of the events, or choose another "
            "`negative_weights`."
        )
        raise WeightsError(msg)
    if isinstance(class_weight, Mapping):  # has a factor for what has yet to come
        _factors_from_mapping(classes, class_weight)
    known = has_come[codes]
    learnt = weight_scheme(
        (np.cumsum(has_come) - 1)[codes[known]],
        classes[has_come],
        physics[known],
        negative_weights=negative_weights,
        max_weight=max_weight,
        class_weight=class_weight,
    )
    if has_come.all():
        return learnt

    def of_all(values: NDArray[Any]) -> NDArray[Any]:
        every = np.zeros(len(classes), dtype=values.dtype)
        every[has_come] = values
        return every

    return replace(
        learnt,
        classes=classes,
        limits=None if learnt.limits is None else of_all(learnt.limits),
        class_factors=of_all(learnt.class_factors),
        counts=of_all(learnt.counts),
        sums=of_all(learnt.sums),
    )


def balanced_weights(
    codes: NDArray[np.intp], classes: NDArray[Any], physics: FloatArray
) -> FloatArray:
    """Return physics weights of which each class has the same sum, all together 1."""
    sums = positive_class_sums(physics, codes, classes)
    return physics / (len(classes) * sums[codes])


def cancelling_message(
    codes: NDArray[np.intp], classes: NDArray[Any], physics: FloatArray
) -> str | None:
    """Return what to say where kept weights cancel by more than a fifth, or None.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Position of each event's class in `classes`.
    classes : ndarray of shape (n_classes,)
        Class labels.
    physics : ndarray of shape (n_samples,)
        Signed weights.

    Returns
    -------
    message : str or None

    Examples
    --------
    >>> codes, w = np.zeros(4, dtype=int), np.array([1.0, 1.0, 1.0, -1.0])
    >>> message = cancelling_message(codes, np.array(["b"]), w)
    >>> "got 0.5 of it in class 'b'" in message
    True
    """
    sums = sums_by_class(physics, codes, len(classes))
    of_magnitudes = sums_by_class(np.abs(physics), codes, len(classes))
    found = [
        f"{total / magnitude:.3g} of it in class {shown(label)}"
        for label, total, magnitude in zip(
            classes.tolist(), sums.tolist(), of_magnitudes.tolist(), strict=True
        )
        if total < LEAST_SHARE * magnitude
    ]
    return _CANCELLING.format(found=", ".join(found)) if found else None


def with_mean_sign(
    codes: NDArray[np.intp], classes: NDArray[Any], physics: FloatArray
) -> FloatArray:
    """Return `|w|` times the mean sign of the class, where a class has both signs.

    Each class keeps its signed sum, which must be positive.
    """
    magnitude = np.abs(physics)
    sums = positive_class_sums(physics, codes, classes)
    mean = sums / sums_by_class(magnitude, codes, len(classes))
    has_negative = np.bincount(codes[physics < 0.0], minlength=len(classes)) > 0
    return np.where(has_negative[codes], magnitude * mean[codes], physics)


def _signal_codes(classes: NDArray[Any], pos_label: object) -> list[int]:
    if pos_label is None and len(classes) > 2:
        msg = (
            "`pos_label` must name the signal where there are more than two classes, "
            f"got None for the classes {shown(classes)}. Set it."
        )
        raise ValueError(msg)
    signal = signal_labels(classes, pos_label, "y")
    return [classes.tolist().index(label) for label in signal]


def _check_positive(name: str, value: float) -> None:
    if not 0.0 < value < np.inf:
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
                'Choose "keep", "zero", "abs" or, in `fit`, "refine".'
            )
            raise WeightsError(msg)
        return physics
    if negative_weights == "refine":
        n_negative = int(np.count_nonzero(physics < 0.0))
        if n_negative:
            raise WeightsError(CANNOT_REFINE.format(got=f"{n_negative} of them"))
        return physics
    msg = (
        '`negative_weights` must be "keep", "zero", "abs", "error" or "refine", got '
        f"{negative_weights!r}. Choose one of them."
    )
    raise ValueError(msg)


def _event_counts(
    weights: FloatArray, codes: NDArray[np.intp], classes: NDArray[Any]
) -> NDArray[np.int64]:
    check_no_class_missing(codes, classes)
    counts = np.bincount(codes[weights != 0.0], minlength=len(classes))
    for label, count in zip(classes.tolist(), counts.tolist(), strict=True):
        if count == 0:
            msg = (
                "`sample_weight` must leave events to train on in every class, got "
                f"only negative weights or zero for class {shown(label)}, which "
                'negative_weights="zero" takes out. Use more events of this class, or '
                'negative_weights="keep" or "abs".'
            )
            raise WeightsError(msg)
    return counts


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
        return 1.0 / positive_class_sums(weights, codes, classes)
    msg = (
        '`class_weight` must be "balanced", a dict of factors or None, got '
        f"{shown(class_weight)}. Choose one of them."
    )
    raise ValueError(msg)


def _factors_from_mapping(
    classes: NDArray[Any], class_weight: Mapping[Any, float]
) -> FloatArray:
    labels = classes.tolist()
    # A factor too many is that of a class without weights, as in a bootstrap sample.
    if not set(class_weight) >= set(labels):
        msg = (
            f"`class_weight` must have one factor for each of the classes "
            f"{shown(labels)}, got {shown(class_weight)}. Add the other classes."
        )
        raise ValueError(msg)
    factors = np.array([class_weight[label] for label in labels], dtype=np.float64)
    if not (np.isfinite(factors) & (factors > 0.0)).all():
        msg = (
            "The factors in `class_weight` must be positive and finite, got "
            f"{shown(class_weight)}. Change them."
        )
        raise ValueError(msg)
    return factors
