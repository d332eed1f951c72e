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

from skhep_dnn._messages import shown
from skhep_dnn._sklearn import _check_response_method
from skhep_dnn._validation import check_pos_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ScoreDisplay", "signal_label", "signal_scores"]

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
            Fitted binary classifier, or a pipeline that ends with one.
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
        pos_label : label, default=None
            The label of the signal; None takes ``classes_[1]``.
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
            If the estimator is not a binary classifier, or an argument is not as
            described.
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


def signal_label(estimator: BaseEstimator, pos_label: object) -> object:
    """Return the label of the signal of a fitted binary classifier.

    Parameters
    ----------
    estimator : estimator
        Fitted classifier, or a pipeline that ends with one.
    pos_label : label or None
        The label; None takes ``classes_[1]``.

    Returns
    -------
    pos_label : label

    Raises
    ------
    ValueError
        If the estimator is not a binary classifier, or has no such label.
    NotFittedError
        If the estimator is not fitted.
    """
    if not is_classifier(estimator):
        msg = (
            "`estimator` must be a binary classifier, got "
            f"{type(estimator).__name__}. Pass a fitted classifier."
        )
        raise ValueError(msg)
    check_is_fitted(estimator)
    classes = np.asarray(estimator.classes_).tolist()
    if len(classes) != 2:
        msg = (
            f"`estimator` must have two classes, got {len(classes)}: "
            f"{shown(classes[:5])}. Fit it to signal against background."
        )
        raise ValueError(msg)
    return check_pos_label(classes, pos_label)


def signal_scores(
    estimator: BaseEstimator, X: ArrayLike, *, response_method: str, pos_label: object
) -> NDArray[np.float64]:
    """Return scores that are larger for events more like the signal.

    Parameters
    ----------
    estimator : estimator
        Fitted binary classifier.
    X : array-like of shape (n_samples, n_features)
        Events.
    response_method : {"auto", "decision_function", "predict_proba"}
        "auto" takes `decision_function`, which does not saturate, where there is one.
    pos_label : label
        The label of the signal, one of ``classes_``.

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
    method = _check_response_method(estimator, names)
    is_second = pos_label == np.asarray(estimator.classes_).tolist()[1]
    response = np.asarray(method(X), dtype=np.float64)
    if method.__name__ == "predict_proba":
        return response[:, int(is_second)]
    return response if is_second else -response
