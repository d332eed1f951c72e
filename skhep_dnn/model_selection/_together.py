"""The folds of a network as members of one training, also behind other steps.

A pipeline fits the steps before the network, fold by fold, with all its rules on
weights and metadata; what it hands to the network is caught, and the networks of all
folds are trained together.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from functools import wraps
from time import perf_counter
from typing import Any

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skhep_dnn._fit_tasks import has_callbacks
from skhep_dnn._weighted_steps import final_step
from skhep_dnn.exceptions import FitTogetherError
from skhep_dnn.model_selection._folds import Events, Rows
from skhep_dnn.neural_network import WeightedDNNClassifier, fit_together

__all__ = ["fit_models_together"]


class _CatchingFit:
    """Keeps what the `fit` of the classifier would be given."""

    @wraps(WeightedDNNClassifier.fit)
    def fit(self, X: Any, y: Any, sample_weight: Any = None, **further: Any) -> Any:
        self.sample_ = {"X": X, "y": y, "sample_weight": sample_weight, **further}
        return self


def fit_models_together(
    estimator: Any,
    events: Events,
    splits: Sequence[tuple[Rows, Rows]],
    n_jobs: int | None,
) -> tuple[list[Any], float]:
    """Fit a clone for each fold, the networks of all in one training.

    Parameters
    ----------
    estimator : WeightedDNNClassifier or Pipeline
        A classifier, or a pipeline that ends with one.
    events : Events
        The whole sample.
    splits : sequence of (train, test)
        Positions of the events.
    n_jobs : int or None
        Processes of the training; None for those of the classifier.

    Returns
    -------
    models : list of estimator
        One fitted model for each fold.
    fit_time : float
        Seconds of a fold: an equal share of the whole.

    Raises
    ------
    FitTogetherError
        If the folds cannot train together, with the reason.
    """
    if has_callbacks(estimator):
        msg = (
            "Folds that train together must have no callbacks, which hear of each fit, "
            f"got some of {type(estimator).__name__}. Fit them one by one."
        )
        raise FitTogetherError(msg)
    start = perf_counter()
    models = [clone(estimator) for _ in splits]
    classifiers = [final_step(model) for model in models]
    if n_jobs is None:
        n_jobs = classifiers[0].n_jobs
    fit_together(classifiers, _samples(models, events, splits), n_jobs=n_jobs)
    return models, (perf_counter() - start) / len(models)


def _samples(
    models: Sequence[Any], events: Events, splits: Sequence[tuple[Rows, Rows]]
) -> Iterator[dict[str, Any]]:
    """Yield what the classifier of each fold is given; fits the steps before it."""
    for model, (train, _) in zip(models, splits, strict=True):
        classifier = final_step(model)
        catcher = _catcher_of(classifier)
        arguments, params = events.of_fit(model, train)
        _with_final(model, catcher).fit(*arguments, **params)
        _with_final(model, classifier)
        yield catcher.sample_


def _catcher_of(classifier: WeightedDNNClassifier) -> Any:
    """Return what stands where the classifier stands, with its requests and tags."""
    catcher: Any = copy.copy(classifier)
    kind = type(classifier)
    catcher.__class__ = type(kind.__name__, (_CatchingFit, kind), {})
    return catcher


def _with_final(estimator: Any, final: Any) -> Any:
    """Put another last step into a pipeline, in place; of others return that step."""
    pipeline = None
    inner = estimator
    while isinstance(inner, Pipeline):
        pipeline, inner = inner, inner.steps[-1][1]
    if pipeline is None:
        return final
    pipeline.steps[-1] = (pipeline.steps[-1][0], final)
    return estimator
