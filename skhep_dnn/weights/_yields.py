"""Yields and effective numbers of events of weighted samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._arrays import refuse_mask
from skhep_dnn._messages import shown
from skhep_dnn._validation import check_event_weights, check_labels, known_labels
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.weights._class_sums import (
    positive_class_sums,
    rescaled,
    to_unit_scale,
)

__all__ = ["effective_sample_size", "scale_to_yields"]

FloatArray = NDArray[np.float64]


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

    Raises
    ------
    WeightsError
        If the weights are not one-dimensional, or one is not finite or masked.

    Examples
    --------
    >>> effective_sample_size([1.0, 1.0, 1.0])
    3.0
    >>> effective_sample_size([1.0, 0.0, 0.0])
    1.0
    """
    refuse_mask(sample_weight, "sample_weight", WeightsError)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.ndim != 1 or not np.isfinite(weights).all():
        msg = (
            "`sample_weight` must be one-dimensional and finite, got the shape "
            f"{weights.shape} and {int((~np.isfinite(weights)).sum())} nan or infinite "
            "weights. Pass one weight for each event."
        )
        raise WeightsError(msg)
    if not weights.any():
        return 0.0
    scaled = to_unit_scale(weights)
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
        If a class has no yield, or one that is not positive and finite; or `y` is
        not one-dimensional, or a label is undefined or masked.

    See Also
    --------
    skhep_dnn.metrics.significance_scan : Takes the yields as options.

    Examples
    --------
    >>> scale_to_yields(["s", "b", "b"], [0.1, 3.0, 1.0], {"s": 5.0, "b": 400.0})
    array([  5., 300., 100.])
    """
    labels = check_labels(y)
    physics = check_event_weights(sample_weight, len(labels))
    present = physics != 0.0  # a class without weights is as good as absent
    classes = known_labels(labels[present])
    codes = np.searchsorted(classes, labels[present])
    positive_class_sums(physics[present], codes, classes)
    missing = [label for label in classes.tolist() if label not in yields]
    full = np.array([yields[label] for label in classes.tolist() if not missing])
    if missing or not (np.isfinite(full) & (full > 0.0)).all():
        msg = (
            f"`yields` must have a positive, finite yield for each of the classes "
            f"{shown(classes)}, got {shown(dict(yields))}. Add or correct yields."
        )
        raise ValueError(msg)
    absent = [label for label in dict(yields) if label not in classes.tolist()]
    if absent:
        msg = (
            "`y` must have events of each class in `yields`, with weights other than "
            f"zero, got none of {shown(absent)}: their yield would be lost. Take a "
            "larger part, or leave out the class."
        )
        raise WeightsError(msg)
    weights = np.zeros(len(labels))
    weights[present] = rescaled(physics[present], codes, full)
    return weights
