"""What is known of a trial once it has ended, as it is stored and as it is shown.

A record holds plain numbers and strings, so that it goes into a database or a file of
JSON and comes back as it was. The table of all records is scikit-learn's `cv_results_`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from skhep_dnn._sklearn import _yield_masked_array_for_each_param

__all__ = ["PooledValue", "TrialRecord", "cv_results"]

State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True)
class PooledValue:
    """A pooled score, its bootstrap error and its replicas."""

    value: float
    error: float
    replicas: list[float] = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class TrialRecord:
    """A trial that has ended.

    Attributes
    ----------
    number : int
        Its number, from 0.
    state : {"complete", "pruned", "failed"}
        A pruned trial has the scores of its first folds and no pooled one.
    parameters : dict of str to str
        How the values of the parameters are printed.
    test_scores, train_scores : dict of str to list of float
        Scores of the folds that were fitted.
    pooled : dict of str to PooledValue
        Pooled scores, of which some were asked for and others stand beside them.
    fit_time, score_time : list of float
        Seconds of each fold.
    duration : float
        Seconds from beginning to end.
    started : str
        Date and time (UTC) of the beginning.
    seed : int
        Seed of the proposal.
    n_parameters : int or None
        Parameters of the fitted network; None for other models.
    violation : float or None
        By how much the condition on overtraining is violated; 0 or less if it is met,
        None if there is none.
    versions : dict of str to str
        Versions of the packages that were used.
    error : str or None
        Traceback of a failed trial.
    """

    number: int
    state: State
    parameters: dict[str, str]
    test_scores: dict[str, list[float]] = field(default_factory=dict)
    train_scores: dict[str, list[float]] = field(default_factory=dict)
    pooled: dict[str, PooledValue] = field(default_factory=dict)
    fit_time: list[float] = field(default_factory=list)
    score_time: list[float] = field(default_factory=list)
    duration: float = float("nan")
    started: str = ""
    seed: int = 0
    n_parameters: int | None = None
    violation: float | None = None
    versions: dict[str, str] = field(default_factory=dict)
    error: str | None = None

    @property
    def is_admissible(self) -> bool:
        """Whether the trial may be the best one."""
        return self.state == "complete" and not (self.violation or 0.0) > 0.0

    def to_json(self, **further: Any) -> str:
        """Return the record, and what else belongs to the trial, as one JSON object."""
        return json.dumps({**asdict(self), **further}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> TrialRecord:
        """Return the record that `to_json` wrote; further entries are left out."""
        values = json.loads(text)
        values["pooled"] = {
            name: PooledValue(**value) for name, value in values["pooled"].items()
        }
        names = cls.__dataclass_fields__
        return cls(**{name: value for name, value in values.items() if name in names})


def cv_results(
    records: Sequence[TrialRecord],
    params: Sequence[Mapping[str, Any]],
    n_splits: int,
    names: Sequence[str],
    *,
    train_scores: bool,
    error_score: float,
) -> dict[str, Any]:
    """Return the table of all trials, with the keys of scikit-learn's searches.

    Parameters
    ----------
    records : sequence of TrialRecord
        In the order of their numbers.
    params : sequence of dict
        Values of the parameters of each trial.
    n_splits : int
        Number of folds.
    names : sequence of str
        Names of the scorers.
    train_scores : bool
        Whether there are scores of training events.
    error_score : float
        Score of a fold of a failed trial. Folds that a pruned trial did not reach are
        nan.

    Returns
    -------
    results : dict of str to ndarray
        ``pooled_test_<name>`` and ``pooled_test_error_<name>`` are there beside the
        scores of the folds; ranks are those of the pooled score where there is one.
    """
    results: dict[str, Any] = {}
    for key, times in (
        ("fit_time", [r.fit_time for r in records]),
        ("score_time", [r.score_time for r in records]),
    ):
        results.update(_mean_and_std(key, _table(times, n_splits)))
    for name, column in _yield_masked_array_for_each_param(list(params)):
        results[name] = column
    results["params"] = [dict(values) for values in params]
    for name in names:
        results.update(_of_scorer(name, records, n_splits, error_score))
    if train_scores:
        for name in names:
            scores = _fold_table(
                [r.train_scores.get(name, []) for r in records],
                records,
                n_splits,
                error_score,
            )
            results.update(_splits(f"train_{name}", scores))
    beside = dict.fromkeys(key for r in records for key in r.pooled if key not in names)
    for name in beside:
        results.update(_pooled(name, records))
    return results | _about_trials(records)


def _about_trials(records: Sequence[TrialRecord]) -> dict[str, Any]:
    results: dict[str, Any] = {}
    results["trial"] = np.array([r.number for r in records])
    results["state"] = np.array([r.state for r in records], dtype=object)
    results["duration"] = np.array([r.duration for r in records])
    if any(r.n_parameters is not None for r in records):
        results["n_parameters"] = np.ma.array(
            [r.n_parameters or 0 for r in records],
            mask=[r.n_parameters is None for r in records],
        )
    if any(r.violation is not None for r in records):
        violations = [np.nan if r.violation is None else r.violation for r in records]
        results["violation"] = np.array(violations)
    return results


def _of_scorer(
    name: str, records: Sequence[TrialRecord], n_splits: int, error_score: float
) -> dict[str, Any]:
    scores = _fold_table(
        [r.test_scores.get(name, []) for r in records], records, n_splits, error_score
    )
    found: dict[str, Any] = {**_splits(f"test_{name}", scores)}
    ranked = found[f"mean_test_{name}"]
    if any(name in r.pooled for r in records):
        found.update(_pooled(name, records))
        ranked = found[f"pooled_test_{name}"]
    # A pruned trial is never best, whatever its folds say, nor is an overtrained one.
    ranked = np.where([r.is_admissible for r in records], ranked, np.nan)
    found[f"rank_test_{name}"] = ranks(ranked)
    return found


def ranks(scores: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return the ranks, 1 for the largest; what is nan ties for the last place."""
    if np.isnan(scores).all():
        return np.ones(len(scores), dtype=np.int32)
    filled = np.where(np.isnan(scores), np.nanmin(scores) - 1.0, scores)
    return rankdata(-filled, method="min").astype(np.int32)


def _pooled(name: str, records: Sequence[TrialRecord]) -> dict[str, Any]:
    nothing = PooledValue(float("nan"), float("nan"))
    values = [r.pooled.get(name, nothing) for r in records]
    return {
        f"pooled_test_{name}": np.array([v.value for v in values]),
        f"pooled_test_error_{name}": np.array([v.error for v in values]),
    }


def _fold_table(
    rows: Sequence[Sequence[float]],
    records: Sequence[TrialRecord],
    n_splits: int,
    error_score: float,
) -> NDArray[np.float64]:
    table = _table(rows, n_splits)
    for k, record in enumerate(records):
        if record.state == "failed":
            table[k, np.isnan(table[k])] = error_score
    return table


def _table(rows: Sequence[Sequence[float]], n_splits: int) -> NDArray[np.float64]:
    table = np.full((len(rows), n_splits), np.nan)
    for k, row in enumerate(rows):
        table[k, : len(row)] = row
    return table


def _splits(key: str, table: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    found = {f"split{k}_{key}": table[:, k] for k in range(table.shape[1])}
    return {**found, **_mean_and_std(key, table)}


def _mean_and_std(
    key: str, table: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    return {f"mean_{key}": table.mean(axis=1), f"std_{key}": table.std(axis=1)}
