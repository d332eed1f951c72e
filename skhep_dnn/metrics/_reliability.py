"""Do as many events belong to a class as its probability says, bin by bin.

A probability holds on one prior. That of a network which is trained with classes of
equal weight is the probability at equal yields, and is compared at equal yields.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._messages import shown
from skhep_dnn._validation import check_classes, check_numbers, check_signal_scores
from skhep_dnn.metrics._confusion import share_error
from skhep_dnn.weights._class_sums import (
    check_class_weights,
    rescaled,
    to_unit_scale,
)

__all__ = ["ReliabilityCurve", "reliability_curve"]

FloatArray = NDArray[np.float64]
Strategy = Literal["uniform", "quantile", "balanced_quantile"]


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """Share of the signal against its predicted probability, with errors.

    Made by `reliability_curve`. Everything but the edges is nan in a bin whose weights
    do not sum to more than 0.

    Attributes
    ----------
    edges : ndarray of shape (n_bins + 1,)
        Edges of the bins of the probability.
    probability : ndarray of shape (n_bins,)
        Weighted mean of the predicted probabilities of a bin.
    share : ndarray of shape (n_bins,)
        Signal over all weights of a bin.
    error : ndarray of shape (n_bins,)
        Monte Carlo error of the share.
    n_eff : ndarray of shape (n_bins,)
        Number of effective events of a bin; 0 without events.

    See Also
    --------
    skhep_dnn.inspection.ReliabilityDisplay : The figure.

    Examples
    --------
    >>> from skhep_dnn.metrics import reliability_curve
    >>> curve = reliability_curve([0, 1, 0, 1], [0.1, 0.4, 0.6, 0.9], n_bins=2)
    >>> curve.probability, curve.share
    (array([0.25, 0.75]), array([0.5, 0.5]))
    """

    edges: FloatArray
    probability: FloatArray
    share: FloatArray
    error: FloatArray
    n_eff: FloatArray

    def to_frame(self) -> pd.DataFrame:
        """Return the curve as a table with one row for each bin.

        Returns
        -------
        frame : pandas.DataFrame
        """
        columns = {"low": self.edges[:-1], "high": self.edges[1:]}
        for name in ("probability", "share", "error", "n_eff"):
            columns[name] = getattr(self, name)
        return pd.DataFrame(columns)


def reliability_curve(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    pos_label: object = None,
    class_weight: Literal["balanced"] | None = "balanced",
    n_bins: int = 10,
    strategy: Strategy = "uniform",
) -> ReliabilityCurve:
    r"""Share of the signal among events of each predicted probability, with errors.

    The weighted form of `sklearn.calibration.calibration_curve`, for signed weights and
    for one class, or some, against the others.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes, or of more with `pos_label`.
    y_proba : array-like of shape (n_samples,) or (n_samples, n_classes)
        Probability of the signal, or `predict_proba`, with a column for each label in
        `y_true` in sorted order.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    pos_label : label or list of labels, default=None
        Label of the signal, or of several signal classes; None takes the larger one of
        two.
    class_weight : "balanced" or None, default="balanced"
        "balanced" compares at equal yields of all classes, for which the probabilities
        of networks with their default `class_weight` are; None at the yields that the
        weights have, for probabilities on the physical prior.
    n_bins : int, default=10
        Number of bins.
    strategy : {"uniform", "quantile", "balanced_quantile"}, default="uniform"
        Bins of equal width, or of equal sums of absolute weights, where equal
        probabilities stay together; "balanced_quantile" takes these sums at equal
        yields of all classes, so that a rare signal fills bins, too.

    Returns
    -------
    curve : ReliabilityCurve

    Raises
    ------
    ValueError
        If labels, probabilities or an option are not as described.
    WeightsError
        If the weights of a class do not sum to more than 0.

    See Also
    --------
    skhep_dnn.weights.to_physical_prior : Probabilities at the expected yields.

    Notes
    -----
    With the signal :math:`S` and the weights of a bin, the share is
    :math:`r = \sum_S w / \sum w` and its variance

    .. math:: \sigma_r^2 = \frac{(1 - r)^2 \sum_S w^2 + r^2 \sum_B w^2}{(\sum w)^2} ,

    which is the binomial one for weights of one. The effective number of events is
    :math:`(\sum w)^2 / \sum w^2`.

    Examples
    --------
    Probabilities that hold at equal yields, for a signal of a thousandth:

    >>> import numpy as np
    >>> from skhep_dnn.metrics import reliability_curve
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 20_000)
    >>> x = rng.normal(size=40_000) + 2.0 * (y == "s")
    >>> proba = 1.0 / (1.0 + np.exp(2.0 - 2.0 * x))
    >>> weight = np.where(y == "s", 0.01, 10.0) * rng.exponential(size=40_000)
    >>> curve = reliability_curve(y, proba, weight, n_bins=4)
    >>> pulls = (curve.share - curve.probability) / curve.error
    >>> bool((abs(pulls) < 3.0).all())
    True
    """
    codes, names = check_classes(y_true, pos_label)
    weights = to_unit_scale(check_class_weights(codes, sample_weight, names))
    is_signal, proba = _probabilities(y_true, y_proba, pos_label)
    equal = np.full(len(names), weights.sum() / len(names))
    balanced = rescaled(weights, codes.astype(np.intp), equal)
    if class_weight == "balanced":
        weights = balanced
    elif class_weight is not None:
        msg = (
            "`class_weight` must be 'balanced' or None, got "
            f"{shown(class_weight)}. Choose one of them."
        )
        raise ValueError(msg)
    content = balanced if strategy == "balanced_quantile" else weights
    edges = _edges(proba, content, n_bins, strategy)
    bins = np.clip(np.searchsorted(edges, proba, side="right") - 1, 0, len(edges) - 2)

    def sums(values: FloatArray) -> FloatArray:
        return np.bincount(bins, values, len(edges) - 1).astype(np.float64)

    total, w2 = sums(weights), sums(np.square(weights))
    defined = total > 0
    nan = np.full(len(total), np.nan)
    share = np.divide(sums(weights * is_signal), total, out=nan.copy(), where=defined)
    mean = np.divide(sums(weights * proba), total, out=nan.copy(), where=defined)
    n_eff = np.divide(total**2, w2, out=np.zeros(len(total)), where=w2 > 0)
    error = share_error(share, sums(np.square(weights) * is_signal), w2, total)
    return ReliabilityCurve(edges, mean, share, error, n_eff)


def _probabilities(
    y_true: ArrayLike, y_proba: ArrayLike, pos_label: object
) -> tuple[NDArray[np.bool_], FloatArray]:
    """Return which events are signal, and the probability of each to be it."""
    proba = check_numbers(y_proba, "y_proba")
    if proba.ndim == 2 and proba.shape[1] == 2:
        labels = np.asarray(y_true)
        is_signal, _ = check_signal_scores(y_true, proba[:, 1], pos_label)
        column = int(np.unique(labels).tolist().index(labels[is_signal][0]))
        proba = proba[:, column]
    else:
        is_signal, proba = check_signal_scores(y_true, y_proba, pos_label)
    if not ((proba >= 0) & (proba <= 1 + 1e-9)).all():
        msg = (
            "`y_proba` must be probabilities from 0 to 1, got values from "
            f"{float(proba.min())!r} to {float(proba.max())!r}. Pass "
            "`predict_proba(X)`."
        )
        raise ValueError(msg)
    return is_signal, proba


def _edges(
    proba: FloatArray, weights: FloatArray, n_bins: int, strategy: str
) -> FloatArray:
    if not (isinstance(n_bins, Integral) and n_bins >= 1):
        msg = f"`n_bins` must be a whole number of at least 1, got {n_bins!r}. Take 10."
        raise ValueError(msg)
    if strategy == "uniform":
        return np.linspace(0.0, 1.0, n_bins + 1)
    if strategy not in {"quantile", "balanced_quantile"}:
        msg = (
            "`strategy` must be 'uniform', 'quantile' or 'balanced_quantile', got "
            f"{strategy!r}. Choose one."
        )
        raise ValueError(msg)
    order = np.argsort(proba, kind="stable")
    filled = np.cumsum(np.abs(weights[order]))
    targets = filled[-1] * np.arange(1, n_bins) / n_bins
    inner = proba[order][np.searchsorted(filled, targets)]
    return np.unique(np.concatenate([[0.0], inner, [1.0]]))
