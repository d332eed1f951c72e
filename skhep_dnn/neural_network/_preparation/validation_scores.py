"""Scores of each member on its validation events, by any scorer of scikit-learn.

A scorer asks an estimator for predictions; here it gets one that knows them already,
so that the network sees each validation event once. The engine gets a function of
logits: labels, tables and physics weights stay on this side.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import get_scorer, get_scorer_names

from skhep_dnn._event_sample import EventSample
from skhep_dnn._logits import (
    combine_logits,
    labels,
    log_probability,
    probabilities,
)
from skhep_dnn._sklearn import _safe_indexing
from skhep_dnn.exceptions import FoldYieldWarning
from skhep_dnn.metrics import weighted_scorer
from skhep_dnn.metrics._metric_scorer import METRIC_NAMES
from skhep_dnn.weights._class_sums import rescaled, sums_by_class

__all__ = ["Scorer", "ValidationScore", "as_scorer", "validation_score"]

Scorer = Callable[..., float]


class KnownLogits(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose logits of some events are known beforehand."""

    def __init__(self, logits: NDArray[np.float64], classes: NDArray[Any]) -> None:
        self.logits = logits
        self.classes = classes

    @property
    def classes_(self) -> NDArray[Any]:
        """Class labels."""
        return self.classes

    def fit(self, X: Any, y: Any) -> KnownLogits:  # noqa: ARG002
        """Do nothing: the predictions are known."""
        return self

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the logits of the events, which must be these and no others."""
        if len(X) != len(self.logits):
            msg = (
                f"A scorer must ask for all {len(self.logits)} validation events, got "
                f"{len(X)}. Use a scorer that predicts `X` as it is."
            )
            raise ValueError(msg)
        return self.logits

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probabilities of the events."""
        return probabilities(self.decision_function(X))

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the logarithms of the probabilities of the events."""
        return log_probability(self.decision_function(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of the events."""
        return labels(self.decision_function(X), self.classes)


def as_scorer(scoring: str | Scorer | None, n_classes: int) -> Scorer | None:
    """Return the scorer that `scoring` stands for.

    A name means the scorer that survives negative weights, where there is one. Those of
    scikit-learn do so with more than two classes.
    """
    if not isinstance(scoring, str):
        return scoring
    own = scoring in METRIC_NAMES
    if own and (n_classes == 2 or scoring not in get_scorer_names()):
        return weighted_scorer(scoring, unit_weights=True)
    return get_scorer(scoring)


@dataclass(frozen=True, eq=False)
class ValidationScore:
    """Score of a member, from the logits of its validation events.

    Attributes
    ----------
    scorer : callable
        Called as `scorer(estimator, X, y)`, with `sample_weight` where the fit got
        weights.
    X : array-like of shape (n_events, n_features)
        The events as they were given.
    y : ndarray of shape (n_events,)
        Their labels.
    sample_weight : ndarray of shape (n_events,) or None
        Physics weights, scaled per class to the yields of the whole sample; None
        where the fit got none.
    classes : ndarray of shape (n_classes,)
        Labels of all classes.
    """

    scorer: Scorer
    X: Any
    y: NDArray[Any]
    sample_weight: NDArray[np.float64] | None
    classes: NDArray[Any]

    def __call__(self, logits: NDArray[np.float64]) -> float:
        """Return the score of logits of shape (n_events,) or (n_events, n_classes)."""
        known = combine_logits(logits[np.newaxis], np.ones(1))
        weights: dict[str, Any] = {}
        if self.sample_weight is not None:
            weights["sample_weight"] = self.sample_weight
        estimator = KnownLogits(known, self.classes)
        with warnings.catch_warnings():  # the weights have the yields of all events
            warnings.simplefilter("ignore", FoldYieldWarning)
            return self.scorer(estimator, self.X, self.y, **weights)


def validation_score(
    scorer: Scorer, events: EventSample, index: NDArray[np.int64]
) -> ValidationScore:
    """Return the score of some events, with weights at the yields of all of them."""
    part, classes = events.targets.take(index), events.targets.classes
    weights = None
    if events.is_weighted:
        full = sums_by_class(events.sample_weight, events.targets.codes, len(classes))
        weights = rescaled(part.sample_weight, part.codes, full)
    return ValidationScore(
        scorer, _safe_indexing(events.X, index), classes[part.codes], weights, classes
    )
