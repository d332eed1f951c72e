"""Metrics that honour signed event weights."""

from skhep_dnn.metrics._binned import (
    binned_significance,
    merge_bins,
    significance_per_bin,
)
from skhep_dnn.metrics._binned_efficiency import BinnedEfficiency, binned_efficiency
from skhep_dnn.metrics._bootstrap import (
    BootstrapResult,
    PairedBootstrapResult,
    bootstrap,
    paired_bootstrap,
)
from skhep_dnn.metrics._challenge import ChallengeSummary, challenge_summary
from skhep_dnn.metrics._classification import (
    balanced_log_loss,
    balanced_log_loss_from_logits,
    weighted_accuracy,
    weighted_log_loss,
)
from skhep_dnn.metrics._confusion import YieldConfusion, confusion_by_yields
from skhep_dnn.metrics._cross_fitted import (
    CrossFittedSignificance,
    cross_fitted_significance,
)
from skhep_dnn.metrics._efficiency import EfficiencyAt, RejectionAt
from skhep_dnn.metrics._figure_of_merit import FigureOfMerit
from skhep_dnn.metrics._fixed_cut import SignificanceAt
from skhep_dnn.metrics._flat_signal import FlatSignalTransform, flat_signal_transform
from skhep_dnn.metrics._metric_scorer import weighted_scorer
from skhep_dnn.metrics._metric_with_error import (
    MetricWithError,
    PairedDifference,
    metric_with_error,
    paired_difference,
)
from skhep_dnn.metrics._optimal_binning import BinnedDiscriminant, optimal_binning
from skhep_dnn.metrics._overtraining import (
    MetricGap,
    OvertrainingTest,
    overtraining_test,
)
from skhep_dnn.metrics._profile import profile_significance
from skhep_dnn.metrics._ranking import weighted_roc_auc, weighted_roc_curve
from skhep_dnn.metrics._reliability import ReliabilityCurve, reliability_curve
from skhep_dnn.metrics._replicas import poisson_replicas
from skhep_dnn.metrics._scan import SignificanceScan, WorkingPoint, significance_scan
from skhep_dnn.metrics._separation import SeparationPower, separation_power
from skhep_dnn.metrics._significance import (
    ams,
    asimov_significance,
    s_over_sqrt_b,
    s_over_sqrt_sb,
)
from skhep_dnn.metrics._significance_scorer import make_significance_scorer
from skhep_dnn.metrics._significance_scores import ams_score, max_significance_score
from skhep_dnn.metrics._thresholds import (
    threshold_at_efficiency,
    threshold_at_maximum,
    threshold_top_fraction,
)
from skhep_dnn.metrics._two_samples import TwoSampleTest
from skhep_dnn.metrics._varied_sample import VariedSample
from skhep_dnn.metrics._yields_table import YieldsTable, yields_table

__all__ = [
    "BinnedDiscriminant",
    "BinnedEfficiency",
    "BootstrapResult",
    "ChallengeSummary",
    "CrossFittedSignificance",
    "EfficiencyAt",
    "FigureOfMerit",
    "FlatSignalTransform",
    "MetricGap",
    "MetricWithError",
    "OvertrainingTest",
    "PairedBootstrapResult",
    "PairedDifference",
    "RejectionAt",
    "ReliabilityCurve",
    "SeparationPower",
    "SignificanceAt",
    "SignificanceScan",
    "TwoSampleTest",
    "VariedSample",
    "WorkingPoint",
    "YieldConfusion",
    "YieldsTable",
    "ams",
    "ams_score",
    "asimov_significance",
    "balanced_log_loss",
    "balanced_log_loss_from_logits",
    "binned_efficiency",
    "binned_significance",
    "bootstrap",
    "challenge_summary",
    "confusion_by_yields",
    "cross_fitted_significance",
    "flat_signal_transform",
    "make_significance_scorer",
    "max_significance_score",
    "merge_bins",
    "metric_with_error",
    "optimal_binning",
    "overtraining_test",
    "paired_bootstrap",
    "paired_difference",
    "poisson_replicas",
    "profile_significance",
    "reliability_curve",
    "s_over_sqrt_b",
    "s_over_sqrt_sb",
    "separation_power",
    "significance_per_bin",
    "significance_scan",
    "threshold_at_efficiency",
    "threshold_at_maximum",
    "threshold_top_fraction",
    "weighted_accuracy",
    "weighted_log_loss",
    "weighted_roc_auc",
    "weighted_roc_curve",
    "weighted_scorer",
    "yields_table",
]
