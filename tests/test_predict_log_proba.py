"""Logarithms of probabilities: every classifier has them, exact in the tails."""

import numpy as np
import pytest
from scipy.special import log_expit, logsumexp
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.multioutput import ClassifierChain
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skhep_dnn import BoostedDNN, WeightedDNNClassifier
from skhep_dnn.datasets import make_higgs_events
from skhep_dnn.ensemble import CrossFitClassifier, SymmetryAveragedClassifier
from skhep_dnn.model_selection import (
    OptunaSearchCV,
    SignificanceThresholdClassifier,
    cross_validate_pooled,
)
from skhep_dnn.pipeline import make_weighted_pipeline

pytestmark = [
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning"),
    pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.MeanCombinationWarning"),
]


def small(**changes):
    """Network that trains in no time."""
    parameters = {"n_layers": 1, "width": 4, "max_epochs": 3, "learning_rate": 0.1}
    parameters["numeric_scaling"] = "standard"  # others hold what is far away
    return WeightedDNNClassifier(**parameters, random_state=0, **changes)


def make_events(n_classes=2):
    """Return events of classes that are far apart in units of the first one."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, n_classes, size=240)
    X = rng.normal(size=(240, 3)) + 2.0 * np.eye(3)[y]
    return X, np.array(["a", "b", "c"])[y]


def far_away(X):
    """Return events so extreme that their probabilities are 0 and 1."""
    return np.concatenate([X, 1e3 * X, -1e4 * X])


MODELS = {
    "network": small(n_members=2),
    "gradient": BoostedDNN(small(), n_estimators=2, random_state=0),
    "vote": BoostedDNN(small(), method="vote", n_estimators=2, random_state=0),
    "reweight": BoostedDNN(small(), method="reweight", n_estimators=2, random_state=0),
    "mean of folds": CrossFitClassifier(small(), cv=3),
    "folds of regressions": CrossFitClassifier(LogisticRegression(), cv=3),
    "pipeline": make_weighted_pipeline(StandardScaler(), small()),
    "search": GridSearchCV(small(), {"width": [3, 4]}, cv=2),
    "own search": OptunaSearchCV(
        small(), {"width": [3, 4]}, n_trials=2, cv=2, random_state=0
    ),
}


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", list(MODELS))
def test_logarithms_are_those_of_the_logits_and_never_saturate(name, n_classes):
    X, y = make_events(n_classes)
    model = MODELS[name].fit(X, y)
    events = far_away(X)
    log_p, p = model.predict_log_proba(events), model.predict_proba(events)
    assert log_p.shape == p.shape == (len(events), n_classes)
    np.testing.assert_allclose(np.exp(log_p), p, rtol=1e-9, atol=1e-15)
    assert np.isfinite(log_p).all()
    assert (log_p <= 0.0).all()
    z = model.decision_function(events)
    if name == "folds of regressions" and n_classes == 3:
        return  # the mean of softmaxes
    implied = log_expit(np.column_stack([-z, z]) if n_classes == 2 else z)
    np.testing.assert_array_equal(log_p, implied)
    if name not in ("gradient", "vote"):  # of bounded steps
        assert log_p.min() < -40.0  # 1 - p is 0 in double precision


def test_a_fold_model_tells_logarithms_of_its_own_events():
    X, y = make_events()
    numbers = np.arange(len(X))
    model = CrossFitClassifier(small(), cv=3).fit(X, y, event_number=numbers)
    folds = model.fold_
    got = model.predict_log_proba(1e3 * X, event_number=numbers)
    for k, fold_model in enumerate(model.estimators_):
        own = fold_model.predict_log_proba(1e3 * X[folds == k])
        np.testing.assert_array_equal(got[folds == k], own)
    with config_context(enable_metadata_routing=True):
        pipeline = make_weighted_pipeline(StandardScaler(), CrossFitClassifier(small()))
        pipeline.fit(X, y, event_number=numbers)
        told = pipeline.predict_log_proba(X, event_number=numbers)
        p = pipeline.predict_proba(X, event_number=numbers)
        np.testing.assert_allclose(told, np.log(p), rtol=1e-9)


@pytest.mark.parametrize("by_number", [True, False])
def test_models_without_logits_tell_what_they_know(by_number):
    X, y = make_events()
    events, numbers = far_away(X), np.arange(3 * len(X))
    told = {"event_number": numbers[: len(X)]} if by_number else {}
    asked = {"event_number": numbers} if by_number else {}
    model = CrossFitClassifier(GaussianNB(), cv=3).fit(X, y, **told)
    log_p = model.predict_log_proba(events, **asked)
    own = np.stack([one.predict_log_proba(events) for one in model.estimators_])
    expected = logsumexp(own, axis=0) - np.log(3.0)
    if by_number:
        folds = model.cv_.fold_numbers(groups=numbers)
        expected = own[folds, np.arange(len(events))]
    np.testing.assert_allclose(log_p, expected, rtol=1e-12, atol=1e-15)
    assert log_p.min() < -1e4
    trees = CrossFitClassifier(DecisionTreeClassifier(), cv=3).fit(X, y, **told)
    with np.errstate(divide="ignore"):
        expected = np.log(trees.predict_proba(events, **asked))
    got = trees.predict_log_proba(events, **asked)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-15)
    assert np.isneginf(got).any()


def test_the_mean_over_variants_tells_logarithms():
    events = make_higgs_events(400, random_state=0)
    X, y = events.data.fillna(0.0), events.target
    model = SymmetryAveragedClassifier(small(), n_copies=2, random_state=0).fit(X, y)
    log_p = model.predict_log_proba(1e3 * X)
    z = model.decision_function(1e3 * X)
    np.testing.assert_array_equal(log_p, log_expit(np.column_stack([-z, z])))
    assert log_p.min() < -40.0
    np.testing.assert_allclose(np.exp(log_p), model.predict_proba(1e3 * X), atol=1e-12)


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.RefitCutWarning")
@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.UndefinedSignificanceWarning")
def test_a_cut_changes_no_logarithm(refit):
    X, y = make_events()
    model = SignificanceThresholdClassifier(
        small(), cv=3, refit=refit, n_replicas=0, min_n_eff=1.0, pos_label="b"
    ).fit(X, y)
    z = model.decision_function(1e3 * X)
    expected = log_expit(np.column_stack([-z, z]))
    np.testing.assert_array_equal(model.predict_log_proba(1e3 * X), expected)


def test_a_cut_passes_event_numbers_on():
    X, y = make_events()
    numbers = np.arange(len(X))
    with config_context(enable_metadata_routing=True):
        model = SignificanceThresholdClassifier(
            CrossFitClassifier(small()), n_replicas=0, min_n_eff=1.0, pos_label="b"
        ).fit(X, y, event_number=numbers)
        p = model.predict_proba(X, event_number=numbers)
        log_p = model.predict_log_proba(X, event_number=numbers)
    np.testing.assert_allclose(log_p, np.log(p), rtol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_cross_validated_logarithms_are_those_of_the_folds(n_classes):
    X, y = make_events(n_classes)
    ways = ("predict_log_proba", "predict_proba")
    log_p, p = (cross_val_predict(small(), X, y, cv=3, method=way) for way in ways)
    np.testing.assert_allclose(log_p, np.log(p), rtol=1e-9)


def test_a_chain_takes_logarithms():
    X, y = make_events(3)
    targets = np.column_stack([y == "a", y == "b"]).astype(int)
    chain = ClassifierChain(small(), chain_method="predict_log_proba")
    assert chain.fit(X, targets).predict(X).shape == (len(X), 2)
    assert chain.predict_log_proba(X).shape == (len(X), 2)


def minus_log_loss(estimator, X, y):
    """Score by the logarithms, as a function of a user may."""
    columns = (np.asarray(y) == estimator.classes_[1]).astype(int)
    return estimator.predict_log_proba(X)[np.arange(len(columns)), columns].mean()


def test_a_scorer_may_ask_for_logarithms():
    X, y = make_events()
    X = X * [1.0, 1e3, 1.0]
    pooled = cross_validate_pooled(small(), X, y, cv=2, scoring=minus_log_loss)
    z = pooled.oof_decision_function
    expected = log_expit(np.where(y == "b", z, -z)).mean()
    assert pooled.scores["score"].value == pytest.approx(expected, rel=1e-12)
    judged = small(validation_fraction=0.3, scoring=minus_log_loss).fit(X, y)
    scores = judged.history_["valid_score"]
    assert scores.notna().all()
