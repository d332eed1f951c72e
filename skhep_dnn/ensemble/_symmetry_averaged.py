"""Any classifier made to use the symmetries of the events.

It is trained on transformed copies of each event and predicts the mean over fixed
variants. The copies share the weight of their event, and they are made after any split,
so that no classifier is validated on what it has seen.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils import Tags, assert_all_finite, check_random_state, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._event_sample import (
    EventSample,
    check_event_sample,
    has_validation_sample,
)
from skhep_dnn._logits import (
    labels,
    log_odds_of_mean,
    log_of_mean,
    log_probability,
    weighted_accuracy,
)
from skhep_dnn._responses import (
    Response,
    log_probabilities,
    response_of,
    told_logarithms,
)
from skhep_dnn._sklearn import HasMethods, Interval, StrOptions, _fit_context
from skhep_dnn._tables import check_table
from skhep_dnn._told_columns import warns_once
from skhep_dnn.ensemble._copied_training import (
    Copier,
    check_n_copies,
    fit_on_copies,
    seeded_clone,
)
from skhep_dnn.ensemble._estimator_checks import check_averageable, check_decisions
from skhep_dnn.ensemble._variant_mean import over_variants
from skhep_dnn.preprocessing import SymmetryAugmenter

__all__ = ["SymmetryAveragedClassifier"]


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(values.mean(axis=0))


def _has_probabilities(model: SymmetryAveragedClassifier) -> bool:
    return hasattr(getattr(model, "estimator_", model.estimator), "predict_proba")


class SymmetryAveragedClassifier(ClassifierMixin, BaseEstimator):
    """Any classifier, trained on and averaged over transformed copies of the events.

    Use it around boosted trees and other classifiers of scikit-learn, which cannot
    transform events anew each time they use them; `WeightedDNNClassifier` can, by its
    own `augmenter`. The classifier sees `n_copies` copies of each event, whose weights
    add up to that of the event, so that every yield is conserved. Predictions are the
    mean over a fixed set of variants, so that they are exactly the same for all of
    these.

    Parameters
    ----------
    estimator : classifier
        Trained on the copies; a clone is fitted. It must take `sample_weight` where
        weights are passed, and must not split its rows by itself, see Notes.
    augmenter : SymmetryAugmenter, default=None
        The transformations; None is `SymmetryAugmenter()`, which finds the momenta by
        the names of their columns.
    n_copies : int, default=8
        Number of copies of each event, the event itself the first: 1 trains on the
        events as they are. None takes all variants, with `copies="variants"`.
    copies : {"random", "variants"}, default="random"
        Whether the copies are transformed at random, each event on its own, or are
        the first of the augmenter's variants, among which predictions are averaged.
    validation_fraction : float, default=None
        Share of the events that is held out, before copies are made, and passed to
        the estimator as `X_val, y_val, sample_weight_val`. None holds out nothing
        unless the estimator would split by itself; then it is the estimator's own
        `validation_fraction`, else 0.1.
    n_jobs : int, default=None
        Number of threads in prediction; it has no effect on the results. Training
        uses the parallelism of the estimator.
    random_state : int, RandomState instance or None, default=None
        Seed of the transformations and of the split, and of every `random_state` in
        the estimator that is None.
    verbose : int, default=0
        1 shows a progress bar in prediction.

    Attributes
    ----------
    estimator_ : classifier
        The fitted clone.
    augmenter_ : SymmetryAugmenter
        The fitted augmenter.
    n_copies_ : int
        Number of copies of each event.
    classes_ : ndarray of shape (n_classes,)
        Class labels, as the estimator has them.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where `X` has them.

    See Also
    --------
    skhep_dnn.preprocessing.SymmetryAugmenter : Declares the transformations.
    skhep_dnn.pipeline.make_weighted_pipeline : Pipeline that passes weights on.

    Notes
    -----
    **Copies of one event never stand on both sides of a split.** Events are split
    first, by groups if there are any, and copied then. So it goes with a search,
    calibration or cross-validation *around* this classifier. Of a split *inside*:

    - An estimator whose `fit` takes `X_val`, such as `HistGradientBoostingClassifier`,
      gets held-out events. Its early stopping switches itself on above 10 000 rows,
      which 8 copies of 1 251 events are; it is also switched on by an `X_val` or a
      `validation_fraction`, which would have no use otherwise.
    - One whose `fit` takes `groups`, such as `WeightedDNNClassifier` with
      `validation_fraction` or `cv`, gets the number of the event as the group.
    - Any other is refused: early stopping of `GradientBoostingClassifier`,
      `MLPClassifier` and `SGDClassifier`, all with a parameter `cv`, `SVC` with
      `probability=True`, out-of-bag scores, also as parts of the estimator.

    Parameters of this kind in other libraries are recognised if they have the names
    that scikit-learn or skorch use. Boosters that stop early on an `eval_set` only
    are safe.

    Held-out events are validated on in all variants, each with its share of the
    weight: the loss is that of training, without the noise of an orientation.

    Negative weights are passed on; it is the estimator that takes or refuses them. An
    estimator that takes no weights may be used without: each copy then counts as an
    event. Labels are those of the largest mean probability, whatever `predict` of the
    estimator does.

    Examples
    --------
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> from skhep_dnn.datasets import make_higgs_events
    >>> from skhep_dnn.ensemble import SymmetryAveragedClassifier
    >>> events = make_higgs_events(500, random_state=0)
    >>> model = SymmetryAveragedClassifier(
    ...     HistGradientBoostingClassifier(max_iter=10), n_copies=2, random_state=0
    ... )
    >>> model = model.fit(
    ...     events.data, events.target, sample_weight=events.sample_weight
    ... )
    >>> model.predict_proba(events.data[:3]).shape
    (3, 2)
    """

    augmenter_: SymmetryAugmenter
    classes_: NDArray[Any]
    estimator_: Any
    n_copies_: int
    _response: Response

    __metadata_request__fit: ClassVar = {"sample_weight": True, "groups": True}
    __metadata_request__score: ClassVar = {"sample_weight": True}

    _copies_rows: ClassVar = True  # another one must not copy them again

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": [HasMethods(["fit", "predict"])],
        "augmenter": [HasMethods(["fit", "augment", "variants"]), None],
        "n_copies": [Interval(Integral, 1, None, closed="left"), None],
        "copies": [StrOptions({"random", "variants"})],
        "validation_fraction": [Interval(Real, 0.0, 1.0, closed="neither"), None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        augmenter: SymmetryAugmenter | None = None,
        n_copies: int | None = 8,
        copies: Literal["random", "variants"] = "random",
        validation_fraction: float | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.augmenter = augmenter
        self.n_copies = n_copies
        self.copies = copies
        self.validation_fraction = validation_fraction
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
        """Fit the estimator to transformed copies of the events.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events, before any scaling. The estimator gets a table of the same kind
            (of pandas, for one of polars or pyarrow), whose index repeats that of `X`.
            Floating dtypes are kept; columns that change are float64 otherwise.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights; None counts each event once.
        X_val, y_val, sample_weight_val : array-like, default=None
            An explicit validation sample for the estimator. Its weights must come with
            `sample_weight`; without it they may, and then judge a training that
            counts each event once.
        groups : array-like of shape (n_samples,), default=None
            Events of one group stay together where events are held out.

        Returns
        -------
        self : SymmetryAveragedClassifier

        Raises
        ------
        TypeError
            If the estimator is no classifier, or takes no weights or no validation
            sample where there are any.
        ValueError
            If the estimator would split copies of one event, its decision function is
            one of pairs of classes, there are fewer variants than `n_copies`, or the
            data are not what is described above.
        MissingWeightsError
            If there are weights, but none of the validation sample.
        """
        check_averageable(self.estimator)
        table = self._table(X, reset=True)
        sample, _ = self._sample(table, y, sample_weight, groups)
        classes = sample.targets.classes
        check_decisions(self.estimator, len(classes))
        validation = None
        if has_validation_sample(
            X_val, y_val, sample_weight_val, is_weighted=sample.is_weighted
        ):
            table_val = check_table(self, X_val, reset=False)
            validation, _ = self._sample(
                table_val, y_val, sample_weight_val, classes=classes, suffix="_val"
            )
        new = SymmetryAugmenter() if self.augmenter is None else clone(self.augmenter)
        self.augmenter_ = new.fit(sample.X)
        self.n_copies_ = check_n_copies(new, self.n_copies, self.copies, table)
        rng = check_random_state(self.random_state)
        self.estimator_ = fit_on_copies(
            seeded_clone(self.estimator, rng),
            sample,
            validation,
            Copier(new, self.n_copies_, self.copies, rng),
            fraction=self.validation_fraction,
        )
        self.classes_ = self.estimator_.classes_
        self._response = response_of(self.estimator_, table)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Logit of the mean probability of `classes_[1]`, or of each of many classes.

        It does not saturate where the sigmoid or the softmax of the estimator's own
        `decision_function` is its probability. Else it is computed from the
        probabilities, and ends at -708 and 708, where they are 0 and 1. Of an
        estimator without probabilities it is the mean decision function.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        y_score : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Positive where `classes_[1]` is the more probable one. With more than two
            classes, that of each class against the rest.
        """
        if getattr(self, "_response", None) == "decision":
            return self._over_variants(
                lambda model, rows: model.decision_function(rows), X
            )
        return self._over_variants(
            lambda model, rows: log_probabilities(model, self._response, rows),
            X,
            log_odds_of_mean,
        )

    @available_if(_has_probabilities)
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Mean of the probabilities of each class over the variants of each event.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return self._over_variants(lambda model, rows: model.predict_proba(rows), X)

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Logarithm of the mean probability of each class.

        It does not saturate where the sigmoid or the softmax of the estimator's own
        `decision_function` is its probability. Else it is computed from what the
        estimator's `predict_log_proba` tells, or from its probabilities.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        if getattr(self, "_response", None) == "probability":
            return self._over_variants(told_logarithms, X, log_of_mean)
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

    def __sklearn_tags__(self) -> Tags:
        """Return scikit-learn's tags: those of the estimator, for dense tables."""
        tags = super().__sklearn_tags__()
        own = get_tags(self.estimator)
        if own.classifier_tags is not None:
            tags.classifier_tags.multi_class = own.classifier_tags.multi_class
            tags.classifier_tags.poor_score = own.classifier_tags.poor_score
        tags.input_tags.allow_nan = own.input_tags.allow_nan
        tags.input_tags.categorical = own.input_tags.categorical
        tags.input_tags.string = own.input_tags.string
        return tags

    def _table(self, X: ArrayLike, *, reset: bool) -> Any:
        """Check the columns, and that copies do not hold infinities of both signs."""
        table = check_table(self, X, reset=reset)
        allow_nan = get_tags(self.estimator).input_tags.allow_nan
        if isinstance(table, np.ndarray) and not allow_nan:
            assert_all_finite(table, allow_nan=True, input_name="X")
        return table

    def _sample(
        self, table: Any, *columns: Any, **known: Any
    ) -> tuple[EventSample, NDArray[np.bool_]]:
        return check_event_sample(
            table, *columns, estimator="SymmetryAveragedClassifier", **known
        )

    def _over_variants(
        self,
        respond: Callable[[Any, Any], NDArray[np.float64]],
        X: ArrayLike,
        combine: Callable[[NDArray[np.float64]], NDArray[np.float64]] = _mean,
    ) -> NDArray[np.float64]:
        """Combine what the fitted estimator answers to the variants of events."""
        check_is_fitted(self)
        return over_variants(
            lambda rows: respond(self.estimator_, rows),
            combine,
            self._table(X, reset=False),
            self.augmenter_,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
        )
