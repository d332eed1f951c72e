"""Is the network worth it: classifiers of all kinds on the same folds and events.

Every event is scored by a model that has not seen it, with the same folds for all, and
each figure of merit is computed once, on all events. Differences are paired, so that
what all classifiers have in common is in no error. What a classifier costs stands
beside what it gains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.utils import check_random_state
from tqdm.auto import tqdm

from skhep_dnn._signal_label import resolve_pos_label
from skhep_dnn._sklearn import _num_samples, _safe_indexing
from skhep_dnn._tables import native_events
from skhep_dnn._told_columns import warns_once
from skhep_dnn._validation import (
    check_event_weights,
    check_labels,
    known_labels,
    signal_labels,
)
from skhep_dnn.metrics import (
    BootstrapResult,
    PairedBootstrapResult,
    weighted_scorer,
)
from skhep_dnn.metrics._bootstrap import bootstrap_result, format_with_error
from skhep_dnn.metrics._metric_scorer import METRIC_NAMES
from skhep_dnn.model_selection._contender import Contender, make_contender
from skhep_dnn.model_selection._cross_validation import (
    PooledScores,
    cross_validate_pooled,
)
from skhep_dnn.model_selection._named_classifiers import named_classifier
from skhep_dnn.weights import ClassWeight

__all__ = ["ClassifierComparison", "MeanOverFolds", "compare_classifiers"]

FloatArray = NDArray[np.float64]
Metrics = Sequence[str] | Mapping[str, Any]

_METRICS = ("roc_auc", "balanced_log_loss")


@dataclass(frozen=True, eq=False)
class MeanOverFolds:
    """A mean over the folds with its error, from their spread.

    Attributes
    ----------
    values : ndarray of shape (n_folds,)
        Of each fold.

    Examples
    --------
    >>> import numpy as np
    >>> from skhep_dnn.model_selection import MeanOverFolds
    >>> print(MeanOverFolds(np.array([1.0, 1.2, 1.1])))
    1.100 ± 0.058
    """

    values: FloatArray

    @property
    def value(self) -> float:
        """The mean."""
        return float(self.values.mean())

    @property
    def error(self) -> float:
        """Standard deviation over the root of the number of folds; nan of one fold."""
        if len(self.values) < 2:
            return float("nan")
        return float(self.values.std(ddof=1) / np.sqrt(len(self.values)))

    def __str__(self) -> str:
        """Return mean and error with two digits of the error."""
        return format_with_error(self.value, self.error)


@dataclass(frozen=True, eq=False)
class ClassifierComparison:
    """Classifiers on the same folds and events.

    Attributes
    ----------
    metrics : dict of str to dict of str to BootstrapResult
        By figure of merit and classifier: pooled over the folds, with the error of the
        sample of events.
    differences : dict of str to dict of str to PairedBootstrapResult
        Those to the first classifier, on the same replicas.
    overfitting : dict of str to dict of str to MeanOverFolds
        By how much each is better on the training events of a fold than on its test
        events; above 0 also for a loss.
    fit_time, predict_time : dict of str to MeanOverFolds
        Seconds of one fit, and microseconds to score one event.
    fit_time_ratio, predict_time_ratio : dict of str to MeanOverFolds
        The same over that of the first classifier, fold by fold.
    weights : dict of str to str
        What each was given: "signed" weights, "refined" or "absolute" ones in the place
        of signed ones, the "given" ones where none is negative, or "none", where it
        takes no weights.
    out_of_fold : dict of str to ndarray of shape (n_samples,)
        Score of each event by a model that has not seen it: the probability of the
        signal, or the decision function of a classifier without probabilities; nan
        where an event was never tested. Of several classes without a `pos_label` the
        probabilities of all.
    in_fold : dict of str to ndarray of shape (n_samples,)
        Score of the same events by one model that was trained on them, that of the
        fold before: for figures of train and test. nan where there is none.
    y : ndarray of shape (n_samples,)
        Labels.
    sample_weight : ndarray of shape (n_samples,) or None
        Physics weights.
    pos_label : label, list of labels or None
        That of the signal.
    greater_is_better : dict of str to bool
        By figure of merit.

    See Also
    --------
    compare_classifiers : Makes it, and has an example.
    skhep_dnn.inspection.ComparisonDisplay : Draws it.
    skhep_dnn.inspection.plot_classifiers : Discriminant and ROC of each.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.model_selection import compare_classifiers
    >>> events = make_gaussian_events(1000, random_state=0)
    >>> result = compare_classifiers(
    ...     {"linear": LogisticRegression(), "naive": GaussianNB()},
    ...     events.data,
    ...     events.target,
    ...     random_state=0,
    ... )
    >>> result.names, result.weights["naive"]
    (['linear', 'naive'], 'given')
    """

    metrics: dict[str, dict[str, BootstrapResult]]
    differences: dict[str, dict[str, PairedBootstrapResult]]
    overfitting: dict[str, dict[str, MeanOverFolds]]
    fit_time: dict[str, MeanOverFolds]
    predict_time: dict[str, MeanOverFolds]
    fit_time_ratio: dict[str, MeanOverFolds]
    predict_time_ratio: dict[str, MeanOverFolds]
    weights: dict[str, str]
    out_of_fold: dict[str, FloatArray] = field(repr=False)
    in_fold: dict[str, FloatArray] = field(repr=False)
    y: NDArray[Any] = field(repr=False)
    sample_weight: FloatArray | None = field(repr=False)
    pos_label: object
    greater_is_better: dict[str, bool]

    @property
    def names(self) -> list[str]:
        """Names of the classifiers, the first one that all are compared with."""
        return list(self.weights)

    def p_value(self, metric: str, name: str) -> float:
        """Return how often such a difference to the first classifier comes by chance.

        Parameters
        ----------
        metric : str
            Figure of merit.
        name : str
            A classifier other than the first.

        Returns
        -------
        p_value : float
            Two-sided, for a normal difference with the error of the bootstrap.
        """
        return self.differences[metric][name].p_value

    def to_frame(self) -> pd.DataFrame:
        """Return all numbers, one row for each classifier.

        Returns
        -------
        frame : DataFrame
            For each figure of merit its value, ``_error``, ``_difference`` to the first
            row with ``_difference_error`` and ``_p_value``, ``_overfitting`` and
            ``_overfitting_error``; then "fit_time" in seconds, "predict_time" in
            microseconds for an event, each with ``_error``, ``_ratio`` to the first row
            and ``_ratio_error``; and "weights".
        """
        rows = {name: self._row(name) for name in self.names}
        frame = pd.DataFrame(list(rows.values()), index=list(rows))
        return frame.rename_axis(index="classifier")

    def _row(self, name: str) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for metric, of_metric in self.metrics.items():
            _put(row, metric, of_metric[name])
            difference = self.differences[metric].get(name)
            row[f"{metric}_difference"] = difference.difference if difference else 0.0
            row[f"{metric}_difference_error"] = difference.error if difference else 0.0
            row[f"{metric}_p_value"] = difference.p_value if difference else np.nan
            _put(row, f"{metric}_overfitting", self.overfitting[metric][name])
        for kind in ("fit_time", "predict_time"):
            _put(row, kind, getattr(self, kind)[name])
            _put(row, f"{kind}_ratio", getattr(self, f"{kind}_ratio")[name])
        row["weights"] = self.weights[name]
        return row

    def __str__(self) -> str:
        """Return a table of each figure of merit, and one of times and weights."""
        tables = []
        for metric, of_metric in self.metrics.items():
            rows = {}
            for name in self.names:
                found = self.differences[metric].get(name)
                rows[name] = {
                    metric: str(of_metric[name]),
                    "difference": "" if found is None else str(found),
                    "p": "" if found is None else f"{found.p_value:.2g}",
                    "overfitting": str(self.overfitting[metric][name]),
                }
            tables.append(
                pd.DataFrame(list(rows.values()), index=list(rows)).to_string()
            )
        costs = {
            name: {
                "fit, s": str(self.fit_time[name]),
                "of first": str(self.fit_time_ratio[name]),
                "event, µs": str(self.predict_time[name]),
                "of the first": str(self.predict_time_ratio[name]),
                "weights": self.weights[name],
            }
            for name in self.names
        }
        tables.append(pd.DataFrame.from_dict(costs, orient="index").to_string())
        return "\n\n".join(tables)


@warns_once
def compare_classifiers(
    classifiers: Mapping[str, Any] | Sequence[str],
    X: Any,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    cv: Any = 5,
    metrics: Metrics = _METRICS,
    groups: ArrayLike | None = None,
    negative_weights: Literal["refine", "abs", "keep"] = "refine",
    class_weight: ClassWeight = "balanced",
    n_replicas: int = 200,
    pos_label: object = None,
    random_state: int | np.random.RandomState | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> ClassifierComparison:
    """Compare classifiers of any kind, scored on the same folds and events.

    Is the network worth it? Each classifier is fitted on the training events of a fold
    and scores its test events. The figures of merit are those of all events together,
    with the physics weights as they are, and differences to the first classifier are
    paired. With them comes what tells an honest gain from a lucky or a dear one:
    errors, the degree of overfitting, and the time of a training and of a prediction.

    Parameters
    ----------
    classifiers : dict of str to classifier or name, or sequence of names
        Classifiers or pipelines that are not fitted, by the name in the result; the
        first is what the others are compared with. "network"
        (`WeightedDNNClassifier`), "hist_gradient_boosting", "lightgbm", "xgboost",
        "catboost" and "automl" (`AutoMLClassifier`) stand for one with good settings,
        where its library is installed.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Events.
    y : array-like of shape (n_samples,)
        Labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Physics weights, negative ones allowed; None counts every event once.
    cv : int, splitter, iterable or fold numbers, default=5
        Folds, the same for all. With `groups` an int keeps groups together.
    metrics : sequence of str or dict of str to scorer, \
            default=("roc_auc", "balanced_log_loss")
        Names of `weighted_scorer`, or scorers, of which greater values are better.
    groups : array-like of shape (n_samples,), default=None
        Events of one group stay together where `cv` knows groups; also given to fits
        that take them.
    negative_weights : {"refine", "abs", "keep"}, default="refine"
        What classifiers that are not of this package get in the place of negative
        weights: `refined_weights` of the training events of each fold, `|w|`, or the
        signed ones where they take them and refined ones where they refuse. Boosted
        trees take signed weights and learn little from them. Those of this package
        get signed weights and follow their own parameters.
    class_weight : "balanced", dict or None, default="balanced"
        Sums of the training weights of the classes for these classifiers: "balanced"
        as in a network, so that probabilities can be compared.
    n_replicas : int, default=200
        Replicas of the bootstrap that gives the errors; 0 for none, and errors of nan.
    pos_label : label or list of labels, default=None
        Label of the signal, or of several signal classes, against all others; None
        takes the larger one of two. Of more classes without it the names of `metrics`
        must be those of all classes, such as "roc_auc_ovr".
    random_state : int, RandomState instance or None, default=None
        Seed of replicas, refinements and classifiers that are given by name.
    n_jobs : int, default=None
        Folds that are fitted at the same time. Times of a training mean something with
        one only.
    verbose : int, default=0
        Above 0 shows a progress bar over the classifiers.

    Returns
    -------
    result : ClassifierComparison
        Printed as tables; `to_frame` has all numbers, `out_of_fold` the scores.

    Raises
    ------
    TypeError
        If a step of a pipeline that accepts weights would go without them.
    ValueError
        If an argument is not as described.
    ImportError
        If a classifier is given by name and its library is not installed.

    See Also
    --------
    cross_validate_pooled : Does it for one classifier.
    skhep_dnn.metrics.overtraining_test : Looks at one training in more detail.

    Notes
    -----
    The error of a figure and of a difference is that of the sample of events, for the
    models as they are; another seed of a training comes on top of it. The p-value is
    that of one comparison: of ten classifiers the best one is better by chance.
    Errors of times and of the overfitting are from the spread over the folds, whose
    trainings share events. The time of the first fold has in it what a library loads at
    its first use.

    A classifier that takes no weights, such as nearest neighbours, learns the shares of
    the simulated events; its log-loss shows that, its AUC less so.

    Examples
    --------
    >>> from skhep_dnn.datasets import make_gaussian_events
    >>> from skhep_dnn.model_selection import compare_classifiers
    >>> events = make_gaussian_events(2000, random_state=0)
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> result = compare_classifiers(
    ...     {
    ...         "linear": LogisticRegression(),
    ...         "tree": DecisionTreeClassifier(max_depth=8, random_state=0),
    ...     },
    ...     events.data,
    ...     events.target,
    ...     events.sample_weight,
    ...     random_state=0,
    ... )
    >>> print(result.differences["roc_auc"]["tree"])
    -0.110 ± 0.010
    >>> result.p_value("roc_auc", "tree") < 0.05
    True
    """
    X = native_events(X)
    labels = check_labels(y)
    weights = None
    if sample_weight is not None:
        weights = check_event_weights(sample_weight, len(labels))
    pos_label = _signal(labels, pos_label)
    _check_choice(negative_weights)
    random = check_random_state(random_state)
    replica_seed, fit_seed = (int(s) for s in random.randint(2**31 - 1, size=2))
    scorers, greater = _scorers(metrics, pos_label, is_weighted=weights is not None)
    if groups is not None and isinstance(cv, int | np.integer):
        cv = StratifiedGroupKFold(int(cv))
    found: dict[str, _Found] = {}
    estimators = _estimators(classifiers, X, fit_seed)
    for name, estimator in tqdm(
        estimators.items(), desc="Classifiers", disable=not verbose
    ):
        contender, word = make_contender(
            estimator,
            X,
            labels,
            weights,
            negative_weights=negative_weights,
            class_weight=class_weight,
            seed=fit_seed,
        )
        pooled = cross_validate_pooled(
            contender,
            X,
            labels,
            weights,
            groups=groups,
            scoring=scorers,
            cv=cv,
            n_replicas=n_replicas,
            random_state=replica_seed,
            return_train_score=True,
            return_estimator=True,
            as_members=False,
            n_jobs=n_jobs,
        )
        cv = pooled.splits  # the same for all, whatever is drawn at random
        found[name] = _Found.of(pooled, word, X, pos_label)
    return _comparison(found, greater, labels, weights, pos_label)


@dataclass(frozen=True)
class _Found:
    """What came of one classifier."""

    pooled: PooledScores
    word: str
    predict_time: FloatArray
    out_of_fold: FloatArray
    in_fold: FloatArray

    @classmethod
    def of(cls, pooled: PooledScores, word: str, X: Any, pos_label: object) -> _Found:
        """Score the events of each fold by its model, and take the time."""
        n_samples = _num_samples(X)
        tested, trained = _Mean(n_samples), _Mean(n_samples)
        times = []
        for k, (model, (train, test)) in enumerate(
            zip(pooled.estimators, pooled.splits, strict=True)
        ):
            _response(model, _safe_indexing(X, test[:2]), pos_label)  # what is lazy
            start = perf_counter()
            response = _response(model, _safe_indexing(X, test), pos_label)
            times.append(1e6 * (perf_counter() - start) / len(test))
            tested.add(test, response)
            following = pooled.splits[(k + 1) % len(pooled.splits)][1]
            known = np.intersect1d(following, train)
            if len(known):
                events = _safe_indexing(X, known)
                trained.add(known, _response(model, events, pos_label))
        kept = PooledScores(**{**vars(pooled), "estimators": []})
        return cls(kept, word, np.array(times), tested.values(), trained.values())


class _Mean:
    """Mean of the responses that events get, nan without one."""

    def __init__(self, n_samples: int) -> None:
        self.times = np.zeros(n_samples)
        self.total: FloatArray | None = None

    def add(self, rows: NDArray[np.integer[Any]], response: FloatArray) -> None:
        if self.total is None:
            self.total = np.zeros((len(self.times), *response.shape[1:]))
        self.total[rows] += response
        self.times[rows] += 1.0

    def values(self) -> FloatArray:
        if self.total is None:
            return np.full(len(self.times), np.nan)
        times = self.times.reshape(-1, *[1] * (self.total.ndim - 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.total / times)


def _response(model: Contender, X: Any, pos_label: object) -> FloatArray:
    """Return the probability of the signal, or what there is in its place."""
    classes = np.asarray(model.classes_).tolist()
    is_signal = np.zeros(len(classes), dtype=np.bool_)
    if len(classes) == 2 or pos_label is not None:
        is_signal = np.isin(classes, signal_labels(classes, pos_label, "y"))
    if hasattr(model, "predict_proba"):
        proba = np.asarray(model.predict_proba(X), dtype=np.float64)
        return proba[:, is_signal].sum(axis=1) if is_signal.any() else proba
    decision = np.asarray(model.decision_function(X), dtype=np.float64)
    if decision.ndim == 1:
        return decision if is_signal[1] else -decision
    return decision[:, is_signal][:, 0] if is_signal.sum() == 1 else decision


def _signal(labels: NDArray[Any], pos_label: object) -> Any:
    """Return the label of the signal; None of several classes without one."""
    classes = known_labels(labels)
    if pos_label is None and len(classes) > 2:
        return None
    pos_label = resolve_pos_label(labels, pos_label)
    signal = signal_labels(classes, pos_label, "y")
    return signal[0] if len(signal) == 1 else signal


def _check_choice(negative_weights: str) -> None:
    choices = ("refine", "abs", "keep")
    if negative_weights not in choices:
        msg = (
            f"`negative_weights` must be one of {choices!r}, got {negative_weights!r}. "
            "Choose one; networks have a parameter of their own."
        )
        raise ValueError(msg)


def _estimators(
    classifiers: Mapping[str, Any] | Sequence[str], X: Any, seed: int
) -> dict[str, Any]:
    given = (
        dict(classifiers)
        if isinstance(classifiers, Mapping)
        else {name: name for name in classifiers}
    )
    if not given or isinstance(classifiers, str):
        msg = (
            "`classifiers` must be a dict of one classifier or more by name, got "
            f'{classifiers!r}. Pass such as {{"network": "network"}}.'
        )
        raise ValueError(msg)
    has_names = hasattr(X, "columns")
    return {
        str(name): named_classifier(value, seed, has_names=has_names)
        if isinstance(value, str)
        else value
        for name, value in given.items()
    }


def _scorers(
    metrics: Metrics, pos_label: object, *, is_weighted: bool
) -> tuple[dict[str, Any], dict[str, bool]]:
    """Return scorers by name, and of which greater values are better as they are."""
    if isinstance(metrics, str):
        metrics = [metrics]
    given = (
        dict(metrics)
        if isinstance(metrics, Mapping)
        else {name: name for name in metrics}
    )
    scorers, greater = {}, {}
    for name, metric in given.items():
        scorer = metric
        if isinstance(metric, str):
            if metric not in METRIC_NAMES:
                msg = (
                    f"`metrics` must be scorers or of {list(METRIC_NAMES)}, got "
                    f"{metric!r}. Pass a dict with a scorer for another figure."
                )
                raise ValueError(msg)
            scorer = weighted_scorer(
                metric, pos_label=pos_label, unit_weights=not is_weighted
            )
        scorers[name] = scorer
        # A score of a loss is its negative; here it is shown as what it is.
        greater[name] = metric != "balanced_log_loss"
    if not scorers:
        msg = 'There must be one of `metrics` or more, got none. Pass ["roc_auc"], say.'
        raise ValueError(msg)
    return scorers, greater


def _comparison(
    found: Mapping[str, _Found],
    greater: dict[str, bool],
    labels: NDArray[Any],
    weights: FloatArray | None,
    pos_label: object,
) -> ClassifierComparison:
    first = next(iter(found.values()))
    signs = {metric: 1.0 if better else -1.0 for metric, better in greater.items()}
    metrics = {
        metric: {
            name: _signed(one.pooled.scores[metric], sign)
            for name, one in found.items()
        }
        for metric, sign in signs.items()
    }
    return ClassifierComparison(
        metrics=metrics,
        differences={
            metric: {
                name: _difference(result, next(iter(of_metric.values())))
                for name, result in list(of_metric.items())[1:]
            }
            for metric, of_metric in metrics.items()
        },
        overfitting={
            metric: {
                name: MeanOverFolds(
                    one.pooled.train_scores[metric] - one.pooled.test_scores[metric]
                )
                for name, one in found.items()
            }
            for metric in signs
        },
        fit_time={n: MeanOverFolds(one.pooled.fit_time) for n, one in found.items()},
        predict_time={n: MeanOverFolds(one.predict_time) for n, one in found.items()},
        fit_time_ratio={
            n: MeanOverFolds(one.pooled.fit_time / first.pooled.fit_time)
            for n, one in found.items()
        },
        predict_time_ratio={
            n: MeanOverFolds(one.predict_time / first.predict_time)
            for n, one in found.items()
        },
        weights={name: one.word for name, one in found.items()},
        out_of_fold={name: one.out_of_fold for name, one in found.items()},
        in_fold={name: one.in_fold for name, one in found.items()},
        y=labels,
        sample_weight=weights,
        pos_label=pos_label,
        greater_is_better=greater,
    )


def _signed(score: BootstrapResult, sign: float) -> BootstrapResult:
    return BootstrapResult(
        sign * score.value, score.error, sign * score.replicas, score.n_undefined
    )


def _difference(a: BootstrapResult, b: BootstrapResult) -> PairedBootstrapResult:
    """Return a minus b, whose replicas are of the same events in the same order."""
    paired = bootstrap_result(a.value - b.value, a.replicas - b.replicas)
    return PairedBootstrapResult(
        a.value,
        b.value,
        paired.value,
        paired.error,
        paired.replicas,
        paired.n_undefined,
    )


def _put(row: dict[str, Any], name: str, result: Any) -> None:
    row[name], row[f"{name}_error"] = result.value, result.error
