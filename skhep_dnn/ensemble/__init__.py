"""Classifiers made of other classifiers, for weighted events."""

from skhep_dnn.ensemble._boosted_dnn import BoostedDNN
from skhep_dnn.ensemble._symmetry_averaged import SymmetryAveragedClassifier

__all__ = ["BoostedDNN", "SymmetryAveragedClassifier"]
