"""Scores of a whole sample from the out-of-fold predictions of a cross-validation.

Every event is predicted by a model that has not seen it. Together these predictions
make one sample of full size, on which a figure of merit is computed once: a
significance belongs to the whole sample, and the mean over small folds of a figure that
is not linear in its events is biased.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import is_classifier

from skhep_dnn._sklearn import _BaseScorer, _check_method_params, _safe_indexing
from skhep_dnn.exceptions import UndefinedSignificanceWarning
from skhep_dnn.metrics import BootstrapResult
from skhep_dnn.metrics._bootstrap import bootstrap_result
from skhep_dnn.metrics._replicas import replica_blocks
from skhep_dnn.metrics._scorer import EventWeightScorer
from skhep_dnn.model_selection._folds import Events, FoldResult, Rows
from skhep_dnn.model_selection._predictions import KeptPredictions
from skhep_dnn.model_selection._scoring import Scoring, score_of, works_on_predictions

__all__ = ["OutOfFold", "PoolRules", "mean_response", "pool_folds"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PoolRules:
    """How out-of-fold predictions are scored together.

    Attributes
    ----------
    pooled : bool or "auto"
        Whether all scorers must work on predictions; "auto" leaves out those that look
        at the model, False all.
    n_replicas : int
        Replicas of the bootstrap; 0 gives no error.
    seed : int
        Seed of the replicas: the same events fluctuate in the same way.
    """

    pooled: bool | str = "auto"
    n_replicas: int = 200
    seed: int = 0


@dataclass(frozen=True)
class OutOfFold:
    """Predictions of one pass over the folds, in the order of the events.

    Attributes
    ----------
    rows : ndarray of shape (n_tested,)
        Positions of the events that were tested, sorted.
    fold : ndarray of shape (n_tested,)
        Number of the fold, whose model predicted the event.
    predictions : KeptPredictions
        An estimator that gives the predictions of these events.
    """

    rows: Rows
    fold: Rows = field(repr=False)
    predictions: KeptPredictions


def pool_folds(
    results: Sequence[FoldResult], events: Events, scoring: Scoring, rules: PoolRules
) -> tuple[list[OutOfFold], dict[str, BootstrapResult]]:
    """Return the predictions of each pass over the folds, and their pooled scores.

    Parameters
    ----------
    results : sequence of FoldResult
        Of all folds, none of which failed.
    events : Events
        The whole sample.
    scoring : Scoring
        Scorers.
    rules : PoolRules
        Whether and how.

    Returns
    -------
    passes : list of OutOfFold
        One for each repeat of a repeated cross-validation.
    scores : dict of str to BootstrapResult
        The mean over the repeats of each pooled score, with its error.

    Raises
    ------
    TypeError
        If a scorer looks at the model and `pooled` is True.
    ValueError
        If the folds know different classes.
    """
    passes = [_join(part) for part in _passes(results)]
    scores: dict[str, BootstrapResult] = {}
    if rules.pooled is not False:
        for name, scorer in scoring.scorers.items():
            scores.update(_pooled_score(name, scorer, passes, events, rules))
    return passes, scores


def mean_response(passes: Sequence[OutOfFold], n_samples: int) -> FloatArray:
    """Return what orders the events best, averaged over the passes.

    Parameters
    ----------
    passes : sequence of OutOfFold
        Passes over the events.
    n_samples : int
        Number of events.

    Returns
    -------
    response : ndarray of shape (n_samples, ...)
        The decision function; of models without one their probabilities, else what
        they predict, of a classifier the share of each class. nan where an event was
        never tested.
    """
    responses = [_first_response(one.predictions) for one in passes]
    shape = responses[0].shape[1:]
    total, times = np.zeros((n_samples, *shape)), np.zeros(n_samples)
    for one, response in zip(passes, responses, strict=True):
        total[one.rows] += response
        times[one.rows] += 1.0
    times = times.reshape(-1, *[1] * len(shape))
    return np.divide(total, times, out=np.full_like(total, np.nan), where=times > 0)


def _first_response(predictions: KeptPredictions) -> NDArray[Any]:
    method, response = next(iter(predictions.responses.items()))
    if method == "predict" and is_classifier(predictions):
        return response[:, np.newaxis] == predictions.classes_
    return response


def _passes(results: Sequence[FoldResult]) -> list[list[tuple[int, FoldResult]]]:
    """Return the folds of each repeat: a new one begins where an event comes again."""
    passes: list[list[tuple[int, FoldResult]]] = [[]]
    seen: set[int] = set()
    for k, result in enumerate(results):
        rows = set(result.test.tolist())
        if seen & rows:
            passes.append([])
            seen = set()
        passes[-1].append((k, result))
        seen |= rows
    return passes


def _join(part: Sequence[tuple[int, FoldResult]]) -> OutOfFold:
    kept = [result.predictions for _, result in part if result.predictions is not None]
    _check_same_classes(kept)
    rows = np.concatenate([result.test for _, result in part])
    fold = np.concatenate([np.full(len(result.test), k) for k, result in part])
    order = np.argsort(rows, kind="stable")
    responses = {
        method: np.concatenate([p.responses[method] for p in kept])[order]
        for method in kept[0].responses
    }
    predictions = KeptPredictions(
        responses, getattr(kept[0], "classes_", None), kept[0].__sklearn_tags__()
    )
    return OutOfFold(rows[order], fold[order], predictions)


def _check_same_classes(kept: Sequence[KeptPredictions]) -> None:
    if not is_classifier(kept[0]):
        return
    classes = [predictions.classes_ for predictions in kept]
    for k, known in enumerate(classes):
        if not np.array_equal(known, classes[0]):
            msg = (
                "The models of all folds must know the same classes to be scored "
                f"together, got {classes[0].tolist()!r} in the first fold and "
                f"{known.tolist()!r} in another, number {k + 1}. Use folds that have "
                "events of every class, such as those of StratifiedKFold."
            )
            raise ValueError(msg)


def _pooled_score(
    name: str,
    scorer: Any,
    passes: Sequence[OutOfFold],
    events: Events,
    rules: PoolRules,
) -> dict[str, BootstrapResult]:
    works = works_on_predictions(scorer)
    if works is False and rules.pooled == "auto":
        return {}
    try:
        values = [_value(name, scorer, one, events) for one in passes]
    except AttributeError as error:
        # A function that looks at the model finds that there is none.
        if works is None and rules.pooled == "auto":
            return {}
        msg = (
            f"The scorer {name!r} must work on predictions to be pooled over the "
            f"folds, got {scorer!r}, which asks for more: {error}. Use a scorer of "
            '`predict_proba`, `decision_function` or `predict`, or pooled="auto".'
        )
        raise TypeError(msg) from error
    replicas = _replicas(name, scorer, passes, events, rules)
    return {
        key: bootstrap_result(
            float(np.mean([value[key] for value in values])), replicas[key]
        )
        for key in values[0]
    }


def _value(name: str, scorer: Any, one: OutOfFold, events: Events) -> dict[str, float]:
    X, y, params = events.of_score(one.rows)
    return score_of(name, scorer, one.predictions, X, y, params)


def _replicas(
    name: str,
    scorer: Any,
    passes: Sequence[OutOfFold],
    events: Events,
    rules: PoolRules,
) -> dict[str, FloatArray]:
    """Return each score on all replicas, the mean over the passes.

    A replica is one of the whole sample: an event counts as often in every pass, so
    that the error is that of the mean over the passes.
    """
    n_samples = max(int(one.rows[-1]) for one in passes) + 1
    weights = np.asarray(
        events.score_params.get("sample_weight", np.ones(n_samples)), dtype=np.float64
    )
    codes = _class_codes(passes[0], events, len(weights))
    evaluators = [_evaluator(name, scorer, one, events) for one in passes]
    blocks = [
        [evaluate(counts, block) for evaluate in evaluators]
        for counts, block in replica_blocks(
            codes, weights, rules.n_replicas, rules.seed
        )
    ]
    keys = blocks[0][0]
    return {
        key: np.concatenate([np.mean([v[key] for v in b], axis=0) for b in blocks])
        for key in keys
    }


def _class_codes(one: OutOfFold, events: Events, n_samples: int) -> NDArray[np.intp]:
    """Return the class of each event; all the same where there are none."""
    if events.y is None or not is_classifier(one.predictions):
        return np.zeros(n_samples, dtype=np.intp)
    return np.unique(np.asarray(events.y), return_inverse=True)[1]


def _evaluator(
    name: str, scorer: Any, one: OutOfFold, events: Events
) -> Callable[[NDArray[np.int64], FloatArray], dict[str, FloatArray]]:
    """Return a function of a block of replicas that gives each score on all of them."""
    X, y, params = events.of_score(one.rows)
    kernel = None
    if isinstance(scorer, EventWeightScorer):
        kernel = scorer.replica_kernel(one.predictions, X, y)
    if isinstance(scorer, _BaseScorer) and not isinstance(X, pd.DataFrame):
        X = np.empty((len(one.rows), 0))  # not looked at: nothing has to be copied

    def evaluate(
        counts: NDArray[np.int64], weights: FloatArray
    ) -> dict[str, FloatArray]:
        own_counts, own_weights = counts[:, one.rows], weights[:, one.rows]
        if kernel is not None:
            return {name: kernel(own_counts, own_weights)}
        found = [
            _of_replica(name, scorer, one, (X, y, params), count, weight)
            for count, weight in zip(own_counts, own_weights, strict=True)
        ]
        keys = dict.fromkeys(key for values in found for key in values)
        return {
            key: np.array([values.get(key, np.nan) for values in found]) for key in keys
        }

    return evaluate


def _of_replica(
    name: str,
    scorer: Any,
    one: OutOfFold,
    sample: tuple[Any, Any, Mapping[str, Any]],
    count: NDArray[np.int64],
    weight: FloatArray,
) -> dict[str, float]:
    """Score one replica: an event that is counted k times is there k times."""
    if not np.isfinite(weight).all():  # a class with a sum of 0 or less
        return {}
    X, y, params = sample
    index = np.repeat(np.arange(len(count)), count)
    own = _check_method_params(X, params=params, indices=index)
    if "sample_weight" in params:
        own["sample_weight"] = weight[index] / count[index]
    y = None if y is None else _safe_indexing(y, index)
    X = _safe_indexing(X, index)
    with warnings.catch_warnings():  # undefined replicas are counted instead
        warnings.simplefilter("ignore", UndefinedSignificanceWarning)
        return score_of(name, scorer, one.predictions.take(index), X, y, own)
