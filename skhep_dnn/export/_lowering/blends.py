"""Classifiers of scikit-learn without trees, and those made of other classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skhep_dnn._messages import shown
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._lowering.curves import Curve, piecewise_linear
from skhep_dnn.export._lowering.lowering import Lowering, MadeColumn, Scores, Table
from skhep_dnn.export._lowering.trees import of_raw_scores
from skhep_dnn.export._program.program import Value

__all__ = [
    "bagging_scores",
    "best_estimator_scores",
    "calibrated_scores",
    "dummy_scores",
    "frozen_scores",
    "linear_scores",
    "naive_bayes_scores",
    "perceptron_scores",
    "stacking_scores",
    "voting_scores",
]


def linear_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what a fitted linear classifier with probabilities says of an event."""
    x = table.vector("float64")
    raw = table.program.dense(x, model.coef_.T, np.atleast_1d(model.intercept_))
    return of_raw_scores(lowering, raw)


def naive_bayes_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what a fitted `GaussianNB` says of an event."""
    x, program = table.vector("float64"), table.program
    logs = []
    for prior, mean, variance in zip(
        model.class_prior_, model.theta_, model.var_, strict=True
    ):
        z = (x - mean) * (1.0 / np.sqrt(variance))
        start = np.log(prior) - 0.5 * np.log(2.0 * np.pi * variance).sum()
        logs.append(program.sum(z * z) * -0.5 + start)
    if len(logs) == 2:
        return of_raw_scores(lowering, logs[1] - logs[0])
    raw = program.cast(program.concatenate(logs), lowering.wide)
    return lowering.of_probability(lowering.softmax(raw))


def perceptron_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what a fitted `MLPClassifier` says of an event."""
    x, program = table.vector("float64"), table.program
    for k, (weights, bias) in enumerate(
        zip(model.coefs_, model.intercepts_, strict=True)
    ):
        x = program.dense(x, weights, bias)
        if k < len(model.coefs_) - 1:
            x = _activated(x, model.activation)
    scores = of_raw_scores(lowering, x)
    return lowering.of_probability(scores.probability) if x.size > 1 else scores


def _activated(x: Value, activation: str) -> Value:
    program = x.program
    if activation == "relu":
        return program.elementwise("maximum", x, 0.0)
    if activation == "tanh":
        return program.elementwise("hyperbolic_tangent", x)
    return program.sigmoid(x) if activation == "logistic" else x


def dummy_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what a fitted `DummyClassifier` of priors says of an event."""
    if model.strategy != "prior":
        msg = (
            "`strategy` of DummyClassifier must be 'prior', got "
            f"{model.strategy!r}. Fit it with this one."
        )
        raise ExportError(msg)
    prior = table.program.constant(model.class_prior_, lowering.wide)
    # A constant has one row; a sum with a column has one for each event.
    column = table.program.cast(table.columns[0].number, lowering.wide)
    zero = table.program.where(table.program.equal(column, 0.0), 0.0, column * 0.0)
    zero = table.program.where(table.program.is_nan(zero), 0.0, zero)
    return lowering.of_probability(prior + zero)


def frozen_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what the estimator in a `FrozenEstimator` says of an event."""
    return lowering.scores(model.estimator, table)


def best_estimator_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what the best estimator of a search says of an event."""
    if not hasattr(model, "best_estimator_"):
        msg = (
            f"{type(model).__name__} must have a best estimator, got refit=False. Fit "
            "it with `refit`."
        )
        raise ExportError(msg)
    return lowering.scores(model.best_estimator_, table)


def voting_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what a fitted `VotingClassifier` says of an event."""
    if model.voting != "soft":
        msg = (
            f"`voting` of VotingClassifier must be 'soft', got {model.voting!r}. Votes "
            "are no probabilities: fit it with voting='soft'."
        )
        raise ExportError(msg)
    weights = model._weights_not_none
    weights = np.ones(len(model.estimators_)) if weights is None else weights
    return _mean(lowering, model, model.estimators_, [table] * len(weights), weights)


