"""Fitted estimators are stored and loaded without pickle, by skops and by MLflow."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skhep_dnn import (
    BackwardEliminationSelector,
    BoostedDNN,
    SymmetryAugmenter,
    WeightedDNNClassifier,
)
from skhep_dnn.datasets import make_gaussian_events, make_higgs_events
from skhep_dnn.ensemble import CrossFitClassifier, SymmetryAveragedClassifier
from skhep_dnn.feature_selection import SeparationSelector
from skhep_dnn.model_selection import OptunaSearchCV, SignificanceThresholdClassifier
from skhep_dnn.neural_network import (
    ExponentialAverage,
    FeatureSplit,
    FocalLoss,
    StochasticWeightAverage,
)
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.preprocessing import (
    CartesianMomenta,
    InvariantFeatures,
    SymmetryAligner,
)

# MLflow is no dependency of the tests. Our own files are tested in tests/export.
skops_io = pytest.importorskip("skops.io")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning"),
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.MeanCombinationWarning"),
]

# Types of these come along, and are to be trusted by who loads a model.
PACKAGES = ("skhep_dnn", "sklearn", "optuna")
OTHERS = {"datetime.datetime"}  # of Optuna


def small(**options):
    """Network that trains in no time."""
    parameters = {"n_layers": 1, "width": 3, "max_epochs": 2, "random_state": 0}
    return WeightedDNNClassifier(**{**parameters, **options})


def gaussian():
    """Return events of two classes, with a number and columns of categories."""
    events = make_gaussian_events(400, random_state=0)
    rows = np.arange(400)
    X = events.data.assign(
        EventId=rows, channel=np.array(["e", "mu"])[rows % 2], jets=rows % 3
    )
    return X, events.target, np.abs(events.sample_weight)


def higgs():
    """Return events with momenta."""
    events = make_higgs_events(400, random_state=0)
    X = events.data.fillna(0.0)
    return X, events.target, np.abs(events.sample_weight)


NUMBERS = ["x0", "x1", "x2", "x3"]
NETWORKS = {
    "folds": small(n_members=2, cv=2, validation_fraction=0.3),
    "callable parts": small(
        snapshots="sse",
        schedule="cosine_restarts",
        validation_fraction=0.3,
        max_epochs=4,
        loss=FocalLoss(),
        feature_groups=FeatureSplit(wide=[0], width=2),
    ),
    "steps averaged": small(averaging=ExponentialAverage(), batch_norm=True),
    "states averaged": small(
        averaging=StochasticWeightAverage(start=1), validation_fraction=0.3
    ),
    "other optimiser": small(optimizer="sgd", activation="prelu"),
}
OTHER_MODELS = {
    "gradient": BoostedDNN(
        small(), n_estimators=2, init=LogisticRegression(), random_state=0
    ),
    "vote": BoostedDNN(small(), method="vote", n_estimators=2, random_state=0),
    "reweight": BoostedDNN(small(), method="reweight", n_estimators=2, random_state=0),
    "folds by hand": CrossFitClassifier(LogisticRegression(), cv=np.arange(400) % 3),
    "mean of folds": CrossFitClassifier(small(), cv=2),
    "cut": SignificanceThresholdClassifier(
        LogisticRegression(), cv=3, min_n_eff=1.0, n_replicas=3, random_state=0
    ),
    "search": OptunaSearchCV(
        small(), {"width": (2, 4)}, n_trials=2, cv=2, random_state=0
    ),
    "pipeline": make_weighted_pipeline(StandardScaler(), small()),
    "elimination": BackwardEliminationSelector(LogisticRegression(), random_state=0),
    "separation": SeparationSelector(),
}
WITH_MOMENTA = {
    "augmented": small(augmenter=SymmetryAugmenter()),
    "variants": SymmetryAveragedClassifier(small(), n_copies=2, random_state=0),
    "aligner": SymmetryAligner(),
    "cartesian": CartesianMomenta(),
    "invariants": InvariantFeatures(),
}


def stored(model):
    """Return a model after a round through skops, and the types that it asks for."""
    data = skops_io.dumps(model)
    types = skops_io.get_untrusted_types(data=data)
    return skops_io.loads(data, trusted=types), types


def check(model, X):
    """Compare all answers of a model with those of the stored one."""
    again, types = stored(model)
    foreign = [name for name in types if name.split(".")[0] not in PACKAGES]
    assert set(foreign) <= OTHERS
    methods = ("predict_proba", "decision_function", "predict", "transform")
    answered = [name for name in methods if hasattr(model, name)]
    assert answered
    for name in answered:
        expected = np.asarray(getattr(model, name)(X))
        np.testing.assert_array_equal(np.asarray(getattr(again, name)(X)), expected)
    return again


@pytest.mark.parametrize("name", list(NETWORKS))
def test_networks(name):
    X, y, w = gaussian()
    model = NETWORKS[name].fit(X[NUMBERS], y, w)
    again = check(model, X[NUMBERS])
    for table in ("history_", "weight_report_"):
        assert getattr(again, table).equals(getattr(model, table))


def test_categories():
    X, y, w = gaussian()
    check(small(categorical_features=["channel", "jets"]).fit(X, y, w), X)


def test_a_model_for_each_event_number():
    X, y, w = gaussian()
    X = X[[*NUMBERS, "EventId"]]
    models = CrossFitClassifier(LogisticRegression(), event_number="EventId")
    again = check(models.fit(X, y, w), X)
    assert again.fold_report_.equals(models.fold_report_)
    cut = SignificanceThresholdClassifier(models, min_n_eff=1.0, n_replicas=3)
    check(cut.fit(X, y, w), X)


@pytest.mark.parametrize("name", list(OTHER_MODELS))
def test_other_models(name):
    X, y, w = gaussian()
    model = OTHER_MODELS[name].fit(X[NUMBERS], y, sample_weight=w)
    again = check(model, X[NUMBERS])
    for table in (
        "boosting_path_",
        "elimination_path_",
        "iterations_",
        "table_",
        "correlation_",
    ):
        if hasattr(model, table):
            assert getattr(again, table).equals(getattr(model, table))


@pytest.mark.parametrize("name", list(WITH_MOMENTA))
def test_what_knows_momenta(name):
    X, y, w = higgs()
    model = WITH_MOMENTA[name]
    weights = {"sample_weight": w} if hasattr(model, "predict") else {}
    check(model.fit(X, y, **weights), X)


@pytest.mark.filterwarnings("ignore")  # of MLflow and what it brings along
def test_the_default_format_of_mlflow(tmp_path):
    mlflow = pytest.importorskip("mlflow")
    X, y, w = gaussian()
    X = X[NUMBERS]
    model = small().fit(X, y, w)
    types = stored(model)[1]
    path = str(tmp_path / "model")
    mlflow.sklearn.save_model(model, path, skops_trusted_types=types)
    again = mlflow.sklearn.load_model(path)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
