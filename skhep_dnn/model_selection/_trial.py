"""One trial of a search: the folds of one set of parameters, and their scores."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from time import perf_counter
from traceback import format_exc
from typing import Any

from sklearn.base import clone

from skhep_dnn.model_selection._fit_folds import fit_folds
from skhep_dnn.model_selection._folds import Events, FoldResult, FoldRules, Rows
from skhep_dnn.model_selection._pooled import OutOfFold, PoolRules, pool_folds
from skhep_dnn.model_selection._scoring import Scoring
from skhep_dnn.model_selection._trial_record import PooledValue, TrialRecord

__all__ = [
    "TrialOutcome",
    "TrialSetup",
    "TrialTask",
    "evaluate_params",
    "lost_trial",
    "run_trial",
]

_VERSIONS = ("skhep-dnn", "scikit-learn", "torch", "optuna", "numpy")


@dataclass(frozen=True)
class TrialTask:
    """A proposal: number, values of the parameters, seed of the proposal."""

    number: int
    params: Mapping[str, Any]
    seed: int


@dataclass(frozen=True)
class TrialSetup:
    """What all trials of a search have in common."""

    estimator: Any
    events: Events
    splits: Sequence[tuple[Rows, Rows]]
    rules: FoldRules
    pool: PoolRules
    beside: Scoring


@dataclass(frozen=True)
class TrialOutcome:
    """The record of a trial, its out-of-fold predictions, or why there are none."""

    record: TrialRecord
    passes: list[OutOfFold] = field(default_factory=list)
    exception: Exception | None = None


def run_trial(setup: TrialSetup, task: TrialTask) -> TrialOutcome:
    """Fit and score the folds of one proposal; a failure becomes part of the record."""
    start, known = perf_counter(), _known(task)
    try:
        results, passes, pooled = _evaluate(setup, task.params)
    except Exception as error:  # noqa: BLE001 - recorded with its traceback
        return _failure(known, perf_counter() - start, format_exc(), error)
    failed = [result.error for result in results if result.error is not None]
    record = TrialRecord(
        **known,
        state="failed" if failed else "complete",
        test_scores=_by_name([result.scores for result in results]),
        train_scores=_by_name([result.train_scores for result in results]),
        pooled=pooled,
        fit_time=[result.fit_time for result in results],
        score_time=[result.score_time for result in results],
        duration=perf_counter() - start,
        n_parameters=results[0].n_parameters,
        error=failed[0] if failed else None,
    )
    return TrialOutcome(record, passes)


def evaluate_params(setup: TrialSetup, params: Mapping[str, Any]) -> list[OutOfFold]:
    """Return the out-of-fold predictions of a trial, computed again."""
    return _evaluate(setup, params)[1]


def lost_trial(task: TrialTask, reason: str) -> TrialOutcome:
    """Return the outcome of a trial that never came back."""
    return _failure(_known(task), float("nan"), reason, RuntimeError(reason))


def _failure(
    known: dict[str, Any], duration: float, error: str, exception: Exception
) -> TrialOutcome:
    record = TrialRecord(**known, state="failed", duration=duration, error=error)
    return TrialOutcome(record, exception=exception)


def _known(task: TrialTask) -> dict[str, Any]:
    """Return what is recorded of a trial before it has done anything."""
    return {
        "number": task.number,
        "parameters": {name: repr(value) for name, value in task.params.items()},
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": task.seed,
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide a score."""
    return {"python": platform.python_version()} | {n: version(n) for n in _VERSIONS}


def _evaluate(
    setup: TrialSetup, params: Mapping[str, Any]
) -> tuple[list[FoldResult], list[OutOfFold], dict[str, PooledValue]]:
    # The values may be estimators, which a fit must not share between trials.
    values = {name: clone(value, safe=False) for name, value in params.items()}
    estimator = clone(setup.estimator).set_params(**values)
    results = fit_folds(estimator, setup.events, setup.splits, setup.rules)
    if any(result.error is not None for result in results):
        return results, [], {}
    passes, scores = pool_folds(results, setup.events, setup.rules.scoring, setup.pool)
    _, beside = pool_folds(results, setup.events, setup.beside, setup.pool)
    pooled = {
        name: PooledValue(found.value, found.error, found.replicas.tolist())
        for name, found in {**beside, **scores}.items()
    }
    return results, passes, pooled


def _by_name(scores: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    """Return the scores of the folds by name; nan for a fold that failed."""
    names = dict.fromkeys(name for fold in scores for name in fold)
    return {n: [fold.get(n, float("nan")) for fold in scores] for n in names}
