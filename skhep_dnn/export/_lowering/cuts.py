"""`SignificanceThresholdClassifier`: its scores, the number it cuts on, its labels."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from skhep_dnn.export._lowering.lowering import Lowering, Scores, Table
from skhep_dnn.export._lowering.means import mean_scores
from skhep_dnn.export._program.program import Value

__all__ = [
    "cut_label",
    "cut_response",
    "is_selected",
    "score_of_signal",
    "signal_score",
    "threshold_scores",
]


def threshold_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what the models of a `SignificanceThresholdClassifier` say of an event."""
    if model._fold_models is None:
        return lowering.scores(model.estimator_, table)
    parts = [lowering.scores(one, table) for one in model._fold_models.models]
    return mean_scores(lowering, parts, model._fold_models.response)


def score_of_signal(
    scores: Scores, is_signal: NDArray[np.bool_], response_method: str
) -> Value:
    """Return the number that a cut is made on which somebody else has chosen.

    Parameters
    ----------
    scores : Scores
        What a classifier says of an event.
    is_signal : ndarray of shape (n_classes,), dtype bool
        Which classes are the signal.
    response_method : {"predict_proba", "decision_function"}
        The probability of these classes, or its logit.

    Returns
    -------
    score : Value
        One number, larger for events more like the signal.
    """
    signal = np.flatnonzero(is_signal).tolist()
    if response_method == "predict_proba":
        return scores.probability.program.sum(scores.probability[signal])
    if len(is_signal) == 2:
        return scores.decision if is_signal[1] else -scores.decision
    return scores.decision[signal] if len(signal) == 1 else _logit(scores, is_signal)


def cut_response(model: Any) -> Literal["decision_function", "predict_proba"]:
    """Return whether a cut is on a logit, or another decision, or on a probability.

    Of several classes it is on the logit of probabilities, unless these are asked for.

    Parameters
    ----------
    model : SignificanceThresholdClassifier
        Fitted.

    Returns
    -------
    response_method : {"decision_function", "predict_proba"}
    """
    if len(model.classes_) == 2:
        is_probability = model._response == "predict_proba"
    else:
        is_probability = model._kind == "probability"
        is_probability &= model.response_method == "predict_proba"
    return "predict_proba" if is_probability else "decision_function"


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
    is_signal, response = np.isin(model.classes_, model._signal), cut_response(model)
    # Of several classes a decision may be no logit, of which the cut is then made.
    if len(is_signal) > 2 and response != "predict_proba" and model._kind != "decision":
        return _logit(scores, is_signal)
    return score_of_signal(scores, is_signal, response)


def _logit(scores: Scores, is_signal: NDArray[np.bool_]) -> Value:
    """Return the logit of the probability of some classes."""
    program, places = scores.probability.program, np.arange(len(is_signal))
    signal, rest = (
        program.sum(scores.probability[places[own].tolist()])
        for own in (is_signal, ~is_signal)
    )
    return program.log(signal) - program.log(rest)


def is_selected(score: Value, threshold: float) -> Value:
    """Tell whether a score is at least the threshold; one that is undefined is not."""
    return (score > threshold) | score.program.equal(score, threshold)


def cut_label(
    scores: Scores,
    is_signal: NDArray[np.bool_],
    selected: Value,
    response_method: str,
) -> Value:
    """Return the position of the most probable class that a cut allows.

    Parameters
    ----------
    scores : Scores
        What a classifier says of an event.
    is_signal : ndarray of shape (n_classes,), dtype bool
        Which classes are the signal.
    selected : Value
        Whether the event is selected.
    response_method : {"predict_proba", "decision_function"}
        By what classes are compared.

    Returns
    -------
    label : Value
        A whole number.
    """
    program = selected.program
    signal = program.constant(is_signal)
    allowed = (selected & signal) | (~selected & ~signal)
    answers = scores.probability
    if len(is_signal) > 2 and response_method != "predict_proba":
        answers = scores.decision
    return program.argmax(program.where(allowed, answers, -np.inf))
