"""Scorers of a parameter `scoring`: which they are, what they get and need."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, get_scorer, make_scorer, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from skhep_dnn.exceptions import UnweightedScoreWarning
from skhep_dnn.metrics import (
    make_significance_scorer,
    weighted_roc_auc,
    weighted_scorer,
)
from skhep_dnn.model_selection._scoring import (
    as_scoring,
    given_params,
    lacks_classes,
    score_of,
    works_on_predictions,
)


def unweighted(estimator, X, y):
    return estimator.score(X, y)


def weighted(estimator, X, y, sample_weight=None):
    return estimator.score(X, y, sample_weight)


def two_scores(estimator, X, y):
    return {"first": 1, "second": np.float32(0.5)}


def of_anything(*_, **params):
    return 1.0


def n_arguments(*arguments):
    return len(arguments)


def share_of_signal(y_true, y_pred):
    return np.mean(y_pred == "s")


class Scored(BaseEstimator):
    """Has a score of its own, and no other method."""

    def fit(self, *_):
        return self

    def score(self, X, *_, sample_weight=None):
        return len(X) if sample_weight is None else np.sum(sample_weight)


# Which scorers.


@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("name", ["roc_auc", "accuracy", "balanced_log_loss"])
def test_a_name_is_the_weighted_scorer_of_a_classifier(name, is_weighted):
    scoring = as_scoring(name, LogisticRegression(), is_weighted=is_weighted)
    expected = weighted_scorer(name, unit_weights=not is_weighted)
    assert repr(scoring.scorers["score"]) == repr(expected)
    assert not scoring.is_multimetric


def test_other_names_are_those_of_scikit_learn():
    scoring = as_scoring("recall_micro", LogisticRegression(), is_weighted=True)
    assert repr(scoring.scorers["score"]) == repr(get_scorer("recall_micro"))
    scoring = as_scoring("r2", LinearRegression(), is_weighted=True)
    assert repr(scoring.scorers["score"]) == repr(get_scorer("r2"))
    with pytest.raises(ValueError, match="'auc'"):
        as_scoring("auc", LogisticRegression(), is_weighted=True)


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (LogisticRegression(), "weighted_scorer('balanced_log_loss')"),
        (make_pipeline(LogisticRegression()), "weighted_scorer('balanced_log_loss')"),
        (Ridge(), repr(get_scorer("r2"))),
        (make_pipeline(StandardScaler(), Ridge()), repr(get_scorer("r2"))),
        (Scored(), "Scored.score"),
        (KMeans(), "KMeans.score"),
    ],
)
def test_without_any_each_kind_of_estimator_has_its_own(estimator, expected):
    scoring = as_scoring(None, estimator, is_weighted=True)
    assert repr(scoring.scorers["score"]) == expected


def test_several_have_names():
    of_list = as_scoring(["roc_auc", "accuracy"], SVC(), is_weighted=True)
    assert list(of_list.scorers) == ["roc_auc", "accuracy"]
    of_tuple = as_scoring(("roc_auc",), SVC(), is_weighted=True)
    assert of_tuple.is_multimetric
    of_dict = as_scoring({"a": "roc_auc", "b": two_scores}, SVC(), is_weighted=True)
    assert repr(of_dict.scorers["a"]) == "weighted_scorer('roc_auc')"
    assert of_dict.scorers["b"] is two_scores


@pytest.mark.parametrize("scoring", [[], {}, 3, [two_scores], {1: "roc_auc"}])
def test_what_is_no_scoring_is_refused(scoring):
    with pytest.raises(ValueError, match=r"`scoring` must be a name, .*Pass such as"):
        as_scoring(scoring, LogisticRegression(), is_weighted=True)


@pytest.mark.parametrize("metric", [roc_auc_score, weighted_roc_auc])
def test_a_metric_is_no_scorer(metric):
    for scoring in (metric, {"a": metric}):
        with pytest.raises(ValueError, match=f"got the metric '{metric.__name__}' of"):
            as_scoring(scoring, LogisticRegression(), is_weighted=True)


# What they get.


@pytest.mark.parametrize("scoring", [unweighted, {"a": unweighted, "b": "roc_auc"}])
@pytest.mark.parametrize("routing", [False, True])
def test_a_function_without_weights_warns(scoring, routing):
    with (
        sklearn.config_context(enable_metadata_routing=routing),
        pytest.warns(UnweightedScoreWarning, match="or give the function a param"),
    ):
        as_scoring(
            scoring, LogisticRegression(), is_weighted=True
        ).check_takes_weights()


@pytest.mark.parametrize(
    ("scoring", "estimator"),
    [
        ("roc_auc", LogisticRegression()),
        (weighted, LogisticRegression()),
        (of_anything, LogisticRegression()),
        ("r2", Ridge()),
        (None, Scored()),
        (make_scorer(accuracy_score), LogisticRegression()),
    ],
)
def test_what_takes_weights_does_not(scoring, estimator):
    as_scoring(scoring, estimator, is_weighted=True).check_takes_weights()


@pytest.mark.parametrize(
    ("scoring", "estimator"),
    [
        (make_scorer(share_of_signal), LogisticRegression()),
        ("neg_max_error", Ridge()),
        (None, PCA()),
    ],
)
def test_a_scorer_without_weights_is_refused(scoring, estimator):
    scoring = as_scoring({"a": scoring} if scoring else None, estimator, is_weighted=1)
    with pytest.raises(TypeError, match="must take `sample_weight` to score weighted"):
        scoring.check_takes_weights()


def test_without_routing_each_gets_weights_that_takes_them(toy_events):
    X, y, weights = toy_events
    weights = np.abs(weights)
    model = LogisticRegression().fit(X, y)
    params = {"sample_weight": weights, "other": 1}
    assert set(given_params(weighted, params)) == {"sample_weight"}
    assert given_params(unweighted, params) == {}
    for scorer in (weighted, weighted_scorer("accuracy"), get_scorer("accuracy")):
        found = score_of("a", scorer, model, X, y, params)
        assert found == {"a": pytest.approx(model.score(X, y, weights), rel=1e-12)}
    assert score_of("a", unweighted, model, X, y, params) == {"a": model.score(X, y)}


def test_with_routing_the_requests_decide(toy_events):
    X, y, weights = toy_events
    weights = np.abs(weights)
    model = LogisticRegression().fit(X, y)
    with sklearn.config_context(enable_metadata_routing=True):
        of_events = make_scorer(accuracy_score).set_score_request(sample_weight=False)
        renamed = make_scorer(accuracy_score).set_score_request(sample_weight="w")
        params = {"sample_weight": np.ones(400), "w": weights}
        for scorer, expected in [
            (of_events, model.score(X, y)),
            (renamed, model.score(X, y, weights)),
            (weighted_scorer("accuracy"), model.score(X, y)),
        ]:
            found = score_of("a", scorer, model, X, y, params)
            assert found == {"a": pytest.approx(expected, rel=1e-12)}


def test_of_a_dictionary_the_scores_have_its_names():
    assert score_of("a", two_scores, None, [[0]], [0], {}) == {
        "first": 1.0,
        "second": 0.5,
    }
    with pytest.raises(ValueError, match="'a' must return a number, got 'good'"):
        score_of("a", lambda *_: "good", None, [[0]], [0], {})


def test_without_labels_a_scorer_gets_none():
    scorer = as_scoring(None, Scored(), is_weighted=True).scorers["score"]
    assert score_of("score", scorer, Scored(), [[0], [1]], None, {}) == {"score": 2.0}
    params = {"sample_weight": [1.0, 3.0]}
    assert score_of("a", scorer, Scored(), [[0], [1]], None, params) == {"a": 4.0}
    assert score_of("a", n_arguments, None, [[0]], None, {}) == {"a": 2.0}


# What they need.


@pytest.mark.parametrize(
    ("scoring", "expected"),
    [
        ("roc_auc", ("decision_function",)),
        ("balanced_log_loss", ("decision_function", "predict_proba")),
        (["accuracy"], ("decision_function", "predict")),
        (unweighted, ("decision_function", "predict_proba", "predict")),
        (
            ["accuracy", "neg_log_loss"],
            ("decision_function", "predict_proba", "predict"),
        ),
    ],
)
def test_the_methods_of_the_scorers_and_the_decision_function(scoring, expected):
    model = LogisticRegression()
    assert as_scoring(scoring, model, is_weighted=True).methods(model) == expected


def test_a_method_that_the_model_lacks_is_an_error_about_the_model():
    scoring = as_scoring(None, LinearSVC(), is_weighted=False)
    with pytest.raises(AttributeError, match=r"LinearSVC has none of .* predict_proba"):
        scoring.methods(LinearSVC())


def test_which_work_on_predictions():
    assert works_on_predictions(weighted_scorer("roc_auc"))
    assert works_on_predictions(get_scorer("r2"))
    assert works_on_predictions(unweighted) is None
    own = as_scoring(None, Scored(), is_weighted=False).scorers["score"]
    assert works_on_predictions(own) is False


# Of parts of a sample.


@pytest.mark.parametrize("labels", [np.asarray, list, pd.Series])
def test_carried_weights_are_found_by_the_index_of_the_events(toy_events, labels):
    X, y, weights = toy_events
    X = X.set_axis([f"event {i}" for i in range(400)])
    carried = pd.Series(weights, index=X.index).sample(frac=1.0, random_state=0)
    scorer = make_significance_scorer(sample_weight=carried)
    scoring = as_scoring(scorer, LogisticRegression(), is_weighted=False)
    known = scoring.for_sample(labels(y), None, X).scorers["score"]._score_func
    assert known.signal_yield == pytest.approx(weights[y == "s"].sum(), rel=1e-12)
    assert known.background_yield == pytest.approx(weights[y == "b"].sum(), rel=1e-12)


def test_without_labels_there_is_no_yield():
    scoring = as_scoring(None, KMeans(), is_weighted=False)
    assert scoring.for_sample(None, None) is scoring


@pytest.mark.parametrize(
    ("y", "lacks"),
    [
        (["b", "s"], False),
        (pd.Series(["s", "s"]), True),
        (np.array(["s", "x"]), False),
        (np.array(["x", "x"]), False),
    ],
)
def test_a_class_without_events_is_not_an_unknown_one(y, lacks):
    model = LogisticRegression().fit([[0.0], [1.0]], ["b", "s"])
    assert lacks_classes(model, y, None) == lacks
    assert not lacks_classes(LinearRegression().fit([[0.0]], [1.0]), y, None)


def test_a_class_whose_events_have_no_weight_is_lacking():
    model = LogisticRegression().fit([[0.0], [1.0]], ["b", "s"])
    assert not lacks_classes(model, ["b", "s"], [1.0, -1.0])
    assert lacks_classes(model, ["b", "s"], [1.0, 0.0])


def test_nothing_is_said_where_nothing_is_wrong(toy_events):
    X, y, weights = toy_events
    model = LogisticRegression().fit(X, y)
    scoring = as_scoring(["roc_auc", "accuracy"], model, is_weighted=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = scoring(model, X, y, {"sample_weight": weights})
    assert list(scores) == ["roc_auc", "accuracy"]
