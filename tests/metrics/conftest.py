"""Events whose first feature is their logit."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def events():
    rng = np.random.default_rng(3)
    y = np.where(rng.random(600) < 0.4, "s", "b")
    X = pd.DataFrame({"logit": rng.normal(size=600) + 2.0 * (y == "s") - 1.0})
    weights = np.where(y == "s", 0.05, 2.0) * rng.exponential(size=600)
    weights[np.flatnonzero(y == "b")[:5]] *= -1
    return X, y, weights
