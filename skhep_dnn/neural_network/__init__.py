"""Neural networks for weighted events."""

from skhep_dnn.neural_network._architecture import count_parameters
from skhep_dnn.neural_network._averaging import (
    ExponentialAverage,
    StochasticWeightAverage,
)
from skhep_dnn.neural_network._classifier import WeightedDNNClassifier
from skhep_dnn.neural_network._losses import FocalLoss
from skhep_dnn.neural_network._reliance import (
    block_reliance,
    bottleneck_outputs,
    bottleneck_reliance,
)
from skhep_dnn.neural_network._schedules import CosineRestarts, LinearCycles, OneCycle
from skhep_dnn.neural_network._snapshots import Snapshots
from skhep_dnn.neural_network._split import FeatureSplit

__all__ = [
    "CosineRestarts",
    "ExponentialAverage",
    "FeatureSplit",
    "FocalLoss",
    "LinearCycles",
    "OneCycle",
    "Snapshots",
    "StochasticWeightAverage",
    "WeightedDNNClassifier",
    "block_reliance",
    "bottleneck_outputs",
    "bottleneck_reliance",
    "count_parameters",
]
