"""Results in the forms that the next tools of an analysis read."""

from skhep_dnn.export._apply_model import apply_model
from skhep_dnn.export._discovery import DiscoverySignificance, discovery_significance
from skhep_dnn.export._hist import to_hist
from skhep_dnn.export._workspace import to_pyhf

__all__ = [
    "DiscoverySignificance",
    "apply_model",
    "discovery_significance",
    "to_hist",
    "to_pyhf",
]
