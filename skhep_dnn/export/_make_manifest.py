"""The manifest of an exported model: made of the model, the file and the events.

Figures of merit are those of events that no model has seen which scores them, and the
events must be those of the fit, as far as a model can tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from inspect import isclass, isroutine
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from skhep_dnn._logits import log_odds_of_mean
from skhep_dnn._messages import shown
from skhep_dnn._responses import log_of
from skhep_dnn._signal_label import taken_signal
from skhep_dnn._tables import plain_table
from skhep_dnn._validation import signal_labels
from skhep_dnn.export._event_table import EventTable, event_table, labels_and_weights
from skhep_dnn.export._manifest import (
    ColumnRecord,
    FileRecord,
    Manifest,
    ModelRecord,
    SeenRecord,
    current_versions,
    plain,
)
from skhep_dnn.export._sample_record import (
    SampleRecord,
    Scores,
    ThresholdScore,
    at_threshold,
    metrics_with_errors,
    sample_record,
)
from skhep_dnn.export._scored_by import ScoredModel, scored_model
from skhep_dnn.export._seen_events import (
    ALL_MODELS,
    NEW,
    ReferenceScores,
    SeenEvents,
)

__all__ = ["make_manifest"]

_LONGEST = 400  # characters of a parameter
_REFERENCE = 1000  # events whose scores are kept


def make_manifest(
    model: Any,
    path: str | Path | Sequence[str | Path],
    X: Any,
    *,
    y: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    event_number: ArrayLike | None = None,
    X_test: Any = None,
    y_test: ArrayLike | None = None,
    sample_weight_test: ArrayLike | None = None,
    event_number_test: ArrayLike | None = None,
    threshold: float | None = None,
    response_method: ThresholdScore = "predict_proba",
    pos_label: object = None,
    units: Mapping[str, str] | None = None,
    self_test: Any = None,
) -> Manifest:
    """Return the manifest of an exported model; `Manifest.write` writes it.

    `to_onnx` and `to_cpp` make and write it; it can be made for a file of any other
    kind, too. It is made of the events of the fit. Figures of merit are those of events
    that no model has seen which scores them: of the training events where one model of
    several folds scores each, else of a test sample, if there is one.

    Parameters
    ----------
    model : classifier
        The fitted model that was exported.
    path : str, Path or sequence of them
        The exported file, or all files of the export; the manifest has the name of the
        first.
    X : DataFrame or array-like of shape (n_samples, n_features)
        The events of the fit.
    y : array-like of shape (n_samples,), default=None
        Their labels; without them there are neither yields nor figures of merit.
    sample_weight : array-like of shape (n_samples,), default=None
        Their physics weights; None counts every event once.
    event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
        Their event numbers, or run and event numbers, where no column has them. A model
        without folds takes them, too: an event is then known by its number.
    X_test, y_test, sample_weight_test, event_number_test : array-like, default=None
        A test sample, in the same form.
    threshold : float, default=None
        Events with a score of the signal of at least this are selected; None takes that
        of a `SignificanceThresholdClassifier`, with its score.
    response_method : {"predict_proba", "decision_function"}, default="predict_proba"
        Which score the threshold is one of.
    pos_label : label or list of labels, default=None
        Label of the signal, or of several signal classes; None takes what a
        `SignificanceThresholdClassifier` does, else the larger one of two.
    units : mapping of str to str, default=None
        Units of columns.
    self_test : SelfTest or mapping, default=None
        What the export has compared.

    Returns
    -------
    manifest : Manifest

    Raises
    ------
    FileNotFoundError
        If there is no exported file.
    ValueError
        If the events are not those of the fit, a model has seen an event of the test
        sample that it scores, or there is a threshold and no signal.

    Warns
    -----
    AssumedSignalWarning
        If the labels are texts that do not say which is the signal.
    LowStatisticsWarning
        If a class has few effective events, or the threshold selects few.

    See Also
    --------
    verify_export : Verifies an export by its manifest.

    Notes
    -----
    An event is known by its numbers where there are some, so that a systematic
    variation counts as the same event, else by what stands in the columns of the model:
    numbers as float32, which is what a network sees of them, and texts. The events of a
    class of which all weights are zero were not in the fit.

    The events that the models have seen take a byte each, or less, if their numbers
    are consecutive, three if they are sparse, and six without numbers.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.ensemble import CrossFitClassifier
    >>> from skhep_dnn.export import make_manifest
    >>> events = make_gaussian_events(1000, random_state=0)
    >>> X, y = events.data.assign(EventId=np.arange(1000)), events.target
    >>> model = CrossFitClassifier(LogisticRegression(), event_number="EventId")
    >>> model = model.fit(X, y, sample_weight=abs(events.sample_weight))
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "model.bin")
    ...     _ = path.write_bytes(b"what some export has written")
    ...     manifest = make_manifest(
    ...         model, path, X, y=y, sample_weight=abs(events.sample_weight)
    ...     )
    >>> manifest.fold_rule.scored_by, manifest.fold_rule.n_folds
    ('fold', 5)
    >>> sorted(manifest.training.metrics)
    ['balanced_log_loss', 'roc_auc']
    """
    paths = [path] if isinstance(path, str | Path) else list(path)
    files = [_exported_file(Path(one)) for one in paths]
    scored = scored_model(model)
    cut = _Cut(threshold, response_method)
    if threshold is None:
        cut = _Cut(scored.threshold, scored.response_method)
    classes = np.asarray(model.classes_).tolist()
    signal = _signal_of(scored, classes, pos_label)
    if cut.threshold is not None and signal is None:
        msg = (
            "`pos_label` must name the signal where a `threshold` selects it among "
            f"more than two classes, got None for {shown(classes)}. Pass its label."
        )
        raise ValueError(msg)
    layout = _layout(model, scored, X, units)
    events = event_table(X, event_number, **layout.for_table)
    has_runs = len(layout.number_columns) == 2 or _has_two_columns(event_number)
    parts = _Parts(model, scored, classes, signal, cut, has_runs)
    labels, weights = labels_and_weights(len(events), y, sample_weight)
    scores = _check_events_of_fit(parts, events)
    seen = _seen_events(parts, events, labels, scores)
    is_weighted = sample_weight is not None
    training = _training_record(
        parts, events, labels, weights, scores, is_weighted=is_weighted
    )
    test = None
    if X_test is not None:
        of_test = event_table(X_test, event_number_test, **layout.for_table)
        _check_not_seen(parts, seen, of_test)
        test = _test_record(parts, of_test, y_test, sample_weight_test)
    content = seen.to_bytes()
    seen_file = FileRecord.of(f"{files[0].name}.seen.npz", content)
    return Manifest(
        files=files,
        seen=SeenRecord(seen_file, seen.known_by, len(seen)),
        versions=current_versions(),
        model=ModelRecord(_name_of(type(model)), _parameters(model)),
        columns=layout.columns,
        is_named=layout.is_named,
        number_columns=layout.number_columns,
        has_runs=has_runs,
        classes=classes,
        signal=signal,
        fold_rule=scored.rule,
        threshold=None if cut.threshold is None else float(cut.threshold),
        response_method=cut.response_method,
        training=training,
        test=test,
        self_test=None if self_test is None else plain(self_test),
        seen_content=content,
    )


class _Cut(NamedTuple):
    """A threshold, if there is one, and the score that it is one of."""

    threshold: float | None
    response_method: ThresholdScore


@dataclass(frozen=True)
class _Parts:
    """What the parts of a manifest are made of."""

    model: Any
    scored: ScoredModel
    classes: list[Any]
    signal: list[Any] | None
    cut: _Cut
    has_runs: bool


@dataclass(frozen=True)
class _Layout:
    """Columns of the model, and which of them have the numbers."""

    columns: list[ColumnRecord]
    is_named: bool
    number_columns: list[str]

    @property
    def for_table(self) -> dict[str, Any]:
        return {
            "columns": [column.name for column in self.columns],
            "is_named": self.is_named,
            "number_columns": self.number_columns,
        }


def _layout(
    model: Any, scored: ScoredModel, X: Any, units: Mapping[str, str] | None
) -> _Layout:
    from skhep_dnn.model_selection._event_number_kfold import (  # noqa: PLC0415 - torch
        number_positions,
    )

    table = plain_table(X)
    names = getattr(model, "feature_names_in_", None)
    if names is None and isinstance(table, pd.DataFrame):
        given = list(table.columns)
        names = given if all(isinstance(name, str) for name in given) else None
    is_named = names is not None
    if names is not None and isinstance(table, pd.DataFrame):
        table = table[list(names)]
    texts = [str(n) for n in (names if names is not None else range(table.shape[1]))]
    if isinstance(table, pd.DataFrame):
        dtypes = [str(dtype) for dtype in table.dtypes]
    else:
        dtypes = [str(table.dtype)] * len(texts)
    unknown = sorted(set(units or {}) - set(texts))
    if unknown:
        msg = (
            f"`units` must be of columns of the model, got {unknown!r}. Choose from "
            f"{texts[:40]!r}."
        )
        raise ValueError(msg)
    number_columns = []
    if scored.event_number is not None:
        positions = number_positions(table, scored.event_number, "event_number")
        number_columns = [texts[position] for position in positions]
    units = units or {}
    columns = [
        ColumnRecord(name, dtype, units.get(name))
        for name, dtype in zip(texts, dtypes, strict=True)
    ]
    return _Layout(columns, is_named, number_columns)


def _has_two_columns(event_number: ArrayLike | None) -> bool:
    return event_number is not None and np.shape(event_number)[1:] == (2,)


def _check_events_of_fit(parts: _Parts, events: EventTable) -> Scores | None:
    """Refuse events that are not those of the fit; return their out-of-fold scores.

    Of one model, or the mean of some, nothing tells which events those are but their
    number; None is returned.
    """
    cross_fit = parts.scored.cross_fit
    if cross_fit is not None and len(cross_fit.fold_) != len(events):
        msg = (
            f"`X` must be the {len(cross_fit.fold_)} events of the fit, got "
            f"{len(events)}. Pass them all, in the same order."
        )
        raise ValueError(msg)
    folds = parts.scored.folds
    if folds is None:
        return None
    known = folds >= 0
    rule = parts.scored.rule
    own = rule.folds(events.known_as("numbers"))
    scores = _scores_of(parts, events)
    out_of_fold = cross_fit.oof_decision_function_[known]
    same = np.allclose(scores.decisions[known], out_of_fold, rtol=1e-4, atol=1e-5)
    if not (np.array_equal(own[known], folds[known]) and same):
        msg = (
            "`X` and `event_number` must be those of the fit, got events with other "
            "folds or scores. Pass all of them, in the same order."
        )
        raise ValueError(msg)
    return scores


def _scores_of(parts: _Parts, events: EventTable) -> Scores:
    """Return what the model says of events."""
    model, X, passed = parts.model, events.X, {}
    numbers = events.beside(has_runs=parts.has_runs)
    # Numbers that only say which event it is are not for the model.
    if numbers is not None and getattr(parts.scored.cross_fit, "_has_numbers", False):
        model, X = _what_takes_numbers(model, X)
        passed = {"event_number": numbers}
    if not hasattr(model, "predict_proba"):
        return Scores(np.asarray(model.decision_function(X, **passed)), None)
    probabilities = np.asarray(model.predict_proba(X, **passed), np.float64)
    if hasattr(model, "decision_function"):
        decisions = np.asarray(model.decision_function(X, **passed), np.float64)
    else:
        decisions = log_odds_of_mean(log_of(probabilities)[np.newaxis])
    return Scores(decisions, probabilities)


def _what_takes_numbers(model: Any, X: Any) -> tuple[Any, Any]:
    """Return the classifier inside of searches and pipelines, and what it gets."""
    while True:
        if isinstance(model, Pipeline):
            if len(model.steps) > 1:
                X = model[:-1].transform(X)
            model = model.steps[-1][1]
        elif hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        else:
            return model, X


def _seen_events(
    parts: _Parts,
    events: EventTable,
    labels: NDArray[Any] | None,
    scores: Scores | None,
) -> SeenEvents:
    known_by: Any = "contents" if events.numbers is None else "numbers"
    folds = parts.scored.folds
    if folds is not None:
        trained, held_out = folds >= 0, folds
    else:
        held_out = np.full(len(events), ALL_MODELS, dtype=np.int64)
        trained = np.ones(len(events), dtype=np.bool_)
        if labels is not None:
            trained = np.isin(labels, parts.classes)
    identities = events.known_as(known_by)
    return SeenEvents.of(
        known_by,
        identities[trained],
        held_out[trained],
        _reference(parts, events, np.flatnonzero(trained), scores),
    )


def _reference(
    parts: _Parts,
    events: EventTable,
    rows: NDArray[np.int64],
    scores: Scores | None,
) -> ReferenceScores:
    """Return scores of the events with the smallest keys, which are random ones."""
    keys = events.keys[rows]
    first = np.argsort(keys)[:_REFERENCE]
    if scores is None:
        found = _scores_of(parts, events.take(rows[first]))
    else:
        found = scores.take(rows[first])
    if found.probabilities is None:
        return ReferenceScores.none()
    return ReferenceScores(keys[first], found.probabilities)


def _training_record(
    parts: _Parts,
    events: EventTable,
    labels: NDArray[Any] | None,
    weights: NDArray[np.float64],
    scores: Scores | None,
    *,
    is_weighted: bool,
) -> SampleRecord:
    if labels is None or scores is None:
        why = "no labels were passed"
        if scores is None:
            why = "each training event was seen by what scores it"
        return sample_record(
            events, labels, weights, is_weighted=is_weighted, no_metrics=why
        )
    known = np.isin(labels, parts.classes)
    found = _figures(parts, labels[known], scores.take(known), weights[known])
    return sample_record(events, labels, weights, is_weighted=is_weighted, **found)


def _test_record(
    parts: _Parts,
    events: EventTable,
    y: ArrayLike | None,
    sample_weight: ArrayLike | None,
) -> SampleRecord:
    labels, weights = labels_and_weights(len(events), y, sample_weight)
    found: dict[str, Any] = {"no_metrics": "no labels were passed"}
    if labels is not None:
        found = _figures(parts, labels, _scores_of(parts, events), weights)
    is_weighted = sample_weight is not None
    return sample_record(events, labels, weights, is_weighted=is_weighted, **found)


def _figures(
    parts: _Parts, labels: NDArray[Any], scores: Scores, weights: NDArray[np.float64]
) -> dict[str, Any]:
    """Return figures of merit of scores, and what the threshold selects."""
    of_classes: dict[str, Any] = {"classes": parts.classes, "signal": parts.signal}
    selected = None
    threshold = parts.cut.threshold
    if threshold is not None and parts.signal is not None:
        y_score = scores.of_signal(
            parts.classes, parts.signal, parts.cut.response_method
        )
        selected = at_threshold(
            labels, y_score, weights, signal=parts.signal, threshold=threshold
        )
    return {
        "metrics": metrics_with_errors(labels, scores, weights, **of_classes),
        "selected": selected,
    }


def _check_not_seen(parts: _Parts, seen: SeenEvents, events: EventTable) -> None:
    held_out = seen.find(events.known_as(seen.known_by))
    bad = held_out != NEW
    if parts.scored.rule.scored_by == "fold":
        bad &= held_out != parts.scored.rule.folds(events.known_as("numbers"))
    if bad.any():
        msg = (
            "`X_test` must be events that no model has seen which scores them, got "
            f"{int(bad.sum())} that were, such as row {int(bad.argmax())}. Take events "
            "that were not in the fit."
        )
        raise ValueError(msg)


def _signal_of(
    scored: ScoredModel, classes: list[Any], pos_label: object
) -> list[Any] | None:
    if pos_label is None and scored.signal is not None:
        return [plain(label) for label in scored.signal]
    if pos_label is None:
        pos_label = taken_signal(classes)
    if pos_label is None:
        return None
    found = signal_labels(classes, pos_label)
    return [plain(label) for label in found]


def _exported_file(path: Path) -> FileRecord:
    if not path.is_file():
        msg = (
            f"`path` must be the exported file, got {str(path)!r}, which is none. "
            "Export the model first."
        )
        raise FileNotFoundError(msg)
    return FileRecord.of(path.name, path.read_bytes())


def _name_of(kind: Any) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _parameters(model: Any) -> dict[str, str]:
    parameters = model.get_params() if hasattr(model, "get_params") else {}
    return {name: _shown(value) for name, value in sorted(parameters.items())}


def _shown(value: Any) -> str:
    """Return a parameter as a text that is the same in every process."""
    if isinstance(value, BaseEstimator):
        return f"{type(value).__name__}(...)"
    if isinstance(value, np.ndarray | pd.Series | pd.DataFrame):
        own = np.asarray(value)
        is_plain = own.dtype.kind in "biufSU"
        content = own.tobytes() if is_plain else repr(own.tolist()).encode()
        hashed = sha256(content).hexdigest()
        return f"{type(value).__name__} of shape {own.shape}, SHA-256 {hashed}"
    if isclass(value) or isroutine(value):
        return _name_of(value)
    if isinstance(value, list | tuple):
        texts = [_shown(entry) for entry in value]
        return f"[{', '.join(texts)}]"[:_LONGEST]
    text = shown(value)
    if " at 0x" in text:  # an object whose text is its address
        return f"{_name_of(type(value))}(...)"
    return text[:_LONGEST]
