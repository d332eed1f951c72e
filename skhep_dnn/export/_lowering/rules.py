"""Which rule turns which class into steps of a program."""

from __future__ import annotations

from typing import Any

from skhep_dnn.ensemble import (
    BoostedDNN,
    CrossFitClassifier,
    SymmetryAveragedClassifier,
)
from skhep_dnn.export._lowering.boosting import boosted_scores
from skhep_dnn.export._lowering.cuts import threshold_scores
from skhep_dnn.export._lowering.folds import cross_fit_scores
from skhep_dnn.export._lowering.lowering import (
    Lowering,
    ScoreRule,
    Scores,
    Table,
    TransformRule,
    qualified,
)
from skhep_dnn.export._lowering.means import symmetry_averaged_scores
from skhep_dnn.export._lowering.momenta import cartesian_momenta, invariant_features
from skhep_dnn.export._lowering.networks import network_scores
from skhep_dnn.export._lowering.orientation import (
    aligned_by_augmenter,
    aligned_columns,
)
from skhep_dnn.export._lowering.selections import selected_columns
from skhep_dnn.feature_selection import (
    BackwardEliminationSelector,
    SeparationSelector,
)
from skhep_dnn.model_selection import (
    AutoMLClassifier,
    SignificanceThresholdClassifier,
)
from skhep_dnn.neural_network import WeightedDNNClassifier
from skhep_dnn.pipeline import WeightedPipeline
from skhep_dnn.preprocessing import (
    CartesianMomenta,
    InvariantFeatures,
    SymmetryAligner,
    SymmetryAugmenter,
)

__all__ = ["REASONS", "SCORE_RULES", "TRANSFORM_RULES"]


def _pipeline_scores(lowering: Lowering, model: Any, table: Table) -> Scores:
    """Return what a fitted pipeline says of an event."""
    for _, step in model.steps[:-1]:
        if step is not None and step != "passthrough":
            table = lowering.transformed(step, table)
    return lowering.scores(model.steps[-1][1], table)


# Classes of this package by themselves, those of others by their names.
SCORE_RULES: dict[str, ScoreRule] = {
    qualified(BoostedDNN): boosted_scores,
    qualified(CrossFitClassifier): cross_fit_scores,
    qualified(SignificanceThresholdClassifier): threshold_scores,
    qualified(SymmetryAveragedClassifier): symmetry_averaged_scores,
    qualified(WeightedDNNClassifier): network_scores,
    qualified(WeightedPipeline): _pipeline_scores,
    "sklearn.pipeline.Pipeline": _pipeline_scores,
}

TRANSFORM_RULES: dict[str, TransformRule] = {
    qualified(BackwardEliminationSelector): selected_columns,
    qualified(CartesianMomenta): cartesian_momenta,
    qualified(InvariantFeatures): invariant_features,
    qualified(SeparationSelector): selected_columns,
    qualified(SymmetryAligner): aligned_columns,
    qualified(SymmetryAugmenter): aligned_by_augmenter,
}

# Classes of this package without a rule, and why.
REASONS: dict[str, str] = {
    qualified(AutoMLClassifier): (
        "its model is that of another library (mljar-supervised or AutoGluon), which "
        "has its own formats. Export the model from `results_folder_` by that library, "
        "or train the classifier that it has found by itself."
    ),
}
