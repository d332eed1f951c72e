"""A file of ONNX that this package has written, asked as the classifier was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._optional import import_optional
from skhep_dnn._sklearn import _num_samples
from skhep_dnn._tables import plain_table
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._model_inputs import VECTOR, InputSpec, input_arrays

__all__ = ["METADATA_KEY", "ExportedClassifier"]

METADATA_KEY = "skhep_dnn"
ROWS = 1024  # of a chunk: the numbers of its layers stay in the cache


class ExportedClassifier:
    """Classifier that `to_onnx` has written, run by onnxruntime.

    It answers as the classifier did that was exported, and needs neither that nor
    torch. Of a table with names the columns are found by their names, and others may be
    there; of an array by their positions.

    Parameters
    ----------
    path : str or Path
        File of ONNX.
    n_jobs : int, default=1
        Number of threads.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes.
    feature_names_in_ : ndarray of shape (n_inputs,)
        Names of the columns that are used.
    threshold_ : float or None
        The cut, if there is one.
    pos_label : list of labels or None
        The signal; None of several classes without one.
    metadata_ : dict
        What the file says of itself: inputs with their units, versions, self-test.

    Raises
    ------
    ImportError
        If onnxruntime is not installed: it comes with the extra "onnx".
    ExportError
        If the file cannot be read, or was not written by `to_onnx`.

    See Also
    --------
    to_onnx : Writes the file.

    Examples
    --------
    >>> from skhep_dnn import WeightedDNNClassifier
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.export import ExportedClassifier, to_onnx
    >>> events = make_gaussian_events(200, random_state=0)
    >>> model = WeightedDNNClassifier(max_epochs=2, random_state=0)
    >>> model = model.fit(events.data, events.target)
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.onnx"
    >>> print(to_onnx(model, path, events.data).self_test.n_events)
    200
    >>> exported = ExportedClassifier(path)
    >>> bool(
    ...     np.allclose(
    ...         exported.predict_proba(events.data), model.predict_proba(events.data)
    ...     )
    ... )
    True
    """

    def __init__(self, path: str | Path, *, n_jobs: int = 1) -> None:
        self.path = Path(path)
        try:
            data = self.path.read_bytes()
        except OSError as error:
            msg = (
                f"`path` must be a file that can be read, got {str(path)!r}: {error}. "
                "Correct it."
            )
            raise type(error)(msg) from error
        self._start(data, n_jobs)

    @classmethod
    def from_bytes(cls, data: bytes, *, n_jobs: int = 1) -> ExportedClassifier:
        """Return the classifier of the content of a file.

        Parameters
        ----------
        data : bytes
            The content.
        n_jobs : int, default=1
            Number of threads.

        Returns
        -------
        classifier : ExportedClassifier
        """
        self = cls.__new__(cls)
        self.path = Path()
        self._start(data, n_jobs)
        return self

    def __repr__(self) -> str:
        """Return the name of the file."""
        return f"ExportedClassifier({str(self.path)!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Return the content of the file: a running session cannot be kept."""
        return {"path": self.path, "data": self._data, "n_jobs": self._n_jobs}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Start a new session."""
        self.path = state["path"]
        self._start(state["data"], state["n_jobs"])

    @property
    def combine_(self) -> Literal["fold", "mean"]:
        """What scores an event, as in `CrossFitClassifier`."""
        return "fold" if self.has_folds else "mean"

    @property
    def event_number(self) -> list[str] | None:
        """Columns with the numbers of the events; None where none has them."""
        names = [
            spec.name
            for spec in self._inputs
            if spec.dtype == "int64" and spec.column is not None
            if spec.categories is None
        ]
        return names or None

    @property
    def has_folds(self) -> bool:
        """Whether the number of an event selects the model that scores it."""
        return bool(self.metadata_["fold_rule"])

    def predict_proba(
        self, X: ArrayLike, event_number: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Probability of each class.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.
        event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Their numbers, where the classifier got some beside the events.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return self._run("probabilities", X, event_number).astype(np.float64)

    def decision_function(
        self, X: ArrayLike, event_number: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Logit of the probability, as that of the classifier.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.
        event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Their numbers, where the classifier got some beside the events.

        Returns
        -------
        y_score : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        scores = self._run("decision_function", X, event_number).astype(np.float64)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict(
        self, X: ArrayLike, event_number: ArrayLike | None = None
    ) -> NDArray[Any]:
        """Label of each event: by the cut, where there is one, or the most probable.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.
        event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Their numbers, where the classifier got some beside the events.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        if self.metadata_["as_vector"]:
            return self.classes_[self.predict_proba(X, event_number).argmax(axis=1)]
        labels = self._run("label", X, event_number)[:, 0]
        return labels.astype(self.classes_.dtype)

    def selected(
        self, X: ArrayLike, event_number: ArrayLike | None = None
    ) -> NDArray[np.bool_]:
        """Whether each event passes the cut.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.
        event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Their numbers, where the classifier got some beside the events.

        Returns
        -------
        selected : ndarray of shape (n_samples,), dtype bool

        Raises
        ------
        ExportError
            If there is no cut.
        """
        if self.threshold_ is None:
            msg = (
                "`threshold` must have been given to `to_onnx`, got none: there is no "
                "cut. Export the classifier with one."
            )
            raise ExportError(msg)
        return self._run("selected", X, event_number)[:, 0].astype(bool)

    def fold_numbers(
        self, X: ArrayLike, event_number: ArrayLike | None = None
    ) -> NDArray[np.int64]:
        """Fold of each event, whose model scores it.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.
        event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Their numbers, where the classifier got some beside the events.

        Returns
        -------
        fold : ndarray of shape (n_samples,)

        Raises
        ------
        ExportError
            If no number selects the model.
        """
        if not self.has_folds:
            msg = (
                "The file must have models of folds that event numbers select, got one "
                "model of all events. Export a `CrossFitClassifier` with event numbers."
            )
            raise ExportError(msg)
        return self._run("fold", X, event_number)[:, 0].astype(np.int64)

    def _start(self, data: bytes, n_jobs: int) -> None:
        runtime = import_optional("onnxruntime", "run a file of ONNX", "onnx")
        options = runtime.SessionOptions()
        # Threads get whole chunks, which is faster than to share each operation.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # constants that it folds are no news
        try:
            session = runtime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors have no common class but this one
            if not type(error).__module__.startswith("onnxruntime"):
                raise
            msg = (
                f"The file must be one of ONNX, got {str(self.path)!r}, which "
                f"onnxruntime {runtime.__version__} cannot read: {error}. Export the "
                "classifier once more."
            )
            raise ExportError(msg) from error
        known = session.get_modelmeta().custom_metadata_map
        if METADATA_KEY not in known:
            msg = (
                "The file must have been written by `to_onnx`, got one without its "
                f"metadata: {str(self.path)!r}. Run it with onnxruntime itself."
            )
            raise ExportError(msg)
        self._session, self._data, self._n_jobs = session, data, n_jobs
        self.metadata_ = json.loads(known[METADATA_KEY])
        self.classes_ = np.asarray(self.metadata_["classes"])
        self.threshold_ = self.metadata_["threshold"]
        self.pos_label = self.metadata_["signal"] or None
        self._inputs = [
            InputSpec(i["name"], i["dtype"], i["column"], i["categories"])
            for i in self.metadata_["inputs"]
        ]
        self.feature_names_in_ = np.array(
            [spec.name for spec in self._inputs if spec.column is not None],
            dtype=object,
        )

    def _run(
        self, output: str, X: ArrayLike, event_number: ArrayLike | None
    ) -> NDArray[Any]:
        table = plain_table(X)
        arrays = input_arrays(self._inputs, table, event_number)
        if self.metadata_["as_vector"]:
            arrays = {VECTOR: np.concatenate(list(arrays.values()), axis=1)}
        # Each model of several folds gets its part of a chunk.
        size = ROWS * (self.metadata_["fold_rule"]["n_splits"] if self.has_folds else 1)
        starts = range(0, max(1, _num_samples(table)), size)

        def run(start: int) -> NDArray[Any]:
            rows = slice(start, start + size)
            chunk = {name: array[rows] for name, array in arrays.items()}
            return np.asarray(self._session.run([output], chunk)[0])

        n_jobs = min(self._n_jobs, len(starts))
        if n_jobs == 1:
            parts = [run(start) for start in starts]
        else:
            tasks = (delayed(run)(start) for start in starts)
            parts = Parallel(n_jobs=n_jobs, prefer="threads")(tasks)
        whole = np.concatenate(parts)
        return whole[:, np.newaxis] if whole.ndim == 1 else whole
