"""Figures without a screen, and scores of toy events."""

from functools import cache

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.neural_network import FeatureSplit

mpl.use("Agg")


@pytest.fixture
def scored():
    """Labels 's'/'b', scores and weights of which one in ten is negative."""
    rng = np.random.default_rng(3)
    y = np.where(rng.random(3000) < 0.4, "s", "b")
    score = rng.normal(size=3000) + 1.5 * (y == "s")
    weight = np.where(y == "s", 0.05, 1.0) * rng.exponential(size=3000)
    weight[rng.random(3000) < 0.1] *= -1
    return y, score, weight


@pytest.fixture
def long_tail():
    """Scores of which the background reaches ten times as far as the signal."""
    rng = np.random.default_rng(1)
    y = np.repeat(["b", "s"], [4000, 1000])
    score = np.concatenate(
        [3.0 - rng.gamma(1.2, 10.0, size=4000), rng.normal(2.5, 2.0, size=1000)]
    )
    return y, score, np.where(y == "s", 0.05, 1.0)


@pytest.fixture
def classifier(toy_events):
    """A fitted classifier with a decision function and probabilities."""
    X, y, _ = toy_events
    return LogisticRegression().fit(X, y)


@pytest.fixture(scope="session")
def split_model():
    """A fitted ensemble of two networks whose third feature may have its own path."""
    rng = np.random.default_rng(6)
    y = np.where(rng.random(200) < 0.4, "s", "b")
    X = pd.DataFrame(rng.normal(size=(200, 3)), columns=["a", "b", "c"])
    X += 1.2 * (y == "s")[:, np.newaxis]

    @cache
    def fitted(kind):
        return WeightedDNNClassifier(
            n_members=2,
            hidden_layer_sizes=[8, 6],
            dropout=[0.2, 0.0],
            feature_groups=None if kind is None else FeatureSplit(["c"], kind, 4),
            numeric_scaling="standard",
            scale_learning_rate=None,
            numeric_embedding=None,
            max_epochs=2,
            random_state=0,
        ).fit(X, y)

    return fitted
