"""Neural networks for weighted events."""

from skhep_dnn.neural_network._architecture import count_parameters
from skhep_dnn.neural_network._classifier import WeightedDNNClassifier
from skhep_dnn.neural_network._losses import FocalLoss
from skhep_dnn.neural_network._schedules import CosineRestarts, LinearCycles, OneCycle

__all__ = [
    "CosineRestarts",
    "FocalLoss",
    "LinearCycles",
    "OneCycle",
    "WeightedDNNClassifier",
    "count_parameters",
]
