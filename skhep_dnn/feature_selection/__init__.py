"""Which features can go, and which say the same, on weighted events."""

from skhep_dnn.feature_selection._cut_comparison import (
    CutComparison,
    compare_after_cut,
)
from skhep_dnn.feature_selection._important_columns import important_columns
from skhep_dnn.feature_selection._mutual_dependence import (
    MutualDependence,
    mutual_dependence,
)
from skhep_dnn.feature_selection._rank_correlation import weighted_spearman

__all__ = [
    "CutComparison",
    "MutualDependence",
    "compare_after_cut",
    "important_columns",
    "mutual_dependence",
    "weighted_spearman",
]
