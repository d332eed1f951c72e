"""The common part of the scorers: event weights are requested, and never left out.

The request for weights, the refusal to score without them, the weights carried along
and the orientation of the responses live in one subclass of scikit-learn's scorer,
whose `_score` every kind of search calls.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._sklearn import _check_response_method, _Scorer
from skhep_dnn._validation import check_pos_label, check_signal
from skhep_dnn.exceptions import MissingWeightsError
from skhep_dnn.metrics._carried_weights import CarriedWeights
from skhep_dnn.metrics._class_sums import check_class_weights

__all__ = [
    "RANKING_RESPONSES",
    "EventWeightScorer",
    "ScoreFunction",
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
