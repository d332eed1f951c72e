"""Labels and accuracy of a classifier, from its decision function."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import column_or_1d

from skhep_dnn._validation import check_event_weights
from skhep_dnn.exceptions import WeightsError

__all__ = ["LabelResponseMixin"]


class _HasDecisions(Protocol):
    classes_: NDArray[Any]

    def decision_function(self, X: Any) -> NDArray[np.float64]: ...

    def predict(self, X: Any) -> NDArray[Any]: ...


class LabelResponseMixin(ClassifierMixin):
    """Labels and weighted accuracy of a classifier with a `decision_function`."""

    def predict(self: _HasDecisions, X: ArrayLike) -> NDArray[Any]:
        """Most probable class of each event.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Events.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        y_score = self.decision_function(X)
        if y_score.ndim == 1:
            return self.classes_[(y_score > 0.0).astype(np.intp)]
        return self.classes_[y_score.argmax(axis=1)]

    def score(
        self: _HasDecisions,
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
        return float(accuracy_score(labels, self.predict(X), sample_weight=weights))
