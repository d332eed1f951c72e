"""One fold: fit on one part, predict and score another, with all that belongs to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from sklearn.utils import get_tags

from skhep_dnn._fit_tasks import FitTask
from skhep_dnn._sklearn import (
    _check_method_params,
    _num_samples,
    _safe_indexing,
    _safe_split,
)
from skhep_dnn._weighted_steps import final_step
from skhep_dnn.model_selection._predictions import KeptPredictions
from skhep_dnn.model_selection._scoring import Scoring

__all__ = [
    "Events",
    "FoldResult",
    "FoldRules",
    "evaluate_fold",
    "fit_fold",
    "keep_predictions",
    "name_among",
    "scores_by_name",
]

Rows = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Events:
    """A sample with all that is passed for it.

    Attributes
    ----------
    X : array-like of shape (n_samples, n_features)
        Events.
    y : array-like of shape (n_samples,) or None
        Labels or values.
    fit_params, score_params : dict
        Further arguments of `fit` and of the scorers; those with one value for each
        event are split like the events.
    """

    X: Any
    y: Any
    fit_params: Mapping[str, Any]
    score_params: Mapping[str, Any]

    def of_fit(
        self, estimator: Any, rows: Rows
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of a fit on some of the events, by position and name."""
        X, y = _safe_split(estimator, self.X, self.y, rows)
        params = _check_method_params(self.X, params=self.fit_params, indices=rows)
        return ((X,) if y is None else (X, y)), params

    def of_test(
        self, model: Any, train: Rows, rows: Rows
    ) -> tuple[Any, Any, dict[str, Any]]:
        """Return events, labels and arguments for a model to be scored on.

        Of a precomputed kernel the columns are those of the training events.
        """
        X, y = _safe_split(model, self.X, self.y, rows, train)
        return X, y, self._score_params_of(rows)

    def of_score(self, rows: Rows) -> tuple[Any, Any, dict[str, Any]]:
        """Return events, labels and arguments of a score of kept predictions."""
        y = None if self.y is None else _safe_indexing(self.y, rows)
        return _safe_indexing(self.X, rows), y, self._score_params_of(rows)

    def _score_params_of(self, rows: Rows) -> dict[str, Any]:
        return _check_method_params(self.X, params=self.score_params, indices=rows)


@dataclass(frozen=True)
class FoldRules:
    """What is done in each fold.

    Attributes
    ----------
    scoring : Scoring
        Scorers.
    return_train_score, return_estimator, return_history : bool
        Whether to score the training events, to keep the fitted model, to keep the
        table `history_` of a network.
    methods : tuple of str
        Methods whose results are kept beside those that the scorers need.
    """

    scoring: Scoring
    return_train_score: bool = False
    return_estimator: bool = False
    return_history: bool = False
    methods: tuple[str, ...] = ()


@dataclass(frozen=True)
class FoldResult:
    """What came of one fold.

    Attributes
    ----------
    test : ndarray of int
        Positions of the events that were predicted.
    predictions : KeptPredictions
        Their predictions.
    scores, train_scores : dict of str to float
        Scores of these, and of the training events where they are asked for.
    fit_time, score_time : float
        Seconds.
    estimator : estimator or None
        The fitted model.
    n_parameters : int or None
        Parameters of one network, where the model says how many it has.
    history : dict of str to list, or None
        The columns of its table `history_`, if it has one and it was asked for.
    """

    test: Rows
    predictions: KeptPredictions
    scores: dict[str, float]
    train_scores: dict[str, float]
    fit_time: float
    score_time: float
    estimator: Any = None
    n_parameters: int | None = None
    history: dict[str, list[Any]] | None = None


def fit_fold(
    estimator: Any,
    events: Events,
    train: Rows,
    test: Rows,
    rules: FoldRules,
    task: FitTask | None = None,
) -> FoldResult:
    """Fit a clone on one part of the events; predict and score the other.

    Parameters
    ----------
    estimator : estimator
        It is cloned.
    events : Events
        The whole sample.
    train, test : ndarray of int
        Positions of the events.
    rules : FoldRules
        What is scored and kept.
    task : FitTask or None, default=None
        What callbacks hear of the fold as.

    Returns
    -------
    result : FoldResult
    """
    start = perf_counter()
    model = clone(estimator)
    arguments, params = events.of_fit(model, train)
    task = FitTask(model, None) if task is None else task
    X, y = (*arguments, None)[:2]
    sample = (X, y, params.get("sample_weight"))
    with task.lent_to(model):
        task.begin(*sample)
        model.fit(*arguments, **params)
    fit_time = perf_counter() - start
    result = evaluate_fold(model, events, train, test, rules, fit_time)
    task.end(*sample)
    return result


def evaluate_fold(
    model: Any,
    events: Events,
    train: Rows,
    test: Rows,
    rules: FoldRules,
    fit_time: float,
) -> FoldResult:
    """Predict and score with a fitted model; the arguments are those of `fit_fold`."""
    start = perf_counter()
    predictions, scores = _predict_and_score(model, events, train, test, rules)
    score_time = perf_counter() - start
    train_scores: dict[str, float] = {}
    if rules.return_train_score:
        _, train_scores = _predict_and_score(model, events, train, train, rules)
    history, table = None, getattr(final_step(model), "history_", None)
    if rules.return_history and isinstance(table, pd.DataFrame):
        history = {str(name): column.tolist() for name, column in table.items()}
    return FoldResult(
        test=test,
        predictions=predictions,
        scores=scores,
        train_scores=train_scores,
        fit_time=fit_time,
        score_time=score_time,
        estimator=model if rules.return_estimator else None,
        n_parameters=getattr(final_step(model), "n_parameters_", None),
        history=history,
    )


def _predict_and_score(
    model: Any, events: Events, train: Rows, rows: Rows, rules: FoldRules
) -> tuple[KeptPredictions, dict[str, float]]:
    X, y, params = events.of_test(model, train, rows)
    kept = keep_predictions(model, X, rules.scoring.methods(model, rules.methods))
    return kept, rules.scoring(model, X, y, params, predictions=kept)


def keep_predictions(model: Any, X: Any, methods: Sequence[str]) -> KeptPredictions:
    """Return the results of some methods of a fitted model."""
    responses = {method: np.asarray(getattr(model, method)(X)) for method in methods}
    for method, response in responses.items():
        if len(response) != _num_samples(X):
            msg = (
                f"`{method}` must return one row for each of the {_num_samples(X)} "
                f"events, got the shape {response.shape} from {model!r}. Fit one "
                "target at a time."
            )
            raise ValueError(msg)
    classes = model.classes_ if is_classifier(model) else None
    return KeptPredictions(responses, classes, get_tags(model))


def name_among(scores: Mapping[str, Any], name: str) -> str:
    """Return a name of a score, or the first one for a name that is not there.

    A function that returns several scores has their names once it has been called.
    """
    return name if name in scores else next(iter(scores))


def scores_by_name(
    scores: Sequence[Mapping[str, float]],
) -> dict[str, NDArray[np.float64]]:
    """Return the scores of the folds by name; nan where a fold has no such score."""
    names = dict.fromkeys(name for fold in scores for name in fold)
    return {n: np.array([fold.get(n, np.nan) for fold in scores]) for n in names}
