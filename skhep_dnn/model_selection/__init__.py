"""Scores of a whole sample from cross-validation, and what is chosen by them."""

from skhep_dnn.model_selection._automl import AutoMLClassifier
from skhep_dnn.model_selection._comparison import (
    ClassifierComparison,
    MeanOverFolds,
    compare_classifiers,
)
from skhep_dnn.model_selection._cross_validation import (
    PooledScores,
    cross_validate_pooled,
)
from skhep_dnn.model_selection._cut_stability import CutStability, EfficiencyShift
from skhep_dnn.model_selection._event_number_kfold import EventNumberKFold
from skhep_dnn.model_selection._limits import Limit, last_width, network_size
from skhep_dnn.model_selection._optuna_search import OptunaSearchCV
from skhep_dnn.model_selection._overtraining import OvertrainingLimit
from skhep_dnn.model_selection._predictions import KeptPredictions
from skhep_dnn.model_selection._search_spaces import search_space
from skhep_dnn.model_selection._seed_spread import SeedSpread, seed_spread
from skhep_dnn.model_selection._significance_threshold import (
    SignificanceThresholdClassifier,
)
from skhep_dnn.model_selection._space import SearchSpace

__all__ = [
    "AutoMLClassifier",
    "ClassifierComparison",
    "CutStability",
    "EfficiencyShift",
    "EventNumberKFold",
    "KeptPredictions",
    "Limit",
    "MeanOverFolds",
    "OptunaSearchCV",
    "OvertrainingLimit",
    "PooledScores",
    "SearchSpace",
    "SeedSpread",
    "SignificanceThresholdClassifier",
    "compare_classifiers",
    "cross_validate_pooled",
    "last_width",
    "network_size",
    "search_space",
    "seed_spread",
]
