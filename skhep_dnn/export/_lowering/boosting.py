"""`BoostedDNN`: scores of a start, and what each iteration adds to them.

The formulas are those of `ensemble._boosting_rules`. Votes are whole numbers: where a
classifier is undecided to the last digit, two languages may count another vote.
"""

from __future__ import annotations

from typing import Any

from skhep_dnn._weighted_steps import final_step
from skhep_dnn.ensemble._boosting_rules import Gradient, Vote
from skhep_dnn.ensemble._boosting_steps import LARGEST_CORRECTION, LARGEST_START
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._lowering.lowering import Lowering, Scores, Table
from skhep_dnn.export._lowering.means import floored
from skhep_dnn.export._program.program import Value

__all__ = ["boosted_scores"]

# Their `predict` makes a cut, and does not name the more probable class.
_CUTTING = frozenset(
    {
        "FixedThresholdClassifier",
        "SignificanceThresholdClassifier",
        "TunedThresholdClassifierCV",
    }
)


def boosted_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what a fitted `BoostedDNN` says of an event."""
    rule = model._rule
    scores = _start(lowering, model, table)
    first = max(model.n_iter_ - 1, 0) if rule.forgets else 0
    for k in range(first, model.n_iter_):
        part = lowering.scores(model.estimators_[k], table)
        if isinstance(rule, Vote):
            response = _vote(model.estimators_[k], part)
        elif isinstance(rule, Gradient):
            response = _bounded(_logs(part), LARGEST_CORRECTION)
        else:
            response = _logs(part)
        weight = float(model.estimator_weights_[k])
        scores = response if rule.forgets else scores + response * weight
    return _scores(lowering, scores)


def _start(lowering: Lowering, model: Any, table: Table) -> Value:
    """Return the scores before the first iteration: the mean over the models."""
    models = model._start.models
    if not models:
        return table.program.constant([0.0] * len(model.classes_), lowering.wide)
    parts = [
        _bounded(_logs(lowering.scores(one, table)), LARGEST_START) for one in models
    ]
    return lowering.mean(parts, [1.0 / len(parts)] * len(parts))


def _logs(part: Scores) -> Value:
    return part.probability.program.log(floored(part.probability))


def _bounded(logs: Value, largest: float) -> Value:
    distance = logs - logs.program.max(logs)
    return logs.program.where(distance < -largest, -largest, distance)


def _vote(model: Any, part: Scores) -> Value:
    """Return 1 for the class that a classifier names, else 0."""
    name = type(final_step(model)).__name__
    if name in _CUTTING:
        msg = (
            "Voting classifiers must name the most probable class, got "
            f"{name}, which makes a cut. Boost the classifier inside."
        )
        raise ExportError(msg)
    program, decision = part.decision.program, part.decision
    kind = part.probability.dtype
    if decision.size == 1:
        is_second = program.cast(decision > 0.0, kind)
        return program.concatenate([1.0 - is_second, is_second])
    classes = program.constant(range(decision.size), "int64")
    return program.cast(program.equal(program.argmax(decision), classes), kind)


def _scores(lowering: Lowering, scores: Value) -> Scores:
    """Return probability and logit of logarithms up to a constant of the event."""
    program = scores.program
    probability = lowering.softmax(scores)
    if scores.size == 2:
        return Scores(probability, scores[1] - scores[0])
    rest = [
        program.log(program.sum(program.exp(others - program.max(others))))
        + program.max(others)
        for others in (_others(scores, k) for k in range(scores.size))
    ]
    return Scores(probability, scores - program.concatenate(rest))


def _others(scores: Value, k: int) -> Value:
    return scores[[i for i in range(scores.size) if i != k]]
