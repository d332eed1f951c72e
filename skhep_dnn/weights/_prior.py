"""What is the probability of a class, once the classes have their expected yields.

A classifier that is trained with classes of equal weight says what is probable where
all classes are equally frequent. By Bayes' theorem the yields are one factor for each
class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._validation import check_numbers

__all__ = ["to_physical_prior"]

FloatArray = NDArray[np.float64]


def to_physical_prior(
    y_proba: ArrayLike,
    yields: Mapping[Any, float] | ArrayLike,
    *,
    training_yields: Mapping[Any, float] | ArrayLike | None = None,
) -> FloatArray:
    r"""Probabilities of the classes at their expected yields.

    `predict_proba` of a network with its default ``class_weight="balanced"`` holds at
    equal yields of all classes. Here it becomes the share of each class among the
    events that are expected at the same place: it can be summed to expected yields,
    compared by a reliability curve with the physics weights, and its cut separates a
    class best from the others in the mixture that nature makes of them.

    Parameters
    ----------
    y_proba : array-like of shape (n_samples, n_classes)
        Probabilities, with columns in sorted order of the labels, as in `classes_`.
    yields : mapping of label to float, or array-like of shape (n_classes,)
        Expected yield of each class, in events; only their ratios matter. A mapping, or
        a Series, may have the labels in any order.
    training_yields : mapping or array-like of shape (n_classes,), default=None
        Yields for which the probabilities hold, as `yields`; None takes equal ones. For
        a classifier that is trained with the physics weights as they are, the class
        sums of these; a `signal_weight` of the training is a factor on the signal.

    Returns
    -------
    y_proba : ndarray of shape (n_samples, n_classes)
        In the same order; each row sums to 1.

    Raises
    ------
    ValueError
        If the shapes do not fit, a value is not a probability, all of an event are 0,
        or a yield is not above 0 and finite.

    See Also
    --------
    skhep_dnn.weights.scale_to_yields : Weights at the expected yields.
    skhep_dnn.metrics.reliability_curve : Do the probabilities hold.

    Notes
    -----
    With the probabilities :math:`p_c` at the yields :math:`t_c`, and the yields
    :math:`y_c`,

    .. math:: p'_c = \frac{p_c \, y_c / t_c}{\sum_k p_k \, y_k / t_k} .

    If the :math:`p_c` are those of the densities of the events, the mean of
    :math:`p'_c` over events of these yields is the share of the class, so that the
    weighted sum of :math:`p'_c` is its yield.

    Examples
    --------
    >>> from skhep_dnn.weights import to_physical_prior
    >>> proba = [[0.5, 0.5], [0.01, 0.99]]
    >>> to_physical_prior(proba, {"s": 1.0, "b": 99.0}).round(3)
    array([[0.99, 0.01],
           [0.5 , 0.5 ]])
    """
    proba = check_numbers(y_proba, "y_proba")
    if proba.ndim != 2 or proba.shape[1] < 2:
        msg = (
            "`y_proba` must have a row for each event and a column for each class, got "
            f"the shape {proba.shape}. Pass `predict_proba(X)`."
        )
        raise ValueError(msg)
    if not ((proba >= 0) & (proba <= 1) & (proba.max(axis=1) > 0)[:, None]).all():
        msg = (
            "`y_proba` must be probabilities from 0 to 1, of which one is not 0, got "
            f"values from {float(proba.min())!r} to {float(proba.max())!r}. Pass "
            "`predict_proba(X)`."
        )
        raise ValueError(msg)
    factors = _in_columns(yields, proba.shape[1], "yields")
    if training_yields is not None:
        factors = factors / _in_columns(
            training_yields, proba.shape[1], "training_yields"
        )
    weighted = proba * (factors / factors.max())
    return weighted / weighted.sum(axis=1, keepdims=True)


def _in_columns(
    yields: Mapping[Any, float] | ArrayLike, n_classes: int, name: str
) -> FloatArray:
    """Return yields in the order of the columns of probabilities."""
    if isinstance(yields, Mapping) or hasattr(yields, "items"):
        by_label = dict(yields)  # type: ignore[arg-type]
        yields = [by_label[label] for label in np.unique(list(by_label)).tolist()]
    values = np.asarray(yields, dtype=np.float64)
    valid = values.shape == (n_classes,) and (np.isfinite(values) & (values > 0)).all()
    if not valid:
        msg = (
            f"`{name}` must be {n_classes} positive, finite yields, one for each "
            f"column of `y_proba`, got {values.tolist()!r}. Pass a mapping of the "
            "labels in `classes_` to their yields."
        )
        raise ValueError(msg)
    return values
