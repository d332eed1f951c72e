"""The score of a fitted classifier, pointing to the signal."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils.validation import check_is_fitted

from skhep_dnn._sklearn import _check_response_method
from skhep_dnn._validation import check_pos_label

__all__ = ["signal_label", "signal_scores"]

_AUTO = ("decision_function", "predict_proba")


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
            f"{classes[:5]!r}. Fit it to signal against background."
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
