"""The cut of a `SignificanceThresholdClassifier`: on which number, and where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skhep_dnn.export._lowering.lowering import Lowering, Scores, Table
from skhep_dnn.export._lowering.means import mean_scores
from skhep_dnn.export._program.program import Value

__all__ = ["Cut", "is_selected", "significance_cut", "threshold_scores"]


@dataclass(frozen=True)
class Cut:
    """A cut on a number of an event.

    Attributes
    ----------
    score : Value
        What the cut is made on, as `signal_score`.
    threshold : float
        An event whose score is at least this is selected.
    """

    score: Value
    threshold: float


def threshold_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what the models of a `SignificanceThresholdClassifier` say of an event."""
    if model._fold_models is None:
        return lowering.scores(model.estimator_, table)
    parts = [lowering.scores(one, table) for one in model._fold_models.models]
    return mean_scores(lowering, parts, model._fold_models.response)


def significance_cut(model: Any, scores: Scores) -> Cut:
    """Return the cut of a fitted `SignificanceThresholdClassifier`.

    Parameters
    ----------
    model : SignificanceThresholdClassifier
        Fitted.
    scores : Scores
        What `threshold_scores` has made of it.

    Returns
    -------
    cut : Cut
    """
    return Cut(_signal_score(model, scores), float(model.best_threshold_))


def is_selected(cut: Cut) -> Value:
    """Tell whether an event is selected: it is not where its score is undefined."""
    program = cut.score.program
    at = program.equal(cut.score, cut.threshold)
    return (cut.score > cut.threshold) | at


def _signal_score(model: Any, scores: Scores) -> Value:
    """Return the score as `SignificanceThresholdClassifier._signal_scores` does."""
    is_signal = np.isin(model.classes_, model._signal)
    signal = np.flatnonzero(is_signal).tolist()
    by_probability = model._response == "predict_proba"
    if len(is_signal) == 2:
        if by_probability:
            return scores.probability[signal[:1]]
        return scores.decision if is_signal[1] else -scores.decision
    if model._kind == "decision":
        return scores.decision[signal[:1]]
    program = scores.probability.program
    probability = program.sum(scores.probability[signal])
    if model._kind == "probability" and model.response_method == "predict_proba":
        return probability
    rest = program.sum(scores.probability[np.flatnonzero(~is_signal).tolist()])
    return program.log(probability) - program.log(rest)
