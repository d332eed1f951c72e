"""Classifiers that keep what they get, and small samples of events."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier

from skhep_dnn.datasets import make_higgs_events


class Recorder(ClassifierMixin, BaseEstimator):
    """Keep all arguments of fit; predict from the azimuth of the tau."""

    def fit(self, X, y, sample_weight=None):
        self.X_, self.y_, self.sample_weight_ = X, y, sample_weight
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        p = 0.5 + 0.4 * np.sin(X["PRI_tau_phi"].to_numpy() + 1.0)
        return np.column_stack([1.0 - p, p])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class ValidatingRecorder(Recorder):
    """The same with a validation sample."""

    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, **rest):
        self.X_val_, self.y_val_, self.rest_ = X_val, y_val, rest
        return super().fit(X, y, sample_weight)


class WeightlessRecorder(Recorder):
    """The same without weights."""

    def fit(self, X, y):
        return super().fit(X, y)


class RecordingBoosting(HistGradientBoostingClassifier):
    """Boosted trees that keep the rows they are trained and validated on."""

    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        self.X_, self.X_val_ = X, X_val
        self.weights_ = sample_weight, sample_weight_val
        return super().fit(
            X,
            y,
            sample_weight,
            X_val=X_val,
            y_val=y_val,
            sample_weight_val=sample_weight_val,
        )


@pytest.fixture
def recorders():
    """Classes of recording classifiers."""
    return Recorder, ValidatingRecorder, WeightlessRecorder


@pytest.fixture
def recording_boosting():
    """Return a class of boosted trees that record their samples."""
    return RecordingBoosting


@pytest.fixture(scope="session")
def events():
    """Return 400 weighted events."""
    return make_higgs_events(400, random_state=0, negative_fraction=0.05)


@pytest.fixture(scope="session")
def toy():
    """Return a table with one momentum, labels and weights, and no undefined values."""
    rng = np.random.default_rng(2)
    y = np.where(rng.random(300) < 0.4, "s", "b")
    pt = rng.exponential(size=300) + 1.5 * (y == "s")
    X = np.column_stack([pt, rng.normal(size=300), rng.uniform(-3.1, 3.1, size=300)])
    return X, y, rng.exponential(size=300)
