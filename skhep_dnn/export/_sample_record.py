"""What a manifest says of a sample: its hashes, its yields and how well it is told.

Figures of merit are of events that no model has seen which scores them. They are
computed from scores, so that those of the exported file can be put to the same test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from skhep_dnn._logits import log_probability, signal_logit_of_logs
from skhep_dnn.export._event_table import EventTable, labelled_hash
from skhep_dnn.metrics import FigureOfMerit, SignificanceAt, metric_with_error
from skhep_dnn.metrics._figure_of_merit import Kind
from skhep_dnn.metrics._replica_metric import resolve_metric
from skhep_dnn.weights import effective_sample_size

__all__ = [
    "AtThreshold",
    "ClassRecord",
    "SampleRecord",
    "Scores",
    "Value",
    "at_threshold",
    "class_records",
    "metric_values",
    "metrics_with_errors",
    "sample_record",
]

Floats = NDArray[np.float64]
ThresholdScore = Literal["decision_function", "predict_proba"]
_SIGNIFICANCES: tuple[Kind, ...] = ("asimov", "ams")


@dataclass(frozen=True)
class Value:
    """A number and its statistical error; None where it is not defined."""

    value: float | None
    error: float | None


@dataclass(frozen=True)
class ClassRecord:
    """Events of one class.

    Attributes
    ----------
    label : object
        Of the class.
    n_events : int
        Their number.
    sum_w : float
        Yield, in events.
    sum_w2 : float
        Sum of the squared weights, in events squared.
    n_eff : float
        Effective number of events.
    """

    label: Any
    n_events: int
    sum_w: float
    sum_w2: float
    n_eff: float


@dataclass(frozen=True)
class AtThreshold:
    """What is selected at the threshold.

    Attributes
    ----------
    s, b : float
        Signal and background yield, in events.
    sum_w2_s, sum_w2_b : float
        Sums of their squared weights, in events squared.
    significances : dict of str to Value
        "asimov", without uncertainties of the background, and "ams", with 10 events
        added to it.
    """

    s: float
    b: float
    sum_w2_s: float
    sum_w2_b: float
    significances: Mapping[str, Value]


@dataclass(frozen=True)
class SampleRecord:
    """What a manifest says of a sample.

    Attributes
    ----------
    n_events : int
        Number of events.
    in_order, in_any_order : str
        Hashes of the events, see `TableHashes`.
    labelled : str or None
        Hash of the events with labels and weights, in any order.
    is_weighted : bool
        Whether weights were passed.
    classes : sequence of ClassRecord
        Yields of the classes; none without labels.
    metrics : dict of str to Value
        Figures of merit by name; none where `no_metrics` says why.
    at_threshold : AtThreshold or None
        What the threshold selects.
    no_metrics : str or None
        Why there are no figures of merit.
    """

    n_events: int
    in_order: str
    in_any_order: str
    labelled: str | None
    is_weighted: bool
    classes: Sequence[ClassRecord]
    metrics: Mapping[str, Value]
    at_threshold: AtThreshold | None
    no_metrics: str | None


@dataclass(frozen=True, eq=False)
class Scores:
    """Answers of a model or of an exported file for the events of some sample.

    Attributes
    ----------
    decisions : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Decision function.
    probabilities : ndarray of shape (n_samples, n_classes) or None
        None of a model without.
    """

    decisions: Floats
    probabilities: Floats | None

    def take(self, rows: NDArray[Any]) -> Scores:
        """Return the answers for some of the events."""
        if self.probabilities is None:
            return Scores(self.decisions[rows], None)
        return Scores(self.decisions[rows], self.probabilities[rows])

    def of_signal(
        self,
        classes: Sequence[Any],
        signal: Sequence[Any],
        kind: ThresholdScore = "decision_function",
    ) -> Floats:
        """Return the score of the signal, larger for events more like it.

        Parameters
        ----------
        classes : sequence of labels
            Those of the columns.
        signal : sequence of labels
            Those of the signal.
        kind : {"decision_function", "predict_proba"}, default="decision_function"
            Its logit, or its probability.

        Returns
        -------
        y_score : ndarray of shape (n_samples,)
        """
        is_signal = np.array([label in signal for label in classes])
        if kind == "predict_proba" and self.probabilities is not None:
            return np.asarray(self.probabilities[:, is_signal].sum(axis=1))
        if self.decisions.ndim == 1:
            return self.decisions if is_signal[1] else -self.decisions
        if is_signal.sum() == 1:
            return np.asarray(self.decisions[:, int(np.flatnonzero(is_signal)[0])])
        return signal_logit_of_logs(log_probability(self.decisions), is_signal)


def sample_record(
    events: EventTable,
    labels: NDArray[Any] | None,
    weights: Floats,
    *,
    is_weighted: bool,
    metrics: Mapping[str, Value] | None = None,
    selected: AtThreshold | None = None,
    no_metrics: str | None = None,
) -> SampleRecord:
    """Return what a manifest says of a sample.

    Parameters
    ----------
    events : EventTable
        The events.
    labels : ndarray of shape (n_samples,) or None
        Their labels.
    weights : ndarray of shape (n_samples,)
        Their physics weights.
    is_weighted : bool
        Whether they were passed.
    metrics : dict of str to Value, default=None
        Figures of merit.
    selected : AtThreshold, default=None
        What the threshold selects.
    no_metrics : str, default=None
        Why there are no figures of merit.

    Returns
    -------
    record : SampleRecord
    """
    hashes = events.hashes()
    labelled = None if labels is None else labelled_hash(events.keys, labels, weights)
    return SampleRecord(
        n_events=len(events),
        in_order=hashes.in_order,
        in_any_order=hashes.in_any_order,
        labelled=labelled,
        is_weighted=is_weighted,
        classes=[] if labels is None else class_records(labels, weights),
        metrics={} if metrics is None else metrics,
        at_threshold=selected,
        no_metrics=no_metrics,
    )


def class_records(labels: NDArray[Any], weights: Floats) -> list[ClassRecord]:
    """Return the yields of the classes.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Labels.
    weights : ndarray of shape (n_samples,)
        Physics weights.

    Returns
    -------
    records : list of ClassRecord
    """
    records = []
    for label in np.unique(labels).tolist():
        own = weights[labels == label]
        n_eff = effective_sample_size(own)
        sums = float(own.sum()), float(np.square(own).sum())
        records.append(ClassRecord(label, len(own), *sums, n_eff))
    return records


def metric_values(
    labels: NDArray[Any],
    scores: Scores,
    weights: Floats,
    *,
    classes: Sequence[Any],
    signal: Sequence[Any] | None,
) -> dict[str, float]:
    """Return the figures of merit of scores.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Labels.
    scores : Scores
        Answers for the events.
    weights : ndarray of shape (n_samples,)
        Physics weights.
    classes : sequence of labels
        Those of the model.
    signal : sequence of labels or None
        Those of the signal.

    Returns
    -------
    values : dict of str to float
        Of "roc_auc", where there is a signal, of more than two classes "roc_auc_ovr",
        and of "balanced_log_loss", where there are probabilities.
    """
    return {
        name: resolve_metric(name).nominal_value(labels, answers, weights, pos_label)
        for name, (answers, pos_label) in _inputs(scores, classes, signal).items()
    }


def metrics_with_errors(
    labels: NDArray[Any],
    scores: Scores,
    weights: Floats,
    *,
    classes: Sequence[Any],
    signal: Sequence[Any] | None,
) -> dict[str, Value]:
    """Return the figures of merit with their errors; the arguments are the same."""
    found = {}
    for name, (answers, pos_label) in _inputs(scores, classes, signal).items():
        result = metric_with_error(
            name, labels, answers, weights, method="closed_form", pos_label=pos_label
        )
        found[name] = Value(_defined(result.value), _defined(result.error))
    return found


def at_threshold(
    labels: NDArray[Any],
    y_score: Floats,
    weights: Floats,
    *,
    signal: Sequence[Any],
    threshold: float,
) -> AtThreshold:
    """Return what a threshold selects.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Labels.
    y_score : ndarray of shape (n_samples,)
        Scores of the signal.
    weights : ndarray of shape (n_samples,)
        Physics weights.
    signal : sequence of labels
        Those of the signal.
    threshold : float
        Events with a score of at least this are selected.

    Returns
    -------
    selected : AtThreshold
    """
    is_signal = np.isin(labels, list(signal))
    selected = y_score >= threshold
    s, b = weights[selected & is_signal], weights[selected & ~is_signal]
    sums = [np.sum(v, keepdims=True) for v in (s, b, np.square(b))]
    found: dict[str, Value] = {}
    for kind in _SIGNIFICANCES:
        if np.isnan(FigureOfMerit(kind)(*sums)[0]):
            found[kind] = Value(None, None)
            continue
        result = metric_with_error(
            SignificanceAt(threshold, kind=kind),
            is_signal,
            y_score,
            weights,
            method="closed_form",
        )
        found[kind] = Value(_defined(result.value), _defined(result.error))
    return AtThreshold(
        s=float(s.sum()),
        b=float(b.sum()),
        sum_w2_s=float(np.square(s).sum()),
        sum_w2_b=float(np.square(b).sum()),
        significances=found,
    )


def _inputs(
    scores: Scores, classes: Sequence[Any], signal: Sequence[Any] | None
) -> dict[str, tuple[Floats, Any]]:
    """Return what each figure of merit is computed from, and its signal."""
    found: dict[str, tuple[Floats, Any]] = {}
    pos_label = None if signal is None else list(signal)
    if signal is not None:
        found["roc_auc"] = scores.of_signal(classes, signal), pos_label
    if scores.probabilities is None:
        return found
    if len(classes) > 2:
        found["roc_auc_ovr"] = scores.probabilities, None
        found["balanced_log_loss"] = scores.probabilities, None
    else:
        p = scores.of_signal(classes, signal or classes[1:], "predict_proba")
        found["balanced_log_loss"] = p, pos_label
    return found


def _defined(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
