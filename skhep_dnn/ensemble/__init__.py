"""Classifiers made of other classifiers, for weighted events."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from skhep_dnn.ensemble._symmetry_averaged import SymmetryAveragedClassifier

if TYPE_CHECKING:
    from skhep_dnn.ensemble._boosted_dnn import BoostedDNN
    from skhep_dnn.ensemble._cross_fit import CrossFitClassifier

__all__ = ["BoostedDNN", "CrossFitClassifier", "SymmetryAveragedClassifier"]

# Imported on first use: their folds are those of `model_selection`, which loads Optuna.
_LAZY = {
    "BoostedDNN": "skhep_dnn.ensemble._boosted_dnn",
    "CrossFitClassifier": "skhep_dnn.ensemble._cross_fit",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    msg = f"module 'skhep_dnn.ensemble' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
