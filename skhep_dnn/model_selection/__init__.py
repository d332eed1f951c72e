"""Scores of a whole sample from cross-validation, and what is chosen by them."""

from skhep_dnn.model_selection._cross_validation import (
    PooledScores,
    cross_validate_pooled,
)
from skhep_dnn.model_selection._predictions import KeptPredictions

__all__ = ["KeptPredictions", "PooledScores", "cross_validate_pooled"]
