"""Predictions of events, kept as an estimator that any scorer can score.

Out-of-fold predictions come from one model for each fold. Kept here with the methods
of these models, they are scored as one sample, as often and in as many parts as wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if

from skhep_dnn._responses import kind_of, log_probabilities
from skhep_dnn._sklearn import _num_samples
from skhep_dnn.exceptions import SkhepDNNError

__all__ = ["RESPONSE_METHODS", "KeptPredictions", "OtherEventsError"]

RESPONSE_METHODS = ("decision_function", "predict_proba", "predict")


class OtherEventsError(SkhepDNNError, ValueError):
    """Kept predictions are asked for events that they are not of."""


def _kept(method: str) -> Callable[[KeptPredictions], bool]:
    def check(predictions: KeptPredictions) -> bool:
        return method in predictions.responses

    return check


class KeptPredictions:
    """Estimator that gives back the predictions it was made with.

    It has those of the methods `decision_function`, `predict_proba` and `predict` whose
    results it keeps, and `predict_log_proba` with the second one. They must be called
    with as many events as it keeps, in the same order; what the events are is not
    looked at.

    Parameters
    ----------
    responses : dict of str to ndarray of shape (n_samples, ...)
        Results of the methods, by the name of the method.
    classes : ndarray of shape (n_classes,) or None
        Labels of the classes; None for what is not a classifier.
    tags : sklearn.utils.Tags
        Tags of the models that made the predictions.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the classes, of classifiers only.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.utils import get_tags
    >>> from skhep_dnn.model_selection import KeptPredictions
    >>> responses = {"decision_function": np.array([-1.0, 2.0])}
    >>> kept = KeptPredictions(
    ...     responses, np.array(["b", "s"]), get_tags(LogisticRegression())
    ... )
    >>> kept.decision_function([[0.0], [0.0]])
    array([-1.,  2.])
    >>> hasattr(kept, "predict")
    False
    """

    def __init__(
        self,
        responses: Mapping[str, NDArray[Any]],
        classes: NDArray[Any] | None,
        tags: Tags,
    ) -> None:
        self.responses = dict(responses)
        if classes is not None:
            self.classes_ = classes
        self._tags = tags

    def __len__(self) -> int:
        """Return the number of events."""
        return max((len(values) for values in self.responses.values()), default=0)

    def __repr__(self) -> str:
        return f"<{', '.join(self.responses)} of {len(self)} events>"

    @available_if(_kept("decision_function"))
    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Decision function of the events.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The events.

        Returns
        -------
        y_score : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        return self._of("decision_function", X)

    @available_if(_kept("predict_proba"))
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The events.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
        """
        return self._of("predict_proba", X)

    @available_if(_kept("predict_proba"))
    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Logarithm of the probability of each class.

        It is that of the decision function, if it is kept and has the probabilities in
        it, and is then exact where they are rounded.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The events.

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes)
            -inf of a probability 0 of which no more is known.
        """
        probability = self.predict_proba(X)
        if "decision_function" in self.responses:
            kind = kind_of(probability, self.decision_function(X))
            if kind != "probability":
                return log_probabilities(self, kind, X)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(probability))

    @available_if(_kept("predict"))
    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predicted labels, or values of a regression.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The events.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
        """
        return self._of("predict", X)

    def take(self, rows: NDArray[np.integer[Any]]) -> KeptPredictions:
        """Return the predictions of some of the events.

        Parameters
        ----------
        rows : ndarray of int
            Positions of the events; one may be there more than once.

        Returns
        -------
        predictions : KeptPredictions
        """
        return KeptPredictions(
            {method: values[rows] for method, values in self.responses.items()},
            getattr(self, "classes_", None),
            self._tags,
        )

    def __sklearn_tags__(self) -> Tags:
        """Return the tags of the models that made the predictions."""
        return self._tags

    def _of(self, method: str, X: ArrayLike) -> NDArray[Any]:
        if _num_samples(X) != len(self):
            msg = (
                f"`X` must be the {len(self)} events whose predictions are kept, got "
                f"{_num_samples(X)}. Take some of them by `take`."
            )
            raise OtherEventsError(msg)
        return self.responses[method]
