"""Significance as a score of class predictions and of classifier scores."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._validation import check_event_weights, check_signal
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.metrics._significance import ams

__all__ = ["ams_score"]


def ams_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    b_reg: float = 10.0,
    signal_yield: float | None = None,
    background_yield: float | None = None,
    pos_label: object = None,
) -> float:
    """AMS of the events that are predicted to be signal.

    The figure of merit of the HiggsML challenge for class predictions. A sample that
    is a part of the whole has too small yields: give the yields of the whole, and the
    weights of each class are rescaled to them.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    b_reg : float, default=10.0
        Added to the background, in events; 10 in the challenge.
    signal_yield : float, default=None
        Expected signal before the selection, in events; None takes the sum of the
        signal weights.
    background_yield : float, default=None
        Expected background before the selection, in events; None takes the sum of the
        background weights.
    pos_label : label, default=None
        Label of the signal; None takes the larger one.

    Returns
    -------
    z : float
        The significance; nan if the predicted background is negative, or the signal
        is as negative as the regularised background.

    Raises
    ------
    ValueError
        If a prediction is not one of the labels, the lengths differ or a yield is not
        above 0.
    WeightsError
        If a yield is given and the weights of its class do not sum to more than 0.

    Warns
    -----
    UndefinedSignificanceWarning
        If the value is nan.

    See Also
    --------
    ams : The formula.
    max_significance_score : The largest value over all cuts on a score.

    Examples
    --------
    >>> from skhep_dnn.metrics import ams_score
    >>> y_true = ["b", "b", "b", "s", "s"]
    >>> y_pred = ["b", "b", "s", "s", "s"]
    >>> weight = [40.0, 40.0, 20.0, 3.0, 3.0]
    >>> round(ams_score(y_true, y_pred, weight), 4)
    1.0617
    >>> round(ams_score(y_true, y_pred, weight, background_yield=300.0), 4)
    0.7072
    """
    is_signal = check_signal(y_true, pos_label)
    selected = _predicted_signal(y_true, y_pred, is_signal)
    weights = check_event_weights(sample_weight, len(is_signal))
    s = float(weights[is_signal & selected].sum())
    b = float(weights[~is_signal & selected].sum())
    if signal_yield is not None:
        s *= _yield_factor(is_signal, weights, signal_yield, "signal_yield")
    if background_yield is not None:
        b *= _yield_factor(~is_signal, weights, background_yield, "background_yield")
    return float(ams(s, b, b_reg=b_reg))


def _predicted_signal(
    y_true: ArrayLike, y_pred: ArrayLike, is_signal: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    labels, predicted = np.asarray(y_true), np.asarray(y_pred)
    if predicted.shape != labels.shape:
        msg = (
            f"`y_pred` must have one label for each of the {len(labels)} events, got "
            f"the shape {predicted.shape}. Pass `predict(X)` of the events in `y_true`."
        )
        raise ValueError(msg)
    known = np.unique(labels)
    unknown = np.setdiff1d(predicted, known)
    if len(unknown):
        msg = (
            f"`y_pred` must contain the labels {known.tolist()!r} of `y_true`, got "
            f"{unknown[:5].tolist()!r}. Pass class predictions; for scores take "
            "`max_significance_score` or `SignificanceAt`."
        )
        raise ValueError(msg)
    return predicted == labels[is_signal][0]


def _yield_factor(
    mask: NDArray[np.bool_],
    weights: NDArray[np.float64],
    full_yield: float,
    name: str,
) -> float:
    total = float(weights[mask].sum())
    if full_yield <= 0:
        msg = (
            f"`{name}` must be above 0, got {full_yield!r}. Pass the yield of the "
            "whole sample in events, or None."
        )
        raise ValueError(msg)
    if total <= 0:
        msg = (
            f"`sample_weight` must sum to more than 0 in the class of `{name}`, got "
            f"{total!r}. Use a larger sample."
        )
        raise WeightsError(msg)
    return full_yield / total
