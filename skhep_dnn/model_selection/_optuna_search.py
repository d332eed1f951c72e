"""Search for the best parameters of an estimator, with Optuna's samplers and weights.

Every trial is a cross-validation whose out-of-fold predictions are scored together, and
a record that outlives the process. Trials are proposed and told of in the parent
process alone; the folds are fitted here or in workers of joblib.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from os import PathLike
from time import perf_counter
from typing import Any, ClassVar, Literal, Self

import numpy as np
import optuna
from numpy.typing import ArrayLike, NDArray
from optuna.trial import BaseTrial
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state, indexable
from sklearn.utils.multiclass import type_of_target

from skhep_dnn._fit_tasks import FitTask, has_callbacks
from skhep_dnn._fold_numbers import as_splitter
from skhep_dnn._sklearn import (
    BaseSearchCV,
    HasMethods,
    Interval,
    StrOptions,
    _check_method_params,
    _fit_context,
    _MultimetricScorer,
    _num_samples,
)
from skhep_dnn._validation import check_event_weights
from skhep_dnn._warnings import WarnsOnce
from skhep_dnn.exceptions import IgnoredConstraintWarning
from skhep_dnn.metrics import weighted_scorer
from skhep_dnn.model_selection._choice import Choice, choose_trial
from skhep_dnn.model_selection._fingerprint import fingerprint
from skhep_dnn.model_selection._folds import Events, FoldRules
from skhep_dnn.model_selection._overtraining import OvertrainingLimit
from skhep_dnn.model_selection._pooled import PoolRules, mean_response
from skhep_dnn.model_selection._routing import routed_params
from skhep_dnn.model_selection._scoring import Scoring, as_scoring
from skhep_dnn.model_selection._space import SearchSpace, as_space
from skhep_dnn.model_selection._study import MAX_SEED, SearchStudy
from skhep_dnn.model_selection._target import check_target
from skhep_dnn.model_selection._trial import TrialOutcome, TrialSetup, seed_spread
from skhep_dnn.model_selection._trial_loop import (
    Budget,
    SearchRules,
    run_trials,
    worth,
)
from skhep_dnn.model_selection._trial_record import cv_results

__all__ = ["OptunaSearchCV"]

_logger = logging.getLogger(__name__)
_RANKED_BY = {
    True: "its value on the out-of-fold predictions of all events",
    False: "its mean over the folds",
}


class OptunaSearchCV(WarnsOnce, BaseSearchCV):
    """Search with Optuna's samplers on pooled, weighted out-of-fold scores.

    A sibling of `sklearn.model_selection.GridSearchCV`, and a drop-in for
    `optuna_integration.OptunaSearchCV`. Weights reach every fit and every score, a
    figure of merit is computed once on the out-of-fold predictions of all events, and a
    search that was killed goes on where it was, on one machine or on several.

    Parameters
    ----------
    estimator : estimator
        What is tuned: any classifier, regressor or pipeline of scikit-learn. Where its
        `random_state` is None and that of the search is not, it gets a seed that is the
        same in all trials.
    param_distributions : dict or callable
        Parameters and where to look for them: Optuna's distributions, lists of choices,
        ``range`` with steps, distributions of scipy as `RandomizedSearchCV` takes them;
        or a function of the trial that returns the parameters, for spaces in which one
        depends on another.
    n_trials : int or None, default=10
        Number of trials over all runs and machines that share the study; None for no
        limit. Of "grid" it is at most the number of points.
    timeout : float or None, default=None
        Seconds after which no further trial begins, in each call of `fit`.
    sampler : {"random", "grid", "tpe", "gp", "cmaes", "evolutionary"}, callable or \
            optuna.samplers.BaseSampler, default="tpe"
        How parameters are proposed: a name, a function of a seed that makes a sampler
        of Optuna, or a sampler. It is made anew for each trial, with a seed of its own,
        so that a search that goes on proposes what the uninterrupted one would have;
        that is not claimed of a sampler passed as an instance.
    scoring : str, callable, list, tuple, dict or None, default=None
        As in `GridSearchCV`; names such as "roc_auc" stand for this package's
        `weighted_scorer`. None takes the balanced log-loss of classifiers and the
        coefficient of determination of regressors.
    cv : int, splitter, iterable, fold numbers or None, default=None
        Folds; None for five. A column has the fold number of each event, -1 for one
        that trains all models.
    pooled : bool or "auto", default="auto"
        Whether trials are ranked by the score of all out-of-fold predictions together.
        "auto" does so where the scorer works on predictions, and says in the log what
        it did; True insists; False takes the mean over the folds.
    n_replicas : int, default=200
        Replicas of the bootstrap for the errors of pooled scores, the same for all
        trials.
    pruning : {"paired", "median"} or None, default=None
        Whether a trial is given up between its folds: by a one-sided test of the
        balanced losses of its events against those of the best trial, event by event,
        at the level 0.05 spread over the folds, or below the median of the scores of
        the others. Folds are then fitted one by one. A trial that is given up has no
        pooled score and is never best.
    overtraining : OvertrainingLimit or None, default=None
        Condition on the scores of training and other events that a trial has to meet to
        be the best one.
    choice : {"best", "score_minus_error", "one_standard_error"}, default="best"
        Which trial is chosen. The best score of many is also the luckiest:
        "score_minus_error" takes off the error of the difference to the mean of all
        trials, and "one_standard_error" takes the simplest trial that is worse than the
        best by no more than the error of their difference. The spread of a score with
        the seeds of the training is part of the error, for which the best trial is
        trained twice more.
    complexity : str, callable or None, default=None
        What makes a trial less simple, for "one_standard_error": the name of a
        parameter that is a number, or a function of the parameters; None for the number
        of parameters of the networks.
    refit : bool, str or callable, default=True
        As in `GridSearchCV`: whether, by which of several scores, or a function of
        `cv_results_` that returns the index of the best trial.
    error_score : "raise" or float, default=nan
        Score of a fold that fails. With a number a trial that fails is recorded with
        its traceback, and the search goes on.
    return_train_score : bool, default=False
        Whether to score the training events as well.
    storage : str, path, optuna.storages.BaseStorage or None, default=None
        Where the study lives: None in memory; a path a journal file; a URL such as
        "sqlite:///search.db" a database. Several processes may share one.
    study_name : str or None, default=None
        Name of the study in the storage; None for "search".
    directory : str, path or None, default=None
        Where each trial is written to as one file of JSON, with the histories of its
        networks. A search without a storage,
        or whose storage was lost, goes on from these files.
    n_jobs : int or None, default=None
        Trials that run at the same time, in processes of joblib's backend.
    random_state : int, RandomState instance or None, default=None
        Seed of the proposals. None draws one and stores it with the study.
    verbose : int, default=0
        Above 0 shows a progress bar over the trials. Callbacks of scikit-learn, by
        `set_callbacks`, hear of trials, folds and the refit.

    Attributes
    ----------
    cv_results_ : dict of str to ndarray
        The keys of `GridSearchCV`, and for each scorer ``pooled_test_<name>`` and
        ``pooled_test_error_<name>``; "trial", "state" ("complete", "pruned" or
        "failed"), "duration" in seconds, "n_parameters" of networks. Ranks are those
        of the pooled scores where there are any. For two classes the pooled AUC, a
        binned Asimov significance and the AMS at a cut that the other folds choose
        stand beside what was asked for.
    best_params_, best_index_, best_score_ : dict, int, float
        Parameters, row in `cv_results_` and score of the best trial.
    best_estimator_ : estimator
        Fitted on all events with the best parameters, if `refit`.
    best_oof_decision_function_ : ndarray of shape (n_samples,) or \
            (n_samples, n_classes)
        Out-of-fold decision function of the best trial; nan where an event was never
        tested.
    study_ : optuna.Study
        The study, for figures and for further questions.
    records_ : list of TrialRecord
        What is stored of each trial.
    scorer_ : callable or dict
        The scorers.
    multimetric_ : bool
        Whether there are several.
    n_splits_ : int
        Number of folds.
    refit_time_ : float
        Seconds of the last fit.
    classes_ : ndarray of shape (n_classes,)
        Labels, of classifiers.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if they have any.

    See Also
    --------
    cross_validate_pooled : What a trial does.
    search_space : Spaces to begin with.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from scipy.stats import loguniform
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.model_selection import OptunaSearchCV
    >>> events = make_gaussian_events(500, random_state=0)
    >>> space = {"C": loguniform(1e-3, 1e1)}
    >>> search = OptunaSearchCV(
    ...     LogisticRegression(), space, n_trials=3, random_state=0
    ... )
    >>> w = np.abs(events.sample_weight)
    >>> search = search.fit(events.data, events.target, sample_weight=w)
    >>> len(search.cv_results_["pooled_test_score"])
    3
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": [HasMethods(["fit"])],
        "param_distributions": [dict, callable, SearchSpace],
        "n_trials": [Interval(Integral, 1, None, closed="left"), None],
        "timeout": [Interval(Real, 0.0, None, closed="neither"), None],
        "sampler": [str, callable, optuna.samplers.BaseSampler],
        "scoring": [str, callable, list, tuple, dict, None],
        "cv": ["cv_object"],
        "pooled": ["boolean", StrOptions({"auto"})],
        "n_replicas": [Interval(Integral, 2, None, closed="left")],
        "pruning": [StrOptions({"paired", "median"}), None],
        "overtraining": [OvertrainingLimit, None],
        "choice": [StrOptions({"best", "score_minus_error", "one_standard_error"})],
        "complexity": [str, callable, None],
        "refit": ["boolean", str, callable],
        "error_score": [StrOptions({"raise"}), Real],
        "return_train_score": ["boolean"],
        "storage": [str, PathLike, optuna.storages.BaseStorage, None],
        "study_name": [str, None],
        "directory": [str, PathLike, None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Mapping[str, object]
        | Callable[[BaseTrial], Mapping[str, object]]
        | SearchSpace,
        *,
        n_trials: int | None = 10,
        timeout: float | None = None,
        sampler: Any = "tpe",
        scoring: Any = None,
        cv: Any = None,
        pooled: bool | Literal["auto"] = "auto",
        n_replicas: int = 200,
        pruning: Literal["paired", "median"] | None = None,
        overtraining: OvertrainingLimit | None = None,
        choice: Choice = "best",
        complexity: str | Callable[[Mapping[str, Any]], float] | None = None,
        refit: bool | str | Callable[[Mapping[str, Any]], int] = True,
        error_score: float | Literal["raise"] = np.nan,
        return_train_score: bool = False,
        storage: Any = None,
        study_name: str | None = None,
        directory: str | PathLike[str] | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.param_distributions = param_distributions
        self.n_trials = n_trials
        self.timeout = timeout
        self.sampler = sampler
        self.scoring = scoring
        self.cv = cv
        self.pooled = pooled
        self.n_replicas = n_replicas
        self.pruning = pruning
        self.overtraining = overtraining
        self.choice = choice
        self.complexity = complexity
        self.refit = refit
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.storage = storage
        self.study_name = study_name
        self.directory = directory
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Run the trials, and fit the estimator with the best parameters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,), default=None
            Labels or values.
        **params : dict
            `sample_weight`: physics weights of the events, given to every fit and every
            score. `groups`: for the splitter, and for a fit that takes them. Others are
            arguments of the estimator's `fit`. With metadata routing they go where they
            are requested.

        Returns
        -------
        self : OptunaSearchCV

        Raises
        ------
        ValueError
            If the stored study is that of another search; if all trials fail, with the
            first cause, or have no finite score.
        TypeError
            If weights would be left out by a step of the estimator or by a scorer.
        """
        self._check_budget()
        X, y = indexable(X, y)
        y = check_target(y, self)
        params = _check_method_params(X, params=params)
        is_weighted = params.get("sample_weight") is not None
        if is_weighted:
            weights = check_event_weights(params["sample_weight"], _num_samples(X))
            params["sample_weight"] = weights
        scoring = as_scoring(self.scoring, self.estimator, is_weighted=is_weighted)
        routed = routed_params(self, self.estimator, scoring, params)
        events = Events(X, y, routed.estimator.fit, routed.scorer.score)
        splitter = check_cv(
            as_splitter(self.cv), y, classifier=is_classifier(self.estimator)
        )
        splits = list(splitter.split(X, y, **routed.splitter.split))
        space = as_space(self.param_distributions)
        space.check_estimator(self.estimator)
        metric = self._metric_name(scoring)
        self._check_options(scoring)
        study = self._open_study(space, X=X, y=y, fit_arguments=params, splits=splits)
        task = FitTask.of_fit(self, n_subtasks=1 + (self.refit is not False))
        task.begin(X, y, params.get("sample_weight"))
        setup = TrialSetup(
            estimator=self._seeded(study.seed),
            events=events,
            splits=splits,
            rules=FoldRules(
                scoring.for_sample(y, params.get("sample_weight"), X),
                return_train_score=self._scores_training_events,
                return_history=self.directory is not None,
                methods=self._methods_to_compare(),
            ),
            pool=PoolRules(self.pooled, self.n_replicas),
            beside=self._beside(y, params.get("sample_weight")),
            overtraining=self.overtraining,
        )
        searching = task.subtask("search", n_subtasks=self.n_trials, in_order=False)
        searching.begin()
        kept = run_trials(
            study,
            setup,
            Budget(self.n_trials, self.timeout),
            SearchRules(metric, self.pruning, self.error_score),
            n_jobs=self.n_jobs,
            verbose=self.verbose,
            search_task=searching if has_callbacks(self) else None,
        )
        searching.end()
        self.study_ = study.study
        self.n_splits_ = len(splits)
        self.records_ = study.records()
        self._tabulate(study, scoring)
        self._choose(study, setup, metric)
        self._keep_predictions(kept, study, setup)
        if self.refit:
            self._refit(setup, task.subtask("refit"))
        task.end(X, y, params.get("sample_weight"))
        return self

    def _open_study(self, space: SearchSpace, **sample: Any) -> SearchStudy:
        return SearchStudy.open(
            self.storage,
            self.study_name,
            self.directory,
            own=fingerprint(
                **sample,
                estimator=self.estimator,
                scoring=self.scoring,
                space=self.param_distributions,
                pooled=self.pooled,
                n_replicas=self.n_replicas,
                pruning=self.pruning,
                overtraining=self.overtraining,
            ),
            seed=self._seed(),
            sampler=self.sampler,
            space=space,
        )

    @property
    def _scores_training_events(self) -> bool:
        return self.return_train_score or self.overtraining is not None

    def _metric_name(self, scoring: Scoring) -> str:
        """Return the name of the score that trials are ranked by."""
        if isinstance(self.refit, str):
            return self.refit
        return next(iter(scoring.scorers))

    def _methods_to_compare(self) -> tuple[str, ...]:
        """Return the methods from which the losses of events are computed."""
        if self.pruning is None and self.choice == "best":
            return ()
        return ("predict_proba" if is_classifier(self.estimator) else "predict",)

    def _beside(self, y: Any, sample_weight: ArrayLike | None) -> Scoring:
        """Return what is reported of two classes whatever the scoring."""
        is_binary = is_classifier(self.estimator) and type_of_target(y, "y") == "binary"
        if not is_binary or self.pooled is False:
            return Scoring({}, True)
        auc = weighted_scorer("roc_auc", unit_weights=sample_weight is None)
        return Scoring({"roc_auc": auc}, True)

    def _check_options(self, scoring: Scoring) -> None:
        """Check the conditions between parameters."""
        if scoring.is_multimetric:
            self._check_refit_for_multimetric(dict(scoring.scorers))
        if self.overtraining is not None and self.sampler in (
            "random",
            "grid",
            "cmaes",
        ):
            msg = (
                "`sampler` must look at constraints to avoid overtrained models, got "
                f"{self.sampler!r}, which proposes them as often as others; they are "
                'only kept from being the best. Take "tpe", "gp" or "evolutionary".'
            )
            self._warn_once(msg, IgnoredConstraintWarning)
        if self.choice != "best" and callable(self.refit):
            msg = (
                f"`choice` must be 'best' where `refit` is a function, which chooses, "
                f"got {self.choice!r}. Leave out one of them."
            )
            raise ValueError(msg)

    def _run_search(self, evaluate_candidates: Any, **_: Any) -> None:
        """Not used: proposals depend on the trials before, of any process."""

    def _check_budget(self) -> None:
        if self.n_trials is None and self.timeout is None:
            msg = (
                "`n_trials` or `timeout` must end the search, got None for both. Pass "
                "a number of trials, seconds, or both."
            )
            raise ValueError(msg)

    def _seed(self) -> int | None:
        if self.random_state is None:
            return None
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(MAX_SEED))

    def _seeded(self, seed: int) -> Any:
        """Return the estimator with seeds where it has none, the same in all trials."""
        estimator = clone(self.estimator)
        if self.random_state is None:
            return estimator
        rng = np.random.RandomState(seed % 2**32)
        for name, value in sorted(estimator.get_params(deep=True).items()):
            last = name.rpartition("__")[2]
            if last == "random_state" and value is None:
                estimator.set_params(**{name: int(rng.randint(MAX_SEED))})
        return estimator

    # The routing of BaseSearchCV asks for the scorers by this.
    def _get_scorers(self) -> tuple[Any, str]:
        scoring = as_scoring(self.scoring, self.estimator, is_weighted=False)
        if not scoring.is_multimetric:
            return scoring.scorers["score"], "score"
        return _MultimetricScorer(scorers=dict(scoring.scorers)), str(self.refit)

    def _tabulate(self, study: SearchStudy, scoring: Scoring) -> None:
        """Set the table of trials."""
        names = list(dict.fromkeys(n for r in self.records_ for n in r.test_scores))
        self.multimetric_ = scoring.is_multimetric or names != ["score"]
        single = None if scoring.is_multimetric else scoring.scorers["score"]
        self.scorer_ = dict(scoring.scorers) if single is None else single
        if self.multimetric_:
            self._check_refit_for_multimetric(dict.fromkeys(names))
        for name in names:
            is_pooled = any(name in record.pooled for record in self.records_)
            _logger.info("%r ranks trials by %s.", name, _RANKED_BY[is_pooled])
        self.cv_results_ = cv_results(
            self.records_,
            study.params_of(self.records_),
            self.n_splits_,
            names,
            train_scores=self._scores_training_events,
            error_score=np.nan if self.error_score == "raise" else self.error_score,
        )

    def _choose(self, study: SearchStudy, setup: TrialSetup, metric: str) -> None:
        """Set the trial that is chosen."""
        for name in ("best_index_", "best_params_", "best_score_"):
            self.__dict__.pop(name, None)
        if self.refit is False and self.multimetric_:
            return
        if callable(self.refit):
            found = self._select_best_index(self.refit, metric, self.cv_results_)
            self.best_index_ = int(found)
        else:
            self.best_index_ = self._chosen(study, setup, metric)
            worths = [worth(record, metric) for record in self.records_]
            self.best_score_ = worths[self.best_index_]
        self.best_params_ = self.cv_results_["params"][self.best_index_]

    def _chosen(self, study: SearchStudy, setup: TrialSetup, metric: str) -> int:
        records = self.records_
        scores = np.array(
            [worth(r, metric) if r.is_admissible else np.nan for r in records]
        )
        if np.isnan(scores).all():
            msg = (
                "At least one trial must be complete and meet the condition on "
                f"overtraining, got none of {len(records)}. Grant more in "
                "`overtraining`, or try more regularised models."
            )
            raise ValueError(msg)
        if self.choice == "best":
            return int(np.nanargmax(scores))
        replicas = np.array(
            [
                r.pooled[metric].replicas
                if metric in r.pooled
                else [np.nan] * self.n_replicas
                for r in records
            ]
        )
        best = int(np.nanargmax(scores))
        if metric not in records[best].pooled:
            msg = (
                f"`choice` must be 'best' where {metric!r} is not pooled, got "
                f"{self.choice!r}: there are no errors. Use a scorer of predictions."
            )
            raise ValueError(msg)
        spread = study.seed_spread()
        if spread is None:
            params = self.cv_results_["params"][best]
            spread = seed_spread(setup, params, metric, float(scores[best]))
            study.keep_seed_spread(spread)
        return choose_trial(
            self.choice, scores, replicas, spread["score"], self._complexities()
        )

    def _complexities(self) -> NDArray[np.float64] | None:
        """Return what makes each trial less simple."""
        if self.choice != "one_standard_error":
            return None
        if self.complexity is None:
            sizes = [record.n_parameters for record in self.records_]
            if all(size is None for size in sizes):
                msg = (
                    "`complexity` must say what is simple for models that do not count "
                    "their parameters, got None. Name a parameter, or pass a function."
                )
                raise ValueError(msg)
            return np.array([np.inf if size is None else size for size in sizes])
        rule = self.complexity
        params = self.cv_results_["params"]
        values = [rule(p) if callable(rule) else p.get(rule, np.inf) for p in params]
        return np.array(values, dtype=np.float64)

    def _keep_predictions(
        self, kept: TrialOutcome | None, study: SearchStudy, setup: TrialSetup
    ) -> None:
        """Set the predictions of the best trial, computed again if it ran elsewhere."""
        self.__dict__.pop("best_oof_decision_function_", None)
        if not hasattr(self, "best_index_"):
            return
        record = self.records_[self.best_index_]
        if kept is None or kept.record.number != record.number:
            kept = study.run_again(record, setup)
        self.best_oof_decision_function_ = mean_response(kept.passes, setup.n_samples)

    def _refit(self, setup: TrialSetup, task: FitTask) -> None:
        self.best_estimator_ = clone(setup.estimator).set_params(
            **clone(self.best_params_, safe=False)
        )
        start, events = perf_counter(), setup.events
        sample = (events.X, events.y, events.fit_params.get("sample_weight"))
        arguments = sample[:1] if events.y is None else sample[:2]
        with task.lent_to(self.best_estimator_):
            task.begin(*sample)
            self.best_estimator_.fit(*arguments, **events.fit_params)
        task.end(*sample)
        self.refit_time_ = perf_counter() - start
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_
