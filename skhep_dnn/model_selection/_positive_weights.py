"""What a classifier of others gets where events have negative weights.

Most refuse them, and boosted trees that take them as they are learn little. So they get
positive weights instead: with the density that the signed ones stand for, or their
sizes. And all classes get the same sum, as they do in the networks of this package.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from skhep_dnn._tables import plain_table
from skhep_dnn.neural_network import refined_weights
from skhep_dnn.weights import training_weights

__all__ = ["WORDS", "PositiveWeights", "positive_training_weights"]

PositiveWeights = Literal["refine", "abs"]

WORDS = {"refine": "refined", "abs": "absolute", "keep": "signed"}


def positive_training_weights(
    X: Any,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    *,
    negative_weights: str,
    class_weight: Any,
    groups: ArrayLike | None = None,
    random_state: int | None = None,
) -> NDArray[np.float64]:
    """Return the weights for a training by a classifier of others.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        The events that are trained on, and no others.
    y : array-like of shape (n_samples,)
        Their labels.
    sample_weight : array-like of shape (n_samples,) or None
        Their physics weights.
    negative_weights : {"refine", "abs", "keep"}
        What takes the place of signed weights.
    class_weight : "balanced", dict or None
        As in `skhep_dnn.weights.training_weights`.
    groups : array-like of shape (n_samples,), default=None
        Events that stay together while mean signs are learnt.
    random_state : int, default=None
        Seed of the networks that learn them.

    Returns
    -------
    weights : ndarray of shape (n_samples,)
        Of mean `|w|` 1; zero for an event that is not trained on.
    """
    policy: Literal["abs", "keep"] = "keep"
    if sample_weight is not None and bool(np.any(np.asarray(sample_weight) < 0.0)):
        if negative_weights == "refine":
            table = plain_table(X)
            categories = "from_dtype" if isinstance(table, pd.DataFrame) else None
            sample_weight = refined_weights(
                table,
                y,
                sample_weight,
                groups=groups,
                categorical_features=categories,
                random_state=random_state,
            )
        elif negative_weights == "abs":
            policy = "abs"
    return training_weights(
        y, sample_weight, negative_weights=policy, class_weight=class_weight
    ).weights
