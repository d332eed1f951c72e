"""Scores of each member on its validation events, by any scorer of scikit-learn.

A scorer asks an estimator for predictions; here it gets one that knows them already,
so that the network sees each validation event once.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.metrics import get_scorer

from skhep_dnn.exceptions import FoldYieldWarning
from skhep_dnn.metrics import weighted_scorer
from skhep_dnn.metrics._metric_scorer import METRIC_NAMES
from skhep_dnn.neural_network._events import ScoredEvents
from skhep_dnn.neural_network._prediction import combine_logits
from skhep_dnn.neural_network._response import LogitClassifierMixin

__all__ = ["Scorer", "as_scorer", "member_scores"]

Scorer = Callable[..., float]


class KnownLogits(LogitClassifierMixin, BaseEstimator):
    """A fitted classifier whose logits of some events are known beforehand."""

    def __init__(self, logits: NDArray[np.float64], classes: NDArray[Any]) -> None:
        self.logits = logits
        self.classes = classes

    @property
    def classes_(self) -> NDArray[Any]:
        """Class labels."""
        return self.classes

    def fit(self, X: Any, y: Any) -> "KnownLogits":  # noqa: ARG002
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


def as_scorer(scoring: str | Scorer | None, n_classes: int) -> Scorer | None:
    """Return the scorer that `scoring` stands for.

    A name means the scorer that survives negative weights, where there is one.
    """
    if not isinstance(scoring, str):
        return scoring
    if n_classes == 2 and scoring in METRIC_NAMES:
        return weighted_scorer(scoring, unit_weights=True)
    return get_scorer(scoring)


def member_scores(
    scorer: Scorer, logits: NDArray[np.float64], events: Sequence[ScoredEvents]
) -> NDArray[np.float64]:
    """Return the score of each member.

    Parameters
    ----------
    scorer : callable
        Called as `scorer(estimator, X, y)`, with `sample_weight` where the fit got
        weights.
    logits : ndarray of shape (n_members, n_events) or \
            (n_members, n_events, n_classes)
        Logits of the validation events of each member, the longest filling a row.
    events : sequence of ScoredEvents
        The events of each member.

    Returns
    -------
    scores : ndarray of shape (n_members,)
    """
    scores = np.empty(len(events))
    for k, sample in enumerate(events):
        known = combine_logits(logits[k : k + 1, : len(sample.y)], np.ones(1))
        weights: dict[str, Any] = {}
        if sample.sample_weight is not None:
            weights["sample_weight"] = sample.sample_weight
        estimator = KnownLogits(known, sample.classes)
        with warnings.catch_warnings():  # the weights have the yields of all events
            warnings.simplefilter("ignore", FoldYieldWarning)
            scores[k] = scorer(estimator, sample.X, sample.y, **weights)
    return scores
