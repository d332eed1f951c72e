"""How does a figure of given scores become one of a fitted classifier.

By the scores of the classifier, pointing to the signal.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._logits import signal_logit
from skhep_dnn._messages import shown
from skhep_dnn._signal_label import taken_signal
from skhep_dnn._sklearn import _check_response_method
from skhep_dnn._tables import native_events
from skhep_dnn._validation import signal_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "ScoreDisplay",
    "check_fitted_classifier",
    "signal_label",
    "signal_scores",
]

_AUTO = ("decision_function", "predict_proba")


class ScoreDisplay(ABC):
    """Figure of the scores of a classifier.

    A subclass draws given scores, by `from_predictions`.
    """

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        response_method: str = "auto",
        pos_label: object = None,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the figure of a fitted classifier.

        Parameters
        ----------
        estimator : estimator
            Fitted classifier, or a pipeline that ends with one.
        X : array-like of shape (n_samples, n_features)
            Events.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Their physics weights, in events, negative ones too; None counts every
            event once.
        response_method : {"auto", "decision_function", "predict_proba"}, \
                default="auto"
            The score: "auto" takes `decision_function` where there is one, in which
            the tails are seen best.
        pos_label : label or list of labels, default=None
            The label of the signal, or those of several signal classes, against all
            others; None takes ``classes_[1]`` of two. Of more than two classes the
            score is the sum of the probabilities of the signal classes with
            "predict_proba", and its logit otherwise.
        name : str, default=None
            Name in the legend; None takes that of the class of the estimator.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a new figure.
        **kwargs : dict
            The other options of `from_predictions`.

        Returns
        -------
        display : object
            The display, with what was drawn.

        Raises
        ------
        ValueError
            If the estimator is no classifier, has more than two classes and there is
            no `pos_label`, or an argument is not as described.
        WeightsError
            If the weights of a class do not sum to more than 0.
        ImportError
            If matplotlib is not installed.
        """
        pos_label = signal_label(estimator, pos_label)
        y_score = signal_scores(
            estimator, X, response_method=response_method, pos_label=pos_label
        )
        return cls.from_predictions(
            y,
            y_score,
            sample_weight=sample_weight,
            pos_label=pos_label,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
            **kwargs,
        )

    @classmethod
    @abstractmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_score: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        pos_label: object = None,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the figure of given scores."""


def check_fitted_classifier(estimator: BaseEstimator) -> None:
    """Refuse what is no fitted classifier, of whatever number of classes."""
    if not is_classifier(estimator):
        msg = (
            f"`estimator` must be a classifier, got {type(estimator).__name__}. Pass a "
            "fitted classifier."
        )
        raise ValueError(msg)
    check_is_fitted(estimator)


def signal_label(estimator: BaseEstimator, pos_label: object) -> object:
    """Return the label of the signal of a fitted classifier, or its labels.

    Parameters
    ----------
    estimator : estimator
        Fitted classifier, or a pipeline that ends with one.
    pos_label : label, list of labels or None
        The label, or those of several signal classes; None takes ``classes_[1]``.

    Returns
    -------
    pos_label : label or list of labels

    Raises
    ------
    ValueError
        If the estimator is no classifier, has no such label, or has more than two
        classes and no label is named.
    NotFittedError
        If the estimator is not fitted.

    Warns
    -----
    AssumedSignalWarning
        If no label is named, and the classes are texts that do not say which it is.
    """
    if not is_classifier(estimator):
        msg = (
            "`estimator` must be a binary classifier, got "
            f"{type(estimator).__name__}. Pass a fitted classifier."
        )
        raise ValueError(msg)
    check_is_fitted(estimator)
    classes = np.asarray(estimator.classes_).tolist()
    if pos_label is None and len(classes) != 2:
        msg = (
            f"`estimator` must have two classes, got {len(classes)}: "
            f"{shown(classes[:5])}. Name the signal, or several classes, by "
            "`pos_label`, or fit it to signal against background."
        )
        raise ValueError(msg)
    if pos_label is None:
        return taken_signal(classes)
    signal = signal_labels(classes, pos_label, "y")
    return signal[0] if len(signal) == 1 else signal


def signal_scores(
    estimator: BaseEstimator, X: ArrayLike, *, response_method: str, pos_label: object
) -> NDArray[np.float64]:
    """Return scores that are larger for events more like the signal.

    Parameters
    ----------
    estimator : estimator
        Fitted classifier.
    X : array-like of shape (n_samples, n_features)
        Events.
    response_method : {"auto", "decision_function", "predict_proba"}
        "auto" takes `decision_function`, which does not saturate, where there is one.
    pos_label : label or list of labels
        The label of the signal, one of ``classes_``, or several of more than two.

    Returns
    -------
    y_score : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If `response_method` is unknown.
    AttributeError
        If the estimator has no such method.
    """
    if response_method not in {"auto", *_AUTO}:
        msg = (
            f"`response_method` must be 'auto' or one of {_AUTO!r}, got "
            f"{response_method!r}. Choose 'auto' for a score that does not saturate."
        )
        raise ValueError(msg)
    names = list(_AUTO) if response_method == "auto" else response_method
    if len(estimator.classes_) > 2:
        return _scores_of_some(estimator, X, names, pos_label)
    method = _check_response_method(estimator, names)
    is_second = pos_label == np.asarray(estimator.classes_).tolist()[1]
    response = np.asarray(method(native_events(X)), dtype=np.float64)
    if method.__name__ == "predict_proba":
        return response[:, int(is_second)]
    return response if is_second else -response


def _scores_of_some(
    estimator: BaseEstimator, X: ArrayLike, names: list[str] | str, pos_label: object
) -> NDArray[np.float64]:
    """Return scores of some of more than two classes against the others.

    The decision function of a class may be comparable between the classes of an event
    only, so that the probabilities are asked for.
    """
    classes = np.asarray(estimator.classes_)
    is_signal = np.isin(classes, signal_labels(classes, pos_label, "y"))
    if not hasattr(estimator, "predict_proba") and is_signal.sum() == 1:
        decisions = _check_response_method(estimator, names)(X)
        return np.asarray(decisions, dtype=np.float64)[:, is_signal][:, 0]
    proba = _check_response_method(estimator, "predict_proba")(X)
    proba = np.asarray(proba, dtype=np.float64)
    if names == "predict_proba":
        return np.asarray(proba[:, is_signal].sum(axis=1))
    return signal_logit(proba, is_signal)
