"""Metrics that honour signed event weights."""

from skhep_dnn.metrics._classification import (
    balanced_log_loss,
    balanced_log_loss_from_logits,
)
from skhep_dnn.metrics._ranking import weighted_roc_auc, weighted_roc_curve

__all__ = [
    "balanced_log_loss",
    "balanced_log_loss_from_logits",
    "weighted_roc_auc",
    "weighted_roc_curve",
]
