"""Deep-learning estimators for collider analyses that obey scikit-learn.

The estimators are imported on first use, so that `import skhep_dnn` and
`import skhep_dnn.metrics` stay light.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skhep_dnn.ensemble import BoostedDNN
    from skhep_dnn.feature_selection import BackwardEliminationSelector
    from skhep_dnn.neural_network import WeightedDNNClassifier
    from skhep_dnn.preprocessing import SymmetryAugmenter

__all__ = [
    "BackwardEliminationSelector",
    "BoostedDNN",
    "SymmetryAugmenter",
    "WeightedDNNClassifier",
    "__version__",
]

__version__ = version("skhep-dnn")

_LAZY = {
    "BackwardEliminationSelector": "skhep_dnn.feature_selection",
    "BoostedDNN": "skhep_dnn.ensemble",
    "SymmetryAugmenter": "skhep_dnn.preprocessing",
    "WeightedDNNClassifier": "skhep_dnn.neural_network",
}
_SUBPACKAGES = (
    "datasets",
    "ensemble",
    "export",
    "feature_selection",
    "inspection",
    "metrics",
    "model_selection",
    "neural_network",
    "pipeline",
    "preprocessing",
)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    if name in _SUBPACKAGES or name in {"exceptions", "weights"}:
        return import_module(f"skhep_dnn.{name}")
    msg = f"module 'skhep_dnn' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY, *_SUBPACKAGES, "exceptions", "weights"})
