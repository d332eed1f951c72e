"""Training and validation weights of a sample, and how healthy they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._messages import shown
from skhep_dnn._validation import check_event_weights, check_labels, known_labels
from skhep_dnn._warnings import warn_caller
from skhep_dnn.exceptions import (
    CancellingWeightsWarning,
    LowStatisticsWarning,
    WeightsError,
)
from skhep_dnn.weights._class_sums import sums_by_class
from skhep_dnn.weights._scheme import (
    CANNOT_REFINE,
    ClassWeight,
    NegativeWeights,
    balanced_weights,
    cancelling_message,
    weight_scheme,
)
from skhep_dnn.weights._yields import effective_sample_size

__all__ = [
    "LOW_N_EFF",
    "TrainingWeights",
    "training_weights",
    "validation_weights",
]

FloatArray = NDArray[np.float64]
LOW_N_EFF = 10.0


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
        out of training, not out of validation), made positive, or refused. "refine",
        a policy of `WeightedDNNClassifier` that needs the features, is refused: take
        `skhep_dnn.neural_network.refined_weights`, whose weights are positive.
    max_weight : float, default=None
        Largest `|w|`, in units of the mean `|w|` of the event's class; the class is
        then scaled so that its sum is what it was before. None: no cap.
    class_weight : "balanced", dict or None, default="balanced"
        "balanced" gives all classes the same sum of transformed weights (signed
        under "keep"); a dict maps each class to a factor, and perhaps others that are
        not there; None leaves them.
    signal_weight : float, default=1.0
        Additional factor on the signal class, or on each of the signal classes.
    pos_label : label or list of labels, default=None
        The signal class, or several; None takes the second of two in sorted order.

    Returns
    -------
    result : TrainingWeights

    Raises
    ------
    WeightsError
        If the policy is "refine", a weight is negative under "error", fewer than two
        classes have events of non-zero weight, "zero" takes out all events of a class,
        or a class whose sum is needed has a sum that is not positive.
    ValueError
        If an option is out of range or names a class that does not exist; or `y` is
        not one-dimensional, or a label is undefined or masked.

    Warns
    -----
    LowStatisticsWarning
        If a class has fewer than 10 effective events.
    CancellingWeightsWarning
        If negative weights are kept that take more than a fifth from the sum of `|w|`
        of a class.

    Examples
    --------
    >>> y = np.repeat(["s", "b", "b"], 10)
    >>> result = training_weights(y, np.repeat([0.1, 3.0, 1.0], 10))
    >>> result.weights[::10]
    array([1.5 , 1.125, 0.375])
    >>> result.class_yields
    array([40., 1.])
    """
    if negative_weights == "refine":
        raise WeightsError(CANNOT_REFINE.format(got="labels and weights"))
    labels = check_labels(y)
    physics = check_event_weights(sample_weight, len(labels))
    present = physics != 0.0
    classes, codes = _classes_of(labels[present])
    scheme = weight_scheme(
        codes,
        classes,
        physics[present],
        negative_weights=negative_weights,
        max_weight=max_weight,
        class_weight=class_weight,
    )
    if negative_weights == "keep":
        text = cancelling_message(codes, classes, physics[present])
        if text is not None:
            warn_caller(text, CancellingWeightsWarning)
    weights = scheme.weights(
        codes, physics[present], signal_weight=signal_weight, pos_label=pos_label
    )
    factors = scheme.factors(signal_weight, pos_label)
    result = _describe(weights, physics[present], codes, classes, factors)
    every = np.zeros(len(labels))
    every[present] = weights
    result = replace(result, weights=every)
    poorest = int(result.class_n_eff.argmin())
    if result.class_n_eff[poorest] < LOW_N_EFF:
        msg = (
            f"Class {shown(classes[poorest])} has "
            f"{result.class_n_eff[poorest]:.1f} effective events: a training will be "
            "noisy. Use more events or `max_weight`."
        )
        warn_caller(msg, LowStatisticsWarning)
    return result


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
    ValueError
        If `y` is not one-dimensional, or a label is undefined or masked.

    Examples
    --------
    >>> validation_weights(["s", "b", "b"], [0.1, 3.0, 1.0])
    array([0.5  , 0.375, 0.125])
    """
    labels = check_labels(y)
    physics = check_event_weights(sample_weight, len(labels))
    present = physics != 0.0
    classes, codes = _classes_of(labels[present])
    weights = np.zeros(len(labels))
    weights[present] = balanced_weights(codes, classes, physics[present])
    return weights


def _classes_of(labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the classes of events that have a weight, and which each is of."""
    classes = known_labels(labels)
    codes = np.searchsorted(classes, labels)
    if len(classes) < 2:
        msg = (
            "`y` must contain events of two classes or more, got the classes "
            f"{shown(classes)}. Pass events of signal and background, with weights "
            "other than zero."
        )
        raise WeightsError(msg)
    return classes, codes


def _describe(
    weights: FloatArray,
    physics: FloatArray,
    codes: NDArray[np.intp],
    classes: NDArray[Any],
    factors: FloatArray,
) -> TrainingWeights:
    n_classes = len(classes)
    magnitude = np.abs(weights)
    share = magnitude / sums_by_class(magnitude, codes, n_classes)[codes]
    return TrainingWeights(
        weights=weights,
        classes=classes,
        class_yields=sums_by_class(physics, codes, n_classes),
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
