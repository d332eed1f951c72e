"""What a classifier answers: labels, probabilities and accuracy, from its logits."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import column_or_1d

from skhep_dnn._validation import check_event_weights
from skhep_dnn.exceptions import WeightsError
from skhep_dnn.neural_network._prediction import probabilities

__all__ = ["LogitClassifierMixin"]


class _HasLogits(Protocol):
    classes_: NDArray[Any]

    def decision_function(self, X: Any) -> NDArray[np.float64]: ...

    def predict(self, X: Any) -> NDArray[Any]: ...


class LogitClassifierMixin(ClassifierMixin):
    """Predictions of a classifier that has a `decision_function` of logits."""

    def predict_proba(self: _HasLogits, X: ArrayLike) -> NDArray[np.float64]:
        """Probability of each class, on the prior of the training weights.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`. With `class_weight="balanced"` all classes
            are equally probable beforehand.
        """
        return probabilities(self.decision_function(X))

    def predict(self: _HasLogits, X: ArrayLike) -> NDArray[Any]:
        """Most probable class of each event.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        logit = self.decision_function(X)
        if logit.ndim == 1:
            return self.classes_[(logit > 0.0).astype(np.intp)]
        return self.classes_[logit.argmax(axis=1)]

    def score(
        self: _HasLogits,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Weighted accuracy: the sum of weights classified right over the sum of all.

        Negative weights count as they are, in both sums; the accuracy can then lie
        outside [0, 1].

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
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
        labels = column_or_1d(y)
        weights = check_event_weights(sample_weight, len(labels))
        total = float(weights.sum())
        if not total > 0.0:
            msg = (
                f"`sample_weight` must sum to more than zero, got {total:.6g}. Score "
                "a sample whose positive weights outweigh the negative ones."
            )
            raise WeightsError(msg)
        return accuracy_score(labels, self.predict(X), sample_weight=weights)
