"""Results in the forms that the next tools of an analysis read."""

from skhep_dnn.export._discovery import DiscoverySignificance, discovery_significance
from skhep_dnn.export._hist import to_hist
from skhep_dnn.export._saving import load_model, model_metadata, save_model
from skhep_dnn.export._workspace import to_pyhf

__all__ = [
    "DiscoverySignificance",
    "discovery_significance",
    "load_model",
    "model_metadata",
    "save_model",
    "to_hist",
    "to_pyhf",
]
