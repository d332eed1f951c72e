"""Cross-validation whose figure of merit is computed once, on all events together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import indexable

from skhep_dnn._fold_numbers import as_splitter
from skhep_dnn._sklearn import _check_method_params, _num_samples
from skhep_dnn._validation import check_event_weights
from skhep_dnn.metrics import BootstrapResult
from skhep_dnn.model_selection._fit_folds import fit_folds
from skhep_dnn.model_selection._folds import (
    Events,
    FoldResult,
    FoldRules,
    Rows,
    scores_by_name,
)
from skhep_dnn.model_selection._pooled import (
    OutOfFold,
    PoolRules,
    mean_response,
    pool_folds,
)
from skhep_dnn.model_selection._routing import routed_params, router_of
from skhep_dnn.model_selection._scoring import Scoring, as_scoring
from skhep_dnn.model_selection._target import check_target

__all__ = ["PooledScores", "cross_validate_pooled"]


@dataclass(frozen=True, eq=False)
class PooledScores:
    """Scores of a cross-validation: of all events together, and of each fold.

    Attributes
    ----------
    scores : dict of str to BootstrapResult
        Pooled scores by name, greater is better, each with its error and replicas; the
        mean over the repeats of a repeated cross-validation. The name is "score" where
        one scorer was asked for.
    test_scores, train_scores : dict of str to ndarray of shape (n_splits,)
        Scores of each fold on its own; `train_scores` is empty unless asked for.
    passes : list of OutOfFold
        Rows, folds and predictions of each pass over the events; several if the
        cross-validation is repeated. `predictions` is an estimator that any scorer of
        predictions can score.
    fit_time, score_time : ndarray of shape (n_splits,)
        Seconds of each fold.
    splits : list of (train, test)
        Positions of the events.
    estimators : list of estimator
        The fitted models, if asked for; else empty.
    n_samples : int
        Number of events.

    See Also
    --------
    cross_validate_pooled : Makes it, and has an example.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhep_dnn.model_selection import cross_validate_pooled
    >>> X, y = make_classification(200, random_state=0)
    >>> result = cross_validate_pooled(LogisticRegression(), X, y, scoring="roc_auc")
    >>> result.oof_decision_function.shape, len(result.test_scores["score"])
    ((200,), 5)
    """

    scores: dict[str, BootstrapResult]
    test_scores: dict[str, NDArray[np.float64]]
    train_scores: dict[str, NDArray[np.float64]]
    passes: list[OutOfFold] = field(repr=False)
    fit_time: NDArray[np.float64] = field(repr=False)
    score_time: NDArray[np.float64] = field(repr=False)
    splits: list[tuple[Rows, Rows]] = field(repr=False)
    estimators: list[Any] = field(repr=False)
    n_samples: int = field(repr=False)

    @property
    def score(self) -> BootstrapResult:
        """The pooled score, where one scorer was asked for."""
        if len(self.scores) != 1:
            msg = (
                "`score` must be one pooled score, got those of "
                f"{sorted(self.scores)!r}. Take one of `scores`."
            )
            raise AttributeError(msg)
        return next(iter(self.scores.values()))

    @property
    def oof_decision_function(self) -> NDArray[np.float64]:
        """Out-of-fold decision function of each event, the mean over the repeats.

        Of shape (n_samples,) or (n_samples, n_classes); nan where an event was never
        tested. Of estimators that have no decision function it is what they have:
        probabilities, or predictions.
        """
        return mean_response(self.passes, self.n_samples)

    def __str__(self) -> str:
        """Return one line for each score."""
        return "\n".join(f"{name}: {result}" for name, result in self.scores.items())


def cross_validate_pooled(
    estimator: Any,
    X: Any,
    y: Any = None,
    sample_weight: ArrayLike | None = None,
    *,
    groups: ArrayLike | None = None,
    params: Mapping[str, Any] | None = None,
    scoring: Any = None,
    cv: Any = None,
    pooled: bool | str = "auto",
    n_replicas: int = 200,
    random_state: int = 0,
    return_train_score: bool = False,
    return_estimator: bool = False,
    as_members: bool | str = "auto",
    n_jobs: int | None = None,
    verbose: int = 0,
) -> PooledScores:
    """Score the out-of-fold predictions of all events together, with weights.

    One pass over the folds: each event is predicted by a model that has not seen it,
    and the figure of merit is computed once, on the whole sample with its full yields.
    `sklearn.model_selection.cross_validate` takes the mean over the folds instead,
    which for a significance is biased upwards by the small samples, and it leaves
    weights out of the scores unless they are routed.

    Parameters
    ----------
    estimator : estimator
        Any scikit-learn estimator, or a pipeline; it is cloned.
    X : array-like of shape (n_samples, n_features)
        Events.
    y : array-like of shape (n_samples,), default=None
        Labels or values.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed, given to every fit and every score;
        None counts each event once.
    groups : array-like of shape (n_samples,), default=None
        Events of one group stay together where `cv` knows groups; also given to a fit
        that takes them.
    params : dict, default=None
        Further arguments of `fit`, as ``step__name`` for a step of a pipeline; those
        with one value for each event are split. With metadata routing they go where
        they are requested. Weights and groups have arguments of their own.
    scoring : str, callable, list, tuple, dict or None, default=None
        As in `sklearn.model_selection.cross_validate`. Names such as "roc_auc" stand
        for this package's `weighted_scorer`. None takes the balanced log-loss of
        classifiers and the coefficient of determination of regressors.
    cv : int, splitter, iterable, fold numbers or None, default=None
        Folds; None for five. A column has the fold number of each event, -1 for one
        that trains all models. Repeated folds give the mean over the repeats.
    pooled : bool or "auto", default="auto"
        "auto" pools the scorers that work on predictions; True wants all of them to;
        False gives the scores of the folds alone.
    n_replicas : int, default=200
        Replicas of the bootstrap that gives the errors of the pooled scores; 0 for
        none, and errors of nan.
    random_state : int, default=0
        Seed of the replicas. Two calls on the same events with the same seed have the
        same replicas: the difference of `replicas` is paired.
    return_train_score : bool, default=False
        Whether to score the training events of each fold, too.
    return_estimator : bool, default=False
        Whether to keep the fitted models.
    as_members : bool or "auto", default="auto"
        Whether the folds of a `WeightedDNNClassifier`, alone or last in a pipeline,
        train as members of one batch, which is faster. "auto" does so where the shapes
        of all folds agree, and says in the log where they do not; True insists. Seeds
        and splits are those of folds that are fitted one by one.
    n_jobs : int, default=None
        Folds that are fitted at the same time, in processes of joblib's backend.
    verbose : int, default=0
        Above 0 shows a progress bar over the folds.

    Returns
    -------
    result : PooledScores
        Pooled scores with errors, scores of the folds, out-of-fold predictions.

    Raises
    ------
    TypeError
        If weights would be left out by a step of the estimator or by a scorer, or
        `pooled` is True and a scorer looks at the model.
    ValueError
        If folds know different classes, or arguments have wrong lengths or values.
    FitTogetherError
        If `as_members` is True and the folds cannot train together.

    Warns
    -----
    UnweightedScoreWarning
        If a function that scores weighted events takes no weights.
    UndefinedMetricWarning
        If a fold has not all classes; its own score is nan then, not the pooled one.
    LowStatisticsWarning
        If more than 5 per cent of the replicas are undefined.

    See Also
    --------
    skhep_dnn.metrics.bootstrap : The errors.

    Notes
    -----
    The error is that of the sample of events, the models being as they are; the spread
    over trainings with other seeds comes on top of it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.model_selection import cross_validate_pooled
    >>> events = make_gaussian_events(2000, random_state=0)
    >>> result = cross_validate_pooled(
    ...     LogisticRegression(),
    ...     events.data,
    ...     events.target,
    ...     np.abs(events.sample_weight),
    ...     scoring=["roc_auc", "balanced_log_loss"],
    ... )
    >>> sorted(result.scores)
    ['balanced_log_loss', 'roc_auc']
    """
    _check_options(pooled, as_members, n_replicas, random_state)
    X, y, groups = indexable(X, y, groups)
    y = check_target(y, estimator)
    params = _check_method_params(X, params=_check_params(params))
    if sample_weight is not None:
        sample_weight = check_event_weights(sample_weight, _num_samples(X))
    scoring = as_scoring(scoring, estimator, is_weighted=sample_weight is not None)
    splitter = check_cv(as_splitter(cv), y, classifier=is_classifier(estimator))
    router = router_of("cross_validate_pooled", estimator, scoring, splitter)
    passed = {"sample_weight": sample_weight, "groups": groups, **params}
    routed = routed_params(router, estimator, scoring, passed)
    events = Events(X, y, routed.estimator.fit, routed.scorer.score)
    scoring = scoring.for_sample(y, sample_weight, X)
    splits = list(splitter.split(X, y, **routed.splitter.split))
    rules = FoldRules(
        scoring,
        return_train_score=return_train_score,
        return_estimator=return_estimator,
    )
    results = fit_folds(
        estimator,
        events,
        splits,
        rules,
        as_members=as_members,
        n_jobs=n_jobs,
        verbose=verbose,
    )
    pool = PoolRules(pooled, n_replicas, random_state)
    return _gathered(results, events, splits, scoring, pool)


def _check_options(
    pooled: bool | str, as_members: bool | str, n_replicas: int, random_state: int
) -> None:
    for name, value in {"pooled": pooled, "as_members": as_members}.items():
        if not (isinstance(value, bool) or value == "auto"):
            msg = f"`{name}` must be True, False or 'auto', got {value!r}. Change it."
            raise ValueError(msg)
    if not isinstance(n_replicas, Integral) or n_replicas < 0 or n_replicas == 1:
        msg = (
            f"`n_replicas` must be 0, or at least 2, got {n_replicas!r}. Take 200 for "
            "an error that is known to 5 per cent."
        )
        raise ValueError(msg)
    if not isinstance(random_state, Integral) or random_state < 0:
        msg = (
            "`random_state` must be a whole number, the seed of the same replicas for "
            f"all scores, got {random_state!r}. Pass 0, say."
        )
        raise ValueError(msg)


def _check_params(params: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return further arguments, none of which is for all scores or the splitter."""
    given = {} if params is None else dict(params)
    for name in ("sample_weight", "groups"):
        if name in given:
            msg = (
                f"`params` must not have {name!r}, which would miss the "
                f"{'scores' if name == 'sample_weight' else 'splitter'}, got it there. "
                f"Pass the argument `{name}` of `cross_validate_pooled`."
            )
            raise ValueError(msg)
    return given


def _gathered(
    results: list[FoldResult],
    events: Events,
    splits: list[tuple[Rows, Rows]],
    scoring: Scoring,
    rules: PoolRules,
) -> PooledScores:
    passes, scores = pool_folds(results, events, scoring, rules)
    return PooledScores(
        scores=scores,
        test_scores=scores_by_name([result.scores for result in results]),
        train_scores=scores_by_name([result.train_scores for result in results]),
        passes=passes,
        fit_time=np.array([result.fit_time for result in results]),
        score_time=np.array([result.score_time for result in results]),
        splits=splits,
        estimators=[r.estimator for r in results if r.estimator is not None],
        n_samples=_num_samples(events.X),
    )
