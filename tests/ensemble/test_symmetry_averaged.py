"""The classifier in scikit-learn's machinery: searches, storage, tags, messages."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import estimator_html_repr, get_tags

from skhep_dnn.ensemble import SymmetryAveragedClassifier
from skhep_dnn.exceptions import MissingWeightsError, WeightsError
from skhep_dnn.metrics import weighted_scorer

TREES = HistGradientBoostingClassifier(max_iter=3, max_bins=15)


def wrapped(estimator=None, **options):
    default = {"n_copies": 2, "random_state": 0}
    model = DecisionTreeClassifier(max_depth=3) if estimator is None else estimator
    return SymmetryAveragedClassifier(model, **default | options)


def data_of(events):
    return events.data, events.target, np.abs(events.sample_weight)


def test_a_grid_search_reaches_the_estimator_with_weights(events):
    X, y, w = data_of(events)
    grid = {"estimator__max_depth": [1, 3], "augmenter": [None]}
    search = GridSearchCV(wrapped(), grid, scoring=weighted_scorer("roc_auc"), cv=2)
    search.fit(X, y, sample_weight=w)
    best = search.best_estimator_
    assert best.estimator_.max_depth == search.best_params_["estimator__max_depth"]
    assert 0.0 < search.best_score_ < 1.0


def test_cross_validation_with_carried_weights_and_with_routing(events):
    X, y, w = data_of(events)
    carried = weighted_scorer("roc_auc", sample_weight=pd.Series(w, index=X.index))
    weights = {"params": {"sample_weight": w}, "cv": 3}
    expected = cross_val_score(wrapped(), X, y, scoring=carried, **weights)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = weighted_scorer("roc_auc")
        routed = cross_val_score(wrapped(), X, y, scoring=scorer, **weights)
    np.testing.assert_array_equal(routed, expected)


def test_calibration_goes_around_it(events):
    X, y, w = data_of(events)
    model = CalibratedClassifierCV(wrapped(TREES), cv=2).fit(X, y, sample_weight=w)
    assert model.predict_proba(X).shape == (400, 2)


def test_clones_and_copies_predict_the_same(events):
    X, y, w = data_of(events)
    model = wrapped().fit(X, y, w)
    p = model.predict_proba(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), p)
    np.testing.assert_array_equal(clone(model).fit(X, y, w).predict_proba(X), p)
    assert not hasattr(model.estimator, "tree_")
    assert model.get_params()["estimator__max_depth"] == 3


def test_what_is_passed_in_is_not_changed(events):
    X, y, w = data_of(events)
    before = X.copy(), y.copy(), w.copy()
    wrapped().fit(X, y, w).predict(X)
    pd.testing.assert_frame_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])
    np.testing.assert_array_equal(w, before[2])


def test_a_table_of_polars_is_one_of_pandas(events):
    X, y, w = data_of(events)
    model = wrapped(TREES).fit(X, y, w)
    other = wrapped(TREES).fit(pl.from_pandas(X), y, w)
    np.testing.assert_array_equal(
        other.predict_proba(pl.from_pandas(X)), model.predict_proba(X)
    )


def test_the_score_is_the_weighted_accuracy(events):
    X, y, w = data_of(events)
    model = wrapped().fit(X, y, w)
    right = model.predict(X) == y
    assert model.score(X, y, w) == pytest.approx(w[right].sum() / w.sum())
    with pytest.raises(WeightsError, match="must sum to more than zero, got -"):
        model.score(X, y, -w)


def test_tags_are_those_of_the_estimator():
    assert get_tags(wrapped(TREES)).input_tags.allow_nan
    assert not get_tags(wrapped(LogisticRegression())).input_tags.allow_nan
    assert get_tags(wrapped(TREES)).estimator_type == "classifier"


def test_the_html_shows_the_estimator():
    assert "DecisionTreeClassifier" in estimator_html_repr(wrapped())


def test_what_is_no_classifier_is_refused(events, recorders):
    X, y, w = data_of(events)
    with pytest.raises(TypeError, match="must be a classifier, got LinearRegression"):
        wrapped(LinearRegression()).fit(X, y, w)

    class Labels(recorders[0]):
        predict_proba = property()  # not there

    with pytest.raises(TypeError, match="must have `predict_proba` or `decision_fun"):
        wrapped(Labels()).fit(X, y, w)


@pytest.mark.parametrize("n_classes", [3, 4])
def test_decisions_of_pairs_of_classes_are_refused(events, n_classes):
    X = events.data.fillna(0.0)
    y = np.arange(len(X)) % n_classes
    with pytest.raises(ValueError, match=r"'ovo', that of each pair. Set it to 'ovr'"):
        wrapped(SVC(decision_function_shape="ovo")).fit(X, y)
    model = wrapped(SVC()).fit(X, y)
    assert model.decision_function(X).shape == (len(X), n_classes)
    binary = wrapped(SVC(decision_function_shape="ovo")).fit(X, events.target)
    assert set(binary.predict(X)) <= set(events.target)


def test_probabilities_are_there_if_the_estimator_has_them():
    assert hasattr(wrapped(), "predict_proba")
    assert not hasattr(wrapped(LinearSVC()), "predict_proba")
    with pytest.raises(NotFittedError):
        wrapped().predict_proba([[1.0]])
    with pytest.raises(NotFittedError):
        wrapped().decision_function([[1.0]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X_val": "X"}, "`y_val` must not be None"),
        ({"y_val": "y"}, "`X_val` must not be None"),
        ({"sample_weight_val": "w"}, "must come with `X_val` and `y_val`"),
        ({"X_val": "X", "y_val": "other"}, "`y_val` must hold the labels"),
    ],
)
def test_a_validation_sample_is_checked(events, arguments, message):
    X, y, w = data_of(events)
    values = {"X": X, "y": y, "w": w, "other": np.full(400, "c")}
    passed = {name: values[value] for name, value in arguments.items()}
    with pytest.raises(ValueError, match=message):
        wrapped(TREES).fit(X, y, **passed)


def test_a_validation_sample_without_weights_is_refused(events):
    X, y, w = data_of(events)
    held_out = {"X_val": X, "y_val": y}
    with pytest.raises(MissingWeightsError, match="`sample_weight_val` must come"):
        wrapped(TREES).fit(X, y, w, **held_out)
    wrapped(TREES).fit(X, y, **held_out, sample_weight_val=w)


def test_too_few_events_to_hold_out_are_refused(events):
    X = events.data
    trees = HistGradientBoostingClassifier(early_stopping=True)
    with pytest.raises(ValueError, match="`validation_fraction` must leave events of"):
        wrapped(trees).fit(X[:5], ["b", "b", "b", "b", "s"])
