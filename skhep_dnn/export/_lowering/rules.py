"""Which rule turns which class into steps of a program."""

from __future__ import annotations

from typing import Any

from skhep_dnn.ensemble import (
    BoostedDNN,
    CrossFitClassifier,
    SymmetryAveragedClassifier,
)
from skhep_dnn.export._lowering import blends, boosters, steps, trees
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
from skhep_dnn.feature_selection import (
    BackwardEliminationSelector,
    SeparationSelector,
)
from skhep_dnn.model_selection import (
    AutoMLClassifier,
    OptunaSearchCV,
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

# Modules with long names, in which scikit-learn keeps its classes.
_COLUMNS = "sklearn.compose._column_transformer"
_FUNCTION = "sklearn.preprocessing._function_transformer"
_HALVING = "sklearn.model_selection._search_successive_halving"
_HISTOGRAMS = "sklearn.ensemble._hist_gradient_boosting.gradient_boosting"
_PERCEPTRON = "sklearn.neural_network._multilayer_perceptron"
_SEQUENTIAL = "sklearn.feature_selection._sequential"
_UNIVARIATE = "sklearn.feature_selection._univariate_selection"
_VARIANCE = "sklearn.feature_selection._variance_threshold"


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
    qualified(OptunaSearchCV): blends.best_estimator_scores,
    qualified(SignificanceThresholdClassifier): threshold_scores,
    qualified(SymmetryAveragedClassifier): symmetry_averaged_scores,
    qualified(WeightedDNNClassifier): network_scores,
    qualified(WeightedPipeline): _pipeline_scores,
    "lightgbm.sklearn.LGBMClassifier": boosters.lightgbm_scores,
    "sklearn.calibration.CalibratedClassifierCV": blends.calibrated_scores,
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis": blends.linear_scores,
    "sklearn.dummy.DummyClassifier": blends.dummy_scores,
    "sklearn.ensemble._bagging.BaggingClassifier": blends.bagging_scores,
    "sklearn.ensemble._forest.ExtraTreesClassifier": trees.forest_scores,
    "sklearn.ensemble._forest.RandomForestClassifier": trees.forest_scores,
    "sklearn.ensemble._gb.GradientBoostingClassifier": trees.gradient_boosting_scores,
    f"{_HISTOGRAMS}.HistGradientBoostingClassifier": (
        trees.hist_gradient_boosting_scores
    ),
    "sklearn.ensemble._stacking.StackingClassifier": blends.stacking_scores,
    "sklearn.ensemble._voting.VotingClassifier": blends.voting_scores,
    "sklearn.frozen._frozen.FrozenEstimator": blends.frozen_scores,
    "sklearn.linear_model._logistic.LogisticRegression": blends.linear_scores,
    "sklearn.linear_model._logistic.LogisticRegressionCV": blends.linear_scores,
    "sklearn.model_selection._search.GridSearchCV": blends.best_estimator_scores,
    "sklearn.model_selection._search.RandomizedSearchCV": blends.best_estimator_scores,
    f"{_HALVING}.HalvingGridSearchCV": blends.best_estimator_scores,
    f"{_HALVING}.HalvingRandomSearchCV": blends.best_estimator_scores,
    "sklearn.naive_bayes.GaussianNB": blends.naive_bayes_scores,
    f"{_PERCEPTRON}.MLPClassifier": blends.perceptron_scores,
    "sklearn.pipeline.Pipeline": _pipeline_scores,
    "sklearn.tree._classes.DecisionTreeClassifier": trees.tree_scores,
    "sklearn.tree._classes.ExtraTreeClassifier": trees.tree_scores,
    "xgboost.sklearn.XGBClassifier": boosters.xgboost_scores,
}

TRANSFORM_RULES: dict[str, TransformRule] = {
    qualified(BackwardEliminationSelector): steps.selected,
    qualified(CartesianMomenta): cartesian_momenta,
    qualified(InvariantFeatures): invariant_features,
    qualified(SeparationSelector): steps.selected,
    qualified(SymmetryAligner): aligned_columns,
    qualified(SymmetryAugmenter): aligned_by_augmenter,
    qualified(WeightedPipeline): steps.pipeline_transformed,
    f"{_COLUMNS}.ColumnTransformer": steps.columns_transformed,
    "sklearn.decomposition._pca.PCA": steps.principal_components,
    "sklearn.feature_selection._from_model.SelectFromModel": steps.selected,
    "sklearn.feature_selection._rfe.RFE": steps.selected,
    "sklearn.feature_selection._rfe.RFECV": steps.selected,
    f"{_SEQUENTIAL}.SequentialFeatureSelector": steps.selected,
    f"{_UNIVARIATE}.GenericUnivariateSelect": steps.selected,
    f"{_UNIVARIATE}.SelectFdr": steps.selected,
    f"{_UNIVARIATE}.SelectFpr": steps.selected,
    f"{_UNIVARIATE}.SelectFwe": steps.selected,
    f"{_UNIVARIATE}.SelectKBest": steps.selected,
    f"{_UNIVARIATE}.SelectPercentile": steps.selected,
    f"{_VARIANCE}.VarianceThreshold": steps.selected,
    "sklearn.impute._base.MissingIndicator": steps.missing_indicated,
    "sklearn.impute._base.SimpleImputer": steps.imputed,
    "sklearn.pipeline.FeatureUnion": steps.united,
    "sklearn.pipeline.Pipeline": steps.pipeline_transformed,
    "sklearn.preprocessing._data.MaxAbsScaler": steps.max_abs_scaled,
    "sklearn.preprocessing._data.MinMaxScaler": steps.min_max_scaled,
    "sklearn.preprocessing._data.PowerTransformer": steps.power_transformed,
    "sklearn.preprocessing._data.QuantileTransformer": steps.quantile_transformed,
    "sklearn.preprocessing._data.RobustScaler": steps.robust_scaled,
    "sklearn.preprocessing._data.StandardScaler": steps.standard_scaled,
    "sklearn.preprocessing._encoders.OneHotEncoder": steps.encoded,
    "sklearn.preprocessing._encoders.OrdinalEncoder": steps.encoded,
    f"{_FUNCTION}.FunctionTransformer": steps.function_transformed,
    "sklearn.preprocessing._polynomial.PolynomialFeatures": steps.polynomial,
    "sklearn.preprocessing._target_encoder.TargetEncoder": steps.encoded,
}

# Classes of this package without a rule, and why.
REASONS: dict[str, str] = {
    qualified(AutoMLClassifier): (
        "its model is that of another library (mljar-supervised or AutoGluon), which "
        "has its own formats. Export the model from `results_folder_` by that library, "
        "or train the classifier that it has found by itself."
    ),
}
