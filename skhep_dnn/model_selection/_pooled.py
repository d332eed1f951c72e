"""Scores of a whole sample from the out-of-fold predictions of a cross-validation.

Every event is predicted by a model that has not seen it. Together these predictions
make one sample of full size, on which a figure of merit is computed once: a
significance belongs to the whole sample, and the mean over small folds of a figure that
is not linear in its events is biased.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import is_classifier

from skhep_dnn._sklearn import (
    _BaseScorer,
    _check_method_params,
    _num_samples,
    _safe_indexing,
)
from skhep_dnn.exceptions import (
    LowStatisticsWarning,
    UndefinedSignificanceWarning,
    WeightsError,
)
from skhep_dnn.metrics import BootstrapResult
from skhep_dnn.metrics._bootstrap import bootstrap_result
from skhep_dnn.metrics._replicas import replica_blocks
from skhep_dnn.metrics._scorer import EventWeightScorer
from skhep_dnn.model_selection._fold_classes import common_classes
from skhep_dnn.model_selection._folds import Events, FoldResult, Rows
from skhep_dnn.model_selection._predictions import (
    RESPONSE_METHODS,
    KeptPredictions,
    OtherEventsError,
)
from skhep_dnn.model_selection._scoring import (
    Scoring,
    given_params,
    score_of,
    works_on_predictions,
)

__all__ = ["OutOfFold", "PoolRules", "mean_response", "pool_folds"]

FloatArray = NDArray[np.float64]
Block = tuple[NDArray[np.int64], FloatArray]


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

    Raises
    ------
    AttributeError
        If the models predict nothing.
    """
    if not passes[0].predictions.responses:
        msg = (
            "The models must have predictions to be averaged, got none of "
            f"{RESPONSE_METHODS!r}. Cross-validate an estimator that predicts."
        )
        raise AttributeError(msg)
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
    kept = [result.predictions for _, result in part]
    if is_classifier(kept[0]):
        common_classes([predictions.classes_ for predictions in kept])
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
    except (AttributeError, TypeError, OtherEventsError) as error:
        if works is True:
            raise
        # A function that looks at the model finds that there is none. Before that it
        # has scored the model of each fold, so that nothing else is wrong with it.
        if rules.pooled == "auto":
            return {}
        msg = (
            f"The scorer {name!r} must work on predictions to be pooled over the "
            f"folds, got {scorer!r}, which asks for more: {error}. Use a scorer of "
            '`predict_proba`, `decision_function` or `predict`, or pooled="auto".'
        )
        raise TypeError(msg) from error
    replicas = _replicas(name, scorer, passes, events, rules, list(values[0]))
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
    keys: Sequence[str],
) -> dict[str, FloatArray]:
    """Return each score on all replicas, the mean over the passes.

    A replica is one of the whole sample: an event counts as often in every pass, so
    that the error is that of the mean over the passes.
    """
    evaluators = [_evaluator(name, scorer, one, events, keys) for one in passes]
    means: dict[str, list[FloatArray]] = {key: [np.empty(0)] for key in keys}
    for blocks in _blocks_of_passes(scorer, passes, events, rules):
        pairs = zip(evaluators, blocks, strict=True)
        values = [evaluate(*block) for evaluate, block in pairs]
        for key in keys:
            means[key].append(np.mean([value[key] for value in values], axis=0))
    return {key: np.concatenate(parts) for key, parts in means.items()}


def _blocks_of_passes(
    scorer: Any, passes: Sequence[OutOfFold], events: Events, rules: PoolRules
) -> Iterator[Sequence[Block]]:
    """Yield the same replicas for each pass, at the yields of the events it tested."""
    n_samples = _num_samples(events.X)
    weights = _weights(scorer, events)
    codes = _class_codes(passes[0], events)

    def blocks_of(rows: Rows) -> Iterator[Block]:
        # Events that were not tested weigh nothing, and are in the class of another.
        own_weights, own_codes = np.zeros(n_samples), np.full(n_samples, codes[rows[0]])
        own_weights[rows], own_codes[rows] = weights[rows], codes[rows]
        return replica_blocks(own_codes, own_weights, rules.n_replicas, rules.seed)

    if all(np.array_equal(one.rows, passes[0].rows) for one in passes):
        for block in blocks_of(passes[0].rows):
            yield [block] * len(passes)
    else:
        yield from zip(*[blocks_of(one.rows) for one in passes], strict=True)


def _weights(scorer: Any, events: Events) -> FloatArray:
    """Return the weights of all events that a scorer uses, ones if there are none."""
    given = given_params(scorer, events.score_params).get("sample_weight")
    carried = scorer._carried if isinstance(scorer, EventWeightScorer) else None
    if given is None and carried is not None:
        given = carried.weights_of(events.X, np.asarray(events.y))
    n_samples = _num_samples(events.X)
    return np.ones(n_samples) if given is None else np.asarray(given, dtype=np.float64)


def _class_codes(one: OutOfFold, events: Events) -> NDArray[np.intp]:
    """Return the class of each event; all the same where there are none."""
    labels = np.asarray(events.y)
    if labels.ndim != 1 or not is_classifier(one.predictions):
        return np.zeros(_num_samples(events.X), dtype=np.intp)
    return np.unique(labels, return_inverse=True)[1]


def _evaluator(
    name: str, scorer: Any, one: OutOfFold, events: Events, keys: Sequence[str]
) -> Callable[[NDArray[np.int64], FloatArray], dict[str, FloatArray]]:
    """Return a function of a block of replicas that gives each score on all of them."""
    X, y, params = events.of_score(one.rows)
    kernel = None
    if isinstance(scorer, EventWeightScorer):
        kernel = scorer.replica_kernel(one.predictions, X, y)
        params["sample_weight"] = None  # never missing: ones are rescaled as well
    if isinstance(scorer, _BaseScorer):  # features are not looked at
        is_table = isinstance(X, pd.DataFrame)
        X = X.iloc[:, :0] if is_table else np.empty((len(one.rows), 0))

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
    """Score one replica: an event that is counted k times is there k times.

    Empty where it is undefined: a class or a selection has a sum of 0 or less.
    """
    if not np.isfinite(weight).all():
        return {}
    X, y, params = sample
    index = np.repeat(np.arange(len(count)), count)
    own = _check_method_params(X, params=params, indices=index)
    if "sample_weight" in params:
        own["sample_weight"] = weight[index] / count[index]
    y = None if y is None else _safe_indexing(y, index)
    X = _safe_indexing(X, index)
    with warnings.catch_warnings():  # undefined and noisy replicas show in the error
        warnings.simplefilter("ignore", UndefinedSignificanceWarning)
        warnings.simplefilter("ignore", LowStatisticsWarning)
        try:
            return score_of(name, scorer, one.predictions.take(index), X, y, own)
        except WeightsError:
            return {}
