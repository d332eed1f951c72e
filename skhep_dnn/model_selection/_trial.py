"""One trial of a search: the folds of one set of parameters, and their scores."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, partial
from importlib.metadata import version
from numbers import Integral
from time import perf_counter
from traceback import format_exc
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from skhep_dnn._fit_tasks import FitTask, without_callbacks
from skhep_dnn._sklearn import _num_samples
from skhep_dnn.exceptions import LowStatisticsWarning, UndefinedSignificanceWarning
from skhep_dnn.metrics import cross_fitted_significance, make_significance_scorer
from skhep_dnn.model_selection._fit_folds import fit_folds
from skhep_dnn.model_selection._folds import (
    Events,
    FoldResult,
    FoldRules,
    Rows,
    name_among,
    scores_by_name,
)
from skhep_dnn.model_selection._overtraining import OvertrainingLimit
from skhep_dnn.model_selection._pooled import OutOfFold, PoolRules, pool_folds
from skhep_dnn.model_selection._pruning import (
    MedianRule,
    PairedTest,
    event_losses,
    fold_losses,
)
from skhep_dnn.model_selection._scoring import Scoring
from skhep_dnn.model_selection._trial_record import PooledValue, TrialRecord

__all__ = [
    "TrialOutcome",
    "TrialSetup",
    "TrialTask",
    "lost_trial",
    "run_trial",
    "seed_spread",
    "with_params",
]

_VERSIONS = ("skhep-dnn", "scikit-learn", "torch", "optuna", "numpy")


@dataclass(frozen=True)
class TrialTask:
    """A proposal: number, parameters, seed, when to give it up, and who hears of it."""

    number: int
    params: Mapping[str, Any]
    seed: int
    rule: PairedTest | MedianRule | None = None
    heard_as: FitTask | None = None


@dataclass(frozen=True)
class TrialSetup:
    """What all trials of a search have in common."""

    estimator: Any
    events: Events
    splits: Sequence[tuple[Rows, Rows]]
    rules: FoldRules
    pool: PoolRules
    beside: Scoring
    overtraining: OvertrainingLimit | None = None

    @property
    def n_samples(self) -> int:
        """Number of events."""
        return _num_samples(self.events.X)


@dataclass(frozen=True)
class TrialOutcome:
    """The record of a trial, its out-of-fold predictions, or why there are none.

    The weighted losses of the events are there where another trial will be compared
    with them, and the histories of the folds where they will be written to a file.
    """

    record: TrialRecord
    passes: list[OutOfFold] = field(default_factory=list)
    losses: NDArray[np.float64] | None = None
    history: list[dict[str, list[Any]] | None] | None = None
    exception: Exception | None = None


def run_trial(setup: TrialSetup, task: TrialTask) -> TrialOutcome:
    """Fit and score the folds of one proposal; a failure becomes part of the record."""
    start, known = perf_counter(), _known(task)
    try:
        results = _fit(setup, task.params, task.rule, task.heard_as)
        outcome = _outcome(setup, known, results)
    except Exception as error:  # noqa: BLE001 - recorded with its traceback
        return _failure(known, perf_counter() - start, format_exc(), error)
    record = replace(outcome.record, duration=perf_counter() - start)
    return replace(outcome, record=record)


def seed_spread(
    setup: TrialSetup, params: Mapping[str, Any], metric: str, score: float
) -> dict[str, float]:
    """Return how much a trial changes with the seeds of its trainings.

    The folds are fitted twice more, with other seeds.

    Parameters
    ----------
    setup : TrialSetup
        What all trials have in common.
    params : dict
        Parameters of a trial.
    metric : str
        Name of its score.
    score : float
        What the trial is worth: its pooled score, else the mean over the folds.

    Returns
    -------
    spread : dict of str to float
        "score": variance of this score; "fold_loss": variance of the loss of a
        fold; both 0 for an estimator that has no seed.
    """
    scores, losses = [score], []
    for shift in (1, 2):
        estimator = _with_other_seeds(setup.estimator, shift)
        if estimator is None:
            return {"score": 0.0, "fold_loss": 0.0}
        results = _fit(replace(setup, estimator=estimator), params)
        _, pooled = pool_folds(results, setup.events, setup.rules.scoring, setup.pool)
        name = name_among(results[0].scores, metric)
        if name in pooled:
            scores.append(pooled[name].value)
        else:
            scores.append(float(np.mean([r.scores[name] for r in results])))
        losses.append([_loss(result, setup.events) for result in results])
    difference = np.array(losses[0]) - np.array(losses[1])
    return {
        "score": float(np.var(scores, ddof=1)),
        "fold_loss": float(np.mean(difference**2) / 2.0),
    }


def _loss(result: FoldResult, events: Events) -> float:
    _, losses, weights = event_losses(result, events)
    return float(weights @ losses)


def _with_other_seeds(estimator: Any, shift: int) -> Any | None:
    """Return a clone with other seeds; None if it has none."""
    other = clone(estimator)
    seeds = {
        name: (int(value) + shift) % 2**31
        for name, value in other.get_params(deep=True).items()
        if name.rpartition("__")[2] == "random_state" and isinstance(value, Integral)
    }
    return other.set_params(**seeds) if seeds else None


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


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide a score."""
    return {"python": platform.python_version()} | {n: version(n) for n in _VERSIONS}


