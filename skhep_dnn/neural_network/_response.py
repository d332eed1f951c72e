"""What a classifier answers, from its logits."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._label_response import LabelResponseMixin
from skhep_dnn.neural_network._prediction import probabilities

__all__ = ["LogitClassifierMixin"]


class _HasLogits(Protocol):
    def decision_function(self, X: Any) -> NDArray[np.float64]: ...


class LogitClassifierMixin(LabelResponseMixin):
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
