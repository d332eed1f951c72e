"""Metrics that honour signed event weights."""

from skhep_dnn.metrics._binned import binned_significance, merge_bins
from skhep_dnn.metrics._classification import (
    balanced_log_loss,
    balanced_log_loss_from_logits,
)
from skhep_dnn.metrics._ranking import weighted_roc_auc, weighted_roc_curve
from skhep_dnn.metrics._significance import (
    ams,
    asimov_significance,
    s_over_sqrt_b,
    s_over_sqrt_sb,
)

__all__ = [
    "ams",
    "asimov_significance",
    "balanced_log_loss",
    "balanced_log_loss_from_logits",
    "binned_significance",
    "merge_bins",
    "s_over_sqrt_b",
    "s_over_sqrt_sb",
    "weighted_roc_auc",
    "weighted_roc_curve",
]
