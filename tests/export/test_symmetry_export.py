"""Means over symmetric variants of events as programs: those of Python."""

import math

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.ensemble import CrossFitClassifier, SymmetryAveragedClassifier
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._lowering.lowering import qualified
from skhep_dnn.export._lowering.rules import SCORE_RULES
from skhep_dnn.export._scoring_program import scoring_program
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.preprocessing import (
    CartesianMomenta,
    InvariantFeatures,
    SymmetryAugmenter,
)
from tests.export.onnx_models import check_export

MARKER = -999.0
ANGLES = (0.0, math.pi, -math.pi, math.pi / 2, -math.pi / 2, -1e-17, 3.142, -3.142)


def network(**parameters):
    return WeightedDNNClassifier(
        n_layers=2, width=8, max_epochs=2, random_state=0, **parameters
    )


@pytest.fixture(scope="module")
def events():
    events = make_higgs_events(10_000, random_state=0)
    X = events.data[events.primitive].copy()
    rng = np.random.default_rng(0)
    for name in rng.choice(list(X), 5, replace=False):
        X.loc[rng.random(len(X)) < 0.05, name] = np.nan
    for k, name in enumerate(n for n in X if n.endswith("_phi")):
        X.loc[10 * k : 10 * k + len(ANGLES) - 1, name] = ANGLES
    return X, events.target, events.sample_weight


def averaged(estimator, **parameters):
    augmenter = SymmetryAugmenter(**parameters)
    return SymmetryAveragedClassifier(
        estimator, augmenter=augmenter, n_copies=2, random_state=0
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"reflections": "y"},
        {"rotation": False, "reflections": "xz"},
        {"odd_under": {"PRI_jet_all_pt": "xyz"}},
    ],
    ids=str,
)
def test_the_mean_over_variants_is_that_of_python(parameters, events):
    X, y, w = events
    model = averaged(network(), **parameters)
    model.fit(X[:1000], y[:1000], sample_weight=w[:1000])
    check_export(model, X)


def test_variants_of_components_are_those_of_python(events):
    X, y, w = events
    X = CartesianMomenta().fit_transform(X)
    model = averaged(network())
    model.fit(X[:1000], y[:1000], sample_weight=w[:1000])
    check_export(model, X)


def test_marked_entries_stay_as_they_are(events):
    X, y, w = events
    X = X.mask(np.random.default_rng(1).random(X.shape) < 0.05, MARKER)
    model = averaged(network(missing_values=MARKER), missing_values=MARKER)
    model.fit(X[:1000], y[:1000], sample_weight=w[:1000])
    check_export(model, X)


def test_variants_of_single_precision_are_those_of_python(events):
    X, y, w = events
    X = X.astype(np.float32)[100:]  # without azimuths at the ends of their range
    model = averaged(network())
    model.fit(X[:1000], y[:1000], sample_weight=w[:1000])
    check_export(model, X, exact=1e-5, dtype="float32")


def test_columns_of_categories_go_by_the_variants(events):
    X, y, w = events
    X = X.assign(PRI_jet_num=X["PRI_jet_num"].map(lambda n: f"{n} jets"))
    net = network(categorical_features=["PRI_jet_num"])
    model = averaged(net)
    model.fit(X[:1000], y[:1000], sample_weight=w[:1000])
    scoring = check_export(model, X)
    (spec,) = (spec for spec in scoring.inputs if spec.name == "PRI_jet_num")
    assert spec.dtype == "int64"


@pytest.mark.parametrize(
    "step", [CartesianMomenta(), InvariantFeatures()], ids=lambda s: type(s).__name__
)
def test_folds_of_means_of_pipelines_are_those_of_python(step, events):
    X, y, w = events
    X = X.assign(event=np.arange(len(X)))
    pipeline = make_weighted_pipeline(step, network())
    pipeline.set_params(preprocessing_weights="abs")
    model = CrossFitClassifier(averaged(pipeline), cv=2, event_number="event")
    model.fit(X[:2000], y[:2000], sample_weight=w[:2000])
    check_export(model, X)


def test_probabilities_alone_have_a_finite_logit(events, monkeypatch):
    """Probabilities of 0, whose logit ends at that of the smallest number."""
    X, y, _ = events
    X = X[["PRI_tau_pt", "PRI_tau_eta", "PRI_tau_phi"]].fillna(0.0)
    model = averaged(GaussianNB()).fit(X[:1000], y[:1000])
    assert model._response == "probability"

    def step_function(lowering, nb, table):
        """A classifier that is sure: the sign of an azimuth."""
        x = table.vector("float64")[2]
        p = x.program
        signal = p.cast(x > 1.0, "float64")
        return lowering.of_probability(p.concatenate([1.0 - signal, signal]))

    monkeypatch.setitem(SCORE_RULES, qualified(GaussianNB), step_function)
    monkeypatch.setattr(
        GaussianNB,
        "predict_proba",
        lambda _, X: np.stack([X.iloc[:, 2] <= 1.0, X.iloc[:, 2] > 1.0], axis=1) * 1.0,
    )
    check_export(model, X)


def test_a_mean_of_decisions_is_refused(events):
    X, y, w = events
    model = averaged(network()).fit(X[:500], y[:500], sample_weight=w[:500])
    model._response = "decision"
    with pytest.raises(ExportError, match=r"must be one of probabilities.* Calibrate"):
        scoring_program(model, X)


def test_another_augmenter_is_refused(events):
    class OwnAugmenter(SymmetryAugmenter):
        pass

    X, y, w = events
    model = SymmetryAveragedClassifier(
        network(), augmenter=OwnAugmenter(), n_copies=2, random_state=0
    )
    model.fit(X[:500], y[:500], sample_weight=w[:500])
    with pytest.raises(ExportError, match=r"must be a SymmetryAugmenter, .*OwnAugm"):
        scoring_program(model, X)
