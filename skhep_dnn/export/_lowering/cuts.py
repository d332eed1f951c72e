"""`SignificanceThresholdClassifier`: its scores, the number it cuts on, its labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from skhep_dnn.export._lowering.lowering import Lowering, Scores, Table
from skhep_dnn.export._lowering.means import mean_scores
from skhep_dnn.export._program.program import Value

__all__ = ["cut_label", "is_selected", "signal_score", "threshold_scores"]


def threshold_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what the models of a `SignificanceThresholdClassifier` say of an event."""
    if model._fold_models is None:
        return lowering.scores(model.estimator_, table)
    parts = [lowering.scores(one, table) for one in model._fold_models.models]
    return mean_scores(lowering, parts, model._fold_models.response)


def signal_score(model: Any, scores: Scores) -> Value:
    """Return the number that a cut is made on, as `signal_score` of the classifier.

    Parameters
    ----------
    model : SignificanceThresholdClassifier
        Fitted.
    scores : Scores
        What `threshold_scores` has made of it.

    Returns
    -------
    score : Value
        One number, larger for events more like the signal.
    """
    is_signal = np.isin(model.classes_, model._signal)
    signal = np.flatnonzero(is_signal).tolist()
    if len(is_signal) == 2:
        if model._response == "predict_proba":
            return scores.probability[signal]
        return scores.decision if is_signal[1] else -scores.decision
    if model._kind == "decision":
        return scores.decision[signal]
    program = scores.probability.program
    probability = program.sum(scores.probability[signal])
    if model._kind == "probability" and model.response_method == "predict_proba":
        return probability
    rest = program.sum(scores.probability[np.flatnonzero(~is_signal).tolist()])
    return program.log(probability) - program.log(rest)


def is_selected(score: Value, threshold: float) -> Value:
    """Tell whether a score is at least the threshold; one that is undefined is not."""
    return (score > threshold) | score.program.equal(score, threshold)


def cut_label(model: Any, scores: Scores, selected: Value) -> Value:
    """Return the position of the class that `predict` of the classifier names.

    Parameters
    ----------
    model : SignificanceThresholdClassifier
        Fitted.
    scores : Scores
        What `threshold_scores` has made of it.
    selected : Value
        Whether the event is selected.

    Returns
    -------
    label : Value
        A whole number: of several signal classes, or background ones, the position of
        the most probable.
    """
    program = selected.program
    is_signal = program.constant(np.isin(model.classes_, model._signal))
    allowed = (selected & is_signal) | (~selected & ~is_signal)
    answers = scores.probability
    if len(model.classes_) > 2 and model._response != "predict_proba":
        answers = scores.decision
    return program.argmax(program.where(allowed, answers, -np.inf))
