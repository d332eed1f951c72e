"""Significance as a score of class predictions and of classifier scores."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._arrays import defined_array
from skhep_dnn._messages import shown
from skhep_dnn._validation import (
    check_event_weights,
    check_signal,
    check_signal_scores,
)
from skhep_dnn.exceptions import UndefinedSignificanceWarning
from skhep_dnn.metrics._figure_of_merit import Kind
from skhep_dnn.metrics._scan import significance_scan
from skhep_dnn.metrics._significance import ams
from skhep_dnn.metrics._thresholds import MIN_N_EFF, threshold_at_maximum
from skhep_dnn.weights._class_sums import scale_classes

__all__ = ["ams_score", "max_significance_score"]


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
        Labels of two classes, or of more with `pos_label`.
    y_pred : array-like of shape (n_samples,)
        Predicted labels; an event is selected if its label is one of the signal.
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
    pos_label : label or list of labels, default=None
        Label of the signal, or of several signal classes, against all others; None
        takes the larger one of two.

    Returns
    -------
    z : float
        The significance; nan if the predicted background is negative, or the signal
        is as negative as the regularised background.

    Raises
    ------
    ValueError
        If a prediction is not one of the labels, the lengths differ or a yield is not
        above 0 and finite.
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
    weights = scale_classes(is_signal, weights, signal_yield, background_yield)
    s = float(weights[is_signal & selected].sum())
    b = float(weights[~is_signal & selected].sum())
    return float(ams(s, b, b_reg=b_reg))


def max_significance_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    kind: Kind = "asimov",
    b_reg: float | None = None,
    sigma_b: float = 0.0,
    rel_sigma_b: float = 0.0,
    mc_stat: bool = False,
    min_n_eff: float = MIN_N_EFF,
    signal_yield: float | None = None,
    background_yield: float | None = None,
    pos_label: object = None,
) -> float:
    """Return the largest significance over all cuts on a score; do not quote it.

    **Why a maximum is biased.** The significance at each cut is the true one plus a
    fluctuation of the events above it. The largest of many such values is found where
    the fluctuation is upward, usually where a few background events happen to be
    missing: on average it exceeds the true significance of the cut it chooses, and
    even that of the best cut. The excess grows with the number of cuts and falls with
    the number of effective background events above them; one heavy event less is
    enough. In a toy with a best true value of 2.65 the maximum is 3.85 on average,
    and the true value at its cut 2.57; with `min_n_eff` = 25 it is 2.57 for a true
    2.46. So `min_n_eff` bounds the excess but does not remove it, and a bootstrap of
    the maximum adds the same bias once more.

    **What to quote instead.** Choose the cut on one sample (`threshold_at_maximum` on
    out-of-fold scores) and quote the significance at this cut on another
    (`SignificanceAt`), with its bootstrap error: its bias is the factor
    ``1 + 3 / (8 n_eff)`` only. To rank models use `weighted_roc_auc`,
    `balanced_log_loss` or a binned significance. This function is for comparing with
    publications that quote the maximum.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes, or of more with `pos_label`.
    y_score : array-like of shape (n_samples,) or (n_samples, n_classes)
        Scores; events with equal scores are selected together. Of more than two
        classes also probabilities, as in `significance_scan`.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    kind : {"asimov", "ams", "s_over_sqrt_b", "s_over_sqrt_sb"}, default="asimov"
        The significance.
    b_reg : float or None, default=None
        Added to `b`, in events; None means 10 for "ams" and 0 otherwise.
    sigma_b : float, default=0.0
        Absolute uncertainty of `b`, in events.
    rel_sigma_b : float, default=0.0
        Relative uncertainty of `b`.
    mc_stat : bool, default=False
        Whether the Monte Carlo variance of `b` counts as an uncertainty too.
    min_n_eff : float, default=25.0
        Smallest number of effective background events above a cut.
    signal_yield : float or None, default=None
        Expected signal before the cut, in events, to which the weights are rescaled.
    background_yield : float or None, default=None
        The same for the background.
    pos_label : label or list of labels, default=None
        Label of the signal, or of several signal classes, against all others; None
        takes the larger one of two.

    Returns
    -------
    z : float
        The largest significance; nan if no cut leaves enough background.

    Raises
    ------
    ValueError
        If labels, scores or an option are not as described.
    WeightsError
        If the weights of a class do not sum to more than 0.

    Warns
    -----
    UndefinedSignificanceWarning
        If the value is nan.

    See Also
    --------
    significance_scan : All cuts.
    threshold_at_maximum : The cut itself.
    SignificanceAt : The figure to quote.

    Examples
    --------
    No cut on this score has a true significance above 2.65:

    >>> import numpy as np
    >>> from skhep_dnn.metrics import max_significance_score
    >>> rng = np.random.default_rng(1)
    >>> y = np.repeat(["b", "s"], 5000)
    >>> weight = rng.exponential(size=10000) * np.where(y == "s", 0.01, 1.0)
    >>> score = rng.normal(2.0 * (y == "s"))
    >>> round(max_significance_score(y, score, weight, min_n_eff=0), 2)
    3.3
    >>> round(max_significance_score(y, score, weight), 2)
    2.39
    """
    is_signal, scores = check_signal_scores(y_true, y_score, pos_label)
    with warnings.catch_warnings():  # one warning in a call: that of the threshold
        warnings.simplefilter("ignore", UndefinedSignificanceWarning)
        scan = significance_scan(
            is_signal,
            scores,
            sample_weight,
            kind=kind,
            b_reg=b_reg,
            sigma_b=sigma_b,
            rel_sigma_b=rel_sigma_b,
            mc_stat=mc_stat,
            signal_yield=signal_yield,
            background_yield=background_yield,
        )
    return threshold_at_maximum(scan, min_n_eff=min_n_eff).z


def _predicted_signal(
    y_true: ArrayLike, y_pred: ArrayLike, is_signal: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    labels, predicted = np.asarray(y_true), defined_array(y_pred, "y_pred")
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
            f"`y_pred` must contain the labels {shown(known)} of `y_true`, got "
            f"{shown(unknown[:5])}. Pass class predictions; for scores take "
            "`max_significance_score` or `SignificanceAt`."
        )
        raise ValueError(msg)
    return np.isin(predicted, np.unique(labels[is_signal]))
