"""Which features can go, and which say the same, on weighted events.

The selector that trains networks, and with them torch, is imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from skhep_dnn.feature_selection._cut_comparison import (
    CutComparison,
    compare_after_cut,
)
from skhep_dnn.feature_selection._important_columns import important_columns
from skhep_dnn.feature_selection._linear_correlation import weighted_correlation
from skhep_dnn.feature_selection._mutual_dependence import (
    MutualDependence,
    mutual_dependence,
)
from skhep_dnn.feature_selection._rank_correlation import weighted_spearman
from skhep_dnn.feature_selection._restriction import restricted_to_columns
from skhep_dnn.feature_selection._separation_filter import SeparationSelector

if TYPE_CHECKING:
    from skhep_dnn.feature_selection._backward_elimination import (
        BackwardEliminationSelector,
    )

__all__ = [
    "BackwardEliminationSelector",
    "CutComparison",
    "MutualDependence",
    "SeparationSelector",
    "compare_after_cut",
    "important_columns",
    "mutual_dependence",
    "restricted_to_columns",
    "weighted_correlation",
    "weighted_spearman",
]

_LAZY = {
    "BackwardEliminationSelector": "skhep_dnn.feature_selection._backward_elimination",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    msg = f"module 'skhep_dnn.feature_selection' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