def bagging_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what a fitted `BaggingClassifier` says of an event."""
    tables = [table.take(columns.tolist()) for columns in model.estimators_features_]
    return _mean(lowering, model, model.estimators_, tables, np.ones(len(tables)))


def _mean(
    lowering: Lowering,
    model: Any,
    estimators: Sequence[Any],
    tables: Sequence[Table],
    weights: Any,
) -> Scores:
    parts = []
    for estimator, table in zip(estimators, tables, strict=True):
        _check_classes(model, estimator)
        part = lowering.scores(estimator, table).probability
        parts.append(table.program.cast(part, lowering.wide))
    shares = np.asarray(weights, dtype=np.float64) / np.sum(weights)
    return lowering.of_probability(lowering.mean(parts, shares))


def _check_classes(model: Any, estimator: Any) -> None:
    if len(estimator.classes_) != len(model.classes_):
        msg = (
            f"Each estimator in {type(model).__name__} must know all classes, got "
            f"{shown(np.asarray(estimator.classes_).tolist())} of "
            f"{len(model.classes_)}. Fit it to events of all of them."
        )
        raise ExportError(msg)


def stacking_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what a fitted `StackingClassifier` says of an event."""
    program = table.program
    columns: list[MadeColumn] = []
    for estimator, method in zip(model.estimators_, model.stack_method_, strict=True):
        if method == "predict":
            msg = (
                "`stack_method` of StackingClassifier must be 'predict_proba' or "
                "'decision_function', got 'predict'. Fit it with one of these."
            )
            raise ExportError(msg)
        _check_classes(model, estimator)
        scores = lowering.scores(estimator, table)
        values = scores.decision
        if method == "predict_proba":
            values = scores.probability
            values = values[1:] if values.size == 2 else values
        values = program.cast(values, "float64")
        columns += [MadeColumn(values[i]) for i in range(values.size)]
    given = table.columns if model.passthrough else ()
    return lowering.scores(model.final_estimator_, Table(program, (*columns, *given)))


def calibrated_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what a fitted `CalibratedClassifierCV` says of an event."""
    parts = [_calibrated(lowering, one, table) for one in model.calibrated_classifiers_]
    if len(parts) == 1:
        return lowering.of_probability(parts[0])
    shares = np.full(len(parts), 1.0 / len(parts))
    return lowering.of_probability(lowering.mean(parts, shares))


def _calibrated(lowering: Lowering, model: Any, table: Table) -> Value:
    """Return the probabilities of one calibrated classifier."""
    program = table.program
    classes = list(model.classes)
    if len(model.estimator.classes_) < len(classes):
        msg = (
            "Each classifier in CalibratedClassifierCV must know all classes, got "
            f"{shown(np.asarray(model.estimator.classes_).tolist())} of "
            f"{len(classes)}. Take folds with events of all of them."
        )
        raise ExportError(msg)
    scores = lowering.scores(model.estimator, table)
    has_decision = hasattr(model.estimator, "decision_function")
    response = scores.decision if has_decision else scores.probability
    response = program.cast(response, "float64")
    if model.method == "temperature":
        logits = response if has_decision else program.log(response + 1e-12)
        if logits.size == 1:
            logits = program.concatenate([-logits, logits])
        return lowering.softmax(
            program.cast(logits * float(model.calibrators[0].beta_), lowering.wide)
        )
    if response.size == 2:
        response = response[1]
    parts = [
        _sides(response[k], calibrator)
        for k, calibrator in enumerate(model.calibrators)
    ]
    if len(classes) == 2:
        return program.cast(program.concatenate(parts[0]), lowering.wide)
    each = program.concatenate([signal for _, signal in parts])
    total = program.sum(each)
    each = program.where(total > 0.0, each / total, 1.0 / len(classes))
    return program.cast(each, lowering.wide)


def _sides(x: Value, calibrator: Any) -> list[Value]:
    """Return the probability against a class, and for it."""
    program = x.program
    if hasattr(calibrator, "a_"):
        z = x * float(calibrator.a_) + float(calibrator.b_)
        return [program.sigmoid(z), program.sigmoid(-z)]
    knots = np.asarray(calibrator.X_thresholds_, dtype=np.float64)
    heights = np.asarray(calibrator.y_thresholds_, dtype=np.float64)
    if calibrator.X_thresholds_.dtype == np.float32:
        x = program.cast(program.cast(x, "float32"), "float64")
    y = piecewise_linear(x, [Curve.of_points(knots, heights)])
    return [1.0 - y, y]
