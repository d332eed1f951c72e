"""What does each member of an ensemble predict by itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._logits import probabilities
from skhep_dnn._tables import check_table
from skhep_dnn.neural_network._classifier import WeightedDNNClassifier
from skhep_dnn.neural_network._engine.prediction import ensemble_logits

__all__ = ["probabilities_of_members"]

FloatArray = NDArray[np.float64]


def probabilities_of_members(model: WeightedDNNClassifier, X: ArrayLike) -> FloatArray:
    """Return what each member of an ensemble predicts by itself.

    Parameters
    ----------
    model : WeightedDNNClassifier
        Fitted classifier.
    X : DataFrame or array-like of shape (n_samples, n_features)
        Events, as in `predict`.

    Returns
    -------
    probability : ndarray of shape (n_members, n_samples, n_classes)
    """
    columns = model.encoder_.transform(check_table(model, X, reset=False))
    shares = model._shares_of_networks
    found = []
    for member in range(len(shares)):
        weights = np.zeros(shares.shape)
        weights[member] = shares[member] / shares[member].sum()
        logits = ensemble_logits(
            model.net_.module_, columns, weights.ravel(), model.n_jobs
        )
        found.append(probabilities(logits))
    return np.array(found)
