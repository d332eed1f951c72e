"""Boosting of networks, or of any classifier: by reweighting, by vote, by gradient.

Each iteration fits another classifier to what the ones before get wrong. Physics
weights are never replaced: boost factors stay beside them, and are multiplied into the
signed training weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, is_classifier
from sklearn.metrics import get_scorer_names
from sklearn.utils import Tags, check_random_state, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._event_sample import (
    EventSample,
    check_event_sample,
    check_two_classes,
    has_validation_sample,
    hold_out,
)
from skhep_dnn._fit_arguments import groups_argument, weights_argument
from skhep_dnn._fold_numbers import FoldNumbers, as_splitter
from skhep_dnn._learnt_table import LearntTable
from skhep_dnn._logits import labels, log_probability, weighted_accuracy
from skhep_dnn._sklearn import HasMethods, Interval, StrOptions, _fit_context
from skhep_dnn._tables import check_table
from skhep_dnn._told_columns import warns_once
from skhep_dnn._warnings import WarnsOnce
from skhep_dnn._weighted_steps import final_step
from skhep_dnn.ensemble._boosting_loop import (
    BoostingPart,
    Patience,
    Stage,
    boost,
    boosting_part,
)
from skhep_dnn.ensemble._boosting_rules import (
    BoostingRule,
    Gradient,
    Reweighting,
    Vote,
)
from skhep_dnn.ensemble._boosting_steps import as_logit
from skhep_dnn.ensemble._copied_training import seeded_clone
from skhep_dnn.ensemble._start_of_boosting import (
    BoostingStart,
    coin,
    measured_shift,
    out_of_fold_start,
)
from skhep_dnn.exceptions import CancellingWeightsWarning
from skhep_dnn.metrics._metric_scorer import METRIC_NAMES
from skhep_dnn.neural_network import (
    WeightedDNNClassifier,
    fit_with_offset,
    refined_weights,
)
from skhep_dnn.neural_network._preparation.members import (
    MAX_SEED,
    WeightRules,
    naming,
)
from skhep_dnn.neural_network._preparation.sample import check_all_classes
from skhep_dnn.neural_network._preparation.validation_scores import Scorer, as_scorer
from skhep_dnn.weights import NegativeWeights
from skhep_dnn.weights._scheme import CANCELLING_KEY, cancelling_message

__all__ = ["BoostedDNN"]

FloatArray = NDArray[np.float64]
Method = Literal["gradient", "vote", "reweight"]


def _small_network() -> WeightedDNNClassifier:
    """Return the default estimator, one small layer that trains in little time."""
    return WeightedDNNClassifier(
        n_layers=1,
        width=32,
        dropout=0.0,
        max_epochs=10,
        categorical_features="from_dtype",
    )


def _has_probabilities(model: BoostedDNN) -> bool:
    return model.method == "vote" or hasattr(model._base(), "predict_proba")


class BoostedDNN(WarnsOnce, ClassifierMixin, BaseEstimator):
    r"""Boosting of small networks, or of any classifier, for weighted events.

    Each iteration trains another classifier on what the ones before get wrong.
    "gradient" adds corrections to the logit and works for strong learners, too;
    "vote" is AdaBoost (SAMME); "reweight" is boosting on errors as in [1]_, where the
    last network predicts. Whether any of them helps is for the validation sample to
    say, which ends the boosting.

    Parameters
    ----------
    estimator : classifier, default=None
        What is trained in each iteration; a clone of it. It must take `sample_weight`,
        and have `predict_proba` unless `method="vote"`. None is a
        `WeightedDNNClassifier` of one layer of 32 outputs and ten passes. Rules for
        weights of a `WeightedDNNClassifier` hold, but are applied here, before boost
        factors are multiplied in.
    method : {"gradient", "vote", "reweight"}, default="gradient"
        The form of boosting.
    n_estimators : int, default=10
        Largest number of iterations.
    learning_rate : float, default=0.5
        Shrinkage, above 0: the share of each step ("gradient") or vote ("vote") that
        is taken. Without effect on "reweight".
    boost_factor : float, default=2.0
        Factor on the weight of a misclassified event in "reweight", above 1. Without
        effect on the others.
    continue_training : bool, default=False
        Whether a network goes on from the one before, by its `warm_start`, instead of
        being trained from scratch; "vote" and "reweight" only.
    max_step : float, default=2.0
        Bound of the step of "gradient" that is searched on the validation sample, in
        units of the correction as the estimator has learnt it. Without a validation
        sample the step is 1.
    init : classifier, default=None
        "gradient" only: the classifier whose logit it starts from, boosted trees for
        example; it is fitted in the folds of `cv`, a `WeightedDNNClassifier` with the
        physics weights, any other with the balanced training weights. None starts
        from equal probabilities.
    cv : int, splitter or fold numbers, default=5
        Folds of `init`, of the events that are not held out; an int means stratified,
        shuffled ones that keep groups together, a column has the fold number of each
        event.
    validation_fraction : float, default=0.2
        Share of the events that is held out, at random within each class: to stop, to
        choose the iteration and to search the step. None holds out nothing; then all
        iterations are used.
    n_iter_no_change : int, default=3
        The boosting stops after so many iterations without a better validation score,
        and the best iteration predicts. None runs and uses all iterations.
    tol : float, default=0.0
        Gain in the validation score that counts as better.
    scoring : str or callable, default=None
        Scorer of the iterations, such as "roc_auc" (its version for signed weights);
        None is minus the balanced log-loss.
    negative_weights : {"keep", "zero", "abs", "error", "refine"}, default=None
        What becomes of negative weights in training; see
        `skhep_dnn.weights.training_weights`. "refine" makes them positive before the
        first iteration, see `skhep_dnn.neural_network.refined_weights`, from the events
        that are not held out; columns of categories are those of a network, or have
        such a dtype. None is the rule of a `WeightedDNNClassifier`, and "keep" for
        other estimators. Validation and the search of the step use them as they are.
    n_jobs : int, default=None
        Folds of `init` that are fitted at the same time.
    random_state : int, RandomState instance or None, default=None
        Seed of the splits, and of every `random_state` in `estimator` and `init` that
        is None, another one in each iteration.
    verbose : int, default=0
        1 shows a progress bar over the iterations.

    Attributes
    ----------
    estimators_ : list of classifier
        The fitted classifiers, of all iterations.
    estimator_weights_ : ndarray of shape (n_fitted,)
        Steps times `learning_rate`, or votes; of "reweight" 1 for each.
    estimator_errors_ : ndarray of shape (n_fitted,)
        Error rate of each classifier on the boosted training events.
    n_iter_ : int
        Number of iterations that predict: up to the best one, with
        `n_iter_no_change`; 0 where none is better than `init`.
    train_score_ : ndarray of shape (n_fitted + 1,)
        Score of the training events after each iteration; the first one is that of
        `init`, nan without.
    validation_scores_ : ndarray of shape (n_fitted + 1,)
        The same of the validation events; nan without.
    boosting_path_ : DataFrame
        One row for each iteration, from 0: "train_score", "validation_score", "error",
        "weight", "n_eff" (effective events of the boosted `|w|`), "largest_factor" and
        "time" in seconds.
    boost_factors_ : ndarray of shape (n_samples,)
        Boost factor of each event in the training of the last classifier; nan where
        an event was not trained on.
    init_shift_ : dict of str to float
        How the start of new events differs from that of training events: log-loss
        "out_of_fold" of the training events, "one_fold" of the validation events by
        one model of a fold, on average, and "mean" by the mean of all; "spread" is the
        rms distance of the logits of one model and the mean. Only with `init`; nan
        without validation events.
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where `X` has them.

    See Also
    --------
    skhep_dnn.inspection.BoostingGainDisplay : Gain or loss of each iteration.
    skhep_dnn.neural_network.fit_with_offset : One iteration of "gradient".

    Notes
    -----
    The error rate of an iteration is
    :math:`e = \sum |w| b\,[\hat y \ne y] / \sum |w| b`, with `|w|` scaled to the same
    sum in each class and boost factors b > 0. The estimator gets the signed training
    weights times b.

    - "reweight": b is multiplied by `boost_factor` for each misclassified event.
    - "vote": a classifier has the vote
      :math:`\alpha = \eta\, [\ln \frac{1 - e}{e} + \ln (K - 1)]` [2]_, with the
      `learning_rate` :math:`\eta`, and b is multiplied by :math:`e^\alpha` for each
      misclassified event. The votes are the logarithm of a probability [3]_. The
      boosting ends before a classifier that is no better than chance.
    - "gradient": with the logits F so far, a `WeightedDNNClassifier` is trained by its
      loss of F + f, see `fit_with_offset`; any other classifier, pipelines included,
      with :math:`b = |y - p|`, so that what it learns is the same f. Then F becomes
      :math:`F + \eta \rho f` with the step :math:`\rho \le` `max_step` of the lowest
      balanced log-loss of the validation events, with their signed weights. One f moves
      the logit of an event by 10 at most, and `init` by 20.

    The held-out events choose step and iteration: their score is a little optimistic.
    Quote that of other events.

    References
    ----------
    .. [1] L. Dudko, P. Volkov, G. Vorotnikov, A. Zaborenko, "Application of deep
       learning technique to an analysis of hard scattering processes at colliders",
       arXiv:2109.08520.
    .. [2] J. Zhu, H. Zou, S. Rosset, T. Hastie, "Multi-class AdaBoost", Statistics
       and Its Interface 2 (2009) 349, Algorithm 2.
    .. [3] J. Friedman, T. Hastie, R. Tibshirani, "Additive logistic regression: a
       statistical view of boosting", Annals of Statistics 28 (2000) 337.

    Examples
    --------
    >>> from skhep_dnn import BoostedDNN
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> events = make_gaussian_events(2000, random_state=0)
    >>> model = BoostedDNN(n_estimators=3, random_state=0)
    >>> model = model.fit(
    ...     events.data, events.target, sample_weight=events.sample_weight
    ... )
    >>> model.predict_proba(events.data[:3]).shape
    (3, 2)
    >>> len(model.validation_scores_)
    4
    """

    classes_: NDArray[Any]
    estimators_: list[Any]
    estimator_weights_: FloatArray
    estimator_errors_: FloatArray
    n_iter_: int
    train_score_: FloatArray
    validation_scores_: FloatArray
    boosting_path_ = LearntTable()
    boost_factors_: FloatArray
    init_shift_: dict[str, float]
    _rule: BoostingRule
    _start: BoostingStart
    _kinds: list[Any]

    __metadata_request__fit: ClassVar = {"sample_weight": True, "groups": True}
    __metadata_request__score: ClassVar = {"sample_weight": True}

    # Parameters by which a fit splits its rows, unless they are None.
    _splits_rows_by: ClassVar = ("validation_fraction", "cv")

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "method": [StrOptions({"gradient", "vote", "reweight"})],
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0.0, None, closed="neither")],
        "boost_factor": [Interval(Real, 1.0, None, closed="neither")],
        "continue_training": ["boolean"],
        "max_step": [Interval(Real, 0.0, None, closed="neither")],
        "init": [HasMethods(["fit", "predict"]), None],
        "cv": [
            Interval(Integral, 2, None, closed="left"),
            HasMethods(["split"]),
            "array-like",
        ],
        "validation_fraction": [Interval(Real, 0.0, 1.0, closed="neither"), None],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), None],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "scoring": [StrOptions({*get_scorer_names(), *METRIC_NAMES}), callable, None],
        "negative_weights": [
            StrOptions({"keep", "zero", "abs", "error", "refine"}),
            None,
        ],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        method: Method = "gradient",
        n_estimators: int = 10,
        learning_rate: float = 0.5,
        boost_factor: float = 2.0,
        continue_training: bool = False,
        max_step: float = 2.0,
        init: Any = None,
        cv: Any = 5,
        validation_fraction: float | None = 0.2,
        n_iter_no_change: int | None = 3,
        tol: float = 0.0,
        scoring: str | Scorer | None = None,
        negative_weights: NegativeWeights | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.boost_factor = boost_factor
        self.continue_training = continue_training
        self.max_step = max_step
        self.init = init
        self.cv = cv
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.scoring = scoring
        self.negative_weights = negative_weights
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @warns_once
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Train one classifier after the other.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events; the estimator gets a table of the same kind.
        y : array-like of shape (n_samples,)
            Labels of two classes or more.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights; None counts each event once. An event of weight zero is
            as good as absent.
        X_val, y_val, sample_weight_val : array-like, default=None
            An explicit validation sample, in place of `validation_fraction`. Its
            weights must come with `sample_weight`; without it they may, and then judge
            a training that counts each event once.
        groups : array-like of shape (n_samples,), default=None
            Events of one group stay together where events are held out, in the folds
            of `init`, and in splits of the estimator itself.

        Returns
        -------
        self : BoostedDNN

        Raises
        ------
        TypeError
            If the estimator or `init` is no classifier, takes no weights or has no
            probabilities where they are needed.
        ValueError
            If options contradict each other, the first vote is no better than
            chance, or the data are not what is described above.
        WeightsError
            If the weights cannot be used.
        MissingWeightsError
            If there are weights, but none of the validation sample.

        Warns
        -----
        CancellingWeightsWarning
            If negative weights are kept that take more than a fifth from the sum of
            `|w|` of a class.
        """
        rule = self._checked_rule()
        sample, present = self._sample(
            check_table(self, X, reset=True), y, sample_weight, groups
        )
        check_two_classes(sample.targets.classes)
        explicit = None
        if has_validation_sample(
            X_val, y_val, sample_weight_val, is_weighted=sample.is_weighted
        ):
            table = check_table(self, X_val, reset=False)
            explicit = self._validation_sample(
                table, y_val, sample_weight_val, sample.targets.classes
            )
        rng = check_random_state(self.random_state)
        rows, parts = self._parts(sample, explicit, rng)
        train = parts[0]
        weights = self._training_weights(train.events, rng)
        folds = self._folds(sample, rows)
        start, out_of_fold = self._started(train, weights, folds, rng)
        scores = [out_of_fold, *(start.scores(part.X) for part in parts[1:])]
        before = self._scores_of_init(parts, scores)
        stages = boost(
            rule,
            parts,
            scores,
            partial(self._fit_next, train.events, weights, rng),
            n_estimators=self.n_estimators,
            patience=Patience(self.n_iter_no_change, self.tol),
            start_score=before[1],
            verbose=self.verbose,
        )
        factors = np.full(len(present), np.nan)
        factors[np.flatnonzero(present)[rows]] = stages[-1].factors
        self.classes_ = sample.targets.classes
        self.boost_factors_ = factors
        self._record(stages, before, is_validated=len(parts) > 1)
        self._start, self._rule = start, rule
        self.__dict__.pop("init_shift_", None)  # of a fit before
        if self.init is not None:
            self.init_shift_ = measured_shift(start, out_of_fold, parts)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Logit of `classes_[1]`, or of each of many classes against the rest.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        y_score : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Positive where `classes_[1]` is the more probable one.
        """
        return as_logit(self._scores(X))

    @available_if(_has_probabilities)
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probability of each class, on the prior of the training weights.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`. Of "vote" they are the better known, the fewer
            votes there are: those of many agreeing ones are too certain.
        """
        return np.asarray(softmax(self._scores(X), axis=1))

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Logarithm of the probability of each class, from its logit.

        It is exact where `predict_proba` is rounded to 0 or 1.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return log_probability(self.decision_function(X))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Most probable class of each event.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        return labels(self.decision_function(X), self.classes_)

    def init_decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Decision function before the first iteration: the mean over `init`'s folds.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        y_score : ndarray of shape (n_samples,) or (n_samples, n_classes)
            0 everywhere without `init`, for two classes.
        """
        return as_logit(self._scores_of_start(X))

    def init_predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probability of each class before the first iteration.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
            Equal ones without `init`.
        """
        return np.asarray(softmax(self._scores_of_start(X), axis=1))

    def staged_decision_function(self, X: ArrayLike) -> Iterator[NDArray[np.float64]]:
        """Yield `decision_function` after each iteration, those after the best too.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Yields
        ------
        y_score : ndarray of shape (n_samples,) or (n_samples, n_classes)
            After one iteration, two, up to the last that was fitted.
        """
        for scores in self._staged_scores(X):
            yield as_logit(scores)

    @available_if(_has_probabilities)
    def staged_predict_proba(self, X: ArrayLike) -> Iterator[NDArray[np.float64]]:
        """Yield `predict_proba` after each iteration, those after the best too.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Yields
        ------
        probability : ndarray of shape (n_samples, n_classes)
            After one iteration, two, up to the last that was fitted.
        """
        for scores in self._staged_scores(X):
            yield np.asarray(softmax(scores, axis=1))

    def staged_predict(self, X: ArrayLike) -> Iterator[NDArray[Any]]:
        """Yield `predict` after each iteration, those after the best too.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Yields
        ------
        labels : ndarray of shape (n_samples,)
            After one iteration, two, up to the last that was fitted.
        """
        for y_score in self.staged_decision_function(X):
            yield labels(y_score, self.classes_)

    def staged_score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Iterator[float]:
        """Yield `score` after each iteration, those after the best too.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            True labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights; None counts each event once.

        Yields
        ------
        accuracy : float
            After one iteration, two, up to the last that was fitted.
        """
        for predicted in self.staged_predict(X):
            yield weighted_accuracy(y, predicted, sample_weight)

    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Weighted accuracy: the sum of weights classified right over the sum of all.

        Negative weights count as they are, in both sums; the accuracy can then lie
        outside [0, 1].

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            True labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights; None counts each event once.

        Returns
        -------
        accuracy : float

        Raises
        ------
        WeightsError
            If the weights do not sum to more than zero.
        """
        return weighted_accuracy(y, self.predict(X), sample_weight)

    @property
    def init_estimators_(self) -> list[Any]:
        """Models of the folds of `init`; empty without."""
        check_is_fitted(self, "estimators_")
        return list(self._start.models)

    def __sklearn_tags__(self) -> Tags:
        """Return scikit-learn's tags: those of the estimator, for dense tables."""
        tags = super().__sklearn_tags__()
        parts = [
            get_tags(part) for part in (self._base(), self.init) if part is not None
        ]
        if parts[0].classifier_tags is not None:
            tags.classifier_tags.multi_class = parts[0].classifier_tags.multi_class
            tags.classifier_tags.poor_score = parts[0].classifier_tags.poor_score
        tags.input_tags.allow_nan = all(part.input_tags.allow_nan for part in parts)
        tags.input_tags.categorical = all(p.input_tags.categorical for p in parts)
        tags.input_tags.string = all(part.input_tags.string for part in parts)
        return tags

    def _base(self) -> Any:
        return _small_network() if self.estimator is None else self.estimator

    def _takes_offset(self) -> bool:
        """Return whether the estimator is trained on top of the logits so far."""
        return self.method == "gradient" and isinstance(
            self._base(), WeightedDNNClassifier
        )

    def _checked_rule(self) -> BoostingRule:
        """Check the conditions between parameters; return the form of boosting."""
        rule = self._make_rule()
        _check_classifier(
            self._base(), "estimator", needs_probabilities=rule.needs_probabilities
        )
        weights_argument(self._base(), required=True)
        if self.init is not None:
            _check_classifier(self.init, "init", needs_probabilities=True)
        if self.init is not None and self.method != "gradient":
            msg = (
                f'`init` must be None unless method="gradient", got it with '
                f"{self.method!r}, which has no logit to start from. Leave it out."
            )
            raise ValueError(msg)
        if self.init is not None and np.iterable(as_splitter(self.cv)):
            msg = (
                "`cv` must be a number of folds, a splitter or a column of fold "
                "numbers, got an iterable of positions, which would count events that "
                "are held out before. Pass a splitter."
            )
            raise ValueError(msg)
        if self.continue_training:
            self._check_continues()
        return rule

    def _make_rule(self) -> BoostingRule:
        if self.method == "reweight":
            return Reweighting(self.boost_factor)
        if self.method == "vote":
            return Vote(self.learning_rate)
        return Gradient(self.learning_rate, self.max_step, self._takes_offset())

    def _check_continues(self) -> None:
        if self.method == "gradient":
            msg = (
                '`continue_training` must be False with method="gradient", each of '
                "whose corrections is another function, got True. Leave it out."
            )
            raise ValueError(msg)
        final = final_step(self._base())
        if "warm_start" not in final.get_params(deep=False):
            msg = (
                "`continue_training` must come with an estimator that has "
                f"`warm_start`, got {type(final).__name__}. Leave it out, or pass a "
                "network."
            )
            raise ValueError(msg)

    def _sample(
        self, table: Any, *columns: Any, **known: Any
    ) -> tuple[EventSample, NDArray[np.bool_]]:
        return check_event_sample(table, *columns, estimator="BoostedDNN", **known)

    def _validation_sample(
        self, table: Any, y: Any, sample_weight: Any, classes: NDArray[Any]
    ) -> EventSample:
        explicit, _ = self._sample(
            table, y, sample_weight, classes=classes, suffix="_val"
        )
        explicit = explicit.take(np.flatnonzero(explicit.sample_weight))
        check_all_classes(explicit, "y_val", "Pass validation events of all classes.")
        return explicit

    def _parts(
        self,
        sample: EventSample,
        explicit: EventSample | None,
        rng: np.random.RandomState,
    ) -> tuple[NDArray[np.int64], list[BoostingPart]]:
        """Return which events train, and the parts: training, and validation if any."""
        rows = np.flatnonzero(sample.sample_weight)
        seed = int(rng.randint(MAX_SEED))
        scorer = as_scorer(self.scoring, len(sample.targets.classes))
        if explicit is not None:
            everything = np.arange(len(explicit))
            valid = [boosting_part(explicit, everything, scorer)]
        elif self.validation_fraction is not None:
            codes = sample.targets.codes[rows]
            groups = None if sample.groups is None else sample.groups[rows]
            own, held = hold_out(codes, groups, self.validation_fraction, seed)
            with naming("validation sample"):
                valid = [boosting_part(sample, rows[held], scorer)]
            rows = rows[own]
        else:
            valid = []
        with naming("training sample"):
            train = boosting_part(sample, rows, scorer)
        return rows, [train, *valid]

    def _training_weights(
        self, events: EventSample, rng: np.random.RandomState
    ) -> FloatArray:
        """Return training weights, by the rules of a network or by default."""
        final, targets = final_step(self._base()), events.targets
        if isinstance(final, WeightedDNNClassifier):
            rules = final._make_weight_rules()
        else:
            rules = WeightRules("keep", None, "balanced", 1.0, None)
        if self.negative_weights is not None:
            rules = replace(rules, negative_weights=self.negative_weights)
        if rules.negative_weights == "refine" and (events.sample_weight < 0.0).any():
            refined = refined_weights(
                events.X,
                events.y,
                events.sample_weight,
                groups=events.groups,
                **self._columns_of_base(),
                random_state=rng,
                n_jobs=self.n_jobs,
            )
            targets = replace(targets, sample_weight=refined)
        message = cancelling_message(
            targets.codes, targets.classes, targets.sample_weight
        )
        if message is not None and rules.negative_weights == "keep":
            self._warn_once(message, CancellingWeightsWarning, key=CANCELLING_KEY)
        return rules.apply(rules.scheme(targets), targets)

    def _columns_of_base(self) -> dict[str, Any]:
        """Return which columns of the events have categories, and what is undefined."""
        base = self._base()
        if isinstance(base, WeightedDNNClassifier):
            names = ("categorical_features", "missing_values")
            return {name: getattr(base, name) for name in names}
        return {"categorical_features": "from_dtype"}

    def _folds(self, sample: EventSample, rows: NDArray[np.int64]) -> Any:
        """Return the folds of `init`, of some of the events."""
        cv = as_splitter(self.cv)
        if self.init is None or not isinstance(cv, FoldNumbers):
            return cv
        next(cv.split(sample.X))  # there are as many numbers as events
        return cv.take(rows)

    def _started(
        self,
        train: BoostingPart,
        weights: FloatArray,
        folds: Any,
        rng: np.random.RandomState,
    ) -> tuple[BoostingStart, FloatArray]:
        """Return where new events start, and the scores that training events have."""
        n_classes = len(train.events.targets.classes)
        if self.init is None:
            return coin(n_classes), np.zeros((len(train.codes), n_classes))
        events = train.events
        given: FloatArray | None = weights
        if isinstance(final_step(self.init), WeightedDNNClassifier):
            given = events.sample_weight  # for which it has rules of its own
        if weights_argument(self.init, required=events.is_weighted) is None:
            given = None
        return out_of_fold_start(
            seeded_clone(self.init, rng),
            events,
            given,
            folds,
            seed=int(rng.randint(MAX_SEED)),
            n_jobs=self.n_jobs,
        )

    def _scores_of_init(
        self, parts: Sequence[BoostingPart], scores: Sequence[FloatArray]
    ) -> tuple[float, float]:
        """Return the scores before the first iteration; nan without `init`."""
        if self.init is None:
            return np.nan, np.nan
        known = [part.score(s) for part, s in zip(parts, scores, strict=True)]
        return known[0], known[1] if len(known) > 1 else np.nan

    def _fit_next(
        self,
        events: EventSample,
        weights: FloatArray,
        rng: np.random.RandomState,
        factors: FloatArray,
        scores: FloatArray,
        before: Any,
    ) -> Any:
        """Return the classifier of the next iteration, fitted."""
        model = self._next_model(before, rng)
        # As many effective passes whatever the factors are: the mean of `|w| b` is 1.
        boosted = weights * factors
        boosted *= np.count_nonzero(boosted) / np.abs(boosted).sum()
        if self._takes_offset():
            offset = as_logit(scores) if scores.shape[1] == 2 else scores
            return fit_with_offset(
                model, events.X, events.y, boosted, offset=offset, groups=events.groups
            )
        arguments = {str(weights_argument(model, required=True)): boosted}
        groups_name = groups_argument(model)
        if events.groups is not None and groups_name is not None:
            arguments[groups_name] = events.groups
        return model.fit(events.X, events.y, **arguments)

    def _next_model(self, before: Any, rng: np.random.RandomState) -> Any:
        if before is not None and self.continue_training:
            model = deepcopy(before)
            final_step(model).set_params(warm_start=True)
            return model
        model = seeded_clone(self._base(), rng)
        final = final_step(model)
        if isinstance(final, WeightedDNNClassifier):  # its rules have been applied
            final.set_params(**_NO_WEIGHT_RULES)
            final._warnings_told().add(CANCELLING_KEY)  # said of the whole
        return model

    def _record(
        self,
        stages: Sequence[Stage],
        before: tuple[float, float],
        *,
        is_validated: bool,
    ) -> None:
        """Set what was learnt of the iterations."""
        self.estimators_ = [stage.model for stage in stages]
        self._kinds = [stage.kind for stage in stages]
        self.estimator_weights_ = np.array([stage.weight for stage in stages])
        self.estimator_errors_ = np.array([stage.error for stage in stages])
        names = ("train_score", "validation_score", "error", "weight", "n_eff", "time")
        rows = [[getattr(stage, name) for name in names] for stage in stages]
        path = pd.DataFrame([[*before, *[np.nan] * 4], *rows], columns=list(names))
        path.insert(5, "largest_factor", [np.nan, *(s.factors.max() for s in stages)])
        path.index.name = "iteration"
        self.boosting_path_ = path
        self.train_score_ = path["train_score"].to_numpy()
        self.validation_scores_ = path["validation_score"].to_numpy()
        self.n_iter_ = len(stages)
        if is_validated and self.n_iter_no_change is not None:
            self.n_iter_ = _best_iteration(self.validation_scores_)

    def _scores_of_start(self, X: ArrayLike) -> FloatArray:
        check_is_fitted(self, "estimators_")
        return self._start.scores(check_table(self, X, reset=False))

    def _staged_scores(self, X: ArrayLike) -> Iterator[FloatArray]:
        """Yield the scores of events after each iteration."""
        check_is_fitted(self, "estimators_")
        table, rule = check_table(self, X, reset=False), self._rule
        scores = self._start.scores(table)
        fitted = zip(
            self.estimators_, self._kinds, self.estimator_weights_, strict=True
        )
        for model, kind, weight in fitted:
            scores = rule.added(scores, rule.response(model, kind, table), weight)
            yield scores

    def _scores(self, X: ArrayLike) -> FloatArray:
        """Return the scores of events after the iterations that predict."""
        check_is_fitted(self, "estimators_")
        table, rule = check_table(self, X, reset=False), self._rule
        scores = self._start.scores(table)
        first = self.n_iter_ - 1 if rule.forgets else 0
        for k in range(max(first, 0), self.n_iter_):
            response = rule.response(self.estimators_[k], self._kinds[k], table)
            scores = rule.added(scores, response, self.estimator_weights_[k])
        return scores


_NO_WEIGHT_RULES = {
    "negative_weights": "keep",
    "max_weight": None,
    "class_weight": None,
    "signal_weight": 1.0,
    "pos_label": None,
}


def _best_iteration(scores: FloatArray) -> int:
    """Return how many iterations have the best validation score."""
    if np.isnan(scores).all():
        msg = (
            "`scoring` must give a finite score after some iteration, got nan after "
            f"all {len(scores) - 1}. Validate on more events, choose a score that is "
            "defined for them, or set n_iter_no_change=None."
        )
        raise ValueError(msg)
    return int(np.nanargmax(scores))


def _check_classifier(estimator: Any, name: str, *, needs_probabilities: bool) -> None:
    """Refuse what is no classifier, or has no probabilities where they are needed."""
    kind = type(estimator).__name__
    if not is_classifier(estimator):
        msg = f"`{name}` must be a classifier, got {kind}. Pass a classifier."
        raise TypeError(msg)
    if needs_probabilities and not hasattr(estimator, "predict_proba"):
        msg = (
            f"`{name}` must have `predict_proba`, of which the logit is boosted, got "
            f"{kind} without. Set the parameter that gives it probabilities, or take "
            'method="vote".'
        )
        raise TypeError(msg)
