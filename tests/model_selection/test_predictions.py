"""Kept predictions: the methods they have, and what scorers find in them."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.svm import LinearSVC
from sklearn.utils import get_tags

from skhep_dnn.metrics import make_significance_scorer, weighted_scorer
from skhep_dnn.model_selection import KeptPredictions
from skhep_dnn.model_selection._predictions import RESPONSE_METHODS


def keep(model, X, methods=RESPONSE_METHODS):
    kept = {name: getattr(model, name)(X) for name in methods if hasattr(model, name)}
    return KeptPredictions(kept, getattr(model, "classes_", None), get_tags(model))


@pytest.fixture
def fitted(toy_events):
    X, y, weights = toy_events
    return LogisticRegression().fit(X, y), X, y, weights


@pytest.mark.parametrize(
    "methods", [RESPONSE_METHODS, ("decision_function",), ("predict", "predict_proba")]
)
def test_it_has_the_methods_whose_results_it_keeps_and_no_others(fitted, methods):
    model, X, *_ = fitted
    kept = keep(model, X, methods)
    for method in RESPONSE_METHODS:
        assert hasattr(kept, method) == (method in methods)
    for method in methods:
        np.testing.assert_array_equal(
            getattr(kept, method)(X), getattr(model, method)(X)
        )
    assert len(kept) == len(X)
    assert repr(kept) == f"<{', '.join(methods)} of 400 events>"


@pytest.mark.parametrize(
    "X", [[[0.0]] * 400, np.empty((400, 0)), pd.DataFrame(index=range(400))]
)
def test_what_the_events_are_is_not_looked_at(fitted, X):
    model, events, *_ = fitted
    found = keep(model, events).predict(X)
    np.testing.assert_array_equal(found, model.predict(events))


def test_another_number_of_events_is_refused(fitted):
    model, X, *_ = fitted
    kept = keep(model, X)
    for method in RESPONSE_METHODS:
        with pytest.raises(ValueError, match=r"the 400 events whose .*, got 3\. Take"):
            getattr(kept, method)(X[:3])


def test_some_events_can_be_taken_more_than_once_and_in_any_order(fitted):
    model, X, *_ = fitted
    rows = np.array([7, 7, 0, 399])
    part = keep(model, X).take(rows)
    assert len(part) == 4
    for method in RESPONSE_METHODS:
        np.testing.assert_array_equal(
            getattr(part, method)(X.iloc[rows]), getattr(model, method)(X.iloc[rows])
        )
    assert is_classifier(part)
    np.testing.assert_array_equal(part.classes_, ["b", "s"])


@pytest.mark.parametrize("model", [LinearSVC(), LinearRegression()])
def test_it_is_of_the_kind_of_its_models(toy_events, model):
    X, y, _ = toy_events
    kept = keep(model.fit(X, np.where(y == "s", 1.0, 0.0)), X)
    assert is_classifier(kept) == is_classifier(model)
    assert is_regressor(kept) == is_regressor(model)
    assert hasattr(kept, "classes_") == is_classifier(model)


@pytest.mark.parametrize(
    "scorer",
    [
        weighted_scorer("roc_auc"),
        weighted_scorer("roc_auc", pos_label="b"),
        weighted_scorer("balanced_log_loss"),
        weighted_scorer("accuracy"),
        make_significance_scorer(signal_yield=5.0, background_yield=200.0),
        make_significance_scorer(at=0.3, signal_yield=5.0, background_yield=200.0),
    ],
    ids=repr,
)
def test_scorers_find_in_them_what_they_find_in_the_model(fitted, scorer):
    model, X, y, weights = fitted
    found = scorer(keep(model, X), X, y, sample_weight=weights)
    assert found == scorer(model, X, y, sample_weight=weights)


@pytest.mark.parametrize(
    "name", ["roc_auc", "neg_log_loss", "accuracy", "f1_macro", "average_precision"]
)
def test_scorers_of_scikit_learn_as_well(fitted, name):
    model, X, y, _ = fitted
    is_signal = (y == "s").astype(int)
    model.classes_ = np.array([0, 1])
    scorer = get_scorer(name)
    assert scorer(keep(model, X), X, is_signal) == scorer(model, X, is_signal)


def test_a_copy_by_pickle_has_all_of_it(fitted):
    model, X, *_ = fitted
    kept = keep(model, X, ("decision_function", "predict"))
    copied = pickle.loads(pickle.dumps(kept))
    np.testing.assert_array_equal(copied.predict(X), kept.predict(X))
    np.testing.assert_array_equal(copied.classes_, kept.classes_)
    assert not hasattr(copied, "predict_proba")
    assert is_classifier(copied)
    assert repr(copied) == repr(kept)


def test_of_nothing_there_are_no_events():
    kept = KeptPredictions({}, None, get_tags(LinearRegression()))
    assert len(kept) == 0
    assert not hasattr(kept, "predict")
