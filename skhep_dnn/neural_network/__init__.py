"""Neural networks for weighted events."""

from skhep_dnn.neural_network._averaging import (
    ExponentialAverage,
    StochasticWeightAverage,
)
from skhep_dnn.neural_network._classifier import WeightedDNNClassifier
from skhep_dnn.neural_network._engine.data import Member
from skhep_dnn.neural_network._engine.results import Evaluation, TrainedMembers
from skhep_dnn.neural_network._engine.settings import TrainingSettings
from skhep_dnn.neural_network._engine.training import MemberTraining, train_members
from skhep_dnn.neural_network._feature_split import FeatureSplit
from skhep_dnn.neural_network._fit_together import (
    fit_masks_together,
    fit_together,
)
from skhep_dnn.neural_network._fit_with_offset import fit_with_offset
from skhep_dnn.neural_network._losses import FocalLoss
from skhep_dnn.neural_network._networks.shapes import count_parameters
from skhep_dnn.neural_network._numeric_embedding import (
    PeriodicEmbedding,
    PiecewiseLinearEmbedding,
)
from skhep_dnn.neural_network._refined_weights import refined_weights
from skhep_dnn.neural_network._reliance import (
    block_reliance,
    bottleneck_outputs,
    bottleneck_reliance,
)
from skhep_dnn.neural_network._schedules import CosineRestarts, LinearCycles, OneCycle
from skhep_dnn.neural_network._snapshots import Snapshots

__all__ = [
    "CosineRestarts",
    "Evaluation",
    "ExponentialAverage",
    "FeatureSplit",
    "FocalLoss",
    "LinearCycles",
    "Member",
    "MemberTraining",
    "OneCycle",
    "PeriodicEmbedding",
    "PiecewiseLinearEmbedding",
    "Snapshots",
    "StochasticWeightAverage",
    "TrainedMembers",
    "TrainingSettings",
    "WeightedDNNClassifier",
    "block_reliance",
    "bottleneck_outputs",
    "bottleneck_reliance",
    "count_parameters",
    "fit_masks_together",
    "fit_together",
    "fit_with_offset",
    "refined_weights",
    "train_members",
]
