"""Scorers of standard metrics that ask for event weights and survive negative ones.

Each name stands for one metric, the response it is computed from and what negative
weights mean to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn import metrics

from skhep_dnn.exceptions import WeightsError
from skhep_dnn.metrics._classification import balanced_log_loss
from skhep_dnn.metrics._ranking import weighted_roc_auc
from skhep_dnn.metrics._replica_metric import (
    prepare_auc,
    prepare_average_auc,
    prepare_log_loss,
)
from skhep_dnn.metrics._scorer import (
    RANKING_RESPONSES,
    Codes,
    EventWeightScorer,
    FloatArray,
    ReplicaKernel,
    check_carried,
    check_classified_events,
    shown_options,
)

__all__ = ["METRIC_NAMES", "WeightedMetric", "weighted_scorer"]


def weighted_scorer(
    name: str,
    *,
    pos_label: object = None,
    sample_weight: pd.Series | None = None,
    target: pd.Series | None = None,
    unit_weights: bool = False,
) -> EventWeightScorer:
    """Scorer of a standard metric that requests event weights and takes signed ones.

    Use it wherever scikit-learn takes `scoring=`, in place of the plain name, which
    drops the weights in `cross_validate`, raises under metadata routing, and as
    "roc_auc" turns every score of a search into nan if there are negative weights. It
    never scores unweighted events by accident: without weights it raises.

    Parameters
    ----------
    name : str
        "roc_auc" and "balanced_log_loss" (its negative, so that greater is better)
        are this package's `weighted_roc_auc` and `balanced_log_loss`. "accuracy",
        "balanced_accuracy", "recall", "neg_log_loss" and "neg_brier_score" are
        scikit-learn's, in which signed sums of weights are right as they are.
        "precision", "f1" and "jaccard" refuse a selection with a negative sum of
        weights; "average_precision" and "matthews_corrcoef" refuse any negative
        weight, being undefined with them.

        Of more than two classes, each of them is that of the signal against all
        others if there is `pos_label`. Without it "accuracy", "balanced_accuracy",
        "balanced_log_loss", "neg_log_loss", "neg_brier_score" and "matthews_corrcoef"
        are those of all classes, and so are the averages "roc_auc_ovr" and
        "roc_auc_ovo" of `weighted_roc_auc`, and with the ending "_macro" or "_weighted"
        those of "f1", "jaccard", "precision" and "recall"; "roc_auc_ovr_weighted" and
        "roc_auc_ovo_weighted" count classes by their yields.
    pos_label : label or list of labels, default=None
        Label of the signal, or of several signal classes, against all others; None
        takes `classes_[1]` of two.
    sample_weight : Series of shape (n_events,), default=None
        Weights of the whole sample, with the index of the DataFrame that will be
        scored. They are used where none are passed: by tools that pass a scorer no
        weights. Weights that are passed go first.
    target : Series of shape (n_events,), default=None
        Labels of the same events. They are compared with those that are scored, so
        that a wrong index is an error.
    unit_weights : bool, default=False
        Count every event once where there are no weights, instead of raising.

    Returns
    -------
    scorer : callable
        Called as ``scorer(estimator, X, y, sample_weight=w)``.

    Raises
    ------
    ValueError
        If the name is unknown, or there is a `target` without `sample_weight`. When
        scoring: if the classifier has more than two classes, the metric takes two
        only and there is no `pos_label`, or one of the classes has no event.
    TypeError
        If `sample_weight` or `target` is not a Series. When scoring with carried
        weights: if `X` has no index.
    WeightsError
        If carried weights have repeated index labels. When scoring: if weights of a
        class do not sum to more than 0, the metric is undefined with the negative
        ones, or events are not among the carried ones.
    MissingWeightsError
        When scoring, if there are no weights.

    See Also
    --------
    make_significance_scorer : The same for a significance.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skhep_dnn.metrics import weighted_scorer
    >>> rng = np.random.default_rng(0)
    >>> y = pd.Series(np.repeat(["b", "s"], 200))
    >>> X = pd.DataFrame({"mass": rng.normal(size=400) + 2.0 * (y == "s")})
    >>> w = pd.Series(rng.choice([-1.0, 2.0, 3.0], size=400, p=[0.1, 0.6, 0.3]))

    Weights passed by the search, and used in the fit as well:

    >>> search = GridSearchCV(
    ...     LogisticRegression(), {"C": [0.1, 1.0]}, scoring=weighted_scorer("roc_auc")
    ... )
    >>> search = search.fit(X, y, sample_weight=w.abs())

    Weights carried by the scorer, negative ones included:

    >>> scorer = weighted_scorer("roc_auc", sample_weight=w, target=y)
    >>> round(scorer(search.best_estimator_, X, y), 3)
    0.91
    """
    if name not in _METRICS:
        msg = (
            f"`name` must be one of {sorted(_METRICS)}, got {name!r}. For other "
            "metrics use sklearn.metrics.make_scorer and its set_score_request."
        )
        raise ValueError(msg)
    metric = _METRICS[name]
    carried = check_carried(sample_weight, target)
    options = shown_options(
        pos_label=(pos_label, None),
        sample_weight=(carried, None),
        unit_weights=(unit_weights, False),
    )
    return EventWeightScorer(
        WeightedMetric(name, unit_weights=unit_weights),
        sign=metric.sign,
        response_method=metric.response_method,
        pos_label=pos_label,
        carried=carried,
        description=f"weighted_scorer({name!r}{options})",
    )


@dataclass(frozen=True)
class _Metric:
    """A metric of classes, a response and weights, and how to use it.

    Where there is a signal it gets which events are signal and which are predicted to
    be; else, which is only for those with `several_classes`, numbers of classes. With
    `own_labels` it gets the labels and `pos_label` instead.
    """

    function: Callable[..., float]
    response_method: str | tuple[str, ...]
    sign: int = 1
    negative_weights: Literal["signed", "selection", "none"] = "signed"
    several_classes: bool = False
    own_labels: bool = False


def _of_labels(
    function: Callable[..., float],
    negative_weights: Literal["signed", "selection", "none"] = "signed",
    *,
    several_classes: bool = False,
) -> _Metric:
    def of_selection(
        codes: Codes, selected: NDArray[np.generic], weights: FloatArray
    ) -> float:
        return function(codes, selected, sample_weight=weights)

    return _Metric(
        of_selection,
        "predict",
        negative_weights=negative_weights,
        several_classes=several_classes,
    )


def _of_scores(
    function: Callable[..., float],
    response_method: str | tuple[str, ...] = "predict_proba",
    *,
    sign: int = 1,
    negative_weights: Literal["signed", "selection", "none"] = "signed",
    several_classes: bool = False,
) -> _Metric:
    def of_scores(
        codes: Codes, scores: NDArray[np.generic], weights: FloatArray
    ) -> float:
        return function(codes, scores, sample_weight=weights)

    return _Metric(of_scores, response_method, sign, negative_weights, several_classes)


def _average(function: Callable[..., float], average: str) -> _Metric:
    """Return an average over classes of a metric of selections."""

    def over_classes(
        codes: Codes, predicted: Codes, sample_weight: FloatArray
    ) -> float:
        classes = np.unique(codes)
        return function(
            codes,
            predicted,
            labels=classes,
            average=average,
            sample_weight=sample_weight,
            zero_division=0.0,
        )

    kind: Literal["signed", "selection"] = "selection"
    if function is metrics.recall_score:
        kind = "signed"
    return _of_labels(over_classes, kind, several_classes=True)


def _auc(
    multi_class: Literal["ovr", "ovo"], average: Literal["macro", "weighted"]
) -> _Metric:
    return _of_scores(
        partial(weighted_roc_auc, multi_class=multi_class, average=average),
        several_classes=True,
    )


_OF_SELECTIONS = {
    "f1": metrics.f1_score,
    "jaccard": metrics.jaccard_score,
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
}
_METRICS = {
    "accuracy": _of_labels(metrics.accuracy_score, several_classes=True),
    "average_precision": _of_scores(
        metrics.average_precision_score, RANKING_RESPONSES, negative_weights="none"
    ),
    "balanced_accuracy": _of_labels(
        metrics.balanced_accuracy_score, several_classes=True
    ),
    "balanced_log_loss": _Metric(
        balanced_log_loss,
        "predict_proba",
        sign=-1,
        several_classes=True,
        own_labels=True,
    ),
    "f1": _of_labels(metrics.f1_score, "selection"),
    "jaccard": _of_labels(metrics.jaccard_score, "selection"),
    "matthews_corrcoef": _of_labels(
        metrics.matthews_corrcoef, "none", several_classes=True
    ),
    "neg_brier_score": _of_scores(
        metrics.brier_score_loss, sign=-1, several_classes=True
    ),
    "neg_log_loss": _of_scores(metrics.log_loss, sign=-1, several_classes=True),
    "precision": _of_labels(metrics.precision_score, "selection"),
    "recall": _of_labels(metrics.recall_score),
    "roc_auc": _of_scores(weighted_roc_auc, RANKING_RESPONSES),
    "roc_auc_ovo": _auc("ovo", "macro"),
    "roc_auc_ovo_weighted": _auc("ovo", "weighted"),
    "roc_auc_ovr": _auc("ovr", "macro"),
    "roc_auc_ovr_weighted": _auc("ovr", "weighted"),
    **{
        f"{name}_{average}": _average(function, average)
        for name, function in _OF_SELECTIONS.items()
        for average in ("macro", "weighted")
    },
}
METRIC_NAMES = tuple(sorted(_METRICS))

# Of labels, a response and the label of the signal: a function of the weights alone.
_KERNELS = {
    "balanced_log_loss": prepare_log_loss,
    "roc_auc": prepare_auc,
    "roc_auc_ovo": prepare_average_auc("ovo", "macro"),
    "roc_auc_ovo_weighted": prepare_average_auc("ovo", "weighted"),
    "roc_auc_ovr": prepare_average_auc("ovr", "macro"),
    "roc_auc_ovr_weighted": prepare_average_auc("ovr", "weighted"),
}


@dataclass(frozen=True)
class WeightedMetric:
    """A standard metric with signed event weights.

    Parameters
    ----------
    name : str
        One of the names of `weighted_scorer`.
    unit_weights : bool
        Whether missing weights count every event once.
    """

    name: str
    unit_weights: bool = False

    @property
    def __name__(self) -> str:
        """Name under which scikit-learn shows the metric."""
        return self.name

    @property
    def takes_several_classes(self) -> bool:
        """Whether there may be more than two classes."""
        return _METRICS[self.name].several_classes

    @property
    def unknown_yields(self) -> Sequence[str]:
        """Yields that must be known and are not: there are none."""
        return ()

    @property
    def has_kernel(self) -> bool:
        """Whether the metric is fast as a function of the weights."""
        return self.name in _KERNELS

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
        pos_label: object = None,
    ) -> float:
        """Return the metric of class predictions, for a scan of thresholds."""
        if _METRICS[self.name].response_method != "predict":
            msg = (
                f"{self.name!r} must be computed from scores, got class predictions. "
                "Tune thresholds by a metric of predictions such as "
                "'balanced_accuracy'."
            )
            raise TypeError(msg)
        return self.of_response(y_true, y_pred, sample_weight, pos_label)

    def of_response(
        self,
        y_true: ArrayLike,
        response: ArrayLike,
        sample_weight: ArrayLike | None,
        pos_label: object,
    ) -> float:
        """Return the metric, before the sign that makes greater better."""
        metric = _METRICS[self.name]
        codes, weights = check_classified_events(y_true, sample_weight, pos_label, self)
        values = np.asarray(response)
        if metric.response_method == "predict":
            values = _predicted_codes(y_true, codes, values)
        self._check_negative_weights(metric, values, weights)
        if metric.own_labels:
            return metric.function(y_true, values, weights, pos_label=pos_label)
        return metric.function(codes, values, weights)

    def kernel(
        self, y_true: ArrayLike, response: ArrayLike, pos_label: object
    ) -> ReplicaKernel:
        """Return the metric as a function of the weights of replicas."""
        of_weights = _KERNELS[self.name](y_true, response, pos_label)

        def kernel(_counts: NDArray[np.int64], weights: FloatArray) -> FloatArray:
            return of_weights(weights)

        return kernel

    def _check_negative_weights(
        self, metric: _Metric, response: NDArray[np.generic], weights: FloatArray
    ) -> None:
        n_negative = int(np.count_nonzero(weights < 0))
        if metric.negative_weights == "none" and n_negative:
            msg = (
                f"`sample_weight` must not be negative for {self.name!r}, which is "
                f"undefined with negative weights, got {n_negative}. Score by "
                "'roc_auc' or 'balanced_log_loss'."
            )
            raise WeightsError(msg)
        if metric.negative_weights == "selection" and n_negative:
            selections = np.unique(response) if metric.several_classes else [True]
            sums = [float(weights[response == value].sum()) for value in selections]
            total = min(sums)
            if total < 0:
                msg = (
                    "The selected events must not have a negative sum of weights for "
                    f"{self.name!r}, got {total!r}. Score by 'roc_auc' or "
                    "'balanced_log_loss', or select more events."
                )
                raise WeightsError(msg)


def _predicted_codes(
    y_true: ArrayLike, codes: Codes, predicted: NDArray[np.generic]
) -> Codes:
    """Return predicted labels as `codes` is: which are signal, or numbers of classes.

    The labels of several classes are those in `y_true`, as the scorer has checked.
    """
    labels = np.asarray(y_true)
    if codes.dtype == np.bool_:
        return np.isin(predicted, np.unique(labels[codes]))
    return np.searchsorted(np.unique(labels), predicted)
