"""Events and models that are as small as a statement about them allows."""

import numpy as np
import pandas as pd
import pytest

from skhep_dnn import WeightedDNNClassifier

# Every parameter is written out: no test depends on a default value.
SMALL = {
    "n_members": 1,
    "n_layers": 1,
    "width": 8,
    "activation": "swish",
    "connection": "plain",
    "dropout": 0.0,
    "numeric_scaling": "standard",
    "scale_learning_rate": None,
    "numeric_embedding": None,
    "l1": 0.0,
    "l2": 0.0,
    "learning_rate": 1e-2,
    "optimizer_eps": 1e-8,
    "schedule": "constant",
    "batch_size": 32,
    "max_epochs": 3,
    "early_stopping": False,
    "n_iter_no_change": 10,
    "tol": 0.0,
    "validation_fraction": None,
    "cv": None,
    "negative_weights": "keep",
    "class_weight": "balanced",
    "random_state": 0,
}


@pytest.fixture(scope="session")
def make_model():
    """Make a small classifier with some parameters changed."""
    return lambda **changes: WeightedDNNClassifier(**{**SMALL, **changes})


@pytest.fixture
def events():
    """150 events of two Gaussian classes with positive weights, as float32."""
    rng = np.random.default_rng(7)
    y = np.where(rng.random(150) < 0.4, "s", "b")
    X = rng.normal(size=(150, 3)) + 1.2 * (y == "s")[:, None]
    weights = np.where(y == "s", 0.02, 1.0) * rng.uniform(0.5, 1.5, size=150)
    return X.astype(np.float32), y, weights


@pytest.fixture
def mixed_events(events):
    """The same events in a DataFrame with categories and undefined values."""
    X, y, w = events
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).astype(float)
    frame.insert(1, "channel", np.array(["mu", "e", "tau"] * 50))
    frame["jets"] = np.arange(150) % 4
    frame.loc[::7, "b"] = np.nan
    return frame, y, w


@pytest.fixture(scope="session")
def hand_written_stop():
    """Early stopping of one member as a plain loop over its losses."""

    def stop(losses, patience, tol):
        """Return best epoch, best loss and last epoch of one member, from 1."""
        best, best_loss, reference_loss, waited = 0, np.inf, np.inf, 0
        for epoch, loss in enumerate(losses, start=1):
            if loss < best_loss:
                best, best_loss = epoch, loss
            if loss < reference_loss - tol:
                reference_loss, waited = loss, 0
            else:
                waited += 1
            if patience is not None and waited == patience:
                return best, best_loss, epoch
        return best, best_loss, len(losses)

    return stop
