"""What a fitted model says of events, as columns: score, logit, fold, selected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._logits import signal_logit, signal_logit_of_logs
from skhep_dnn._messages import shown
from skhep_dnn._signal_label import taken_signal
from skhep_dnn._validation import signal_labels
from skhep_dnn._weighted_steps import final_step
from skhep_dnn.export._scored_by import fold_chooser, fold_numbers

__all__ = ["ScoreColumns"]

_THRESHOLDS = ("best_threshold_", "threshold_")


class ScoreColumns:
    """The columns of scores that a model gives.

    Parameters
    ----------
    model : classifier
        Fitted, with probabilities.
    columns : iterable of str or None
        What it gets; None takes the names that it knows.
    event_number : str, sequence of str or None
        Columns of numbers that its methods get beside the table.
    pos_label : label, list of labels or None
        The signal.
    logit : bool
        Whether to tell the decision function, too.

    Attributes
    ----------
    columns : list of str
        Columns that the model gets.
    number_columns : list of str
        Those of run and event numbers.
    dtypes : dict of str to dtype
        Those of the columns of scores.
    """

    def __init__(
        self,
        model: Any,
        columns: Iterable[str] | None,
        event_number: str | Sequence[str] | None,
        pos_label: object,
        *,
        logit: bool,
    ) -> None:
        _check_model(model)
        self._model = model
        self._logit = logit
        self.columns = _columns_of(model, columns)
        self._beside = _as_list(event_number)
        self._has_folds = fold_chooser(model) is not None
        self.number_columns = self._beside or _own_numbers(model, self.columns)
        self._classes = np.asarray(model.classes_)
        self._signal = _signal_of(model, self._classes, pos_label)
        self._selects = len(self._signal) > 0 and _has_threshold(model)
        self.dtypes = self._dtypes()

    def of(self, frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """Return the columns of scores of some events.

        Parameters
        ----------
        frame : DataFrame of shape (n_samples, n_columns)
            At least one event, with the columns of the model and of the numbers.

        Returns
        -------
        scores : dict of str to ndarray of shape (n_samples,)
        """
        X: Any = frame[self.columns]
        if not hasattr(self._model, "feature_names_in_"):
            X = X.to_numpy()
        numbers = {"event_number": frame[self._beside]} if self._beside else {}
        probability = np.asarray(self._model.predict_proba(X, **numbers))
        found = self._named("score", lambda rows: probability[:, rows].sum(axis=1))
        if self._logit:
            found |= self._named("logit", self._logits_of(X, probability, numbers))
        if self._has_folds:
            found["fold"] = fold_numbers(self._model, X, **numbers)
        if self._selects:
            labels = self._model.predict(X, **numbers)
            found["selected"] = np.isin(labels, self._signal)
        return {
            name: np.asarray(found[name]).astype(dtype, copy=False)
            for name, dtype in self.dtypes.items()
        }

    def _dtypes(self) -> dict[str, np.dtype[Any]]:
        kinds = ["score", "logit"] if self._logit else ["score"]
        names = [name for kind in kinds for name in self._named(kind, lambda _: None)]
        found: dict[str, np.dtype[Any]] = dict.fromkeys(names, np.dtype(np.float64))
        if self._has_folds:
            found["fold"] = np.dtype(np.int32)
        if self._selects:
            found["selected"] = np.dtype(np.bool_)
        return found

    def _named(self, kind: str, response: Callable[[Any], Any]) -> dict[str, Any]:
        """Return a response for the signal, and for each of more than two classes."""
        is_signal = np.isin(self._classes, self._signal)
        found = {kind: response(is_signal)} if is_signal.any() else {}
        if len(self._classes) > 2:
            for k, label in enumerate(self._classes.tolist()):
                found[f"{kind}_{label}"] = response(np.arange(len(is_signal)) == k)
        return found

    def _logits_of(
        self, X: Any, probability: NDArray[Any], numbers: dict[str, Any]
    ) -> Callable[[NDArray[np.bool_]], NDArray[Any]]:
        """Return what gives the logit of some of the classes."""
        model = self._model
        if len(self._classes) == 2 and hasattr(model, "decision_function"):
            decision = np.asarray(model.decision_function(X, **numbers))
            return lambda is_signal: decision if is_signal[1] else -decision
        if not hasattr(model, "predict_log_proba"):
            return lambda is_signal: signal_logit(probability, is_signal)
        log_p = np.asarray(model.predict_log_proba(X, **numbers), dtype=np.float64)
        return lambda is_signal: signal_logit_of_logs(log_p, is_signal)


def _check_model(model: Any) -> None:
    if not hasattr(model, "predict_proba"):
        msg = (
            "`model` must be a fitted classifier with probabilities, got a "
            f"{type(model).__name__} without `predict_proba`. Calibrate it by "
            "`CalibratedClassifierCV`, say."
        )
        raise TypeError(msg)
    if hasattr(model, "fit"):  # an exported model cannot be fitted
        check_is_fitted(model)


def _columns_of(model: Any, columns: Iterable[str] | None) -> list[str]:
    known = getattr(model, "feature_names_in_", None)
    if columns is None and known is None:
        msg = (
            "`columns` must be named for a model that was fitted to an array, got "
            f"None: {type(model).__name__} does not know the names of its columns. "
            "Name them in its order."
        )
        raise ValueError(msg)
    names = _as_list(known if columns is None else columns)
    if known is not None and names != list(known):
        msg = (
            "`columns` must be those that the model was fitted to, in their order, "
            f"{shown(list(known))}, got {shown(names)}. Leave them out."
        )
        raise ValueError(msg)
    n_columns = getattr(model, "n_features_in_", len(names))
    if n_columns != len(names):
        msg = (
            f"`columns` must name the {n_columns} columns that the model was fitted "
            f"to, got {len(names)}: {shown(names)}. Name them in its order."
        )
        raise ValueError(msg)
    return [str(name) for name in names]


def _as_list(names: str | Iterable[str] | None) -> list[str]:
    if names is None:
        return []
    return [names] if isinstance(names, str) else list(names)


def _own_numbers(model: Any, columns: list[str]) -> list[str]:
    """Return the columns of numbers among those of the model."""
    column: Any = getattr(fold_chooser(model), "event_number", None)
    if column is None:
        return []
    given: list[Any] = [column] if isinstance(column, str | Integral) else [*column]
    named = [c if isinstance(c, str) else columns[c] for c in given]
    return [name for name in named if name in columns]


def _signal_of(model: Any, classes: NDArray[Any], pos_label: object) -> list[Any]:
    """Return the labels of the signal, none of several classes where none are named."""
    last = final_step(model)
    if pos_label is None:
        own = getattr(last, "_signal", None)  # of a cut, which knows the default
        pos_label = own or getattr(last, "pos_label", None)
    if pos_label is None:
        pos_label = taken_signal(classes.tolist())
    return [] if pos_label is None else signal_labels(classes, pos_label, "y")


def _has_threshold(model: Any) -> bool:
    last = final_step(model)
    if isinstance(last, FixedThresholdClassifier):
        return True
    return any(getattr(last, name, None) is not None for name in _THRESHOLDS)
