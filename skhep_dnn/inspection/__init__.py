"""Figures of classifiers, their scores and their training, for weighted events."""

from skhep_dnn.inspection._block_reliance import BlockRelianceDisplay
from skhep_dnn.inspection._boosting_gain import BoostingGainDisplay
from skhep_dnn.inspection._bottleneck_output import BottleneckOutputDisplay
from skhep_dnn.inspection._bottleneck_reliance import BottleneckRelianceDisplay
from skhep_dnn.inspection._comparison import ComparisonDisplay, plot_classifiers
from skhep_dnn.inspection._correlation_map import CorrelationDisplay
from skhep_dnn.inspection._discriminant import DiscriminantDisplay
from skhep_dnn.inspection._efficiency import EfficiencyDisplay
from skhep_dnn.inspection._elimination_path import EliminationDisplay
from skhep_dnn.inspection._embedding import EmbeddingDisplay
from skhep_dnn.inspection._histogram import WeightedHistogram
from skhep_dnn.inspection._history import TrainingHistoryDisplay
from skhep_dnn.inspection._importance_bars import PermutationImportanceDisplay
from skhep_dnn.inspection._input_distributions import (
    InputDistribution,
    InputDistributionsDisplay,
)
from skhep_dnn.inspection._inputs import InputColumn, InputsDisplay
from skhep_dnn.inspection._learning_rate_range import LearningRateRangeDisplay
from skhep_dnn.inspection._make_report import Report, make_report
from skhep_dnn.inspection._mutual_dependence_map import MutualDependenceDisplay
from skhep_dnn.inspection._network_diagram import NetworkDiagramDisplay
from skhep_dnn.inspection._output_nodes import OutputNodesDisplay
from skhep_dnn.inspection._overtraining import OvertrainingDisplay
from skhep_dnn.inspection._partial_dependence import (
    PartialDependenceCurve,
    WeightedPartialDependenceDisplay,
)
from skhep_dnn.inspection._permutation_importance import weighted_permutation_importance
from skhep_dnn.inspection._rank_correlation_map import RankCorrelationDisplay
from skhep_dnn.inspection._reliability import ReliabilityDisplay
from skhep_dnn.inspection._roc_curve import WeightedRocCurveDisplay
from skhep_dnn.inspection._separation_bars import SeparationDisplay
from skhep_dnn.inspection._significance_scan import SignificanceScanDisplay
from skhep_dnn.inspection._stacked_discriminant import StackedDiscriminantDisplay
from skhep_dnn.inspection._yield_confusion import YieldConfusionDisplay
from skhep_dnn.inspection._yields_table_figure import YieldsTableDisplay

__all__ = [
    "BlockRelianceDisplay",
    "BoostingGainDisplay",
    "BottleneckOutputDisplay",
    "BottleneckRelianceDisplay",
    "ComparisonDisplay",
    "CorrelationDisplay",
    "DiscriminantDisplay",
    "EfficiencyDisplay",
    "EliminationDisplay",
    "EmbeddingDisplay",
    "InputColumn",
    "InputDistribution",
    "InputDistributionsDisplay",
    "InputsDisplay",
    "LearningRateRangeDisplay",
    "MutualDependenceDisplay",
    "NetworkDiagramDisplay",
    "OutputNodesDisplay",
    "OvertrainingDisplay",
    "PartialDependenceCurve",
    "PermutationImportanceDisplay",
    "RankCorrelationDisplay",
    "ReliabilityDisplay",
    "Report",
    "SeparationDisplay",
    "SignificanceScanDisplay",
    "StackedDiscriminantDisplay",
    "TrainingHistoryDisplay",
    "WeightedHistogram",
    "WeightedPartialDependenceDisplay",
    "WeightedRocCurveDisplay",
    "YieldConfusionDisplay",
    "YieldsTableDisplay",
    "make_report",
    "plot_classifiers",
    "weighted_permutation_importance",
]
