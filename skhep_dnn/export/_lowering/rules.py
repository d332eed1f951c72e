"""Which rule turns which class into steps of a program."""

from __future__ import annotations

from typing import Any

from skhep_dnn.ensemble import CrossFitClassifier
from skhep_dnn.export._lowering.folds import cross_fit_scores, threshold_scores
from skhep_dnn.export._lowering.lowering import (
    Lowering,
    ScoreRule,
    Scores,
    Table,
    TransformRule,
    qualified,
)
from skhep_dnn.export._lowering.networks import network_scores
from skhep_dnn.model_selection import SignificanceThresholdClassifier
from skhep_dnn.neural_network import WeightedDNNClassifier

__all__ = ["SCORE_RULES", "TRANSFORM_RULES"]


def _pipeline_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what a fitted pipeline says of an event."""
    for _, step in model.steps[:-1]:
        if step is not None and step != "passthrough":
            table = lowering.transformed(step, table)
    return lowering.scores(model.steps[-1][1], table)


# Classes of this package by themselves, those of others by their names.
SCORE_RULES: dict[str, ScoreRule] = {
    qualified(CrossFitClassifier): cross_fit_scores,
    qualified(SignificanceThresholdClassifier): threshold_scores,
    qualified(WeightedDNNClassifier): network_scores,
    "sklearn.pipeline.Pipeline": _pipeline_scores,
}

TRANSFORM_RULES: dict[str, TransformRule] = {}
