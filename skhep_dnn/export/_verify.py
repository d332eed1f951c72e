"""Whether an exported model is what its manifest says, and has seen what it scores.

Everything that can be is computed again, from the files and from events: hashes, folds,
which model scores an event and which has seen it, and figures of merit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._messages import shown
from skhep_dnn.exceptions import DataFileError
from skhep_dnn.export._event_table import (
    EventTable,
    TableHashes,
    event_table,
    labelled_hash,
    labels_and_weights,
)
from skhep_dnn.export._exported_scorer import Scorer, open_exported
from skhep_dnn.export._manifest import FileRecord, Manifest, current_versions
from skhep_dnn.export._sample_record import SampleRecord, Scores, metric_values
from skhep_dnn.export._seen_events import ALL_MODELS, NEW, SeenEvents
from skhep_dnn.export._verification import Check, Status, Verification

__all__ = ["verify_export"]

# How far figures of merit may be off that are computed from single precision.
_TOLERANCE = 1e-4
_OF_A_SCORE = 2e-5  # twice of what an export allows itself
_SHOWN = 5
_OTHER_KIND = {
    True: "the exported file has one model, the manifest has folds",
    False: "the exported file has folds, the manifest has none",
}
_ALL_SEEN = "all models have seen each event of the fit"
_BLOCK = 100_000  # events of which the folds are asked at once


def verify_export(
    path: str | Path,
    X: Any = None,
    y: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    event_number: ArrayLike | None = None,
    *,
    training: bool = False,
    run: bool = True,
    sha256: str | None = None,
) -> Verification:
    """Verify an exported model by its manifest, and that it has not seen some events.

    Without events the files are verified, and that each event of the fit goes to the
    model that has not seen it. Events are what the model is to score, or those of the
    fit, or some of both.

    Parameters
    ----------
    path : str or Path
        The exported file, with its manifest beside it.
    X : DataFrame or array-like of shape (n_samples, n_columns), default=None
        Events, in a table that may have further columns if these have names.
    y : array-like of shape (n_samples,), default=None
        Their labels. With them the figures of merit of the manifest are computed again,
        if the events are its training events or its test sample.
    sample_weight : array-like of shape (n_samples,), default=None
        Their physics weights; None counts every event once.
    event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
        Their event numbers, or run and event numbers, where no column has them.
    training : bool, default=False
        Whether these must be the events of the fit: any other table then fails.
    run : bool, default=True
        Whether to run the exported file. A file of ONNX is run by onnxruntime; a header
        of C++ is compiled, by the ``c++`` of the system, and executed: one of an
        unknown source can do anything.
    sha256 : str, default=None
        Hash of the manifest that was kept elsewhere. Without it whoever can write the
        files can write a manifest that fits them.

    Returns
    -------
    verification : Verification
        Printed as one line for each check. `Verification.passed` says whether none has
        failed, `Verification.raise_if_failed` raises if one has. What could not be
        checked is there with its reason.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or no manifest.
    ValueError
        If events lack a column or number, or labels or weights do not fit them.

    See Also
    --------
    make_manifest : What is compared with.
    skhep_dnn.export.verify : The same from the command line.

    Notes
    -----
    Which events a model has seen is a fact of the training, kept in the file of seen
    events. Which model scores an event is asked of the exported file. An event of the
    fit may be scored by the only model of several folds that has not seen it; by one
    model, or by the mean of several, it may not.

    Figures of merit from the exported file may differ from those of the manifest by
    1e-4, since it computes in single precision, and yields at the threshold by the
    weights of the events that are this near to it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhep_dnn.export import make_manifest, verify_export
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array(["b", "b", "s", "s"])
    >>> model = LogisticRegression().fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "model.bin")
    ...     _ = path.write_bytes(b"what some export has written")
    ...     make_manifest(model, path, X, y=y).write(path)
    ...     unseen = verify_export(path, [[0.5], [1.5]])
    ...     seen = verify_export(path, [[0.5], [1.0]])
    >>> unseen.passed
    True
    >>> print(seen.failed[0])
    failed       unseen: 1 of 2 events are scored by a model that has seen them: row 1
    """
    place = Path(path)
    if not place.is_file():
        msg = f"`path` must be an exported file, got {str(path)!r}. Export a model."
        raise FileNotFoundError(msg)
    checks: list[Check] = []
    try:
        manifest = Manifest.read(place)
    except DataFileError as error:
        checks.append(Check("manifest", "failed", str(error)))
        return Verification(str(path), checks)
    checks.append(_check_manifest(manifest, sha256))
    given = None
    if X is not None:
        events = _events_of(manifest, X, event_number)
        labels, weights = labels_and_weights(len(events), y, sample_weight)
        given = _Given(events, labels, weights, sample_weight is not None)
    with TemporaryDirectory() as folder:
        export, of_files = _read_export(place, manifest, Path(folder), run=run)
        checks += [*of_files, *_checks_of_files(export)]
        if given is None:
            checks.append(Check("events", "not checked", "none were passed"))
        else:
            checks += _checks_of_events(export, given, training=training)
    checks.append(_tell_versions(manifest))
    return Verification(str(path), checks)


@dataclass(frozen=True)
class _Export:
    """An exported model, with what stands beside it."""

    manifest: Manifest
    scorer: Scorer | None
    no_scorer: str
    seen: SeenEvents | None

    @property
    def has_folds(self) -> bool:
        return self.manifest.fold_rule.scored_by == "fold"


@dataclass(frozen=True, eq=False)
class _Given:
    """Events that were passed."""

    events: EventTable
    labels: NDArray[Any] | None
    weights: NDArray[np.float64]
    is_weighted: bool


def _events_of(
    manifest: Manifest, X: Any, event_number: ArrayLike | None
) -> EventTable:
    return event_table(
        X,
        event_number,
        columns=[column.name for column in manifest.columns],
        is_named=manifest.is_named,
        number_columns=manifest.number_columns,
    )


def _check_manifest(manifest: Manifest, expected: str | None) -> Check:
    own = manifest.sha256
    if expected is not None and expected != own:
        return Check("manifest", "failed", f"SHA-256 {own}, expected {expected}")
    known = "" if expected is None else ", as expected"
    return Check("manifest", "passed", f"as it was written, SHA-256 {own}{known}")


def _check_file(place: Path, record: FileRecord) -> Check:
    path = place.with_name(record.name)
    if not path.is_file():
        return Check(record.name, "failed", "the file is missing")
    own = FileRecord.of(record.name, path.read_bytes())
    if own.size != record.size:
        return Check(
            record.name, "failed", f"{own.size} bytes, {record.size} were exported"
        )
    if own.sha256 != record.sha256:
        return Check(
            record.name, "failed", f"SHA-256 {own.sha256}, {record.sha256} was exported"
        )
    return Check(record.name, "passed", f"unchanged, {own.size} bytes")


def _read_seen(
    place: Path, manifest: Manifest
) -> tuple[SeenEvents | None, list[Check]]:
    record = manifest.seen
    check = _check_file(place, record.file)
    if check.status != "passed":
        return None, [check]
    try:
        seen = SeenEvents.from_bytes(place.with_name(record.file.name).read_bytes())
    except ValueError as error:
        return None, [Check(record.file.name, "failed", str(error))]
    if (seen.known_by, len(seen)) != (record.known_by, record.n_events):
        detail = f"{len(seen)} events, {record.n_events} were in the fit"
        return None, [Check(record.file.name, "failed", detail)]
    return seen, [check]


def _read_export(
    place: Path, manifest: Manifest, folder: Path, *, run: bool
) -> tuple[_Export, list[Check]]:
    """Check the files, and open those that were not changed."""
    checks = [_check_file(place, one) for one in manifest.files]
    scorer, reason = None, "the exported file was changed"
    if all(check.status == "passed" for check in checks):
        reason = "it was not to be run"
        if run:
            paths = [place.with_name(one.name) for one in manifest.files]
            scorer, reason = open_exported(paths, manifest, folder)
    if scorer is not None:
        has_folds = manifest.fold_rule.scored_by == "fold"
        if scorer.has_folds != has_folds:
            scorer, reason = None, _OTHER_KIND[has_folds]
            checks.append(Check("models", "failed", reason))
    seen, of_seen = _read_seen(place, manifest)
    return _Export(manifest, scorer, reason, seen), [*checks, *of_seen]


def _checks_of_files(export: _Export) -> Iterator[Check]:
    """Check what needs no events."""
    if export.has_folds:
        yield _check_rule(export)
        yield _check_training_folds(export)
    yield _check_threshold(export)


def _check_rule(export: _Export) -> Check:
    """Compare the rule of the manifest with the folds of the fit."""
    name = "fold rule"
    if export.seen is None:
        return Check(name, "not checked", "the seen events are not known")
    known = export.seen.held_out != ALL_MODELS
    if not known.any():
        return Check(name, "not checked", _ALL_SEEN)
    own = export.manifest.fold_rule.folds(export.seen.identities[known])
    held_out = export.seen.held_out[known]
    n_other = int(np.count_nonzero(own != held_out))
    if n_other:
        return Check(
            name,
            "failed",
            f"gives {n_other} of {len(own)} events of the fit another fold than theirs",
        )
    return Check(name, "passed", f"gives all {len(own)} events of the fit their fold")


def _check_training_folds(export: _Export) -> Check:
    """Ask the exported file for the model of each event of the fit."""
    name = "events of the fit"
    if export.seen is None:
        return Check(name, "not checked", "the seen events are not known")
    if export.scorer is None:
        return Check(name, "not checked", export.no_scorer)
    known = export.seen.held_out != ALL_MODELS
    if not known.any():
        return Check(name, "not checked", _ALL_SEEN)
    numbers = export.seen.identities[known]
    held_out = export.seen.held_out[known]
    bad = np.zeros(len(numbers), dtype=np.bool_)
    for start in range(0, len(numbers), _BLOCK):
        block = slice(start, start + _BLOCK)
        table, passed = _of_numbers(export.manifest, numbers[block])
        folds = export.scorer.fold_numbers(table, event_number=passed)
        bad[block] = folds != held_out[block]
    if bad.any():
        which = _numbers_text(numbers[bad])
        return Check(
            name,
            "failed",
            f"{int(bad.sum())} of {len(bad)} are scored by a model that has seen them: "
            f"{which}",
        )
    return Check(name, "passed", f"each of {len(bad)} goes to the model of its fold")


def _of_numbers(
    manifest: Manifest, numbers: NDArray[np.int64]
) -> tuple[Any, NDArray[np.int64] | None]:
    """Return a table of events of which only the numbers are known."""
    names = [column.name for column in manifest.columns]
    hidden = manifest.number_columns
    array = np.zeros((len(numbers), len(names)), dtype=np.int64)
    for name, values in zip(hidden, numbers.T[2 - len(hidden) :], strict=True):
        array[:, names.index(name)] = values
    table = pd.DataFrame(array, columns=names) if manifest.is_named else array
    if hidden:
        return table, None
    return table, numbers if manifest.has_runs else numbers[:, 1]


def _check_threshold(export: _Export) -> Check:
    own = export.manifest.threshold
    if export.scorer is None:
        return Check("threshold", "not checked", export.no_scorer)
    stored = export.scorer.threshold_
    same = own is stored
    if own is not None and stored is not None:
        same = bool(np.isclose(own, stored, rtol=1e-6, atol=1e-6))
    status: Status = "passed" if same else "failed"
    detail = f"{shown(stored)} in the exported file"
    return Check("threshold", status, detail if same else f"{detail}, expected {own!r}")


def _checks_of_events(
    export: _Export, given: _Given, *, training: bool
) -> Iterator[Check]:
    """Check the events that were passed, and what the exported file says of them."""
    manifest, events = export.manifest, given.events
    hashes = events.hashes()
    sample = _sample_like(manifest, hashes)
    held_out = None
    if export.seen is not None:
        held_out = export.seen.find(events.known_as(export.seen.known_by))
    yield _check_table(manifest, hashes, sample, held_out, training=training)
    folds = None
    if export.has_folds:
        folds = manifest.fold_rule.folds(events.known_as("numbers"))
        check, folds = _check_folds(export, events, folds)
        yield check
    yield _check_unseen(export, events, held_out, folds)
    yield _check_scores(export, events)
    yield from _check_figures(export, given, sample)


def _sample_like(manifest: Manifest, hashes: TableHashes) -> SampleRecord | None:
    for sample in (manifest.training, manifest.test):
        if sample is not None and sample.in_any_order == hashes.in_any_order:
            return sample
    return None


def _check_table(
    manifest: Manifest,
    hashes: TableHashes,
    sample: SampleRecord | None,
    held_out: NDArray[np.int64] | None,
    *,
    training: bool,
) -> Check:
    if sample is not None and not (training and sample is not manifest.training):
        what = "training events" if sample is manifest.training else "test sample"
        same = hashes.in_order == sample.in_order
        order = "in their order" if same else "in another order"
        return Check("table", "passed", f"the {what} of the manifest, {order}")
    detail = "not the training events of the manifest"
    if held_out is not None:
        n_known = int(np.count_nonzero(held_out != NEW))
        detail += f"; {n_known} of {len(held_out)} are known from the fit"
    return Check("table", "failed" if training else "told", detail)


def _check_folds(
    export: _Export, events: EventTable, folds: NDArray[np.int64]
) -> tuple[Check, NDArray[np.int64]]:
    """Compare the folds of the exported file with those of the rule; return them."""
    if export.scorer is None:
        return Check("folds", "not checked", export.no_scorer), folds
    numbers = events.beside(has_runs=export.manifest.has_runs)
    own = np.asarray(export.scorer.fold_numbers(events.X, event_number=numbers))
    other = np.flatnonzero(own != folds)
    if not len(other):
        detail = f"those of the rule for all {len(folds)} events"
        return Check("folds", "passed", detail), own
    detail = (
        f"{len(other)} of {len(folds)} events have another fold in the exported file "
        f"than by the rule: {_rows_text(other)}"
    )
    return Check("folds", "failed", detail), own


def _check_unseen(
    export: _Export,
    events: EventTable,
    held_out: NDArray[np.int64] | None,
    folds: NDArray[np.int64] | None,
) -> Check:
    """Compare the model that scores each event with those that have seen it."""
    if held_out is None:
        return Check("unseen", "not checked", "the seen events are not known")
    is_seen = held_out != NEW
    bad = is_seen if folds is None else is_seen & (held_out != folds)
    how = ""
    if export.has_folds and export.scorer is None:
        how = f", by the rule of the manifest ({export.no_scorer})"
    if bad.any():
        rows = np.flatnonzero(bad)
        return Check(
            "unseen",
            "failed",
            f"{len(rows)} of {len(events)} events are scored by a model that has seen "
            f"them{how}: {_rows_text(rows, events.numbers)}",
        )
    known = int(np.count_nonzero(is_seen))
    return Check(
        "unseen",
        "passed",
        f"none of {len(events)} events is scored by a model that has seen it, "
        f"{known} of them are of the fit{how}",
    )


def _check_scores(export: _Export, events: EventTable) -> Check:
    """Compare the scores of some events of the fit with those of the model."""
    if export.scorer is None or export.seen is None:
        reason = export.no_scorer
        if export.seen is None:
            reason = "the seen events are not known"
        return Check("scores", "not checked", reason)
    rows, places = export.seen.reference.find(events.keys)
    if not len(rows):
        detail = "none of the events is one whose score was kept"
        return Check("scores", "not checked", detail)
    scores = _scores_of(export, events.take(rows))
    own = np.asarray(scores.probabilities, dtype=np.float64)
    stored = export.seen.reference.probabilities[places]
    off = np.abs(own - stored).max(axis=1)
    off[np.isnan(own).all(axis=1) & np.isnan(stored).all(axis=1)] = 0.0
    bad = rows[~(off <= _OF_A_SCORE)]
    if len(bad):
        detail = (
            f"{len(bad)} of {len(rows)} events of the fit have another score than by "
            f"the model: {_rows_text(bad, events.numbers)}"
        )
        return Check("scores", "failed", detail)
    detail = (
        f"those of the model for {len(rows)} events of the fit, to {off.max():.1g} in "
        "the probability"
    )
    return Check("scores", "passed", detail)


def _check_figures(
    export: _Export, given: _Given, sample: SampleRecord | None
) -> Iterator[Check]:
    name = "figures of merit"
    reason = _no_figures(export, given, sample)
    if reason or sample is None or given.labels is None or export.scorer is None:
        yield Check(name, "not checked", reason)
        return
    own_hash = labelled_hash(given.events.keys, given.labels, given.weights)
    if own_hash != sample.labelled:
        yield Check(name, "failed", "labels or weights are not those of the manifest")
        return
    manifest = export.manifest
    known = np.isin(given.labels, list(manifest.classes))
    scores = _scores_of(export, given.events).take(known)
    labels, weights = given.labels[known], given.weights[known]
    values = metric_values(
        labels,
        scores,
        weights,
        classes=manifest.classes,
        signal=manifest.signal,
    )
    yield _compare_figures(sample, values)
    if sample.at_threshold is not None:
        yield _check_selected(manifest, sample, labels, scores, weights)


def _no_figures(export: _Export, given: _Given, sample: SampleRecord | None) -> str:
    """Return why no figures of merit are computed, or an empty text."""
    if sample is None:
        return "the manifest has none of these events"
    if not sample.metrics:
        return f"the manifest has none: {sample.no_metrics}"
    if given.labels is None:
        return "no labels were passed"
    if sample.is_weighted and not given.is_weighted:
        return "no weights were passed"
    return export.no_scorer if export.scorer is None else ""


def _compare_figures(sample: SampleRecord, values: dict[str, float]) -> Check:
    texts, bad = [], []
    for name, stored in sample.metrics.items():
        own = values.get(name, np.nan)
        if stored.value is None:
            continue
        text = f"{name} {own:.6f}"
        if not abs(own - stored.value) <= _TOLERANCE * max(1.0, abs(stored.value)):
            bad.append(f"{text}, {stored.value:.6f} in the manifest")
        texts.append(text)
    if bad:
        return Check("figures of merit", "failed", "; ".join(bad))
    return Check("figures of merit", "passed", ", ".join(texts))


def _check_selected(
    manifest: Manifest,
    sample: SampleRecord,
    labels: NDArray[Any],
    scores: Scores,
    weights: NDArray[np.float64],
) -> Check:
    """Compare the yields at the threshold, but for events that lie on it."""
    signal, threshold = manifest.signal, manifest.threshold
    stored = sample.at_threshold
    if signal is None or threshold is None or stored is None:
        return Check("at the threshold", "not checked", "there is none")
    y_score = scores.of_signal(manifest.classes, signal, manifest.response_method)
    near = np.abs(y_score - threshold) <= _TOLERANCE * max(1.0, abs(threshold))
    is_signal = np.isin(labels, list(signal))
    texts, same = [], True
    for what, of_kind, expected in (
        ("s", is_signal, stored.s),
        ("b", ~is_signal, stored.b),
    ):
        own = float(weights[of_kind & (y_score >= threshold)].sum())
        margin = float(np.abs(weights[of_kind & near]).sum())
        margin += 1e-9 * float(np.abs(weights[of_kind]).sum())
        same &= bool(abs(own - expected) <= margin)
        texts.append(f"{what} = {own:.6g} ({expected:.6g} in the manifest)")
    return Check("at the threshold", "passed" if same else "failed", ", ".join(texts))


def _scores_of(export: _Export, events: EventTable) -> Scores:
    """Return what the exported file says of events."""
    scorer: Any = export.scorer
    passed = {}
    if export.has_folds:
        numbers = events.beside(has_runs=export.manifest.has_runs)
        passed = {"event_number": numbers}
    return Scores(
        np.asarray(scorer.decision_function(events.X, **passed), np.float64),
        np.asarray(scorer.predict_proba(events.X, **passed), np.float64),
    )


def _tell_versions(manifest: Manifest) -> Check:
    own = current_versions()
    other = [
        f"{name} {own.get(name, 'is missing')} ({version} at the export)"
        for name, version in manifest.versions.items()
        if own.get(name) != version
    ]
    if other:
        return Check("versions", "told", ", ".join(other))
    return Check("versions", "passed", "those of the export")


def _rows_text(
    rows: NDArray[np.int64], numbers: NDArray[np.int64] | None = None
) -> str:
    """Return the first rows as a text, with their numbers."""
    first = rows[:_SHOWN].tolist()
    texts = [str(row) for row in first]
    if numbers is not None:
        texts = [
            f"{row} (run {numbers[row, 0]}, event {numbers[row, 1]})" for row in first
        ]
    more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(texts)}{more}"


def _numbers_text(numbers: NDArray[np.int64]) -> str:
    texts = [f"run {run}, event {event}" for run, event in numbers[:_SHOWN].tolist()]
    more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
    return "; ".join(texts) + more
