"""One model for each fold, and every event to the one model that its number selects.

All simulated events are needed twice, to train on and to make the templates of the
analysis. With a model for each fold of event numbers both is possible: the model that
scores an event, known or new, has never seen one of its number.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils import Tags, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skhep_dnn._event_sample import EventSample, check_event_sample, check_two_classes
from skhep_dnn._fit_arguments import groups_argument
from skhep_dnn._learnt_table import LearntTable
from skhep_dnn._logits import weighted_accuracy
from skhep_dnn._present_events import splits_of_present, taken
from skhep_dnn._sklearn import (
    HasMethods,
    StrOptions,
    _check_method_params,
    _fit_context,
)
from skhep_dnn._tables import check_table, select_columns
from skhep_dnn._told_columns import warns_once
from skhep_dnn._warnings import WarnsOnce
from skhep_dnn._weighted_steps import final_step
from skhep_dnn.ensemble._estimator_checks import check_averageable, check_decisions
from skhep_dnn.ensemble._internal_splits import keeps_groups, splitting_parts
from skhep_dnn.exceptions import MeanCombinationWarning
from skhep_dnn.model_selection._event_number import EventNumbers, check_event_numbers
from skhep_dnn.model_selection._event_number_kfold import (
    EventNumberKFold,
    Number,
    fold_report,
    number_positions,
    numbers_of_columns,
)
from skhep_dnn.model_selection._fit_folds import fit_folds
from skhep_dnn.model_selection._fold_models import (
    N_SPLITS,
    FoldModels,
    folds_of_classifier,
    oof_decisions,
)
from skhep_dnn.model_selection._folds import Events, FoldRules
from skhep_dnn.model_selection._pooled import OutOfFold, PoolRules, pool_folds
from skhep_dnn.model_selection._routing import routed_params
from skhep_dnn.model_selection._scoring import Scoring

__all__ = ["CrossFitClassifier"]

_NO_SCORES = Scoring({}, is_multimetric=True)


def _has_probabilities(model: CrossFitClassifier) -> bool:
    fitted = getattr(model, "estimators_", None)
    return hasattr(fitted[0] if fitted else model.estimator, "predict_proba")


class _Sample(NamedTuple):
    """Events of a fit, without the columns of numbers, and their numbers."""

    inputs: Any
    events: EventSample
    numbers: EventNumbers | None


class CrossFitClassifier(WarnsOnce, ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """One model for each fold, and each event to the model that its number selects.

    With event numbers every event is scored by one model that has not seen it: an event
    of the training sample, one of a systematic variation of the same event, a new
    simulated one, a recorded one. So the whole simulation can be trained on and used in
    the analysis, all samples have the same variable, and what was tuned out-of-fold
    holds for all of them. Without numbers new events get the mean of the models.

    Parameters
    ----------
    estimator : classifier
        What is fitted in each fold: any classifier, or a pipeline that ends with one;
        clones are fitted. It must take `sample_weight` where weights are passed.
    cv : int, splitter, iterable, fold numbers or None, default=None
        Folds; None for five. A column has the fold number of each event, -1 for one
        that trains all models. With event numbers a number of folds or an
        `EventNumberKFold` without a column.
    event_number : int or str, or sequence of them, default=None
        Column of `X` with the event numbers, by name or by position, or the two of run
        and event numbers, such as ``["run", "event"]``; the estimator does not see
        them. None takes the numbers from the argument `event_number` of `fit` and of
        the predictions, where it is passed.
    combine : {"auto", "fold", "mean"}, default="auto"
        What scores an event: the model of its fold, or the mean of all. "auto" takes
        the fold where there are numbers, else the mean; "fold" insists on numbers.
    as_members : bool or "auto", default="auto"
        Whether the folds of a `WeightedDNNClassifier`, alone or last in a pipeline,
        train as members of one batch, which is faster, as in `cross_validate_pooled`.
    n_jobs : int, default=None
        Folds that are fitted at the same time, in processes of joblib's backend.
    verbose : int, default=0
        Above 0 shows a progress bar over the folds.

    Attributes
    ----------
    estimators_ : list of classifier
        The fitted models; model k has not seen the events of fold k.
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes.
    combine_ : {"fold", "mean"}
        What scores an event.
    cv_ : splitter
        The folds; an `EventNumberKFold` where there are numbers.
    fold_ : ndarray of shape (n_samples,)
        Fold of each training event, -1 where it was never left out, or is of a class
        without weights; of a repeated cross-validation in its first pass.
    oof_decision_function_ : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Decision function of each training event by the model that has not seen it, the
        mean over the passes of a repeated cross-validation; nan where it was never left
        out. With numbers it is what `decision_function` returns for the event.
    fold_report_ : DataFrame
        Yield, in events, number of events and of effective events by fold and class.
    n_features_in_ : int
        Number of columns, those of the numbers included.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if they were all strings.

    See Also
    --------
    skhep_dnn.model_selection.EventNumberKFold : The folds.
    skhep_dnn.model_selection.SignificanceThresholdClassifier : The cut that belongs to
        these scores.

    Notes
    -----
    The mean of models is another variable than the score of one of them: it fluctuates
    less, so that fewer background events pass a cut in the tail. A cut with a
    background efficiency of 1 % out-of-fold has the same on new events if one model
    scores each, and less with the mean. The mean separates better; its cuts must be
    chosen on events that none of the models has seen.

    With numbers, what the estimator splits off by itself follows them too: its `fit`
    gets them as `groups` if it takes such, as one integer an event. An estimator that
    splits its rows and takes no groups is refused where a number is there twice.

    Without numbers `groups` are for `cv`; None and a number of folds then mean
    `StratifiedGroupKFold`. With metadata routing weights and other arguments go where
    they are requested.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.ensemble import CrossFitClassifier
    >>> events = make_gaussian_events(1000, random_state=0)
    >>> X = events.data.assign(EventId=np.arange(1000))
    >>> model = CrossFitClassifier(LogisticRegression(), event_number="EventId")
    >>> model = model.fit(X, events.target, sample_weight=abs(events.sample_weight))
    >>> scores = model.decision_function(X)
    >>> bool((scores == model.oof_decision_function_).all())
    True
    """

    estimators_: list[Any]
    combine_: Literal["fold", "mean"]
    cv_: Any
    fold_: NDArray[np.int64]
    oof_decision_function_: NDArray[np.float64]
    fold_report_ = LearntTable()
    _models: FoldModels
    _has_numbers: bool

    __metadata_request__fit: ClassVar = {
        "sample_weight": True,
        "groups": True,
        "event_number": True,
    }
    __metadata_request__decision_function: ClassVar = {"event_number": True}
    __metadata_request__predict_proba: ClassVar = {"event_number": True}
    __metadata_request__predict_log_proba: ClassVar = {"event_number": True}
    __metadata_request__predict: ClassVar = {"event_number": True}
    __metadata_request__score: ClassVar = {"sample_weight": True, "event_number": True}

    # Others, such as a choice of the cut, ask it for scores instead of making folds.
    _has_own_folds: ClassVar = True

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": [HasMethods(["fit", "predict"])],
        "cv": ["cv_object"],
        "event_number": [Integral, str, "array-like", None],
        "combine": [StrOptions({"auto", "fold", "mean"})],
        "as_members": ["boolean", StrOptions({"auto"})],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        cv: Any = None,
        event_number: Number | None = None,
        combine: Literal["auto", "fold", "mean"] = "auto",
        as_members: bool | Literal["auto"] = "auto",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.cv = cv
        self.event_number = event_number
        self.combine = combine
        self.as_members = as_members
        self.n_jobs = n_jobs
        self.verbose = verbose

    @warns_once
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        event_number: ArrayLike | None = None,
        **params: Any,
    ) -> Self:
        """Fit one model for each fold.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, negative ones allowed, passed to every fit; None passes
            none.
        groups : array-like of shape (n_samples,), default=None
            Without event numbers, events of one group stay together.
        event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Event numbers, or run and event numbers, where no column has them.
        **params : dict
            Further arguments of `fit` of the estimator, as ``step__name`` for a step
            of a pipeline; those with one value for each event are split. With metadata
            routing they go where they are requested.

        Returns
        -------
        self : CrossFitClassifier

        Raises
        ------
        TypeError
            If the estimator is no classifier, or would leave the weights out, or
            numbers are no numbers.
        ValueError
            If numbers are missing, given twice or cannot be used, `cv` is not of
            numbers where there are some, the estimator would put events of one number
            on both sides of a split of its own, or a fold lacks a class.

        Warns
        -----
        MeanCombinationWarning
            If new events get the mean of the models; once for this estimator and its
            clones.
        """
        check_averageable(self.estimator)
        sample, present = self._sample(X, y, sample_weight, event_number)
        params = _check_method_params(y, params={**params, "groups": groups})
        _, _, params = taken(present, y, y, params)
        groups = params.pop("groups")
        self.combine_ = self._combination(sample.numbers)
        self._has_numbers = sample.numbers is not None
        self.cv_ = self._splitter(sample, groups)
        if self.combine_ == "mean":
            self._warn_of_mean()
        events = sample.events
        routed = routed_params(
            self,
            self.estimator,
            _NO_SCORES,
            {
                "sample_weight": events.sample_weight if events.is_weighted else None,
                "groups": groups,
                **params,
            },
        )
        fit_params = dict(routed.estimator.fit)
        fit_params |= self._number_groups(sample.numbers)
        kept = Events(sample.inputs, events.y, fit_params, {})
        results = fit_folds(
            self.estimator,
            kept,
            self._splits(sample, present, routed.splitter.split),
            FoldRules(_NO_SCORES, return_estimator=True),
            as_members=self.as_members,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
        )
        passes, _ = pool_folds(results, kept, _NO_SCORES, PoolRules(pooled=False))
        self.estimators_ = [result.estimator for result in results]
        self._models = FoldModels.of(self.estimators_, sample.inputs)
        self.classes_ = self._models.classes
        folds = _folds_of(passes[0], len(events))
        self.fold_report_ = fold_report(
            folds, events.y, events.sample_weight, n_folds=int(folds.max()) + 1
        )
        decisions = oof_decisions(passes, len(events))
        self.oof_decision_function_ = np.full(
            (len(present), *decisions.shape[1:]), np.nan
        )
        self.oof_decision_function_[present] = decisions
        self.fold_ = np.full(len(present), -1, dtype=folds.dtype)
        self.fold_[present] = folds
        return self

    def fold_numbers(
        self, X: ArrayLike, event_number: ArrayLike | None = None
    ) -> NDArray[np.int64]:
        """Fold of each event, whose model scores it and has not seen its number.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.
        event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Their numbers, where `fit` got some beside the events.

        Returns
        -------
        fold : ndarray of shape (n_samples,)
            The model of fold k is ``estimators_[k]``.

        Raises
        ------
        ValueError
            If events are scored by the mean of the models, or numbers are missing.
        """
        check_is_fitted(self)
        folds = self._folds(check_table(self, X, reset=False), event_number)
        if folds is None:
            msg = (
                "`event_number` must select the model of an event, got models whose "
                "mean scores all events. Fit with event numbers, or take `fold_` for "
                "the events of the fit."
            )
            raise ValueError(msg)
        return folds

    def inputs(self, X: ArrayLike) -> Any:
        """Columns that the models see: all but those of the event numbers.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        inputs : DataFrame or ndarray of shape (n_samples, n_inputs)
        """
        check_is_fitted(self)
        return self._inputs(check_table(self, X, reset=False))

    def decision_function(
        self, X: ArrayLike, event_number: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Decision function of the model of each event, or of the mean of the models.

        Of a model that has none it is the logit of its probability. That of the mean is
        the logit of the mean probability, or the mean where there are no probabilities.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.
        event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Their numbers, where `fit` got some beside the events.

        Returns
        -------
        y_score : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        return self._models_of("decision_function", X, event_number)

    @available_if(_has_probabilities)
    def predict_proba(
        self, X: ArrayLike, event_number: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Probability of each class by the model of each event, or the mean.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.
        event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Their numbers, where `fit` got some beside the events.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return self._models_of("predict_proba", X, event_number)

    @available_if(_has_probabilities)
    def predict_log_proba(
        self, X: ArrayLike, event_number: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Logarithm of the probability of each class, from the logits of the models.

        It is exact where `predict_proba` is rounded to 0 or 1, if the sigmoid or the
        softmax of the models' decision function is their probability. Of other models
        it is what their `predict_log_proba` tells, or the logarithm of the probability.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.
        event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Their numbers, where `fit` got some beside the events.

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return self._models_of("predict_log_proba", X, event_number)

    def predict(
        self, X: ArrayLike, event_number: ArrayLike | None = None
    ) -> NDArray[Any]:
        """Label of each event by its model, or the most probable one of the mean.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.
        event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Their numbers, where `fit` got some beside the events.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        return self._models_of("predict", X, event_number)

    def score(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        event_number: ArrayLike | None = None,
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
        event_number : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Their numbers, where `fit` got some beside the events.

        Returns
        -------
        accuracy : float

        Raises
        ------
        WeightsError
            If the weights do not sum to more than zero.
        """
        return weighted_accuracy(y, self.predict(X, event_number), sample_weight)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the routing: to the estimator, to the splitter and to itself.

        Returns
        -------
        routing : MetadataRouter
        """

        def in_fit(callee: str) -> MethodMapping:
            return MethodMapping().add(caller="fit", callee=callee)

        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(estimator=self.estimator, method_mapping=in_fit("fit"))
            .add(
                splitter=folds_of_classifier(self.cv, None, grouped=True),
                method_mapping=in_fit("split"),
            )
        )

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

    def _sample(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        event_number: ArrayLike | None,
    ) -> tuple[_Sample, NDArray[np.bool_]]:
        """Check the events, learn the columns, and part numbers from inputs.

        Also returned is which of the events are there, of classes with weights.
        """
        table = check_table(self, X, reset=True)
        events, present = check_event_sample(
            table, y, sample_weight, estimator="CrossFitClassifier"
        )
        check_two_classes(events.targets.classes)
        check_decisions(self.estimator, len(events.targets.classes))
        numbers = self._numbers(table, event_number)
        if numbers is not None and not present.all():
            numbers = EventNumbers(*(column[present] for column in numbers))
        return _Sample(self._inputs(events.X), events, numbers), present

    def _numbers(
        self, table: Any, event_number: ArrayLike | None
    ) -> EventNumbers | None:
        if self.event_number is None:
            if event_number is None:
                return None
            numbers = check_event_numbers(event_number, "event_number")
            check_consistent_length(table, numbers.event)
            return numbers
        if event_number is not None:
            msg = (
                "`event_number` must be given once, got both the column "
                f"{self.event_number!r} and an argument. Leave out one of them."
            )
            raise ValueError(msg)
        return numbers_of_columns(table, self.event_number, "event_number")

    def _inputs(self, table: Any) -> Any:
        """Return what the estimator sees: all columns but those of the numbers."""
        if self.event_number is None:
            return table
        hidden = number_positions(table, self.event_number, "event_number")
        left = [k for k in range(table.shape[1]) if k not in hidden]
        if not left:
            msg = (
                "`X` must have columns beside those of `event_number`, got none. Pass "
                "the features, too."
            )
            raise ValueError(msg)
        return select_columns(table, left)

    def _combination(self, numbers: EventNumbers | None) -> Literal["fold", "mean"]:
        if numbers is not None and self.combine != "mean":
            return "fold"
        if self.combine == "fold":
            msg = (
                '`event_number` must be given with combine="fold", got none: nothing '
                "says which model a new event belongs to. Name the column of `X`, or "
                "pass the numbers to `fit`."
            )
            raise ValueError(msg)
        return "mean"

    def _warn_of_mean(self) -> None:
        remedy = 'Leave combine at "auto".'
        if not self._has_numbers:
            remedy = "Pass `event_number`, so that one model scores each event."
        msg = (
            "New events must be scored by one model of the folds to have the same "
            "variable as out-of-fold scores, got the mean of all models: cuts that "
            f"were tuned out-of-fold do not hold on it. {remedy}"
        )
        self._warn_once(msg, MeanCombinationWarning)

    def _splitter(self, sample: _Sample, groups: ArrayLike | None) -> Any:
        if sample.numbers is None:
            if isinstance(self.cv, EventNumberKFold):
                msg = (
                    "`event_number` must be given with an EventNumberKFold, got none: "
                    "new events would not go to the model of their fold. Name the "
                    "column here instead of in `cv`, or pass the numbers to `fit`."
                )
                raise ValueError(msg)
            grouped = groups is not None
            return folds_of_classifier(self.cv, sample.events.y, grouped=grouped)
        if groups is not None:
            msg = (
                "`groups` must be None with event numbers, which say what stays "
                "together, got both. Leave out one of them."
            )
            raise ValueError(msg)
        if self.cv is None or isinstance(self.cv, Integral):
            return EventNumberKFold(N_SPLITS if self.cv is None else int(self.cv))
        if isinstance(self.cv, EventNumberKFold) and self.cv.column is None:
            return self.cv
        msg = (
            "`cv` must be a number of folds or an EventNumberKFold without a column "
            f"where event numbers select the model, got {self.cv!r}. Pass such as "
            "EventNumberKFold(5), or leave out `event_number`."
        )
        raise ValueError(msg)

    def _splits(
        self, sample: _Sample, present: NDArray[np.bool_], params: dict[str, Any]
    ) -> list[Any]:
        if sample.numbers is None:
            return splits_of_present(
                self.cv_, self.cv, present, sample.inputs, sample.events.y, **params
            )
        pairs = np.column_stack(sample.numbers)
        return list(self.cv_.split(sample.inputs, groups=pairs))

    def _number_groups(self, numbers: EventNumbers | None) -> dict[str, Any]:
        """Return the groups that keep a split inside of the estimator to the numbers.

        An estimator that cannot follow them is refused where it would matter.
        """
        if numbers is None:
            return {}
        labels, name = numbers.labels(), groups_argument(self.estimator)
        final = final_step(self.estimator)
        follows = name is not None and keeps_groups(final)
        if len(np.unique(labels)) < len(labels):
            for part in splitting_parts(self.estimator, len(labels)):
                if part.estimator is not final or not follows:
                    msg = (
                        "`estimator` must not split its rows where an event number is "
                        "there more than once, since events of one number would stand "
                        f"on both sides, got {type(part.estimator).__name__} with "
                        f"{part.setting}. Switch the split off, or fit to the nominal "
                        "events alone."
                    )
                    raise ValueError(msg)
        return {} if name is None else {name: labels}

    def _models_of(
        self, method: str, X: ArrayLike, event_number: ArrayLike | None
    ) -> NDArray[Any]:
        """Return what the models of the events, or all of them, say of the events."""
        check_is_fitted(self)
        table = check_table(self, X, reset=False)
        folds = self._folds(table, event_number)
        answers: NDArray[Any] = getattr(self._models, method)(
            self._inputs(table), folds
        )
        return answers

    def _folds(
        self, table: Any, event_number: ArrayLike | None
    ) -> NDArray[np.int64] | None:
        if event_number is not None and not self._has_numbers:
            msg = (
                "`event_number` must be passed to `fit`, too, got it in a prediction "
                "alone: the folds are not of numbers. Fit with the numbers."
            )
            raise ValueError(msg)
        if self.combine_ == "mean":
            return None
        numbers = self._numbers(table, event_number)
        if numbers is None:
            msg = (
                "`event_number` must be passed to predictions as to `fit`, got None. "
                "Pass the numbers, or name a column of `X` that has them."
            )
            raise ValueError(msg)
        return self.cv_.fold_numbers(groups=np.column_stack(numbers))


def _folds_of(one: OutOfFold, n_samples: int) -> NDArray[np.int64]:
    folds = np.full(n_samples, -1, dtype=np.int64)
    folds[one.rows] = one.fold
    return folds
