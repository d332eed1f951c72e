"""How much does a classifier rely on each feature, or on all of one object.

The fall of a score, on weighted events, when the values of a group of columns are
taken from other events.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._sklearn import _num_samples
from skhep_dnn.feature_selection._columns import Groups, named_table, resolve_groups
from skhep_dnn.feature_selection._jackknife import jackknife_error
from skhep_dnn.feature_selection._permutation import permuted_scores
from skhep_dnn.feature_selection._scored_samples import Scorer, make_samples
from skhep_dnn.metrics import weighted_scorer

__all__ = ["weighted_permutation_importance"]

FloatArray = NDArray[np.float64]


_DEFAULT_SCORING = "balanced_log_loss"


def weighted_permutation_importance(
    estimator: BaseEstimator | Sequence[BaseEstimator],
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    groups: Groups | None = None,
    indices: Literal["out_of_fold"] | Sequence[ArrayLike] | None = None,
    scoring: str | Scorer | None = None,
    n_repeats: int = 5,
    max_events: int | None = None,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
    event_number: ArrayLike | None = None,
) -> Bunch:
    r"""Importance of features, or of groups of them, by permutation of weighted events.

    The fall of a score when an event keeps its label, its weight and all other columns
    and gets the values of a group from another event. It tells what these fitted models
    rely on, not what another training could do without: of two features that say the
    same, each may look unimportant. Permute both as a group, and see
    `skhep_dnn.feature_selection.compare_after_cut`.

    Parameters
    ----------
    estimator : estimator or sequence of estimators
        Fitted classifier, or several: trained on different folds or with different
        seeds. An ensemble that predicts as one counts as one. The models of a
        `CrossFitClassifier` count by themselves, each with the events that their
        numbers give to it, which it has not seen; the columns of the numbers are no
        features. Without numbers its mean counts as one, for new events.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Events that the models were not trained on, or see `indices`.
    y : array-like of shape (n_samples,)
        Their labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, in events, negative ones too; None counts every event once.
    groups : mapping of str to sequence of str or int, default=None
        Names or positions of columns that are permuted together, row by row, such as
        all components of one jet: what they have to do with each other is kept. A
        column in no group stands alone. An integer is a position, also where columns
        have integers as names.
    indices : "out_of_fold" or sequence of array-like of int, default=None
        For each estimator the rows on which it is scored: its test fold, as in
        ``cross_validate(..., return_indices=True)["indices"]["test"]``. None scores
        all on all events. "out_of_fold" says that `X` are the events that a
        `CrossFitClassifier` was fitted to, in their order, and scores each model on
        those it has not seen.
    scoring : str or callable, default=None
        A name of `weighted_scorer` or a callable
        ``scorer(estimator, X, y, sample_weight=...)`` of which greater is better; it
        is called without weights if there are none. None takes the balanced log-loss.
    n_repeats : int, default=5
        Number of permutations for each estimator.
    max_events : int, default=None
        Score at most so many events of each estimator, drawn at random from each
        class; None scores all.
    n_jobs : int, default=None
        Number of processes, as in joblib. The result does not depend on it, but for
        rounding in the score.
    random_state : int, RandomState instance or None, default=None
        Seed of the permutations.
    event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
        Event numbers, where `fit` of a `CrossFitClassifier` got some beside the events.

    Returns
    -------
    result : Bunch
        One entry or row for each group, in the order of the columns:

        importances : ndarray of shape (n_groups, n_estimators * n_repeats)
            Falls of the score, all repeats of one estimator together.
        importances_mean, importances_std : ndarray of shape (n_groups,)
            Their mean and standard deviation.
        errors : ndarray of shape (n_groups,)
            Error of the mean; see the notes.
        fractional : ndarray of shape (n_groups,)
            Mean fall of the score as a fraction of the absolute score.
        names : list of str
            Names of the groups.
        columns : list of list of str
            Names of the columns of each.
        positions : list of list of int
            Their positions.
        feature_names : list of str
            Names of all columns.
        baseline_scores : ndarray of shape (n_estimators,)
            Scores of the events as they are.
        scoring : str
            Name of the score.

    Raises
    ------
    ValueError
        If an argument is not as described.
    TypeError
        If the columns of a group are not a sequence of names and positions, or `X` is
        not a table of values.
    WeightsError
        If the weights of a class do not sum to more than 0.
    NotFittedError
        If an estimator is not fitted.

    Warns
    -----
    LowStatisticsWarning
        If there are too few events for an error that contains their statistics.

    See Also
    --------
    skhep_dnn.feature_selection.compare_after_cut : Retrain without what is unimportant,
        and compare.
    PermutationImportanceDisplay : The figure.
    sklearn.inspection.permutation_importance : Without groups, ensembles and the error
        from the number of events.

    Notes
    -----
    The importance of the group :math:`g` is

    .. math:: I_g = S(f; x_g, x_r, y, w) - S(f; x_g', x_r, y, w)

    with the values :math:`x_g'` of a donor, drawn independently of :math:`x_r, y`. The
    donors of a classifier are drawn in proportion to :math:`|w|` with the same total
    for each class: the distribution over which the balanced log-loss is a mean, and
    one that does not depend on how many events of each process were simulated. With
    equal weights and class sizes that is a permutation. A group that the models
    ignore has importance 0 for any donors; with negative weights the donors follow
    :math:`|w|`, the score signed weights. Donors of a regressor have no classes.

    The events of a fold or of `max_events` are rescaled per class to the yields of all,
    so that a significance is that of the whole sample. All groups share the donors of a
    repeat.

    The error is that of the mean. It contains the statistics of the events and the
    permutations, by a jackknife of 10 blocks of events, and, of several estimators,
    the standard deviation of their means over the square root of their number. With
    `indices` the latter alone contains all. For a callable without weights, or with too
    few events, a single estimator has the error of the permutations alone, which is
    too small for a comparison with other events.

    In [1]_ features with an importance above 0.005 are kept: the fall of the accuracy
    of random forests with classes of equal weight, here
    ``scoring="balanced_accuracy"``. Its package defines the fractional importance of a
    network as the increase of the loss over the loss: `fractional`, with the default
    score.

    References
    ----------
    .. [1] G. C. Strong, "On the impact of selected modern deep-learning techniques to
       the performance and celerity of classification models in an experimental
       high-energy physics use case", arXiv:2002.01427, section 3.1.
    .. [2] L. Breiman, "Random forests", Machine Learning 45 (2001) 5.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.inspection import weighted_permutation_importance
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["b", "s"], 500)
    >>> X = rng.normal(size=(1000, 3)) + (y == "s")[:, np.newaxis] * [2.0, 1.0, 0.0]
    >>> model = LogisticRegression().fit(X, y)
    >>> result = weighted_permutation_importance(
    ...     model, X, y, rng.exponential(size=1000), random_state=0
    ... )
    >>> result.importances_mean.round(2).tolist()
    [1.0, 0.08, -0.0]
    """
    models, X, indices = _models_with_rows(estimator, X, indices, event_number)
    _check_numbers(models, n_repeats, max_events)
    table, names = named_table(X)
    positions = resolve_groups(names, groups)
    has_weights = sample_weight is not None
    scorer, scoring_name = _check_scoring(scoring, has_weights=has_weights)
    rng = check_random_state(random_state)
    samples = make_samples(
        models,
        table,
        y,
        sample_weight,
        indices,
        max_events,
        rng,
        with_jackknife=indices is None and (has_weights or not callable(scoring)),
    )
    seeds = rng.randint(2**31 - 1, size=(len(models), n_repeats))
    baseline, permuted = permuted_scores(
        samples, list(positions.values()), scorer, seeds, n_jobs
    )
    return Bunch(
        **_statistics(baseline[:, np.newaxis, :] - permuted, baseline[:, 0]),
        names=list(positions),
        columns=[[names[i] for i in group] for group in positions.values()],
        positions=list(positions.values()),
        feature_names=names,
        baseline_scores=baseline[:, 0],
        scoring=scoring_name,
    )


def _models_with_rows(
    estimator: BaseEstimator | Sequence[BaseEstimator],
    X: ArrayLike,
    indices: Literal["out_of_fold"] | Sequence[ArrayLike] | None,
    event_number: ArrayLike | None,
) -> tuple[list[BaseEstimator], ArrayLike, Sequence[ArrayLike] | None]:
    """Return the models, the table as they see it, and the rows of each."""
    if isinstance(estimator, Sequence):
        models = list(estimator)
    elif not getattr(estimator, "_has_own_folds", False):
        models = [estimator]
    else:
        check_is_fitted(estimator)
        folds = _folds(estimator, X, indices, event_number)
        if folds is None:
            return [estimator], X, indices
        rows = {
            int(k): np.flatnonzero(folds == k) for k in np.unique(folds[folds >= 0])
        }
        models = [estimator.estimators_[k] for k in rows]
        return models, estimator.inputs(X), list(rows.values())
    for name, value in (("indices", indices), ("event_number", event_number)):
        if isinstance(value, str) or (name == "event_number" and value is not None):
            msg = (
                f"`{name}` must be left to a CrossFitClassifier, got "
                f"{value if isinstance(value, str) else 'numbers'!r} for "
                f"{type(estimator).__name__}. Pass the rows of each estimator as "
                "`indices`."
            )
            raise ValueError(msg)
    return models, X, indices


def _folds(
    estimator: BaseEstimator,
    X: ArrayLike,
    indices: str | Sequence[ArrayLike] | None,
    event_number: ArrayLike | None,
) -> NDArray[np.int64] | None:
    """Return whose model has not seen each event; None lets the mean score them."""
    if event_number is not None and indices is not None:
        msg = (
            "`event_number` must be given without `indices`, got both: the numbers say "
            "which model scores an event. Leave out one of them."
        )
        raise ValueError(msg)
    if isinstance(indices, str):
        n_fitted, n_given = len(estimator.fold_), _num_samples(X)
        if indices != "out_of_fold" or n_fitted != n_given:
            msg = (
                f'`indices` must be "out_of_fold", with the {n_fitted} events of the '
                f"fit as `X`, got {indices!r} with {n_given} events. Pass the events "
                "of the fit, or event numbers for others."
            )
            raise ValueError(msg)
        return np.asarray(estimator.fold_)
    if indices is None and (estimator.combine_ == "fold" or event_number is not None):
        return np.asarray(estimator.fold_numbers(X, event_number))
    return None


def _check_numbers(
    models: list[BaseEstimator], n_repeats: int, max_events: int | None
) -> None:
    if not models:
        msg = "`estimator` must be fitted, got an empty sequence. Pass a classifier."
        raise ValueError(msg)
    for model in models:
        check_is_fitted(model)
    if not isinstance(n_repeats, Integral) or n_repeats < 1:
        msg = (
            f"`n_repeats` must be an integer of at least 1, got {n_repeats!r}. Take 5 "
            "for an error of the mean."
        )
        raise ValueError(msg)
    if max_events is not None and (
        not isinstance(max_events, Integral) or max_events < 2
    ):
        msg = (
            "`max_events` must be None or an integer of at least 2, got "
            f"{max_events!r}. Take some thousands."
        )
        raise ValueError(msg)


def _check_scoring(
    scoring: str | Scorer | None, *, has_weights: bool
) -> tuple[Scorer, str]:
    if callable(scoring):
        return scoring, getattr(scoring, "__name__", repr(scoring))
    name = _DEFAULT_SCORING if scoring is None else scoring
    return weighted_scorer(name, unit_weights=not has_weights), name


def _statistics(falls: FloatArray, baseline: FloatArray) -> dict[str, FloatArray]:
    """Return the figures of falls of (n_groups, n_estimators, n_repeats, n_scores)."""
    of_models = falls[..., 0].mean(axis=2)
    importances = falls[..., 0].reshape(len(falls), -1)
    return {
        "importances": importances,
        "importances_mean": importances.mean(axis=1),
        "importances_std": importances.std(axis=1),
        "errors": _errors(falls),
        "fractional": (of_models / np.abs(baseline)).mean(axis=1),
    }


def _errors(falls: FloatArray) -> FloatArray:
    _, n_estimators, n_repeats, n_scores = falls.shape
    squares = np.zeros(len(falls))
    if n_scores > 1:
        squares += jackknife_error(falls[..., 1:].mean(axis=(1, 2))) ** 2
    if n_estimators > 1:
        of_models = falls[..., 0].mean(axis=2)
        squares += of_models.var(axis=1, ddof=1) / n_estimators
    elif n_scores == 1:
        if n_repeats == 1:
            return squares * np.nan
        squares += falls[:, 0, :, 0].var(axis=1, ddof=1) / n_repeats
    return np.sqrt(squares)
