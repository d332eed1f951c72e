"""Figures without a screen, none left open, and scores of toy events."""

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

mpl.use("Agg")

from matplotlib import pyplot as plt


@pytest.fixture(autouse=True)
def closed_figures():
    """Close what a test has drawn, which nothing but pyplot keeps alive."""
    yield
    plt.close("all")


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
def classifier(toy_events):
    """A fitted classifier with a decision function and probabilities."""
    X, y, _ = toy_events
    return LogisticRegression().fit(X, y)
