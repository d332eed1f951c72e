"""How is a metric evaluated on all replicas of a bootstrap: at once, or one by one.

A metric that depends on the weights through sums alone is prepared once, from labels
and scores, and is then a function of a block of weights. Any other is called for each
replica.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._validation import check_signal_scores, signal_labels
from skhep_dnn.exceptions import UndefinedSignificanceWarning
from skhep_dnn.metrics._classification import (
    Codes,
    balanced_log_loss,
    balanced_log_loss_from_logits,
    log_loss_of_weights,
    logit_losses,
    mean_loss_of_weights,
    probability_losses,
    weighted_accuracy,
    weighted_log_loss,
)
from skhep_dnn.metrics._closed_form import Influence, auc_influence, mean_influence
from skhep_dnn.metrics._ranking import (
    auc_of_weights,
    multi_class_auc_influence,
    prepare_multi_class_auc,
    weighted_roc_auc,
)

__all__ = [
    "Metric",
    "ReplicaMetric",
    "named_metrics",
    "prepare_auc",
    "prepare_average_auc",
    "prepare_log_loss",
    "prepare_mean_log_loss",
    "resolve_metric",
]

FloatArray = NDArray[np.float64]
Metric = Callable[..., float]
Kernel = Callable[[FloatArray], FloatArray]
Prepare = Callable[[ArrayLike, ArrayLike, object], Kernel | None]
InfluenceFunction = Callable[..., Influence]


@dataclass(frozen=True)
class ReplicaMetric:
    """A metric, and what makes it fast if there is such a thing.

    Parameters
    ----------
    function : callable
        Called as ``function(y_true, y_score, sample_weight=...)``, with `pos_label`
        too if there is `prepare`.
    prepare : callable or None
        Takes labels, scores and `pos_label`; returns a function of the weights of a
        block of replicas, or None if there is none.
    influence : callable or None
        Called as ``influence(y_true, y_score, sample_weight, pos_label=...)``; returns
        how the metric depends on each event.
    interval_scale : {"linear", "log"}
        On which the errors of the metric are nearly Gaussian.
    """

    function: Metric
    prepare: Prepare | None = None
    influence: InfluenceFunction | None = None
    interval_scale: str = "linear"

    def nominal_value(
        self,
        y_true: NDArray[Any],
        scores: NDArray[Any],
        weights: FloatArray,
        pos_label: object,
    ) -> float:
        """Return the metric of the sample itself."""
        return float(
            self._function_of(pos_label)(y_true, scores, sample_weight=weights)
        )

    def evaluator(
        self, y_true: NDArray[Any], scores: NDArray[Any], pos_label: object
    ) -> Callable[[NDArray[np.int64], FloatArray], FloatArray]:
        """Return a function of the counts and the weights of a block of replicas."""
        kernel = self.prepare and self.prepare(y_true, scores, pos_label)
        if not kernel:
            return partial(_loop, self._function_of(pos_label), y_true, scores)

        def evaluate(_counts: NDArray[np.int64], weights: FloatArray) -> FloatArray:
            return kernel(weights)

        return evaluate

    def _function_of(self, pos_label: object) -> Metric:
        if self.prepare is None:
            return self.function
        return partial(self.function, pos_label=pos_label)


def named_metrics() -> list[str]:
    """Return the names that stand for a metric."""
    return sorted(_NAMED_METRICS)


def resolve_metric(metric: str | Metric) -> ReplicaMetric:
    """Return the metric of a name or a callable.

    Parameters
    ----------
    metric : str or callable
        A name, a function behind one of them, an object with a method `prepare`, or
        any other callable.

    Returns
    -------
    metric : ReplicaMetric

    Raises
    ------
    TypeError
        If it is neither.
    ValueError
        If the name is unknown.
    """
    if isinstance(metric, str):
        if metric == "separation":
            msg = (
                "`metric` must be a score whose replicas are unbiased, got "
                "'separation': the histograms of a replica carry the noise of the "
                "sample twice. Take `metric_with_error` or `separation_power`, which "
                "correct it."
            )
            raise ValueError(msg)
        if metric not in _NAMED_METRICS:
            msg = (
                f"`metric` must be a callable or one of {sorted(_NAMED_METRICS)}, got "
                f"{metric!r}. Pass a function of labels, scores and sample_weight."
            )
            raise ValueError(msg)
        return _NAMED_METRICS[metric]
    if not callable(metric):
        msg = (
            "`metric` must be a callable or one of "
            f"{sorted(_NAMED_METRICS)}, got {type(metric).__name__}. Pass it first, "
            "before labels and scores."
        )
        raise TypeError(msg)
    for named in _NAMED_METRICS.values():
        if metric is named.function:
            return named
    return ReplicaMetric(
        metric,
        getattr(metric, "prepare", None),
        getattr(metric, "influence", None),
        getattr(metric, "interval_scale", "linear"),
    )


def _loop(
    metric: Metric,
    y_true: NDArray[Any],
    scores: NDArray[Any],
    counts: NDArray[np.int64],
    weights: FloatArray,
) -> FloatArray:
    """Call the metric for each replica, on each event as often as it is counted."""
    values = np.full(len(counts), np.nan)
    for i in np.flatnonzero(np.isfinite(weights).all(axis=1)):
        index = np.repeat(np.arange(len(y_true)), counts[i])
        weight = weights[i, index] / counts[i, index]
        with warnings.catch_warnings():  # undefined replicas are counted instead
            warnings.simplefilter("ignore", UndefinedSignificanceWarning)
            values[i] = metric(y_true[index], scores[index], sample_weight=weight)
    return values


def prepare_auc(y_true: ArrayLike, y_score: ArrayLike, pos_label: object) -> Kernel:
    """Return the AUC of scores as a function of the weights."""
    return auc_of_weights(*check_signal_scores(y_true, y_score, pos_label))


def prepare_log_loss(
    y_true: ArrayLike, y_proba: ArrayLike, pos_label: object
) -> Kernel:
    """Return the balanced log-loss of probabilities as a function of the weights."""
    return log_loss_of_weights(*probability_losses(y_true, y_proba, pos_label))


def _prepare_log_loss_from_logits(
    y_true: ArrayLike, y_logit: ArrayLike, pos_label: object
) -> Kernel:
    return log_loss_of_weights(*logit_losses(y_true, y_logit, pos_label))


def prepare_mean_log_loss(
    y_true: ArrayLike, y_proba: ArrayLike, pos_label: object
) -> Kernel:
    """Return the log-loss of probabilities as a function of the weights."""
    return mean_loss_of_weights(probability_losses(y_true, y_proba, pos_label)[1])


def prepare_average_auc(
    multi_class: str, average: str
) -> Callable[[ArrayLike, ArrayLike, object], Kernel]:
    """Return what makes an average AUC of some classes a function of the weights."""

    def prepare(y_true: ArrayLike, y_score: ArrayLike, pos_label: object) -> Kernel:
        if pos_label is not None or np.ndim(y_score) == 1:
            return prepare_auc(y_true, y_score, pos_label)
        return prepare_multi_class_auc(
            y_true, y_score, multi_class=multi_class, average=average
        )

    return prepare


def _prepare_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, pos_label: object
) -> Kernel:
    return mean_loss_of_weights(_classified_right(y_true, y_pred, pos_label))


def _classified_right(
    y_true: ArrayLike, y_pred: ArrayLike, pos_label: object
) -> FloatArray:
    known, predicted = np.asarray(y_true), np.asarray(y_pred)
    if pos_label is not None:
        signal = signal_labels(np.unique(known), pos_label)
        known, predicted = np.isin(known, signal), np.isin(predicted, signal)
    return (known == predicted).astype(np.float64)


def _auc_influence(
    y_true: ArrayLike, y_score: ArrayLike, weights: FloatArray, *, pos_label: object
) -> Influence:
    is_signal, scores = check_signal_scores(y_true, y_score, pos_label)
    return Influence.of_sums(auc_influence(is_signal, scores, weights))


def _loss_influence(
    losses_of: Callable[..., tuple[Codes, FloatArray]], *, is_balanced: bool
) -> InfluenceFunction:
    """Return the influence on a loss, from what gives the loss of each event."""

    def influence(
        y_true: ArrayLike, y_pred: ArrayLike, weights: FloatArray, *, pos_label: object
    ) -> Influence:
        codes, losses = losses_of(y_true, y_pred, pos_label)
        classes = codes if is_balanced else None
        return Influence.of_sums(mean_influence(losses, weights, classes))

    return influence


def _accuracy_influence(
    y_true: ArrayLike, y_pred: ArrayLike, weights: FloatArray, *, pos_label: object
) -> Influence:
    is_right = _classified_right(y_true, y_pred, pos_label)
    return Influence.of_sums(mean_influence(is_right, weights))


def _average_auc(
    multi_class: Literal["ovr", "ovo"], average: Literal["macro", "weighted"]
) -> ReplicaMetric:
    options = {"multi_class": multi_class, "average": average}

    def influence(
        y_true: ArrayLike, y_score: ArrayLike, weights: FloatArray, *, pos_label: object
    ) -> Influence:
        if pos_label is not None or np.ndim(y_score) == 1:
            return _auc_influence(y_true, y_score, weights, pos_label=pos_label)
        return Influence.of_sums(
            multi_class_auc_influence(y_true, y_score, weights, **options)
        )

    function = partial(weighted_roc_auc, multi_class=multi_class, average=average)
    prepare = prepare_average_auc(multi_class, average)
    return ReplicaMetric(function, prepare, influence)


_NAMED_METRICS = {
    "accuracy": ReplicaMetric(
        weighted_accuracy, _prepare_accuracy, _accuracy_influence
    ),
    "balanced_log_loss": ReplicaMetric(
        balanced_log_loss,
        prepare_log_loss,
        _loss_influence(probability_losses, is_balanced=True),
    ),
    "balanced_log_loss_from_logits": ReplicaMetric(
        balanced_log_loss_from_logits,
        _prepare_log_loss_from_logits,
        _loss_influence(logit_losses, is_balanced=True),
    ),
    "log_loss": ReplicaMetric(
        weighted_log_loss,
        prepare_mean_log_loss,
        _loss_influence(probability_losses, is_balanced=False),
    ),
    "roc_auc": ReplicaMetric(weighted_roc_auc, prepare_auc, _auc_influence),
    "roc_auc_ovo": _average_auc("ovo", "macro"),
    "roc_auc_ovo_weighted": _average_auc("ovo", "weighted"),
    "roc_auc_ovr": _average_auc("ovr", "macro"),
    "roc_auc_ovr_weighted": _average_auc("ovr", "weighted"),
}
