"""Figures of classifiers, their scores and their training, for weighted events."""

from skhep_dnn.inspection._discriminant import DiscriminantDisplay
from skhep_dnn.inspection._histogram import WeightedHistogram
from skhep_dnn.inspection._history import TrainingHistoryDisplay
from skhep_dnn.inspection._roc_curve import WeightedRocCurveDisplay
from skhep_dnn.inspection._significance_scan import SignificanceScanDisplay

__all__ = [
    "DiscriminantDisplay",
    "SignificanceScanDisplay",
    "TrainingHistoryDisplay",
    "WeightedHistogram",
    "WeightedRocCurveDisplay",
]
