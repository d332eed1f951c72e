"""The cut on a score with the largest significance, as a classifier that selects by it.

The cut is chosen at all thresholds of one sample of full size, the out-of-fold scores
of all events, where thresholds with too few effective background events are left out
before ranking. It belongs to these scores: new events are selected by it if they are
scored in the same way, by one model of the folds each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils import Bunch, Tags, check_random_state, get_tags, indexable
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._event_sample import EventSample, check_event_sample, check_two_classes
from skhep_dnn._logits import signal_logit, signal_logit_of_logs, weighted_accuracy
from skhep_dnn._messages import shown
from skhep_dnn._present_events import splits_of_present, taken
from skhep_dnn._responses import Response, log_of_decisions
from skhep_dnn._signal_label import taken_signal
from skhep_dnn._sklearn import (
    HasMethods,
    Interval,
    StrOptions,
    _check_method_params,
    _fit_context,
    _routing_enabled,
)
from skhep_dnn._tables import native_events
from skhep_dnn._told_columns import warns_once
from skhep_dnn._validation import check_scores, signal_labels
from skhep_dnn._warnings import WarnsOnce, warn_caller
from skhep_dnn._weighted_steps import final_step
from skhep_dnn.exceptions import MeanCombinationWarning, RefitCutWarning
from skhep_dnn.metrics import (
    CrossFittedSignificance,
    FigureOfMerit,
    SignificanceScan,
    WorkingPoint,
    cross_fitted_significance,
    threshold_at_maximum,
    threshold_top_fraction,
)
from skhep_dnn.metrics._figure_of_merit import Kind
from skhep_dnn.metrics._scan import scan_events
from skhep_dnn.metrics._thresholds import MIN_N_EFF
from skhep_dnn.model_selection._cut_stability import (
    Choice,
    CutStability,
    EfficiencyShift,
    cut_stability,
    efficiency_shift,
)
from skhep_dnn.model_selection._fit_folds import fit_folds
from skhep_dnn.model_selection._fold_models import FoldModels, folds_of_classifier
from skhep_dnn.model_selection._folds import Events, FoldRules, Rows
from skhep_dnn.model_selection._pooled import OutOfFold, PoolRules, pool_folds
from skhep_dnn.model_selection._routing import routed_params
from skhep_dnn.model_selection._scoring import Scoring
from skhep_dnn.weights._class_sums import (
    check_class_sums,
    check_class_weights,
    scale_classes,
)

__all__ = ["SignificanceThresholdClassifier"]

FloatArray = NDArray[np.float64]

_NO_SCORES = Scoring({}, is_multimetric=True)
_RESPONSES = ("decision_function", "predict_proba")


def _has(method: str) -> Callable[[SignificanceThresholdClassifier], bool]:
    def check(model: SignificanceThresholdClassifier) -> bool:
        return hasattr(getattr(model, "estimator_", model.estimator), method)

    return check


class _Answers(NamedTuple):
    """What models that have not seen the events say of them.

    Attributes
    ----------
    rows : ndarray of shape (n_scored,)
        Positions of the events.
    answers : ndarray of shape (n_scored,) or (n_scored, n_classes)
        Decision function or probabilities.
    fold : ndarray of shape (n_scored,) or None
        Whose model it was; None where there are no folds.
    """

    rows: Rows
    answers: FloatArray
    fold: Rows | None = None


class _Scored(NamedTuple):
    """Events with the scores that the cut is chosen on.

    Attributes
    ----------
    is_signal : ndarray of shape (n_scored,), dtype bool
        Which events are signal.
    scores : ndarray of shape (n_scored,)
        Larger for events more like the signal.
    weights : ndarray of shape (n_scored,)
        At the full yields.
    """

    is_signal: NDArray[np.bool_]
    scores: FloatArray
    weights: FloatArray


class SignificanceThresholdClassifier(
    WarnsOnce, ClassifierMixin, MetaEstimatorMixin, BaseEstimator
):
    """Classifier that selects by the cut with the largest significance.

    A sibling of `sklearn.model_selection.TunedThresholdClassifierCV` for weighted
    events. The cut is chosen on the pooled out-of-fold scores of all events at their
    full yields, at every distinct score. Of more than two classes `pos_label` names
    those of the signal, against all others.

    Parameters
    ----------
    estimator : classifier
        What gives the score. Best a `CrossFitClassifier` with event numbers, which
        scores new events as it scored those that the cut is chosen on. Of another
        classifier clones are fitted in folds, and new events get the mean of their
        scores, of which a `MeanCombinationWarning` tells.
    choose : {"maximum", "top_fraction"} or callable, default="maximum"
        How the cut is chosen from the scan: by `threshold_at_maximum`, by
        `threshold_top_fraction`, or by a function of a `SignificanceScan` that returns
        a `WorkingPoint`.
    min_n_eff : float, default=25.0
        For "maximum" and "top_fraction", the smallest number of effective background
        events; thresholds with fewer are left out before ranking. 0 admits all.
    min_signal_efficiency : float, default=0.0
        For "maximum", the smallest signal efficiency, between 0 and 1.
    kind : {"asimov", "ams", "s_over_sqrt_b", "s_over_sqrt_sb"}, default="asimov"
        The significance; "ams" is "asimov" with another default of `b_reg`.
    b_reg : float or None, default=None
        Added to `b`, in events; None means 10 for "ams" and 0 otherwise.
    sigma_b : float, default=0.0
        Absolute uncertainty of the selected background, in events.
    rel_sigma_b : float, default=0.0
        Its relative uncertainty.
    mc_stat : bool, default=False
        Whether the Monte Carlo variance of the background counts as an uncertainty too.
    signal_yield : float or None, default=None
        Full expected signal yield, in events, to which the signal weights are
        rescaled; None takes the sum over all events that are passed to `fit`.
    background_yield : float or None, default=None
        The same for the background.
    pos_label : label or list of labels, default=None
        The label of the signal, or those of several signal classes; None takes the
        larger one of two in sorted order.
    response_method : {"auto", "decision_function", "predict_proba"}, default="auto"
        The score; "auto" takes the decision function where there is one, which does
        not saturate. Of more than two classes it is the sum of the probabilities of the
        signal classes with "predict_proba", and the logit of this sum otherwise.
    cv : int, splitter, iterable, fold numbers, "prefit" or None, default=None
        Folds, which test no event twice; None for five. A column has the fold number of
        each event, -1 for one that trains all models. "prefit" takes the estimator as
        it is fitted: `fit` then only chooses the cut, on events it has not seen. None
        for a `CrossFitClassifier`, which has folds of its own.
    refit : bool, default=False
        Whether to predict by a model that is fitted to all events, instead of those of
        the folds. This is another variable: the efficiency at the cut moves, and a
        `RefitCutWarning` tells by how much, for which as many further models are fitted
        as there are folds.
    n_replicas : int, default=200
        Replicas of the bootstrap that says how stable the choice is; 0 for none.
    as_members : bool or "auto", default="auto"
        Whether the folds of a `WeightedDNNClassifier` train as members of one batch,
        as in `cross_validate_pooled`.
    n_jobs : int, default=None
        Folds that are fitted at the same time, in processes of joblib's backend.
    random_state : int, RandomState instance or None, default=None
        Seed of the replicas.
    verbose : int, default=0
        Above 0 shows progress bars over folds and replicas.

    Attributes
    ----------
    best_threshold_ : float
        The cut: events with a `signal_score` of at least this value are selected.
    best_score_ : float
        Significance at the cut of the events it was chosen on; biased upwards.
    working_point_ : WorkingPoint
        What the cut selects of them.
    scan_ : SignificanceScan
        The scan that it was chosen from.
    no_cut_ : WorkingPoint
        What is there without a cut.
    gain_ : float
        `best_score_` over the significance without a cut.
    cross_fitted_ : CrossFittedSignificance or None
        The significance with the cut of each fold chosen on the other folds, which is
        the figure to quote; None with `cv="prefit"` or a single fold.
    stability_ : CutStability or None
        Cuts that bootstrap replicas choose, and what they select; None without.
    refit_shift_ : EfficiencyShift or None
        What one more fold of training events does to the efficiencies at the cut; None
        unless refitted.
    estimator_ : classifier
        What predicts, except where the mean of the folds does.
    estimators_ : list of classifier
        The models of the folds, where the folds are those of this estimator.
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes.
    n_features_in_ : int
        Number of columns, where the models know it.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where the models know them.

    See Also
    --------
    skhep_dnn.ensemble.CrossFitClassifier : The score that the cut holds on.
    skhep_dnn.metrics.significance_scan : All thresholds at once.
    skhep_dnn.metrics.cross_fitted_significance : The figure to quote.

    Notes
    -----
    `TunedThresholdClassifierCV` interpolates the curve of each fold to 100 thresholds
    and takes the mean over the folds. A fold has a fraction of the effective events, so
    that a significance is larger and noisier in it; its own yields are too small;
    nothing keeps the maximum from a threshold with hardly any background; and the 100
    thresholds are far apart in the tail.

    The quoted maximum is too large, since the cut was chosen by it; so is the gain.
    `cross_fitted_` is not, but for the factor ``1 + 3 / (8 n_eff)``.

    The shift of a refit is measured on events that no model has seen: models of the
    folds are compared with models of one fold less, at the same cut. A refit has one
    fold more.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.ensemble import CrossFitClassifier
    >>> from skhep_dnn.model_selection import SignificanceThresholdClassifier
    >>> events = make_gaussian_events(2000, random_state=0)
    >>> X = events.data.assign(EventId=np.arange(2000))
    >>> model = SignificanceThresholdClassifier(
    ...     CrossFitClassifier(LogisticRegression(), event_number="EventId"),
    ...     kind="ams",
    ...     random_state=0,
    ... )
    >>> model = model.fit(X, events.target, sample_weight=abs(events.sample_weight))
    >>> selected = model.predict(X) == model.classes_[1]
    >>> bool((selected == (model.decision_function(X) >= model.best_threshold_)).all())
    True
    >>> model.gain_ > 1.0
    True
    """

    best_threshold_: float
    best_score_: float
    working_point_: WorkingPoint
    scan_: SignificanceScan
    no_cut_: WorkingPoint
    gain_: float
    cross_fitted_: CrossFittedSignificance | None
    stability_: CutStability | None
    refit_shift_: EfficiencyShift | None
    estimator_: Any
    estimators_: list[Any]
    classes_: NDArray[Any]
    _signal: list[Any]
    _kind: Response
    _fold_models: FoldModels | None

    __metadata_request__fit: ClassVar = {"sample_weight": True, "groups": True}
    __metadata_request__score: ClassVar = {"sample_weight": True}

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": [
            HasMethods(["fit", "predict_proba"]),
            HasMethods(["fit", "decision_function"]),
        ],
        "choose": [StrOptions({"maximum", "top_fraction"}), callable],
        "min_n_eff": [Interval(Real, 0, None, closed="left")],
        "min_signal_efficiency": [Interval(Real, 0, 1, closed="both")],
        "kind": [StrOptions({"asimov", "ams", "s_over_sqrt_b", "s_over_sqrt_sb"})],
        "b_reg": [Interval(Real, 0, None, closed="left"), None],
        "sigma_b": [Interval(Real, 0, None, closed="left")],
        "rel_sigma_b": [Interval(Real, 0, None, closed="left")],
        "mc_stat": ["boolean"],
        "signal_yield": [Interval(Real, 0, None, closed="neither"), None],
        "background_yield": [Interval(Real, 0, None, closed="neither"), None],
        "pos_label": [Real, str, "boolean", "array-like", None],
        "response_method": [StrOptions({"auto", *_RESPONSES})],
        "cv": ["cv_object", StrOptions({"prefit"})],
        "refit": ["boolean"],
        "n_replicas": [Interval(Integral, 0, None, closed="left")],
        "as_members": ["boolean", StrOptions({"auto"})],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        choose: Literal["maximum", "top_fraction"] | Choice = "maximum",
        min_n_eff: float = MIN_N_EFF,
        min_signal_efficiency: float = 0.0,
        kind: Kind = "asimov",
        b_reg: float | None = None,
        sigma_b: float = 0.0,
        rel_sigma_b: float = 0.0,
        mc_stat: bool = False,
        signal_yield: float | None = None,
        background_yield: float | None = None,
        pos_label: Any = None,
        response_method: Literal["auto", "decision_function", "predict_proba"] = "auto",
        cv: Any = None,
        refit: bool = False,
        n_replicas: int = 200,
        as_members: bool | Literal["auto"] = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.choose = choose
        self.min_n_eff = min_n_eff
        self.min_signal_efficiency = min_signal_efficiency
        self.kind = kind
        self.b_reg = b_reg
        self.sigma_b = sigma_b
        self.rel_sigma_b = rel_sigma_b
        self.mc_stat = mc_stat
        self.signal_yield = signal_yield
        self.background_yield = background_yield
        self.pos_label = pos_label
        self.response_method = response_method
        self.cv = cv
        self.refit = refit
        self.n_replicas = n_replicas
        self.as_members = as_members
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @warns_once
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        **params: Any,
    ) -> Self:
        """Score all events out-of-fold and choose the cut.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            Labels of two classes, or of more with `pos_label`.
        sample_weight : array-like of shape (n_samples,), default=None
            Physics weights, in events, negative ones allowed, given to every fit and to
            the scan; None counts every event once.
        groups : array-like of shape (n_samples,), default=None
            Events of one group stay together in folds of groups, which a number of
            folds then makes, and in a fit that takes them.
        **params : dict
            Further arguments of `fit` of the estimator; those with one value for each
            event are split. With metadata routing they go where they are requested.

        Returns
        -------
        self : SignificanceThresholdClassifier

        Raises
        ------
        TypeError
            If weights would be left out by a step of the estimator.
        ValueError
            If there are more than two classes and no `pos_label`, folds test an event
            twice, parameters contradict each other, or no threshold is admissible.
        WeightsError
            If the weights of a class do not sum to more than 0.

        Warns
        -----
        MeanCombinationWarning
            If new events get the mean of the models of the folds; once for this
            estimator and its clones.
        RefitCutWarning
            If the model is refitted, with the shift of the efficiencies.
        LowStatisticsWarning
            If no threshold is admissible on more than 5 per cent of the replicas.
        UndefinedSignificanceWarning
            If the cross-fitted significance is undefined.
        """
        self._check_parameters()
        X, y = indexable(X, y)
        sample, present = self._sample(X, y, sample_weight)
        params = _check_method_params(X, params={**params, "groups": groups})
        _, _, params = taken(present, y, y, params)
        groups = params.pop("groups")
        for name in ("estimator_", "estimators_"):  # of a fit before
            self.__dict__.pop(name, None)
        self.refit_shift_ = None
        if self._is_prefit:
            kept = self._answers_of_prefit(sample, params)
        else:
            routed = self._routed(sample, present, groups, params)
            if self._has_own_folds:
                kept = self._answers_of_own_folds(sample, routed)
            else:
                kept = self._answers_in_folds(sample, routed)
        scored = self._scored(sample, kept)
        self._choose_cut(scored, kept.fold, sample.targets.codes[kept.rows])
        if self.refit:
            self._measure_refit(sample, scored, routed)
        return self

    @available_if(_has("decision_function"))
    def decision_function(self, X: Any, **params: Any) -> FloatArray:
        """Decision function of the models, on which the cut is made by default.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Events.
        **params : dict
            Further arguments of the method of the estimator, such as event numbers.

        Returns
        -------
        y_score : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        return self._answer("decision_function", X, params)

    @available_if(_has("predict_proba"))
    def predict_proba(self, X: Any, **params: Any) -> FloatArray:
        """Probability of each class by the models.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Events.
        **params : dict
            Further arguments of the method of the estimator, such as event numbers.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return self._answer("predict_proba", X, params)

    @available_if(_has("predict_log_proba"))
    def predict_log_proba(self, X: Any, **params: Any) -> FloatArray:
        """Logarithm of the probability of each class by the models.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Events.
        **params : dict
            Further arguments of the method of the estimator, such as event numbers.

        Returns
        -------
        log_p : ndarray of shape (n_samples, 2)
            In the order of `classes_`.
        """
        return self._answer("predict_log_proba", X, params)

    def predict(self, X: Any, **params: Any) -> NDArray[Any]:
        """Label of the signal for selected events, of the background for the others.

        Where several classes are signal, or background, the most probable one of them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Events.
        **params : dict
            Further arguments of the method of the estimator that gives the score, such
            as event numbers.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        answers = self._answer(self._response, X, params, caller="predict")
        selected = self._signal_scores(answers) >= self.best_threshold_
        is_signal = np.isin(self.classes_, self._signal)
        if len(self.classes_) == 2:
            answers = np.zeros((len(selected), 2))
        allowed = selected[:, np.newaxis] == is_signal
        labels: NDArray[Any] = self.classes_[
            np.where(allowed, answers, -np.inf).argmax(axis=1)
        ]
        return labels

    def signal_score(self, X: Any, **params: Any) -> FloatArray:
        """Score that the cut is made on, larger for events more like the signal.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Events.
        **params : dict
            As in `predict`.

        Returns
        -------
        y_score : ndarray of shape (n_samples,)
        """
        answers = self._answer(self._response, X, params, caller="predict")
        return self._signal_scores(answers)

    def score(
        self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Weighted accuracy: the sum of weights classified right over the sum of all.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
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
    def cross_fitted_gain_(self) -> float:
        """The cross-fitted significance over that without a cut; nan without folds."""
        if self.cross_fitted_ is None:
            return float("nan")
        return self.cross_fitted_.value / self.no_cut_.z

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the routing: to the estimator, to the splitter and to itself.

        Returns
        -------
        routing : MetadataRouter
        """
        to_estimator = MethodMapping().add(caller="fit", callee="fit")
        for method in (*_RESPONSES, "predict_log_proba"):
            to_estimator.add(caller=method, callee=method)
        to_estimator.add(caller="predict", callee=self._response)
        router = MetadataRouter(owner=self).add_self_request(self)
        router.add(estimator=self.estimator, method_mapping=to_estimator)
        if not self._is_prefit:
            router.add(
                splitter=folds_of_classifier(self.cv, None, grouped=True),
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        return router

    def __sklearn_tags__(self) -> Tags:
        """Return scikit-learn's tags: of more than two classes the signal is named."""
        tags = super().__sklearn_tags__()
        own = get_tags(self.estimator)
        tags.classifier_tags.multi_class = self.pos_label is not None
        tags.input_tags = own.input_tags
        return tags

    @property
    def _is_prefit(self) -> bool:
        return isinstance(self.cv, str)  # "prefit"

    @property
    def _has_own_folds(self) -> bool:
        return bool(getattr(final_step(self.estimator), "_has_own_folds", False))

    @property
    def _response(self) -> str:
        """Name of the method that gives the score."""
        if len(getattr(self, "classes_", ())) > 2 and not self._has_own_folds:
            known = (name for name in _RESPONSES[::-1] if hasattr(self.estimator, name))
            return next(known, "decision_function")
        if self.response_method != "auto":
            return self.response_method
        known = (name for name in _RESPONSES if hasattr(self.estimator, name))
        return next(known, "decision_function")

    def _check_parameters(self) -> None:
        """Check the conditions between parameters."""
        _ = self._figure_of_merit
        own_folds = self._has_own_folds
        if self.n_replicas == 1:
            msg = (
                "`n_replicas` must be 0, or at least 2, got 1. Take 200 for a spread "
                "that is known to 5 per cent."
            )
            raise ValueError(msg)
        if self.refit and (own_folds or self._is_prefit):
            what = "a CrossFitClassifier" if own_folds else "cv='prefit'"
            msg = (
                f"`refit` must be False with {what}, which predicts by the models that "
                "it has, got True. Leave it out."
            )
            raise ValueError(msg)
        if own_folds and not (self.cv is None or self._is_prefit):
            msg = (
                "`cv` must be None for a CrossFitClassifier, which has folds of its "
                f"own, got {self.cv!r}. Leave it out."
            )
            raise ValueError(msg)
        if own_folds and self.response_method == "predict_proba":
            msg = (
                "`response_method` must be 'auto' or 'decision_function' for a "
                "CrossFitClassifier, got 'predict_proba'. Leave it out."
            )
            raise ValueError(msg)
        if not hasattr(self.estimator, self._response):
            msg = (
                f"`response_method` must be a method of the estimator, got "
                f"{self._response!r}, which {type(self.estimator).__name__} lacks. "
                'Take "auto".'
            )
            raise ValueError(msg)

    def _sample(
        self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> tuple[EventSample, NDArray[np.bool_]]:
        """Check labels and weights, and learn the classes.

        Also returned is which of the events are there, of classes with weights.
        """
        name = type(self).__name__
        sample, present = check_event_sample(
            native_events(X), y, sample_weight, estimator=name
        )
        classes = sample.targets.classes
        check_two_classes(classes)
        if len(classes) > 2 and self.pos_label is None:
            msg = (
                "Only binary classification is supported without `pos_label`. `y` must "
                f"have two classes, got {len(classes)}: {shown(classes[:5])}. Name "
                "the class of the signal, or several, by `pos_label`."
            )
            raise ValueError(msg)
        self.classes_ = classes
        named = self.pos_label
        if named is None:
            named = taken_signal(classes.tolist())
        self._signal = signal_labels(classes, named, "y")
        if len(self._signal) == len(classes):
            msg = (
                "`pos_label` must leave a class to the background, got "
                f"{shown(self._signal)}, which are all. Leave one out."
            )
            raise ValueError(msg)
        check_class_weights(sample.targets.codes, sample.sample_weight, _named(classes))
        return sample, present

    def _routed(
        self,
        sample: EventSample,
        present: NDArray[np.bool_],
        groups: ArrayLike | None,
        params: Mapping[str, Any],
    ) -> Bunch:
        passed = {
            "sample_weight": sample.sample_weight if sample.is_weighted else None,
            "groups": groups,
            **params,
        }
        routed = routed_params(self, self.estimator, _NO_SCORES, passed)
        routed["grouped"], routed["present"] = groups is not None, present
        return routed

    def _answers_of_prefit(
        self, sample: EventSample, params: Mapping[str, Any]
    ) -> _Answers:
        check_is_fitted(self.estimator)
        self._predict_by(self.estimator)
        if not np.array_equal(self.classes_, sample.targets.classes):
            msg = (
                f"`y` must have the classes {shown(self.classes_)} of the fitted "
                f"estimator, got {shown(sample.targets.classes)}. Use the same "
                "labels."
            )
            raise ValueError(msg)
        answers = self._answer(self._response, sample.X, params, caller="predict")
        return _Answers(np.arange(len(sample)), answers)

    def _answers_of_own_folds(self, sample: EventSample, routed: Bunch) -> _Answers:
        """Fit a CrossFitClassifier, which has the out-of-fold scores."""
        model = clone(self.estimator).fit(sample.X, sample.y, **routed.estimator.fit)
        cross_fit = final_step(model)
        if cross_fit.combine_ == "mean":
            msg = (
                "`estimator` must score each new event by one model of the folds, got "
                "a CrossFitClassifier that takes the mean, on which a cut that is "
                "chosen out-of-fold does not hold. Give it `event_number`, and leave "
                "`combine` at 'auto'."
            )
            raise ValueError(msg)
        self._predict_by(model)
        return _Answers(
            np.arange(len(sample)), cross_fit.oof_decision_function_, cross_fit.fold_
        )

    def _answers_in_folds(self, sample: EventSample, routed: Bunch) -> _Answers:
        """Fit clones in folds, and what new events are predicted by."""
        events = Events(sample.X, sample.y, routed.estimator.fit, {})
        splits = self._splits(sample, routed)
        if self.refit:
            _check_enough_folds(splits)
        else:
            self._warn_of_mean()
        one, models = self._fit_folds(events, splits)
        self.estimators_ = models
        if self.refit:
            model = clone(self.estimator)
            self._predict_by(model.fit(sample.X, sample.y, **events.fit_params))
        else:
            self._predict_by(FoldModels.of(models, sample.X))
        return _Answers(one.rows, one.predictions.responses[self._response], one.fold)

    def _splits(self, sample: EventSample, routed: Bunch) -> list[tuple[Rows, Rows]]:
        splitter = folds_of_classifier(self.cv, sample.y, grouped=routed["grouped"])
        return splits_of_present(
            splitter,
            self.cv,
            routed["present"],
            sample.X,
            sample.y,
            **routed.splitter.split,
        )

    def _fit_folds(
        self, events: Events, splits: list[tuple[Rows, Rows]]
    ) -> tuple[OutOfFold, list[Any]]:
        """Return the predictions of the only pass over the folds, and the models."""
        results = fit_folds(
            self.estimator,
            events,
            splits,
            FoldRules(_NO_SCORES, return_estimator=True, methods=(self._response,)),
            as_members=self.as_members,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
        )
        passes, _ = pool_folds(results, events, _NO_SCORES, PoolRules(pooled=False))
        if len(passes) > 1:
            msg = (
                f"`cv` must test no event twice, got {len(passes)} passes over the "
                "events: the mean of their scores is another variable. Take folds "
                "without repeats."
            )
            raise ValueError(msg)
        return passes[0], [result.estimator for result in results]

    def _predict_by(self, model: Any) -> None:
        """Set what predicts: an estimator, or the mean of the models of the folds."""
        self._fold_models = model if isinstance(model, FoldModels) else None
        known = model
        if isinstance(model, FoldModels):
            known = model.models[0]
        else:
            self.estimator_ = model
        self.classes_ = np.asarray(known.classes_)
        self._kind = self._kind_of(model)
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
            if hasattr(known, name):
                setattr(self, name, getattr(known, name))

    def _scored(self, sample: EventSample, kept: _Answers) -> _Scored:
        """Return signal-like scores of the events, and weights at the full yields."""
        is_signal = np.isin(sample.y, self._signal)
        weights = sample.sample_weight
        signal_yield, background_yield = self.signal_yield, self.background_yield
        own_signal, own_background = check_class_sums(is_signal, weights)
        if len(kept.rows) < len(sample):  # the others count in the yields
            signal_yield = own_signal if signal_yield is None else signal_yield
            if background_yield is None:
                background_yield = own_background
        is_signal, weights = is_signal[kept.rows], weights[kept.rows]
        scores = check_scores(self._signal_scores(kept.answers), len(kept.rows))
        weights = scale_classes(is_signal, weights, signal_yield, background_yield)
        return _Scored(is_signal, scores, weights)

    def _signal_scores(self, answers: FloatArray) -> FloatArray:
        """Return scores that are larger for events more like the signal."""
        is_signal = np.isin(self.classes_, self._signal)
        if len(self.classes_) == 2 and answers.ndim == 1:
            return answers if is_signal[1] else -answers
        if len(self.classes_) == 2 or self._kind == "decision":
            return answers[:, int(np.flatnonzero(is_signal)[0])]
        if self._kind != "probability":
            log_p = log_of_decisions(answers, self._kind)
            return signal_logit_of_logs(log_p, is_signal)
        if self.response_method == "predict_proba":
            return np.asarray(answers[:, is_signal].sum(axis=1))
        return signal_logit(answers, is_signal)

    def _kind_of(self, model: Any) -> Response:
        """Return what makes a score of one class, or some, of the answers of a model.

        Decision values of more than two classes may be comparable between the classes
        of an event only, so that probabilities are asked for where there are any; a
        CrossFitClassifier keeps decision values, whose kind it knows.
        """
        kind: Response = "probability"
        if self._has_own_folds:
            found = final_step(model)._models
            kind = found.response
            if kind == "probability":  # of which logits were made
                kind = "sigmoid"
                if hasattr(found.models[0], "decision_function"):
                    kind = "decision"
        elif self._response == "decision_function":
            kind = "decision"
        if kind == "decision" and len(self.classes_) > 2 and len(self._signal) > 1:
            msg = (
                "`pos_label` must be one label for an estimator whose probabilities do "
                f"not follow from its decision function, got {self._signal!r}. "
                "Calibrate it, or name one class."
            )
            raise ValueError(msg)
        return kind

    def _choose_cut(
        self, scored: _Scored, fold: Rows | None, codes: NDArray[np.intp]
    ) -> None:
        choose = self._choice()
        self.scan_ = scan_events(*scored, self._figure_of_merit)
        self.working_point_ = choose(self.scan_)
        if np.isnan(self.working_point_.threshold):
            msg = (
                "`min_n_eff` and `min_signal_efficiency` must admit a threshold, got "
                f"none among {len(self.scan_.threshold)}. Loosen them, or pass more "
                "events."
            )
            raise ValueError(msg)
        self.best_threshold_ = self.working_point_.threshold
        self.best_score_ = self.working_point_.z
        self.no_cut_ = self.scan_.at(-np.inf)
        self.gain_ = self.best_score_ / self.no_cut_.z
        self.cross_fitted_ = self._cross_fitted(scored, fold, choose)
        self.stability_ = None
        if self.n_replicas:
            self.stability_ = cut_stability(
                self.scan_,
                self.working_point_,
                scored,
                choose,
                n_replicas=self.n_replicas,
                random_state=check_random_state(self.random_state),
                codes=codes if len(self.classes_) > 2 else None,
                verbose=self.verbose,
            )

    @property
    def _figure_of_merit(self) -> FigureOfMerit:
        return FigureOfMerit(
            kind=self.kind,
            b_reg=self.b_reg,
            sigma_b=self.sigma_b,
            rel_sigma_b=self.rel_sigma_b,
            mc_stat=self.mc_stat,
        )

    def _choice(self) -> Choice:
        if self.choose == "maximum":
            return partial(
                threshold_at_maximum,
                min_n_eff=self.min_n_eff,
                min_signal_efficiency=self.min_signal_efficiency,
            )
        if self.choose == "top_fraction":
            return partial(threshold_top_fraction, min_n_eff=self.min_n_eff)
        return self.choose

    def _cross_fitted(
        self, scored: _Scored, fold: Rows | None, choose: Choice
    ) -> CrossFittedSignificance | None:
        if fold is None or len(np.unique(fold)) < 2:
            return None
        return cross_fitted_significance(
            scored.is_signal,
            scored.scores,
            scored.weights,
            fold=fold,
            choose=choose,
            kind=self.kind,
            b_reg=self.b_reg,
            sigma_b=self.sigma_b,
            rel_sigma_b=self.rel_sigma_b,
            mc_stat=self.mc_stat,
        )

    def _warn_of_mean(self) -> None:
        msg = (
            "New events must be scored by one model of the folds for the cut to hold, "
            "got an estimator without event numbers: they get the mean of the models, "
            "which is another variable. Pass CrossFitClassifier(estimator, "
            "event_number=...), or choose the cut of a fitted model on other events "
            'by cv="prefit".'
        )
        self._warn_once(msg, MeanCombinationWarning)

    def _measure_refit(
        self, sample: EventSample, scored: _Scored, routed: Bunch
    ) -> None:
        """Compare the models of the folds with models of one fold less, and warn."""
        events = Events(sample.X, sample.y, routed.estimator.fit, {})
        splits = self._splits(sample, routed)
        fewer, _ = self._fit_folds(events, _without_a_fold(splits))
        answers = fewer.predictions.responses[self._response]
        shift = efficiency_shift(
            scored.is_signal,
            scored.weights,
            before=self._signal_scores(answers) >= self.best_threshold_,
            after=scored.scores >= self.best_threshold_,
        )
        self.refit_shift_ = shift
        n_folds = len(splits)
        msg = (
            "The cut must be applied to the scores that it was chosen on, got a model "
            f"that is fitted anew, to {n_folds} instead of {n_folds - 1} folds. "
            f"Efficiencies at the cut from {n_folds - 2} to {n_folds - 1} folds: "
            f"{shift}. Leave refit=False, with a CrossFitClassifier."
        )
        warn_caller(msg, RefitCutWarning)

    def _answer(
        self,
        method: str,
        X: Any,
        params: Mapping[str, Any],
        *,
        caller: str | None = None,
    ) -> FloatArray:
        """Return what the models say of events, by a method of theirs."""
        check_is_fitted(self)
        X = native_events(X)
        if self._fold_models is not None:
            if params:
                msg = (
                    "Predictions by the models of the folds must have no further "
                    f"arguments, got {sorted(params)!r}. Leave them out."
                )
                raise TypeError(msg)
            answers: FloatArray = getattr(self._fold_models, method)(X, None)
            return answers
        given = dict(params)
        if given and _routing_enabled():
            routed = process_routing(self, caller or method, **given)
            given = routed.estimator[method]
        return np.asarray(getattr(self.estimator_, method)(X, **given))


def _named(classes: NDArray[Any]) -> list[str]:
    return [f"class {shown(label)}" for label in classes.tolist()]


def _check_enough_folds(splits: list[tuple[Rows, Rows]]) -> None:
    if len(splits) < 3:
        msg = (
            "`cv` must have three folds or more with refit=True, so that the shift can "
            f"be measured, got {len(splits)}. Take more, or refit=False."
        )
        raise ValueError(msg)


def _without_a_fold(splits: list[tuple[Rows, Rows]]) -> list[tuple[Rows, Rows]]:
    """Return splits in which each model is trained without the next fold, too."""
    following = [*splits[1:], splits[0]]
    return [
        (np.setdiff1d(train, other), test)
        for (train, test), (_, other) in zip(splits, following, strict=True)
    ]
