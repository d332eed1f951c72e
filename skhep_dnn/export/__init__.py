"""Results in the forms that the next tools of an analysis read."""

from skhep_dnn.export._discovery import DiscoverySignificance, discovery_significance
from skhep_dnn.export._exported_classifier import ExportedClassifier
from skhep_dnn.export._hist import to_hist
from skhep_dnn.export._self_test import SelfTest
from skhep_dnn.export._to_onnx import Exported, to_onnx
from skhep_dnn.export._workspace import to_pyhf

__all__ = [
    "DiscoverySignificance",
    "Exported",
    "ExportedClassifier",
    "SelfTest",
    "discovery_significance",
    "to_hist",
    "to_onnx",
    "to_pyhf",
]
