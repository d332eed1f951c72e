"""Which of the models inside of a fitted classifier scores an event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from skhep_dnn.export._fold_rule import FoldRule
from skhep_dnn.export._lowering.cuts import cut_response
from skhep_dnn.export._sample_record import ThresholdScore

__all__ = ["ScoredModel", "fold_chooser", "fold_numbers", "layers", "scored_model"]


@dataclass(frozen=True)
class ScoredModel:
    """What a manifest has to know of a fitted classifier.

    Attributes
    ----------
    rule : FoldRule
        Which model scores an event.
    cross_fit : CrossFitClassifier or None
        What has the folds.
    event_number : int or str, sequence of them, or None
        Column of the event numbers, or of run and event numbers.
    threshold : float or None
        The cut that the classifier has chosen.
    response_method : {"decision_function", "predict_proba"}
        The score that it is made on.
    signal : list of labels or None
        What it takes as the signal.
    leaks : bool
        Whether all models of the folds have seen each event, since a step of a pipeline
        has learnt from all before they were split.
    """

    rule: FoldRule
    cross_fit: Any = None
    event_number: Any = None
    threshold: float | None = None
    response_method: ThresholdScore = "decision_function"
    signal: list[Any] | None = None
    leaks: bool = False

    @property
    def folds(self) -> NDArray[np.int64] | None:
        """Fold of each training event, if its model has not seen it."""
        if self.rule.scored_by != "fold" or self.leaks:
            return None
        folds: NDArray[np.int64] = self.cross_fit.fold_
        return folds


def scored_model(model: Any) -> ScoredModel:
    """Return what a manifest has to know of a fitted classifier.

    It is looked for inside of searches, choices of a cut and pipelines. Where a step
    of a pipeline has learnt from all events before they were split into folds, no
    model is one that has not seen an event.

    Parameters
    ----------
    model : classifier
        Fitted.

    Returns
    -------
    scored : ScoredModel
    """
    from skhep_dnn.ensemble import CrossFitClassifier  # noqa: PLC0415 - torch
    from skhep_dnn.model_selection import (  # noqa: PLC0415 - torch
        SignificanceThresholdClassifier,
    )

    cut: dict[str, Any] = {}
    leaks = False
    while not isinstance(model, CrossFitClassifier):
        if isinstance(model, SignificanceThresholdClassifier):
            cut = _cut_of(model)
            if model._fold_models is not None:
                return ScoredModel(FoldRule.of_mean(len(model.estimators_)), **cut)
        leaks |= isinstance(model, Pipeline) and _learns_before(model)
        inner = _inside(model)
        if inner is None:
            return ScoredModel(FoldRule.of_single(), **cut)
        model = inner
    if model.combine_ == "mean":
        rule = FoldRule.of_mean(len(model.estimators_))
    else:
        rule = FoldRule.of_folds(model.cv_)
    return ScoredModel(rule, model, model.event_number, leaks=leaks, **cut)


def fold_chooser(model: Any, *, in_pipelines: bool = True) -> Any:
    """Return what chooses the model of a fold for each event, or None.

    Parameters
    ----------
    model : classifier
        Fitted: a `CrossFitClassifier`, an exported one, or what they are inside of.
    in_pipelines : bool, default=True
        Whether it may be the last step of a pipeline.

    Returns
    -------
    chooser : classifier or None
        It has `fold_numbers`.
    """
    for one in layers(model):
        if getattr(one, "combine_", None) == "fold":
            return one
        if isinstance(one, Pipeline) and not in_pipelines:
            return None
    return None


def layers(model: Any) -> Iterator[Any]:
    """Yield a classifier, and those inside of it that predict, from the outside in.

    Pipelines, choices of a cut, searches and frozen estimators are looked into.
    """
    while model is not None:
        yield model
        model = _inside(model)


def fold_numbers(model: Any, X: Any, **numbers: Any) -> NDArray[np.int64]:
    """Return the fold of each event.

    Parameters
    ----------
    model : classifier
        Fitted, with a `fold_chooser`.
    X : DataFrame or ndarray of shape (n_samples, n_features)
        Events.
    **numbers : array-like
        `event_number`, where it comes beside the events.

    Returns
    -------
    folds : ndarray of shape (n_samples,)
    """
    if isinstance(model, Pipeline):
        steps = model[:-1]
        return fold_numbers(
            model[-1], steps.transform(X) if len(steps) else X, **numbers
        )
    if getattr(model, "combine_", None) == "fold":
        return np.asarray(model.fold_numbers(X, **numbers))
    return fold_numbers(_inside(model), X, **numbers)


def _inside(model: Any) -> Any:
    """Return the classifier that predicts inside of another one, or None."""
    if isinstance(model, Pipeline):
        return model.steps[-1][1]
    if isinstance(model, FrozenEstimator):
        return model.estimator
    if isinstance(model, FixedThresholdClassifier) or hasattr(model, "best_threshold_"):
        return getattr(model, "estimator_", None)  # of models of folds there is none
    return getattr(model, "best_estimator_", None)


def _cut_of(model: Any) -> dict[str, Any]:
    return {
        "threshold": float(model.best_threshold_),
        "response_method": cut_response(model),
        "signal": list(model._signal),
    }


def _learns_before(pipeline: Pipeline) -> bool:
    """Return whether a step before the last has learnt more than its columns."""
    return any(_learns(step) for _, step in pipeline.steps[:-1])


def _learns(step: Any) -> bool:
    if step is None or step == "passthrough":
        return False
    if type(step).__module__.startswith("skhep_dnn.preprocessing."):
        return False  # these learn which columns there are
    return bool(get_tags(step).requires_fit)
