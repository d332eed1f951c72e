"""The mean over variants: brute force, logits without an end, threads."""

import numpy as np
import pytest
from scipy.special import logit
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import SVC

from skhep_dnn import WeightedDNNClassifier
from skhep_dnn._responses import response_of
from skhep_dnn.ensemble import SymmetryAveragedClassifier, _variant_mean
from skhep_dnn.preprocessing import SymmetryAugmenter

AUGMENTER = SymmetryAugmenter(cylindrical=[(0, 1, 2)])


def wrapped(estimator, **options):
    default = {"augmenter": AUGMENTER, "n_copies": 2, "random_state": 0}
    return SymmetryAveragedClassifier(estimator, **default | options)


def brute_force(model, X, method):
    variants = model.augmenter_.variants(X)
    return np.mean([getattr(model.estimator_, method)(v) for v in variants], axis=0)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        RandomForestClassifier(5, max_depth=3),
        GradientBoostingClassifier(n_estimators=3),
    ],
)
@pytest.mark.parametrize("labels", ["bs", "abc"])
def test_predictions_are_the_mean_over_all_variants(toy, estimator, labels):
    X, _, w = toy
    y = np.array(list(labels))[np.digitize(X[:, 0], [1.0, 2.0][: len(labels) - 1])]
    model = wrapped(estimator).fit(X, y, w)
    p = brute_force(model, X, "predict_proba")
    np.testing.assert_array_equal(model.predict_proba(X), p)
    expected = logit(p) if len(labels) > 2 else logit(p[:, 1])
    np.testing.assert_allclose(model.decision_function(X), expected, atol=1e-6)
    np.testing.assert_array_equal(model.predict(X), model.classes_[p.argmax(axis=1)])
    for variant in model.augmenter_.variants(X):
        np.testing.assert_allclose(model.predict_proba(variant), p, rtol=1e-6)


def test_without_probabilities_decisions_are_averaged(toy):
    X, y, w = toy
    model = wrapped(RidgeClassifier()).fit(X, y, w)
    assert not hasattr(model, "predict_proba")
    z = brute_force(model, X, "decision_function")
    np.testing.assert_array_equal(model.decision_function(X), z)
    np.testing.assert_array_equal(model.predict(X), np.where(z > 0, "s", "b"))


@pytest.mark.filterwarnings("ignore::skhep_dnn.exceptions.LowStatisticsWarning")
@pytest.mark.parametrize(
    ("estimator", "two", "three"),
    [
        (LogisticRegression(), "sigmoid", "softmax"),
        (
            WeightedDNNClassifier(n_layers=1, width=4, max_epochs=1),
            "sigmoid",
            "sigmoid",
        ),
        (GradientBoostingClassifier(n_estimators=3), "sigmoid", "softmax"),
        (
            GradientBoostingClassifier(n_estimators=3, loss="exponential"),
            "probability",
            None,
        ),
        (RandomForestClassifier(3), "probability", "probability"),
        (SVC(), "decision", "decision"),
    ],
)
def test_logits_are_recognised(toy, estimator, two, three):
    X, y, _ = toy
    assert response_of(estimator.fit(X, y), X) == two
    if three is not None:
        assert response_of(estimator.fit(X, np.arange(300) % 3), X) == three


def test_logits_do_not_saturate():
    X = np.column_stack(
        [np.linspace(0.0, 1.0, 20), np.zeros(20), np.linspace(-3, 3, 20)]
    )
    X[:, 1] = np.linspace(-1, 1, 20)
    y = X[:, 0] > 0.5
    model = wrapped(LogisticRegression(C=1e3)).fit(X, y)
    far = np.array([[1e3, 0.0, 0.0], [2e3, 0.0, 0.0], [-1e3, 0.0, 0.0]])
    z = model.decision_function(far)
    assert z[1] > z[0] > 800.0
    assert z[2] < -800.0
    assert (model.predict_proba(far)[:2, 1] == 1.0).all()
    forest = wrapped(RandomForestClassifier(2)).fit(X, y)
    assert np.abs(forest.decision_function(far)).max() == pytest.approx(708.4, abs=0.1)


def test_neither_threads_nor_a_progress_bar_change_a_bit(toy, monkeypatch):
    X, y, w = toy
    monkeypatch.setattr(_variant_mean, "ROWS", 64)
    model = wrapped(LogisticRegression()).fit(X, y, w)
    p, z = model.predict_proba(X), model.decision_function(X)
    np.testing.assert_allclose(p, brute_force(model, X, "predict_proba"), rtol=1e-12)
    model.set_params(n_jobs=2, verbose=1)
    np.testing.assert_array_equal(model.predict_proba(X), p)
    np.testing.assert_array_equal(model.decision_function(X), z)


def test_one_class_is_predicted_as_it_is(toy):
    X = toy[0]
    model = wrapped(DummyClassifier()).fit(X, np.full(300, "b"))
    assert set(model.predict(X)) == {"b"}
