"""The common part of the scorers: event weights are requested, and never left out.

The request for weights, the refusal to score without them, the weights carried along
and the orientation of the responses live in one subclass of scikit-learn's scorer,
whose `_score` every kind of search calls.

Some tools pass a scorer nothing but the estimator, the features and the labels. A
scorer that carries the weights looks them up by the labels of the DataFrame's index,
which survive splitting, shuffling and resampling.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._sklearn import _check_response_method, _Scorer
from skhep_dnn._validation import check_event_weights, check_pos_label, check_signal
from skhep_dnn.exceptions import MissingWeightsError, WeightsError
from skhep_dnn.weights._class_sums import check_class_weights

__all__ = [
    "RANKING_RESPONSES",
    "BoolArray",
    "CarriedWeights",
    "EventWeightScorer",
    "FloatArray",
    "ScoreFunction",
    "check_carried",
    "check_scored_events",
    "shown_options",
]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# A decision function never saturates, so it orders the purest events best.
RANKING_RESPONSES = ("decision_function", "predict_proba")


class ScoreFunction(Protocol):
    """What a scorer computes, of labels, a response and event weights.

    A call is for class predictions: all that `TunedThresholdClassifierCV`, which calls
    it for each threshold, takes from a scorer.
    """

    @property
    def __name__(self) -> str: ...

    @property
    def unit_weights(self) -> bool: ...

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
    pos_label : label or None
        Label of the signal; None takes ``classes_[1]``.
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

    def _score(
        self,
        method_caller: Callable[..., Any],
        estimator: Any,
        X: object,
        y_true: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        pos_label = _signal_label(estimator, self._kwargs["pos_label"])
        if sample_weight is None and self._carried is not None:
            sample_weight = self._carried.weights_of(X, y_true)
        response = self._response(method_caller, estimator, X, pos_label)
        value = self._score_func.of_response(y_true, response, sample_weight, pos_label)
        return self._sign * float(value)

    def _response(
        self,
        method_caller: Callable[..., Any],
        estimator: Any,
        X: object,
        pos_label: object,
    ) -> NDArray[Any]:
        method = _check_response_method(estimator, self._response_method).__name__
        if pos_label == estimator.classes_[1]:
            return method_caller(estimator, method, X, pos_label=pos_label)
        # scikit-learn's cache knows the method only, not the orientation: another
        # key, the method in a tuple, keeps the reversed response apart.
        return method_caller(estimator, (method,), X, pos_label=pos_label)


def _signal_label(estimator: Any, pos_label: object) -> object:
    classes = getattr(estimator, "classes_", None)
    if classes is None or len(classes) != 2:
        found = "no `classes_`" if classes is None else f"{len(classes)} classes"
        msg = (
            "`estimator` must be a fitted classifier of two classes, got "
            f"{type(estimator).__name__} with {found}. Fit a binary classifier."
        )
        raise ValueError(msg)
    return check_pos_label(classes, pos_label)


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
    pos_label : label or None
        Label of the signal.
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
    if sample_weight is None and not metric.unit_weights:
        msg = (
            f"The scorer of {metric.__name__!r} must get event weights, got none for "
            f"{len(is_signal)} events. Either call GridSearchCV(...).fit(X, y, "
            "sample_weight=w); or set sklearn.set_config(enable_metadata_routing=True) "
            'and pass params={"sample_weight": w} to cross_validate and its like '
            "(for TunedThresholdClassifierCV routing is the only way); or let the "
            "scorer carry the weights, sample_weight=pd.Series(w, index=X.index); or "
            "build it with unit_weights=True to count every event once."
        )
        raise MissingWeightsError(msg)
    return is_signal, check_class_weights(is_signal, sample_weight)


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
        _check_series(sample_weight, "sample_weight")
        values = sample_weight.to_numpy()
        self.index: pd.Index = sample_weight.index
        self.weights = check_event_weights(values, len(values)).copy()
        self.weights.flags.writeable = False
        self.target: NDArray[Any] | None = None
        if target is not None:
            _check_series(target, "target")
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


def _check_series(values: object, name: str) -> None:
    if not isinstance(values, pd.Series):
        msg = (
            f"`{name}` must be a pandas Series with the index of the DataFrame that "
            f"will be scored, got {type(values).__name__}. Use "
            "`pd.Series(values, index=X.index)`."
        )
        raise TypeError(msg)
    if not values.index.is_unique:
        repeated = values.index[values.index.duplicated()]
        msg = (
            f"The index of `{name}` must be unique, got {len(repeated)} repeated "
            f"labels, such as {repeated[0]!r}. Number the events first, for example "
            "by `X.reset_index(drop=True)` before the weights are taken."
        )
        raise WeightsError(msg)


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
