"""What an exported file says of events, whatever its kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._compiled_header import CompiledHeader
from skhep_dnn.export._exported_classifier import ExportedClassifier
from skhep_dnn.export._manifest import Manifest

__all__ = ["Scorer", "open_exported"]

_HEADERS = {".h", ".hh", ".hpp", ".hxx"}


class Scorer(Protocol):
    """An exported model that can be run."""

    threshold_: float | None

    @property
    def has_folds(self) -> bool:
        """Whether the number of an event selects the model that scores it."""

    def fold_numbers(self, X: Any, event_number: Any = None) -> NDArray[Any]:
        """Return the model that scores each event."""

    def decision_function(self, X: Any, event_number: Any = None) -> NDArray[Any]:
        """Return the logits."""

    def predict_proba(self, X: Any, event_number: Any = None) -> NDArray[Any]:
        """Return the probabilities."""


def open_exported(
    paths: Sequence[Path], manifest: Manifest, folder: Path
) -> tuple[Scorer | None, str]:
    """Return what runs an exported file, or why nothing does.

    Parameters
    ----------
    paths : sequence of Path
        The files of an export.
    manifest : Manifest
        What stands beside them.
    folder : Path
        Where a header is compiled; the scorer needs it while it is used.

    Returns
    -------
    scorer : Scorer or None
        What runs it.
    reason : str
        Why nothing does.
    """
    if len(paths) > 1:
        return None, "the files have a model each, and none chooses one"
    path = paths[0]
    try:
        if path.suffix == ".onnx":
            return ExportedClassifier(path), ""
        if path.suffix in _HEADERS:
            return CompiledHeader(path, manifest, folder), ""
    except (ImportError, ExportError) as error:
        return None, str(error)
    return None, f"nothing here runs a file {path.suffix!r}"
