"""The common part of the scorers: event weights are requested, and never left out.

The request for weights, the refusal to score without them, the weights carried along
and the orientation of the responses live in one subclass of scikit-learn's scorer,
whose `_score` every kind of search calls.

Some tools pass a scorer nothing but the estimator, the features and the labels. A
scorer that carries the weights looks them up by the labels of the DataFrame's index,
which survive splitting, shuffling and resampling.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._logits import signal_logit
from skhep_dnn._messages import shown
from skhep_dnn._sklearn import _cached_call, _check_response_method, _Scorer
from skhep_dnn._tables import native_events, native_values
from skhep_dnn._validation import (
    check_classes,
    check_event_weights,
    check_signal,
    signal_labels,
)
from skhep_dnn.exceptions import MissingWeightsError, WeightsError
from skhep_dnn.weights._class_sums import check_class_sums, check_class_weights

__all__ = [
    "RANKING_RESPONSES",
    "BoolArray",
    "CarriedWeights",
    "Codes",
    "EventWeightScorer",
    "FloatArray",
    "ReplicaKernel",
    "ScoreFunction",
    "check_carried",
    "check_classified_events",
    "check_scored_events",
    "shown_options",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Codes = NDArray[np.bool_] | NDArray[np.intp]
ReplicaKernel = Callable[[NDArray[np.int64], FloatArray], FloatArray]

# A decision function never saturates, so it orders the purest events best.
RANKING_RESPONSES = ("decision_function", "predict_proba")


class ScoreFunction(Protocol):
    """What a scorer computes, of labels, a response and event weights.

    A call is for class predictions: all that `TunedThresholdClassifierCV`, which calls
    it for each threshold, takes from a scorer. It is a frozen dataclass.
    """

    @property
    def __name__(self) -> str: ...

    @property
    def unit_weights(self) -> bool: ...

    @property
    def takes_several_classes(self) -> bool: ...

    @property
    def unknown_yields(self) -> Sequence[str]: ...

    @property
    def has_kernel(self) -> bool: ...

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
        pos_label: object = None,
    ) -> float: ...

    def of_response(
        self,
        y_true: ArrayLike,
        response: ArrayLike,
        sample_weight: ArrayLike | None,
        pos_label: object,
    ) -> float: ...

    def kernel(
        self, y_true: ArrayLike, response: ArrayLike, pos_label: object
    ) -> ReplicaKernel: ...


class EventWeightScorer(_Scorer):
    """Scorer that requests `sample_weight` and refuses to work without.

    Parameters
    ----------
    score_func : ScoreFunction
        What is computed; checks its events by `check_scored_events`.
    sign : {-1, 1}
        Sign by which greater becomes better.
    response_method : str or tuple of str
        Method of the estimator that gives the response.
    pos_label : label, list of labels or None
        Label of the signal, or of several signal classes, against all others; None
        takes ``classes_[1]`` of two.
    carried : CarriedWeights or None
        Weights to use where none are passed.
    description : str
        The call that makes this scorer, shown by `repr`.
    """

    __metadata_request__score: ClassVar = {"sample_weight": True}

    def __init__(
        self,
        score_func: ScoreFunction,
        *,
        sign: int,
        response_method: str | tuple[str, ...],
        pos_label: object,
        carried: CarriedWeights | None,
        description: str,
    ) -> None:
        super().__init__(score_func, sign, {"pos_label": pos_label}, response_method)
        self._carried = carried
        self._description = description

    def __repr__(self) -> str:
        return self._description

    def for_sample(
        self, y_true: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Return the scorer to use on parts of a sample, such as its folds.

        A significance whose yields are not known gets the class sums of the sample, so
        that each part is scored at the full yields. Any other scorer is returned as it
        is.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels of the whole sample.
        sample_weight : array-like of shape (n_samples,), default=None
            Its weights. None takes those that the scorer carries, by the index of
            `y_true`, which must be a Series then; or else counts every event once, if
            the scorer has `unit_weights`.

        Returns
        -------
        scorer : EventWeightScorer
            This one, if there is nothing to fill in, or if the scorer carries weights
            and `y_true` has no index.

        Raises
        ------
        MissingWeightsError
            If yields are not known and there are no weights.
        WeightsError
            If yields are not known and a class does not sum to more than 0.
        """
        unknown = self._score_func.unknown_yields
        if not unknown:
            return self
        if sample_weight is None and self._carried is not None:
            if not isinstance(getattr(y_true, "index", None), pd.Index):
                return self  # each part finds its weights, but the yields stay unknown
            sample_weight = self._carried.weights_of(y_true, y_true)
        is_signal, weights = check_scored_events(
            y_true, sample_weight, self._kwargs["pos_label"], self._score_func
        )
        signal, background = check_class_sums(is_signal, weights)
        yields = {"signal_yield": signal, "background_yield": background}
        found = {name: yields[name] for name in unknown}
        scorer = copy.copy(self)
        scorer._score_func = replace(self._score_func, **found)
        options = {name: (value, None) for name, value in found.items()}
        scorer._description = f"{self._description[:-1]}{shown_options(**options)})"
        return scorer

    def replica_kernel(
        self, estimator: Any, X: object, y_true: ArrayLike
    ) -> ReplicaKernel | None:
        """Return the score as a function of the weights, if there is a fast way.

        The estimator is asked for its response once. The scores of the replicas of a
        bootstrap then need no more than sums of weights.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier.
        X : array-like of shape (n_samples, n_features)
            The events.
        y_true : array-like of shape (n_samples,)
            Their labels.

        Returns
        -------
        kernel : callable or None
            Takes counts and weights of shape (n_block, n_samples), as `replica_blocks`
            yields them, and returns scores of shape (n_block,), greater is better; nan
            where weights are nan or a significance is undefined, without a warning.
            An event that is counted k times is k events, each with a k-th of its
            weight in the replica. Counts that are all 1 are weights as they are. None
            where the score must be computed replica by replica.
        """
        if not self._score_func.has_kernel:
            return None
        caller = partial(_cached_call, None)
        events = native_events(X)
        response, pos_label = self._response(caller, estimator, events, y_true)
        kernel = self._score_func.kernel(y_true, response, pos_label)
        sign = self._sign

        def scores(counts: NDArray[np.int64], weights: FloatArray) -> FloatArray:
            return sign * kernel(counts, weights)

        return scores

    def _score(
        self,
        method_caller: Callable[..., Any],
        estimator: Any,
        X: object,
        y_true: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        X = native_events(X)
        if sample_weight is None and self._carried is not None:
            sample_weight = self._carried.weights_of(X, y_true)
        known = _known_events(estimator, y_true, sample_weight)
        if known is None:
            response, pos_label = self._response(method_caller, estimator, X, y_true)
        else:
            # The response is that of all events, which other scorers take from a cache.
            y_true, sample_weight = (
                np.asarray(values)[known] for values in (y_true, sample_weight)
            )
            response, pos_label = self._response(method_caller, estimator, X, y_true)
            response = response[known]
        value = self._score_func.of_response(y_true, response, sample_weight, pos_label)
        return self._sign * float(value)

    def _response(
        self,
        method_caller: Callable[..., Any],
        estimator: Any,
        X: object,
        y_true: ArrayLike,
    ) -> tuple[NDArray[Any], object]:
        """Return what the estimator says of the events, and the label of the signal.

        With more than two classes there may be no signal: None.
        """
        classes, pos_label = self._classes(estimator, y_true)
        if len(classes) > 2 and pos_label is not None:
            is_signal = np.isin(classes, signal_labels(classes, pos_label))
            return self._of_some(method_caller, estimator, X, is_signal), pos_label
        method = _check_response_method(estimator, self._response_method).__name__
        if pos_label is None or pos_label == classes[1]:
            return method_caller(estimator, method, X, pos_label=pos_label), pos_label
        # scikit-learn's cache knows the method only, not the orientation: another
        # key, the method in a tuple, keeps the reversed response apart.
        response = method_caller(estimator, (method,), X, pos_label=pos_label)
        return response, pos_label

    def _classes(
        self, estimator: Any, y_true: ArrayLike
    ) -> tuple[NDArray[Any], object]:
        pos_label = self._kwargs["pos_label"]
        several = self._score_func.takes_several_classes or pos_label is not None
        classes = _check_classifier(estimator, several=several)
        if len(classes) == 2:
            _check_known_classes(classes, y_true)
            return classes, signal_labels(classes, pos_label)[0]
        if pos_label is not None:
            signal_labels(classes, pos_label)
        _check_all_classes(classes, y_true)
        return classes, pos_label

    def methods_of(self, estimator: Any) -> tuple[str, ...]:
        """Return the methods of a fitted estimator that a score is computed from.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier.

        Returns
        -------
        methods : tuple of str
        """
        wanted = _check_response_method(estimator, self._response_method).__name__
        classes = getattr(estimator, "classes_", ())
        of_some = len(classes) > 2 and self._kwargs["pos_label"] is not None
        if of_some and wanted != "predict" and hasattr(estimator, "predict_proba"):
            return ("predict_proba",)
        return (wanted,)

    def _of_some(
        self,
        method_caller: Callable[..., Any],
        estimator: Any,
        X: object,
        is_signal: BoolArray,
    ) -> NDArray[Any]:
        """Return the response for some classes against the others.

        The sum of their probabilities, or its logit where a decision function will do:
        that of the estimator may be comparable between the classes of an event only.
        Predictions stay labels.
        """
        (method,) = self.methods_of(estimator)
        response: NDArray[Any] = method_caller(estimator, method, X, pos_label=None)
        if method == "predict":
            return response
        if method == "predict_proba":
            if self._response_method == "predict_proba":
                return np.asarray(response[:, is_signal].sum(axis=1))
            return signal_logit(np.asarray(response, dtype=np.float64), is_signal)
        if is_signal.sum() > 1:
            msg = (
                "`pos_label` must be one label for a classifier without "
                f"`predict_proba`, got {int(is_signal.sum())} of them for "
                f"{type(estimator).__name__}. Calibrate it, or name one class."
            )
            raise ValueError(msg)
        return response[:, int(np.flatnonzero(is_signal)[0])]


def _known_events(
    estimator: Any, y_true: ArrayLike, sample_weight: ArrayLike | None
) -> Codes | None:
    """Return the events to score; None for all.

    A classifier does not know a class that had no weight in its training. Events of
    such a class that have no weight either are as good as absent.
    """
    classes = getattr(estimator, "classes_", None)
    if classes is None or sample_weight is None:
        return None
    weights, labels = np.asarray(sample_weight), np.asarray(y_true)
    if weights.shape != labels.shape or weights.all():
        return None
    is_known = np.isin(labels, np.asarray(classes)) | (weights != 0.0)
    return None if is_known.all() else np.flatnonzero(is_known)


def _check_classifier(estimator: Any, *, several: bool) -> NDArray[Any]:
    """Return the classes of an estimator, two of them or, with `several`, more."""
    classes = getattr(estimator, "classes_", None)
    if classes is not None and (len(classes) == 2 or (several and len(classes) > 2)):
        return np.asarray(classes)
    found = "no `classes_`" if classes is None else f"{len(classes)} classes"
    expected, remedy = "two classes", "Fit a binary classifier"
    if several:
        expected, remedy = "two or more classes", "Fit a classifier"
    elif classes is not None and len(classes) > 2:
        remedy = (
            "Name the signal, against all others, by `pos_label`, or score by the "
            "weighted_scorer of 'balanced_log_loss', 'roc_auc_ovr', 'roc_auc_ovo' or "
            "another name for several classes"
        )
    msg = (
        f"`estimator` must be a fitted classifier of {expected}, got "
        f"{type(estimator).__name__} with {found}. {remedy}."
    )
    raise ValueError(msg)


def _check_known_classes(classes: NDArray[Any], y_true: ArrayLike) -> None:
    """Raise if there are events of a class that a classifier of two does not know."""
    labels = np.asarray(y_true)
    is_known = np.isin(labels, classes)
    if not is_known.all():
        msg = (
            f"`y_true` must have the classes {shown(classes)} of the estimator, got "
            f"also {shown(np.unique(labels[~is_known]))}. Leave these events out, or "
            "fit on the same labels."
        )
        raise ValueError(msg)


def _check_all_classes(classes: NDArray[Any], y_true: ArrayLike) -> None:
    """Raise if labels are not those of a classifier of several classes."""
    known, found = set(np.asarray(classes).tolist()), set(np.asarray(y_true).tolist())
    if known != found:
        missing, unknown = known - found, found - known
        which = f"no {shown(sorted(missing))}"
        if not missing:
            which = f"also {shown(sorted(unknown))}"
        msg = (
            f"`y_true` must have the {len(known)} classes of the estimator, got "
            f"{which}. Score events of all its classes: split them by a stratified "
            "`cv`, and fit on the same labels."
        )
        raise ValueError(msg)


def check_scored_events(
    y_true: ArrayLike,
    sample_weight: ArrayLike | None,
    pos_label: object,
    metric: ScoreFunction,
) -> tuple[BoolArray, FloatArray]:
    """Return which events are signal and their weights, never silently ones.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.
    sample_weight : array-like of shape (n_samples,) or None
        Event weights.
    pos_label : label, list of labels or None
        Label of the signal, or of several signal classes.
    metric : object
        What is computed; `unit_weights` tells whether weights may be missing.

    Returns
    -------
    is_signal : ndarray of shape (n_samples,), dtype bool
    weights : ndarray of shape (n_samples,)

    Raises
    ------
    MissingWeightsError
        If there are no weights and `metric.unit_weights` is False.
    WeightsError
        If a class does not sum to more than 0.
    """
    is_signal = check_signal(y_true, pos_label)
    _check_weighted(sample_weight, len(is_signal), metric)
    return is_signal, check_class_weights(is_signal, sample_weight)


def check_classified_events(
    y_true: ArrayLike,
    sample_weight: ArrayLike | None,
    pos_label: object,
    metric: ScoreFunction,
) -> tuple[Codes, FloatArray]:
    """Return the classes of events, of two or more, and their weights.

    Parameters
    ----------
    y_true, sample_weight, pos_label, metric
        As in `check_scored_events`.

    Returns
    -------
    codes : ndarray of shape (n_samples,), dtype bool or intp
        Of two classes, which events are signal; of more, the position of each label
        among the sorted ones.
    weights : ndarray of shape (n_samples,)

    Raises
    ------
    MissingWeightsError
        If there are no weights and `metric.unit_weights` is False.
    WeightsError
        If a class does not sum to more than 0.
    """
    if pos_label is not None or not metric.takes_several_classes:
        return check_scored_events(y_true, sample_weight, pos_label, metric)
    codes, names = check_classes(y_true)
    _check_weighted(sample_weight, len(codes), metric)
    return codes, check_class_weights(codes, sample_weight, names)


def _check_weighted(
    sample_weight: ArrayLike | None, n_samples: int, metric: ScoreFunction
) -> None:
    if sample_weight is None and not metric.unit_weights:
        msg = (
            f"The scorer of {metric.__name__!r} must get event weights, got none for "
            f"{n_samples} events. Either call GridSearchCV(...).fit(X, y, "
            "sample_weight=w); or set sklearn.set_config(enable_metadata_routing=True) "
            'and pass params={"sample_weight": w} to cross_validate and its like '
            "(for TunedThresholdClassifierCV routing is the only way); or let the "
            "scorer carry the weights, sample_weight=pd.Series(w, index=X.index); or "
            "build it with unit_weights=True to count every event once."
        )
        raise MissingWeightsError(msg)


class CarriedWeights:
    """Weights, and optionally labels, of a whole sample by index label.

    Copies share the data: `copy`, `deepcopy` and `sklearn.base.clone` return the object
    itself, which never changes.

    Parameters
    ----------
    sample_weight : Series of shape (n_events,)
        Physics weights of the whole sample; index labels must be unique.
    target : Series of shape (n_events,), default=None
        Labels of the same events, compared with the labels that are scored.
    """

    def __init__(self, sample_weight: pd.Series, target: pd.Series | None) -> None:
        sample_weight = _check_series(sample_weight, "sample_weight")
        values = sample_weight.to_numpy()
        self.index: pd.Index = sample_weight.index
        self.weights = check_event_weights(values, len(values)).copy()
        self.weights.flags.writeable = False
        self.target: NDArray[Any] | None = None
        if target is not None:
            target = _check_series(target, "target")
            self.target = self._in_same_order(target)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        target = "" if self.target is None else " and labels"
        return f"<weights{target} of {len(self)} events>"

    def weights_of(self, X: object, y_true: ArrayLike) -> NDArray[np.float64]:
        """Return the weights of the events in `X`, in their order.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_features)
            Events of the sample; one may appear more than once.
        y_true : array-like of shape (n_samples,)
            Their labels.

        Returns
        -------
        weights : ndarray of shape (n_samples,)

        Raises
        ------
        TypeError
            If `X` has no index.
        WeightsError
            If an event of `X` carries no weight, or its label is another one.
        """
        index = getattr(X, "index", None)
        if not isinstance(index, pd.Index):
            msg = (
                "`X` must be a DataFrame for a scorer that carries `sample_weight`, "
                f"got {type(X).__name__}, in which events cannot be recognised. Pass a "
                "DataFrame with the index of the weights, or pass the weights "
                "themselves by metadata routing."
            )
            raise TypeError(msg)
        rows = self._rows_of(index, "X")
        if self.target is not None:
            _check_labels(self.target[rows], y_true)
        return self.weights[rows]

    def _rows_of(self, index: pd.Index, name: str) -> NDArray[np.intp]:
        rows = self.index.get_indexer(index)
        missing = rows < 0
        if missing.any():
            msg = (
                f"The index of `{name}` must contain labels of the carried "
                f"`sample_weight` only, got {int(missing.sum())} others, such as "
                f"{index[missing][0]!r}. Carry the weights of all events, and keep "
                "the index of the DataFrame (no `reset_index`)."
            )
            raise WeightsError(msg)
        return rows

    def _in_same_order(self, target: pd.Series) -> NDArray[Any]:
        if len(target) != len(self):
            msg = (
                f"`target` must have one label for each of the {len(self)} carried "
                f"weights, got {len(target)}. Pass the labels of the same events."
            )
            raise WeightsError(msg)
        ordered = np.empty(len(self), dtype=target.to_numpy().dtype)
        ordered[self._rows_of(target.index, "target")] = target.to_numpy()
        return ordered


def check_carried(
    sample_weight: pd.Series | None, target: pd.Series | None
) -> CarriedWeights | None:
    """Return the weights a scorer is to carry, None if there are none.

    Parameters
    ----------
    sample_weight : Series or None
        Weights of the whole sample.
    target : Series or None
        Labels of the same events.

    Returns
    -------
    carried : CarriedWeights or None

    Raises
    ------
    TypeError
        If `sample_weight` or `target` is not a Series.
    WeightsError
        If index labels are not unique or are not the same in both.
    ValueError
        If there is a `target` but no `sample_weight`.
    """
    if sample_weight is not None:
        return CarriedWeights(sample_weight, target)
    if target is not None:
        msg = (
            "`target` must come with `sample_weight`, got no weights. Pass the Series "
            "of event weights too, or leave `target` out."
        )
        raise ValueError(msg)
    return None


def _check_series(values: object, name: str) -> pd.Series:
    """Return a Series in native byte order whose labels recognise the events."""
    if not isinstance(values, pd.Series):
        msg = (
            f"`{name}` must be a pandas Series with the index of the DataFrame that "
            f"will be scored, got {type(values).__name__}. Use "
            "`pd.Series(values, index=X.index)`."
        )
        raise TypeError(msg)
    series: pd.Series = native_values(values, name)
    if not series.index.is_unique:
        repeated = series.index[series.index.duplicated()]
        msg = (
            f"The index of `{name}` must be unique, got {len(repeated)} repeated "
            f"labels, such as {repeated[0]!r}. Number the events first, for example "
            "by `X.reset_index(drop=True)` before the weights are taken."
        )
        raise WeightsError(msg)
    return series


def _check_labels(carried: NDArray[Any], y_true: ArrayLike) -> None:
    n_different = int(np.count_nonzero(np.asarray(y_true) != carried))
    if n_different:
        msg = (
            "`y_true` must equal the carried `target` at the labels of the index of "
            f"`X`, got {n_different} of {len(carried)} events with another label. The "
            "index of `X` is not the one of the weights: take both from the same "
            "DataFrame."
        )
        raise WeightsError(msg)


def shown_options(**options: tuple[object, object]) -> str:
    """Return the options that differ from their defaults, as written in a call.

    Parameters
    ----------
    **options : tuple of (value, default)
        Value and default of each option.

    Returns
    -------
    options : str
        Such as ``", at='max', n_bins=5"``.
    """
    return "".join(
        f", {name}={value!r}"
        for name, (value, default) in options.items()
        if value != default
    )