def with_params(estimator: Any, params: Mapping[str, Any]) -> Any:
    """Return a clone with other parameters."""
    # The values may be estimators, which a fit must not share between trials.
    values = {name: clone(value, safe=False) for name, value in params.items()}
    return clone(estimator).set_params(**values)


def _fit(
    setup: TrialSetup,
    params: Mapping[str, Any],
    rule: PairedTest | MedianRule | None = None,
    task: FitTask | None = None,
) -> list[FoldResult]:
    estimator = with_params(setup.estimator, params)
    if task is None:
        estimator = without_callbacks(estimator)
    else:
        task.begin()
    results = fit_folds(
        estimator,
        setup.events,
        setup.splits,
        setup.rules,
        gives_up=None if rule is None else partial(rule.gives_up, events=setup.events),
        task=task,
    )
    if task is not None:
        task.end()
    return results


def _outcome(
    setup: TrialSetup, known: dict[str, Any], results: Sequence[FoldResult]
) -> TrialOutcome:
    is_whole = len(results) == len(setup.splits)
    test_scores = scores_by_name([result.scores for result in results])
    train_scores = scores_by_name([result.train_scores for result in results])
    found: dict[str, Any] = {}
    outcome: dict[str, Any] = {}
    histories = [result.history for result in results]
    if any(history is not None for history in histories):
        outcome["history"] = histories
    if is_whole:
        outcome["passes"], found["pooled"] = _pooled(setup, results)
        if setup.rules.methods:
            outcome["losses"] = fold_losses(results, setup.events, setup.n_samples)
        if setup.overtraining is not None:
            name = setup.overtraining.name
            if name not in test_scores:
                msg = (
                    "`overtraining` must name one of the scores, got "
                    f"{name!r} where they are {sorted(test_scores)!r}. Set its `name`."
                )
                raise ValueError(msg)
            found["violation"] = setup.overtraining.violation(
                train_scores[name], test_scores[name]
            )
    record = TrialRecord(
        **known,
        state="complete" if is_whole else "pruned",
        test_scores={n: values.tolist() for n, values in test_scores.items()},
        train_scores={n: values.tolist() for n, values in train_scores.items()},
        fit_time=[result.fit_time for result in results],
        score_time=[result.score_time for result in results],
        n_parameters=results[0].n_parameters,
        **found,
    )
    return TrialOutcome(record, **outcome)


def _pooled(
    setup: TrialSetup, results: Sequence[FoldResult]
) -> tuple[list[OutOfFold], dict[str, PooledValue]]:
    """Return the out-of-fold predictions, the scores of them and what is beside."""
    passes, scores = pool_folds(results, setup.events, setup.rules.scoring, setup.pool)
    with warnings.catch_warnings():  # nobody has asked for what is beside
        warnings.simplefilter("ignore", LowStatisticsWarning)
        warnings.simplefilter("ignore", UndefinedSignificanceWarning)
        _, beside = pool_folds(results, setup.events, setup.beside, setup.pool)
        pooled = {
            name: PooledValue(found.value, found.error, found.replicas.tolist())
            for name, found in {**beside, **scores}.items()
        }
        if setup.beside.scorers:
            pooled = _significances(passes, setup.events) | pooled
    return passes, pooled


def _significances(
    passes: Sequence[OutOfFold], events: Events
) -> dict[str, PooledValue]:
    """Return significances for information, the mean over the passes, without errors.

    A binned Asimov significance, and the AMS at the cut that the other folds choose.
    """
    values: dict[str, list[float]] = {"asimov": [], "ams_at_cut": []}
    for one in passes:
        X, y, params = events.of_score(one.rows)
        kept, weights = one.predictions, params.get("sample_weight")
        scorer = make_significance_scorer("asimov", unit_weights=True)
        scorer = scorer.for_sample(y, weights)
        values["asimov"].append(scorer(kept, X, y, sample_weight=weights))
        if "decision_function" in kept.responses:
            response = kept.decision_function(X)
        else:
            response = kept.predict_proba(X)[:, 1]
        at_cut = cross_fitted_significance(
            y,
            response,
            weights,
            fold=one.fold,
            kind="ams",
            pos_label=kept.classes_[1],
        )
        values["ams_at_cut"].append(at_cut.value)
    return {
        name: PooledValue(float(np.mean(found)), float("nan"))
        for name, found in values.items()
    }
