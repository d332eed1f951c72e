"""Results and models in the forms that the next tools of an analysis read."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from skhep_dnn.export._apply_model import apply_model
from skhep_dnn.export._discovery import DiscoverySignificance, discovery_significance
from skhep_dnn.export._exported_classifier import ExportedClassifier
from skhep_dnn.export._hist import to_hist
from skhep_dnn.export._make_manifest import make_manifest
from skhep_dnn.export._manifest import Manifest
from skhep_dnn.export._saving import load_model, model_metadata, save_model
from skhep_dnn.export._verification import Verification
from skhep_dnn.export._verify import verify_export
from skhep_dnn.export._workspace import to_pyhf

if TYPE_CHECKING:
    from skhep_dnn.export._agreement import SelfTest
    from skhep_dnn.export._exported import Exported
    from skhep_dnn.export._skl2onnx import register_skl2onnx_converters
    from skhep_dnn.export._to_cpp import to_cpp
    from skhep_dnn.export._to_onnx import to_onnx

__all__ = [
    "DiscoverySignificance",
    "Exported",
    "ExportedClassifier",
    "Manifest",
    "SelfTest",
    "Verification",
    "apply_model",
    "discovery_significance",
    "load_model",
    "make_manifest",
    "model_metadata",
    "register_skl2onnx_converters",
    "save_model",
    "to_cpp",
    "to_hist",
    "to_onnx",
    "to_pyhf",
    "verify_export",
]

# Imported on first use: they know all models, and so load torch and Optuna.
_LAZY = {
    "Exported": "skhep_dnn.export._exported",
    "SelfTest": "skhep_dnn.export._agreement",
    "register_skl2onnx_converters": "skhep_dnn.export._skl2onnx",
    "to_cpp": "skhep_dnn.export._to_cpp",
    "to_onnx": "skhep_dnn.export._to_onnx",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    msg = f"module 'skhep_dnn.export' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
