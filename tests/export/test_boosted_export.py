"""Boosted classifiers as programs: scores of a start and of each iteration."""

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.ensemble import BoostedDNN, CrossFitClassifier
from skhep_dnn.exceptions import ExportError
from skhep_dnn.export._lowering.lowering import qualified
from skhep_dnn.export._lowering.rules import SCORE_RULES
from skhep_dnn.export._scoring_program import scoring_program
from skhep_dnn.model_selection import SignificanceThresholdClassifier
from skhep_dnn.pipeline import make_weighted_pipeline
from skhep_dnn.preprocessing import CartesianMomenta, InvariantFeatures
from tests.export.onnx_models import check_export

pytestmark = pytest.mark.filterwarnings(
    "ignore::skhep_dnn.exceptions.LowStatisticsWarning"
)


def network(**parameters):
    return WeightedDNNClassifier(
        **{"n_layers": 1, "width": 8, "max_epochs": 2, "random_state": 0, **parameters}
    )


def boosted(estimator=None, **parameters):
    estimator = network() if estimator is None else estimator
    return BoostedDNN(estimator, n_estimators=3, random_state=0, **parameters)


@pytest.fixture(scope="module")
def events():
    events = make_higgs_events(10_000, random_state=0)
    X = events.data.copy()
    rng = np.random.default_rng(0)
    for name in rng.choice([n for n in X if "lep" not in n], 5, replace=False):
        X.loc[rng.random(len(X)) < 0.05, name] = np.nan
    return X, events.target, events.sample_weight


@pytest.fixture(scope="module")
def processes(events):
    """The same events with three classes."""
    X, y, w = events
    jets = X["PRI_jet_num"].to_numpy()
    return X, np.where(y == "s", "signal", np.where(jets > 1, "top", "Z")), w


MODELS = {
    "reweight": boosted(method="reweight"),
    "vote": boosted(method="vote"),
    "gradient": boosted(method="gradient"),
    "gradient_alone": boosted(method="gradient", validation_fraction=None),
    "init": boosted(method="gradient", init=network(), cv=2),
    "continued": boosted(method="reweight", continue_training=True),
    "by_factors": boosted(
        make_weighted_pipeline(InvariantFeatures(), network()), method="gradient"
    ),
    "by_vote_of_pipelines": boosted(
        make_weighted_pipeline(CartesianMomenta(), network()), method="vote"
    ),
}
# The pipelines have no step that uses weights.
for _model in MODELS.values():
    if hasattr(_model.estimator, "preprocessing_weights"):
        _model.estimator.set_params(preprocessing_weights="abs")


@pytest.mark.parametrize("name", MODELS)
def test_a_boosted_classifier_is_that_of_python(name, events):
    X, y, w = events
    model = MODELS[name].fit(X[:1000], y[:1000], sample_weight=w[:1000])
    check_export(model, X)


@pytest.mark.parametrize("name", ["reweight", "vote", "gradient", "init"])
def test_of_three_classes_it_is_that_of_python(name, processes):
    X, y, w = processes
    model = MODELS[name].fit(X[:1500], y[:1500], sample_weight=w[:1500])
    assert len(model.classes_) == 3
    check_export(model, X)


@pytest.mark.parametrize("name", ["reweight", "gradient"])
def test_only_the_iterations_that_predict_count(name, events):
    X, y, w = events
    model = MODELS[name].fit(X[:1000], y[:1000], sample_weight=w[:1000])
    steps = []
    for n_iter in (1, 2, 3):
        model.n_iter_ = n_iter
        steps.append(len(check_export(model, X[:500]).program.steps))
    assert (len(set(steps)) == 1) == (name == "reweight")


def test_at_the_start_it_is_the_mean_of_the_folds(events):
    X, y, w = events
    model = MODELS["init"].fit(X[:1000], y[:1000], sample_weight=w[:1000])
    model.n_iter_ = 0
    np.testing.assert_array_equal(
        model.decision_function(X), model.init_decision_function(X)
    )
    check_export(model, X)


def test_large_logits_are_bounded_as_in_python(events):
    X, y, w = events
    model = boosted(network(max_epochs=1), method="gradient", init=network(), cv=2)
    model.fit(X[:500], y[:500], sample_weight=w[:500])
    for one in (*model.estimators_, *model.init_estimators_):
        with_large_logits(one, 200.0)
    largest = np.abs(model.init_decision_function(X)).max()
    assert largest == 20.0
    check_export(model, X, exact=1e-4, tolerance=1e-3)


def with_large_logits(net, factor):
    for name, parameter in net.net_.module_.named_parameters():
        if name.startswith("output"):
            parameter.data *= factor


def test_probabilities_of_0_are_those_of_python(events, monkeypatch):
    """Of a classifier that knows no logits, as trees, and is sure."""
    X, y, w = events
    X = X[["PRI_tau_pt"]].fillna(30.0)

    def threshold(_, model, table):
        x = table.vector("float64")
        is_signal = x.program.cast(x > model.theta_[1, 0], "float64")
        p = x.program.concatenate([1.0 - is_signal, is_signal])
        return type("S", (), {"probability": p, "decision": p[1] - p[0]})()

    monkeypatch.setitem(SCORE_RULES, qualified(GaussianNB), threshold)

    def predict_proba(model, X):
        is_signal = np.asarray(X) > model.theta_[1, 0]
        return np.concatenate([~is_signal, is_signal], axis=1).astype(float)

    monkeypatch.setattr(GaussianNB, "predict_proba", predict_proba)
    w = np.abs(w)
    for method in ("reweight", "gradient"):
        model = boosted(GaussianNB(), method=method)
        model.fit(X[:1000], y[:1000], sample_weight=w[:1000])
        check_export(model, X)


def test_folds_of_boosted_pipelines_are_those_of_python(events):
    X, y, w = events
    X = X.assign(event=np.arange(len(X)))
    pipeline = make_weighted_pipeline(InvariantFeatures(), MODELS["gradient"])
    pipeline.set_params(preprocessing_weights="abs")
    model = CrossFitClassifier(pipeline, cv=2, event_number="event")
    model.fit(X[:2000], y[:2000], sample_weight=w[:2000])
    check_export(model, X)


def test_a_vote_of_cuts_is_refused(events):
    X, y, w = events
    net = network().fit(X[:500], y[:500], sample_weight=w[:500])
    cut = SignificanceThresholdClassifier(net, cv="prefit", n_replicas=0)
    model = MODELS["vote"].fit(X[:500], y[:500], sample_weight=w[:500])
    cut.fit(X[:500], y[:500], sample_weight=w[:500])
    model.estimators_[0] = cut
    with pytest.raises(ExportError, match="must name the most probable class, got Sig"):
        scoring_program(model, X)
