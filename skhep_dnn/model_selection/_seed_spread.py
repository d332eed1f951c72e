"""How much a score changes with the seeds of the training alone.

The error of `skhep_dnn.metrics.metric_with_error` is that of the events, with the
classifier as it is. Another training on the same events, with other initial networks,
orders and splits, is another classifier: its spread is a number of its own, found by
training again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils import check_random_state, indexable
from sklearn.utils.parallel import Parallel, delayed
from tqdm.auto import tqdm

from skhep_dnn._event_sample import has_validation_sample
from skhep_dnn._present_events import events_of_weighted_classes, taken
from skhep_dnn._sklearn import _num_samples
from skhep_dnn._tables import native_events
from skhep_dnn._told_columns import Gathering, told, warns_once
from skhep_dnn._validation import check_event_weights
from skhep_dnn.exceptions import MissingWeightsError
from skhep_dnn.metrics._bootstrap import format_with_error
from skhep_dnn.model_selection._cross_validation import cross_validate_pooled
from skhep_dnn.model_selection._routing import routed_params, router_of
from skhep_dnn.model_selection._scoring import Scoring, as_scoring
from skhep_dnn.model_selection._target import check_target

__all__ = ["SeedSpread", "seed_spread"]

_MAX_SEED = 2**31 - 1


@dataclass(frozen=True, eq=False)
class SeedSpread:
    """A score for several seeds of the training, and its spread.

    Attributes
    ----------
    values : ndarray of shape (n_seeds,)
        The score of each training.
    seeds : list of dict
        What each training had as its `random_state` parameters, by their names.

    See Also
    --------
    seed_spread : Makes it, and has an example.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.model_selection import SeedSpread
    >>> values = np.array([0.921, 0.924, 0.922, 0.925, 0.923])
    >>> spread = SeedSpread(values, [{"random_state": seed} for seed in range(5)])
    >>> print(spread)
    0.92300 ± 0.00071, spread 0.00158 ± 0.00056 over 5 seeds
    """

    values: NDArray[np.float64]
    seeds: list[dict[str, int]] = field(repr=False)

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return float(np.mean(self.values))

    @property
    def std(self) -> float:
        """Standard deviation over the seeds: the spread of one training."""
        # From the first one on, so that equal values have no spread by rounding.
        return float(np.std(self.values - self.values[0], ddof=1))

    @property
    def std_error(self) -> float:
        """Error of the standard deviation, ``std / sqrt(2 (n_seeds - 1))``."""
        return self.std / float(np.sqrt(2 * (len(self.values) - 1)))

    @property
    def mean_error(self) -> float:
        """Error of the mean, ``std / sqrt(n_seeds)``."""
        return self.std / float(np.sqrt(len(self.values)))

    def __str__(self) -> str:
        """Return mean and spread with their errors."""
        mean = format_with_error(self.mean, self.mean_error)
        spread = format_with_error(self.std, self.std_error)
        return f"{mean}, spread {spread} over {len(self.values)} seeds"


@warns_once
def seed_spread(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: ArrayLike | None = None,
    *,
    X_test: Any = None,
    y_test: Any = None,
    sample_weight_test: ArrayLike | None = None,
    metric: Any = "roc_auc",
    cv: Any = None,
    groups: ArrayLike | None = None,
    n_seeds: int = 5,
    random_state: int | np.random.RandomState | None = 0,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> SeedSpread:
    """Train with several seeds and return how much the score changes.

    The events stay the same, for training and for the score. A difference between two
    models that is not large against this spread is one of their seeds, however small
    the error that the events give it.

    Parameters
    ----------
    estimator : estimator
        Any scikit-learn estimator, or a pipeline, with a parameter `random_state`, its
        own or a nested one; each of them gets a seed of its own in each training.
    X : array-like of shape (n_samples, n_features)
        Training events.
    y : array-like of shape (n_samples,)
        Labels or values.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed, given to every fit; None counts each
        event once.
    X_test, y_test, sample_weight_test : array-like, default=None
        Events that are scored, with labels and weights. Without them the out-of-fold
        predictions of `X` are scored, pooled over the folds.
    metric : str or callable, default="roc_auc"
        A name or a scorer, as `scoring` of `cross_validate_pooled` takes one. Greater
        is better: a loss is negative.
    cv : int, splitter, iterable, fold numbers or None, default=None
        Folds, the same for all seeds; None for five. Without a test sample only.
    groups : array-like of shape (n_samples,), default=None
        Groups of events for the folds, and for a fit that takes them.
    n_seeds : int, default=5
        Number of trainings; the spread is then known to 35 per cent, of 20 to 16.
    random_state : int, RandomState instance or None, default=0
        Seed of the seeds.
    n_jobs : int, default=None
        Trainings at the same time, or folds of one where there is no test sample.
    verbose : int, default=0
        Above 0 shows a progress bar over the seeds.

    Returns
    -------
    spread : SeedSpread
        The score of each training, their mean and standard deviation, each with its
        error.

    Raises
    ------
    ValueError
        If the estimator has no `random_state`, `n_seeds` is below 2, a part of the
        test sample is missing, or folds are asked for beside it.
    TypeError
        If weights would be left out by a step of the estimator or by the scorer.
    MissingWeightsError
        If training events have weights and test events have none.

    See Also
    --------
    skhep_dnn.metrics.metric_with_error : The error that the events give a score.
    cross_validate_pooled : Out-of-fold scores of one training.

    Notes
    -----
    The two errors are of different things. Quote both; add them in quadrature for the
    score that another training on other test events of the same kind would have.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.model_selection import seed_spread
    >>> events = make_gaussian_events(1000, random_state=0)
    >>> model = DecisionTreeClassifier(max_depth=3, max_features=1)
    >>> spread = seed_spread(
    ...     model, events.data, events.target, abs(events.sample_weight)
    ... )
    >>> spread.values.shape, bool(spread.std > 0)
    ((5,), True)
    """
    _check_n_seeds(n_seeds)
    seeds = _draw_seeds(estimator, n_seeds, check_random_state(random_state))
    models = [clone(estimator).set_params(**own) for own in seeds]
    is_weighted = sample_weight is not None
    try:
        has_test = has_validation_sample(
            X_test, y_test, sample_weight_test, is_weighted=is_weighted
        )
    except (ValueError, MissingWeightsError) as error:
        raise type(error)(str(error).replace("_val`", "_test`")) from error
    if not has_test:
        events = (X, y, sample_weight)
        values = _out_of_fold(models, events, groups, metric, cv, n_jobs, verbose)
        return SeedSpread(np.array(values), seeds)
    if cv is not None:
        msg = (
            "`cv` must be None where there is a test sample, which is what is scored, "
            f"got {cv!r}. Leave out one of both."
        )
        raise ValueError(msg)
    training = _checked(estimator, X, y, sample_weight, groups)
    test = _checked(estimator, X_test, y_test, sample_weight_test, None)
    values = _on_test_sample(models, training, test, metric, n_jobs, verbose)
    return SeedSpread(np.array(values), seeds)


def _out_of_fold(
    models: list[Any],
    events: tuple[Any, Any, Any],
    groups: ArrayLike | None,
    metric: Any,
    cv: Any,
    n_jobs: int | None,
    verbose: int,
) -> list[float]:
    """Return the pooled score of each model on the same folds."""
    values = []
    for model in tqdm(models, desc="Seeds", disable=not verbose):
        scores = cross_validate_pooled(
            model,
            *events,
            groups=groups,
            scoring=metric,
            cv=cv,
            pooled=True,
            n_replicas=0,
            n_jobs=n_jobs,
        )
        cv = scores.splits  # a splitter may shuffle anew in each call
        values.append(scores.score.value)
    return values


def _on_test_sample(
    models: list[Any],
    training: tuple[Any, Any, dict[str, Any]],
    test: tuple[Any, Any, dict[str, Any]],
    metric: Any,
    n_jobs: int | None,
    verbose: int,
) -> list[float]:
    """Return the score of each model, fitted on all training events."""
    test_weights = {"sample_weight": test[2]["sample_weight"]}
    is_weighted = test_weights["sample_weight"] is not None
    scoring = as_scoring(metric, models[0], is_weighted=is_weighted)
    router = router_of("seed_spread", models[0], scoring, None)
    to_fit = routed_params(router, models[0], scoring, training[2]).estimator.fit
    to_score = routed_params(router, models[0], scoring, test_weights).scorer.score
    scoring = scoring.for_sample(test[1], test_weights["sample_weight"], test[0])
    calls = (
        delayed(Gathering(_fit_and_score))(
            model, training[:2], to_fit, scoring, test[:2], to_score
        )
        for model in models
    )
    values = []
    with tqdm(desc="Seeds", total=len(models), disable=not verbose) as bar:
        as_they_come = "generator" if verbose else "list"
        for value in told(Parallel(n_jobs, return_as=as_they_come)(calls)):
            values.append(value)
            bar.update()
    return values


def _check_n_seeds(n_seeds: int) -> None:
    if not isinstance(n_seeds, Integral) or n_seeds < 2:
        msg = (
            f"`n_seeds` must be a whole number of at least 2, got {n_seeds!r}. Take 5 "
            "for a spread that is known to 35 per cent."
        )
        raise ValueError(msg)


def _draw_seeds(
    estimator: Any, n_seeds: int, rng: np.random.RandomState
) -> list[dict[str, int]]:
    """Return a seed for each `random_state` of the estimator in each training."""
    names = sorted(
        name
        for name in estimator.get_params(deep=True)
        if name.rpartition("__")[2] == "random_state"
    )
    if not names:
        msg = (
            "`estimator` must have a parameter `random_state`, its own or that of a "
            f"part, got {estimator!r} without one: all its trainings are the same. "
            "Compare it without a spread over seeds."
        )
        raise ValueError(msg)
    return [
        {name: int(rng.randint(_MAX_SEED)) for name in names} for _ in range(n_seeds)
    ]


def _checked(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: ArrayLike | None,
    groups: ArrayLike | None,
) -> tuple[Any, Any, dict[str, Any]]:
    """Return the events of classes that exist, and what belongs to each."""
    X, y, groups = indexable(native_events(X), y, groups)
    y = check_target(y, estimator)
    if sample_weight is not None:
        sample_weight = check_event_weights(sample_weight, _num_samples(X))
    passed = {"sample_weight": sample_weight, "groups": groups}
    present = events_of_weighted_classes(estimator, y, sample_weight, _num_samples(X))
    events: tuple[Any, Any, dict[str, Any]] = taken(present, X, y, passed)
    return events


def _fit_and_score(
    model: Any,
    training: tuple[Any, Any],
    fit_params: Mapping[str, Any],
    scoring: Scoring,
    test: tuple[Any, Any],
    score_params: Mapping[str, Any],
) -> float:
    model.fit(*training, **fit_params)
    scores = scoring(model, *test, score_params)
    return float(next(iter(scores.values())))
