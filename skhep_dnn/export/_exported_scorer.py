"""What an exported file says of events, whatever its kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._exported_classifier import ExportedClassifier

__all__ = ["Scorer", "open_exported"]


class Scorer(Protocol):
    """An exported model that can be run."""

    threshold_: float | None

    def fold_numbers(self, X: Any, event_number: Any = None) -> NDArray[Any]:
        """Return the model that scores each event."""

    def decision_function(self, X: Any, event_number: Any = None) -> NDArray[Any]:
        """Return the logits."""

    def predict_proba(self, X: Any, event_number: Any = None) -> NDArray[Any]:
        """Return the probabilities."""


def open_exported(paths: Sequence[Path]) -> tuple[Scorer | None, str]:
    """Return what runs an exported file, or why nothing does.

    Parameters
    ----------
    paths : sequence of Path
        The files of an export.

    Returns
    -------
    scorer : Scorer or None
        What runs it.
    reason : str
        Why nothing does.
    """
    if len(paths) > 1:
        return None, "the files have a model each, and none chooses one"
    if paths[0].suffix != ".onnx":
        return None, f"nothing here runs a file {paths[0].suffix!r}"
    try:
        return ExportedClassifier(paths[0]), ""
    except (ImportError, ExportError) as error:
        return None, str(error)
